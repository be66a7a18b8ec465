/**
 * What opening finds in a journal directory: headers and their chain, the newest file's records by checksum, a torn tail to
 * be cut, damage to be refused. Finds only; the cut is made by disk-journal.ts. Older files are trusted by their headers and
 * sizes: each was flushed whole before the next one was begun, and every read checks its records' checksums. So is the newest
 * one after an orderly close (flushed-mark.ts), if its size and its last record are those of that moment.
 */
import { dirname, join } from 'node:path';
import type { MirrorName } from '../mirror/terms.ts';
import { type DecodedHeader, decodeFileHeader, type FileHeader, fileHeaderBytes } from './file-header.ts';
import { EMPTY_LOG, type JournalLog, parseFileName, parseJournalLog } from './file-names.ts';
import { type Closing, type FoundMark, markPath, readMark } from './flushed-mark.ts';
import { JournalDamagedError, type JournalFileOperations } from './journal.ts';
import { type JournalFile, journalFile } from './journal-files.ts';
import { recordChecksum, recordSequence, recordTimeMs, viewOf, wholeRecordLength } from './record.ts';
import { type Boundary, endOfWritten, findRecordAfter, type ReadAt, walkRecords } from './record-scan.ts';

export interface Opening {
  /** Oldest first; the newest one's end is that of its last whole record. */
  readonly kept: readonly JournalFile[];
  readonly log: JournalLog;
  /** Path of a file whose beginning was interrupted, to be removed; null = none. */
  readonly unfinishedPath: string | null;
  /** Bytes after the last whole record up to the last that is not zero, to be cut off; 0 = the file ends there or in zeros. */
  readonly tornBytes: number;
  /** How the newest file ends, if it is as an orderly close left it. */
  readonly closing: Closing | null;
  /** A sentence for the messages log, or null. */
  readonly report: string | null;
}

interface Found {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly decoded: DecodedHeader;
}

/** Files are looked for in `directories`, of which the first holds the mark, and where the mirror journal log says that one is. */
export function inspectJournal(
  files: JournalFileOperations,
  directories: readonly [string, ...string[]],
  mirror: MirrorName,
  logPath: string,
): Opening {
  const [directory] = directories;
  const log = readLog(files, logPath);
  const places = new Set([...directories, ...log.files.flatMap((listed) => listed.directory ?? [])]);
  const found = [...places].flatMap((place) => filesIn(files, place, mirror));
  const unfinished = found.find((file) => isUnfinished(files, file, log));
  const whole = found.filter((file) => file !== unfinished).map((file) => withHeader(file, mirror));
  whole.sort((a, b) => a.header.file - b.header.file);
  checkChain(whole);
  const mark = readMark(files, markPath(directory, mirror));
  checkNothingMissing(directory, whole.at(-1)?.header.file ?? 0, log, mark);
  const kept = whole.map(({ header, path, size }) =>
    journalFile(header, dirname(path), {
      offset: size,
      sequence: header.sequenceBefore,
      timeMs: header.newestBeforeMs,
    }),
  );
  // An older file's last sequence is the one its successor continues.
  for (const [index, file] of kept.entries()) {
    const next = kept[index + 1]?.header;
    if (next !== undefined) file.end = { ...file.end, sequence: next.sequenceBefore, timeMs: next.newestBeforeMs };
  }
  const newest = whole.at(-1);
  const closing = newest === undefined ? null : endAtClosing(files, newest, kept.at(-1)!, mark);
  const tornBytes = newest === undefined || closing !== null ? 0 : scanNewest(files, newest, kept.at(-1)!, mark);
  const reports: string[] = [];
  if (unfinished !== undefined) reports.push(`removed ${unfinished.name}, whose beginning was interrupted`);
  if (tornBytes > 0) {
    const { offset, sequence } = kept.at(-1)!.end;
    reports.push(
      `cut ${tornBytes} bytes of a torn write off ${newest!.name} at offset ${offset}, after record ${sequence}`,
    );
  }
  const report = reports.length === 0 ? null : `Opening the mirror journal ${reports.join(', and ')}.`;
  return { kept, log, unfinishedPath: unfinished?.path ?? null, tornBytes, closing, report };
}

function readLog(files: JournalFileOperations, logPath: string): JournalLog {
  if (!files.exists(logPath)) return EMPTY_LOG;
  const handle = files.open(logPath, 'read');
  const bytes = Buffer.alloc(files.size(handle));
  files.read(handle, bytes, 0);
  files.close(handle);
  return parseJournalLog(bytes.toString('utf8'));
}

function filesIn(files: JournalFileOperations, directory: string, mirror: MirrorName): readonly Found[] {
  if (!files.exists(directory)) return [];
  const names = files.list(directory).filter((name) => parseFileName(name)?.mirror === mirror);
  return names.map((name) => inspectFile(files, join(directory, name), name));
}

function inspectFile(files: JournalFileOperations, path: string, name: string): Found {
  const handle = files.open(path, 'read');
  const size = files.size(handle);
  const bytes = new Uint8Array(Math.min(size, fileHeaderBytes));
  const length = files.read(handle, bytes, 0);
  files.close(handle);
  return { name, path, size, decoded: decodeFileHeader(bytes.subarray(0, length)) };
}

/** A crash inside startFile leaves a file without a whole header, with zeros at most behind it, and without a line in the log. */
function isUnfinished(files: JournalFileOperations, file: Found, log: JournalLog): boolean {
  const { decoded, name, path, size } = file;
  if (decoded.ok || log.files.some((listed) => listed.name === name)) return false;
  const handle = files.open(path, 'read');
  const end = endOfWritten(readerOf(files, handle, size), fileHeaderBytes, size);
  files.close(handle);
  return end === fileHeaderBytes;
}

function readerOf(files: JournalFileOperations, handle: number, size: number): ReadAt {
  return (offset, want) => {
    const bytes = new Uint8Array(Math.min(want, size - offset));
    return bytes.subarray(0, files.read(handle, bytes, offset));
  };
}

interface Whole {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  readonly header: FileHeader;
}

function withHeader(file: Found, mirror: MirrorName): Whole {
  const { decoded, name, path, size } = file;
  if (!decoded.ok) throw damaged(path, 0, decoded.problem);
  const { header } = decoded;
  if (header.mirror !== mirror) throw damaged(path, 0, `its header says it belongs to the mirror ${header.mirror}`);
  if (header.fileName !== name) throw damaged(path, 0, `its header says its name is ${header.fileName}`);
  return { name, path, size, header };
}

/** Each file joins the one before: number, size, sequence, epoch. */
function checkChain(whole: readonly Whole[]): void {
  for (const [index, { path, header }] of whole.entries()) {
    const before = whole[index - 1];
    if (before === undefined) continue;
    const { file, epoch, sequenceBefore } = before.header;
    if (header.file === file) throw damaged(path, 0, `its number ${file} is also that of ${before.name}`);
    if (header.file !== file + 1) throw damaged(path, 0, `file number ${file + 1} is missing before it`);
    if (header.previousFileEnd !== before.size) {
      const should = `${before.name} has ${before.size} bytes, ${header.previousFileEnd} when the next file was begun`;
      throw damaged(before.path, Math.min(before.size, header.previousFileEnd), should);
    }
    if (header.sequenceBefore < sequenceBefore)
      throw damaged(path, 0, 'its first record is older than the file before');
    if (header.epoch.number < epoch.number) throw damaged(path, 0, 'its epoch is older than that of the file before');
  }
}

/** What the log or the mark knows to have been durable must be there. */
function checkNothingMissing(directory: string, newest: number, log: JournalLog, mark: FoundMark | string): void {
  for (const { file, name, directory: elsewhere } of log.files) {
    if (file > newest)
      throw damaged(join(elsewhere ?? directory, name), 0, 'the mirror journal log lists it and it is missing');
  }
  if (typeof mark !== 'string' && mark.file > newest) {
    throw damaged(directory, 0, `mirror journal file number ${mark.file}, which was flushed, is missing`);
  }
}

/** Set the newest file's end from the mark of an orderly close; null where the file is not as it was left, or may not be. */
function endAtClosing(
  files: JournalFileOperations,
  { path, size }: Whole,
  file: JournalFile,
  mark: FoundMark | string,
): Closing | null {
  if (typeof mark === 'string' || mark.closing === null || mark.file !== file.number) return null;
  const { closing, offset } = mark;
  const { begin } = file.anchors;
  if (size !== offset || closing.lastOffset < begin.offset || closing.lastOffset > offset) return null;
  const handle = files.open(path, 'read');
  const bytes = readerOf(files, handle, size)(closing.lastOffset, offset - closing.lastOffset);
  files.close(handle);
  if (!isLastRecord(bytes, closing, begin)) return null;
  file.end = { offset, sequence: closing.sequence, timeMs: closing.timeMs };
  file.anchors.note(file.end);
  return closing;
}

function isLastRecord(bytes: Uint8Array, closing: Closing, begin: Boundary): boolean {
  const { lastOffset, lastChecksum, sequence, timeMs } = closing;
  if (bytes.length === 0) return lastOffset === begin.offset && sequence === begin.sequence;
  const view = viewOf(bytes);
  if (wholeRecordLength(bytes, view, 0, bytes.length) !== bytes.length) return false;
  return (
    recordChecksum(bytes) === lastChecksum && recordSequence(view, 0) === sequence && recordTimeMs(view, 0) === timeMs
  );
}

/** Find the end of the newest file's whole records and set it; returns how many torn bytes follow. Zeros are no torn bytes. */
function scanNewest(
  files: JournalFileOperations,
  found: Whole,
  file: JournalFile,
  mark: FoundMark | 'unknown' | 'torn',
): number {
  const { path, size } = found;
  const handle = files.open(path, 'read');
  const readAt = readerOf(files, handle, size);
  const end = walkRecords(readAt, file.anchors.begin, size, (reached) => {
    file.anchors.note(reached);
    return false;
  });
  const written = endOfWritten(readAt, end.offset, size);
  const recordAfter = end.offset < written ? findRecordAfter(readAt, end, size) : null;
  files.close(handle);
  file.end = end;
  if (typeof mark !== 'string' && mark.file === file.number && end.offset < mark.offset) {
    throw damaged(path, end.offset, `its records were flushed up to offset ${mark.offset}`);
  }
  // Without a mark nothing says that the hole is younger than the last flush, so it counts as damage.
  if (recordAfter !== null && mark === 'unknown')
    throw damaged(path, end.offset, `whole records follow at offset ${recordAfter}`);
  return written - end.offset;
}

function damaged(path: string, offset: number, what: string): JournalDamagedError {
  return new JournalDamagedError(
    `The mirror journal file ${path} is damaged at offset ${offset}: ${what}. Nothing was changed; put a good copy of it ` +
      '(from a backup or another member) in its place, or rebuild this member.',
    path,
    offset,
  );
}
