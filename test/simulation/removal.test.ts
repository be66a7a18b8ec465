/** Removal, leaving and joining again in whole simulated mirrors: A primary, B its active backup, C and D asyncs. */
import { expect, test } from '@jest/globals';
import { comeBack } from '../../src/simulation/removal-faults.ts';
import type { World } from '../../src/simulation/world.ts';
import { isActive, mirror, qosTimeoutMs, reach, role, serves, stays } from './scenes.ts';

const remove = (world: World, name: string, by = 'A'): void => world.member(by).membership.remove(name, () => {});
const isForgotten = (world: World, name: string, by = 'A'): boolean => !world.member(by).membership.knows(name);
const isRemoved = (world: World, name: string): boolean => world.member(name).disk.record.removed !== null;

function nothingIsLost(world: World, primary: string): void {
  serves(world, primary);
  world.checkers.allKept();
  expect(world.checkers.violations).toEqual([]);
}

test('CFG-069: the active backup is removed: it gives up its right, never takes over, and joins again as an empty backup', () => {
  const world = mirror();
  remove(world, 'B');
  reach(world, 'B is out', () => isForgotten(world, 'B') && isRemoved(world, 'B'));
  world.crashHost('A');
  stays(world, 'B is not primary', () => role(world, 'B') === 'stopped', 10 * qosTimeoutMs);
  world.restart('A');
  serves(world, 'A');
  comeBack(world, world.member('B'));
  reach(world, 'B is active', () => isActive(world, 'B'), 20 * qosTimeoutMs);
  world.kill('A');
  nothingIsLost(world, 'B');
});

test('CFG-069: a hello that was under way when its sender was removed makes no backup that the primary has forgotten', () => {
  const world = mirror({ arbiter: false, asyncs: 0 });
  world.kill('B');
  serves(world, 'A');
  world.network.slowDown('A', 'B', 0.6 * qosTimeoutMs);
  world.member('B').start();
  const isDialled = (): boolean => world.member('B').process?.state.seeking.helloOver !== null;
  reach(world, 'B has dialled', isDialled, 20 * qosTimeoutMs);
  remove(world, 'B');
  reach(world, 'B is forgotten', () => isForgotten(world, 'B'));
  world.network.slowDown('A', 'B', 0);
  reach(world, 'B has heard of it', () => isRemoved(world, 'B'), 20 * qosTimeoutMs);
  expect(world.checkers.decisions.get('did not take in B')).toBeGreaterThan(0);
  nothingIsLost(world, 'A');
});

test('CFG-069: a backup that was active and comes back in its ignorance is turned away by the agent of the dead primary', () => {
  const world = mirror({ arbiter: false });
  world.kill('B');
  reach(world, 'A goes on', () => world.member('A').process?.state.serving.counted === null);
  remove(world, 'B');
  reach(world, 'B is forgotten', () => isForgotten(world, 'B'));
  world.kill('A');
  world.member('B').start();
  reach(world, 'B has heard of it', () => isRemoved(world, 'B'));
  stays(world, 'B is not primary', () => role(world, 'B') === 'stopped', 5 * qosTimeoutMs);
});

test('CFG-069: a primary that dies between its word and its mirror set starts without the one that it removed', () => {
  const world = mirror({ asyncs: 0 });
  remove(world, 'B');
  reach(world, 'B has it on disk', () => isRemoved(world, 'B'));
  expect(isForgotten(world, 'B')).toBe(false);
  world.kill('A');
  world.restart('A');
  nothingIsLost(world, 'A');
  remove(world, 'B');
  reach(world, 'B is forgotten', () => isForgotten(world, 'B'));
});

test('CFG-066: a backup leaves, and the mirror goes on without it', () => {
  const world = mirror();
  world.member('B').membership.leave();
  reach(world, 'B is out', () => isForgotten(world, 'B') && isRemoved(world, 'B'));
  nothingIsLost(world, 'A');
});

test('CFG-069 FO-078: nobody is removed while he is promoted: the primary would count on a partner that its mirror set forgets', () => {
  const world = mirror({ asyncs: 2 });
  const lineage = 'promoted-C';
  world.network.slowDown('A', 'B', 0.3 * qosTimeoutMs);
  world.member('C').order({ command: 'promote', partner: null, hold: false, lineage, atMs: 0, evidence: 'none' });
  const isUnderWay = (): boolean => world.member('A').process?.state.serving.change !== null;
  reach(world, 'the promotion is under way', isUnderWay);
  remove(world, 'C');
  reach(world, 'the promotion is done', () => !isUnderWay());
  world.run(4 * qosTimeoutMs);
  const partner = world.member('A').process?.state.settings.partner ?? null;
  expect(partner === null || world.member('A').membership.knows(partner)).toBe(true);
  nothingIsLost(world, 'A');
});

test('CFG-069: a member that joins again is not turned away by one that has kept a removal which the mirror lost at a takeover', () => {
  const world = mirror();
  world.kill('C');
  remove(world, 'C');
  reach(world, 'C is forgotten', () => isForgotten(world, 'C'));
  world.cut('A', 'B');
  world.kill('A');
  serves(world, 'B');
  expect(isForgotten(world, 'C', 'B')).toBe(false);
  world.heal('A', 'B');
  world.restart('A');
  reach(world, 'A is active', () => isActive(world, 'A'));
  world.restart('C');
  reach(world, 'C has heard of it', () => isRemoved(world, 'C') || role(world, 'C') === 'attached');
  comeBack(world, world.member('C'));
  reach(world, 'C follows', () => role(world, 'C') === 'attached');
  stays(world, 'C follows', () => role(world, 'C') === 'attached', 3 * qosTimeoutMs);
  expect(isForgotten(world, 'C')).toBe(false);
  nothingIsLost(world, 'B');
});

test('CFG-027: a primary in trouble takes nobody in, since it may be primary no more', () => {
  const world = mirror();
  remove(world, 'C');
  reach(world, 'C is out', () => !world.member('A').membership.knows('C'));
  world.isolate('A');
  reach(world, 'A is in trouble', () => world.member('A').process?.state.serving.trouble != null);
  world.heal('A', 'C');
  comeBack(world, world.member('C'));
  stays(world, 'C is in no mirror', () => world.member('C').disk.set === null, qosTimeoutMs);
  world.healAll();
  reach(world, 'A has ended', () => role(world, 'A') !== 'primary', 10 * qosTimeoutMs);
  comeBack(world, world.member('C'));
  reach(world, 'C follows the new primary', () => role(world, 'C') === 'attached', 10 * qosTimeoutMs);
});
