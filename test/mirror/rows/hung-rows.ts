/** A primary whose journal stands still for the QoS timeout. */
import { expect } from '@jest/globals';
import { type HungFacts, hungTable } from '../../../src/mirror/failover-table.ts';
import { at, Bench, epochOf, qosTimeoutMs } from '../bench.ts';
import { played, tableTest } from './row-play.ts';

const epoch = epochOf(1, 'A');

const active = (): Bench => new Bench('A').primaryWithActiveBackup();
/** Taken in, and not counted: it has not said yet where it stands. */
const notActive = (): Bench => new Bench('A').primary().backupSaysHello(7, 1);
const alone = (): Bench => new Bench('A').primary();

function withNoFailover(bench: Bench): Bench {
  bench.post({ type: 'operator', request: 8, order: { command: 'change-no-failover', set: true } });
  if (bench.sent('no-failover') !== undefined) bench.from('B', 7, epoch, { type: 'no-failover-done', set: true });
  return bench;
}

/** The backup, if there is one, speaks, and has what it was sent if it is active. */
function backupSpeaks(bench: Bench): Bench {
  const term = bench.state.serving.counted?.term;
  if (term !== undefined) {
    bench.post({ type: 'journal-shipped', connection: 7, to: at(1, 3), bytes: 100 });
    return bench.from('B', 7, epoch, { type: 'ack', to: at(1, 3), applied: at(1, 0), term });
  }
  if (!bench.state.serving.members.has('B')) return bench;
  const keepAlive = { type: 'keep-alive', number: 1, echo: 0, mode: 'Agent Controlled', term: 0, session: 0 } as const;
  return bench.from('B', 7, epoch, keepAlive);
}

/** An update comes in and is not flushed for the QoS timeout. */
function hangs(bench: Bench): Bench {
  backupSpeaks(bench.post({ type: 'journal-appended', to: at(1, 3) })).woke(qosTimeoutMs / 2);
  expect(bench.state.role).toBe('primary');
  return backupSpeaks(bench).woke(qosTimeoutMs / 2);
}

/** Stays primary, asks nobody, and says why; when the disk answers, so do the clients get their answers. */
function waits(bench: Bench, rule: string): void {
  expect(bench.state.role).toBe('primary');
  expect(bench.rules).toContain(rule);
  expect(bench.sent('take-over')).toBeUndefined();
  expect(bench.effects).toContainEqual(expect.objectContaining({ type: 'log', message: 'hung' }));
  backupSpeaks(bench).woke(qosTimeoutMs / 2);
  expect(bench.state.role).toBe('primary');
  bench.post({ type: 'journal-flushed', to: at(1, 3) });
  expect(bench.effect('answer-clients')).toEqual({ type: 'answer-clients', to: at(1, 3) });
}

export const hungRows = tableTest<HungFacts>(
  hungTable,
  { backup: ['active', 'not-active', 'none'], failoverWanted: [true, false] },
  {
    'active failoverWanted': played(() => {
      const bench = hangs(active());
      expect(bench.state.role).toBe('handing-over');
      expect(bench.effect('hold-updates')).toBeDefined();
      expect(bench.sent('take-over')).toEqual({ type: 'take-over', final: at(1, 3) });
      bench.from('B', 7, epoch, { type: 'take-over-seen' });
      expect(bench.state.role).toBe('down');
      expect(bench.effect('end-process')).toBeDefined();
    }),
    'active not-failoverWanted': played(() => waits(hangs(withNoFailover(active())), 'FO-072')),
    'not-active failoverWanted': played(() => waits(hangs(notActive()), 'FO-050')),
    'not-active not-failoverWanted': played(() => waits(hangs(withNoFailover(notActive())), 'FO-072')),
    'none failoverWanted': played(() => waits(hangs(alone()), 'FO-050')),
    'none not-failoverWanted': played(() => waits(hangs(withNoFailover(alone())), 'FO-072')),
  },
);
