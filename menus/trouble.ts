/** Before all other menus on a primary in trouble state without a time limit: the two ways out (FO-076). */
import type { Menu } from './menu.ts';

export const trouble: Menu = {
  title: 'Primary in trouble state',
  heading: [
    'This member is the primary and is in an indefinite trouble state: it has lost',
    'the other failover member, which may have taken over. It accepts no updates. It',
    'goes on by itself when the other failover member answers and did not take over,',
    'and shuts down if it did. Where that cannot be waited for there are two ways',
    'out; RETURN leads to the menus of this member.',
  ],
  options: [
    {
      label: 'Resume operation as primary',
      help: 'Only if the other failover member is down, never became primary and created no later mirror journal file.',
      leadsTo: {
        kind: 'assessed',
        command: 'resume-primary',
        confirm: [
          {
            kind: 'yes-no',
            name: 'isDown',
            text: 'Is {other} down for certain?',
            help: 'Yes only if somebody has seen that its instance, or its host, is down and does not come back by itself.',
            default: '<No>',
          },
          {
            kind: 'yes-no',
            name: 'neverPrimary',
            text: 'Is it certain that {other} has not become primary since then?',
            help: 'Its messages log, and those of the async members, say who became primary. If it did, its updates would be lost.',
            default: '<No>',
          },
          {
            kind: 'yes-no',
            name: 'noLaterFile',
            text: 'Is it certain that {other} has created no later mirror journal file?',
            help: 'Compare the newest file in its journal directory with the one named above.',
            default: '<No>',
          },
        ],
      },
    },
    {
      label: 'Shut down this primary',
      help: 'Stops this instance. It settles its role with the other failover member when it is started again.',
      leadsTo: {
        kind: 'perform',
        command: 'stop-instance',
        questions: [],
        summary: 'stop this instance',
        confirm: {
          kind: 'yes-no',
          name: 'confirm',
          text: 'Do you want to shut it down?',
          help: 'Yes stops it until somebody starts it; anything else changes nothing.',
          default: '<No>',
        },
      },
    },
  ],
};
