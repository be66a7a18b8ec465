/** Breadth-first search over all worlds that the moves lead to; the first broken promise ends it, with the shortest way there. */
import { keyOf } from './canonical-key.ts';
import type { Coverage } from './coverage.ts';
import { type Kind, Moves, type Terms } from './moves.ts';
import type { World } from './plain-world.ts';
import type { Play } from './play.ts';
import { checkWorld } from './promises.ts';
import { StateSet } from './state-set.ts';

export interface Limits {
  readonly states: number;
  /** Is the time over? */
  readonly isOver: () => boolean;
  /** Keep every n-th world, for the check that nothing gets stuck. */
  readonly sampleEvery: number;
}

export const timeIsOver = 'the time is over';

export interface Found {
  readonly states: number;
  readonly moves: number;
  readonly depth: number;
  /** What ended the search; null = there is nothing more. */
  readonly bound: string | null;
  readonly broken: { readonly promises: readonly string[]; readonly trace: readonly string[] } | null;
  readonly sample: readonly World[];
}

export function search(beginning: World, terms: Terms, coverage: Coverage, limits: Limits): Found {
  const states = new StateSet();
  states.add(keyOf(beginning), -1, 0);
  let level: [number, World][] = [[0, beginning]];
  let depth = 0;
  let moves = 0;
  const sample: World[] = [];
  let broken: Found['broken'] = null;
  let bound: string | null = null;
  const end = (): Found => ({ states: states.size, moves, depth, bound, broken, sample });
  while (level.length > 0) {
    const next: [number, World][] = [];
    for (const [number, world] of level) {
      let ordinal = 0;
      const visit = (play: Play): void => {
        ordinal += 1;
        moves += 1;
        if (broken !== null) return;
        const isNew = states.add(keyOf(play.world), number, ordinal);
        if (isNew) checkWorld(play.world, (promise, text) => play.complain(promise, text));
        if (play.violations.length > 0) {
          const trace = retrace(beginning, terms, coverage, [...states.path(number), ordinal]);
          broken = { promises: play.violations, trace };
          return;
        }
        if (!isNew) return;
        next.push([states.size - 1, play.world]);
        if (states.size % limits.sampleEvery === 0) sample.push(play.world);
      };
      new Moves(world, terms, coverage, false, visit).all();
      if (broken !== null) return end();
      if (states.size >= limits.states) bound = `${limits.states} states`;
      else if (number % 256 === 0 && limits.isOver()) bound = timeIsOver;
      if (bound !== null) return end();
    }
    level = next;
    if (level.length > 0) depth += 1;
  }
  return end();
}

/** The same moves again, told. */
function retrace(beginning: World, terms: Terms, coverage: Coverage, path: readonly number[]): readonly string[] {
  let world = beginning;
  const told: string[] = [];
  for (const [index, wanted] of path.entries()) {
    let ordinal = 0;
    let next: World | null = null;
    new Moves(world, terms, coverage, true, (play: Play, _kind: Kind, label: string) => {
      ordinal += 1;
      if (ordinal !== wanted) return;
      next = play.world;
      told.push(`${`${index + 1}`.padStart(3)}  ${label}`, ...(play.notes ?? []).map((note) => `       ${note}`));
    }).all();
    world = next ?? world;
  }
  return told;
}
