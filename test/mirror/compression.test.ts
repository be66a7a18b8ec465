import { describe, expect, test } from '@jest/globals';
import {
  type CompressionType,
  chooseCompression,
  compressionModes,
  compressionTypes,
} from '../../src/mirror/compression.ts';
import { type CompressionMode, defaultSettings } from '../../src/mirror/mirror-set.ts';
import type { MemberType } from '../../src/mirror/terms.ts';

const all = compressionTypes;
const types: readonly MemberType[] = ['Failover', 'Disaster Recovery', 'Read-Only Reporting', 'Read-Write Reporting'];

function chosen(
  mode: CompressionMode,
  type: MemberType,
  { tls = false, here = all as readonly CompressionType[], there = all as readonly CompressionType[] } = {},
) {
  const settings = { ...defaultSettings, requireTls: tls, compressionFailover: mode, compressionAsync: mode };
  return chooseCompression(settings, type, here, there);
}

describe('SYN-011: modes for each class of destination', () => {
  test.each([
    ['Uncompressed', null],
    ['Compressed', 'zlib'],
    ['Compressed with Zstd', 'zstd'],
    ['Compressed with LZ4', 'lz4'],
  ] as const)('SYN-011: %s is %s to every member, with and without TLS', (mode, type) => {
    for (const member of types) {
      for (const tls of [false, true]) {
        expect(chosen(mode, member, { tls })).toEqual({ mode, type, because: 'by setting' });
      }
    }
  });

  test('SYN-011 CFG-021: failover members and asyncs have settings of their own', () => {
    const settings = {
      ...defaultSettings,
      compressionFailover: 'Compressed with LZ4',
      compressionAsync: 'Uncompressed',
    } as const;
    expect(types.map((type) => chooseCompression(settings, type, all, all).type)).toEqual(['lz4', null, null, null]);
  });
});

test('SYN-012: System Selected is LZ4 to the backup if the mirror requires TLS, else nothing; to asyncs Zstd', () => {
  for (const tls of [false, true]) {
    const found = types.map((type) => chosen('System Selected', type, { tls }).type);
    expect(found).toEqual([tls ? 'lz4' : null, 'zstd', 'zstd', 'zstd']);
  }
});

describe('SYN-013: what one side lacks is replaced by zlib', () => {
  const without = (...missing: CompressionType[]) => all.filter((type) => !missing.includes(type));

  test('SYN-013: whichever side lacks it, and the reason says which', () => {
    expect(chosen('System Selected', 'Disaster Recovery', { there: without('zstd') })).toMatchObject({
      type: 'zlib',
      because: 'the receiver has no Zstd',
    });
    expect(chosen('Compressed with LZ4', 'Failover', { here: without('lz4') })).toMatchObject({
      type: 'zlib',
      because: 'the primary has no LZ4',
    });
  });

  test('SYN-013: a receiver that unpacks nothing gets the data as they are', () => {
    for (const mode of compressionModes) expect(chosen(mode, 'Disaster Recovery', { there: [] }).type).toBeNull();
    expect(chosen('Compressed', 'Failover', { there: ['lz4'] })).toMatchObject({
      type: null,
      because: 'the receiver has no zlib',
    });
    expect(chosen('Compressed with Zstd', 'Failover', { there: [] }).because).toBe(
      'the receiver has no Zstd and no zlib',
    );
  });

  test('SYN-013: nothing is ever chosen that one of the two does not have', () => {
    const subsets = [0, 1, 2, 3, 4, 5, 6, 7].map((bits) => all.filter((_, index) => (bits >> index) & 1));
    for (const mode of compressionModes) {
      for (const here of subsets) {
        for (const there of subsets) {
          for (const type of types) {
            const found = chosen(mode, type, { here, there, tls: true }).type;
            expect(found === null || (here.includes(found) && there.includes(found))).toBe(true);
          }
        }
      }
    }
  });
});
