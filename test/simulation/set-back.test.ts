/** FO-090: the disk of a member is set back to an older state of itself, as by restoring a snapshot of its powered-off machine. */
import { expect, test } from '@jest/globals';
import type { World } from '../../src/simulation/world.ts';
import { acked, isActive, mirror, nothingIsLost, qosTimeoutMs, reach, role, serves, stays, trouble } from './scenes.ts';

/** Taken of a disk; what it gives sets the disk back to that state. */
function snapshot(world: World, name: string): () => void {
  const { state } = world.member(name).disk;
  const ackedThen = world.checkers.acked.length;
  return () => {
    world.fault(`the disk of ${name} is set back`);
    world.member(name).setBack(state, ackedThen);
  };
}

/** Clients are told of updates that the snapshot lacks. */
function goesOn(world: World): void {
  const before = acked(world);
  reach(world, 'the mirror goes on', () => acked(world) > before + 20);
}

test.each(['B', 'C'])('FO-090: %s is set back while A is primary: it fetches what it lacks', (name) => {
  const world = mirror();
  const setBack = snapshot(world, name);
  goesOn(world);
  setBack();
  world.restart(name);
  reach(world, `${name} follows`, () => role(world, name) === 'attached', 20 * qosTimeoutMs);
  reach(world, 'a mirror at rest', () => world.checkers.atRest() === null, 20 * qosTimeoutMs);
  world.kill('A');
  nothingIsLost(world, 'B');
});

test('FO-090: a former primary that was set back before a takeover fetches the newer reign from the agent of the other', () => {
  const world = mirror();
  const setBack = snapshot(world, 'A');
  goesOn(world);
  world.kill('A');
  serves(world, 'B');
  setBack();
  world.kill('B');
  world.restart('A');
  nothingIsLost(world, 'A');
});

test('FO-090, FO-088: a reign of a number that it had before is another one: who followed the first one halts', () => {
  const world = mirror();
  world.load(null);
  world.kill('B');
  reach(world, 'A waits for nobody', () => trouble(world, 'A') === null, 10 * qosTimeoutMs);
  const setBack = snapshot(world, 'A');
  const reigns = (): void => {
    world.restart('A');
    serves(world, 'A');
    expect(world.member('A').disk.record.epoch.number).toBe(2);
  };
  world.kill('A');
  world.load(60);
  reigns();
  goesOn(world);
  const { elements } = world.member('C').disk;
  world.crashHost('C');
  setBack();
  reigns();
  reach(world, 'it writes more than C has', () => world.member('A').disk.elements.length > elements.length + 20);
  world.restart('C');
  reach(world, 'C halts', () => role(world, 'C') === 'halted', 20 * qosTimeoutMs);
});

test('FO-090: without the newer data it becomes primary only by force, and all others are rebuilt', () => {
  const world = mirror();
  const setBack = snapshot(world, 'A');
  goesOn(world);
  for (const name of ['B', 'C']) world.crashHost(name);
  setBack();
  const lacks = world.checkers.acked.filter((element) => !world.member('A').disk.holds(element, 1e9));
  expect(lacks.length).toBeGreaterThan(20);
  world.restart('A');
  stays(world, 'A waits', () => role(world, 'A') === 'seeking', 10 * qosTimeoutMs);
  world.member('A').overrule('force-primary');
  serves(world, 'A');
  for (const name of ['B', 'C']) {
    world.restart(name);
    reach(world, `${name} halts`, () => role(world, name) === 'halted', 20 * qosTimeoutMs);
    world.member(name).rebuild();
    reach(world, `${name} follows`, () => role(world, name) === 'attached', 20 * qosTimeoutMs);
  }
  reach(world, 'B is the active backup', () => isActive(world, 'B'), 20 * qosTimeoutMs);
  world.kill('A');
  nothingIsLost(world, 'B');
});

test('FO-090, FO-088: forced on a disk that knows nothing of two later reigns of the other, it stays primary', () => {
  const world = mirror();
  const setBack = snapshot(world, 'A');
  world.kill('A');
  serves(world, 'B');
  world.kill('B');
  world.restart('B');
  serves(world, 'B');
  goesOn(world);
  expect(world.member('B').disk.record.epoch.number).toBe(3);
  for (const name of ['B', 'C']) world.crashHost(name);
  setBack();
  world.restart('A');
  world.member('A').overrule('force-primary');
  serves(world, 'A');
  for (const name of ['B', 'C']) {
    world.restart(name);
    reach(world, `${name} halts`, () => role(world, name) === 'halted', 20 * qosTimeoutMs);
    expect(role(world, 'A')).toBe('primary');
    world.member(name).rebuild();
    reach(world, `${name} follows`, () => role(world, name) === 'attached', 20 * qosTimeoutMs);
  }
  reach(world, 'B is the active backup', () => isActive(world, 'B'), 20 * qosTimeoutMs);
  world.kill('A');
  nothingIsLost(world, 'B');
});

test.each(['B', 'C'])('FO-090: %s, set back by several lives of its process, is taken in again', (name) => {
  const world = mirror();
  const setBack = snapshot(world, name);
  for (let lives = 0; lives < 3; lives += 1) {
    world.kill(name);
    world.restart(name);
    reach(world, `${name} follows`, () => role(world, name) === 'attached', 20 * qosTimeoutMs);
  }
  goesOn(world);
  setBack();
  world.restart(name);
  reach(world, `${name} follows`, () => role(world, name) === 'attached', 20 * qosTimeoutMs);
  reach(world, 'a mirror at rest', () => world.checkers.atRest() === null, 20 * qosTimeoutMs);
  world.kill('A');
  nothingIsLost(world, 'B');
});

/** The disk of A, the last primary, is set back within its reign; B has what it lacks, and nobody runs. */
function lastPrimaryIsSetBack(): World {
  const world = mirror();
  const setBack = snapshot(world, 'A');
  goesOn(world);
  world.kill('B');
  setBack();
  return world;
}

test('FO-090: whoever followed, and has more of the reign than the primary that was set back, halts at nothing', () => {
  const world = lastPrimaryIsSetBack();
  world.member('A').boot();
  world.restart('B');
  nothingIsLost(world, 'B');
  world.restart('A');
  reach(world, 'A follows', () => role(world, 'A') === 'attached', 20 * qosTimeoutMs);
});

function startsWithoutAgents(world: World): void {
  for (const name of ['A', 'B']) {
    world.restart(name);
    world.member(name).agent.die();
  }
}

test('FO-090: the last primary, set back within its reign, fetches what it lacks from the agent of the other', () => {
  const world = lastPrimaryIsSetBack();
  world.restart('A');
  nothingIsLost(world, 'A');
  expect(world.checkers.takeoversBy.get('agent-down')).toBe(1);
});

test('FO-090: where both run, the one with more of the last reign goes first, not the one whose reign it was', () => {
  const world = lastPrimaryIsSetBack();
  startsWithoutAgents(world);
  nothingIsLost(world, 'B');
  reach(world, 'A follows', () => role(world, 'A') === 'attached', 20 * qosTimeoutMs);
});

test('FO-090: one that was set back before its last reign leaves it to the other, who followed it there', () => {
  const world = mirror();
  world.kill('A');
  serves(world, 'B');
  world.restart('A');
  reach(world, 'A is the active backup', () => isActive(world, 'A'), 20 * qosTimeoutMs);
  const setBack = snapshot(world, 'A');
  world.kill('B');
  serves(world, 'A');
  world.restart('B');
  reach(world, 'B is the active backup', () => isActive(world, 'B'), 20 * qosTimeoutMs);
  goesOn(world);
  world.kill('B');
  setBack();
  startsWithoutAgents(world);
  nothingIsLost(world, 'B');
});

test.each([
  ['asks the agent of the other', (world: World) => world.restart('A')],
  ['meets the other', startsWithoutAgents],
])(
  'FO-090: one that was set back before its last reign, of which the other has nothing, goes first: it %s',
  (_, start) => {
    const world = mirror();
    world.kill('B');
    reach(world, 'A waits for nobody', () => trouble(world, 'A') === null, 10 * qosTimeoutMs);
    goesOn(world);
    const setBack = snapshot(world, 'A');
    world.kill('A');
    world.restart('A');
    serves(world, 'A');
    // B hears of the new reign, and its disk takes nothing of it.
    const b = world.member('B');
    b.diskHangs = true;
    world.restart('B');
    reach(world, 'B follows', () => role(world, 'B') === 'attached', 20 * qosTimeoutMs);
    world.crashHost('B');
    b.diskHangs = false;
    expect(b.disk.record.epoch.number).toBe(2);
    setBack();
    b.boot();
    start(world);
    nothingIsLost(world, 'A');
    expect(world.member('A').disk.record.epoch.number).toBe(3);
  },
);

test('FO-090, FO-061: an active backup that was set back, and is active by its disk, fetches what it lacks', () => {
  const world = mirror();
  const setBack = snapshot(world, 'B');
  expect(world.member('B').disk.record.wasActive).not.toBeNull();
  goesOn(world);
  setBack();
  world.kill('A');
  world.restart('B');
  nothingIsLost(world, 'B');
});

test('FO-090: a partner that takes no part and has more of the last reign does not give way', () => {
  const world = lastPrimaryIsSetBack();
  world.restart('B');
  world.member('B').order({ command: 'stop-mirror' });
  world.restart('A');
  stays(world, 'A waits', () => role(world, 'A') === 'seeking', 10 * qosTimeoutMs);
  world.member('B').order({ command: 'start-mirror' });
  reach(world, 'a primary', () => world.primary !== undefined, 20 * qosTimeoutMs);
  nothingIsLost(world, world.primary?.name as string);
});
