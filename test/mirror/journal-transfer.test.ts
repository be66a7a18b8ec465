/** Laws of shared journals: what two members have in common, and that shipping in any pieces is shipping the whole. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { EpochBeginning, JournalPosition } from '../../src/mirror/journal-position.ts';
import { commonPrefix, isBeyond } from '../../src/mirror/journal-transfer.ts';
import { asyncRoundMs, shipChunkBytes } from '../../src/mirror/limits.ts';
import { nextWakeMs } from '../../src/mirror/member.ts';
import { MemberDisk } from '../../src/simulation/member-disk.ts';
import { at, Bench, beginning, epochOf } from './bench.ts';

/** A journal grown by reigns of this many records each. */
function grow(disk: MemberDisk, firstEpoch: number, owner: string, reigns: readonly number[]): void {
  for (const [index, records] of reigns.entries()) {
    disk.startFile(epochOf(firstEpoch + index, owner));
    for (let count = 0; count < records; count += 1) disk.append(count, false);
  }
}

function forked(shared: readonly number[], mine: readonly number[], theirs: readonly number[]) {
  const left = new MemberDisk();
  const right = new MemberDisk();
  grow(left, 1, 'A', shared);
  grow(right, 1, 'A', shared);
  grow(left, shared.length + 1, 'A', mine);
  // Of the same numbers, but another's.
  grow(right, shared.length + 1, 'B', theirs);
  return { left, right };
}

const common = (a: MemberDisk, b: MemberDisk) =>
  commonPrefix({ history: a.history, end: a.end }, { history: b.history, end: b.end });

/** The longest run of equal elements, found by comparing them. */
function sharedElements(a: MemberDisk, b: MemberDisk): number {
  let count = 0;
  while (count < a.elements.length && a.elements[count]?.chain === b.elements[count]?.chain) count += 1;
  return count;
}

const reigns = fc.array(fc.nat(4), { maxLength: 4 });

test('FO-088: the common prefix is exactly what two journals share', () => {
  fc.assert(
    fc.property(reigns, reigns, reigns, (shared, mine, theirs) => {
      const { left, right } = forked(shared, mine, theirs);
      const prefix = common(left, right);
      expect(left.countUpTo(prefix)).toBe(sharedElements(left, right));
      expect(right.countUpTo(prefix)).toBe(sharedElements(left, right));
    }),
  );
});

test('FO-088: a torn journal shares what is left of it', () => {
  fc.assert(
    fc.property(reigns, reigns, fc.nat(), (shared, more, cut) => {
      const whole = new MemberDisk();
      grow(whole, 1, 'A', [...shared, ...more]);
      const torn = new MemberDisk();
      torn.elements = whole.elements.slice(0, cut % (whole.elements.length + 1));
      expect(whole.countUpTo(common(whole, torn))).toBe(torn.elements.length);
      expect(torn.countUpTo(common(torn, whole))).toBe(torn.elements.length);
    }),
  );
});

test('FO-088: cutting at the common prefix leaves nothing beyond it, and cutting twice is cutting once', () => {
  fc.assert(
    fc.property(reigns, reigns, reigns, (shared, mine, theirs) => {
      const { left, right } = forked(shared, mine, theirs);
      left.cut(common(left, right));
      expect(isBeyond(left.end, common(left, right))).toBe(false);
      const length = left.elements.length;
      left.cut(common(left, right));
      expect(left.elements).toHaveLength(length);
    }),
  );
});

test('SYN-006: shipping in any pieces is shipping the whole', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }), (pieces) => {
      const primary = epochOf(1, 'A');
      const bench = new Bench().attached();
      let sequence = 0;
      let from: JournalPosition = bench.state.journal.appended;
      const stored: [JournalPosition, JournalPosition][] = [];
      for (const piece of pieces) {
        sequence += piece;
        const to = at(1, sequence);
        const data = { type: 'data', from, to, durableTo: at(1, 0) } as const;
        bench.from('A', 3, primary, data);
        const effect = bench.effect('store-journal');
        if (effect !== undefined) stored.push([effect.from, effect.to]);
        // A piece that comes again changes nothing but is acknowledged.
        bench.from('A', 3, primary, data);
        expect(bench.effect('store-journal')).toBeUndefined();
        expect(bench.sent('ack')).toBeDefined();
        from = to;
      }
      expect(stored).toHaveLength(pieces.length);
      for (const [index, [begin]] of stored.entries()) {
        if (index > 0) expect(begin).toEqual(stored[index - 1]?.[1]);
      }
      expect(bench.state.journal.appended).toEqual(at(1, sequence));
    }),
    { numRuns: 40 },
  );
});

test('SYN-006: a piece that does not join what is here is not stored: the connection is closed', () => {
  const bench = new Bench().active();
  bench.from('A', 3, epochOf(1, 'A'), { type: 'data', from: at(1, 7), to: at(1, 9), durableTo: at(1, 0) });
  expect(bench.effect('store-journal')).toBeUndefined();
  expect(bench.effect('close')?.connection).toBe(3);
});

test('FO-088: an unknown history shares nothing', () => {
  const history: readonly EpochBeginning[] = [beginning(epochOf(3, 'A'), 0)];
  expect(commonPrefix({ history, end: at(3, 5) }, { history: [], end: at(0, 0) })).toEqual({ epoch: 0, sequence: 0 });
});

describe('SYN-007: asyncs are sent to in rounds', () => {
  const [C, D] = [8, 9] as const;

  /** A primary of nobody but these asyncs, which have everything. */
  function primaryOf(...connections: readonly number[]): Bench {
    const bench = new Bench('A').primary();
    for (const connection of connections) {
      const hello = { type: 'hello', failoverMember: false, primaryOfEpoch: false, hello: 1 } as const;
      bench.from(nameOf(connection), connection, epochOf(0, ''), { ...hello, journalEnd: at(0, 0) });
      acknowledge(bench, connection, 0);
    }
    // Keep-alives that are due.
    return bench.woke();
  }

  const nameOf = (connection: number): string => (connection === C ? 'C' : 'D');

  function acknowledge(bench: Bench, connection: number, sequence: number): void {
    const to = at(1, sequence);
    bench.from(nameOf(connection), connection, epochOf(1, 'A', 'first'), { type: 'ack', to, applied: to, term: 0 });
  }

  /** An update that is durable at once: no backup counts. What was sent to whom, as `CONNECTION:FROM-TO`. */
  function update(bench: Bench, sequence: number, afterMs = 0): readonly string[] {
    const to = at(1, sequence);
    bench.post({ type: 'journal-appended', to }, afterMs).post({ type: 'journal-flushed', to });
    expect(bench.state.journal.durable).toEqual(to);
    return sent(bench);
  }

  function sent(bench: Bench): readonly string[] {
    const shipped = bench.effects.flatMap((effect) => (effect.type === 'ship-journal' ? [effect] : []));
    expect(bench.effects.filter(({ type }) => type === 'send')).toEqual([]);
    for (const { connection, to } of shipped)
      bench.post({ type: 'journal-shipped', connection, to, bytes: 100 * to.sequence });
    return shipped.map(({ connection, from, to }) => `${connection}:${from.sequence}-${to.sequence}`);
  }

  test('SYN-007: what comes after a pause goes to all of them at once, also where the one before is not acknowledged', () => {
    const bench = primaryOf(C, D);
    expect(update(bench, 1)).toEqual(['8:0-1', '9:0-1']);
    expect(update(bench, 2, asyncRoundMs)).toEqual(['8:1-2', '9:1-2']);
  });

  test('SYN-007: what comes within a round is gathered for the next one, which all have together', () => {
    const bench = primaryOf(C, D);
    update(bench, 1);
    for (const sequence of [2, 3, 4]) expect(update(bench, sequence, 1)).toEqual([]);
    acknowledge(bench, C, 1);
    expect(sent(bench)).toEqual([]);
    const next = nextWakeMs(bench.state) as number;
    expect(next - bench.nowMs).toBe(asyncRoundMs - 3);
    bench.woke(next - bench.nowMs);
    expect(sent(bench)).toEqual(['8:1-4', '9:1-4']);
    // With nothing left to send there is no round to wake for.
    expect(nextWakeMs(bench.state)).toBeGreaterThan(bench.nowMs + asyncRoundMs);
  });

  test('SYN-007: an async that lacks a whole chunk does not wait for the round', () => {
    const bench = primaryOf(C);
    update(bench, 1);
    expect(update(bench, 2, 1)).toEqual([]);
    expect(update(bench, 2 + shipChunkBytes / 100, 1)).toEqual([`8:1-${2 + shipChunkBytes / 100}`]);
  });

  test('SYN-007: what a round has held back goes out before the goodbye of a primary that stops', () => {
    const bench = primaryOf(C);
    update(bench, 1);
    update(bench, 2, 1);
    bench.post({ type: 'operator', request: 1, order: { command: 'stop-instance', noFailover: false } });
    const order = bench.effects.map((effect) => (effect.type === 'send' ? effect.message.type : effect.type));
    expect(order.indexOf('ship-journal')).toBeGreaterThanOrEqual(0);
    expect(order.indexOf('ship-journal')).toBeLessThan(order.indexOf('going-down'));
    expect(order.indexOf('going-down')).toBeLessThan(order.indexOf('end-process'));
  });

  test('SYN-006: the backup has everything at once, whatever the rounds of asyncs', () => {
    const bench = new Bench('A').primaryWithActiveBackup();
    for (const sequence of [1, 2, 3]) {
      bench.post({ type: 'journal-appended', to: at(1, sequence) }, 1);
      const effect = bench.effect('ship-journal');
      expect(effect).toMatchObject({ connection: 7, to: at(1, sequence) });
      bench.post({ type: 'journal-shipped', connection: 7, to: at(1, sequence), bytes: 100 });
    }
  });
});
