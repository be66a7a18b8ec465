/**
 * What happens in the story of a seed, before it happens: the mirror, the list of faults with their times, and the core that
 * must make progress at the end. Swarm style: each story draws which faults it has and how often, so that some stories are
 * made of few kinds and reach where a mixture of everything never gets. A fault draws what it needs from a chance of its own,
 * so that the others stay what they are when shrinking takes it away.
 */
import type { Fault } from './fault.ts';
import { faults } from './faults.ts';
import { type Chance, chanceFrom } from './random.ts';
import type { WorldOptions } from './world.ts';

export interface PlannedFault {
  readonly number: number;
  readonly name: string;
  /** After the mirror was created. */
  readonly atMs: number;
  readonly lastsMs: number;
  /** Never ends before everything is healed. */
  readonly forEver: boolean;
}

/** What is healed at the end, and must then make progress though the rest stays as it is (`cores` in liveness.ts). */
export type Core = 'everything' | 'pair and arbiter' | 'pair and agents' | 'pair alone' | 'one member and the agents';

export interface StoryPlan {
  readonly seed: number;
  readonly options: WorldOptions;
  readonly kind: 'dense' | 'sparse';
  /** How long the mirror has before the first fault. */
  readonly settleMs: number;
  /** Slow links and disks from the beginning, so that much is under way when something breaks. */
  readonly slow: boolean;
  readonly faults: readonly PlannedFault[];
  /** Sparse: everything is healed at these times, and nothing happens until the next fault. */
  readonly restsAtMs: readonly number[];
  readonly core: Core;
}

/** Stories from this seed on all have asyncs, and people who force: what no person ordered is not lost among them. */
export const forcesFromSeed = 1_000_000;

const dayMs = 86_400_000;
/** So many of the first faults end, or a machine that is lost at once would make a dull story. */
const faultsThatEnd = 30;

export function planOf(seed: number): StoryPlan {
  const chance = chanceFrom(seed ^ 0x5eed_0001);
  const kind = seed % 20 < 3 ? 'sparse' : 'dense';
  const options = optionsOf(seed);
  const qos = options.qosTimeoutMs;
  const kinds = swarm(chance, faults, seed >= forcesFromSeed ? 1 : 0.18);
  const settled = chance.happens(0.8);
  const plan = kind === 'dense' ? dense(chance, kinds, qos) : sparse(chance, kinds, qos);
  return {
    seed,
    options,
    kind,
    settleMs: settled ? qos * 3 : qos * chance.between(0.05, 1.5),
    slow: chance.happens(0.3),
    core: chance.happens(0.4)
      ? 'everything'
      : chance.pick(['pair and arbiter', 'pair and agents', 'pair alone', 'one member and the agents']),
    ...plan,
  };
}

function optionsOf(seed: number): WorldOptions {
  return {
    seed,
    qosTimeoutMs: seed % 3 === 0 ? 2000 : 1000,
    arbiter: seed % 6 !== 0,
    asyncs: seed % 4 === 0 ? 2 : seed % 4 === 1 || seed >= forcesFromSeed ? 1 : 0,
    ...(seed % 5 < 2 ? { reporting: seed % 10 < 5 ? 'Read-Only Reporting' : 'Read-Write Reporting' } : {}),
    updateEveryMs: 60 + (seed % 7) * 10,
  };
}

type Weighted = readonly { readonly fault: Fault; readonly weight: number }[];

/** So many stories have disks that are set back, most of them and nothing else that a person may lose data by. */
const setBackShare = 0.15;

/** Without one of these a story would have one primary from beginning to end. */
const takeoverMakers = ['process killed', 'power cut', 'planned stop', 'become primary', 'one isolated', 'SIGSTOP'];

function swarm(chance: Chance, known: readonly Fault[], forceShare: number): Weighted {
  const withForce = chance.happens(forceShare);
  const withSetBack = chance.happens(setBackShare);
  const share = chance.between(0.15, 0.6);
  const drawn = known.filter((fault) => {
    if (fault.byForce) return withForce;
    return fault.setsBack ? withSetBack : chance.happens(share);
  });
  for (let left = 2; left > 0; left -= 1) {
    const name = chance.pick(takeoverMakers);
    const maker = known.find((fault) => fault.name === name) as Fault;
    if (!drawn.includes(maker)) drawn.push(maker);
  }
  // See `clockFaults`: the one case in which the bound on clocks is needed.
  const clockStands = drawn.some(({ name }) => name === 'monotonic clock stands still');
  return drawn
    .filter(({ needsClocks }) => !(needsClocks && clockStands))
    .map((fault) => ({
      fault,
      weight: fault.byForce ? chance.between(1, 3) : chance.between(0.3, 3) * (takes(fault) ? 2.5 : 1),
    }));
}

const takes = (fault: Fault): boolean => takeoverMakers.includes(fault.name);

function pick(kinds: Weighted, chance: Chance): Fault {
  let left = chance.next() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  for (const { fault, weight } of kinds) {
    left -= weight;
    if (left < 0) return fault;
  }
  return (kinds[0] as Weighted[number]).fault;
}

/** Faults come in bunches: what one event does, and what happens in the middle of the answer to another. */
function bunch(chance: Chance, kinds: Weighted, qos: number, from: PlannedFault[], beginMs: number): number {
  let atMs = beginMs;
  for (let left = 1 + chance.below(5); left > 0; left -= 1) {
    const fault = pick(kinds, chance);
    const lastsMs = fault.lastsMs?.(chance, qos) ?? duration(chance, qos);
    const number = from.length + 1;
    const forEver = chance.happens(0.05) && number > faultsThatEnd;
    from.push({ number, name: fault.name, atMs, lastsMs, forEver });
    atMs += chance.happens(0.5) ? chance.between(0, 60) : chance.between(0.02, 1) * qos;
  }
  return atMs;
}

function duration(chance: Chance, qos: number): number {
  const kind = chance.next();
  if (kind < 0.3) return chance.between(1, 50);
  return qos * (kind < 0.7 ? chance.between(0.05, 1) : chance.between(1, 6));
}

function dense(chance: Chance, kinds: Weighted, qos: number) {
  const planned: PlannedFault[] = [];
  const count = 64 + chance.below(24);
  const calmness = chance.between(0.5, 1.2);
  for (let atMs = 0; planned.length < count; ) {
    atMs = bunch(chance, kinds, qos, planned, atMs);
    atMs += qos * (chance.happens(0.25) ? chance.between(0, 1) : chance.between(1, 7) * calmness);
  }
  return { faults: planned, restsAtMs: [] };
}

/** Days with a bad minute now and then. */
function sparse(chance: Chance, kinds: Weighted, qos: number) {
  const planned: PlannedFault[] = [];
  const restsAtMs: number[] = [];
  const lengthMs = chance.between(1, 1.6) * dayMs;
  const minutes = 8 + chance.below(8);
  for (let minute = 0; minute < minutes; minute += 1) {
    let atMs = (lengthMs * (minute + chance.between(0.1, 0.9))) / minutes;
    for (let bunches = 1 + chance.below(2); bunches > 0; bunches -= 1)
      atMs = bunch(chance, kinds, qos, planned, atMs) + qos * chance.between(0, 5);
    restsAtMs.push(atMs + qos * chance.between(0, 4));
  }
  return { faults: planned, restsAtMs: [...restsAtMs, lengthMs] };
}
