/** Planned tests and maintenance in whole simulated mirrors, step by step: A primary, B its active backup, C a DR async. */
import { beforeEach, expect, test } from '@jest/globals';
import type { World } from '../../src/simulation/world.ts';
import { isActive, keepsAll, mirror, reach, role, serves } from './scenes.ts';

let world: World;
beforeEach(() => {
  world = mirror();
});

function stop(name: string): void {
  world.member(name).order({ command: 'stop-instance', noFailover: false });
  reach(world, `${name} is stopped`, () => role(world, name) === 'no process');
}

function promote(name: string): void {
  const lineage = `promoted-${name}`;
  world.member(name).order({ command: 'promote', partner: null, hold: false, lineage, atMs: 0, evidence: 'none' });
}

const isAsync = (name: string): boolean => role(world, name) === 'attached' && !world.member(name).failoverMember;

function becomesBackup(name: string): void {
  reach(world, `${name} is the active backup`, () => isActive(world, name));
}

/** It has what the primary had when it was asked, and holds no right. */
function followsAsAsync(name: string): void {
  const { flushed } = (world.primary ?? world.member('A')).disk;
  reach(world, `${name} follows as a DR async`, () => isAsync(name) && world.member(name).disk.applied >= flushed);
}

/** A former failover member that was down comes back as an async and is promoted. */
function returnsAsBackup(name: string): void {
  world.restart(name);
  followsAsAsync(name);
  promote(name);
  becomesBackup(name);
}

/** The drill is over: everybody has the place that the procedure names, nobody was forced, and nothing is lost. */
function endsWith(primary: string, backup: string, async: string): void {
  serves(world, primary);
  becomesBackup(backup);
  followsAsAsync(async);
  keepsAll(world);
  expect(world.checkers.mayDiverge).toBe(false);
}

test('PROC-037: a planned test of disaster recovery: C becomes primary and gives it back, B is promoted again', () => {
  promote('C');
  becomesBackup('C');
  followsAsAsync('B');
  stop('A');
  serves(world, 'C');
  world.restart('A');
  becomesBackup('A');
  stop('C');
  serves(world, 'A');
  promote('B');
  becomesBackup('B');
  world.restart('C');
  endsWith('A', 'B', 'C');
});

test('PROC-038: the same without a private network for C: it gets what it lacks from the agent of A', () => {
  stop('B');
  serves(world, 'A');
  followsAsAsync('C');
  stop('A');
  reach(world, 'C has no primary', () => role(world, 'C') === 'seeking');
  promote('C');
  serves(world, 'C');
  expect(world.checkers.decisions.get('fetches journal data from the agent')).toBe(1);
  stop('C');
  world.restart('A');
  serves(world, 'A');
  returnsAsBackup('B');
  world.restart('C');
  endsWith('A', 'B', 'C');
});

test('PROC-039: maintenance of B while C stands in for it', () => {
  promote('C');
  becomesBackup('C');
  followsAsAsync('B');
  stop('B');
  serves(world, 'A');
  returnsAsBackup('B');
  endsWith('A', 'B', 'C');
});

test('PROC-040: maintenance of A while B is primary and C its backup', () => {
  stop('A');
  serves(world, 'B');
  promote('C');
  becomesBackup('C');
  returnsAsBackup('A');
  followsAsAsync('C');
  stop('B');
  serves(world, 'A');
  world.restart('B');
  endsWith('A', 'B', 'C');
});

test('PROC-041: after the host of A is lost C stands in; A comes back as a DR async, is promoted and gets its role again', () => {
  world.crashHost('A');
  serves(world, 'B');
  followsAsAsync('C');
  promote('C');
  becomesBackup('C');
  returnsAsBackup('A');
  stop('B');
  serves(world, 'A');
  world.restart('B');
  endsWith('A', 'B', 'C');
});
