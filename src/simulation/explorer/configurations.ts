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
  /** With C, an async that may be promoted. */
  readonly third?: true;
  /** The way to being primary takes its time, so that a right is held for long. */
  readonly hold?: true;
  /** Where a search ends that has no fixpoint within reach, and why it is worth its time all the same. */
  readonly bound?: { readonly states: number; readonly because: string };
}

const links = ['cut', 'one-way cut'] as const;
const deaths = ['kill', 'crash', 'hang'] as const;
const all = [...links, ...deaths, 'agent dies', 'unreadable', 'journal stands still', 'site refuses'] as const;
const orders = ['hand over', 'stop with no failover', 'no failover', 'become primary', 'stop mirroring'] as const;

/** A few faults of few kinds, one update. */
function small<N extends string>(
  arbiter: boolean,
  beginning: Beginning,
  faultsOf: Readonly<Record<N, readonly [number, ...(readonly Fault[])]>>,
  more: Pick<Configuration, 'third' | 'hold'> = {},
): Readonly<Record<N, Configuration>> {
  const entries = Object.entries<readonly [number, ...(readonly Fault[])]>(faultsOf).map(
    ([name, [budget, ...faults]]) => {
      const about = `for mutants: ${beginning}; ${faults.join(', ')}`;
      return [name, { about, beginning, arbiter, faults, budget, updates: 1, mutantsOnly: true, ...more }] as const;
    },
  );
  return Object.fromEntries<Configuration>(entries) as Record<N, Configuration>;
}

const fromFullOperation = { beginning: 'full operation', arbiter: false, budget: 2, updates: 1 } as const;
const inArbiterMode = { beginning: 'full operation', arbiter: true, budget: 1, updates: 1 } as const;

const withC = { third: true } as const;
/** Three members that come and go have no fixpoint within reach, even with one order and no update. */
const aPart = {
  states: 30_000,
  because:
    'three members, each of which may be started again at any moment, are millions of states; this is the part nearest to the order',
} as const;
const withThird = { beginning: 'full operation', arbiter: false, third: true, budget: 1, updates: 0 } as const;

/** The largest first, so that two workers end at nearly the same time. */
export const configurations = {
  'agent mode, host crashes': {
    ...fromFullOperation,
    about: 'two crashes of hosts, with every tail of the journal that they may leave',
    faults: ['crash'],
  },
  force: {
    ...fromFullOperation,
    about: 'a takeover that a person forces, and a death before or after',
    faults: ['force', 'kill'],
  },
  'agent mode, one-way cuts': {
    ...fromFullOperation,
    about: 'a link that is dead in one direction, twice',
    faults: ['one-way cut'],
  },
  'agent mode, cuts': { ...fromFullOperation, about: 'a link that is cut, and a death', faults: ['cut', 'kill'] },
  'arbiter mode, three faults': {
    ...inArbiterMode,
    about: 'links and the arbiter itself',
    faults: ['cut', 'arbiter dies'],
    budget: 3,
    updates: 0,
    bound: {
      states: 100_000,
      because: 'three faults in arbiter controlled mode are millions of states; its fixpoint has two',
    },
  },
  'agent mode, three faults': {
    ...fromFullOperation,
    about: 'a link, the record and two deaths',
    faults: ['cut', 'kill', 'unreadable'],
    budget: 3,
    bound: { states: 100_000, because: 'three faults are millions of states; the fixpoints have two' },
  },
  'agent mode, standstills': {
    ...fromFullOperation,
    about: 'a process that stands still and goes on, and a death',
    faults: ['hang', 'kill'],
  },
  'agent mode, records': {
    ...fromFullOperation,
    about: 'a record that cannot be read for a while, and a death',
    faults: ['unreadable', 'kill'],
  },
  'arbiter mode, two cuts': {
    ...inArbiterMode,
    about: 'two of the three links',
    faults: ['cut'],
    budget: 2,
    updates: 0,
  },
  'force, agents dead': {
    ...fromFullOperation,
    about: 'both members are forced and nobody but they themselves can tell them',
    faults: ['force', 'cut', 'agent dies'],
    budget: 3,
    hold: true,
  },
  'arbiter mode': { ...inArbiterMode, about: 'one fault of every kind', faults: [...all, 'arbiter dies'], hold: true },
  'force, two updates': {
    ...fromFullOperation,
    about: 'a takeover that a person forces while the former primary lives',
    faults: ['cut', 'force'],
    hold: true,
    updates: 2,
  },
  'agent mode, two updates': {
    ...fromFullOperation,
    about: 'one fault, journals of several lengths',
    faults: [...links, ...deaths],
    budget: 1,
    updates: 2,
  },
  'both down': {
    ...fromFullOperation,
    about: 'both instances are down and come up in any order',
    beginning: 'both down',
    faults: all,
    budget: 1,
    updates: 0,
    hold: true,
  },
  'both down, arbiter': {
    ...inArbiterMode,
    about: 'the same with an arbiter',
    beginning: 'both down',
    faults: ['kill'],
    updates: 0,
    bound: { states: 100_000, because: 'its fixpoint, once reached without a broken promise, has half a million' },
  },
  resume: {
    ...inArbiterMode,
    about: 'a primary in trouble without a limit that a person resumes',
    beginning: 'alone in trouble',
    faults: ['resume'],
    updates: 0,
  },
  'operator, two orders': {
    ...fromFullOperation,
    about: 'stops, hand-overs and no failover, with a death',
    faults: ['kill', ...orders],
    updates: 0,
  },
  'operator, arbiter mode': {
    ...inArbiterMode,
    about: 'an order of the operator, or a cut',
    faults: ['cut', ...orders],
  },
  'entry, a cut': {
    ...inArbiterMode,
    about: 'the way into arbiter controlled mode, and a cut',
    beginning: 'before entry',
    faults: links,
    updates: 0,
  },
  'entry, a death': {
    ...inArbiterMode,
    about: 'the way into arbiter controlled mode, and a death',
    beginning: 'before entry',
    faults: [...deaths, 'arbiter dies'],
    updates: 0,
  },
  'agent mode': {
    ...fromFullOperation,
    about: 'one fault of every kind',
    faults: all,
    budget: 1,
    hold: true,
  },
  operator: {
    ...fromFullOperation,
    about: 'an order of the operator, or one fault',
    faults: ['cut', 'kill', ...orders],
    budget: 1,
  },
  'agent mode, agents': {
    ...fromFullOperation,
    about: 'an agent that dies alone, and a cut',
    faults: ['agent dies', 'cut'],
  },
  promotion: { ...withThird, about: 'an async is promoted while there is a primary', faults: ['promote'] },
  'promotion, a death': {
    ...withThird,
    bound: aPart,
    about: 'the same, and a death',
    faults: ['promote', 'kill'],
    budget: 2,
  },
  'promotion, a cut': { ...withThird, about: 'the same, and a cut', faults: ['promote', 'cut'], budget: 2 },
  demotion: {
    ...withThird,
    bound: aPart,
    about: 'the backup is demoted by either, and a death',
    faults: ['demote', 'kill'],
    budget: 2,
  },
  'promotion, arbiter': {
    ...withThird,
    arbiter: true,
    about: 'an async is promoted in arbiter controlled mode, and then has a session with the arbiter',
    faults: ['promote'],
  },
  'promotion, arbiter, a cut': {
    ...withThird,
    arbiter: true,
    bound: aPart,
    about: 'the same, and a cut between any two of the four hosts',
    faults: ['promote', 'cut'],
    budget: 2,
  },
  'promotion and hold': {
    ...withThird,
    bound: aPart,
    about: 'an async is promoted alone, and must not become primary before a person lets it',
    beginning: 'asyncs alone',
    faults: ['promote and hold'],
  },
  removal: {
    ...fromFullOperation,
    about: 'the backup is removed, and a death',
    faults: ['remove', 'kill'],
  },
  'removal, a cut': {
    ...fromFullOperation,
    about: 'the backup is removed, and a cut',
    faults: ['remove', 'cut'],
  },
  'removal, arbiter': {
    ...inArbiterMode,
    about: 'the backup is removed in arbiter controlled mode, and a cut',
    faults: ['remove', 'cut'],
    budget: 2,
    updates: 0,
    bound: { states: 60_000, because: 'two faults in arbiter controlled mode are hundreds of thousands of states' },
  },
  'removal of three': {
    ...withThird,
    bound: aPart,
    about: 'the backup or an async is removed, and a death',
    faults: ['remove', 'kill'],
    budget: 2,
  },
  'promotion without a primary': {
    ...withThird,
    bound: aPart,
    about: 'an async is promoted with every partner while the pair is down, or comes back',
    beginning: 'pair down',
    faults: ['promote'],
  },
  'promotion, agents': {
    ...withThird,
    bound: aPart,
    about: 'the same with agents that die',
    beginning: 'pair down',
    faults: ['promote', 'agent dies'],
    budget: 2,
  },
  'two promotions': {
    ...withThird,
    bound: aPart,
    about: 'two asyncs are promoted at once while there is no primary',
    beginning: 'asyncs alone',
    faults: ['promote'],
    budget: 2,
  },
  'two promotions, primary': {
    ...withThird,
    about: 'two asyncs are promoted at once by their primary',
    beginning: 'one failover member',
    faults: ['promote'],
    budget: 2,
  },
  ...small(false, 'full operation', { 'three, demotion': [1, 'demote'] }, withC),
  ...small(false, 'asyncs alone', { 'three, hold': [1, 'promote and hold'] }, withC),
  ...small(false, 'pair down, A ahead', { 'three, A ahead': [1, 'promote'] }, withC),
  ...small(false, 'full operation', {
    'pair, a death': [1, 'kill'],
    'pair, a cut': [1, 'cut'],
    'pair, removal': [1, 'remove'],
    'pair, removal and a death': [2, 'remove', 'kill'],
    pair: [2, 'cut', 'kill'],
    'pair, two deaths': [2, 'kill'],
    'pair, record unreadable': [2, 'unreadable', 'kill'],
    'pair, hang': [1, 'hang'],
    'pair, agent dies': [2, 'cut', 'agent dies'],
    'pair, lost tail': [2, 'cut', 'crash'],
    'pair, no failover': [2, 'no failover', 'kill'],
    'pair, force': [2, 'force', 'cut'],
    'pair, standstill': [1, 'journal stands still'],
  }),
  ...small(false, 'backup joins', { 'pair, joining': [2, 'cut', 'kill'], 'pair, joining and removed': [1, 'remove'] }),
  ...small(false, 'backup catches up', { 'pair, catching up': [2, 'crash', 'kill'] }),
  ...small(false, 'primary alone', {
    'pair, primary alone': [2, 'unreadable', 'kill'],
    'pair, away and removed': [2, 'remove', 'kill'],
  }),
  ...small(false, 'cut apart', { 'pair, cut apart, after the window': [2, 'unreadable', 'kill'] }),
  ...small(false, 'late keep-alive', { 'pair, late keep-alive': [2, 'unreadable', 'kill'] }),
  'pair, right held': {
    about: 'for mutants: a right that is held while a person forces the other member',
    beginning: 'right held',
    arbiter: false,
    faults: ['force', 'kill'],
    budget: 2,
    updates: 1,
    hold: true,
    mutantsOnly: true,
  },
  ...small(true, 'alone in trouble', { 'arbiter, primary cut off': [1, 'kill'] }),
  ...small(true, 'backup cut off', { 'arbiter, backup cut off': [1, 'cut'] }),
  ...small(true, 'gone on alone', { 'arbiter, gone on alone': [2, 'unreadable', 'kill'] }),
  ...small(true, 'half entered', { 'arbiter, half entered': [1, 'cut'] }),
  ...small(true, 'late left notice', { 'arbiter, late left notice': [1, 'cut'] }),
  ...small(true, 'overtaken hello', { 'arbiter, overtaken hello': [1, 'cut'] }),
  ...small(true, 'full operation', {
    'arbiter, a cut': [1, 'cut'],
    'arbiter, a death': [1, 'kill'],
    arbiter: [2, 'cut'],
    'arbiter, hand over': [2, 'cut', 'hand over'],
    'arbiter, no failover': [2, 'no failover', 'kill'],
  }),
  ...small(true, 'before entry', {
    'before entry, a cut': [1, 'cut'],
    'before entry, record unreadable': [2, 'kill', 'unreadable'],
  }),
} as const satisfies Readonly<Record<string, Configuration>>;

export type ConfigurationName = keyof typeof configurations;

export function termsOf({ arbiter, faults, updates, hold, third }: Configuration): Terms {
  return {
    arbiter,
    members: third === true ? [0, 1, 2] : [0, 1],
    hold: hold === true,
    faults: new Set(faults),
    updates,
  };
}
