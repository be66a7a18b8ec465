/** Two primaries, of which a person made one: what the one tells the other when no agent answers. */
import { describe, expect, test } from '@jest/globals';
import { at, Bench, beginning, epochOf } from './bench.ts';

/** B, forced in epoch 2 while A is lost; it has to fence A. */
function forced(): Bench {
  const bench = new Bench().active().post({ type: 'closed', connection: 3, reason: 'test' });
  const order = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
  bench.post({ type: 'operator', request: 1, order }).woke();
  const request = bench.effect('ask-agent')?.request as number;
  bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'no host' } });
  const { epoch } = bench.state.record;
  bench.post({ type: 'file-started', end: at(2, 5), history: [beginning(epochOf(1, 'A'), 0), beginning(epoch, 5)] });
  return bench.post({ type: 'databases-applied', to: at(2, 5) });
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

test('FO-038: a primary of a higher epoch answers with its own reign and goes on', () => {
  const bench = forced().from('A', 11, epochOf(1, 'A'), { type: 'reign' });
  expect(bench.sent('reign')).toBeDefined();
  expect(bench.state.role).toBe('primary');
});

test('FO-088: two histories of one epoch number: both halt, the one that was told answers first', () => {
  const bench = forced().from('A', 11, epochOf(2, 'A', 'resumed'), { type: 'reign' });
  expect(bench.effects.map(({ type }) => type).indexOf('send')).toBe(0);
  expect(bench.state.role).toBe('halted');
  const asker = withoutAgent(forced()).post({ type: 'dialled', to: 'A', connection: 9 });
  asker.from('A', 9, epochOf(2, 'A', 'resumed'), { type: 'reign' });
  expect(asker.state.role).toBe('halted');
});

test('FO-088: one that the agent tells of another history halts, and tells the other, which halts too', () => {
  const bench = forced();
  const request = bench.woke().effect('ask-agent')?.request as number;
  const resumed = epochOf(2, 'A', 'resumed');
  bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch: resumed } });
  expect(bench.state.role).toBe('halted');
  expect(bench.effect('dial')?.to).toBe('A');
  bench.post({ type: 'dialled', to: 'A', connection: 9 });
  expect(bench.sent('reign')).toBeDefined();
});

test('FO-088: a member that has halted because of two histories says so to the primary of the other one', () => {
  const bench = forced().from('A', 11, epochOf(2, 'A', 'resumed'), { type: 'reign' });
  bench.from('A', 12, epochOf(2, 'A', 'resumed'), { type: 'reign' });
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

test('FO-009: once the other is fenced nobody is dialled any more', () => {
  const bench = withoutAgent(forced());
  const { serving } = bench.state;
  bench.state = { ...bench.state, serving: { ...serving, fencing: null } };
  bench.post({ type: 'dialled', to: 'A', connection: 9 });
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
