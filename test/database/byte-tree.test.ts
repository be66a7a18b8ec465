/** The sorted map in memory against a plain model: every operation, on trees of several levels. */
import { Buffer } from 'node:buffer';
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { BlockPool } from '../../src/database/block-pool.ts';
import { ByteTree, locateEntry } from '../../src/database/byte-tree.ts';
import { overlayBlockBytes, overlayMax } from '../../src/mirror/limits.ts';

/** Keys that share beginnings, in a tree large enough to have inner nodes above inner nodes now and then. */
const keyOf = (number: number): Buffer => {
  const text = number.toString(3);
  return Buffer.from(text.split('').map((digit) => Number(digit) + 1));
};
const name = (key: Uint8Array): string => Buffer.from(key).toString('hex');

const keyNumber = fc.integer({ min: 0, max: 3000 });
const operation = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('set' as const), key: keyNumber, length: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('run' as const), key: keyNumber, length: fc.nat(400) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), key: keyNumber, length: fc.nat(2) }) },
);

function walkOf(tree: ByteTree, from: Buffer, isReverse: boolean): string[] {
  const walk = isReverse ? tree.seekBefore(from) : tree.seek(from);
  const seen: string[] = [];
  for (; walk.entry >= 0; walk.advance()) seen.push(name(tree.keyAt(walk.entry)));
  return seen;
}

describe('a tree of bytes', () => {
  test('holds what a plain map holds, in the order of its bytes', () => {
    fc.assert(
      fc.property(fc.array(operation, { minLength: 5, maxLength: 50 }), keyNumber, (operations, place) => {
        const tree = new ByteTree(new BlockPool());
        const model = new Map<string, string>();
        const put = (key: Buffer, value: string): void => {
          tree.set(key, Buffer.from(value));
          model.set(name(key), value);
        };
        operations.forEach(({ kind, key, length }, round) => {
          if (kind === 'set') put(keyOf(key), 'v'.repeat(length) + round);
          else if (kind === 'run') for (let i = 0; i < length; i += 1) put(keyOf(key + i * 7), `${round}.${i}`);
          else {
            const [from, until] = [keyOf(key), Buffer.concat([keyOf(key).subarray(0, length + 1), Buffer.of(9)])];
            const gone = [...model.keys()].filter((each) => each >= name(from) && each < name(until));
            expect(tree.removeRange(from, until)).toBe(gone.length);
            for (const each of gone) model.delete(each);
          }
        });
        const order = [...model.keys()].sort();
        expect(tree.count).toBe(order.length);
        const from = keyOf(place);
        expect(walkOf(tree, from, false)).toEqual(order.filter((each) => each >= name(from)));
        expect(walkOf(tree, from, true)).toEqual(order.filter((each) => each < name(from)).reverse());
        for (let number = 0; number < 6000; number += 3) {
          const key = keyOf(number);
          const found = tree.find(key);
          expect(found < 0 ? undefined : tree.valueAt(found).toString()).toBe(model.get(name(key)));
        }
        const blocks = tree.blocks.map((block) => Buffer.from(block));
        const at = { block: 0, keyStart: 0, keyEnd: 0, valueEnd: 0 };
        const read = [...tree.inOrder()].map((entry) => {
          locateEntry(blocks, entry, at);
          const bytes = blocks[at.block] as Buffer;
          return [name(bytes.subarray(at.keyStart, at.keyEnd)), bytes.toString('latin1', at.keyEnd, at.valueEnd)];
        });
        expect(read).toEqual(order.map((each) => [each, model.get(each)]));
      }),
      { numRuns: 12 },
    );
  });

  test('a tree of 100,000 entries put in disorder is in order', () => {
    const tree = new ByteTree(new BlockPool());
    const count = 100_000;
    const key = (number: number): Buffer => {
      const bytes = Buffer.alloc(8, 'k');
      bytes.writeUInt32BE(number, 4);
      return bytes;
    };
    for (let i = 0; i < count; i += 1) tree.set(key((i * 61_681) % count), Buffer.of(i & 0xff));
    expect(tree.count).toBe(count);
    const inOrder = [...tree.inOrder()].map((entry) => tree.keyAt(entry).readUInt32BE(4));
    expect(inOrder.every((number, index) => number === index)).toBe(true);
    expect(tree.find(key(count))).toBe(-1);
    expect(tree.keyAt(tree.find(key(count - 1)))).toEqual(key(count - 1));
  });

  test('an entry lies whole in one block, however long it is', () => {
    const pool = new BlockPool();
    const tree = new ByteTree(pool);
    const lengths = [40_000, 3_600_000, 30_000, 900_000, 200_000, 1_048_570, 1_500_000, 10, 2_000_000, 2_000_000];
    lengths.forEach((length, index) => {
      tree.set(Buffer.of(index), Buffer.alloc(length, index + 1));
    });
    tree.set(Buffer.of(2), Buffer.alloc(20_000, 99));
    tree.set(Buffer.of(3), Buffer.alloc(950_000, 98));
    const expected = lengths.map((length, index) => Buffer.alloc(length, index + 1));
    [expected[2], expected[3]] = [Buffer.alloc(20_000, 99), Buffer.alloc(950_000, 98)];
    const blocks = tree.blocks.map((block) => Buffer.from(block));
    const at = { block: 0, keyStart: 0, keyEnd: 0, valueEnd: 0 };
    for (const [index, value] of expected.entries()) {
      const entry = tree.find(Buffer.of(index));
      expect([index, tree.valueAt(entry).equals(value), tree.valueLengthAt(entry)]).toEqual([
        index,
        true,
        value.length,
      ]);
      locateEntry(blocks, entry, at);
      expect([index, blocks[at.block]?.subarray(at.keyEnd, at.valueEnd).equals(value)]).toEqual([index, true]);
    }
    expect(tree.heldBytes).toBe(blocks.reduce((sum, block) => sum + block.length, 0));
    expect(pool.usedBytes).toBe(tree.heldBytes);
    tree.release();
    expect(pool.usedBytes).toBe(0);
  });
});

describe('a pool of blocks', () => {
  /** Fills a tree as a generation does; what the last one left in a block must not show. */
  function generation(pool: BlockPool, round: number): ByteTree {
    const tree = new ByteTree(pool);
    for (let i = 0; i < 3000; i += 1) tree.set(Buffer.from(`k${i % (1000 + round)}`), Buffer.alloc(1000, round));
    return tree;
  }

  test('gives the same blocks again, so that a hundred generations take no more memory than the first ones', () => {
    const pool = new BlockPool();
    let before = generation(pool, 0);
    let largest = before.heldBytes;
    for (let round = 1; round < 100; round += 1) {
      const tree = generation(pool, round);
      expect(tree.count).toBe(1000 + round);
      expect(tree.valueAt(tree.find(Buffer.from('k7')))).toEqual(Buffer.alloc(1000, round));
      expect(tree.find(Buffer.from(`k${1000 + round}`))).toBe(-1);
      before.release();
      before = tree;
      expect(pool.usedBytes).toBe(tree.heldBytes);
      largest = Math.max(largest, tree.heldBytes);
      // Two at a time, and what the first block of each has grown out of.
      expect(pool.usedBytes + pool.freeBytes).toBeLessThanOrEqual(2 * largest + 2 * overlayBlockBytes.most);
    }
  });

  test('keeps no more than what all databases may hold back', () => {
    const pool = new BlockPool();
    const blocks = Array.from({ length: 300 }, () => pool.take(overlayBlockBytes.most));
    expect(pool.usedBytes).toBe(300 * overlayBlockBytes.most);
    for (const block of blocks) pool.give(block);
    expect([pool.usedBytes, pool.freeBytes]).toEqual([0, overlayMax.bytesOfAll]);
  });

  test('gives up what it keeps when nothing was used for a while', () => {
    jest.useFakeTimers();
    try {
      const pool = new BlockPool();
      const [first, second] = [pool.take(100), pool.take(100)];
      pool.give(first);
      jest.advanceTimersByTime(600_000);
      expect(pool.freeBytes).toBe(first.length);
      pool.give(second);
      jest.advanceTimersByTime(20_000);
      expect(pool.take(100)).toBe(second);
      jest.advanceTimersByTime(600_000);
      expect(pool.freeBytes).toBe(first.length);
      pool.abandon(second);
      jest.advanceTimersByTime(600_000);
      expect([pool.usedBytes, pool.freeBytes]).toEqual([0, 0]);
    } finally {
      jest.useRealTimers();
    }
  });
});
