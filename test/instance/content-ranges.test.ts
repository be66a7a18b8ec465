import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Database, DatabaseDamagedError } from '../../src/database/databases.ts';
import { answerOrder, cutRange, firstDifference } from '../../src/instance/content-ranges.ts';
import type { BarrierOrder, RangeAnswer } from '../../src/protocol/verification.ts';

type Content = ReadonlyMap<number, string>;

const keyOf = (number: number): Buffer => {
  const key = Buffer.from([1, 0, 0]);
  key.writeUInt16BE(number, 1);
  return key;
};

/** A database of numbers; reading `damagedAt` fails. */
function copyOf(content: Content, damagedAt = -1): Pick<Database, 'entries'> {
  const sorted = [...content.keys()].sort((a, b) => a - b).map((number) => ({ number, key: keyOf(number) }));
  const placeOf = (key: Uint8Array): number => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(sorted[middle]?.key ?? key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    entries: function* ({ from, until, limit = Number.POSITIVE_INFINITY }) {
      const begin = placeOf(from);
      const end = Math.min(begin + limit, until === undefined ? sorted.length : placeOf(until));
      for (const { number, key } of sorted.slice(begin, end)) {
        if (number === damagedAt) throw new DatabaseDamagedError('/d', `the value of ^N(${number}) is damaged`);
        yield { key, value: Buffer.from(content.get(number) as string) };
      }
    },
  };
}

const base64 = (key: Uint8Array): string => Buffer.from(key).toString('base64');

type Order = Exclude<BarrierOrder, { what: 'sums' }>;

/** The way of verification.ts without journal and members: range by range, then the keys of the piece that differs. */
function search(primary: Content, copy: Content): ReturnType<typeof firstDifference> {
  const [ours, theirs] = [copyOf(primary), copyOf(copy)];
  const both = (order: Order) => [answerOrder(ours, order), answerOrder(theirs, order)] as const;
  for (let from: Uint8Array | null = Uint8Array.of(1); from !== null; ) {
    const cut = cutRange(ours, from);
    const pieces = cut.pieces.map(base64);
    const until = cut.until === null ? null : base64(cut.until);
    const common = { of: 'B', database: 'N' };
    const [a, b] = both({ what: 'pieces', ...common, pieces, until }).map(
      (said) => (said as { digests: string[] }).digests,
    );
    const index = pieces.findIndex((_, at) => a?.[at] !== b?.[at]);
    if (index >= 0) {
      const range = { from: pieces[index] as string, until: pieces[index + 1] ?? until };
      const listed = both({ what: 'keys', ...common, ...range }).map(
        (said) => (said as Extract<RangeAnswer, { keys: unknown }>).keys,
      );
      return firstDifference(listed[0] ?? [], listed[1] ?? []);
    }
    from = cut.until;
  }
  return null;
}

describe('the first difference of two copies', () => {
  const numbers = (count: number): Map<number, string> =>
    new Map(Array.from({ length: count }, (_, index) => [index * 2, `value ${index}`]));

  test('any one change in any place is found and named', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 12_000 }),
        fc.nat(),
        fc.constantFrom('missing', 'surplus', 'another value'),
        (count, where, is) => {
          const [primary, copy] = [numbers(count), numbers(count)];
          const at = (where % count) * 2;
          if (is === 'missing') copy.delete(at);
          if (is === 'another value') copy.set(at, 'something else');
          if (is === 'surplus') copy.set(at + 1, 'new');
          expect(search(primary, copy)).toEqual({ key: keyOf(is === 'surplus' ? at + 1 : at), is });
        },
      ),
      { numRuns: 25 },
    );
  });

  test('of several changes the first is named, and equal copies have none', () => {
    const copy = numbers(9000);
    expect(search(numbers(9000), copy)).toBeNull();
    for (const at of [16_000, 9002, 300]) copy.delete(at);
    expect(search(numbers(9000), copy)).toEqual({ key: keyOf(300), is: 'missing' });
    expect(search(new Map(), numbers(3))).toEqual({ key: keyOf(0), is: 'surplus' });
    expect(search(numbers(3), new Map())).toEqual({ key: keyOf(0), is: 'missing' });
  });

  test('an entry that cannot be read is told, not passed over', () => {
    const order: Order = { what: 'pieces', of: 'B', database: 'N', pieces: [base64(Uint8Array.of(1))], until: null };
    expect(answerOrder(copyOf(numbers(50), 40), order)).toEqual({
      damaged: expect.stringContaining('^N(40) is damaged'),
    });
  });

  test('large values make a range short', () => {
    const content = new Map(Array.from({ length: 20 }, (_, index) => [index, 'x'.repeat(500_000)] as const));
    expect(cutRange(copyOf(content), Uint8Array.of(1)).until).toEqual(Uint8Array.from(keyOf(5)));
  });
});
