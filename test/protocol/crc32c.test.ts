import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { copyWithCrc32c, crc32c } from '../../src/protocol/crc32c.ts';

/** One bit at a time, straight from the definition. */
function crc32cBitwise(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe('CRC-32C', () => {
  test('known vectors: the check value and those of RFC 3720, B.4', () => {
    expect(crc32c(new Uint8Array(0))).toBe(0);
    expect(crc32c(Buffer.from('123456789', 'latin1'))).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => index))).toBe(0x46dd794e);
    expect(crc32c(Uint8Array.from({ length: 32 }, (_, index) => 31 - index))).toBe(0x113fdb5c);
  });

  test('agrees with the bitwise definition for any bytes, and chains at any cut', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), fc.nat(200), (bytes, first, second) => {
        const from = Math.min(first, second, bytes.length);
        const cut = Math.min(Math.max(first, second), bytes.length);
        expect(crc32c(bytes)).toBe(crc32cBitwise(bytes));
        expect(crc32c(bytes, from, cut)).toBe(crc32cBitwise(bytes.subarray(from, cut)));
        expect(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut))).toBe(crc32c(bytes));
      }),
    );
  });

  test('what is copied has the same checksum, and nothing beside it is touched', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), fc.nat(20), fc.nat(), (bytes, first, at, seed) => {
        const from = Math.min(first, bytes.length);
        const into = new Uint8Array(at + bytes.length - from + 3).fill(0xa5);
        expect(copyWithCrc32c(into, at, bytes, from, bytes.length, seed)).toBe(crc32c(bytes, from, bytes.length, seed));
        const expected = Buffer.concat([Buffer.alloc(at, 0xa5), bytes.subarray(from), Buffer.alloc(3, 0xa5)]);
        expect(Buffer.compare(into, expected)).toBe(0);
      }),
    );
  });
});
