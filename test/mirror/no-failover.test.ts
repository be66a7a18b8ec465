/** FO-072: no failover cleared on a backup whose primary cannot be asked. */
import { describe, expect, test } from '@jest/globals';
import type { DownRecord } from '../../src/mirror/messages.ts';
import { Bench, epochOf } from './bench.ts';

/** The primary of epoch 1 died with no failover set and this member as its active backup. */
const down = (epoch = 1): DownRecord => ({
  incarnation: 3,
  epoch: epochOf(epoch, 'A'),
  primaryOfEpoch: true,
  activeBackup: { member: 'B', term: 1 },
  noFailover: true,
  stoppedByOperator: false,
});

function deadPrimary(record: DownRecord): Bench {
  const bench = new Bench('B').active().post({ type: 'closed', connection: 3, reason: 'test' });
  return askAgain(bench, record);
}

function askAgain(bench: Bench, record: DownRecord): Bench {
  bench.woke(200);
  const request = bench.effect('ask-agent')?.request as number;
  return bench.post({ type: 'agent-answered', request, answer: { says: 'down', record } });
}

describe('FO-072: no failover, met in the record of a dead primary', () => {
  test('FO-072: holds this member back, and is kept here so that an operator sees it', () => {
    const bench = deadPrimary(down());
    expect(bench.state.role).toBe('seeking');
    expect(bench.effect('save-record')?.record.noFailover).toBe(true);
  });

  test('FO-072: cleared here it holds no more in this epoch; set it needs a primary', () => {
    const bench = deadPrimary(down());
    bench.post({ type: 'operator', request: 1, order: { command: 'change-no-failover', set: true } });
    expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'no-primary' });
    bench.post({ type: 'operator', request: 2, order: { command: 'change-no-failover', set: false } });
    expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'done' });
    expect(askAgain(bench, down()).state.role).toBe('becoming');
  });

  test('FO-072: a primary of an epoch that this member had not seen set it: cleared here, it holds no more either', () => {
    const bench = deadPrimary(down(2));
    expect(bench.state.record.noFailover).toBe(true);
    bench.post({ type: 'operator', request: 1, order: { command: 'change-no-failover', set: false } });
    expect(askAgain(bench, down(2)).effect('ask-journal')).toBeDefined();
    expect(bench.state.record.noFailover).toBe(false);
  });

  test('FO-072: what a later primary wrote counts again', () => {
    const bench = deadPrimary(down());
    bench.post({ type: 'operator', request: 2, order: { command: 'change-no-failover', set: false } });
    expect(askAgain(bench, down(2)).state.role).toBe('seeking');
    expect(bench.state.record.noFailover).toBe(true);
  });
});
