/** What the scripted stories share: a mirror at rest, and words for where everybody is. */
import { describe as describeMember } from '../../src/simulation/checkers.ts';
import { World, type WorldOptions } from '../../src/simulation/world.ts';

export const qosTimeoutMs = 1000;

/** A mirror at rest: A primary, B its active backup, in arbiter controlled mode if there is an arbiter. */
export function mirror(changes: Partial<WorldOptions> = {}): World {
  const world = new World({ seed: 7, qosTimeoutMs, arbiter: true, asyncs: 1, ...changes });
  world.create();
  reach(world, 'a mirror at rest', () => world.checkers.atRest() === null && world.checkers.acked.length > 5);
  return world;
}

/** Let time pass until it is so; fails with the timeline. */
export function reach(world: World, what: string, isSo: () => boolean, limitMs = 10 * qosTimeoutMs): void {
  if (world.runUntil(isSo, limitMs) && world.checkers.violations.length === 0) return;
  const where = world.members.map(describeMember).join('; ');
  throw new Error(`not reached: ${what} (${where})\n${world.timeline.slice(-60).join('\n')}`);
}

/** Let time pass, during which it stays so. */
export function stays(world: World, what: string, isSo: () => boolean, durationMs: number): void {
  world.runUntil(() => !isSo(), durationMs);
  if (isSo() && world.checkers.violations.length === 0) return;
  throw new Error(`did not stay: ${what}\n${world.timeline.slice(-60).join('\n')}`);
}

export const role = (world: World, name: string): string => world.member(name).process?.state.role ?? 'no process';
export const trouble = (world: World, name: string) => world.member(name).process?.state.serving.trouble ?? null;
export const servingMode = (world: World, name: string) => world.member(name).process?.state.serving.mode;
export const isActive = (world: World, name: string): boolean =>
  world.member(name).process?.state.record.wasActive != null;
export const acked = (world: World): number => world.checkers.acked.length;

/** The primary goes on: it is primary, out of trouble, and clients get answers. */
export function serves(world: World, name: string, limitMs?: number): void {
  let before = -1;
  const isSo = (): boolean => {
    if (role(world, name) !== 'primary' || trouble(world, name) !== null) {
      before = -1;
      return false;
    }
    if (before < 0) before = acked(world);
    return acked(world) > before + 3;
  };
  reach(world, `${name} serves`, isSo, limitMs);
}

/** Every fault healed, everybody running: the mirror comes to rest with nothing lost. */
export function recovers(world: World): void {
  world.healAll();
  if (world.options.arbiter) world.arbiter.start();
  for (const host of world.members) {
    host.disk.readable = true;
    world.thaw(host.name);
    world.restart(host.name);
    host.agent.alive = true;
  }
  // A former primary that is forced down now stays down until somebody starts it (FO-009).
  world.run(4 * qosTimeoutMs);
  for (const host of world.members) world.restart(host.name);
  const before = acked(world);
  reach(
    world,
    'a mirror at rest',
    () => world.checkers.atRest() === null && acked(world) > before + 5,
    40 * qosTimeoutMs,
  );
  keepsAll(world);
}

/** Every update that a client was told of is where the rules say it is, and no promise is broken. */
export function keepsAll(world: World): void {
  world.checkers.allKept();
  if (world.checkers.violations.length > 0) throw new Error(JSON.stringify(world.checkers.violations));
}

/** A client's update of before is in the journal of the primary, and it serves. */
export function nothingIsLost(world: World, primary: string): void {
  serves(world, primary);
  keepsAll(world);
}
