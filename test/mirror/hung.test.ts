/** FO-008, FO-050: a primary whose journal cannot be written. */
import { expect, test } from '@jest/globals';
import { at, Bench, qosTimeoutMs } from './bench.ts';

function standing(bench = new Bench('A').primaryWithActiveBackup()): Bench {
  return bench.post({ type: 'journal-appended', to: at(1, 3) });
}

/** The backup goes on speaking and has what it was sent. */
function backupHas(bench: Bench, sequence: number): Bench {
  const { epoch } = bench.state.record;
  bench.post({ type: 'journal-shipped', connection: 7, to: at(1, sequence), bytes: 100 });
  const term = bench.state.serving.counted?.term as number;
  return bench.from('B', 7, epoch, { type: 'ack', to: at(1, sequence), applied: at(1, 0), term });
}

test('FO-008 FO-050: after the QoS timeout it asks the active backup to take over, up to what that has', () => {
  const bench = backupHas(standing(), 3).woke(qosTimeoutMs * 0.5);
  expect(bench.state.role).toBe('primary');
  backupHas(bench, 3).woke(qosTimeoutMs * 0.5);
  expect(bench.state.role).toBe('handing-over');
  expect(bench.sent('take-over')).toMatchObject({ final: at(1, 3) });
  bench.from('B', 7, bench.state.record.epoch, { type: 'take-over-seen' });
  expect(bench.effect('end-process')).toBeDefined();
  expect(bench.effect('save-record')).toBeUndefined();
});

test('FO-008: a flush that ends in time leaves everything as it is', () => {
  const bench = backupHas(standing(), 3).woke(qosTimeoutMs * 0.6);
  bench.post({ type: 'journal-flushed', to: at(1, 3) });
  backupHas(bench, 3).woke(qosTimeoutMs * 0.6);
  expect(bench.state.role).toBe('primary');
});

test('FO-050: without an active backup it stays, says so once, and says when the journal goes on', () => {
  const bench = standing(new Bench('A').primary()).post({ type: 'journal-frozen', reason: 'no room' });
  expect(bench.effect('log')).toMatchObject({ message: 'journal-frozen' });
  bench.woke(qosTimeoutMs);
  expect(bench.rules).toContain('FO-050');
  expect(bench.woke(qosTimeoutMs).rules).not.toContain('FO-050');
  bench.post({ type: 'journal-flushed', to: at(1, 3) });
  expect(bench.state.journal).toMatchObject({ frozen: '', unflushedSinceMs: null });
  expect(bench.effects.some((effect) => effect.type === 'log' && effect.message === 'journal-freed')).toBe(true);
});

test('SYN-003: it says for how long it stood where that is known, and nothing else where it only receives', () => {
  const freedOn = (bench: Bench): unknown => {
    bench.post({ type: 'journal-frozen', reason: 'no room' }).woke(1234);
    bench.post({ type: 'journal-flushed', to: bench.state.journal.appended });
    return bench.effects.find((effect) => effect.type === 'log' && effect.message === 'journal-freed');
  };
  expect(freedOn(standing(new Bench('A').primary()))).toMatchObject({ facts: { after: ' after 1234 ms' } });
  expect(freedOn(new Bench('B'))).toMatchObject({ facts: { after: '' } });
});

test('FO-072: with no failover set it stays', () => {
  const bench = new Bench('A').primaryWithActiveBackup();
  bench.post({ type: 'operator', request: 1, order: { command: 'change-no-failover', set: true } });
  backupHas(standing(bench), 3).woke(qosTimeoutMs * 0.5);
  backupHas(bench, 3).woke(qosTimeoutMs * 0.5);
  expect(bench.state.role).toBe('primary');
  expect(bench.rules).toContain('FO-072');
});
