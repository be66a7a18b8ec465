/** Chance from one seed: the same seed gives the same run. Not for secrets. */
export interface Chance {
  /** 0 <= x < 1. */
  next(): number;
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  between(low: number, high: number): number;
  /** True in this share of all calls. */
  happens(share: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** mulberry32. */
export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    between: (low, high) => low + next() * (high - low),
    happens: (share) => next() < share,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
  };
}
