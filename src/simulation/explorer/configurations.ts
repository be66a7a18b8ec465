/** What is searched: where it begins, which faults may happen and how many of them, and how many updates clients make. */
import type { Beginning } from './beginnings.ts';
import type { Fault, Terms } from './moves.ts';

export interface Configuration {
  readonly about: string;
  readonly beginning: Beginning;
  readonly arbiter: boolean;
  readonly faults: readonly Fault[];
  /** How many faults may happen in all. */
  readonly budget: number;
  readonly updates: number;
  /** Small, for mutants: a part of a larger one. */
  readonly mutantsOnly?: true;
  /** The way to being primary takes its time, so that a right is held for long. */
  readonly hold?: true;
  /** Keep-alives of the primary may be under way for long. */
  readonly slowKeepAlives?: true;
}

const links = ['cut', 'one-way cut'] as const;
const deaths = ['kill', 'crash', 'hang'] as const;
const orders = ['hand over', 'stop with no failover', 'no failover', 'become primary', 'stop mirroring'] as const;

/** A few faults of few kinds, one update. */
function small<N extends string>(
  arbiter: boolean,
  beginning: Beginning,
  faultsOf: Readonly<Record<N, readonly [number, ...(readonly Fault[])]>>,
): Readonly<Record<N, Configuration>> {
  const entries = Object.entries<readonly [number, ...(readonly Fault[])]>(faultsOf).map(
    ([name, [budget, ...faults]]) => {
      const about = `for mutants: ${faults.join(', ')}`;
      return [name, { about, beginning, arbiter, faults, budget, updates: 1, mutantsOnly: true }] as const;
    },
  );
  return Object.fromEntries<Configuration>(entries) as Record<N, Configuration>;
}

export const configurations = {
  'agent mode': {
    about: 'no arbiter, every fault of links, processes, hosts, agents and disks',
    beginning: 'full operation',
    arbiter: false,
    faults: [...links, ...deaths, 'agent dies', 'unreadable', 'journal stands still', 'site refuses'],
    budget: 2,
    hold: true,
    updates: 1,
  },
  'agent mode, three updates': {
    about: 'no arbiter, one fault, three updates: journals of several lengths and tails that are lost',
    beginning: 'full operation',
    arbiter: false,
    faults: [...links, ...deaths],
    budget: 1,
    updates: 3,
  },
  'agent mode, three faults': {
    about: 'no arbiter, links and deaths only',
    beginning: 'full operation',
    arbiter: false,
    faults: ['cut', 'kill', 'unreadable'],
    budget: 3,
    updates: 1,
  },
  'arbiter mode': {
    about: 'arbiter controlled mode, one fault of every kind',
    beginning: 'full operation',
    arbiter: true,
    faults: [...links, ...deaths, 'arbiter dies', 'agent dies', 'unreadable', 'journal stands still', 'site refuses'],
    budget: 1,
    updates: 1,
  },
  'arbiter mode, links': {
    about: 'arbiter controlled mode, two of three links cut, and a death',
    beginning: 'full operation',
    arbiter: true,
    faults: ['cut', 'kill', 'arbiter dies'],
    budget: 2,
    updates: 1,
  },
  entry: {
    about: 'the way into arbiter controlled mode',
    beginning: 'before entry',
    arbiter: true,
    faults: [...links, ...deaths, 'arbiter dies'],
    budget: 1,
    updates: 0,
  },
  'both down': {
    about: 'both instances are down and come up in any order',
    beginning: 'both down',
    arbiter: true,
    faults: [...links, ...deaths, 'agent dies', 'unreadable'],
    budget: 1,
    hold: true,
    updates: 0,
  },
  operator: {
    about: 'stops, hand-overs and no failover, with a death or a cut',
    beginning: 'full operation',
    arbiter: false,
    faults: ['cut', 'kill', ...orders],
    budget: 2,
    updates: 1,
  },
  'operator, arbiter mode': {
    about: 'an order of the operator in arbiter controlled mode',
    beginning: 'full operation',
    arbiter: true,
    faults: ['cut', ...orders],
    budget: 1,
    updates: 1,
  },
  force: {
    about: 'a takeover that a person forces while the former primary may live',
    beginning: 'full operation',
    arbiter: false,
    faults: ['cut', 'kill', 'force'],
    budget: 2,
    hold: true,
    updates: 2,
  },
  resume: {
    about: 'a primary in trouble without a limit that a person resumes',
    beginning: 'alone in trouble',
    arbiter: true,
    faults: ['resume', 'kill'],
    budget: 1,
    updates: 1,
  },
  ...small(false, 'full operation', {
    'pair, a death': [1, 'kill'],
    'pair, a cut': [1, 'cut'],
    pair: [2, 'cut', 'kill'],
    'pair, two deaths': [2, 'kill'],
    'pair, record unreadable': [2, 'unreadable', 'kill'],
    'pair, cut and record unreadable': [3, 'cut', 'unreadable', 'kill'],
    'pair, hang': [1, 'hang'],
    'pair, agent dies': [2, 'cut', 'agent dies'],
    'pair, lost tail': [2, 'cut', 'crash'],
    'pair, no failover': [2, 'no failover', 'kill'],
    'pair, force': [2, 'force', 'cut'],
    'pair, standstill': [2, 'journal stands still', 'crash'],
  }),
  ...small(false, 'backup joins', { 'pair, joining': [1, 'kill', 'crash'] }),
  ...small(false, 'primary alone', { 'pair, primary alone': [2, 'unreadable', 'kill'] }),
  ...small(false, 'cut apart', { 'pair, cut apart, after the window': [2, 'unreadable', 'kill'] }),
  ...small(true, 'alone in trouble', { 'arbiter, primary cut off': [1, 'kill'] }),
  'pair, slow keep-alives': {
    about: 'for mutants: keep-alives that take their time',
    beginning: 'full operation',
    arbiter: false,
    faults: ['cut', 'unreadable', 'kill'],
    budget: 3,
    updates: 1,
    mutantsOnly: true,
    slowKeepAlives: true,
  },
  ...small(true, 'full operation', {
    'arbiter, a cut': [1, 'cut'],
    'arbiter, a death': [1, 'kill'],
    arbiter: [2, 'cut'],
    'arbiter, hand over': [2, 'cut', 'hand over'],
    'arbiter, no failover': [2, 'no failover', 'kill'],
  }),
  ...small(true, 'before entry', {
    'entry, a cut': [1, 'cut'],
    'entry, arbiter dies': [2, 'cut', 'arbiter dies'],
    'entry, record unreadable': [2, 'kill', 'unreadable'],
  }),
} as const satisfies Readonly<Record<string, Configuration>>;

export type ConfigurationName = keyof typeof configurations;

export function termsOf({ arbiter, faults, updates, hold, slowKeepAlives }: Configuration): Terms {
  return {
    arbiter,
    partner: true,
    hold: hold === true,
    faults: new Set(faults),
    updates,
    slowKeepAlives: slowKeepAlives === true,
  };
}
