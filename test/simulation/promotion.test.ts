/** Promotion and demotion in whole simulated mirrors: A primary, B its active backup, C and D asyncs. */
import { describe, expect, test } from '@jest/globals';
import { comeBack } from '../../src/simulation/removal-faults.ts';
import type { World } from '../../src/simulation/world.ts';
import { acked, isActive, mirror, nothingIsLost, qosTimeoutMs, reach, role, serves, stays } from './scenes.ts';

const four = (): World => mirror({ asyncs: 2 });

function promote(world: World, name: string, partner: string | null = null, hold = false): void {
  const order = { command: 'promote', partner, hold, lineage: `promoted-${name}`, atMs: 0, evidence: 'none' } as const;
  world.member(name).order(order);
}

/** Without a primary: C has noticed it. */
function promoteAlone(world: World, hold = false): void {
  reach(world, 'C has no primary', () => role(world, 'C') === 'seeking');
  promote(world, 'C', 'none', hold);
}

const names = (world: World, name: string): string =>
  [...(world.member(name).disk.record.failoverMembers?.names ?? [])].sort().join(' ');
const told = (world: World, text: string): boolean => world.timeline.some((line) => line.includes(text));

function kill(world: World, ...killed: string[]): void {
  for (const name of killed) world.kill(name);
}

describe('a primary is running', () => {
  test('FO-078: it becomes the partner, the old backup is demoted at once, and the promoted member becomes active', () => {
    const world = four();
    promote(world, 'C');
    reach(world, 'C is active', () => isActive(world, 'C'));
    reach(world, 'B is an async', () => role(world, 'B') === 'attached' && !world.member('B').failoverMember);
    for (const name of ['A', 'B', 'C', 'D']) reach(world, `${name} knows`, () => names(world, name) === 'A C');
    nothingIsLost(world, 'A');
    kill(world, 'A');
    nothingIsLost(world, 'C');
  });

  test('FO-086: without the private address of the primary it becomes no backup, and primary through the data of its agent', () => {
    const world = four();
    world.network.closePrivate('A', 'C');
    kill(world, 'C');
    world.restart('C');
    reach(world, 'C follows by the other address', () => role(world, 'C') === 'attached');
    promote(world, 'C');
    reach(world, 'B is an async', () => role(world, 'B') === 'attached' && !world.member('B').failoverMember);
    const isBackup = (): boolean => role(world, 'C') === 'attached' || isActive(world, 'C');
    stays(world, 'C is no backup', () => !isBackup() && role(world, 'A') === 'primary', 10 * qosTimeoutMs);
    expect(names(world, 'C')).toBe('A C');
    const before = acked(world);
    reach(world, 'A goes on alone', () => acked(world) > before + 20);
    kill(world, 'A');
    nothingIsLost(world, 'C');
    expect(world.checkers.takeoversBy.get('agent-down')).toBe(1);
    world.network.openPrivate('A', 'C');
    world.restart('A');
    reach(world, 'A is the active backup', () => isActive(world, 'A'), 20 * qosTimeoutMs);
  });

  test('FO-078: a backup that is away is demoted at its next start, and never takes over meanwhile', () => {
    const world = four();
    world.crashHost('B');
    reach(world, 'A goes on', () => world.member('A').process?.state.serving.counted === null);
    promote(world, 'C');
    reach(world, 'C is active', () => isActive(world, 'C'));
    world.isolate('C');
    world.isolate('D');
    kill(world, 'A');
    world.restart('B');
    reach(world, 'B has heard of it from the agent of A', () => names(world, 'B') === 'A C');
    stays(world, 'B is not primary', () => role(world, 'B') !== 'primary', 10 * qosTimeoutMs);
    world.healAll();
    nothingIsLost(world, 'C');
    reach(world, 'B follows C', () => role(world, 'B') === 'attached');
  });

  test('FO-077: refused while the primary is in trouble state, and of a failover member', () => {
    const world = four();
    promote(world, 'B');
    expect(told(world, 'this member is a failover member already')).toBe(true);
    world.isolate('B');
    world.cut('A', 'X');
    reach(world, 'A is in trouble', () => world.member('A').process?.state.serving.trouble !== null);
    promote(world, 'C');
    reach(world, 'C is refused', () => told(world, 'the primary is in trouble state'));
    expect(world.member('C').failoverMember).toBe(false);
  });

  test('FO-072: nobody is demoted while no failover is set', () => {
    const world = four();
    world.member('A').order({ command: 'change-no-failover', set: true });
    reach(world, 'B has it', () => world.member('B').disk.record.noFailover);
    world.member('B').order({ command: 'demote' });
    world.member('A').order({ command: 'demote-other' });
    promote(world, 'C');
    reach(world, 'C is refused', () => told(world, 'was not promoted') || told(world, 'refused the promotion of C'));
    expect(world.members.every(({ disk }) => disk.record.failoverMembers === null)).toBe(true);
  });
});

describe('demotion', () => {
  test('FO-087: of the backup itself leaves a single failover member', () => {
    const world = four();
    world.member('B').order({ command: 'demote' });
    reach(world, 'all know', () => ['A', 'B', 'C', 'D'].every((name) => names(world, name) === 'A'));
    reach(world, 'B follows as an async', () => role(world, 'B') === 'attached' && !isActive(world, 'B'));
    nothingIsLost(world, 'A');
  });

  test('FO-063: the primary alone becomes primary again after a restart without anybody', () => {
    const world = four();
    world.member('A').order({ command: 'demote-other' });
    reach(world, 'B knows', () => names(world, 'B') === 'A' && names(world, 'A') === 'A');
    for (const name of ['B', 'C', 'D']) world.crashHost(name);
    kill(world, 'A');
    world.restart('A');
    serves(world, 'A');
  });

  test('FO-087: of a backup that is down is done through its agent, and refused where neither answers', () => {
    const world = four();
    kill(world, 'B');
    reach(world, 'A goes on', () => world.member('A').process?.state.serving.counted === null);
    world.member('B').agent.die();
    world.member('A').order({ command: 'demote-other' });
    reach(world, 'refused', () => told(world, 'and its agent do not answer'), 5 * qosTimeoutMs);
    world.member('B').agent.alive = true;
    world.member('A').order({ command: 'demote-other' });
    reach(world, 'done', () => names(world, 'A') === 'A');
    expect(world.member('B').disk.record).toMatchObject({ validatedMember: false });
    world.member('B').start();
    reach(world, 'B follows as an async', () => role(world, 'B') === 'attached' && !world.member('B').failoverMember);
    expect(world.member('B').disk.record.validatedMember).toBe(true);
  });
});

describe('no instance is running', () => {
  test('FO-079: the last primary is the partner, nothing is lost, and the old backup comes back as an async', () => {
    const world = four();
    kill(world, 'A', 'B');
    promote(world, 'C');
    nothingIsLost(world, 'C');
    expect(names(world, 'C')).toBe('A C');
    world.restart('B');
    reach(world, 'B is an async', () => role(world, 'B') === 'attached' && !world.member('B').failoverMember);
    world.restart('A');
    reach(world, 'A is the active backup', () => isActive(world, 'A'));
  });

  test('FO-080: an agent that does not answer is named, and nothing is changed', () => {
    const world = four();
    kill(world, 'A');
    world.crashHost('B');
    promote(world, 'C');
    reach(world, 'refused', () =>
      told(world, 'B: no answer of the agent; choose the failover partner (A was the last primary'),
    );
    expect(world.members.every(({ disk }) => disk.record.failoverMembers === null)).toBe(true);
  });

  test('FO-081: a partner that is not reached is waited for, and its journal data is fetched', () => {
    const world = four();
    kill(world, 'A', 'B');
    world.cut('C', 'A');
    promote(world, 'C', 'A');
    reach(world, 'C is a failover member', () => names(world, 'C') === 'A C', 5 * qosTimeoutMs);
    stays(world, 'C is not primary', () => role(world, 'C') !== 'primary', 10 * qosTimeoutMs);
    world.heal('C', 'A');
    nothingIsLost(world, 'C');
  });

  test('FO-081: a partner that is not reached may not have been the last primary: losses are accepted, and the reign is one of its own', () => {
    const world = four();
    world.crashHost('B');
    reach(world, 'A goes on', () => world.member('A').process?.state.serving.counted === null);
    world.isolate('C');
    const before = acked(world);
    reach(world, 'A acknowledges alone', () => acked(world) > before + 5);
    kill(world, 'A');
    world.heal('C', 'A');
    reach(world, 'C has no primary', () => role(world, 'C') === 'seeking');
    promote(world, 'C', 'B');
    reach(world, 'C is a failover member', () => names(world, 'C') === 'B C', 5 * qosTimeoutMs);
    world.heal('C', 'B');
    world.restart('B');
    reach(world, 'one of the two is primary', () => ['B', 'C'].some((name) => role(world, name) === 'primary'));
    expect(world.primary?.disk.record.epoch.lineage).toBe('promoted-C');
    expect(world.checkers.violations).toEqual([]);
  });

  test('FO-082 FO-083: without a partner it begins a history of its own; both former members follow without an edit', () => {
    const world = four();
    world.crashHost('A');
    world.crashHost('B');
    promoteAlone(world);
    serves(world, 'C');
    expect(world.member('C').disk.record.epoch.lineage).toBe('promoted-C');
    world.restart('B');
    world.restart('A');
    reach(world, 'both know', () => names(world, 'A') === 'C' && names(world, 'B') === 'C', 20 * qosTimeoutMs);
    stays(
      world,
      'neither is primary',
      () => role(world, 'A') !== 'primary' && role(world, 'B') !== 'primary',
      10 * qosTimeoutMs,
    );
    expect(acked(world)).toBeGreaterThan(0);
  });

  /** C and D follow A, which is alone then; C is cut off, and D too a while later: A goes on, and has what no other has. */
  function fallBehind(): World {
    const world = four();
    world.crashHost('B');
    reach(world, 'A goes on', () => world.member('A').process?.state.serving.counted === null);
    const goesOn = (what: string): void => {
      const before = acked(world);
      reach(world, what, () => acked(world) > before + 5);
    };
    for (const name of ['A', 'B', 'D', 'X']) world.cut('C', name);
    goesOn('A and D go on without C');
    const has = world.member('A').disk.end.sequence;
    reach(world, 'D has it', () => world.member('D').disk.end.sequence >= has);
    for (const name of ['A', 'B', 'X']) world.cut('D', name);
    goesOn('A goes on alone');
    world.heal('C', 'D');
    return world;
  }
  const reported = (world: World) => world.member('C').disk.record.failoverMembers?.reported;

  test('FO-082: without a partner it first has what another async has more', () => {
    const world = fallBehind();
    world.crashHost('A');
    const { end } = world.member('D').disk;
    expect(world.member('C').disk.end.sequence).toBeLessThan(end.sequence);
    promoteAlone(world);
    serves(world, 'C');
    expect(told(world, 'has fetched the journal data of D [FO-082]')).toBe(true);
    expect(reported(world)).toMatchObject({ by: 'C', records: 0, notReached: expect.arrayContaining(['A', 'B']) });
    expect(reported(world)?.from).toEqual({ epoch: end.epoch, sequence: end.sequence });
    reach(world, 'D follows', () => role(world, 'D') === 'attached');
    expect(world.checkers.violations).toEqual([]);
    expect(world.checkers).toMatchObject({ promotionsByForce: 1 });
    expect(world.checkers.losses).toBeGreaterThan(0);
  });

  test('FO-082: of an async whose instance is down its agent hands out the journal', () => {
    const world = fallBehind();
    world.crashHost('A');
    kill(world, 'D');
    promoteAlone(world);
    serves(world, 'C');
    expect(told(world, 'has fetched the journal data of D [FO-082]')).toBe(true);
    expect(world.checkers.violations).toEqual([]);
  });

  test('FO-082: what is left that a former primary has is reported, kept, and compared when it comes back', () => {
    const world = fallBehind();
    kill(world, 'A');
    world.heal('C', 'A');
    const [a, d] = [world.member('A').disk.end, world.member('D').disk.end];
    promoteAlone(world);
    serves(world, 'C');
    const lost = a.sequence - d.sequence;
    expect(reported(world)).toEqual({
      by: 'C',
      from: { epoch: d.epoch, sequence: d.sequence },
      upTo: { epoch: a.epoch, sequence: a.sequence },
      records: lost,
      notReached: ['B'],
    });
    world.healAll();
    world.restart('A');
    reach(world, 'A is back', () => ['attached', 'halted'].includes(role(world, 'A')), 20 * qosTimeoutMs);
    const compared = `the promotion of C reported ${lost} records lost; here ${lost} are`;
    expect(told(world, compared)).toBe(true);
    expect(world.checkers.violations).toEqual([]);
  });

  test('FO-082: refused where more would be lost than was accepted; what was fetched from an async is not lost', () => {
    const world = fallBehind();
    kill(world, 'A');
    world.heal('C', 'A');
    reach(world, 'C has no primary', () => role(world, 'C') === 'seeking');
    const { end } = world.member('A').disk;
    const order = {
      command: 'promote',
      partner: 'none',
      hold: false,
      lineage: 'promoted-C',
      atMs: 0,
      evidence: '',
    } as const;
    const acceptLossUpTo = (sequence: number): void =>
      world.member('C').order({ ...order, acceptLossUpTo: { epoch: end.epoch, sequence } });
    acceptLossUpTo(end.sequence - 1);
    reach(world, 'refused', () => told(world, `losses were accepted up to ${end.epoch}/${end.sequence - 1} only`));
    expect(reported(world)).toBeUndefined();
    acceptLossUpTo(end.sequence);
    serves(world, 'C');
    expect(world.checkers.violations).toEqual([]);
  });

  test('FO-079: refused while another async is connected with a primary that this one does not reach', () => {
    const world = four();
    world.isolate('C');
    world.heal('C', 'D');
    promoteAlone(world);
    reach(world, 'refused', () => told(world, 'D is connected with A, which is primary'), 10 * qosTimeoutMs);
    expect(world.member('C').failoverMember).toBe(false);
  });

  test('FO-079: a failover member that this one has not heard of is asked for, too: it may be the primary', () => {
    const world = four();
    world.member('A').membership.remove('B', () => {});
    reach(world, 'C knows that B is out', () => !world.member('C').membership.knows('B'));
    world.isolate('C');
    comeBack(world, world.member('B'));
    reach(world, 'B is the active backup', () => isActive(world, 'B'), 10 * qosTimeoutMs);
    kill(world, 'A');
    serves(world, 'B');
    world.heal('C', 'A');
    reach(world, 'C has no primary', () => role(world, 'C') === 'seeking');
    promote(world, 'C');
    reach(world, 'refused', () => told(world, 'B: no answer of the agent; choose the failover partner'));
    expect(world.member('C').failoverMember).toBe(false);
    nothingIsLost(world, 'B');
  });

  test('FO-084: a member whose agent answers has ValidatedMember 0 until a primary takes it in', () => {
    const world = four();
    kill(world, 'A', 'B');
    promoteAlone(world);
    serves(world, 'C');
    for (const name of ['A', 'B']) {
      expect(world.member(name).disk.record).toMatchObject({ validatedMember: false });
      world.restart(name);
    }
    const isBack = (name: string): boolean => ['attached', 'halted'].includes(role(world, name));
    reach(world, 'both are back', () => isBack('A') && isBack('B'), 20 * qosTimeoutMs);
  });

  test('PROC-042: with a no-failover hold it stops just before it becomes primary, until the hold is cleared', () => {
    const world = four();
    kill(world, 'A', 'B');
    promoteAlone(world, true);
    stays(world, 'C waits', () => role(world, 'C') !== 'primary', 10 * qosTimeoutMs);
    expect(names(world, 'C')).toBe('C');
    world.member('C').order({ command: 'change-no-failover', set: false });
    serves(world, 'C');
  });

  test('FO-079: refused while a failover member runs', () => {
    const world = four();
    kill(world, 'A');
    serves(world, 'B');
    world.isolate('C');
    world.heal('C', 'A');
    world.heal('C', 'B');
    world.cutOneWay('C', 'D');
    kill(world, 'B');
    world.restart('B');
    promote(world, 'C', 'none');
    reach(world, 'refused or promoted by the primary', () => told(world, 'was not promoted') || isActive(world, 'C'));
    expect(world.checkers.violations).toEqual([]);
  });

  test('FO-078: of two promotions at once one list wins, and there is never a second primary', () => {
    const world = four();
    kill(world, 'A', 'B');
    promote(world, 'C');
    promote(world, 'D');
    world.run(10 * qosTimeoutMs);
    for (const name of ['A', 'B']) world.restart(name);
    reach(
      world,
      'one primary',
      () => world.members.filter(({ process }) => process?.state.role === 'primary').length === 1,
      20 * qosTimeoutMs,
    );
    nothingIsLost(world, world.primary?.name ?? '');
  });
});

test('PROC-036: both former failover members restarted though their agents were not reached meet the promoted member first', () => {
  const world = four();
  world.crashHost('A');
  world.crashHost('B');
  promoteAlone(world);
  serves(world, 'C');
  world.cut('C', 'X');
  world.restart('A');
  world.restart('B');
  stays(
    world,
    'C alone is primary',
    () => role(world, 'A') !== 'primary' && role(world, 'B') !== 'primary',
    20 * qosTimeoutMs,
  );
  expect(names(world, 'A')).toBe('C');
});
