/** Lets a world run on without faults, fairly: repairs first, then what is under way, then time. It makes the beginnings of
 * the searches, and shows of any world that it does not get stuck. */
import { keyOf } from './canonical-key.ts';
import type { Coverage } from './coverage.ts';
import { type Kind, Moves, type Terms } from './moves.ts';
import type { World } from './plain-world.ts';
import type { Play } from './play.ts';

interface Choice {
  readonly play: Play;
  readonly kind: Kind;
  readonly label: string;
}

const order: readonly Kind[] = ['repair', 'disk', 'message', 'closed', 'client', 'tick', 'operator', 'timer', 'retry'];

/** What a run may be told besides. */
export interface Steering {
  /** Keys that are known to reach the goal. */
  readonly settled?: Set<number>;
  /** Moves that take longer than this run. */
  readonly isLate?: (label: string, play: Play) => boolean;
}

export interface FairEnd {
  readonly world: World;
  readonly reached: boolean;
  readonly told: readonly string[];
}

export function runFair(
  from: World,
  terms: Terms,
  coverage: Coverage,
  isReached: (world: World) => boolean,
  { settled = new Set(), isLate = () => false }: Steering = {},
): FairEnd {
  let world = from;
  const told: string[] = [];
  const keys: number[] = [];
  const seen = new Map<number, number>();
  for (let turn = 0; turn < 400; turn += 1) {
    const key = keyOf(world);
    if (isReached(world) || settled.has(key)) {
      for (const passed of keys) settled.add(passed);
      return { world, reached: true, told };
    }
    keys.push(key);
    const visits = seen.get(key) ?? 0;
    seen.set(key, visits + 1);
    const choice = choose(world, terms, coverage, visits, isLate);
    if (choice === null) break;
    told.push(choice.label);
    world = choice.play.world;
  }
  return { world, reached: false, told };
}

/** The first move of the most urgent kind; a world met again takes another one of the moves that wait for nobody. */
function choose(
  world: World,
  terms: Terms,
  coverage: Coverage,
  visits: number,
  isLate: NonNullable<Steering['isLate']>,
): Choice | null {
  const choices: Choice[] = [];
  new Moves(world, { ...terms, faults: new Set() }, coverage, false, (play, kind, label) => {
    if (kind !== 'window' && !isLate(label, play)) choices.push({ play, kind, label });
  }).all();
  const key = keyOf(world);
  const urgent = choices
    .filter(({ play }) => keyOf(play.world) !== key)
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind));
  return urgent[visits % Math.max(1, urgent.length)] ?? null;
}
