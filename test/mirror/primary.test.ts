import { describe, expect, test } from '@jest/globals';
import { at, Bench } from './bench.ts';

describe('FO-036: an answer of the arbiter counts only in the session in which the mode was proposed', () => {
  test('FO-036: "never" in a later session is no leave to go on, because the backup may hold a licence of the earlier one', () => {
    const bench = new Bench('A').primaryWithActiveBackup({ arbiter: true }).woke();
    bench.post({ type: 'arbiter-opened', session: 1000 }).proposed();
    expect(bench.effect('tell-arbiter')?.message.type).toBe('enter');
    bench.post({ type: 'arbiter-closed', reason: 'test' }).woke(300);
    bench.post({ type: 'arbiter-opened', session: 1002 });
    bench.post({ type: 'closed', connection: 7, reason: 'test' });
    const { epoch } = bench.state.record;
    bench.post({ type: 'arbiter-message', message: { type: 'never', epoch, term: bench.state.serving.modeTerm } });
    expect(bench.state.serving.trouble).toMatchObject({ kind: 'arbiter', untilMs: null });
  });
});

describe('FO-010 FO-011: silence of the backup', () => {
  test('FO-010: is tolerated up to half the QoS timeout, and acted on before the QoS timeout', () => {
    const bench = new Bench('A').primaryWithActiveBackup();
    bench.woke(500);
    expect(bench.state.serving.trouble).toBeNull();
    bench.woke(499);
    expect(bench.state.serving.trouble).toMatchObject({ kind: 'timed' });
    expect(bench.effects.map((effect) => effect.type)).toContain('hold-updates');
  });

  test('FO-014 I4: in trouble state nothing becomes durable', () => {
    const bench = new Bench('A').primaryWithActiveBackup().post({ type: 'closed', connection: 7, reason: 'test' });
    const { durable } = bench.state.journal;
    const to = { ...durable, sequence: durable.sequence + 3 };
    bench.post({ type: 'journal-appended', to }).post({ type: 'journal-flushed', to });
    expect(bench.state.journal.durable).toEqual(durable);
    expect(bench.effect('answer-clients')).toBeUndefined();
  });

  test('FO-019: two QoS timeouts later it goes on, and its record no longer names the backup when it does', () => {
    const bench = new Bench('A').primaryWithActiveBackup().post({ type: 'closed', connection: 7, reason: 'test' });
    bench.woke(1999);
    expect(bench.state.serving.trouble).not.toBeNull();
    bench.woke(2);
    const types = bench.effects.map((effect) => effect.type);
    expect(bench.effect('save-record')?.record.activeBackup).toBeNull();
    expect(types.indexOf('save-record')).toBeLessThan(types.indexOf('admit-updates'));
  });

  test('FO-020: a backup that is not active may go without trouble', () => {
    const bench = new Bench('A')
      .primary()
      .backupSaysHello(7, 1)
      .post({ type: 'closed', connection: 7, reason: 'test' });
    expect(bench.state.serving.trouble).toBeNull();
  });
});

describe('FO-006: what counts as durable', () => {
  test('FO-006: the backup counts from before it is told that it is active', () => {
    const bench = new Bench('A').primary().backupSaysHello(7, 1);
    const end = bench.state.journal.appended;
    bench.from('B', 7, bench.state.record.epoch, { type: 'ack', to: end, applied: end, term: 0 });
    const types = bench.effects.map((effect) => effect.type);
    expect(bench.effect('save-record')?.record.activeBackup).toEqual({ member: 'B', term: 1 });
    expect(types.indexOf('save-record')).toBeLessThan(types.lastIndexOf('send'));
    const to = { ...end, sequence: end.sequence + 1 };
    bench.post({ type: 'journal-appended', to }).post({ type: 'journal-flushed', to });
    expect(bench.state.journal.durable).toEqual(end);
    bench.from('B', 7, bench.state.record.epoch, { type: 'ack', to, applied: end, term: 1 });
    expect(bench.state.journal.durable).toEqual(to);
  });

  test('SYN-007: a member that comes back with everything is told at once up to where it is durable', () => {
    const bench = new Bench('A').primary().backupSaysHello(7, 1);
    const { appended, durable } = bench.state.journal;
    bench.from('B', 7, bench.state.record.epoch, { type: 'ack', to: appended, applied: at(0, 0), term: 0 });
    const told = bench.effects.flatMap((effect) => (effect.type === 'send' ? [effect.message] : []));
    expect(told).toContainEqual({ type: 'durable-to', to: durable });
  });

  test('FO-006: an acknowledgement of another term counts for nothing', () => {
    const bench = new Bench('A').primaryWithActiveBackup();
    const { durable } = bench.state.journal;
    const to = { ...durable, sequence: durable.sequence + 1 };
    bench.post({ type: 'journal-appended', to }).post({ type: 'journal-flushed', to });
    bench.from('B', 7, bench.state.record.epoch, { type: 'ack', to, applied: durable, term: 99 });
    expect(bench.state.journal.durable).toEqual(durable);
  });
});

describe('FO-018 FO-038: who comes to the primary', () => {
  test('FO-018: an older hello does not detach the present connection', () => {
    const bench = new Bench('A').primary().backupSaysHello(7, 2).backupSaysHello(8, 1);
    expect(bench.state.serving.members.get('B')?.connection).toBe(7);
    expect(bench.sent('refuse')?.reason).toBe('older-hello');
  });

  test('FO-038: a message of a higher epoch ends it', () => {
    const bench = new Bench('A').primary().backupSaysHello(7, 1, { number: 2, owner: 'B', lineage: 'first' });
    expect(bench.state.role).toBe('down');
    expect(bench.effect('end-process')).toBeDefined();
  });

  test('FO-037: trouble without end ends with the hello of a backup that did not take over', () => {
    const bench = new Bench('A').primaryWithArbiter().post({ type: 'arbiter-closed', reason: 'test' });
    bench.post({ type: 'closed', connection: 7, reason: 'test' });
    expect(bench.state.serving.trouble).toMatchObject({ kind: 'arbiter' });
    bench.woke(60_000);
    expect(bench.state.serving.trouble).toMatchObject({ kind: 'arbiter' });
    bench.backupSaysHello(9, 2, bench.state.record.epoch);
    expect(bench.state.serving).toMatchObject({ trouble: null, mode: 'agent', counted: null });
    expect(bench.rules).toContain('FO-037');
  });
});

describe('FO-034 FO-035: the answers of the arbiter', () => {
  const asking = (): Bench =>
    new Bench('A').primaryWithArbiter().post({ type: 'closed', connection: 7, reason: 'test' });
  const answer = (bench: Bench, type: 'gone' | 'present' | 'taken' | 'never' | 'left-notice', raise = 0): Bench => {
    const { record, serving } = bench.state;
    return bench.post({
      type: 'arbiter-message',
      message: { type, epoch: record.epoch, term: serving.modeTerm + raise },
    });
  };

  test('FO-034: gone: it goes on at once', () => {
    expect(answer(asking(), 'gone').state.serving).toMatchObject({ trouble: null, mode: 'agent', counted: null });
  });

  test('FO-035: present: it waits for the word of the backup, and goes on with it', () => {
    const bench = answer(asking(), 'present');
    expect(bench.state.serving.trouble).toMatchObject({ kind: 'arbiter', says: 'present' });
    expect(answer(bench, 'left-notice').state.serving.trouble).toBeNull();
  });

  test('FO-035: the word of an earlier term means nothing', () => {
    expect(answer(asking(), 'left-notice', -1).state.serving.trouble).not.toBeNull();
  });

  test('FO-031 FO-036: taken, or never in full arbiter mode: no end by time', () => {
    for (const type of ['taken', 'never'] as const) {
      expect(answer(asking(), type).state.serving.trouble).toMatchObject({ kind: 'arbiter', untilMs: null });
    }
  });
});

describe('FO-088 FO-038: a forced primary finds that the other one is primary too', () => {
  function forced(): { bench: Bench; request: number } {
    const bench = new Bench('A').started({ record: { validatedMember: false } });
    const order = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
    bench.post({ type: 'operator', request: 1, order }).woke().woke(1001);
    const { epoch } = bench.state.record;
    const end = { epoch: epoch.number, file: 1, offset: 256, sequence: 0 };
    bench.post({ type: 'file-started', end, history: [] }).post({ type: 'databases-applied', to: end }).woke();
    return { bench, request: bench.effect('ask-agent')?.request as number };
  }

  test.each([
    ['the same', 'halted', 0],
    ['a higher', 'down', 1],
    ['a lower', 'primary', -1],
  ])('FO-088: of %s epoch: it is %s afterwards', (_, role, above) => {
    const { bench, request } = forced();
    const number = bench.state.record.epoch.number + above;
    const answer = { says: 'running', primary: true, epoch: { number, owner: 'B', lineage: 'first' } } as const;
    bench.post({ type: 'agent-answered', request, answer });
    expect(bench.state.role).toBe(role);
  });
});

test('FO-029 I6: "entered" that comes after the backup has left means nothing', () => {
  const bench = new Bench('A').primaryWithActiveBackup({ arbiter: true }).woke();
  bench.post({ type: 'arbiter-opened', session: 1000 }).proposed();
  const { epoch } = bench.state.record;
  const { modeTerm: term } = bench.state.serving;
  bench.from('B', 7, epoch, { type: 'left', term });
  expect(bench.sent('agent-mode-ok')).toEqual({ type: 'agent-mode-ok', term });
  bench.post({ type: 'arbiter-message', message: { type: 'entered', epoch, term } });
  expect(bench.state.serving.mode).toBe('agent');
});

describe('FO-073: a stop with no failover', () => {
  const stop = { type: 'operator', request: 9, order: { command: 'stop-instance', noFailover: true } } as const;

  test('FO-073: the process ends when the backup has it on disk that it may not take over, not before', () => {
    const bench = new Bench('A').primaryWithArbiter().post(stop);
    expect(bench.effect('save-record')?.record.noFailover).toBe(true);
    expect(bench.sent('no-failover')).toEqual({ type: 'no-failover', set: true });
    expect(bench.sent('take-over')).toBeUndefined();
    expect(bench.effect('end-process')).toBeUndefined();
    bench.from('B', 7, bench.state.record.epoch, { type: 'no-failover-done', set: true });
    expect(bench.effect('end-process')).toBeDefined();
    expect(bench.sent('take-over')).toBeUndefined();
  });

  test('FO-073: it ends by the QoS timeout when the backup does not answer', () => {
    const bench = new Bench('A').primaryWithArbiter().post(stop);
    bench.woke(1001);
    expect(bench.effect('end-process')).toBeDefined();
  });
});
