/**
 * The smallest story that still breaks the same promise: faults are left out as long as it does, in halves, quarters and
 * at last one by one; then it is begun at once. A story ends with its last fault, so leaving out the last shortens it.
 */
import { type StoryResult, tell } from './random-story.ts';

export interface Shrunk {
  readonly keep: readonly number[];
  readonly early: boolean;
  readonly result: StoryResult;
  /** What ended the search for a smaller one; null = there is none to be found this way. */
  readonly ended: string | null;
}

/** How much work it may be. */
export interface ShrinkLimits {
  /** Each try tells a whole story. */
  readonly tellings: number;
  /** Is the time over? */
  readonly isOver: () => boolean;
}

/** One that goes on for so much longer than the one that failed is another story. */
const longerAtMost = 3;

/** `I2 at 17.3 ms: ...` and `bug: ...` begin with what was broken. */
const brokenIn = ({ failures }: StoryResult): string | undefined => failures[0]?.split(/[ :]/)[0];

export function shrink(failed: StoryResult, { tellings, isOver }: ShrinkLimits): Shrunk {
  const { seed } = failed;
  const broken = brokenIn(failed);
  const doneMax = failed.world.clock.done * longerAtMost;
  let best = { keep: failed.plan.faults.map(({ number }) => number), early: false, result: failed };
  let told = 0;
  let ended: string | null = null;
  const attempt = (keep: readonly number[], early: boolean): void => {
    if (told >= tellings) ended ??= `${tellings} stories were told`;
    else if (isOver()) ended ??= `the time was over after ${told} stories`;
    if (ended !== null) return;
    told += 1;
    const result = tell(seed, { keep, early, doneMax });
    if (result.world.clock.done < doneMax && brokenIn(result) === broken) best = { keep: [...keep], early, result };
  };
  for (let size = Math.ceil(best.keep.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let end = best.keep.length; end > 0 && ended === null; end -= size) {
      const without = best.keep.filter((_, index) => index < end - size || index >= end);
      if (without.length < best.keep.length) attempt(without, best.early);
    }
  }
  attempt(best.keep, true);
  return { ...best, ended };
}

/** What to type to see a story again. */
export function replayCommand(seed: number, { keep, early }: Pick<Shrunk, 'keep' | 'early'>): string {
  return `npm run simulate -- --seed ${seed} --keep ${keep.join(',')}${early ? ' --early' : ''}`;
}
