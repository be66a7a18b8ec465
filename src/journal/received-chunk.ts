/**
 * Does a chunk from another member join this journal? Looks at the chunk alone and at the end it is to join; stores nothing.
 * The sender checked the same records when it read them: a checksum that fails here was damaged on the way or in memory.
 */
import { printPosition } from '../mirror/journal-position.ts';
import { type MirrorName, sameEpoch } from '../mirror/terms.ts';
import { decodeFileHeader, type FileHeader, fileHeaderBytes } from './file-header.ts';
import { parseFileName } from './file-names.ts';
import { type JournalChunk, JournalMismatchError } from './journal.ts';
import type { JournalFile } from './journal-files.ts';
import { type Boundary, walkRecords } from './record-scan.ts';

export function mismatchError(chunk: JournalChunk, why: string): JournalMismatchError {
  const place = `${chunk.fileName}, offset ${chunk.offset}, after ${printPosition(chunk.from)}`;
  return new JournalMismatchError(
    `Received journal data (${place}) does not join this journal: ${why}. Nothing was stored.`,
  );
}

/** The header of a chunk that begins a new file after `newest` (undefined = the journal is empty). */
export function checkedHeader(chunk: JournalChunk, mirror: MirrorName, newest: JournalFile | undefined): FileHeader {
  const expected = newest === undefined ? Math.max(1, chunk.file) : newest.number + 1;
  if (chunk.file !== expected)
    throw mismatchError(chunk, `the next file here has number ${expected}, not ${chunk.file}`);
  if (chunk.offset !== 0) throw mismatchError(chunk, 'the beginning of its file is missing');
  const decoded = decodeFileHeader(chunk.bytes.subarray(0, fileHeaderBytes));
  if (!decoded.ok) throw mismatchError(chunk, decoded.problem);
  const { header } = decoded;
  if (header.mirror !== mirror || parseFileName(chunk.fileName)?.mirror !== mirror) {
    throw mismatchError(chunk, `it belongs to the mirror ${header.mirror}, not ${mirror}`);
  }
  if (header.file !== chunk.file || header.fileName !== chunk.fileName) {
    throw mismatchError(chunk, `its header says file ${header.file}, ${header.fileName}`);
  }
  if (newest === undefined) return header;
  const { end } = newest;
  if (header.sequenceBefore !== end.sequence || header.previousFileEnd !== end.offset) {
    const follows = `record ${header.sequenceBefore} at offset ${header.previousFileEnd}`;
    throw mismatchError(chunk, `it follows ${follows}, this journal ends with record ${end.sequence} at ${end.offset}`);
  }
  const { epoch } = newest.header;
  if (header.epoch.number < epoch.number || (header.epoch.number === epoch.number && !sameEpoch(header.epoch, epoch))) {
    throw mismatchError(
      chunk,
      `its epoch ${header.epoch.number} of ${header.epoch.owner} does not follow ${epoch.number}`,
    );
  }
  return header;
}

/** The boundary after the records in `bytes`, the part of the chunk that joins `from`: all of it must be whole records. */
export function checkedRecords(chunk: JournalChunk, epoch: number, bytes: Uint8Array, from: Boundary): Boundary {
  const readAt = (offset: number, want: number) => bytes.subarray(offset - from.offset, offset - from.offset + want);
  const end = walkRecords(readAt, from, from.offset + bytes.length);
  if (end.offset !== from.offset + bytes.length) {
    throw mismatchError(chunk, `no whole record ${end.sequence + 1} at offset ${end.offset}`);
  }
  const { to } = chunk;
  if (to.epoch !== epoch || to.file !== chunk.file || to.offset !== end.offset || to.sequence !== end.sequence) {
    throw mismatchError(
      chunk,
      `it ends with record ${end.sequence} of epoch ${epoch}, not with ${printPosition(to)} as it says`,
    );
  }
  return end;
}
