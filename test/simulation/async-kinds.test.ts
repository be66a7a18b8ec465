/** Kinds of asyncs in whole simulated mirrors: A primary, B its active backup, C a DR async, R a reporting async. */
import { expect, test } from '@jest/globals';
import type { World } from '../../src/simulation/world.ts';
import { isActive, mirror, nothingIsLost, qosTimeoutMs, reach, role, serves, stays } from './scenes.ts';

const four = (): World => mirror({ asyncs: 1, reporting: 'Read-Only Reporting' });
const type = (world: World, name: string) => world.member(name).kind.type;
const isFlagCleared = (world: World, name: string): boolean => world.member(name).disk.flagCleared;
const told = (world: World, text: string): boolean => world.timeline.some((line) => line.includes(text));
const isDrAt = (world: World, primary: string, name: string): boolean =>
  world.member(primary).disk.set?.members.find((each) => each.name === name)?.type === 'Disaster Recovery';

function promote(world: World, name: string, partner: string | null = null): void {
  const order = { command: 'promote', partner, hold: false, lineage: `promoted-${name}`, atMs: 0, evidence: 'none' };
  world.member(name).kind.promote(order as Parameters<ReturnType<World['member']>['kind']['promote']>[0]);
}

/** B takes its time to agree that it is no failover member any more. */
function slowBackup(world: World): void {
  world.network.slowDown('A', 'B', 0.3 * qosTimeoutMs);
  world.network.slowDown('B', 'A', 0.3 * qosTimeoutMs);
}

test('FO-003 FO-077: a reporting async follows, counts for nothing, and is promoted neither with a primary nor without one', () => {
  const world = four();
  promote(world, 'R');
  expect(told(world, 'this member is a reporting async; only a disaster recovery async can be promoted')).toBe(true);
  world.kill('A');
  world.kill('B');
  reach(world, 'R has no primary', () => role(world, 'R') === 'seeking');
  promote(world, 'R', 'none');
  stays(world, 'R is no primary', () => role(world, 'R') === 'seeking', 5 * qosTimeoutMs);
  expect(world.member('R').failoverMember).toBe(false);
  promote(world, 'C');
  nothingIsLost(world, 'C');
  reach(world, 'R follows C', () => role(world, 'R') === 'attached');
});

test('FO-077 CFG-050: one that has become a DR async is promoted, and is the backup that takes over', () => {
  const world = four();
  world.member('R').kind.becomeType('Disaster Recovery');
  reach(world, 'R is a DR async', () => type(world, 'R') === 'Disaster Recovery');
  promote(world, 'R');
  reach(world, 'R is active', () => isActive(world, 'R'));
  world.kill('A');
  nothingIsLost(world, 'R');
});

test('DB-040 DB-042 CFG-052: with cleared flags it becomes no DR async, nor is it promoted, before its copies are replaced', () => {
  const world = four();
  const { kind } = world.member('R');
  kind.clearFlags();
  expect(isFlagCleared(world, 'R')).toBe(true);
  kind.becomeType('Disaster Recovery');
  stays(world, 'R is a reporting async', () => type(world, 'R') === 'Read-Only Reporting', qosTimeoutMs);
  kind.replaceCopies();
  kind.becomeType('Disaster Recovery');
  reach(world, 'R is a DR async', () => type(world, 'R') === 'Disaster Recovery');
  kind.clearFlags();
  expect(isFlagCleared(world, 'R')).toBe(false);
});

test('FO-077 CFG-050: the primary changes no type of a member that it is making a failover member', () => {
  const world = four();
  slowBackup(world);
  promote(world, 'C');
  reach(world, 'A waits for B', () => world.member('A').process?.state.serving.change != null);
  world.member('C').kind.becomeType('Read-Only Reporting', true);
  expect(world.member('A').membership.changeTypeOf('C', 'Read-Only Reporting')).toBeNull();
  reach(world, 'C is a failover member', () => world.member('C').failoverMember);
  expect([type(world, 'C'), isFlagCleared(world, 'C')]).toEqual(['Failover', false]);
  reach(world, 'C is active', () => isActive(world, 'C'), 20 * qosTimeoutMs);
});

test('FO-077 DB-042: a promotion under way when the primary has already made the async a reporting one is refused', () => {
  const world = four();
  // The answer to the first order is on its way longer than the second order.
  world.network.slowDown('A', 'C', 0.4 * qosTimeoutMs);
  world.member('C').kind.becomeType('Read-Only Reporting', true);
  reach(world, 'A has written it', () => !isDrAt(world, 'A', 'C'));
  expect(type(world, 'C')).toBe('Disaster Recovery');
  promote(world, 'C');
  reach(world, 'C is refused', () => told(world, 'C is a reporting async for its primary'));
  reach(world, 'C knows', () => type(world, 'C') === 'Read-Only Reporting');
  serves(world, 'A');
  expect(world.member('C').failoverMember).toBe(false);
});

test('FO-083 DB-042: a type that a lost primary had changed is forgotten by the next one, and cleared flags keep the member from being promoted', () => {
  const world = four();
  world.network.cutOneWay('A', 'B');
  world.member('C').kind.becomeType('Read-Only Reporting', true);
  reach(world, 'C has cleared its flags', () => isFlagCleared(world, 'C'));
  world.crashHost('A');
  serves(world, 'B', 20 * qosTimeoutMs);
  expect(isDrAt(world, 'B', 'C')).toBe(true);
  world.member('B').membership.change((set) => set);
  reach(world, 'C is a DR async again', () => type(world, 'C') === 'Disaster Recovery');
  promote(world, 'C');
  stays(world, 'C is an async', () => !world.member('C').failoverMember, 3 * qosTimeoutMs);
  world.member('C').kind.replaceCopies();
  promote(world, 'C');
  reach(world, 'C is active', () => isActive(world, 'C'), 20 * qosTimeoutMs);
});
