/**
 * What a chunk holds: its records one by one, or sets that belong together in one piece. Each with its place. Not for: getting
 * chunks (journal.ts).
 */
import type { JournalPosition } from '../mirror/journal-position.ts';
import { decodeFileHeader, fileHeaderBytes } from './file-header.ts';
import {
  type JournalChunk,
  JournalDamagedError,
  type JournalPart,
  type PlacedRecord,
  type PlacedSets,
  type ReadParts,
  type RecordKind,
} from './journal.ts';
import {
  isBarrier,
  isSet,
  plausibleRecordLength,
  recordContinues,
  recordDatabase,
  recordHeaderBytes,
  recordKeyAt,
  recordKind,
  recordSequence,
  recordTimeMs,
  recordValueAt,
  viewBetween,
  viewOf,
  wholeRecordLength,
} from './record.ts';

/** A record where it lies in its chunk. Hardly anything of it is asked for: what is, is made then. */
class RecordInPlace implements PlacedRecord {
  readonly #chunk: JournalChunk;
  readonly #at: number;
  readonly #end: number;
  readonly #sequence: number;

  constructor(chunk: JournalChunk, at: number, end: number, sequence: number) {
    this.#chunk = chunk;
    this.#at = at;
    this.#end = end;
    this.#sequence = sequence;
  }

  get kind(): RecordKind {
    return recordKind(this.#chunk.bytes, this.#at);
  }

  get database(): string {
    return recordDatabase(this.#chunk.bytes, this.#at);
  }

  get key(): Uint8Array {
    const { bytes } = this.#chunk;
    return viewBetween(bytes, recordKeyAt(bytes, this.#at), recordValueAt(bytes, this.#at));
  }

  get value(): Uint8Array {
    const { bytes } = this.#chunk;
    return viewBetween(bytes, recordValueAt(bytes, this.#at), this.#end);
  }

  get continues(): boolean {
    return recordContinues(this.#chunk.bytes, this.#at);
  }

  get timeMs(): number {
    return recordTimeMs(viewOf(this.#chunk.bytes), this.#at);
  }

  get position(): JournalPosition {
    return positionAfter(this.#chunk, this.#end, this.#sequence);
  }
}

function positionAfter({ to, file, offset }: JournalChunk, end: number, sequence: number): JournalPosition {
  return { epoch: to.epoch, file, offset: offset + end, sequence };
}

const perSet = 3;

/** Where the sets of a chunk lie; one table for all of them. */
interface SetTable {
  readonly chunk: JournalChunk;
  places: Int32Array;
}

class SetsInChunk implements PlacedSets {
  readonly kind = 'sets';
  readonly database: string;
  readonly continues: boolean;
  readonly first: number;
  count = 0;
  dataBytes = 0;
  readonly #table: SetTable;
  /** Of the first one. */
  readonly #sequence: number;

  constructor(table: SetTable, first: number, database: string, continues: boolean, sequence: number) {
    this.#table = table;
    this.first = first;
    this.database = database;
    this.continues = continues;
    this.#sequence = sequence;
  }

  /** One more behind the others. */
  add(dataBytes: number): void {
    this.count += 1;
    this.dataBytes += dataBytes;
  }

  get bytes(): Uint8Array {
    return this.#table.chunk.bytes;
  }

  get places(): Int32Array {
    return this.#table.places;
  }

  get position(): JournalPosition {
    return positionAfter(this.#table.chunk, this.#endOf(this.count - 1), this.#sequence + this.count - 1);
  }

  get timeMs(): number {
    return recordTimeMs(viewOf(this.bytes), this.#beginOf(this.count - 1));
  }

  behind({ epoch, sequence }: JournalPosition): PlacedSets {
    const left = epoch < this.#table.chunk.to.epoch ? 0 : Math.max(0, sequence + 1 - this.#sequence);
    if (left === 0) return this;
    const first = this.first + perSet * left;
    const rest = new SetsInChunk(this.#table, first, this.database, this.continues, this.#sequence + left);
    for (let index = left; index < this.count; index += 1) {
      rest.add(this.#endOf(index) - this.places[this.first + perSet * index]!);
    }
    return rest;
  }

  records(): readonly PlacedRecord[] {
    return Array.from({ length: this.count }, (_, index) => {
      const { chunk } = this.#table;
      return new RecordInPlace(chunk, this.#beginOf(index), this.#endOf(index), this.#sequence + index);
    });
  }

  /** Of the record, which has its key behind its head and the name of the database. */
  #beginOf(index: number): number {
    return this.places[this.first + perSet * index]! - recordHeaderBytes - Buffer.byteLength(this.database);
  }

  #endOf(index: number): number {
    return this.places[this.first + perSet * index + 2]!;
  }
}

/** Where the records of a chunk begin in its bytes. */
function firstRecordAt({ offset }: JournalChunk): number {
  return offset === 0 ? fileHeaderBytes : 0;
}

/** Where the record ends that begins there, behind the record `before`. @throws JournalDamagedError */
function endOfRecord(chunk: JournalChunk, view: DataView, at: number, before: number): number {
  const { bytes } = chunk;
  const length = chunk.isChecked
    ? plausibleRecordLength(view, at, bytes.length)
    : wholeRecordLength(bytes, view, at, bytes.length);
  if (length > 0 && at + length <= bytes.length && recordSequence(view, at) === before + 1) return at + length;
  const offset = chunk.offset + at;
  throw new JournalDamagedError(
    `A chunk of the mirror journal file ${chunk.fileName} is damaged at offset ${offset}, after record ${before}: read or fetch it again.`,
    chunk.fileName,
    offset,
  );
}

/** One by one, up to the first that is damaged. @throws JournalDamagedError naming file and offset. */
export function* readRecords(chunk: JournalChunk): Generator<PlacedRecord> {
  const view = viewOf(chunk.bytes);
  let sequence = sequenceBefore(chunk);
  for (let at = firstRecordAt(chunk), end = at; at < chunk.bytes.length; at = end) {
    end = endOfRecord(chunk, view, at, sequence);
    sequence += 1;
    yield new RecordInPlace(chunk, at, end, sequence);
  }
}

/** Places of the sets of the chunk that is being read; grows to what a chunk needed at most. */
let scratch = new Int32Array(perSet * 1024);

export const readParts: ReadParts = (chunk) => {
  const { bytes } = chunk;
  const view = viewOf(bytes);
  const parts: JournalPart[] = [];
  const table: SetTable = { chunk, places: scratch };
  let used = 0;
  /** They go on as long as the next record is one of them. */
  let sets: SetsInChunk | null = null;
  let sequence = sequenceBefore(chunk);
  for (let at = firstRecordAt(chunk), end = at; at < bytes.length; at = end) {
    end = endOfRecord(chunk, view, at, sequence);
    sequence += 1;
    if (!isSet(bytes, at)) {
      sets = null;
      parts.push(new RecordInPlace(chunk, at, end, sequence));
      continue;
    }
    const database = recordDatabase(bytes, at);
    const continues = recordContinues(bytes, at);
    if (sets === null || sets.database !== database || sets.continues !== continues) {
      sets = new SetsInChunk(table, used, database, continues, sequence);
      parts.push(sets);
    }
    if (used === scratch.length) scratch = grown(scratch);
    const keyAt = recordKeyAt(bytes, at);
    scratch[used] = keyAt;
    scratch[used + 1] = recordValueAt(bytes, at);
    scratch[used + 2] = end;
    used += perSet;
    sets.add(end - keyAt);
  }
  table.places = scratch.slice(0, used);
  return parts;
};

function grown(places: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(2 * places.length);
  larger.set(places);
  return larger;
}

/**
 * Where in a chunk the last of the groups stands that end in it, for whoever takes none of them: nothing is made of their records. Null =
 * none ends there, or a barrier is among them. @throws JournalDamagedError
 */
export function passOver(chunk: JournalChunk): { readonly to: JournalPosition; readonly timeMs: number } | null {
  const { bytes } = chunk;
  const view = viewOf(bytes);
  let sequence = sequenceBefore(chunk);
  const whole = { at: -1, end: 0, sequence: 0 };
  for (let at = firstRecordAt(chunk), end = at; at < bytes.length; at = end) {
    end = endOfRecord(chunk, view, at, sequence);
    sequence += 1;
    if (recordContinues(bytes, at)) continue;
    if (isBarrier(bytes, at)) return null;
    whole.at = at;
    whole.end = end;
    whole.sequence = sequence;
  }
  if (whole.at < 0) return null;
  return { to: positionAfter(chunk, whole.end, whole.sequence), timeMs: recordTimeMs(view, whole.at) };
}

/** Where a file begins its header counts: a reader at the start of a journal knows no number, and files before may be purged. */
function sequenceBefore({ bytes, offset, from, fileName }: JournalChunk): number {
  if (offset !== 0) return from.sequence;
  const decoded = decodeFileHeader(bytes);
  if (decoded.ok) return decoded.header.sequenceBefore;
  throw new JournalDamagedError(`Mirror journal file ${fileName} is damaged: ${decoded.problem}.`, fileName, 0);
}
