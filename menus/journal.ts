/** ^JOURNAL: the thirteen entries of the original, numbers and labels kept. There is one journal, the mirror's. */
import type { Menu } from './menu.ts';
import { wording } from './wording.ts';

const time = {
  kind: 'text',
  pattern: '^([0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,3})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?)?$',
  expected: 'a time as 2026-01-31T12:00:00, or RETURN',
} as const;
const notAvailable = {
  label: wording.notAvailable,
  help: 'Not on this kind of instance, in the original either.',
  leadsTo: 'not-here',
} as const;
const confirm = {
  kind: 'yes-no',
  name: 'confirm',
  text: 'Do you want to continue?',
  help: 'Yes does it; anything else changes nothing.',
  default: '<No>',
} as const;

export const journalRoutine: Menu = {
  title: '^JOURNAL',
  options: [
    {
      label: 'Begin Journaling (^JRNSTART)',
      help: 'Journaling begins with the instance and goes on as long as it runs.',
      leadsTo: 'not-here',
    },
    {
      label: 'Stop Journaling (^JRNSTOP)',
      help: 'A mirror lives by its journal: it cannot be stopped.',
      leadsTo: 'not-here',
    },
    {
      label: 'Switch Journal File (^JRNSWTCH)',
      help: 'Begins a new mirror journal file; the other members follow. It is also done by itself at midnight and when a file is full.',
      runsOn: ['primary'],
      leadsTo: {
        kind: 'perform',
        command: 'switch-journal',
        questions: [],
        summary: 'begin a new journal file of mirror {mirror}',
        confirm,
      },
    },
    {
      label: 'Restore Globals From Journal (^JRNRESTO)',
      help: 'Applies a journal by hand. Here databases are caught up instead (12).',
      leadsTo: 'not-built',
    },
    {
      label: 'Display Journal File (^JRNDUMP)',
      help: 'Lists the mirror journal files and shows the records of one or of all, those of a global, value, database or time. Changes nothing.',
      leadsTo: {
        kind: 'journal-records',
        file: {
          name: 'file',
          text: 'Journal file, * for all?',
          help: 'The number or the beginning of a name; RETURN takes the newest.',
        },
        select: {
          kind: 'yes-no',
          name: 'select',
          text: 'Do you want to select records?',
          help: 'Yes asks for global, value, database and time; No shows all.',
          default: '<No>',
        },
        questions: [
          {
            kind: 'text',
            name: 'global',
            when: 'select',
            text: 'Global, RETURN for all?',
            help: 'A global as ^CITY, or a node and all below it as ^CITY("FR").',
            pattern: '^[^\\x00-\\x1f]{0,500}$',
            expected: 'a global as ^CITY("FR"), or RETURN',
          },
          {
            kind: 'text',
            name: 'value',
            when: 'select',
            text: 'Text that is in the value, RETURN for any?',
            help: 'Sets whose value holds this text.',
            pattern: '^[^\\x00-\\x1f]{0,500}$',
            expected: 'a text, or RETURN',
          },
          {
            kind: 'text',
            name: 'database',
            when: 'select',
            text: 'Mirror DB Name, RETURN for all?',
            help: 'Its name in the mirror.',
            pattern: '^([A-Za-z_][A-Za-z0-9_-]{0,63})?$',
            expected: 'the name of a mirrored database, or RETURN',
          },
          {
            ...time,
            name: 'from',
            when: 'select',
            text: 'From time, RETURN for the beginning?',
            help: 'The clock of the primary that wrote the record, in the time zone of this host unless a zone is given.',
          },
          { ...time, name: 'to', when: 'select', text: 'To time, RETURN for the end?', help: 'As the one before.' },
        ],
      },
    },
    {
      label: 'Purge Journal Files (PURGE^JOURNAL)',
      help: 'Removes the files that no member, database and rule needs any more. It is done by itself all the time.',
      leadsTo: {
        kind: 'perform',
        command: 'purge-journal',
        questions: [],
        summary: 'remove the mirror journal files of this member that nobody needs any more',
        confirm,
      },
    },
    {
      label: 'Edit Journal Properties (^JRNOPTS)',
      help: 'The directory in which files are begun while the journal directory has no room. How long files are kept is a setting of the mirror.',
      leadsTo: {
        kind: 'perform',
        command: 'edit-journal',
        questions: [
          {
            kind: 'text',
            name: 'alternateDirectory',
            text: 'Alternate journal directory (none = without)?',
            label: 'Alternate journal directory',
            help: 'An absolute path, on another disk. It counts from the next start of the instance on.',
            defaultFrom: 'presentAlternateJournal',
            pattern: '^(none|/[^\\x00-\\x1f]{1,1000})$',
            expected: 'an absolute path, which begins with /, or none',
          },
        ],
        summary: 'change the journal properties of this instance',
        confirm: { ...confirm, text: 'Save these settings?' },
      },
    },
    {
      label: 'Activate or Deactivate Journal Encryption (ENCRYPT^JOURNAL())',
      help: 'Keys of journal files.',
      leadsTo: 'not-built',
    },
    {
      label: 'Display Journal status (Status^JOURNAL)',
      help: 'The present file, the files that are kept and for whom, and room on the disk. Changes nothing.',
      leadsTo: { kind: 'screen', screen: 'journal-status' },
    },
    notAvailable,
    notAvailable,
    {
      label: 'Journal catch-up for mirrored databases (MirrorCatchup^JRNRESTO)',
      help: 'Activates mirrored databases that were restored or copied here and brings them up to date.',
      runsOn: ['backup', 'dr', 'reporting'],
      leadsTo: {
        kind: 'databases',
        command: 'catch-up-databases',
        pick: {
          kind: 'databases',
          name: 'databases',
          text: 'Enter database, * for all, ? for a list or to end list?',
          textForMore: 'Enter database or to end list?',
          help: 'The number or the beginning of a name.',
          which: 'needs-catch-up',
          heading: 'Specify the list of mirrored databases you want to catch-up.',
          none: 'No mirrored database needs activation or catchup.',
        },
        each: [],
        summary: 'activate and catch up {databases}',
        confirm,
      },
    },
    {
      label: 'Switch Journaling to Secondary Directory (SWDIR^JOURNAL)',
      help: 'Here the alternate directory (7) is used by itself while the journal directory has no room, and left by itself.',
      leadsTo: 'not-here',
    },
  ],
};
