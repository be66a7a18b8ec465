/**
 * Looking at the mirror journal files of an instance from outside, whether it runs or not: which there are, and the records of
 * one, each checked. Changes nothing and takes no lock, so a file may go or grow meanwhile: what is not whole at the end of the
 * newest file may only be not written yet. Not for: the journal of a running member (disk-journal.ts).
 */
import { join } from 'node:path';
import type { MirrorName } from '../mirror/terms.ts';
import { decodeFileHeader, type FileHeader, fileHeaderBytes } from './file-header.ts';
import { parseFileName, parseJournalLog } from './file-names.ts';
import type { JournalFileOperations, JournalRecord } from './journal.ts';
import {
  decodeRecord,
  plausibleRecordLength,
  recordSequence,
  recordTimeMs,
  viewOf,
  wholeRecordLength,
} from './record.ts';
import { endOfWritten } from './record-scan.ts';

type Files = Pick<JournalFileOperations, 'exists' | 'list' | 'open' | 'size' | 'read' | 'close'>;

export interface JournalPlace {
  /** Journal directory and, where there is one, the alternate one. */
  readonly directories: readonly string[];
  readonly mirror: MirrorName;
  /** mirrorjrn-<NAME>.log, which says where else files are. */
  readonly logPath: string;
}

export interface InspectedFile {
  readonly name: string;
  readonly path: string;
  /** On disk, with the zeros that may follow the records of the newest file. */
  readonly size: number;
  readonly header: FileHeader;
}

export interface UnreadableFile {
  readonly name: string;
  readonly path: string;
  readonly problem: string;
}

export interface InspectedJournal {
  /** Oldest first. */
  readonly files: readonly InspectedFile[];
  readonly unreadable: readonly UnreadableFile[];
}

export function inspectFiles(files: Files, place: JournalPlace): InspectedJournal {
  const log = parseJournalLog(readText(files, place.logPath));
  const directories = new Set([...place.directories, ...log.files.flatMap(({ directory }) => directory ?? [])]);
  const found: InspectedFile[] = [];
  const unreadable: UnreadableFile[] = [];
  for (const directory of directories) {
    if (!files.exists(directory)) continue;
    for (const name of files.list(directory)) {
      if (parseFileName(name)?.mirror !== place.mirror) continue;
      const read = inspectFile(files, directory, name);
      if (read === null) continue;
      if ('problem' in read) unreadable.push(read);
      else found.push(read);
    }
  }
  return { files: found.sort((a, b) => a.header.file - b.header.file), unreadable };
}

/** One file by itself; null when it is not there (any more). */
export function inspectFile(files: Files, directory: string, name: string): InspectedFile | UnreadableFile | null {
  const path = join(directory, name);
  const handle = openToRead(files, path);
  if (handle === null) return null;
  try {
    const bytes = new Uint8Array(fileHeaderBytes);
    const decoded = decodeFileHeader(bytes.subarray(0, files.read(handle, bytes, 0)));
    if (!decoded.ok) return { name, path, problem: decoded.problem };
    return { name, path, size: files.size(handle), header: decoded.header };
  } finally {
    files.close(handle);
  }
}

/** A record with where it stands. */
export interface InspectedRecord extends JournalRecord {
  readonly offset: number;
  readonly sequence: number;
  /** Wall clock of the primary that appended it, ms. */
  readonly timeMs: number;
}

/** Where the whole records of a file end, and what is behind. */
export interface RecordsEnd {
  readonly offset: number;
  readonly sequence: number;
  /** False: bytes follow that are no whole record. */
  readonly isWhole: boolean;
}

const windowBytes = 4 * 1024 * 1024;

/**
 * Give each record to `take`, from the first one at or behind `fromOffset`, until it returns false; null then, else where the
 * records end. Null too when the file has gone.
 */
export function eachRecordOf(
  files: Files,
  file: InspectedFile,
  fromOffset: number,
  take: (record: InspectedRecord) => boolean,
): RecordsEnd | null {
  const handle = openToRead(files, file.path);
  if (handle === null) return null;
  try {
    const size = files.size(handle);
    let offset = fileHeaderBytes;
    let sequence = file.header.sequenceBefore;
    for (let want = windowBytes; offset < size; ) {
      const bytes = new Uint8Array(Math.min(want, size - offset));
      const length = files.read(handle, bytes, offset);
      const view = viewOf(bytes);
      let at = 0;
      for (;;) {
        const whole = wholeRecordLength(bytes, view, at, length);
        if (whole === 0 || recordSequence(view, at) !== sequence + 1) break;
        sequence += 1;
        if (offset + at >= fromOffset) {
          const timeMs = recordTimeMs(view, at);
          if (!take({ ...decodeRecord(bytes, view, at), offset: offset + at, sequence, timeMs })) return null;
        }
        at += whole;
      }
      offset += at;
      if (at > 0) continue;
      const needed = plausibleRecordLength(view, 0, length);
      if (needed <= length || offset + needed > size) break;
      want = needed;
    }
    return { offset, sequence, isWhole: endOfWritten(readerOf(files, handle), offset, size) === offset };
  } finally {
    files.close(handle);
  }
}

function readerOf(files: Files, handle: number): (offset: number, want: number) => Uint8Array {
  return (offset, want) => {
    const bytes = new Uint8Array(want);
    return bytes.subarray(0, files.read(handle, bytes, offset));
  };
}

function readText(files: Files, path: string): string {
  const handle = openToRead(files, path);
  if (handle === null) return '';
  try {
    const bytes = Buffer.alloc(files.size(handle));
    return bytes.subarray(0, files.read(handle, bytes, 0)).toString('utf8');
  } finally {
    files.close(handle);
  }
}

function openToRead(files: Files, path: string): number | null {
  try {
    return files.open(path, 'read');
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return null;
    throw error;
  }
}
