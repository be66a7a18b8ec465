/** Two primaries, of which a person made one: what the one tells the other when no agent answers. */
import { describe, expect, test } from '@jest/globals';
import { settingsOf } from '../../src/mirror/failover-members.ts';
import { epochsLeftOutByForce } from '../../src/mirror/limits.ts';
import { nextWakeMs } from '../../src/mirror/member.ts';
import { withoutMember } from '../../src/mirror/mirror-set.ts';
import { firstSet } from '../../src/simulation/membership.ts';
import { at, Bench, beginning, epochOf } from './bench.ts';

/** The epoch of whoever is forced where epoch 1 is the newest that is known. */
const forcedIn = 2 + epochsLeftOutByForce;
const forcedToo = epochOf(forcedIn, 'A', 'forced too');

/** B, forced while A is lost; it has to fence A. */
function forced(): Bench {
  const bench = new Bench().active().post({ type: 'closed', connection: 3, reason: 'test' });
  const order = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
  bench.post({ type: 'operator', request: 1, order }).woke();
  const request = bench.effect('ask-agent')?.request as number;
  bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'no host' } });
  const { epoch } = bench.state.record;
  bench.post({
    type: 'file-started',
    end: at(forcedIn, 5),
    history: [beginning(epochOf(1, 'A'), 0), beginning(epoch, 5)],
  });
  return bench.post({ type: 'databases-applied', to: at(forcedIn, 5) });
}

function withoutAgent(bench: Bench): Bench {
  const request = bench.woke().effect('ask-agent')?.request as number;
  return bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'refused' } });
}

test('FO-038 FO-039: a forced primary that reaches no agent dials the other and says who reigns', () => {
  const bench = withoutAgent(forced());
  expect(bench.effect('dial')?.to).toBe('A');
  bench.post({ type: 'dialled', to: 'A', connection: 9 });
  expect(bench.sent('reign')).toBeDefined();
});

test('FO-038: a stale primary that hears of a higher reign goes down', () => {
  const bench = new Bench('A').primaryWithActiveBackup();
  bench.from('B', 11, epochOf(2, 'B', 'forced'), { type: 'reign' });
  expect(bench.state.role).toBe('down');
});

test('FO-038 FO-090: who has stopped because of an epoch begins one above it the next time, also where nobody tells it again', () => {
  const bench = new Bench('A').primaryWithActiveBackup();
  bench.from('C', 11, epochOf(1005, 'B', 'forced'), { type: 'reign' });
  const { record } = bench.state;
  const restarted = new Bench('A').started({ record, settings: { partner: null, failoverMembers: ['A'] } }).woke();
  expect(restarted.state).toMatchObject({ role: 'becoming', record: { epoch: { number: 1006 } } });
});

test.each([1, 2, 9])(
  'FO-038 FO-090: forced, it answers with its own reign to one of epoch %i, and goes on',
  (number) => {
    const bench = forced().from('A', 11, epochOf(number, 'A', 'later'), { type: 'reign' });
    expect(bench.sent('reign')).toBeDefined();
    expect(bench.state.role).toBe('primary');
  },
);

test('FO-088: two histories of one epoch number: both halt, the one that was told answers first', () => {
  const bench = forced().from('A', 11, forcedToo, { type: 'reign' });
  expect(bench.effects.map(({ type }) => type).indexOf('send')).toBe(0);
  expect(bench.state.role).toBe('halted');
  const asker = withoutAgent(forced()).post({ type: 'dialled', to: 'A', connection: 9 });
  asker.from('A', 9, forcedToo, { type: 'reign' });
  expect(asker.state.role).toBe('halted');
});

test('FO-088: one that the agent tells of another history halts, and tells the other, which halts too', () => {
  const bench = forced();
  const request = bench.woke().effect('ask-agent')?.request as number;
  bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch: forcedToo } });
  expect(bench.state.role).toBe('halted');
  expect(bench.effect('dial')?.to).toBe('A');
  bench.post({ type: 'dialled', to: 'A', connection: 9 });
  expect(bench.sent('reign')).toBeDefined();
});

test('FO-088: a member that has halted because of two histories says so to the primary of the other one', () => {
  const bench = forced().from('A', 11, forcedToo, { type: 'reign' });
  bench.from('A', 12, forcedToo, { type: 'reign' });
  expect(bench.sent('reign')).toBeDefined();
});

describe('FO-083 FO-088: somebody was promoted by force beside the reign of a former failover member', () => {
  /** C, the only failover member of a list of its own. */
  function promoted(): Bench {
    const failoverMembers = { epoch: 2, number: 1, names: ['C'] };
    const record = { epoch: epochOf(1, 'A'), failoverMembers: { ...failoverMembers, epoch: 1 } };
    const bench = new Bench('C').started({ record, end: at(1, 5), history: [beginning(epochOf(1, 'A'), 0)] }).woke();
    const { epoch } = bench.state.record;
    bench.post({ type: 'file-started', end: at(2, 5), history: [beginning(epoch, 5)] });
    bench.post({ type: 'databases-applied', to: at(2, 5) });
    expect(bench.state).toMatchObject({ role: 'primary', record: { failoverMembers } });
    return bench;
  }
  const another = epochOf(2, 'A', 'another');
  const hello = { type: 'hello', failoverMember: true, primaryOfEpoch: true, hello: 1, journalEnd: at(2, 9) } as const;

  test('FO-083: the promoted member goes on: the list has chosen, and the other hears of it', () => {
    expect(promoted().from('A', 9, another, { type: 'reign' }).sent('reign')?.failoverMembers?.names).toEqual(['C']);
    const halted = { type: 'reign', failoverMembers: { epoch: 2, number: 1, names: ['C'] } } as const;
    expect(promoted().from('A', 9, another, halted).state.role).toBe('primary');
    expect(promoted().from('A', 9, another, hello).sent('welcome')?.failoverMembers?.names).toEqual(['C']);
  });

  test('FO-088: of two lists of which none is newer neither has chosen: both halt', () => {
    const failoverMembers = { epoch: 2, number: 1, names: ['A'] };
    expect(promoted().from('A', 9, another, { type: 'reign', failoverMembers }).state.role).toBe('halted');
    expect(promoted().from('A', 9, another, { ...hello, failoverMembers }).state.role).toBe('halted');
  });
});

test('FO-009: one that has come meanwhile is told nothing over the connection that was dialled for it', () => {
  const bench = withoutAgent(forced()).from('A', 8, epochOf(1, 'A'), {
    type: 'hello',
    failoverMember: true,
    primaryOfEpoch: false,
    hello: 1,
    journalEnd: at(1, 5),
  });
  bench.post({ type: 'dialled', to: 'A', connection: 9 });
  expect(bench.sent('reign')).toBeUndefined();
  expect(bench.effect('close')).toMatchObject({ connection: 9 });
});

test('FO-064: a member that is not primary lets a reign go and remembers its epoch', () => {
  const bench = new Bench().started().woke().from('A', 5, epochOf(4, 'A'), { type: 'reign' });
  expect(bench.effect('close')).toMatchObject({ connection: 5 });
  expect(bench.state.epochHeard).toBe(4);
});

test('FO-088: the only failover member that met another history does not go on by itself after a restart', () => {
  const bench = new Bench().started({ settings: { partner: null, failoverMembers: ['B'] } }).woke();
  expect(bench.state.role).toBe('becoming');
  const { epoch } = bench.state.record;
  bench.post({ type: 'file-started', end: at(1, 0), history: [beginning(epoch, 0)] });
  bench.post({ type: 'databases-applied', to: at(1, 0) });
  bench.from('A', 9, epochOf(1, 'A', 'another'), { type: 'reign' });
  expect(bench.state.role).toBe('halted');
  const { record } = bench.state;
  const restarted = new Bench().started({ record, settings: { partner: null, failoverMembers: ['B'] } }).woke();
  expect(restarted.state.role).toBe('seeking');
  expect(restarted.state.seeking.lastFailure).toContain('another history');
  // A person chooses it: its next reign is one of its own.
  const order = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
  restarted.post({ type: 'operator', request: 1, order });
  expect(restarted.state.role).toBe('becoming');
});

test('FO-087: a former primary that is not known to be down is not demoted', () => {
  const bench = forced().post({ type: 'operator', request: 2, order: { command: 'demote-other' } });
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'not-down' });
});

test('FO-039: the answer about a former primary that is no failover member any more is let go', () => {
  const bench = forced();
  const request = bench.woke().effect('ask-agent')?.request as number;
  bench.post({ type: 'settings-changed', settings: { ...bench.state.settings, partner: null } });
  bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'refused' } });
  expect(bench.effect('dial')).toBeUndefined();
  expect(bench.state.serving.fencing).toBeNull();
});

describe('FO-083 FO-084: former failover members that may not have heard that others are', () => {
  const failoverMembers = { epoch: 3, number: 2, names: ['B', 'C'] };
  const members = ['A', 'B', 'C', 'D'];

  /** B took over from C, the promoted one. */
  function successor(lineage: string): Bench {
    const of = (number: number, owner: string, by = 'first') => ({ ...epochOf(number, owner, by) });
    const record = { epoch: of(3, 'B', lineage), primaryOfEpoch: true, failoverMembers };
    const history = [beginning(of(1, 'A'), 0), beginning(of(2, 'C', lineage), 5), beginning(of(3, 'B', lineage), 9)];
    const settings = { members, partner: 'C', failoverMembers: ['B', 'C'] };
    const bench = new Bench().started({ record, settings, end: at(3, 9), history }).woke();
    bench.from('C', 9, of(2, 'C', lineage), {
      type: 'hello',
      failoverMember: true,
      primaryOfEpoch: false,
      hello: 1,
      journalEnd: at(2, 9),
    });
    for (const name of ['A', 'D']) bench.woke().post({ type: 'dial-failed', to: name, reason: 'away' });
    bench.woke(1000).from('C', 9, of(2, 'C', lineage), {
      type: 'hello',
      failoverMember: true,
      primaryOfEpoch: false,
      hello: 2,
      journalEnd: at(2, 9),
    });
    const { epoch } = bench.state.record;
    bench.post({ type: 'file-started', end: at(4, 9), history: [...history, beginning(epoch, 9)] });
    bench.post({ type: 'databases-applied', to: at(4, 9) });
    expect(bench.state.role).toBe('primary');
    return bench;
  }

  test('FO-083 FO-084: the successor of a promoted one calls them, too, as everybody that is not connected, until each follows', () => {
    const bench = successor('promoted-C');
    expect(nextWakeMs(bench.state)).toBeLessThanOrEqual(bench.nowMs);
    bench.woke();
    expect(bench.effects.flatMap((effect) => (effect.type === 'dial' ? [effect.to] : []))).toEqual(['A', 'C', 'D']);
    bench.post({ type: 'dialled', to: 'A', connection: 20 });
    expect(bench.sent('reign')?.failoverMembers?.names).toEqual(['B', 'C']);
  });
});

describe('CFG-056: a primary tells its mirror set to whoever is not connected', () => {
  const old = {
    ...firstSet(1000, [
      ['A', 'Failover'],
      ['B', 'Failover'],
      ['C', 'Disaster Recovery'],
    ]),
    epoch: 1,
  };
  const newer = {
    ...firstSet(1000, [
      ['A', 'Failover'],
      ['B', 'Failover'],
      ['C', 'Disaster Recovery'],
      ['D', 'Disaster Recovery'],
    ]),
    epoch: 1,
    revision: 2,
  };
  const reign = { type: 'reign', mirrorSet: newer } as const;
  const record = { epoch: epochOf(2, 'A') };

  test('it calls each of them every QoS timeout, and one that was just removed at once', () => {
    const bench = new Bench('A').primaryWithActiveBackup().knows(old).woke();
    const called = (): string[] => bench.effects.flatMap((effect) => (effect.type === 'dial' ? [effect.to] : []));
    expect(called()).toEqual(['C']);
    expect(bench.woke(600).effect('dial')).toBeUndefined();
    expect(bench.backupHeard(2).woke(399).effect('dial')).toBeUndefined();
    expect(bench.woke(1) && called()).toEqual(['C']);
    bench.post({ type: 'dialled', to: 'C', connection: 9 });
    expect(bench.sent('reign')).toEqual({ type: 'reign', mirrorSet: old });
    const without = withoutMember(old, { name: 'C', removeAttribute: false });
    bench.knows(without);
    expect(nextWakeMs(bench.state)).toBe(bench.nowMs);
    expect(bench.woke() && called()).toEqual(['C']);
  });

  test('the other keeps a newer one, and nothing else', () => {
    const heard = (epoch = epochOf(2, 'A'), told = newer, name = 'B') =>
      new Bench(name)
        .started({ record, settings: settingsOf(old, name) })
        .woke()
        .from('D', 5, epoch, { ...reign, mirrorSet: told })
        .effect('mirror-set');
    expect(heard()).toEqual({ type: 'mirror-set', mirrorSet: newer });
    expect(heard(epochOf(3, 'D'))).toBeDefined();
    expect(heard(epochOf(2, 'A'), old)).toBeUndefined();
    // A reign that is over, or one beside that which this member knows.
    expect(heard(epochOf(1, 'D'))).toBeUndefined();
    expect(heard(epochOf(2, 'D', 'another'))).toBeUndefined();
    // A set without this member that does not say that it was removed.
    expect(heard(epochOf(2, 'A'), newer, 'E')).toBeUndefined();
  });

  test('one that reigns itself keeps its own', () => {
    const bench = new Bench('A').primary().knows(old);
    expect(bench.from('B', 5, epochOf(1, 'A'), reign).effect('mirror-set')).toBeUndefined();
    expect(bench.state.role).toBe('primary');
  });

  test('whoever becomes primary stands for its set, but not in a history that a person forced here', () => {
    const bench = new Bench('A').started({ settings: { partner: null } }).woke();
    bench.post({ type: 'file-started', end: at(1, 0), history: [beginning(bench.state.record.epoch, 0)] });
    const renews = (each: Bench): boolean => each.effect('renew-mirror-set') !== undefined;
    expect(renews(bench.post({ type: 'databases-applied', to: at(1, 0) }))).toBe(true);
    expect(renews(forced())).toBe(false);
  });

  test('a member that joined at a later primary is not taken in by an earlier one', () => {
    const bench = new Bench('A').primary().knows(old);
    const hello = { failoverMember: true, primaryOfEpoch: false, hello: 1, journalEnd: at(1, 0) };
    bench.from('D', 5, epochOf(0, ''), { type: 'hello', ...hello });
    expect(bench.sent('welcome')).toBeUndefined();
    expect(bench.effect('close')).toMatchObject({ connection: 5 });
  });
});
