/**
 * One seed = one story: what story-plan.ts drew happens, while checkers.ts watches, and at the end a healed core must make
 * progress (liveness.ts). A story fails when a promise was violated, when the core does not recover, or when too little was
 * acknowledged for the story to be about anything. It is a function of the seed and of the faults that are kept (shrinking.ts).
 */
import { faultCalled } from './faults.ts';
import { heal, mustProgress } from './liveness.ts';
import type { MemberDisk } from './member-disk.ts';
import { chanceFrom } from './random.ts';
import { type Core, type PlannedFault, planOf, type StoryPlan } from './story-plan.ts';
import { World } from './world.ts';

export interface Telling {
  /** Numbers of the faults that happen; all when absent. */
  readonly keep?: readonly number[];
  /** The first fault that happens does so at once, and the others at their distance to it. */
  readonly early?: boolean;
  /** Put every message into the timeline. */
  readonly verbose?: boolean;
  /** The story fails when more things happen in it (messages, timers, completions); without it none does. */
  readonly doneMax?: number;
  /** Origin of the machines' clocks, see `WorldOptions`. */
  readonly upForMs?: number;
}

export interface StoryResult {
  readonly seed: number;
  readonly plan: StoryPlan;
  readonly world: World;
  readonly failures: readonly string[];
  /** How long the core needed, in QoS timeouts; null = it was not asked. */
  readonly recoveryInQos: number | null;
}

/** Fewer acknowledged updates than this, and the story was not about anything. */
const acknowledgedMin = 20;

export function tell(seed: number, telling: Telling = {}): StoryResult {
  const plan = planOf(seed);
  const { verbose = false, upForMs = 0, doneMax = Number.POSITIVE_INFINITY } = telling;
  const world = new World({ ...plan.options, verbose, upForMs });
  world.clock.doneMax = doneMax;
  const failures: string[] = [];
  let recoveryInQos: number | null = null;
  try {
    recoveryInQos = play(world, plan, telling, failures);
  } catch (error) {
    const text = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    world.tell('**', `a member fails: ${text}`);
    failures.push(`bug: ${text}`);
  }
  for (const { promise, text, atMs } of world.checkers.violations)
    failures.unshift(`${promise} at ${atMs.toFixed(1)} ms: ${text}`);
  return { seed, plan, world, failures, recoveryInQos };
}

/**
 * The faults that are kept, and the rests between them. Begun early, a sparse story keeps its rests: without one it would have to live
 * through the days between two faults, update by update.
 */
function whatHappens(plan: StoryPlan, { keep, early }: Telling) {
  const faults = keep === undefined ? plan.faults : plan.faults.filter(({ number }) => keep.includes(number));
  const offsetMs = early ? (faults[0]?.atMs ?? 0) : 0;
  return {
    faults: faults.map((planned) => ({ ...planned, atMs: planned.atMs - offsetMs })),
    rests: plan.restsAtMs.map((atMs) => atMs - offsetMs).filter((atMs) => atMs > 0),
  };
}

function play(world: World, plan: StoryPlan, telling: Telling, failures: string[]): number | null {
  const { checkers } = world;
  const isBroken = (): boolean => checkers.violations.length > 0;
  if (plan.slow) slowEverything(world);
  world.create();
  world.run(plan.settleMs);
  if (plan.kind === 'sparse') world.load(null);
  const beginMs = world.clock.nowMs;
  const { faults, rests } = whatHappens(plan, telling);
  for (const planned of faults) {
    while (rests[0] !== undefined && rests[0] < planned.atMs && !isBroken()) {
      const atMs = beginMs + (rests.shift() as number);
      // Where faults are left out, one rest comes hours after the other.
      sleepUntil(world, plan, atMs);
      rest(world, plan, 'everything', atMs, failures);
    }
    sleepUntil(world, plan, beginMs + planned.atMs);
    world.run(beginMs + planned.atMs - world.clock.nowMs);
    if (isBroken() || failures.length > 0) return null;
    strike(world, plan.seed, planned);
  }
  for (const atMs of rests) {
    sleepUntil(world, plan, beginMs + atMs);
    rest(world, plan, 'everything', beginMs + atMs, failures);
  }
  if (plan.kind === 'dense') world.run(plan.options.qosTimeoutMs * 2);
  if (isBroken() || failures.length > 0) return null;
  const recoveryInQos = progress(world, plan.core, failures);
  if (checkers.acked.length < acknowledgedMin && failures.length === 0 && !isBroken())
    failures.push(`only ${checkers.acked.length} updates acknowledged`);
  return recoveryInQos;
}

function strike(world: World, seed: number, { number, name, lastsMs, forEver }: PlannedFault): void {
  const chance = chanceFrom(seed ^ Math.imul(number, 0x9e37_79b1));
  world.tell('!!', `fault ${number}`);
  const end = faultCalled(name).strike(world, chance, name, lastsMs);
  if (end !== null && !forEver) world.later(lastsMs, end);
}

/** Who the members are may be known to a member outside the core alone: then everything must come back (FO-083). */
function progress(world: World, planned: Core, failures: string[]): number | null {
  const core = world.members.some(({ disk }) => isChanged(disk)) ? 'everything' : planned;
  heal(world, core);
  return mustProgress(world, core, failures);
}

function isChanged({ record, set }: MemberDisk): boolean {
  return record.failoverMembers !== null || record.removed !== null || set === null || set.removed !== undefined;
}

/** Sparse: all is healed and comes to rest; then the clients are idle. */
function rest(world: World, plan: StoryPlan, core: Core, atMs: number, failures: string[]): void {
  world.run(atMs - world.clock.nowMs);
  if (world.checkers.violations.length > 0 || failures.length > 0) return;
  progress(world, core, failures);
  world.load(null);
  world.run(plan.options.qosTimeoutMs * 5);
}

/** Sparse: time is skipped as soon as nothing happens; clients set something again before the next fault. */
function sleepUntil(world: World, plan: StoryPlan, atMs: number): void {
  if (world.updateEveryMs !== null || plan.kind === 'dense') return;
  const qos = plan.options.qosTimeoutMs;
  const wakeMs = atMs - qos * 2;
  const giveUpMs = world.clock.nowMs + qos * 60;
  while (world.clock.nowMs < wakeMs && world.checkers.violations.length === 0) {
    if (world.sleep(wakeMs - world.clock.nowMs)) break;
    if (world.clock.nowMs > giveUpMs) return world.checkers.complain('I8', 'a mirror at rest does not come to rest');
    world.run(qos / 2);
  }
  world.loadAsPlanned();
}

/** In some stories links and disks are slow from the beginning. */
function slowEverything(world: World): void {
  const { chance, options } = world;
  for (const [a, b] of [
    ['A', 'B'],
    ['A', 'X'],
    ['B', 'X'],
  ] as const)
    if (chance.happens(0.6)) world.network.slowDown(a, b, chance.between(0, 0.35) * options.qosTimeoutMs);
  if (!chance.happens(0.4)) return;
  for (const host of world.members) host.slowDiskMs = chance.between(0, 0.2) * options.qosTimeoutMs;
}
