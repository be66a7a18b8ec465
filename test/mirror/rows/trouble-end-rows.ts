/** What ends a trouble state. */
import { expect } from '@jest/globals';
import { type TroubleEnd, troubleEndTable } from '../../../src/mirror/failover-table.ts';
import { Bench, qosTimeoutMs } from '../bench.ts';
import { neverAsked, played, tableTest } from './row-play.ts';

const lost = { type: 'closed', connection: 7, reason: 'test' } as const;
const timed = (): Bench => new Bench('A').primaryWithActiveBackup().post(lost);
/** The arbiter was asked. */
const arbiter = (): Bench => new Bench('A').primaryWithArbiter().post(lost);

function arbiterSays(bench: Bench, type: 'gone' | 'present' | 'left-notice'): Bench {
  const { record, serving } = bench.state;
  return bench.post({ type: 'arbiter-message', message: { type, epoch: record.epoch, term: serving.modeTerm } });
}

/** Out of trouble by this step: primary in agent mode, the backup's right cleared on disk before an update is admitted. */
function leaves(bench: Bench, rule: string): Bench {
  expect(bench.state).toMatchObject({ role: 'primary', serving: { trouble: null, counted: null, mode: 'agent' } });
  expect(bench.effect('save-record')?.record.activeBackup).toBeNull();
  const types = bench.effects.map((effect) => effect.type);
  expect(types.indexOf('save-record')).toBeLessThan(types.indexOf('admit-updates'));
  expect(bench.rules).toContain(rule);
  return bench;
}

function welcomes(bench: Bench, rule: string): void {
  leaves(bench.backupSaysHello(9, 2, bench.state.record.epoch), rule);
  expect(bench.sent('welcome')).toBeDefined();
}

const noConnection = 'a trouble state begins with the end of the connection over which the goodbye would come';

export const troubleEndRows = tableTest<TroubleEnd>(
  troubleEndTable,
  { kind: ['timed', 'arbiter'], end: ['hello', 'left-notice', 'goodbye', 'timeout', 'gone'] },
  {
    'timed hello': played(() => welcomes(timed(), 'FO-018')),
    'timed left-notice': neverAsked(
      'in agent controlled mode the arbiter passes nothing on, and the primary takes nothing',
      () => {
        expect(arbiterSays(timed(), 'left-notice').state.serving.trouble).toMatchObject({ kind: 'timed' });
      },
    ),
    'timed goodbye': neverAsked(noConnection, () => {
      const bench = timed();
      bench.from('B', 7, bench.state.record.epoch, { type: 'going-down', noFailover: false });
      expect(bench.state.serving.trouble).toMatchObject({ kind: 'timed' });
    }),
    'timed timeout': played(() => {
      const bench = timed().woke(2 * qosTimeoutMs - 1);
      expect(bench.state.serving.trouble).toMatchObject({ kind: 'timed' });
      leaves(bench.woke(1), 'FO-019');
    }),
    'arbiter hello': played(() => welcomes(arbiter(), 'FO-037')),
    'arbiter left-notice': played(() => {
      const bench = arbiterSays(arbiter(), 'present');
      expect(bench.state.serving.trouble).toMatchObject({ kind: 'arbiter' });
      leaves(arbiterSays(bench, 'left-notice'), 'FO-035');
    }),
    'arbiter goodbye': neverAsked(noConnection, () => {
      const bench = arbiter();
      bench.from('B', 7, bench.state.record.epoch, { type: 'going-down', noFailover: false });
      expect(bench.state.serving.trouble).toMatchObject({ kind: 'arbiter' });
    }),
    'arbiter gone': played(() => leaves(arbiterSays(arbiter(), 'gone'), 'FO-034')),
  },
);
