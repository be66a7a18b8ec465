import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { compressionTypes } from '../../src/mirror/compression.ts';
import { createBlockCodec } from '../../src/network/node-block-codec.ts';
import { FrameError } from '../../src/protocol/frame.ts';

const codec = createBlockCodec();
const text = Buffer.from(
  Array.from({ length: 2000 }, (_, i) => `^CITY("FR",${i},"Paris")=${2138551 + i * 17};`).join(''),
);

test('SYN-013: Zstd is there exactly where Node brings it, the others always', () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const hasZstd = major > 23 || (major === 23 && minor >= 8) || (major === 22 && minor >= 15);
  expect(codec.types).toEqual(compressionTypes.filter((type) => type !== 'zstd' || hasZstd));
  expect(createBlockCodec({ without: ['lz4', 'zstd'] }).types).toEqual(['zlib']);
});

test('SYN-013: a type that is not here is refused by name', () => {
  const poor = createBlockCodec({ without: ['lz4'] });
  expect(() => poor.unpack('lz4', codec.pack('lz4', text), text.length)).toThrow(FrameError);
  expect(() => poor.unpack('lz4', codec.pack('lz4', text), text.length)).toThrow(/lz4/);
});

describe.each(codec.types.map((type) => [type] as const))('%s', (type) => {
  test('SYN-011: bytes come back as they were, packed at once or aside', async () => {
    for (const bytes of [Buffer.alloc(0), Buffer.from('x'), text, randomBytes(5000), Buffer.alloc(1_000_000)]) {
      expect(codec.unpack(type, codec.pack(type, bytes), bytes.length).equals(bytes)).toBe(true);
      const aside = codec.packAside(type, bytes);
      if (aside !== null) expect(codec.unpack(type, await aside, bytes.length).equals(bytes)).toBe(true);
    }
  });

  test('SYN-011: journal data shrink', () => {
    expect(text.length / codec.pack(type, text).length).toBeGreaterThan(2);
  });

  test('SYN-011: a block that holds more or less than announced is refused', () => {
    const bomb = codec.pack(type, Buffer.alloc(8_000_000));
    expect(bomb.length).toBeLessThan(80_000);
    for (const length of [0, 10, 7_999_999, 8_000_001]) {
      expect(() => codec.unpack(type, bomb, length)).toThrow(FrameError);
    }
  });

  test('SYN-011: a damaged or cut block is refused, or gives as many bytes as announced', () => {
    const packed = codec.pack(type, text);
    for (let at = 0; at < packed.length; at += 97) {
      const broken = Buffer.from(packed);
      broken[at] = (broken[at] as number) ^ 0x55;
      for (const bytes of [broken, Buffer.from(packed.subarray(0, at))]) {
        let unpacked: Buffer;
        try {
          unpacked = codec.unpack(type, bytes, text.length);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameError);
          continue;
        }
        expect(unpacked).toHaveLength(text.length);
      }
    }
  });
});
