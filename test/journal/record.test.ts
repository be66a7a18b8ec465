import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeFileHeader, encodeFileHeader, type FileHeader, fileHeaderBytes } from '../../src/journal/file-header.ts';
import { nextFileName, parseFileName, parseJournalLog, printJournalLog } from '../../src/journal/file-names.ts';
import type { JournalRecord } from '../../src/journal/journal.ts';
import {
  decodeRecord,
  encodeRecord,
  encodeSets,
  recordBytes,
  recordHeaderBytes,
  recordSequence,
  recordTimeMs,
  setsBytes,
  viewOf,
  wholeRecordLength,
} from '../../src/journal/record.ts';
import { findRecordAfter, type ReadAt, walkRecords } from '../../src/journal/record-scan.ts';
import { PackedSets, packedBytes, packSets } from '../../src/protocol/packed-sets.ts';

const anyRecord: fc.Arbitrary<JournalRecord> = fc.record({
  kind: fc.constantFrom('set', 'kill', 'database-added', 'database-removed', 'epoch-begun', 'barrier', 'barrier-sums'),
  database: fc.string({ maxLength: 60 }),
  key: fc.uint8Array({ maxLength: 300 }),
  value: fc.uint8Array({ maxLength: 300 }),
  continues: fc.boolean(),
});

function encodedAlone(record: JournalRecord, sequence: number): Uint8Array {
  const bytes = new Uint8Array(recordBytes(record));
  expect(encodeRecord(bytes, viewOf(bytes), 0, record, sequence, 1_700_000_000_000)).toBe(bytes.length);
  return bytes;
}

describe('a record as bytes', () => {
  test('what is encoded is decoded, key and value as views', () => {
    fc.assert(
      fc.property(anyRecord, fc.maxSafeNat(), (record, sequence) => {
        const bytes = encodedAlone(record, sequence);
        const view = viewOf(bytes);
        expect(wholeRecordLength(bytes, view, 0, bytes.length)).toBe(bytes.length);
        const decoded = decodeRecord(bytes, view, 0);
        expect(decoded).toEqual(record);
        expect(decoded.value.buffer).toBe(bytes.buffer);
        expect([recordSequence(view, 0), recordTimeMs(view, 0)]).toEqual([sequence, 1_700_000_000_000]);
      }),
    );
  });

  test('sets of one message are the same bytes as records one by one', () => {
    const several = fc.array(
      fc.record({ key: fc.uint8Array({ maxLength: 300 }), value: fc.uint8Array({ maxLength: 300 }) }),
      {
        minLength: 1,
      },
    );
    fc.assert(
      fc.property(several, fc.string({ maxLength: 60 }), fc.nat(), (sets, database, first) => {
        const message = Buffer.alloc(3 + packedBytes(sets));
        packSets(message, 3, sets);
        const packed = { kind: 'sets', database, sets: PackedSets.read(message, 3, 0) } as const;
        const bytes = new Uint8Array(setsBytes(packed));
        expect(encodeSets(bytes, viewOf(bytes), 0, packed, first, 1_700_000_000_000)).toBe(bytes.length);
        const alone = sets.map((each, index) => encodedAlone({ kind: 'set', database, ...each }, first + index));
        expect(Buffer.compare(bytes, Buffer.concat(alone))).toBe(0);
      }),
    );
  });

  test('a record cut short or with one bit flipped is not whole', () => {
    fc.assert(
      fc.property(anyRecord, fc.nat(), fc.nat(7), (record, place, bit) => {
        const bytes = encodedAlone(record, 1);
        const view = viewOf(bytes);
        expect(wholeRecordLength(bytes, view, 0, place % bytes.length)).toBe(0);
        bytes[place % bytes.length]! ^= 1 << bit;
        expect(wholeRecordLength(bytes, view, 0, bytes.length)).toBe(0);
      }),
    );
  });

  test('what cannot be written is refused before anything is encoded', () => {
    const record: JournalRecord = { kind: 'set', database: 'D', key: new Uint8Array(0), value: new Uint8Array(0) };
    expect(() => recordBytes({ ...record, key: new Uint8Array(65_536) })).toThrow('too long');
    expect(() => recordBytes({ ...record, database: 'D'.repeat(256) })).toThrow('too long');
    expect(recordBytes(record)).toBe(recordHeaderBytes + 1);
  });

  test('walking stops at the first record that does not join; the search finds the next whole one behind damage', () => {
    const record: JournalRecord = {
      kind: 'set',
      database: 'D',
      key: new Uint8Array(9),
      value: new Uint8Array(2_000_000),
    };
    const length = recordBytes(record);
    const bytes = new Uint8Array(4 * length);
    for (let index = 0; index < 4; index += 1)
      encodeRecord(bytes, viewOf(bytes), index * length, record, 11 + index, 0);
    const readAt: ReadAt = (offset, want) => bytes.subarray(offset, offset + want);
    const from = { offset: 0, sequence: 10, timeMs: 0 };
    expect(walkRecords(readAt, from, bytes.length)).toMatchObject({ offset: bytes.length, sequence: 14 });
    expect(walkRecords(readAt, from, bytes.length - 1)).toMatchObject({ offset: 3 * length, sequence: 13 });
    bytes[length + 50]! ^= 1;
    const damaged = walkRecords(readAt, from, bytes.length);
    expect(damaged).toMatchObject({ offset: length, sequence: 11 });
    expect(findRecordAfter(readAt, damaged, bytes.length)).toBe(2 * length);
    expect(findRecordAfter(readAt, { ...damaged, sequence: 50 }, bytes.length)).toBeNull();
    expect(findRecordAfter(readAt, damaged, 3 * length - 1)).toBeNull();
  });
});

describe('the header and the name of a file', () => {
  const header: FileHeader = {
    mirror: 'MIRROR123456789',
    epoch: { number: 7, owner: 'A'.repeat(32), lineage: '0f4bd6a2-9e4c-4f5e-9d38-1f7a5c2b8e90' },
    file: 12,
    fileName: 'MIRROR-MIRROR123456789-20260314.1000',
    sequenceBefore: 2 ** 40,
    previousFileEnd: 2 ** 33,
    newestBeforeMs: 5,
    createdMs: 1_773_489_600_000,
  };

  test('a header is read as it was written, and any flipped bit is noticed', () => {
    const bytes = encodeFileHeader(header);
    expect(bytes).toHaveLength(fileHeaderBytes);
    expect(decodeFileHeader(bytes)).toEqual({ ok: true, header });
    for (let at = 0; at < fileHeaderBytes; at += 1) {
      bytes[at]! ^= 0x10;
      expect(decodeFileHeader(bytes).ok).toBe(false);
      bytes[at]! ^= 0x10;
    }
  });

  test('SYN-001: names count the files of a day; only exact names are accepted', () => {
    const atMs = Date.UTC(2018, 8, 21);
    expect(nextFileName('MIR21', atMs, [])).toBe('MIRROR-MIR21-20180921.001');
    const existing = ['MIRROR-MIR21-20180921.001', 'MIRROR-MIR21-20180921.999', 'MIRROR-X-20180921.004', 'other'];
    expect(nextFileName('MIR21', atMs, existing)).toBe('MIRROR-MIR21-20180921.1000');
    expect(nextFileName('X', atMs, existing)).toBe('MIRROR-X-20180921.005');
    for (const wrong of [
      '../MIRROR-X-20180921.001',
      'MIRROR-X-20180921.001/..',
      'MIRROR-x-20180921.001',
      'MIRROR-X-20180921.0001',
    ]) {
      expect(parseFileName(wrong)).toBeNull();
    }
  });

  test('SYN-001: the mirror journal log is read as it was written; strange lines are left out', () => {
    const text = printJournalLog([{ header, directory: '/j' }], ['cut after 1/4: why'], '/j');
    expect(parseJournalLog(`${text}torn li`)).toMatchObject({
      files: [{ file: 12, name: header.fileName }],
      remarks: ['cut after 1/4: why'],
    });
  });
});
