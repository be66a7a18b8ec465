/**
 * The mirror journal files of one journal, oldest first: what each begins with, how far it goes, and reading it. Reads from
 * memory what is there, from disk otherwise. Not for: opening (journal-opening.ts), writing (disk-journal.ts).
 */
import { join } from 'node:path';
import { type EpochBeginning, JOURNAL_START, type JournalPosition } from '../mirror/journal-position.ts';
import { Anchors } from './anchors.ts';
import { type FileHeader, fileHeaderBytes } from './file-header.ts';
import { JournalDamagedError, type JournalFileOperations } from './journal.ts';
import { type RecentBytes, sliceOfRun } from './recent-bytes.ts';
import { type Boundary, walkRecords } from './record-scan.ts';

export interface JournalFile {
  readonly number: number;
  readonly header: FileHeader;
  /** Where it is: the journal directory, or the alternate one. */
  readonly directory: string;
  readonly path: string;
  readonly anchors: Anchors;
  /** Its last whole record, or the boundary after its header; for the newest file with what is not flushed yet. */
  end: Boundary;
}

export function journalFile(header: FileHeader, directory: string, end?: Boundary): JournalFile {
  const begin = { offset: fileHeaderBytes, sequence: header.sequenceBefore, timeMs: header.newestBeforeMs };
  const path = join(directory, header.fileName);
  return { number: header.file, header, directory, path, anchors: new Anchors(begin), end: end ?? begin };
}

export function positionIn(file: JournalFile, boundary: Boundary): JournalPosition {
  const { offset, sequence } = boundary;
  return { epoch: file.header.epoch.number, file: file.number, offset, sequence };
}

const openForReadingMax = 8;

export class JournalFiles {
  readonly #files: JournalFileOperations;
  readonly #recent: RecentBytes;
  #kept: JournalFile[];
  #handles = new Map<number, number>();

  constructor(files: JournalFileOperations, recent: RecentBytes, kept: readonly JournalFile[]) {
    this.#files = files;
    this.#recent = recent;
    this.#kept = [...kept];
  }

  get all(): readonly JournalFile[] {
    return this.#kept;
  }

  get oldest(): JournalFile | undefined {
    return this.#kept[0];
  }

  get newest(): JournalFile | undefined {
    return this.#kept.at(-1);
  }

  get end(): JournalPosition {
    const { newest } = this;
    return newest === undefined ? JOURNAL_START : positionIn(newest, newest.end);
  }

  get history(): readonly EpochBeginning[] {
    const history: EpochBeginning[] = [];
    for (const file of this.#kept) {
      const { number, owner, lineage } = file.header.epoch;
      if (history.at(-1)?.epoch === number) continue;
      history.push({ epoch: number, owner, lineage, begin: positionIn(file, file.anchors.begin) });
    }
    return history;
  }

  /** Numbers have no gap, so a file is found by its distance to the oldest. */
  find(number: number): JournalFile | undefined {
    const { oldest } = this;
    return oldest === undefined ? undefined : this.#kept[number - oldest.number];
  }

  add(file: JournalFile): void {
    this.#kept.push(file);
  }

  /** Forget the newest file, which is no longer there. */
  removeNewest(): void {
    const file = this.#kept.pop();
    if (file !== undefined) this.#closeHandle(file.number);
  }

  /** Forget the oldest file, which is no longer there. */
  removeOldest(): void {
    const file = this.#kept.shift();
    if (file !== undefined) this.#closeHandle(file.number);
  }

  /** Bytes of a file, from memory if they are there, else from disk; may be fewer than asked for, then it ends with a record. */
  readAt(file: JournalFile, offset: number, want: number): Uint8Array {
    const run = this.#recent.find(file.number, offset);
    if (run !== null) return sliceOfRun(run, offset, Math.min(offset + want, run.end.offset));
    const limit = Math.min(offset + want, file.end.offset, this.#recent.nextBegin(file.number, offset));
    const bytes = Buffer.allocUnsafeSlow(limit - offset);
    const length = this.#files.read(this.#handleOf(file), bytes, offset);
    if (length !== bytes.length)
      throw this.damagedError(file, { offset: offset + length, sequence: file.header.sequenceBefore, timeMs: 0 });
    return bytes;
  }

  /** The boundary at or before `limit` in this file where `enough` says stop, walked from the nearest known one. */
  walk(file: JournalFile, from: Boundary, limit: number, enough?: (reached: Boundary) => boolean): Boundary {
    return walkRecords(
      (offset, want) => this.readAt(file, offset, want),
      from,
      limit,
      (reached) => {
        file.anchors.note(reached);
        return enough?.(reached) ?? false;
      },
    );
  }

  damagedError(file: JournalFile, at: Boundary): JournalDamagedError {
    const { path } = file;
    return new JournalDamagedError(
      `The mirror journal file ${path} cannot be read at offset ${at.offset}, after record ${at.sequence}: put a good copy of ` +
        'it (from a backup or another member) in its place, or rebuild this member.',
      path,
      at.offset,
    );
  }

  close(): void {
    for (const number of [...this.#handles.keys()]) this.#closeHandle(number);
  }

  #handleOf(file: JournalFile): number {
    const open = this.#handles.get(file.number);
    if (open !== undefined) return open;
    if (this.#handles.size >= openForReadingMax) this.#closeHandle(this.#handles.keys().next().value!);
    const handle = this.#files.open(file.path, 'read');
    this.#handles.set(file.number, handle);
    return handle;
  }

  #closeHandle(number: number): void {
    const handle = this.#handles.get(number);
    if (handle === undefined) return;
    this.#handles.delete(number);
    this.#files.close(handle);
  }
}
