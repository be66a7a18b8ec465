/** Agent controlled mode: a primary loses its backup. */
import { expect } from '@jest/globals';
import { type LostBackupFacts, lostBackupTable } from '../../../src/mirror/failover-table.ts';
import type { JournalPosition } from '../../../src/mirror/journal-position.ts';
import { Bench, qosTimeoutMs } from '../bench.ts';
import { played, tableTest } from './row-play.ts';

const goodbye = { type: 'going-down', noFailover: false } as const;

const active = (): Bench => new Bench('A').primaryWithActiveBackup();
/** Taken in, and not counted: it has not said yet where it stands. */
const notActive = (): Bench => new Bench('A').primary().backupSaysHello(7, 1);
const closes = (bench: Bench): Bench => bench.post({ type: 'closed', connection: 7, reason: 'test' });

/** An update comes in and is flushed here. */
function update(bench: Bench): JournalPosition {
  const { appended } = bench.state.journal;
  const to = { ...appended, offset: appended.offset + 100, sequence: appended.sequence + 1 };
  bench.post({ type: 'journal-appended', to });
  if (bench.effect('ship-journal') !== undefined)
    bench.post({ type: 'journal-shipped', connection: 7, to, bytes: 100 });
  bench.post({ type: 'journal-flushed', to });
  return to;
}

/** The backup is gone; nothing becomes durable until it cannot count itself as active any more, at the latest in 2 x QoS. */
function timedTrouble(bench: Bench): void {
  expect(bench.state.serving.members.has('B')).toBe(false);
  expect(bench.state.serving.trouble).toMatchObject({ kind: 'timed', untilMs: bench.nowMs + 2 * qosTimeoutMs });
  expect(bench.effect('hold-updates')).toBeDefined();
  expect(bench.state.record.activeBackup).toEqual({ member: 'B', term: 1 });
  const to = update(bench);
  expect(bench.effect('answer-clients')).toBeUndefined();
  bench.woke(2 * qosTimeoutMs);
  expect(bench.effect('admit-updates')).toBeDefined();
  expect(bench.effect('answer-clients')).toEqual({ type: 'answer-clients', to });
}

/** The backup is gone; what the primary has is durable from now on, at once. */
function goesOn(bench: Bench): void {
  expect(bench.state.serving).toMatchObject({ trouble: null, counted: null });
  expect(bench.state.serving.members.has('B')).toBe(false);
  expect(bench.effect('hold-updates')).toBeUndefined();
  expect(bench.state.record.activeBackup).toBeNull();
  const to = update(bench);
  expect(bench.effect('answer-clients')).toEqual({ type: 'answer-clients', to });
}

export const lostBackupRows = tableTest<LostBackupFacts>(
  lostBackupTable,
  { counted: [true, false], how: ['closed', 'overdue', 'said-goodbye'] },
  {
    'counted closed': played(() => timedTrouble(closes(active()))),
    'counted overdue': played(() => {
      // It speaks, and does not acknowledge (FO-011).
      const bench = active();
      update(bench);
      const keepAlive = {
        type: 'keep-alive',
        number: 1,
        echo: 0,
        mode: 'Agent Controlled',
        term: 1,
        session: 0,
      } as const;
      bench.nowMs += 0.5 * qosTimeoutMs;
      bench.from('B', 7, bench.state.record.epoch, keepAlive).woke();
      expect(bench.state.serving.trouble).toBeNull();
      timedTrouble(bench.woke(0.3 * qosTimeoutMs));
      // It says nothing at all.
      timedTrouble(active().woke(0.8 * qosTimeoutMs));
    }),
    'counted said-goodbye': played(() => {
      const bench = active();
      goesOn(bench.from('B', 7, bench.state.record.epoch, goodbye));
    }),
    'not-counted closed': played(() => goesOn(closes(notActive()))),
    'not-counted overdue': played(() => goesOn(notActive().woke(0.8 * qosTimeoutMs))),
    'not-counted said-goodbye': played(() => {
      const bench = notActive();
      goesOn(bench.from('B', 7, bench.state.record.epoch, goodbye));
    }),
  },
);
