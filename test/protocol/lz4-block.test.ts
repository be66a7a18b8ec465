import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { lz4BytesMax, packLz4, unpackLz4 } from '../../src/protocol/lz4-block.ts';

const cities = Array.from({ length: 6 }, (_, i) => `^CITY("FR",${75 + i},"Paris")=${2138551 + i * 17};`).join('');

/** Packed by another implementation (lz4_flex 0.11). */
const vectors: readonly [string, Buffer, string][] = [
  ['nothing', Buffer.alloc(0), '00'],
  ['one byte', Buffer.from('a'), '1061'],
  ['literals only', Buffer.from('hello world!'), 'c068656c6c6f20776f726c6421'],
  ['a run that repeats itself', Buffer.alloc(300, 'a'), '1f610100ff1360616161616161'],
  ['a long run', Buffer.alloc(65_536), `1f000100${'ff'.repeat(256)}e660000000000000`],
  ['a period', Buffer.from(`${'abcdefgh'.repeat(20)}the end`), '8f61626364656667680800857074686520656e64'],
  [
    'many short matches',
    Buffer.from(cities),
    'f8105e4349545928224652222c37352c22506172697322293d323133383535313b1f001b361f002936381f001b371f002938351f001a381f00393630321f001b391f002831391f002838301f006033383633363b',
  ],
];

describe('LZ4 blocks', () => {
  test.each(vectors)('SYN-011: what another implementation packed is unpacked: %s', (_name, bytes, packed) => {
    expect(unpackLz4(Buffer.from(packed, 'hex'), bytes.length)).toEqual(bytes);
  });

  test.each(vectors)(
    'SYN-011: what is packed here is unpacked again, and hardly longer: %s',
    (_name, bytes, theirs) => {
      const packed = packLz4(bytes);
      expect(packed.length).toBeLessThanOrEqual(theirs.length / 2 + 4);
      expect(unpackLz4(packed, bytes.length)).toEqual(bytes);
    },
  );

  test('SYN-011: any bytes come back as they were', () => {
    const repeating = fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 3000 }), fc.uint8Array())
      .map(([part, times, end]) => Buffer.concat([...Array.from({ length: times }, () => part), end]));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 5000 }), repeating), (bytes) => {
        const packed = packLz4(bytes);
        expect(packed.length).toBeLessThanOrEqual(lz4BytesMax(bytes.length));
        expect(unpackLz4(packed, bytes.length).equals(bytes)).toBe(true);
      }),
    );
  });

  test('SYN-011: matches farther back than two bytes can say are not made', () => {
    const part = Buffer.from('a part that comes again');
    const noise = Buffer.from(Array.from({ length: 65_600 }, (_, i) => (i * 7919 + ((i * i) >> 3)) & 0xff));
    const bytes = Buffer.concat([part, noise, part, noise.subarray(0, 65_500), part]);
    expect(unpackLz4(packLz4(bytes), bytes.length).equals(bytes)).toBe(true);
  });

  test('SYN-011: a damaged block is refused or gives other bytes of the same length, never more', () => {
    const bytes = Buffer.from(cities.repeat(20));
    const packed = packLz4(bytes);
    let refused = 0;
    fc.assert(
      fc.property(
        fc.nat(packed.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.nat(packed.length),
        (at, flip, end) => {
          const broken = Buffer.from(packed.subarray(0, Math.max(end, at + 1)));
          broken[at] = (broken[at] as number) ^ flip;
          try {
            expect(unpackLz4(broken, bytes.length)).toHaveLength(bytes.length);
          } catch (error) {
            expect(error).toBeInstanceOf(RangeError);
            refused += 1;
          }
        },
      ),
      { numRuns: 2000 },
    );
    expect(refused).toBeGreaterThan(100);
  });

  test.each([
    ['no byte at all', '', 0, 'it ends where a token should be'],
    ['literals that are not there', 'f0', 10, 'it ends in a length'],
    ['literals beyond the announced length', '3061626364', 2, 'its literals do not fit'],
    ['a match before the beginning', '10610200', 9, 'it refers to what is not there'],
    ['a distance of nothing', '10610000', 9, 'it refers to what is not there'],
    ['half a distance', '106101', 9, 'it ends in a distance'],
    ['a match beyond the announced length', '1f610100ff1360616161616161', 290, 'it is longer than announced'],
    ['less than announced', '1061', 2, 'it is shorter than announced'],
  ])('SYN-011: %s is refused', (_what, packed, length, why) => {
    expect(() => unpackLz4(Buffer.from(packed, 'hex'), length)).toThrow(`the LZ4 block is damaged: ${why}`);
  });
});
