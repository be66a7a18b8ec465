import { describe, expect, test } from '@jest/globals';
import { nextWakeMs } from '../../src/mirror/member.ts';
import { at, Bench, beginning, epochOf } from './bench.ts';

/** Wakes the member when it wants to be woken, and says how often within this time. */
function wakeUps(bench: Bench, withinMs: number): number {
  const untilMs = bench.nowMs + withinMs;
  for (let count = 0; count < 1000; count += 1) {
    const next = nextWakeMs(bench.state);
    if (next === null || next > untilMs) return count;
    bench.woke(Math.max(0, next - bench.nowMs));
  }
  return Number.POSITIVE_INFINITY;
}

describe('FO-010: a deadline that has passed is settled by one wake-up', () => {
  test('FO-024: while journal data is being fetched', () => {
    const bench = new Bench().started().woke();
    const request = bench.effect('ask-agent')?.request as number;
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record: null } });
    expect(bench.effect('ask-journal')).toBeDefined();
    expect(wakeUps(bench, 5000)).toBeLessThan(5);
  });

  test('FO-008: while handing over, with an arbiter configured', () => {
    const bench = new Bench('A').primaryWithArbiter();
    bench.post({ type: 'operator', request: 1, order: { command: 'stop-instance', noFailover: false } });
    expect(bench.state.role).toBe('handing-over');
    expect(wakeUps(bench, 500)).toBeLessThan(10);
  });

  test('FO-029: while the backup has not answered "leave"', () => {
    const bench = new Bench('A').primaryWithArbiter().post({ type: 'arbiter-closed', reason: 'test' }).backupHeard();
    bench.state = { ...bench.state, serving: { ...bench.state.serving, mode: 'entering' } };
    expect(bench.state.serving.leaving).toBe(true);
    expect(wakeUps(bench, 700)).toBeLessThan(20);
  });

  test('FO-063: a member without a partner that may not become primary', () => {
    const bench = new Bench().started({ settings: { partner: null }, record: { noFailover: true } });
    expect(wakeUps(bench, 1000)).toBeLessThan(20);
  });

  test('FO-009: a forced primary without a partner has nobody to fence', () => {
    const bench = new Bench().started({ record: { validatedMember: false }, settings: { partner: null } });
    const order = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
    bench.post({ type: 'operator', request: 1, order });
    const { epoch } = bench.state.record;
    bench.post({ type: 'file-started', end: at(epoch.number, 0), history: [beginning(epoch, 0)] });
    bench.post({ type: 'databases-applied', to: at(epoch.number, 0) });
    expect(bench.state.role).toBe('primary');
    expect(wakeUps(bench, 1000)).toBeLessThan(20);
  });

  test('SYN-007: an async that knows no failover member', () => {
    const bench = new Bench('C', false).started({ settings: { partner: null, failoverMembers: [] } });
    expect(wakeUps(bench, 1000)).toBeLessThan(20);
  });

  test('SYN-022: a stopped member closes its session with the arbiter and then sleeps', () => {
    const bench = new Bench().active({ arbiter: true }).woke().post({ type: 'arbiter-opened', session: 9 });
    bench.post({ type: 'operator', request: 1, order: { command: 'stop-mirror' } });
    bench.woke();
    expect(bench.effect('close-arbiter')).toBeDefined();
    expect(nextWakeMs(bench.state)).toBeNull();
  });
});

test('FO-088: an attached member knows which epochs its journal holds', () => {
  const bench = new Bench().active();
  expect(bench.state.journal.history).toEqual([beginning(epochOf(1, 'A'), 0)]);
});
