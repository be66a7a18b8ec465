/** Rules of a member that has a primary, one by one. */
import { describe, expect, test } from '@jest/globals';
import { at, Bench, epochOf, qosTimeoutMs } from './bench.ts';

const primary = epochOf(1, 'A');

describe('FO-010 FO-012: silence of the primary', () => {
  test('FO-010: is tolerated up to half the QoS timeout, and acted on before the QoS timeout', () => {
    const bench = new Bench().active();
    bench.woke(qosTimeoutMs / 2);
    expect(bench.state.role).toBe('attached');
    bench.woke(qosTimeoutMs / 2 - 1);
    expect(bench.state.role).toBe('seeking');
    expect(bench.effect('close')?.connection).toBe(3);
  });

  test('FO-010: a message that waited while the process stood still counts before any deadline', () => {
    const bench = new Bench().active().post({ type: 'stalled', gapMs: 5000 }, 5000);
    const keepAlive = {
      type: 'keep-alive',
      number: 9,
      echo: 0,
      mode: 'Agent Controlled',
      term: 1,
      session: 0,
    } as const;
    bench.from('A', 3, primary, keepAlive).woke();
    expect(bench.state.role).toBe('attached');
  });

  test('FO-021: the agent of the primary is asked next', () => {
    const bench = new Bench().active().post({ type: 'closed', connection: 3, reason: 'test' }).woke();
    expect(bench.effect('ask-agent')).toMatchObject({ question: 'confirm-down', of: 'A' });
  });
});

describe('FO-015: becoming active', () => {
  test('FO-015: not before everything is fsynced, and then on disk before it says so', () => {
    const bench = new Bench().attached();
    bench.from('A', 3, primary, {
      type: 'data',
      from: bench.state.journal.appended,
      to: at(1, 5),
      durableTo: at(1, 0),
    });
    bench.from('A', 3, primary, { type: 'set-active', term: 1, upTo: at(1, 5) });
    expect(bench.state.record.wasActive).toBeNull();
    bench.post({ type: 'journal-flushed', to: at(1, 5) });
    const types = bench.effects.map((effect) => effect.type);
    expect(types.indexOf('save-record')).toBeLessThan(types.indexOf('send'));
    expect(bench.sent('ack')).toMatchObject({ to: at(1, 5), term: 1 });
    expect(bench.state.record.wasActive).toEqual({ epoch: primary, term: 1 });
  });

  test('FO-018: a hello is said only after the active status is given up on disk', () => {
    const bench = new Bench().active().post({ type: 'closed', connection: 3, reason: 'test' }).woke();
    const request = bench.effect('ask-agent')?.request as number;
    bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch: primary } }).woke();
    bench.post({ type: 'dialled', to: 'A', connection: 4 });
    const types = bench.effects.map((effect) => effect.type);
    expect(bench.effect('save-record')?.record.wasActive).toBeNull();
    expect(types.indexOf('save-record')).toBeLessThan(types.indexOf('send'));
    expect(bench.sent('hello')).toBeDefined();
  });
});

describe('FO-023 FO-024: the agent says that the primary is down', () => {
  const down = (record: { member: string; term: number } | null) => ({
    incarnation: 3,
    epoch: primary,
    primaryOfEpoch: true,
    activeBackup: record,
    noFailover: false,
    stoppedByOperator: false,
  });

  function lost(): { bench: Bench; request: number } {
    const bench = new Bench().active().post({ type: 'closed', connection: 3, reason: 'test' }).woke();
    return { bench, request: bench.effect('ask-agent')?.request as number };
  }

  test('FO-023: its record names this member and activation: take over without data', () => {
    const { bench, request } = lost();
    const record = down({ member: 'B', term: 1 });
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record } });
    expect(bench.state).toMatchObject({ role: 'becoming', right: 'agent-down' });
    expect(bench.effect('save-record')?.record.epoch.number).toBe(2);
  });

  test.each([null, { member: 'B', term: 2 }])('FO-024: its record says %j: data first', (named) => {
    const { bench, request } = lost();
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record: down(named) } });
    expect(bench.state.role).toBe('seeking');
    expect(bench.effect('ask-journal')).toBeDefined();
  });

  test('FO-024: a record that cannot be read: data first, unless the window is open', () => {
    const { bench, request } = lost();
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record: null } });
    expect(bench.effect('ask-journal')).toBeDefined();
  });

  test('FO-023: the window opens with an echo in agent mode, counts from our own sending, and a standstill closes it', () => {
    const bench = new Bench().active().woke();
    const sentAtMs = bench.nowMs;
    const keepAlive = {
      type: 'keep-alive',
      number: 1,
      echo: 1,
      mode: 'Agent Controlled',
      term: 1,
      session: 0,
    } as const;
    bench.nowMs += 300;
    bench.from('A', 3, primary, keepAlive);
    expect(bench.state.windowUntilMs).toBeGreaterThan(bench.nowMs);
    expect(bench.state.windowUntilMs).toBeLessThan(sentAtMs + 2 * qosTimeoutMs);
    bench.post({ type: 'stalled', gapMs: 400 });
    expect(bench.state.windowUntilMs).toBe(0);
  });

  test('FO-022: an answer that comes after the hello means nothing', () => {
    const { bench, request } = lost();
    bench.woke(qosTimeoutMs).woke(300).post({ type: 'dialled', to: 'A', connection: 8 });
    expect(bench.sent('hello')).toBeDefined();
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record: down({ member: 'B', term: 1 }) } });
    expect(bench.state.role).toBe('seeking');
  });

  test('FO-072: no failover blocks it, on either record', () => {
    const { bench, request } = lost();
    const record = { ...down({ member: 'B', term: 1 }), noFailover: true };
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record } });
    expect(bench.state.role).toBe('seeking');
  });
});

describe('FO-039 FO-040: the answers of the arbiter', () => {
  const asking = (): Bench => new Bench().activeWithArbiter().post({ type: 'closed', connection: 3, reason: 'test' });
  const says = (type: 'gone' | 'present' | 'taken', term = 2) => ({ type, epoch: primary, term }) as const;

  test('FO-030: the arbiter is asked in the same step in which the primary is lost', () => {
    expect(asking().effect('tell-arbiter')?.message).toMatchObject({ type: 'peer-lost', term: 2 });
  });

  test('FO-039: gone: take over', () => {
    const bench = asking().post({ type: 'arbiter-message', message: says('gone') });
    expect(bench.state).toMatchObject({ role: 'becoming', right: 'licence' });
  });

  test.each(['present', 'taken'] as const)(
    'FO-040: %s: not active any more, and says so through the arbiter',
    (answer) => {
      const bench = asking().post({ type: 'arbiter-message', message: says(answer) });
      expect(bench.state.record.wasActive).toBeNull();
      expect(bench.effect('tell-arbiter')?.message).toMatchObject({ type: 'left-notice', term: 2 });
      expect(bench.state.role).toBe('seeking');
    },
  );

  test('I6: an answer of another term or after the session broke means nothing', () => {
    expect(asking().post({ type: 'arbiter-message', message: says('gone', 1) }).state.role).toBe('attached');
    const later = asking().post({ type: 'arbiter-closed', reason: 'test' });
    later.post({ type: 'arbiter-opened', session: 1005 }).post({ type: 'arbiter-message', message: says('gone') });
    expect(later.state.role).toBe('seeking');
  });

  test('FO-041: primary and arbiter lost: the window is closed', () => {
    const bench = asking().post({ type: 'arbiter-closed', reason: 'test' });
    expect(bench.state).toMatchObject({ role: 'seeking', windowUntilMs: 0 });
  });
});

test('FO-041 FO-023: the way into arbiter controlled mode closes the window; only "agent-mode-ok" opens it again', () => {
  const bench = new Bench().active({ arbiter: true }).woke().post({ type: 'arbiter-opened', session: 1001 });
  const echo = { type: 'keep-alive', number: 1, echo: 1, mode: 'Agent Controlled', term: 1, session: 1000 } as const;
  expect(bench.from('A', 3, primary, echo).state.windowUntilMs).toBeGreaterThan(0);
  bench.from('A', 3, primary, { type: 'enter-propose', term: 2, session: 1000 });
  expect(bench.state.windowUntilMs).toBe(0);
  bench.from('A', 3, primary, { type: 'leave', term: 2 }).from('A', 3, primary, echo);
  expect(bench.state.windowUntilMs).toBe(0);
  bench.from('A', 3, primary, { type: 'agent-mode-ok', term: 2 }).from('A', 3, primary, echo);
  expect(bench.state.windowUntilMs).toBeGreaterThan(0);
});

test('FO-007 FO-049: asked to take over, it does so only as active backup with everything', () => {
  expect(new Bench().active().from('A', 3, primary, { type: 'take-over', final: at(1, 5) }).state.role).toBe(
    'becoming',
  );
  expect(new Bench().active().from('A', 3, primary, { type: 'take-over', final: at(1, 6) }).state.role).toBe(
    'attached',
  );
  expect(new Bench().attached().from('A', 3, primary, { type: 'take-over', final: at(0, 0) }).state.role).toBe(
    'attached',
  );
});

test('SYN-007: an async never becomes primary and never counts itself active', () => {
  const bench = new Bench('C', false).started({ settings: { partner: null } }).woke();
  bench.post({ type: 'dialled', to: 'A', connection: 3 });
  expect(bench.sent('hello')).toMatchObject({ failoverMember: false });
  bench.post({ type: 'closed', connection: 3, reason: 'test' });
  expect(bench.state.role).toBe('seeking');
});
