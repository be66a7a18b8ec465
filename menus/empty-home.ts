/** What is asked where a home has no instance yet: a newcomer has read nothing but the screen. */
import type { TextQuestion } from './menu.ts';

export const emptyHome = {
  heading: ['There is no instance in {home} yet.'],
  options: [
    {
      label: 'Create an instance on this host',
      help: 'Makes an instance of that name, starts the ISCAgent of this host and the instance, and opens its mirror menus: there a mirror is created, or joined from a second host.',
    },
    {
      label: 'Bring up a lab',
      help: 'A whole mirror on this machine, to be tried out: failover members A and B, DR async C and arbiter X. Nothing else is touched.',
    },
  ],
  name: {
    kind: 'text',
    name: 'instance',
    text: 'Instance Name?',
    help: 'Letters, digits, hyphens and underscores, a letter first. Other hosts name it when they join.',
    default: 'IRIS',
    pattern: '^[A-Za-z][A-Za-z0-9_-]{0,31}$',
    expected: 'a letter, then letters, digits, hyphens and underscores, 32 characters at most',
    upperCase: true,
  },
  address: {
    kind: 'text',
    name: 'address',
    text: 'Address of this host?',
    help: 'Host name or IP address at which the other members of the mirror and applications reach this host.',
    pattern: '^[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?$',
    expected: 'a host name or an IP address',
  },
} as const satisfies {
  readonly heading: readonly string[];
  readonly options: readonly { readonly label: string; readonly help: string }[];
  readonly name: TextQuestion;
  readonly address: TextQuestion;
};
