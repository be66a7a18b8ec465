import { expect, test } from '@jest/globals';
import { firstSet } from '../../src/simulation/membership.ts';
import { at, Bench, epochOf, qosTimeoutMs } from './bench.ts';

const set = firstSet(qosTimeoutMs, [
  ['A', 'Failover'],
  ['B', 'Failover'],
  ['C', 'Disaster Recovery'],
]);
const changed = { ...set, revision: 2 };
const keep = { type: 'operator', request: 9, order: { command: 'keep-mirror-set' } } as const;
const heard = (revision: number, epoch = 0) => ({ type: 'mirror-set-heard', epoch, revision }) as const;

const changing = (bench: Bench): Bench => bench.knows(changed).post(keep);

test('CFG-056: the backup says which mirror set is on its disk; an async, and one without a primary, do not', () => {
  expect(new Bench().attached().knows(set).sent('mirror-set-heard')).toEqual(heard(1));
  expect(new Bench().active().knows(changed).sent('mirror-set-heard')).toEqual(heard(2));
  expect(new Bench().started().woke().knows(set).sent('mirror-set-heard')).toBeUndefined();
  expect(new Bench('A').primaryWithActiveBackup().knows(set).sent('mirror-set-heard')).toBeUndefined();
});

test('CFG-027 CFG-069: a change is done when the active backup has the set, or a newer one', () => {
  const bench = changing(new Bench('A').primaryWithActiveBackup());
  expect(bench.effect('answer-operator')).toBeUndefined();
  bench.from('B', 7, bench.state.record.epoch, heard(1));
  expect(bench.effect('answer-operator')).toBeUndefined();
  bench.from('B', 7, bench.state.record.epoch, heard(3));
  expect(bench.effect('answer-operator')).toMatchObject({ request: 9, outcome: 'done' });
});

test('CFG-069: one that had it already needs not say so again', () => {
  const bench = new Bench('A').primaryWithActiveBackup();
  bench.from('B', 7, bench.state.record.epoch, heard(2));
  expect(changing(bench).effect('answer-operator')).toMatchObject({ outcome: 'done' });
});

test('CFG-069: without a backup that may take over it is done at once', () => {
  expect(changing(new Bench('A').primary()).effect('answer-operator')).toMatchObject({ outcome: 'done' });
});

test('CFG-069: what was said over an older connection does not count', () => {
  const bench = new Bench('A').primaryWithActiveBackup();
  const { epoch } = bench.state.record;
  bench.from('B', 7, epoch, heard(2)).post({ type: 'closed', connection: 7, reason: 'test' });
  const end = bench.state.journal.appended;
  bench.backupSaysHello(8, 2).from('B', 8, epoch, { type: 'ack', to: end, applied: end, term: 0 });
  expect(bench.state.serving.counted).toMatchObject({ member: 'B', confirmed: false });
  expect(changing(bench).effect('answer-operator')).toBeUndefined();
  expect(bench.from('B', 8, epoch, heard(2)).effect('answer-operator')).toMatchObject({ outcome: 'done' });
});

test('CFG-069: a backup that is lost before it has said so keeps the answer until its right is over', () => {
  const bench = changing(new Bench('A').primaryWithActiveBackup());
  bench.post({ type: 'closed', connection: 7, reason: 'test' });
  bench.woke(2 * qosTimeoutMs - 1);
  expect(bench.effect('answer-operator')).toBeUndefined();
  bench.woke(1);
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'done' });
});

test('FO-036: in a trouble state without end it is not known', () => {
  const bench = changing(new Bench('A').primaryWithArbiter());
  bench.post({ type: 'arbiter-closed', reason: 'test' }).post({ type: 'closed', connection: 7, reason: 'test' });
  bench.woke(4 * qosTimeoutMs - 1);
  expect(bench.effect('answer-operator')).toBeUndefined();
  bench.woke(1);
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'not-known', reason: 'takes-too-long' });
});

test('CFG-056: nor is it where this member is not primary any more', () => {
  const bench = changing(new Bench('A').primaryWithActiveBackup());
  const hello = { type: 'hello', failoverMember: true, primaryOfEpoch: true, hello: 2, journalEnd: at(2, 0) } as const;
  bench.from('B', 8, epochOf(2, 'B'), hello);
  expect(bench.state.role).toBe('down');
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'not-known', reason: 'not-primary' });
  expect(new Bench().attached().post(keep).effect('answer-operator')).toMatchObject({ outcome: 'refused' });
});
