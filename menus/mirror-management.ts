/** Mirror Management: the fifteen entries of the original, numbers and labels kept. */
import type { Menu } from './menu.ts';

const continueLong = {
  kind: 'yes-no',
  name: 'confirm',
  text: 'Do you want to continue?',
  help: 'Yes does it; anything else changes nothing.',
  default: '<No>',
} as const;

export const mirrorManagement: Menu = {
  title: 'Mirror Management',
  options: [
    {
      label: 'Add mirrored database(s)',
      help: 'Makes databases of this instance part of the mirror.',
      runsOn: ['primary'],
      leadsTo: {
        kind: 'databases',
        command: 'add-database',
        pick: {
          kind: 'databases',
          name: 'databases',
          text: 'Enter database, * for all, ? for a list, RETURN to end list?',
          textForMore: 'Enter database or RETURN to end list?',
          help: 'The number or the beginning of a name.',
          which: 'addable',
          heading: 'Databases that can be added to the mirror:',
          none: 'There is no database that can be added to the mirror.',
        },
        each: [
          {
            kind: 'text',
            name: 'mirrorDatabase',
            text: 'Mirror DB Name for {localName}?',
            help: 'Name of the database inside the mirror, the same on all members.',
            defaultFrom: 'localName',
            pattern: '^[A-Za-z_][A-Za-z0-9_-]{0,63}$',
            expected: 'a letter or underscore, then letters, digits, hyphens and underscores',
            upperCase: true,
          },
        ],
        summary: 'add {databases} to mirror {mirror}',
        confirm: continueLong,
      },
    },
    {
      label: 'Remove mirrored database(s)',
      help: 'Takes databases out of the mirror: for good on the primary, for this member alone elsewhere.',
      leadsTo: {
        kind: 'databases',
        command: 'remove-database',
        pick: {
          kind: 'databases',
          name: 'databases',
          text: 'Enter database, * for all, ? for a list, RETURN to end list?',
          textForMore: 'Enter database or RETURN to end list?',
          help: 'The number or the beginning of a name.',
          which: 'mirrored',
          heading: 'Mirrored databases on this member:',
          none: 'There is no mirrored database on this member.',
        },
        each: [],
        summary: 'remove {databases} from mirror {mirror}, {extent}',
        confirm: continueLong,
      },
    },
    {
      label: 'Activate or Catchup mirrored database(s)',
      help: 'Activates databases that were restored or copied here and brings them up to date.',
      runsOn: ['backup', 'dr', 'reporting'],
      leadsTo: {
        kind: 'databases',
        command: 'catch-up-database',
        pick: {
          kind: 'databases',
          name: 'databases',
          text: 'Enter database, * for all, ? for a list, RETURN to end list?',
          textForMore: 'Enter database or RETURN to end list?',
          help: 'The number or the beginning of a name.',
          which: 'needs-catch-up',
          heading: 'Mirrored databases that need activation or catchup:',
          none: 'No mirrored database needs activation or catchup.',
        },
        each: [],
        summary: 'activate and catch up {databases}',
        confirm: continueLong,
      },
    },
    {
      label: 'Change No Failover State',
      help: 'Sets or clears the state in which the backup never takes over. Restarting the primary clears it.',
      runsOn: ['primary', 'backup'],
      leadsTo: {
        kind: 'no-failover',
        command: 'change-no-failover',
        set: {
          kind: 'yes-no',
          name: 'confirm',
          text: 'Do you want to SET "No Failover" state?',
          help: 'Yes: the backup will not take over, even if the primary fails.',
          default: '<No>',
        },
        clear: {
          kind: 'yes-no',
          name: 'confirm',
          text: 'Do you want to CLEAR "No Failover" state?',
          help: 'Yes: the backup may take over again.',
          default: '<No>',
        },
      },
    },
    {
      label: 'Try to make this the primary',
      help: 'Hands the role of the primary over to this member, without losing an acknowledged update.',
      runsOn: ['backup'],
      leadsTo: {
        kind: 'assessed',
        command: 'become-primary',
        confirm: [
          {
            kind: 'yes-no',
            name: 'confirm',
            text: 'Continue?',
            help: 'Y asks the present primary to hand over, and forces it down if it does not.',
            default: '<N>',
          },
        ],
      },
    },
    {
      label: 'Start Mirror On This Member',
      help: 'Starts mirroring again after it was stopped here.',
      runsOn: ['backup', 'dr', 'reporting'],
      leadsTo: {
        kind: 'perform',
        command: 'start-mirror',
        questions: [],
        summary: 'start mirroring on this member',
        confirm: continueLong,
      },
    },
    {
      label: 'Stop Mirror On This Member',
      help: 'Stops mirroring on this member until it is started again by hand, also across restarts.',
      runsOn: ['backup', 'dr', 'reporting'],
      leadsTo: {
        kind: 'perform',
        command: 'stop-mirror',
        questions: [],
        summary: 'stop mirroring on this member until it is started again by hand',
        confirm: continueLong,
      },
    },
    {
      label: 'Modify Database Size Field(s)',
      help: 'Changes the maximum and expansion size of a copy of a mirrored database.',
      leadsTo: 'not-built',
    },
    {
      label: 'Force this node to become the primary',
      help: 'Makes this member the primary without asking the other one. Updates may be lost for good.',
      runsOn: ['backup', 'dr'],
      leadsTo: { kind: 'assessed', command: 'force-primary', confirm: [continueLong] },
    },
    {
      label: 'Promote Async DR Member to Failover Member',
      help: 'Makes this disaster recovery async a failover member.',
      runsOn: ['dr'],
      leadsTo: 'not-built',
    },
    {
      label: 'Demote Backup Member to Async DR Member',
      help: 'Makes this backup a disaster recovery async.',
      runsOn: ['backup'],
      leadsTo: 'not-built',
    },
    {
      label: 'Mark an inactive database as caught up',
      help: 'Declares a copy current without applying journal data.',
      runsOn: ['backup', 'dr', 'reporting'],
      leadsTo: 'not-built',
    },
    {
      label: 'Manage mirror dejournaling on async member',
      help: 'Stops or starts the application of journal data on an async.',
      runsOn: ['dr', 'reporting'],
      leadsTo: 'not-built',
    },
    {
      label: 'Pause dejournaling for database(s)',
      help: 'Stops the application of journal data to single databases.',
      runsOn: ['backup', 'dr', 'reporting'],
      leadsTo: 'not-built',
    },
    {
      label: 'Demote Other Failover Member to DR Async Member',
      help: 'Makes the other failover member a disaster recovery async.',
      runsOn: ['primary'],
      leadsTo: 'not-built',
    },
  ],
};
