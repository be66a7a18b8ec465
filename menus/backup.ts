/** ^BACKUP and ^DBREST: copies of databases while they are in use, and copies that take their places again. */
import type { Menu, Option, TextQuestion } from './menu.ts';

const source: TextQuestion = {
  kind: 'text',
  name: 'from',
  text: 'Device:',
  help: 'The directory that a backup was made to: an absolute path.',
  pattern: '^/[^\\x00-\\x1f]{1,1000}$',
  expected: 'an absolute path, which begins with /',
};

const restore = {
  kind: 'restore',
  command: 'restore-databases',
  device: source,
  limit: {
    kind: 'yes-no',
    name: 'limit',
    text: 'Limit restore to mirrored databases?',
    help: 'Yes leaves out what was not in the mirror there.',
    default: '<Yes>',
  },
  confirm: {
    kind: 'yes-no',
    name: 'confirm',
    text: 'Do you want to continue?',
    help: 'Yes does it; anything else changes nothing.',
    default: '<No>',
  },
} as const;

const restoreHelp =
  'Copies take the places of the databases here. Copies of mirrored databases are activated and caught up.';

const restoreAll: Pick<Option, 'help' | 'leadsTo'> = {
  help: `${restoreHelp} All databases of the backup.`,
  leadsTo: { ...restore, selected: false },
};

const restoreSelected: Pick<Option, 'help' | 'leadsTo'> = {
  help: `${restoreHelp} Each is asked for, and may get another name here.`,
  leadsTo: { ...restore, selected: true },
};

const volume: Pick<Option, 'help' | 'leadsTo'> = {
  help: 'Where and when a backup was made, and what it holds. Changes nothing.',
  leadsTo: { kind: 'backup-volume', device: source },
};

export const backupRoutine: Menu = {
  title: '^BACKUP',
  options: [
    {
      label: 'Backup',
      help: 'Copies databases, while they are in use, into a new directory.',
      leadsTo: {
        kind: 'backup',
        command: 'backup-databases',
        pick: {
          kind: 'databases',
          name: 'databases',
          text: 'Enter database, * for all, ? for a list, RETURN to end list?',
          textForMore: 'Enter database or RETURN to end list?',
          help: 'The number or the beginning of a name.',
          which: 'mounted',
          heading: 'Databases that can be backed up:',
          none: 'No database is mounted.',
        },
        device: { ...source, name: 'to', help: 'The directory to make for the backup: an absolute path.' },
        summary: 'back up {databases} to {to}',
        confirm: {
          kind: 'yes-no',
          name: 'confirm',
          text: 'Start the Backup?',
          help: 'Yes starts it; the databases stay in use.',
          default: '<Yes>',
        },
      },
    },
    { label: 'Restore ALL', ...restoreAll },
    { label: 'Restore Selected or Renamed Directories', ...restoreSelected },
    {
      label: 'Edit/Display List of Directories for Backups',
      help: 'A list that is kept; here databases are chosen each time.',
      leadsTo: 'not-built',
    },
    { label: 'Abort Backup', help: 'Ends a backup that is under way.', leadsTo: 'not-built' },
    { label: 'Display Backup volume information', ...volume },
    {
      label: 'Monitor progress of backup or restore',
      help: 'How far a backup or restore is that somebody else began.',
      leadsTo: 'not-built',
    },
  ],
};

export const restoreRoutine: Menu = {
  title: '^DBREST',
  options: [
    { label: 'All directories', ...restoreAll },
    { label: 'Selected and/or renamed directories', ...restoreSelected },
    { label: 'Display backup volume information', ...volume },
    { label: 'Exit the restore program', help: 'The same as RETURN.', leadsTo: 'leave' },
  ],
};
