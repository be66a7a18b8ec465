/** The primary is stopped by its operator. */
import { expect } from '@jest/globals';
import { type StopFacts, stopTable } from '../../../src/mirror/failover-table.ts';
import { Bench, epochOf } from '../bench.ts';
import { played, tableTest } from './row-play.ts';

const epoch = epochOf(1, 'A');
const active = (): Bench => new Bench('A').primaryWithActiveBackup();
/** Taken in, and not counted: it has not said yet where it stands. */
const notActive = (): Bench => new Bench('A').primary().backupSaysHello(7, 1);
const alone = (): Bench => new Bench('A').primary();

function stop(bench: Bench, noFailover = false): Bench {
  return bench.post({ type: 'operator', request: 9, order: { command: 'stop-instance', noFailover } });
}

/** The operator has set no failover before, and whoever is connected has it. */
function withNoFailover(bench: Bench): Bench {
  bench.post({ type: 'operator', request: 8, order: { command: 'change-no-failover', set: true } });
  if (bench.sent('no-failover') !== undefined) bench.from('B', 7, epoch, { type: 'no-failover-done', set: true });
  return bench;
}

/** Ends in this very step, and asks nobody to take over. */
function goesDown(bench: Bench): void {
  expect(bench.sent('take-over')).toBeUndefined();
  expect(bench.effects).not.toContainEqual(expect.objectContaining({ message: 'handing-over' }));
  expect(bench.state.role).toBe('down');
  expect(bench.effect('answer-operator')).toMatchObject({ request: 9, outcome: 'done' });
  expect(bench.effect('end-process')).toBeDefined();
}

/** Ends when the backup has it on disk that it may not take over (FO-073). */
function goesDownWhenTold(bench: Bench): void {
  expect(bench.sent('no-failover')).toEqual({ type: 'no-failover', set: true });
  expect(bench.effect('end-process')).toBeUndefined();
  goesDown(bench.from('B', 7, epoch, { type: 'no-failover-done', set: true }));
}

function tellsGoingDown(bench: Bench, noFailover: boolean): void {
  expect(bench.sent('going-down')).toEqual({ type: 'going-down', noFailover });
}

export const stopRows = tableTest<StopFacts>(
  stopTable,
  { backup: ['active', 'not-active', 'none'], failoverWanted: [true, false] },
  {
    'active failoverWanted': played(() => {
      const bench = stop(active());
      expect(bench.effect('hold-updates')).toBeDefined();
      expect(bench.sent('take-over')).toEqual({ type: 'take-over', final: bench.state.journal.appended });
      expect(bench.effect('end-process')).toBeUndefined();
      bench.from('B', 7, epoch, { type: 'take-over-seen' });
      expect(bench.state.role).toBe('down');
      expect(bench.effect('end-process')).toBeDefined();
    }),
    'active not-failoverWanted': played(() => {
      goesDownWhenTold(stop(active(), true));
      const bench = stop(withNoFailover(active()));
      goesDown(bench);
      tellsGoingDown(bench, true);
    }),
    'not-active failoverWanted': played(() => {
      const bench = stop(notActive());
      goesDown(bench);
      tellsGoingDown(bench, false);
    }),
    'not-active not-failoverWanted': played(() => {
      goesDownWhenTold(stop(notActive(), true));
      const bench = stop(withNoFailover(notActive()));
      goesDown(bench);
      tellsGoingDown(bench, true);
    }),
    'none failoverWanted': played(() => {
      const bench = stop(alone());
      goesDown(bench);
      expect(bench.state.record.noFailover).toBe(false);
    }),
    'none not-failoverWanted': played(() => {
      const bench = stop(alone(), true);
      goesDown(bench);
      expect(bench.effect('save-record')?.record.noFailover).toBe(true);
      goesDown(stop(withNoFailover(alone())));
    }),
  },
);
