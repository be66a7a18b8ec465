/** A member that may not lead just now lets the last primary go on (FO-061, FO-067): two members that talk to each other over one link. */
import { describe, expect, test } from '@jest/globals';
import type { MemberRecord } from '../../src/mirror/member-record.ts';
import type { DataMessage } from '../../src/mirror/messages.ts';
import { defaultSettings } from '../../src/mirror/mirror-set.ts';
import type { StatusFacts } from '../../src/mirror/status-report.ts';
import { waitingFor } from '../../src/mirror/waiting-for.ts';
import { at, Bench, beginning, epochOf } from './bench.ts';

const ofA = epochOf(1, 'A');
const history = [beginning(ofA, 0)];
const force = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
const runs = (bench: Bench) => ({ says: 'running', primary: false, epoch: bench.state.record.epoch }) as const;

/** A, the last primary, is started again. */
const lastPrimary = (record: Partial<MemberRecord> = {}): Bench =>
  new Bench('A').started({ record: { epoch: ofA, primaryOfEpoch: true, ...record }, end: at(1, 5), history });

/** B was active under A and holds a right, which its site does not let it use. */
function keptBySite(): Bench {
  const bench = new Bench().active().post({ type: 'closed', connection: 3, reason: 'test' }).woke();
  bench.site = null;
  const request = bench.effect('ask-agent')?.request as number;
  const activeBackup = { member: 'B', term: 1 };
  const record = { incarnation: 1, epoch: ofA, primaryOfEpoch: true, activeBackup, noFailover: false };
  bench.post({
    type: 'agent-answered',
    request,
    answer: { says: 'down', record: { ...record, stoppedByOperator: false } },
  });
  const asked = bench.state.becoming?.request as number;
  bench.post({ type: 'site-answered', request: asked, allowed: false, spec: 'FO-067', because: 'no' });
  expect(bench.state).toMatchObject({
    role: 'becoming',
    becoming: { phase: 'permission', refusal: { spec: 'FO-067' } },
  });
  return bench;
}

/** `one` asks the agent of the other, which runs, then says hello to it, and hears what that says. */
function says(one: Bench, other: Bench): Extract<DataMessage, { type: 'refuse' }> | undefined {
  const request = (one.effect('ask-agent') ?? one.woke(2000).effect('ask-agent'))?.request as number;
  one.post({ type: 'agent-answered', request, answer: runs(other) }).woke();
  one.post({ type: 'dialled', to: other.state.self, connection: 5 });
  const hello = one.sent('hello') as DataMessage;
  other.from(one.state.self, 6, one.state.record.epoch, hello);
  const answer = other.sent('refuse');
  if (answer !== undefined) one.from(other.state.self, 5, other.state.record.epoch, answer);
  return answer;
}

function advice({ state, nowMs }: Bench): string | null {
  const set = { name: 'MIRROR', epoch: 1, revision: 1, settings: defaultSettings, members: [], databases: [] };
  const facts = { state, mirrorSet: set, joinMirror: true, notReached: null, nowMs: nowMs + 5000, wallMs: 1_000_000 };
  return waitingFor({ ...facts, isoOf: String } as unknown as StatusFacts);
}

describe('PROC-048 FO-067 FO-074: the site keeps B from becoming primary, and a person makes A the primary', () => {
  test('PROC-048: B gives up its right on disk, and A goes on in the history that both have', () => {
    const [a, b] = [lastPrimary().woke(), keptBySite()];
    a.post({ type: 'operator', request: 1, order: force }).woke();
    expect(says(a, b)?.reason).toBe('gives-way');
    expect(b.state).toMatchObject({ role: 'seeking', right: null, record: { wasActive: null } });
    expect(a.state).toMatchObject({ role: 'becoming', right: 'consent', record: { epoch: epochOf(2, 'A') } });
    expect(a.effect('answer-operator')).toBeUndefined();
    expect(a.rules).toEqual(expect.arrayContaining(['FO-061', 'FO-064']));
  });

  test('FO-067: without a person B keeps its right, and both say what leads out', () => {
    const [a, b] = [lastPrimary().woke(), keptBySite()];
    expect(says(a, b)?.reason).toBe('kept-by-site');
    expect(b.state).toMatchObject({ role: 'becoming', right: 'agent-down' });
    expect(a.state.role).toBe('seeking');
    expect(advice(a)).toMatch(
      /^there is no primary.*B is kept.*Force this node to become the primary here, to which it gives way/,
    );
    expect(advice(b)).toMatch(/zmirror\.mjs return 1.*A.*Force this node to become the primary/);
  });

  test('FO-074: who lacks what B has is not made primary beside it: the refusal and the status say what to do', () => {
    const [a, b] = [lastPrimary({ primaryOfEpoch: false, epoch: epochOf(0, '') }).woke(), keptBySite()];
    a.post({ type: 'operator', request: 1, order: force }).woke();
    expect(says(a, b)?.reason).toBe('becoming-primary');
    expect(b.state).toMatchObject({ role: 'becoming', right: 'agent-down' });
    expect(a.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'other-is-running' });
    expect(a.effect('answer-operator')?.text).toMatch(/stop it first/);
    expect(advice(a)).toMatch(/stop it first/);
  });
});

describe('FO-061 FO-064: the other member takes no part', () => {
  const halted = (): Bench => {
    const bench = new Bench().active();
    return bench.post({ type: 'removed', by: 'nobody', removeAttribute: false });
  };

  /** B met a journal of A that it cannot follow: some of what it lacks is not kept any more. */
  function behind(record: Partial<MemberRecord> = {}): Bench {
    const bench = new Bench().started({ record: { epoch: ofA, ...record }, end: at(1, 2), history }).woke();
    const request = bench.effect('ask-agent')?.request as number;
    bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch: ofA } });
    bench.woke().post({ type: 'dialled', to: 'A', connection: 3 });
    const gone = [{ ...beginning(ofA, 3), begin: { ...at(1, 3), file: 4 } }];
    bench.from('A', 3, ofA, { type: 'welcome', history: gone, end: at(1, 9), noFailover: false });
    expect(bench.state.role).toBe('halted');
    return bench;
  }

  test('FO-061 FO-064: a primary that is started again does not wait for a halted member', () => {
    const [a, b] = [lastPrimary().woke(), behind()];
    expect(says(a, b)?.reason).toBe('gives-way');
    expect(a.state).toMatchObject({ role: 'becoming', right: 'consent' });
    expect(b.state.role).toBe('halted');
  });

  test('FO-061 SYN-022: nor for one on which mirroring is stopped', () => {
    const b = new Bench().active().post({ type: 'operator', request: 1, order: { command: 'stop-mirror' } });
    const a = lastPrimary().woke();
    expect(says(a, b)?.reason).toBe('gives-way');
    expect(a.state).toMatchObject({ role: 'becoming', right: 'consent' });
    expect(b.state.role).toBe('stopped');
  });

  test('FO-061: who was active when it halted gives that up on disk before it says so', () => {
    const b = behind();
    b.state = { ...b.state, record: { ...b.state.record, wasActive: { epoch: ofA, term: 1 } } };
    const a = lastPrimary().woke();
    says(a, b);
    expect(b.effects.map(({ type }) => type).indexOf('save-record')).toBeLessThan(
      b.effects.map(({ type }) => type).indexOf('send'),
    );
    expect(b.state.record.wasActive).toBeNull();
  });

  test('FO-088 FO-074: beside a halted member of another history nobody goes on; status and refusal name the same way out', () => {
    const b = behind();
    b.state = { ...b.state, record: { ...b.state.record, epoch: epochOf(2, 'B', 'forced'), primaryOfEpoch: true } };
    const a = lastPrimary({ epoch: epochOf(2, 'A', 'forced too') }).woke();
    expect(says(a, b)?.reason).toBe('halted');
    expect(a.state.role).toBe('seeking');
    const way = /stop it first/;
    expect(advice(a)).toMatch(way);
    a.post({ type: 'operator', request: 1, order: force }).woke();
    says(a, b);
    expect(a.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'other-is-running' });
    expect(a.effect('answer-operator')?.text).toMatch(way);
  });

  test('FO-007 FO-061: a primary that hands over is about to make the other one primary, and gives way to nobody', () => {
    const b = new Bench().primaryWithActiveBackup();
    b.post({ type: 'journal-appended', to: at(1, 9) });
    b.post({ type: 'operator', request: 1, order: { command: 'stop-instance', noFailover: false } });
    expect(b.state.role).toBe('handing-over');
    b.from('A', 6, epochOf(1, 'B'), {
      type: 'hello',
      failoverMember: true,
      primaryOfEpoch: false,
      hello: 2,
      journalEnd: at(1, 5),
    });
    expect(b.sent('refuse')?.reason).toBe('not-primary');
  });

  test('CFG-069: who was removed says just that', () => {
    const [a, b] = [lastPrimary().woke(), halted()];
    expect(says(a, b)?.reason).toBe('not-a-member');
    expect(a.state.role).toBe('becoming');
  });

  test('FO-074: the agent says that the other runs, and it is not reached: a force is refused with the way out', () => {
    const a = lastPrimary().woke();
    a.post({ type: 'operator', request: 1, order: force }).woke();
    const request = a.effect('ask-agent')?.request as number;
    a.post({ type: 'agent-answered', request, answer: { says: 'running', primary: false, epoch: ofA } }).woke();
    a.post({ type: 'dial-failed', to: 'B', reason: 'no route' });
    expect(a.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'other-is-running' });
    expect(a.effect('answer-operator')?.text).toMatch(/stop it first/);
  });
});
