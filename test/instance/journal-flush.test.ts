import { describe, expect, test } from '@jest/globals';
import { type Gathering, JournalFlush } from '../../src/instance/journal-flush.ts';
import { JournalBrokenError, JournalFrozenError } from '../../src/journal/journal.ts';
import { asyncFlushMs, shipChunkBytes } from '../../src/mirror/limits.ts';

const position = { epoch: 1, file: 1, offset: 100, sequence: 1 };

/** A journal that does as told, and a clock that is moved by hand. */
function made() {
  const seen: string[] = [];
  const timers: { ms: number; run: () => void }[] = [];
  const state = { gathering: 'not' as Gathering, fails: null as Error | null, nowMs: 1000, end: position };
  const flush = new JournalFlush({
    journal: {
      flushed: position,
      get end() {
        return state.end;
      },
      flush: () => {
        if (state.fails !== null) throw state.fails;
        seen.push('flush');
        return position;
      },
    },
    gathering: () => state.gathering,
    nowMs: () => state.nowMs,
    after: (ms, run) => void timers.push({ ms, run }),
    onFlushed: () => seen.push('flushed'),
    onFrozen: (reason) => seen.push(`frozen: ${reason}`),
    failed: (error) => seen.push(`failed: ${error.message}`),
  });
  const ring = () => {
    for (const { run } of timers.splice(0)) run();
  };
  return { flush, seen, timers, state, ring };
}

describe('when the journal is flushed', () => {
  test('SYN-005: durable updates of a turn are flushed once, at its end', () => {
    const { flush, seen, timers } = made();
    flush.want();
    flush.want();
    expect(seen).toEqual([]);
    flush.settle();
    flush.settle();
    expect(seen).toEqual(['flush', 'flushed']);
    expect(timers).toHaveLength(0);
  });

  test('SYN-005: buffered updates wait for each other, and are flushed all the same', () => {
    const { flush, seen, timers, state, ring } = made();
    state.gathering = 'briefly';
    for (let turn = 0; turn < 3; turn += 1) {
      flush.want();
      flush.settle();
    }
    expect(seen).toEqual([]);
    expect(timers).toHaveLength(1);
    ring();
    expect(seen).toEqual(['flush', 'flushed']);
  });

  test('SYN-005: a durable update does not wait with the buffered ones before it', () => {
    const { flush, seen, state, ring } = made();
    state.gathering = 'briefly';
    flush.want();
    flush.settle();
    state.gathering = 'not';
    flush.want();
    flush.settle();
    expect(seen).toEqual(['flush', 'flushed']);
    ring();
    expect(seen).toEqual(['flush', 'flushed']);
  });

  test('SYN-007: what an async receives without a pause is flushed in rounds', () => {
    const { flush, seen, timers, state, ring } = made();
    state.gathering = 'in-rounds';
    const receive = (atMs: number): void => {
      state.nowMs = atMs;
      flush.want();
      flush.settle();
    };
    receive(1000);
    expect(seen).toEqual(['flush', 'flushed']);
    receive(1020);
    receive(1040);
    expect(seen).toEqual(['flush', 'flushed']);
    expect(timers.map(({ ms }) => ms)).toEqual([asyncFlushMs - 20]);
    state.nowMs = 1000 + asyncFlushMs;
    ring();
    expect(seen).toEqual(['flush', 'flushed', 'flush', 'flushed']);
  });

  test('SYN-007: an async that catches up flushes each chunk, and one that becomes a failover member everything', () => {
    const { flush, seen, state } = made();
    state.gathering = 'in-rounds';
    const receive = (): number => {
      flush.want();
      flush.settle();
      return seen.length / 2;
    };
    expect(receive()).toBe(1);
    state.end = { ...position, offset: position.offset + shipChunkBytes };
    expect(receive()).toBe(2);
    state.end = { ...position, file: 2 };
    expect(receive()).toBe(3);
    state.end = position;
    expect(receive()).toBe(3);
    state.gathering = 'not';
    expect(receive()).toBe(4);
  });

  test('SYN-006: a full disk is tried again until there is room, and nothing is flushed meanwhile', () => {
    const { flush, seen, state, ring } = made();
    state.fails = new JournalFrozenError('no room');
    flush.want();
    flush.settle();
    flush.want();
    flush.settle();
    expect(seen).toEqual(['frozen: no room']);
    ring();
    expect(seen).toEqual(['frozen: no room', 'frozen: no room']);
    state.fails = null;
    ring();
    expect(seen.slice(2)).toEqual(['flush', 'flushed']);
  });

  test('SYN-006: a failed sync ends the process, nothing is tried again', () => {
    const { flush, seen, timers, state } = made();
    state.fails = new JournalBrokenError('input/output error');
    flush.want();
    flush.settle();
    flush.settle();
    expect(seen).toEqual(['failed: input/output error']);
    expect(timers).toHaveLength(0);
  });
});
