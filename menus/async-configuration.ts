/** What an operator edits on an async: its type, its FailoverDB flags, its journal files, its dejournal filter (CFG-050..054). */
import type { Option, PickQuestion } from './menu.ts';

/** CFG-037. */
export const asyncType: PickQuestion = {
  kind: 'pick',
  name: 'type',
  text: 'Async Member System Type?',
  label: 'Async Member System Type',
  help: 'A disaster recovery async holds all mirrored databases and can become a failover member; a reporting async holds any of them, and a read-write one can be written to.',
  choices: [{ label: 'Disaster Recovery (DR)' }, { label: 'Read-Only Reporting' }, { label: 'Read-Write Reporting' }],
  default: 'Disaster Recovery (DR)',
};

export const editAsync: Option = {
  label: 'Edit Async Configuration',
  help: 'Changes the type of this async, and on a reporting async when journal files are purged.',
  runsOn: ['dr', 'reporting'],
  leadsTo: {
    kind: 'edit-async',
    command: 'edit-async',
    type: { ...asyncType, defaultFrom: 'presentAsyncType' },
    clear: {
      kind: 'yes-no',
      name: 'clearFailoverDb',
      text: 'Clear the FailoverDB flag on all mirrored databases?',
      label: 'Clear FailoverDB flags',
      help: 'Yes makes all copies writable here, for ever. No leaves those read-only whose flag is set; new ones are writable.',
      default: '<No>',
    },
    retention: {
      kind: 'pick',
      name: 'retention',
      text: 'Mirror Journal File Retention?',
      label: 'Mirror Journal File Retention',
      help: 'When journal files go that have been dejournaled here.',
      choices: [{ label: 'Purge right after dejournaling' }, { label: 'Local purge policy' }],
      defaultFrom: 'presentRetention',
    },
    summary: 'change the configuration of this async in mirror {mirror}',
    confirm: {
      kind: 'yes-no',
      name: 'confirm',
      text: 'Save these settings?',
      help: 'Yes saves them; a new type is written into the mirror by the primary.',
      default: '<No>',
    },
  },
};

/** DB-040, DB-059. */
export const clearFlags: Option = {
  label: 'Clear FailoverDB Flags',
  help: 'Makes copies on this reporting async writable, for ever: all of them, or single ones.',
  runsOn: ['reporting'],
  leadsTo: {
    kind: 'databases',
    command: 'clear-failoverdb',
    pick: {
      kind: 'databases',
      name: 'databases',
      text: 'Enter database, * for all, ? for a list, RETURN to end list?',
      textForMore: 'Enter database or RETURN to end list?',
      help: 'The number or the beginning of a name.',
      which: 'flag-set',
      heading: 'Mirrored databases whose FailoverDB flag is set:',
      none: 'No mirrored database here has its FailoverDB flag set.',
    },
    each: [],
    summary:
      'clear the FailoverDB flag of {databases}. Warning: a flag can never be set again. The copies become writable here and are never primary copies any more; on a read-only reporting async that is normally not wanted',
    confirm: {
      kind: 'yes-no',
      name: 'confirm',
      text: 'Do you want to continue?',
      help: 'Yes clears the flags; anything else changes nothing.',
      default: '<No>',
    },
  },
};

/** SYN-023. */
export const dejournalFilter: Option = {
  label: 'Set or Remove Dejournal Filter',
  help: 'A module of this site says which records go into the writable copies of this reporting async.',
  runsOn: ['reporting'],
  leadsTo: {
    kind: 'perform',
    command: 'set-dejournal-filter',
    questions: [
      {
        kind: 'text',
        name: 'module',
        text: 'Dejournal Filter (file name, none = without)?',
        label: 'Dejournal Filter',
        help: 'A file in the directory of the instance; its name begins with z or Z and ends with .mjs.',
        defaultFrom: 'presentDejournalFilter',
        pattern: '^([zZ][A-Za-z0-9_-]{0,63}[.]mjs|none)$',
        expected: 'a file name as zfilter.mjs, or none',
      },
    ],
    summary: 'set the dejournal filter of mirror {mirror} on this member; dejournaling is restarted',
    confirm: {
      kind: 'yes-no',
      name: 'confirm',
      text: 'Save this setting?',
      help: 'Yes loads the module and uses it from the next block of the journal on.',
      default: '<No>',
    },
  },
};
