/** Before all other menus on a member that is kept out of its mirror because it is not reached at its addresses (CFG-063, CFG-064). */
import { editAddresses, removeConfiguration } from './members.ts';
import type { Menu } from './menu.ts';

export const keptOut: Menu = {
  title: 'Member kept out of its mirror',
  heading: [
    'This member is kept out of its mirror: it is not reached at its own network',
    'addresses. If it is a copy of another member, remove its mirror configuration;',
    'then it can join as a new member. If its addresses are wrong, correct them and',
    'restart it. RETURN leads to the menus of this member, and changes nothing.',
  ],
  options: [
    removeConfiguration,
    {
      label: 'Join the Mirror as a New Member',
      help: 'In one step. Until then: Remove Mirror Configuration, restart, then join.',
      leadsTo: 'not-built',
    },
    editAddresses,
  ],
};
