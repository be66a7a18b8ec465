/** The records of a chunk, one by one, each with its place. Not for: getting chunks (journal.ts). */
import type { JournalPosition } from '../mirror/journal-position.ts';
import { decodeFileHeader, fileHeaderBytes } from './file-header.ts';
import {
  type JournalChunk,
  JournalDamagedError,
  type PlacedRecord,
  type ReadRecords,
  type RecordKind,
} from './journal.ts';
import {
  plausibleRecordLength,
  recordContinues,
  recordDatabase,
  recordKeyAt,
  recordKind,
  recordSequence,
  recordTimeMs,
  recordValueAt,
  viewBetween,
  viewOf,
  wholeRecordLength,
} from './record.ts';

/** A record where it lies in its chunk. Of a million of them hardly anything is asked for: what is, is made then. */
class RecordInPlace implements PlacedRecord {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly #chunk: JournalChunk;
  readonly #view: DataView;
  readonly #at: number;
  readonly #sequence: number;

  constructor(chunk: JournalChunk, view: DataView, at: number, end: number, sequence: number) {
    this.bytes = chunk.bytes;
    this.end = end;
    this.#chunk = chunk;
    this.#view = view;
    this.#at = at;
    this.#sequence = sequence;
  }

  get kind(): RecordKind {
    return recordKind(this.bytes, this.#at);
  }

  get database(): string {
    return recordDatabase(this.bytes, this.#at);
  }

  get keyAt(): number {
    return recordKeyAt(this.bytes, this.#at);
  }

  get valueAt(): number {
    return recordValueAt(this.bytes, this.#at);
  }

  get key(): Uint8Array {
    return viewBetween(this.bytes, this.keyAt, this.valueAt);
  }

  get value(): Uint8Array {
    return viewBetween(this.bytes, this.valueAt, this.end);
  }

  get continues(): boolean {
    return recordContinues(this.bytes, this.#at);
  }

  get timeMs(): number {
    return recordTimeMs(this.#view, this.#at);
  }

  get position(): JournalPosition {
    const { to, file, offset } = this.#chunk;
    return { epoch: to.epoch, file, offset: offset + this.end, sequence: this.#sequence };
  }
}

export const readRecords: ReadRecords = function* readRecords(chunk): Generator<PlacedRecord> {
  const { bytes, offset, isChecked } = chunk;
  const view = viewOf(bytes);
  let sequence = sequenceBefore(chunk);
  for (let at = offset === 0 ? fileHeaderBytes : 0; at < bytes.length; ) {
    const length = isChecked
      ? plausibleRecordLength(view, at, bytes.length)
      : wholeRecordLength(bytes, view, at, bytes.length);
    if (length === 0 || at + length > bytes.length || recordSequence(view, at) !== sequence + 1) {
      throw new JournalDamagedError(
        `A chunk of the mirror journal file ${chunk.fileName} is damaged at offset ${offset + at}, after record ${sequence}: ` +
          'read or fetch it again.',
        chunk.fileName,
        offset + at,
      );
    }
    sequence += 1;
    at += length;
    yield new RecordInPlace(chunk, view, at - length, at, sequence);
  }
};

/** Where a file begins its header counts: a reader at the start of a journal knows no number, and files before may be purged. */
function sequenceBefore({ bytes, offset, from, fileName }: JournalChunk): number {
  if (offset !== 0) return from.sequence;
  const decoded = decodeFileHeader(bytes);
  if (decoded.ok) return decoded.header.sequenceBefore;
  throw new JournalDamagedError(`Mirror journal file ${fileName} is damaged: ${decoded.problem}.`, fileName, 0);
}
