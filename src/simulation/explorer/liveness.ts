/** I8: from any world, with everything mended and time given, the mirror serves again or waits for a person for a reason. */
import { Coverage } from './coverage.ts';
import { runFair } from './fair-run.ts';
import type { Terms } from './moves.ts';
import { hostNames, membersOf, type Node, type Who, type World, whoIs } from './plain-world.ts';

export interface Lively {
  readonly checked: number;
  /** How often each end was met. */
  readonly ends: ReadonlyMap<string, number>;
  readonly stuck: readonly string[] | null;
}

export function checkLiveness(sample: readonly World[], terms: Terms, isOver: () => boolean): Lively {
  const settled = new Set<number>();
  const ends = new Map<string, number>();
  let checked = 0;
  for (const world of sample) {
    if (isOver()) break;
    const started = { ...world, faults: 0 };
    const end = runFair(started, { ...terms, updates: 0 }, new Coverage(), (reached) => reasonOf(reached) !== null, {
      settled,
    });
    if (!end.reached) return { checked, ends, stuck: end.told };
    const reason = reasonOf(end.world) ?? 'as another';
    ends.set(reason, (ends.get(reason) ?? 0) + 1);
    checked += 1;
  }
  return { checked, ends, stuck: null };
}

/** Why this world may rest; null = it has to go on. */
function reasonOf(world: World): string | null {
  const primaries = membersOf(world).filter((who) => world.nodes[who].process?.state.role === 'primary');
  const who = primaries[0];
  if (primaries.length === 1 && who !== undefined && acknowledges(world, who)) return 'one primary serves';
  const states = world.nodes.map(({ process }) => process?.state);
  if (states.some((state) => state?.role === 'halted') && world.past.forced) return 'two histories after a force';
  return null;
}

/** It was removed, and knows it; a removal that was cut off is ordered again by a person. */
const hasLeft = ({ disk }: Node): boolean => disk.record.removed !== null;

/** Does an update that a client makes now become durable, and do all others follow? */
function acknowledges(world: World, who: Who): boolean {
  const { process, disk } = world.nodes[who];
  if (process === null || process.hung || process.gate !== 'open' || process.state.serving.trouble !== null)
    return false;
  const { serving, settings } = process.state;
  // A backup that counts has to be there, or trouble must be on its way: then the world goes on.
  if (serving.counted !== null && !serving.members.has(serving.counted.member)) return false;
  const partner = settings.partner === null ? null : world.nodes[whoIs(settings.partner)];
  if (partner !== null && !hasLeft(partner) && serving.counted?.confirmed !== true) return false;
  return membersOf(world).every((of) => {
    const other = world.nodes[of];
    const follows = other.process?.state.role === 'attached' && other.disk.journal.length === disk.journal.length;
    // A third member of another history waits for a person, and the mirror goes on without it.
    const isOut = world.past.forced && other.process?.state.role === 'halted' && settings.partner !== hostNames[of];
    return of === who || follows || isOut || hasLeft(other);
  });
}
