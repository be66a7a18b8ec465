/** The records of a chunk, one by one, each with its place. Not for: getting chunks (journal.ts). */
import { decodeFileHeader, fileHeaderBytes } from './file-header.ts';
import { type JournalChunk, JournalDamagedError, type PlacedRecord, type ReadRecords } from './journal.ts';
import {
  decodeRecord,
  plausibleRecordLength,
  recordSequence,
  recordTimeMs,
  viewOf,
  wholeRecordLength,
} from './record.ts';

export const readRecords: ReadRecords = function* readRecords(chunk): Generator<PlacedRecord> {
  const { bytes, file, offset, isChecked } = chunk;
  const view = viewOf(bytes);
  const { epoch } = chunk.to;
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
    const { kind, database, key, value, continues } = decodeRecord(bytes, view, at);
    const timeMs = recordTimeMs(view, at);
    at += length;
    yield { kind, database, key, value, continues, timeMs, position: { epoch, file, offset: offset + at, sequence } };
  }
};

/** Where a file begins its header counts: a reader at the start of a journal knows no number, and files before may be purged. */
function sequenceBefore({ bytes, offset, from, fileName }: JournalChunk): number {
  if (offset !== 0) return from.sequence;
  const decoded = decodeFileHeader(bytes);
  if (decoded.ok) return decoded.header.sequenceBefore;
  throw new JournalDamagedError(`Mirror journal file ${fileName} is damaged: ${decoded.problem}.`, fileName, 0);
}
