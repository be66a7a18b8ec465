/** A new list of failover members, as the primary of it meets it. */
import { expect, test } from '@jest/globals';
import { at, Bench, epochOf } from './bench.ts';

test('FO-083: a primary that hears of a newer list tells it to all that are connected: one of them may have a new place', () => {
  const bench = new Bench('A').primaryWithActiveBackup();
  const asyncHello = {
    type: 'hello',
    failoverMember: false,
    primaryOfEpoch: false,
    hello: 1,
    journalEnd: at(1, 0),
  } as const;
  bench.from('C', 8, epochOf(1, 'A'), asyncHello);
  // A promotion was given up here, because B did not agree in time; it had agreed all the same.
  const failoverMembers = { epoch: 1, number: 1, names: ['A', 'C'] };
  bench.from('B', 9, epochOf(1, 'A'), { ...asyncHello, hello: 2, failoverMembers });
  expect(bench.state.settings.partner).toBe('C');
  const told = bench.effects.filter((effect) => effect.type === 'send' && effect.message.type === 'failover-members');
  expect(told).toEqual([{ type: 'send', connection: 8, message: { type: 'failover-members', failoverMembers } }]);
});
