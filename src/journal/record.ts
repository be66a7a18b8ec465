/**
 * A journal record as bytes, the same on disk and on the wire. Not for: files, positions in them, what is durable.
 *
 *   0  u32  length of the whole record
 *   4  u32  CRC-32C of everything from byte 8 on, begun with the length, so that a false length is noticed too
 *   8  f64  sequence
 *  16  f64  time, ms since 1970
 *  24  u8   kind; bit 7 = the group goes on with the next record (since format version 2 of the file)
 *  25  u8   length of the database name
 *  26  u16  length of the key
 *  28       database name (UTF-8), key, value to the end
 *
 * All numbers little-endian. Encoding is the hot path of a primary: no allocation per record.
 */
import assert from 'node:assert/strict';
import { globalValueBytesMax } from '../mirror/limits.ts';
import { copyWithCrc32c, crc32c } from '../protocol/crc32c.ts';
import { copyInto, packedEnd, packedHeadBytes, packedKeyBytes } from '../protocol/packed-sets.ts';
import type { JournalRecord, JournalSets, RecordKind } from './journal.ts';

export const recordHeaderBytes = 28;
const recordBytesMax = recordHeaderBytes + 255 + 65_535 + globalValueBytesMax;

const CHECKSUM_FROM = 8;

/** A kind's number on disk is its place here, counted from 1; never reorder. */
const KINDS: readonly RecordKind[] = [
  'set',
  'kill',
  'database-added',
  'database-removed',
  'epoch-begun',
  'barrier',
  'barrier-sums',
];
const KIND_NUMBERS: Readonly<Record<RecordKind, number>> = {
  set: 1,
  kill: 2,
  'database-added': 3,
  'database-removed': 4,
  'epoch-begun': 5,
  barrier: 6,
  'barrier-sums': 7,
};
/** In the byte of the kind: this record and the next one are of one group. */
const CONTINUES = 0x80;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Bytes the record takes; asserts that it can be written at all, before anything is encoded. */
export function recordBytes(record: JournalRecord): number {
  const name = databaseBytes(record.database);
  if (record.key.length > 65_535 || record.value.length > globalValueBytesMax) {
    assert.fail(`A record's key (${record.key.length} bytes) or value (${record.value.length} bytes) is too long.`);
  }
  return recordHeaderBytes + name.length + record.key.length + record.value.length;
}

/** The same of all sets of one message. */
export function setsBytes({ database, sets }: JournalSets): number {
  return sets.count * (recordHeaderBytes + databaseBytes(database).length) + sets.dataBytes;
}

/** Write their records from `at` on, the first one with the sequence `first`; there must be room. Returns the offset after them. */
export function encodeSets(
  bytes: Uint8Array,
  view: DataView,
  begin: number,
  { database, sets }: JournalSets,
  first: number,
  timeMs: number,
): number {
  const name = databaseBytes(database);
  const from = sets.bytes;
  const dataAt = recordHeaderBytes + name.length;
  let at = begin;
  let sequence = first;
  for (let set = sets.begin; set < sets.end; sequence += 1) {
    const setEnd = packedEnd(from, set);
    const end = at + dataAt + setEnd - set - packedHeadBytes;
    view.setUint32(at, end - at, true);
    view.setFloat64(at + 8, sequence, true);
    view.setFloat64(at + 16, timeMs, true);
    bytes[at + 24] = KIND_NUMBERS.set;
    bytes[at + 25] = name.length;
    view.setUint16(at + 26, packedKeyBytes(from, set), true);
    copyInto(bytes, at + recordHeaderBytes, name, 0, name.length);
    const ofHead = crc32c(bytes, at + CHECKSUM_FROM, at + dataAt, end - at);
    const checksum = copyWithCrc32c(bytes, at + dataAt, from, set + packedHeadBytes, setEnd, ofHead);
    view.setUint32(at + 4, checksum, true);
    at = end;
    set = setEnd;
  }
  return at;
}

/** Write the record at `at`; there must be room. Returns the offset after it. */
export function encodeRecord(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  record: JournalRecord,
  sequence: number,
  timeMs: number,
): number {
  const name = databaseBytes(record.database);
  const { key, value } = record;
  const length = recordHeaderBytes + name.length + key.length + value.length;
  const end = at + length;
  view.setUint32(at, length, true);
  view.setFloat64(at + 8, sequence, true);
  view.setFloat64(at + 16, timeMs, true);
  view.setUint8(at + 24, record.continues === true ? KIND_NUMBERS[record.kind] | CONTINUES : KIND_NUMBERS[record.kind]);
  view.setUint8(at + 25, name.length);
  view.setUint16(at + 26, key.length, true);
  let to = copyInto(bytes, at + recordHeaderBytes, name, 0, name.length);
  to = copyInto(bytes, to, key, 0, key.length);
  copyInto(bytes, to, value, 0, value.length);
  view.setUint32(at + 4, crc32c(bytes, at + CHECKSUM_FROM, end, length), true);
  return end;
}

/** Length of the record at `at` when it stands there whole before `end` and its checksum holds; else 0. */
export function wholeRecordLength(bytes: Uint8Array, view: DataView, at: number, end: number): number {
  const length = plausibleRecordLength(view, at, end);
  if (length === 0 || at + length > end) return 0;
  if (view.getUint32(at + 4, true) !== crc32c(bytes, at + CHECKSUM_FROM, at + length, length)) return 0;
  const kind = view.getUint8(at + 24) & ~CONTINUES;
  const named = recordHeaderBytes + view.getUint8(at + 25) + view.getUint16(at + 26, true);
  return kind >= 1 && kind <= KINDS.length && named <= length ? length : 0;
}

/** The length a record at `at` claims, when its header is before `end` and the length is possible; else 0. */
export function plausibleRecordLength(view: DataView, at: number, end: number): number {
  if (at + recordHeaderBytes > end) return 0;
  const length = view.getUint32(at, true);
  return length >= recordHeaderBytes && length <= recordBytesMax ? length : 0;
}

export function recordSequence(view: DataView, at: number): number {
  return view.getFloat64(at + 8, true);
}

/** As it stands in the header of a record whose first bytes these are. */
export function recordChecksum(bytes: Uint8Array): number {
  return viewOf(bytes).getUint32(4, true);
}

export function recordTimeMs(view: DataView, at: number): number {
  return view.getFloat64(at + 16, true);
}

// Of a record at `at` that was found whole already; it ends where its length says, and its value with it.

export function recordKind(bytes: Uint8Array, at: number): RecordKind {
  return KINDS[(bytes[at + 24]! & ~CONTINUES) - 1]!;
}

export function isSet(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 24]! & ~CONTINUES) === KIND_NUMBERS.set;
}

export function isBarrier(bytes: Uint8Array, at: number): boolean {
  const kind = bytes[at + 24]! & ~CONTINUES;
  return kind === KIND_NUMBERS.barrier || kind === KIND_NUMBERS['barrier-sums'];
}

export function recordContinues(bytes: Uint8Array, at: number): boolean {
  return (bytes[at + 24]! & CONTINUES) !== 0;
}

export function recordKeyAt(bytes: Uint8Array, at: number): number {
  return at + recordHeaderBytes + bytes[at + 25]!;
}

export function recordValueAt(bytes: Uint8Array, at: number): number {
  return recordKeyAt(bytes, at) + (bytes[at + 26]! | (bytes[at + 27]! << 8));
}

export function recordDatabase(bytes: Uint8Array, at: number): string {
  return databaseName(bytes, at + recordHeaderBytes, recordKeyAt(bytes, at));
}

/** The record itself. Key and value are views of `bytes`, not copies. */
export function decodeRecord(bytes: Uint8Array, view: DataView, at: number): Required<JournalRecord> {
  const valueAt = recordValueAt(bytes, at);
  return {
    kind: recordKind(bytes, at),
    database: recordDatabase(bytes, at),
    key: viewBetween(bytes, recordKeyAt(bytes, at), valueAt),
    value: viewBetween(bytes, valueAt, at + view.getUint32(at, true)),
    continues: recordContinues(bytes, at),
  };
}

export function viewBetween(bytes: Uint8Array, begin: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + begin, end - begin);
}

/** A mirror has few databases and millions of records of each: names are turned into bytes and back once. */
const encodedNames = new Map<string, Uint8Array>();
const encodedNamesMax = 4096;

let newestName = '';
let newestNameBytes: Uint8Array = new Uint8Array(0);
let newestDecodedName = '';
let newestDecodedBytes: Uint8Array = new Uint8Array(0);

function databaseBytes(name: string): Uint8Array {
  if (name === newestName) return newestNameBytes;
  let bytes = encodedNames.get(name);
  if (bytes === undefined) {
    bytes = Uint8Array.from(Buffer.from(name, 'utf8'));
    assert(bytes.length <= 255, `The database name ${name} is too long for a journal record.`);
    if (encodedNames.size >= encodedNamesMax) encodedNames.clear();
    encodedNames.set(name, bytes);
  }
  newestName = name;
  newestNameBytes = bytes;
  return bytes;
}

function databaseName(bytes: Uint8Array, start: number, end: number): string {
  const known = newestDecodedBytes;
  let same = known.length === end - start;
  for (let index = 0; same && index < known.length; index += 1) same = known[index] === bytes[start + index];
  if (!same) {
    newestDecodedBytes = bytes.slice(start, end);
    newestDecodedName = Buffer.from(newestDecodedBytes).toString('utf8');
  }
  return newestDecodedName;
}
