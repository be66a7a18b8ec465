/** A new list of failover members, as the primary of it meets it. */
import { expect, test } from '@jest/globals';
import { refusalToChangeKind } from '../../src/mirror/members-change.ts';
import { precondition } from '../../src/mirror/operator-commands.ts';
import { at, Bench, epochOf } from './bench.ts';

const asyncHello = {
  type: 'hello',
  failoverMember: false,
  primaryOfEpoch: false,
  hello: 1,
  journalEnd: at(1, 0),
} as const;

test('FO-083: a primary that hears of a newer list tells it to all that are connected: one of them may have a new place', () => {
  const bench = new Bench('A').primaryWithActiveBackup();
  bench.from('C', 8, epochOf(1, 'A'), asyncHello);
  // A promotion was given up here, because B did not agree in time; it had agreed all the same.
  const failoverMembers = { epoch: 1, number: 1, names: ['A', 'C'] };
  bench.from('B', 9, epochOf(1, 'A'), { ...asyncHello, hello: 2, failoverMembers });
  expect(bench.state.settings.partner).toBe('C');
  const told = bench.effects.filter((effect) => effect.type === 'send' && effect.message.type === 'failover-members');
  expect(told).toEqual([{ type: 'send', connection: 8, message: { type: 'failover-members', failoverMembers } }]);
});

const wish = { type: 'request-promotion' } as const;

test('FO-077: a primary makes no failover member of an async that is a reporting one by its mirror set', () => {
  const bench = new Bench('A').primaryWithActiveBackup({ reporting: ['C'] });
  bench.from('C', 8, epochOf(1, 'A'), asyncHello).from('C', 8, epochOf(1, 'A'), wish);
  expect(bench.sent('request-refused')).toMatchObject({ reason: 'not-dr', spec: 'FO-077' });
  expect(bench.state.serving.change).toBeNull();
});

test('FO-077: a reporting async is not promoted, whoever asks', () => {
  const bench = new Bench('C', false).attached({ partner: null, failoverMembers: ['A', 'B'], reporting: ['C'] });
  expect(precondition(bench.state, 'promote')).toMatchObject({ reason: 'not-dr', spec: 'FO-077' });
});

test('CFG-050 DB-040: while a promotion stands, neither the async nor its primary lets it become another kind', () => {
  const order = { command: 'promote', partner: null, hold: false, lineage: 'l', atMs: 0, evidence: 'none' } as const;
  const c = new Bench('C', false).attached({ partner: null, failoverMembers: ['A', 'B'], members: ['A', 'B', 'C'] });
  expect(refusalToChangeKind(c.state, 'C')).toBeNull();
  c.post({ type: 'operator', request: 1, order });
  expect(refusalToChangeKind(c.state, 'C')).toMatchObject({ reason: 'not-an-async-type' });
  const a = new Bench('A').primaryWithActiveBackup();
  a.from('C', 8, epochOf(1, 'A'), asyncHello);
  expect(refusalToChangeKind(a.state, 'C')).toBeNull();
  a.from('C', 8, epochOf(1, 'A'), wish);
  expect(refusalToChangeKind(a.state, 'C')).toMatchObject({ reason: 'not-an-async-type' });
  expect(refusalToChangeKind(a.state, 'D')).toBeNull();
});

test('CFG-050 FO-048: no type is changed in trouble state: the next primary would not know of it', () => {
  const bench = new Bench('A').primaryWithActiveBackup().post({ type: 'closed', connection: 7, reason: 'test' });
  expect(refusalToChangeKind(bench.state, 'C')).toMatchObject({ reason: 'in-trouble' });
});

test('FO-077: one that learns while the agents are asked that its primary had made it a reporting async is not promoted', () => {
  const settings = { partner: null, failoverMembers: ['A', 'B'], members: ['A', 'B', 'C'] };
  const order = { command: 'promote', partner: null, hold: false, lineage: 'l', atMs: 0, evidence: 'none' } as const;
  const bench = new Bench('C', false).started({ settings }).post({ type: 'operator', request: 1, order });
  const requests = bench.effects.flatMap((effect) => (effect.type === 'ask-agent' ? [effect.request] : []));
  expect(requests).toHaveLength(2);
  const known = bench.state.settings;
  bench.post({ type: 'settings-changed', settings: { ...known, members: ['A', 'B'], reporting: ['C'] } });
  for (const request of requests)
    bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'test' } });
  expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'not-dr', spec: 'FO-077' });
  expect(bench.state.promotion).toBeNull();
});
