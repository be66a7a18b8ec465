/** The sorted map in memory against a plain model: every operation, on trees of several levels. */
import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ByteTree, locateEntry } from '../../src/database/byte-tree.ts';

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
        const tree = new ByteTree();
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
        const bytes = Buffer.from(tree.block);
        const at = { keyStart: 0, keyEnd: 0, valueEnd: 0 };
        const read = [...tree.inOrder()].map((entry) => {
          locateEntry(bytes, entry, at);
          return [name(bytes.subarray(at.keyStart, at.keyEnd)), bytes.toString('latin1', at.keyEnd, at.valueEnd)];
        });
        expect(read).toEqual(order.map((each) => [each, model.get(each)]));
      }),
      { numRuns: 12 },
    );
  });

  test('a tree of 100,000 entries put in disorder is in order', () => {
    const tree = new ByteTree();
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
});
