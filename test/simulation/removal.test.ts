/** Removal, leaving and joining again in whole simulated mirrors: A primary, B its active backup, C and D asyncs. */
import { expect, test } from '@jest/globals';
import { comeBack } from '../../src/simulation/removal-faults.ts';
import type { World } from '../../src/simulation/world.ts';
import { isActive, mirror, nothingIsLost, qosTimeoutMs, reach, role, serves, stays, trouble } from './scenes.ts';

const remove = (world: World, name: string, by = 'A'): void => world.member(by).membership.remove(name, () => {});
const isForgotten = (world: World, name: string, by = 'A'): boolean => !world.member(by).membership.knows(name);
const isRemoved = (world: World, name: string): boolean => world.member(name).disk.record.removed !== null;
const isUntold = (world: World, name: string, by = 'A'): boolean =>
  world.member(by).disk.set?.untold?.some((each) => each.name === name) ?? false;

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
  reach(world, 'B is forgotten', () => isForgotten(world, 'B') && !isUntold(world, 'B'));
});

test('CFG-069: a removal that a primary had told and not written down is made good by its successor', () => {
  const world = mirror();
  remove(world, 'C');
  reach(world, 'C has it on disk', () => isRemoved(world, 'C'));
  expect(isForgotten(world, 'C')).toBe(false);
  world.kill('A');
  serves(world, 'B');
  reach(world, 'C is forgotten', () => isForgotten(world, 'C', 'B') && !isUntold(world, 'C', 'B'));
  world.restart('A');
  reach(world, 'A has it from B', () => isActive(world, 'A') && isForgotten(world, 'C'));
  nothingIsLost(world, 'B');
});

test('CFG-066: a backup that has left without its primary is taken out of the mirror set when that is back', () => {
  const world = mirror();
  world.kill('A');
  world.member('B').process?.post({ type: 'removed', by: 'its operator', removeAttribute: false });
  reach(world, 'B has left', () => role(world, 'B') === 'stopped');
  world.restart('A');
  serves(world, 'A');
  reach(world, 'B is forgotten', () => isForgotten(world, 'B') && isForgotten(world, 'B', 'C'));
  nothingIsLost(world, 'A');
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

test('CFG-069: that a member which is away is removed, is told when the backup that may take over knows it', () => {
  const world = mirror();
  world.kill('C');
  reach(world, 'A has lost C', () => world.member('A').process?.state.serving.members.size === 1);
  world.network.slowDown('A', 'B', 0.3 * qosTimeoutMs);
  let isTold = false;
  world.member('A').membership.remove('C', (isRemoved) => {
    isTold = isRemoved;
  });
  reach(world, 'the operator is told', () => isTold);
  // What was told a moment ago arrives no more.
  world.isolate('A');
  serves(world, 'B');
  expect(isForgotten(world, 'C', 'B')).toBe(true);
  expect(world.checkers.memberships.kept).toBeGreaterThan(0);
  world.healAll();
  reach(world, 'A has ended', () => role(world, 'A') !== 'primary', 10 * qosTimeoutMs);
  world.restart('C');
  reach(world, 'C knows it', () => isRemoved(world, 'C'));
  nothingIsLost(world, 'B');
});

test('CFG-027: whoever joins is answered when the backup that may take over knows it', () => {
  const world = mirror();
  remove(world, 'C');
  reach(world, 'C is out', () => isForgotten(world, 'C', 'B') && isRemoved(world, 'C'));
  world.network.slowDown('A', 'B', 0.3 * qosTimeoutMs);
  comeBack(world, world.member('C'));
  reach(world, 'C is in the mirror', () => world.member('C').disk.set !== null);
  world.isolate('A');
  serves(world, 'B');
  expect(isForgotten(world, 'C', 'B')).toBe(false);
  expect(world.checkers.memberships.kept).toBeGreaterThan(0);
  world.healAll();
  reach(world, 'A has ended', () => role(world, 'A') !== 'primary', 10 * qosTimeoutMs);
  reach(world, 'C follows', () => role(world, 'C') === 'attached');
  nothingIsLost(world, 'B');
});

test('CFG-069: a removal that the backup has not heard of before it takes over is told to nobody as done', () => {
  const world = mirror();
  world.kill('C');
  reach(world, 'A has lost C', () => world.member('A').process?.state.serving.members.size === 1);
  world.isolate('A');
  const told: boolean[] = [];
  world.member('A').membership.remove('C', (isRemoved) => told.push(isRemoved));
  serves(world, 'B', 20 * qosTimeoutMs);
  expect(isForgotten(world, 'C')).toBe(true);
  expect(isForgotten(world, 'C', 'B')).toBe(false);
  world.healAll();
  reach(world, 'A has ended', () => role(world, 'A') !== 'primary', 10 * qosTimeoutMs);
  expect(told).not.toContain(true);
});

test('CFG-069: whoever takes over with the journal from the agent knows who was removed while there was no backup', () => {
  const world = mirror();
  world.kill('B');
  world.kill('C');
  reach(world, 'A is alone with D', () => world.member('A').process?.state.serving.members.size === 1);
  let isTold = false;
  world.member('A').membership.remove('C', (isRemoved) => {
    isTold = isRemoved;
  });
  reach(world, 'the operator is told', () => isTold);
  world.kill('A');
  world.restart('B');
  serves(world, 'B', 20 * qosTimeoutMs);
  expect(isForgotten(world, 'C', 'B')).toBe(true);
  expect(world.checkers.memberships.kept).toBeGreaterThan(0);
  world.restart('C');
  reach(world, 'C knows it', () => isRemoved(world, 'C'));
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

test('CFG-069: a former primary that was cut off when it was removed hears of it at the first contact', () => {
  const world = mirror();
  world.isolate('A');
  serves(world, 'B');
  reach(world, 'A is in trouble', () => trouble(world, 'A') !== null);
  remove(world, 'A', 'B');
  reach(world, 'A is forgotten', () => isForgotten(world, 'A', 'B'));
  stays(world, 'A does not know it', () => !isRemoved(world, 'A') && isUntold(world, 'A', 'B'), 3 * qosTimeoutMs);
  world.healAll();
  reach(world, 'A knows it', () => isRemoved(world, 'A') && !isUntold(world, 'A', 'B'), 2 * qosTimeoutMs);
  nothingIsLost(world, 'B');
  comeBack(world, world.member('A'));
  reach(world, 'A is active', () => isActive(world, 'A'), 20 * qosTimeoutMs);
});

test('CFG-069: a member that was forced in ignorance of its removal gives up when a primary calls that it does not even know', () => {
  const world = mirror({ arbiter: false });
  remove(world, 'C');
  reach(world, 'C is out', () => isForgotten(world, 'C') && isForgotten(world, 'C', 'B') && isRemoved(world, 'C'));
  world.isolate('B');
  reach(world, 'A goes on', () => world.member('A').process?.state.serving.counted === null, 20 * qosTimeoutMs);
  remove(world, 'B');
  reach(world, 'B is forgotten', () => isForgotten(world, 'B'));
  comeBack(world, world.member('C'));
  reach(world, 'C is active', () => isActive(world, 'C'), 20 * qosTimeoutMs);
  world.kill('A');
  serves(world, 'C', 20 * qosTimeoutMs);
  remove(world, 'A', 'C');
  world.crashHost('A');
  world.member('B').overrule('force-primary');
  reach(world, 'B reigns beside C', () => role(world, 'B') === 'primary', 20 * qosTimeoutMs);
  stays(world, 'B does not know it', () => !isRemoved(world, 'B') && isUntold(world, 'B', 'C'), 3 * qosTimeoutMs);
  world.healAll();
  reach(world, 'B knows it', () => isRemoved(world, 'B') && !isUntold(world, 'B', 'C'), 3 * qosTimeoutMs);
  expect(role(world, 'B')).toBe('halted');
  nothingIsLost(world, 'C');
});

test('CFG-069: one that has heard of its removal elsewhere and has ended its mirror configuration is called no more', () => {
  const world = mirror();
  world.kill('C');
  remove(world, 'C');
  reach(world, 'C is forgotten', () => isForgotten(world, 'C'));
  stays(world, 'nobody has told C', () => isUntold(world, 'C'), 3 * qosTimeoutMs);
  world.restart('C');
  reach(world, 'C knows it', () => isRemoved(world, 'C'));
  reach(world, 'A knows that', () => !isUntold(world, 'C'), 2 * qosTimeoutMs);
  nothingIsLost(world, 'A');
});

test('CFG-056: a member that was away while another one joined that is primary now is called by it', () => {
  const world = mirror({ asyncs: 2 });
  remove(world, 'D');
  reach(world, 'D is out', () => isForgotten(world, 'D') && isRemoved(world, 'D'));
  world.isolate('C');
  comeBack(world, world.member('D'));
  reach(world, 'D follows', () => role(world, 'D') === 'attached', 20 * qosTimeoutMs);
  const lineage = 'promoted-D';
  world.member('D').order({ command: 'promote', partner: null, hold: false, lineage, atMs: 0, evidence: 'none' });
  reach(world, 'D is active', () => isActive(world, 'D'), 20 * qosTimeoutMs);
  world.kill('A');
  serves(world, 'D', 20 * qosTimeoutMs);
  world.kill('B');
  world.healAll();
  reach(world, 'C follows D', () => world.member('C').process?.state.attachment?.to === 'D', 4 * qosTimeoutMs);
  nothingIsLost(world, 'D');
});
