import { expect, test } from '@jest/globals';
import { Bench } from './bench.ts';

test.each(['become-primary', 'change-no-failover'] as const)(
  'FO-072: %s is refused while the backup has lost the primary and asks the arbiter',
  (command) => {
    const bench = new Bench().activeWithArbiter().post({ type: 'closed', connection: 3, reason: 'test' });
    expect(bench.state.attachment?.asking).toBe(true);
    const order = command === 'become-primary' ? ({ command } as const) : ({ command, set: true } as const);
    bench.post({ type: 'operator', request: 1, order });
    expect(bench.effect('answer-operator')?.outcome).toBe('refused');
    expect(bench.effect('send')).toBeUndefined();
  },
);

test('FO-074: force goes on without the agent when that has not answered in time', () => {
  const bench = new Bench().started().woke();
  const order = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
  bench.post({ type: 'operator', request: 1, order }).woke();
  expect(bench.effect('ask-agent')?.question).toBe('confirm-down');
  bench.woke(1001);
  expect(bench.state).toMatchObject({ role: 'becoming', right: 'force' });
});
