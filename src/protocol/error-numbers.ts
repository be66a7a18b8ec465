/**
 * Numbers of the original's General Error Codes (2000-2175), for scripts that know them. Only reasons that mean what the original's text means
 * have one; the text stays the instance's own, which says more.
 */
import type { CommandName, Refusal } from './control-commands.ts';

interface Numbered {
  readonly number: number;
  readonly reason: string;
  /** Only where the refusal comes from this rule, or the command is this one; absent = always. */
  readonly spec?: string;
  readonly command?: CommandName;
}

/** The first that fits counts: a row with a rule or a command stands before the one without. */
const numbered: readonly Numbered[] = [
  { number: 2110, reason: 'bad-name', spec: 'CFG-017' },
  { number: 2022, reason: 'is-primary', command: 'stop-mirror' },
  { number: 2033, reason: 'name-taken', spec: 'CFG-022' },
  { number: 2061, reason: 'name-taken', spec: 'DB-011' },
  { number: 2063, reason: 'already-mirrored' },
  { number: 2064, reason: 'not-mirrored' },
  { number: 2066, reason: 'service-off' },
  { number: 2067, reason: 'tls' },
  { number: 2073, reason: 'no-database' },
  { number: 2073, reason: 'deleted-already' },
  { number: 2074, reason: 'not-a-member' },
  { number: 2133, reason: 'no-other', command: 'demote-other' },
  { number: 2075, reason: 'no-other' },
  { number: 2081, reason: 'not-a-failover-member' },
  { number: 2082, reason: 'no-primary' },
  { number: 2086, reason: 'agent-not-reached' },
  { number: 2087, reason: 'member-not-reached' },
  { number: 2088, reason: 'superserver-not-reached' },
  { number: 2106, reason: 'already-started' },
  { number: 2107, reason: 'already-stopped' },
  { number: 2136, reason: 'agent-older' },
  { number: 2144, reason: 'in-a-mirror', spec: 'CFG-075' },
  { number: 2134, reason: 'in-a-mirror', spec: 'CFG-008' },
  { number: 2109, reason: 'in-a-mirror' },
  { number: 2113, reason: 'not-primary' },
  { number: 2116, reason: 'is-primary' },
  { number: 2117, reason: 'not-dr' },
  { number: 2117, reason: 'not-an-async', command: 'promote' },
  { number: 2118, reason: 'no-agent', spec: 'CFG-004' },
  { number: 2124, reason: 'no-such-partner' },
  { number: 2129, reason: 'not-journaled' },
  { number: 2130, reason: 'dismounted', command: 'remove-database' },
  { number: 2152, reason: 'in-trouble', command: 'promote' },
  { number: 2153, reason: 'not-reporting', spec: 'SYN-026' },
  { number: 2148, reason: 'not-reporting' },
  { number: 2156, reason: 'which-mirror' },
  { number: 2051, reason: 'no-such-mirror' },
  { number: 2161, reason: 'not-an-async' },
  { number: 2168, reason: 'not-reached', spec: 'CFG-063' },
  { number: 2174, reason: 'journal-left-over' },
];

/** Null = the original has no number for it, or none that is known. */
export function errorNumberOf(
  { reason, spec }: Pick<Refusal, 'reason' | 'spec'>,
  command?: CommandName,
): number | null {
  const row = numbered.find(
    (each) =>
      each.reason === reason &&
      (each.spec === undefined || each.spec === spec) &&
      (each.command === undefined || each.command === command),
  );
  return row?.number ?? null;
}
