/** What many stories did together. A run in which little happened proves little, so a run has goals (scripts/simulate.mjs). */
import type { StoryResult } from './random-story.ts';

export type Counts = Record<string, number>;

export interface Tally {
  seeds: number;
  virtualMs: number;
  acknowledged: number;
  takeovers: number;
  /** After which the new primary told a client that its update is durable. */
  takeoversAcknowledged: number;
  takeoversBy: Counts;
  /** What `Checkers` counts by these names. */
  promotions: Counts;
  /** Faults that struck, by name; delays and reorders are none. */
  faults: Counts;
  /** Rows of decision tables that fired. */
  rows: Counts;
  /** The longest time a healed core needed, in QoS timeouts. */
  recoveryInQosMax: number;
}

export function emptyTally(): Tally {
  return {
    seeds: 0,
    virtualMs: 0,
    acknowledged: 0,
    takeovers: 0,
    takeoversAcknowledged: 0,
    takeoversBy: {},
    promotions: {},
    faults: {},
    rows: {},
    recoveryInQosMax: 0,
  };
}

export function tallyOf({ world, recoveryInQos }: StoryResult): Tally {
  const { checkers } = world;
  return {
    seeds: 1,
    virtualMs: world.clock.nowMs,
    acknowledged: checkers.acked.length,
    takeovers: checkers.takeovers,
    takeoversAcknowledged: checkers.takeoversAcknowledged,
    takeoversBy: Object.fromEntries(checkers.takeoversBy),
    promotions: {
      'asyncs became failover members': checkers.placesTaken,
      'former failover members came back as asyncs': checkers.formerBack,
      'promotions by force that made a primary': checkers.promotionsByForce,
      'acknowledged updates that these lost, all as reported': checkers.losses,
      'takeovers that kept who was told to be in the mirror': checkers.memberships.kept,
    },
    faults: Object.fromEntries(world.faultsStruck),
    rows: {},
    recoveryInQosMax: recoveryInQos ?? 0,
  };
}

export function addTally(to: Tally, more: Tally): void {
  to.seeds += more.seeds;
  to.virtualMs += more.virtualMs;
  to.acknowledged += more.acknowledged;
  to.takeovers += more.takeovers;
  to.takeoversAcknowledged += more.takeoversAcknowledged;
  addCounts(to.takeoversBy, more.takeoversBy);
  addCounts(to.promotions, more.promotions);
  addCounts(to.faults, more.faults);
  addCounts(to.rows, more.rows);
  to.recoveryInQosMax = Math.max(to.recoveryInQosMax, more.recoveryInQosMax);
}

export function addCounts(to: Counts, more: Counts): void {
  for (const [name, times] of Object.entries(more)) to[name] = (to[name] ?? 0) + times;
}
