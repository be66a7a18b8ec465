/**
 * The smallest story that still breaks the same promise: faults are left out as long as it does, in halves, quarters and
 * at last one by one; then it is begun at once. A story ends with its last fault, so leaving out the last shortens it.
 */
import { type StoryResult, tell } from './random-story.ts';

export interface Shrunk {
  readonly keep: readonly number[];
  readonly early: boolean;
  readonly result: StoryResult;
}

/** `I2 at 17.3 ms: ...` and `bug: ...` begin with what was broken. */
const brokenIn = ({ failures }: StoryResult): string | undefined => failures[0]?.split(/[ :]/)[0];

/** `tellingsMax` bounds the work: each try tells a whole story. */
export function shrink(failed: StoryResult, tellingsMax = 80): Shrunk {
  const { seed } = failed;
  const broken = brokenIn(failed);
  let best: Shrunk = { keep: failed.plan.faults.map(({ number }) => number), early: false, result: failed };
  let left = tellingsMax;
  const attempt = (keep: readonly number[], early: boolean): boolean => {
    if (left <= 0) return false;
    left -= 1;
    const result = tell(seed, { keep, early });
    if (brokenIn(result) !== broken) return false;
    best = { keep, early, result };
    return true;
  };
  for (let size = Math.ceil(best.keep.length / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let end = best.keep.length; end > 0; end -= size) {
      const without = best.keep.filter((_, index) => index < end - size || index >= end);
      if (without.length < best.keep.length) attempt(without, best.early);
    }
  }
  attempt(best.keep, true);
  return best;
}

/** What to type to see a story again. */
export function replayCommand(seed: number, { keep, early }: Pick<Shrunk, 'keep' | 'early'>): string {
  return `npm run simulate -- --seed ${seed} --keep ${keep.join(',')}${early ? ' --early' : ''}`;
}
