/**
 * Chunks out of a journal, and places in it: read, bytesBetween, locate, boundaries. Changes nothing.
 *
 * Which bytes come next is decided by file and offset, never by comparing positions: the end of a file and the beginning of
 * the next one of the same epoch compare equal, and still the next file's header must be shipped.
 */
import { JOURNAL_START, type JournalPosition, printPosition } from '../mirror/journal-position.ts';
import { fileHeaderBytes } from './file-header.ts';
import { type JournalChunk, JournalGoneError, JournalMismatchError } from './journal.ts';
import { type JournalFile, type JournalFiles, positionIn } from './journal-files.ts';
import { type RecentBytes, sliceOfRun } from './recent-bytes.ts';
import { plausibleRecordLength, recordHeaderBytes, recordSequence, recordTimeMs, viewOf } from './record.ts';
import { type Boundary, walkRecords } from './record-scan.ts';

export function readChunk(
  files: JournalFiles,
  recent: RecentBytes,
  from: JournalPosition,
  to: JournalPosition,
  bytesMax: number,
): JournalChunk | null {
  const start = startOf(files, from);
  if (start === null || isAtOrBehind(start.file.number, start.offset, to)) return null;
  const { file, offset } = start;
  // A position inside a header is no position; nothing can end there.
  if (to.file === file.number && to.offset < fileHeaderBytes) return null;
  const stop = to.file === file.number ? Math.min(to.offset, file.end.offset) : file.end.offset;
  const before = offset === 0 ? file.anchors.begin : { offset, sequence: from.sequence, timeMs: 0 };
  const take = (at: number): Taken | null =>
    fromMemory(recent, file, at, before, stop, bytesMax) ?? fromDisk(files, file, at, before, stop, bytesMax);
  const first = take(offset);
  if (first === null) return null;
  const taken = first.end.offset === fileHeaderBytes && stop > fileHeaderBytes ? withRecords(first, take) : first;
  const timeMs = taken.end.offset > fileHeaderBytes && taken.end.sequence > before.sequence ? taken.end.timeMs : 0;
  const { fileName } = file.header;
  return {
    file: file.number,
    fileName,
    offset,
    from,
    bytes: taken.bytes,
    to: positionIn(file, taken.end),
    timeMs,
    isChecked: true,
  };
}

/**
 * A header with the records behind it: alone its end compares equal to that of the file before, so that a member which has that
 * one would not see that it lacks the header.
 */
function withRecords(header: Taken, take: (at: number) => Taken | null): Taken {
  const records = take(fileHeaderBytes);
  return records === null ? header : { bytes: Buffer.concat([header.bytes, records.bytes]), end: records.end };
}

/** Bytes between two places; 0 when `to` is not behind `from`. */
export function bytesBetween(files: JournalFiles, from: JournalPosition, to: JournalPosition): number {
  let bytes = 0;
  for (const file of files.all) {
    if (file.number < from.file || file.number > to.file) continue;
    const first = file.number === from.file ? from.offset : 0;
    const last = file.number === to.file ? Math.min(to.offset, file.end.offset) : file.end.offset;
    bytes += Math.max(0, last - first);
  }
  return bytes;
}

/** The earliest place of a sequence within an epoch's files, so that shipping from it leaves no header out. */
export function locate(files: JournalFiles, epoch: number, sequence: number): JournalPosition | null {
  if (epoch === 0 && sequence === 0) return (files.oldest?.number ?? 1) === 1 ? JOURNAL_START : null;
  for (const file of files.all) {
    if (file.header.epoch.number !== epoch) continue;
    if (sequence < file.header.sequenceBefore) return null;
    if (sequence > file.end.sequence) continue;
    const reached = files.walk(
      file,
      file.anchors.atOrBeforeSequence(sequence),
      file.end.offset,
      (at) => at.sequence >= sequence,
    );
    if (reached.sequence !== sequence) throw files.damagedError(file, reached);
    return positionIn(file, reached);
  }
  return null;
}

/** The boundary that a position names in this file, with its time; null when no record of the file ends there. */
export function boundaryAt(files: JournalFiles, file: JournalFile, position: JournalPosition): Boundary | null {
  const { offset, sequence, epoch } = position;
  if (epoch !== file.header.epoch.number || offset > file.end.offset) return null;
  if (offset <= fileHeaderBytes) {
    return offset === fileHeaderBytes && sequence === file.header.sequenceBefore ? file.anchors.begin : null;
  }
  const reached = files.walk(file, file.anchors.atOrBeforeOffset(offset - 1), offset);
  if (reached.offset !== offset || reached.sequence !== sequence) return null;
  return reached;
}

/** Where the bytes after a position begin; null at the journal's end. */
function startOf(files: JournalFiles, from: JournalPosition): { file: JournalFile; offset: number } | null {
  const { oldest, newest } = files;
  if (oldest === undefined || newest === undefined) return null;
  // A journal that is still empty begins with the oldest file there is; what its databases lack is not looked for there.
  if (from.file === JOURNAL_START.file) return { file: oldest, offset: 0 };
  const wanted = from.file;
  // What follows the end of a file that is gone is still here when the next file is the oldest one kept.
  if (from.file === oldest.number - 1 && from.offset === oldest.header.previousFileEnd)
    return { file: oldest, offset: 0 };
  if (wanted < oldest.number) {
    throw new JournalGoneError(
      `Mirror journal file number ${wanted}, in which ${printPosition(from)} stands, is no longer kept; the oldest is ${oldest.header.fileName}.`,
    );
  }
  const file = files.find(wanted);
  if (file === undefined || from.offset > file.end.offset) throw mismatch(from, 'it is beyond the end of this journal');
  if (from.offset < fileHeaderBytes) return { file, offset: 0 };
  if (from.epoch !== file.header.epoch.number) {
    throw mismatch(from, `${file.header.fileName} belongs to epoch ${file.header.epoch.number}`);
  }
  if (from.offset < file.end.offset) return { file, offset: from.offset };
  if (from.sequence !== file.end.sequence) throw mismatch(from, `that file ends with record ${file.end.sequence}`);
  return file === newest ? null : { file: files.find(wanted + 1)!, offset: 0 };
}

function isAtOrBehind(file: number, offset: number, to: JournalPosition): boolean {
  return file > to.file || (file === to.file && offset >= to.offset);
}

interface Taken {
  readonly bytes: Uint8Array;
  readonly end: Boundary;
}

/** Records were checked when they came into memory, so only lengths are walked, and those only to find a cut. */
function fromMemory(
  recent: RecentBytes,
  file: JournalFile,
  offset: number,
  before: Boundary,
  stop: number,
  bytesMax: number,
): Taken | null {
  const run = recent.find(file.number, offset);
  if (run === null) return null;
  const limit = Math.min(stop, run.end.offset);
  const first = Math.max(offset, fileHeaderBytes) - run.begin.offset;
  if (limit > run.begin.offset + first && recordSequence(run.view, first) !== before.sequence + 1) {
    throw new JournalMismatchError(
      `Record ${before.sequence} does not end at offset ${offset} of ${file.header.fileName}: the journals differ.`,
    );
  }
  const known = limit === run.end.offset ? run.end : recent.endAt(file.number, limit);
  if (known !== null && limit - offset <= bytesMax) return { bytes: sliceOfRun(run, offset, limit), end: known };
  let at = first;
  let sequence = before.sequence;
  let timeMs = 0;
  while (run.begin.offset + at < limit) {
    const next = at + plausibleRecordLength(run.view, at, run.bytes.length);
    const isFirst = at === first && offset !== 0;
    if (run.begin.offset + next > limit || (run.begin.offset + next - offset > bytesMax && !isFirst)) break;
    sequence += 1;
    timeMs = recordTimeMs(run.view, at);
    at = next;
  }
  const end = { offset: run.begin.offset + at, sequence, timeMs };
  return end.offset === offset ? null : { bytes: sliceOfRun(run, offset, end.offset), end };
}

/** Bytes from disk are checked record by record before they are given to anybody. */
function fromDisk(
  files: JournalFiles,
  file: JournalFile,
  offset: number,
  before: Boundary,
  stop: number,
  bytesMax: number,
): Taken | null {
  const first = Math.max(offset, fileHeaderBytes);
  let bytes = files.readAt(file, offset, Math.min(Math.max(bytesMax, fileHeaderBytes), stop - offset));
  const needed = plausibleRecordLength(viewOf(bytes), 0, bytes.length);
  // One record at least: the first one may be longer than what was asked for.
  if (offset !== 0 && needed > bytes.length && offset + needed <= stop) bytes = files.readAt(file, offset, needed);
  const begin = { offset: first, sequence: before.sequence, timeMs: 0 };
  const end = walkRecords((at, want) => bytes.subarray(at - offset, at - offset + want), begin, offset + bytes.length);
  const whole = end.offset - offset;
  const rest = bytes.length - whole;
  // What is left over may be a record that was cut by the size asked for, if it can end in this file; anything else is damage.
  const left = rest < recordHeaderBytes ? recordHeaderBytes : plausibleRecordLength(viewOf(bytes), whole, bytes.length);
  const isCut = rest === 0 || (left > rest && end.offset + left <= file.end.offset);
  if (!isCut) {
    const asked = positionIn(file, before);
    if (whole === 0 && boundaryAt(files, file, asked) === null) throw mismatch(asked, 'no record ends there');
    throw files.damagedError(file, end);
  }
  return whole === 0 ? null : { bytes: bytes.subarray(0, whole), end };
}

function mismatch(position: JournalPosition, why: string): JournalMismatchError {
  const place = `file ${position.file}, offset ${position.offset}`;
  return new JournalMismatchError(`The position ${printPosition(position)} (${place}) is not in this journal: ${why}.`);
}
