/** ^DATABASE: the fifteen entries of the original, numbers and labels kept, and the fields of a database (DB-017). */
import type { Menu, Question, TextQuestion } from './menu.ts';

const confirm = {
  kind: 'yes-no',
  name: 'confirm',
  text: 'Do you want to continue?',
  help: 'Yes does it; anything else changes nothing.',
  default: '<No>',
} as const;

const pick = {
  kind: 'databases',
  name: 'databases',
  text: 'Enter database, * for all, ? for a list, RETURN to end list?',
  textForMore: 'Enter database or RETURN to end list?',
  help: 'The number or the beginning of a name.',
} as const;

const maximumSize: Question = {
  kind: 'number',
  name: 'maximumMegabytes',
  text: 'Maximum Size (MB), 0 for no limit?',
  label: 'Maximum Size (MB)',
  help: 'The most the database may have. When it is full, it stops taking updates.',
  defaultFrom: 'presentMaximumSize',
  default: '<0>',
  min: 0,
  max: 16_000_000,
};

const journaled: Question = {
  kind: 'yes-no',
  name: 'journaled',
  text: 'Global Journal State?',
  label: 'Global Journal State',
  help: 'Yes: updates are journaled. A mirrored database always is.',
  defaultFrom: 'presentJournaled',
  default: '<Yes>',
};

const mirrorDatabase: TextQuestion = {
  kind: 'text',
  name: 'mirrorDatabase',
  text: 'Mirror DB Name?',
  label: 'Mirror DB Name',
  help: 'Makes it a database of the mirror, under this name on all members; RETURN: an ordinary one.',
  pattern: '^([A-Za-z_][A-Za-z0-9_-]{0,63})?$',
  expected: 'a letter or underscore, then letters, digits, hyphens and underscores; or RETURN',
  upperCase: true,
};

/** DB-060. */
const addToMirror: TextQuestion = {
  ...mirrorDatabase,
  name: 'mirrored',
  label: 'Add to Mirror {mirror}',
  help: 'Adds the database with its data to the mirror, under this name on all members. ^ leaves it as it is.',
  defaultFrom: 'localName',
  pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$',
  expected: 'a letter or underscore, then letters, digits, hyphens and underscores',
};

const mountRequired: Question = {
  kind: 'yes-no',
  name: 'mountRequired',
  text: 'Mount Required at Startup?',
  label: 'Mount Required at Startup',
  help: 'Yes: while it is not mounted and caught up, this member does not become primary.',
  defaultFrom: 'presentMountRequired',
  default: '<No>',
};

const expansionSize: Question = {
  kind: 'number',
  name: 'expansionMegabytes',
  text: 'Expansion Size (MB), 0 as the system chooses?',
  label: 'Expansion Size (MB)',
  help: 'By how much it grows. Kept for the other members; here a database grows by itself.',
  defaultFrom: 'presentExpansionSize',
  default: '<0>',
  min: 0,
  max: 16_000_000,
};

const resource: Question = {
  kind: 'text',
  name: 'resource',
  text: 'Resource Name?',
  label: 'Resource Name',
  help: 'Name of the resource that guards the database.',
  defaultFrom: 'presentResource',
  default: '%DB_%DEFAULT',
  pattern: '^[A-Za-z%][A-Za-z0-9_%-]{0,63}$',
  expected: 'a letter or %, then letters, digits, %, hyphens and underscores',
  upperCase: true,
};

export const databaseRoutine: Menu = {
  title: '^DATABASE',
  options: [
    {
      label: 'Create a database',
      help: 'Makes a database; with a Mirror DB Name, on the primary first, then on the other members.',
      leadsTo: {
        kind: 'create-database',
        command: 'create-database',
        directory: {
          kind: 'text',
          name: 'directory',
          text: 'Database directory?',
          help: 'Where it is made: an absolute path. The directory is made if it is not there.',
          pattern: '^/[^\\x00-\\x1f]{0,1000}$',
          expected: 'an absolute path, which begins with /',
        },
        change: {
          kind: 'yes-no',
          name: 'change',
          text: 'Change default database properties?',
          help: 'Yes shows them as numbered fields. Mirror DB Name is one of them.',
          default: '<No>',
        },
        fields: [maximumSize, journaled, mirrorDatabase, mountRequired, expansionSize, resource],
        dataset: {
          kind: 'text',
          name: 'database',
          text: 'Dataset name of this database in the configuration:',
          help: 'Its name on this instance.',
          defaultFrom: 'datasetName',
          pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$',
          expected: 'a letter or underscore, then letters, digits, hyphens and underscores',
          upperCase: true,
        },
        summary: 'create database {database} in {directory}',
        confirm,
      },
    },
    {
      label: 'Edit a database',
      help: 'Changes properties of databases. Sizes and resource of a mirrored one are changed on the primary; the other members follow.',
      leadsTo: {
        kind: 'edit-fields',
        command: 'edit-database',
        pick: {
          ...pick,
          which: 'any',
          heading: 'Databases of this instance:',
          none: 'There is no database on this instance.',
        },
        fields: [maximumSize, journaled, mountRequired, expansionSize, resource],
        addToMirror,
        summary: 'change database {database}',
        confirm,
      },
    },
    {
      label: 'List databases',
      help: 'All databases of this instance, their status and their size.',
      leadsTo: { kind: 'screen', screen: 'databases' },
    },
    {
      label: 'Delete a database',
      help: 'Deletes ordinary databases with all their data. A mirrored one is removed from the mirror first.',
      leadsTo: {
        kind: 'databases',
        command: 'delete-database',
        pick: {
          ...pick,
          which: 'ordinary',
          heading: 'Databases that can be deleted:',
          none: 'There is no database that can be deleted.',
        },
        each: [],
        summary: 'delete {databases} with all data',
        confirm,
      },
    },
    {
      label: 'Mount a database',
      help: 'Mounts databases. A copy of a mirrored one has become stale; it can be caught up at once.',
      leadsTo: {
        kind: 'databases',
        command: 'mount-database',
        pick: {
          ...pick,
          which: 'dismounted',
          heading: 'Databases that are not mounted:',
          none: 'All databases are mounted.',
        },
        each: [
          {
            kind: 'yes-no',
            name: 'catchUp',
            text: 'Catch up {localName} after it is mounted?',
            help: 'No: it stays as it was until it is caught up by hand.',
            when: 'isMirroredCopy',
            default: '<Yes>',
          },
        ],
        summary: 'mount {databases}',
        confirm,
      },
    },
    {
      label: 'Dismount a database',
      help: 'Dismounts databases. A copy of a mirrored one goes stale; on the primary a mirrored one cannot be dismounted.',
      leadsTo: {
        kind: 'databases',
        command: 'dismount-database',
        pick: { ...pick, which: 'mounted', heading: 'Databases that are mounted:', none: 'No database is mounted.' },
        each: [],
        summary: 'dismount {databases}',
        confirm,
      },
    },
    { label: 'Compact globals in a database', help: 'Moves globals together.', leadsTo: 'not-built' },
    { label: 'Show free space for a database', help: 'What is left in its file.', leadsTo: 'not-built' },
    {
      label: 'Show details for a database',
      help: 'All that is known of databases. Changes nothing.',
      leadsTo: {
        kind: 'database-details',
        pick: {
          ...pick,
          which: 'any',
          heading: 'Databases of this instance:',
          none: 'There is no database on this instance.',
        },
      },
    },
    {
      label: 'Recreate a database',
      help: 'Empties databases and keeps their names and sizes. A mirrored one is recreated on the primary, then on the backup, then on the asyncs: copies that are left out are obsolete.',
      leadsTo: {
        kind: 'databases',
        command: 'recreate-database',
        pick: { ...pick, which: 'mounted', heading: 'Databases that are mounted:', none: 'No database is mounted.' },
        each: [],
        summary: 'recreate {databases}: all data in it are deleted for good',
        confirm,
      },
    },
    { label: 'Manage database encryption', help: 'Keys of databases.', leadsTo: 'not-built' },
    { label: 'Return unused space for a database', help: 'Makes its file smaller.', leadsTo: 'not-built' },
    { label: 'Compact freespace in a database', help: 'Moves free space to the end.', leadsTo: 'not-built' },
    { label: 'Defragment a database', help: 'Reorders its blocks.', leadsTo: 'not-built' },
    { label: 'Show background database tasks', help: 'Work of this routine that goes on.', leadsTo: 'not-built' },
  ],
};
