/** Laws of shared journals: what two members have in common, and that shipping in any pieces is shipping the whole. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { EpochBeginning, JournalPosition } from '../../src/mirror/journal-position.ts';
import { commonPrefix, isBeyond } from '../../src/mirror/journal-transfer.ts';
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
