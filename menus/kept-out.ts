/** Before all other menus on a member that is kept out of its mirror because it is not reached at its addresses (CFG-063, CFG-064). */
import { editAddresses, removeConfiguration } from './members.ts';
import type { Menu } from './menu.ts';
import { asAsyncQuestions } from './no-mirror.ts';

export const keptOut: Menu = {
  title: 'Member kept out of its mirror',
  heading: [
    'This member is kept out of its mirror: it is not reached at its own network',
    'addresses. If it is a copy of another member, remove its mirror configuration,',
    'or let it join as a new member. If its addresses are wrong, correct them here',
    'and on the primary. RETURN leads to the menus of this member, changing nothing.',
  ],
  options: [
    removeConfiguration,
    {
      label: 'Join the Mirror as a New Member',
      help: 'Replaces the mirror configuration of this instance: it becomes an async member under a name of its own, and the member it was taken for stays as it is.',
      leadsTo: {
        kind: 'perform',
        command: 'join-as-new-member',
        questions: asAsyncQuestions,
        summary:
          'replace the mirror configuration of this instance and join mirror {mirror} as new async member {member}; its mirrored databases are then activated and caught up, or made anew',
        confirm: {
          kind: 'yes-no',
          name: 'confirm',
          text: 'Join the mirror as a new member?',
          help: 'Yes asks the primary, and changes nothing here unless it agrees.',
          default: '<No>',
        },
      },
    },
    editAddresses,
  ],
};
