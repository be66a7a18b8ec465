/**
 * Scenes in which a promise is at stake, for the negative controls: a mirror whose members are as they should be comes through
 * without a violation, one with the broken member does not. Each gives what the checkers complained about.
 */
import type { World } from '../../src/simulation/world.ts';
import { mirror, qosTimeoutMs, reach, role, trouble } from './scenes.ts';

/** The scene goes on until something is violated, and no further. */
function violationsIn(world: World, play: () => void): string[] {
  try {
    play();
  } catch (error) {
    if (world.checkers.violations.length === 0) throw error;
  }
  return world.checkers.violations.map(({ promise, text }) => `${promise}: ${text}`);
}

/** The primary is isolated while much is under way to its backup, which gets the licence. */
function isolated(): string[] {
  const world = mirror({ updateEveryMs: 10 });
  return violationsIn(world, () => {
    world.network.slowDown('A', 'B', 0.1 * qosTimeoutMs);
    world.run(0.5 * qosTimeoutMs);
    world.isolate('A');
    reach(world, 'B primary', () => role(world, 'B') === 'primary');
    world.run(5 * qosTimeoutMs);
  });
}

/** The active backup is lost while the disk of the primary does not answer, and then it does. */
function lostWhileFlushing(): string[] {
  const world = mirror({ arbiter: false, updateEveryMs: 5 });
  return violationsIn(world, () => {
    const primary = world.member('A');
    primary.diskHangs = true;
    world.run(0.2 * qosTimeoutMs);
    world.kill('B');
    reach(world, 'trouble', () => trouble(world, 'A') !== null);
    primary.diskHangs = false;
    world.run(0.5 * qosTimeoutMs);
  });
}

/** A person makes a second history, and the member with the first one comes back. */
function twoHistories(): string[] {
  const world = mirror({ arbiter: false });
  return violationsIn(world, () => {
    world.isolate('A');
    world.run(4 * qosTimeoutMs);
    world.member('B').overrule('force-primary');
    reach(world, 'B primary', () => role(world, 'B') === 'primary');
    world.kill('A');
    world.healAll();
    world.restart('A');
    reach(world, 'A out of its search', () => ['halted', 'attached'].includes(role(world, 'A')));
  });
}

/** A member that is away is removed by a primary that has just been isolated. */
function removedAndLost(): string[] {
  const world = mirror();
  return violationsIn(world, () => {
    world.kill('C');
    reach(world, 'A has lost C', () => world.member('A').process?.state.serving.members.size === 1);
    world.isolate('A');
    world.member('A').membership.remove('C', () => {});
    reach(world, 'B primary', () => role(world, 'B') === 'primary');
  });
}

export const directed: Readonly<Record<string, () => string[]>> = {
  I1: isolated,
  I3: isolated,
  I4: lostWhileFlushing,
  I7: twoHistories,
  'CFG-069': removedAndLost,
};
