/** Every decision leaves a note behind, and every decision not to act: with its rule and the facts it looked at. */
import { describe, expect, test } from '@jest/globals';
import type { Facts } from '../../src/mirror/effects.ts';
import type { DownRecord } from '../../src/mirror/messages.ts';
import { at, Bench, beginning, epochOf, qosTimeoutMs } from './bench.ts';

const primary = epochOf(1, 'A');
const wentOn: DownRecord = {
  incarnation: 4,
  epoch: primary,
  primaryOfEpoch: true,
  activeBackup: null,
  noFailover: false,
  stoppedByOperator: false,
};

interface Noted {
  readonly what: string;
  readonly rules: readonly string[];
  readonly facts: Facts;
}

function notes(bench: Bench): readonly Noted[] {
  return bench.effects.filter((effect) => effect.type === 'note') as unknown as readonly Noted[];
}

function noted(what: string, rules: string, facts: Facts): object {
  return expect.objectContaining({ what, rules: rules.split(' '), facts: expect.objectContaining(facts) });
}

/** An active backup whose primary went silent; its question to the agent is under way. */
function asking(bench = new Bench().active()): { bench: Bench; request: number } {
  bench.woke(qosTimeoutMs);
  return { bench, request: bench.effect('ask-agent')?.request as number };
}

describe('a backup without its primary', () => {
  test('FO-012, FO-021: losing the primary is noted with how long it was silent, and what this member was', () => {
    const bench = new Bench().active().woke(qosTimeoutMs);
    const facts = { primary: 'A', wasActive: true, term: 1, epoch: 1, silentForMs: qosTimeoutMs, mode: 'agent' };
    expect(notes(bench)).toContainEqual(noted('lost the primary', 'FO-021', facts));
  });

  test('FO-022: the agent says that the primary runs', () => {
    const { bench, request } = asking();
    bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch: primary } });
    const facts = { other: 'A', isPrimary: true, otherEpoch: 1, wasActive: true, withoutPrimaryForMs: 0 };
    expect(notes(bench)).toContainEqual(noted('did not take over: the other runs', 'FO-022', facts));
  });

  test('FO-026, FO-027: the process of the primary cannot be killed', () => {
    const { bench, request } = asking();
    bench.post({ type: 'agent-answered', request, answer: { says: 'unkillable' } });
    expect(notes(bench)).toContainEqual(
      noted('did not take over: the other cannot be killed', 'FO-026 FO-027', { other: 'A' }),
    );
  });

  test('FO-024: the primary went on alone, so its data is fetched first, and a fetch that fails is noted', () => {
    const { bench, request } = asking();
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record: wentOn } });
    const facts = { record: 'other', otherEpoch: 1, otherWaitedFor: null, wasActive: true, term: 1, other: 'A' };
    expect(notes(bench)).toContainEqual(noted('fetches journal data from the agent', 'FO-024', facts));
    const fetching = bench.effect('ask-journal')?.request as number;
    bench.post({ type: 'fetch-failed', request: fetching, reason: 'the connection broke' });
    const failed = { from: 'A', reason: 'the connection broke' };
    expect(notes(bench)).toContainEqual(noted('did not take over: journal data is missing', 'FO-024 FO-025', failed));
  });

  test('FO-023: the takeover is noted with what the record of the primary said', () => {
    const { bench, request } = asking();
    const record = { ...wentOn, activeBackup: { member: 'B', term: 1 } };
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record } });
    const facts = { right: 'agent-down', record: 'names-me', otherWaitedFor: 'B', otherWaitedInTerm: 1, term: 1 };
    expect(notes(bench)).toContainEqual(noted('takes over', 'FO-023', facts));
  });

  test('FO-072: no failover keeps it from taking over, and the note says where it is set', () => {
    const { bench, request } = asking();
    const record = { ...wentOn, noFailover: true };
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record } });
    const facts = { because: 'no failover is set', setOnOther: true };
    expect(notes(bench)).toContainEqual(noted('did not take over', 'FO-072 FO-073', facts));
  });

  test('FO-027: an agent that stays silent, with the window that is left', () => {
    const { bench, request } = asking();
    const answer = { says: 'nothing', reason: 'no route' } as const;
    bench.post({ type: 'agent-answered', request, answer }, qosTimeoutMs);
    const facts = { other: 'A', reason: 'no route', wasActive: true, term: 1, window: 'closed' };
    expect(notes(bench)).toContainEqual(noted('waits: did not become primary', 'FO-027', facts));
  });

  test('FO-003: an async never takes over', () => {
    const bench = new Bench('C', false);
    bench.started({ settings: { partner: null } }).woke();
    bench.post({ type: 'dialled', to: 'A', connection: 3 });
    const welcome = { type: 'welcome', history: [beginning(primary, 0)], end: at(1, 0), noFailover: false } as const;
    bench.from('A', 3, primary, welcome).woke(qosTimeoutMs);
    const because = 'an async member never becomes primary by itself';
    expect(notes(bench)).toContainEqual(noted('did not take over', 'FO-003', { because }));
  });

  test('FO-030, FO-039, FO-040: the arbiter is asked, and its answer decides', () => {
    const lost = () =>
      new Bench()
        .activeWithArbiter()
        .woke(qosTimeoutMs / 2)
        .post({ type: 'closed', connection: 3, reason: 'reset' });
    const session = { term: 2, session: 1001 };
    expect(notes(lost())).toContainEqual(noted('asks the arbiter', 'FO-030', session));
    const answered = (type: 'gone' | 'present' | 'taken') =>
      notes(lost().post({ type: 'arbiter-message', message: { type, epoch: primary, term: 2 } }));
    expect(answered('gone')).toContainEqual(noted('takes over', 'FO-039', { arbiterSays: 'gone', ...session }));
    expect(answered('present')).toContainEqual(
      noted('did not take over', 'FO-040', { arbiterSays: 'present', ...session }),
    );
    expect(answered('taken')).toContainEqual(
      noted('did not take over', 'FO-040', { arbiterSays: 'taken', ...session }),
    );
  });

  test('FO-061, SYN-022: a start is noted with what the record says', () => {
    const record = { primaryOfEpoch: true, epoch: primary, activeBackup: { member: 'A', term: 7 } };
    const facts = { incarnation: 1, wasPrimary: true, waitedFor: 'A', term: 7, noFailover: false };
    expect(notes(new Bench().started({ record }))).toContainEqual(noted('started', 'FO-061', facts));
    const stopped = new Bench().started({ record: { stoppedByOperator: true } });
    expect(notes(stopped)).toContainEqual(noted('takes no part', 'SYN-022', {}));
  });

  test('FO-062: a member that is no primary takes nobody in, and says by which epochs', () => {
    const bench = new Bench('A').started({ record: { epoch: epochOf(2, 'A') } }).woke();
    bench.backupSaysHello(9, 1, epochOf(2, 'A'));
    const facts = { role: 'seeking', newer: 'neither', from: 'B', otherEpoch: 2, otherWasPrimary: false };
    expect(notes(bench)).toContainEqual(noted('took nobody in', 'FO-062', facts));
  });
});

describe('a primary', () => {
  test('FO-017, FO-019: trouble is noted with the backup, its term and the limit', () => {
    const bench = new Bench('A').primaryWithActiveBackup().post({ type: 'closed', connection: 7, reason: 'reset' });
    const { term } = bench.state.serving.counted as { term: number };
    const limitMs = 2 * qosTimeoutMs;
    expect(notes(bench)).toContainEqual(
      noted('lost B', 'FO-017', { counted: true, how: 'closed', reason: 'reset', term }),
    );
    expect(notes(bench)).toContainEqual(
      noted('enters trouble state', 'FO-017', { backup: 'B', term, limitMs, mode: 'agent' }),
    );
  });

  test('FO-036: in trouble, an arbiter that has forgotten the mode ends nothing', () => {
    const bench = new Bench('A').primaryWithArbiter().post({ type: 'closed', connection: 7, reason: 'reset' });
    const { modeTerm: term } = bench.state.serving;
    expect(notes(bench)).toContainEqual(noted('asks the arbiter', 'FO-030', { term, session: 1000 }));
    bench.post({ type: 'arbiter-message', message: { type: 'never', epoch: bench.state.record.epoch, term } });
    expect(notes(bench)).toContainEqual(noted('stays in trouble state', 'FO-036', { arbiterSays: 'never' }));
  });

  test('FO-028: a backup that became active without an arbiter says why the mode stays as it is', () => {
    const mode = (bench: Bench) => notes(bench).find(({ what }) => what === 'B is active')?.facts.mode;
    expect(mode(new Bench('A').primaryWithActiveBackup())).toBe('agent: no arbiter is configured');
    const without = new Bench('A').primaryWithActiveBackup({ arbiter: true });
    expect(mode(without)).toBe('agent: this member has no session with the arbiter');
  });

  test('FO-028, FO-029: the way into arbiter controlled mode and out of it', () => {
    const bench = new Bench('A').primaryWithArbiter();
    const { modeTerm: term } = bench.state.serving;
    expect(notes(bench)).toContainEqual(noted('arbiter controlled mode', 'FO-028', { term }));
    bench.post({ type: 'arbiter-closed', reason: 'reset' });
    expect(notes(bench)).toContainEqual(noted('lost the arbiter', 'FO-029 FO-033', { reason: 'reset', session: 1000 }));
    bench.backupHeard();
    const left = 'leaves arbiter controlled mode, or the way into it';
    expect(notes(bench)).toContainEqual(noted(left, 'FO-029 FO-043', { term }));
  });

  test('FO-007: it does not hand over to a backup that is not active', () => {
    const bench = new Bench('A').primary().backupSaysHello(7, 1);
    bench.from('B', 7, epochOf(0, ''), { type: 'request-take-over' });
    expect(notes(bench)).toContainEqual(noted('did not ask B to take over', 'FO-007', { because: 'B is not active' }));
  });
});

test('FO-072, FO-074: an order is noted with its rule, and so is one that is refused', () => {
  const bench = new Bench('A').primary();
  bench.post({ type: 'operator', request: 1, order: { command: 'change-no-failover', set: true } });
  expect(notes(bench)).toContainEqual(noted('takes the order change-no-failover', 'FO-072', { set: true }));
  expect(notes(bench)).toContainEqual(noted('no failover is set', 'FO-072', {}));
  const force = { command: 'force-primary', lineage: 'other', atMs: 1, evidence: 'was active' } as const;
  bench.post({ type: 'operator', request: 2, order: force });
  const because = 'this member is already the primary';
  expect(notes(bench)).toContainEqual(noted('refused the order force-primary', 'FO-074', { because }));
});
