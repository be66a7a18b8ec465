/**
 * Keeping what a cut takes out of the journal: nothing that was written is destroyed, an operator may want to look at it. Each
 * kept file is a mirror journal file of its own with a header that fits its records, and beside it lies a report for people and
 * programs: what, from where to where, why and when. Not for: deciding what is cut.
 */
import { basename, join } from 'node:path';
import { errorCode } from './disk-errors.ts';
import { encodeFileHeader, type FileHeader, fileHeaderBytes } from './file-header.ts';
import type { JournalFileOperations } from './journal.ts';
import type { Boundary, ReadAt } from './record-scan.ts';

const copyBytes = 4 * 1024 * 1024;

/** Beside each kept file, its name with this ending. */
export const reportEnding = '.report.json';

/** JSON; sequences count the records of the mirror. */
export interface LostReport {
  readonly mirror: string;
  readonly epoch: { readonly number: number; readonly owner: string };
  /** The journal file that the records stood in. */
  readonly journalFile: string;
  readonly afterSequence: number;
  readonly toSequence: number;
  readonly records: number;
  /** Of the newest record, wall clock, ISO 8601. */
  readonly newestRecordAt: string;
  readonly because: string;
  /** Wall clock of the cut, ISO 8601. */
  readonly cutAt: string;
}

/** Why and when something is cut. */
export interface Cut {
  readonly because: string;
  readonly atMs: number;
}

export class LostAndFound {
  readonly #files: JournalFileOperations;
  readonly #directory: string;

  readonly #cut: Cut;

  constructor(files: JournalFileOperations, directory: string, cut: Cut) {
    this.#cut = cut;
    this.#files = files;
    this.#directory = directory;
  }

  /** Copy the records between two boundaries of a file; durable when it returns the path. */
  keepRecords(header: FileHeader, from: Boundary, to: Boundary, readAt: ReadAt): string {
    const path = this.#freePath(header.fileName, from, to);
    try {
      this.#copyRecords(path, header, from, to, readAt);
      this.#report(path, header, from, to);
    } catch (error) {
      // A part of a copy helps nobody and takes room that is missing.
      for (const part of [path, path + reportEnding]) if (this.#files.exists(part)) this.#files.remove(part);
      throw error;
    }
    this.#files.syncDirectory(this.#directory);
    return path;
  }

  /**
   * Move a whole file here; returns its new path. Durable when both directories have been synced. A lost+found on another
   * file system gets a copy, and the file is removed.
   */
  moveFile(path: string, header: FileHeader, from: Boundary, to: Boundary, readAt: ReadAt): string {
    const kept = this.#freePath(basename(path), from, to);
    // First, since without room for it the file must not have gone.
    this.#report(kept, header, from, to);
    try {
      this.#files.rename(path, kept);
      return kept;
    } catch (error) {
      if (errorCode(error) !== 'EXDEV') throw error;
    }
    this.#files.remove(kept + reportEnding);
    const copy = this.keepRecords(header, from, to, readAt);
    this.#files.remove(path);
    return copy;
  }

  #report(path: string, { mirror, epoch, fileName }: FileHeader, from: Boundary, to: Boundary): void {
    const report: LostReport = {
      mirror,
      epoch: { number: epoch.number, owner: epoch.owner },
      journalFile: fileName,
      afterSequence: from.sequence,
      toSequence: to.sequence,
      records: to.sequence - from.sequence,
      newestRecordAt: new Date(to.timeMs).toISOString(),
      because: this.#cut.because,
      cutAt: new Date(this.#cut.atMs).toISOString(),
    };
    this.#files.replace(path + reportEnding, Buffer.from(`${JSON.stringify(report, null, 2)}\n`));
  }

  #copyRecords(path: string, header: FileHeader, from: Boundary, to: Boundary, readAt: ReadAt): void {
    const handle = this.#files.open(path, 'create');
    const fitting = { ...header, sequenceBefore: from.sequence, newestBeforeMs: from.timeMs };
    try {
      this.#files.write(handle, encodeFileHeader(fitting), 0);
      let at = fileHeaderBytes;
      for (let offset = from.offset; offset < to.offset; ) {
        const bytes = readAt(offset, Math.min(copyBytes, to.offset - offset));
        this.#files.write(handle, bytes, at);
        at += bytes.length;
        offset += bytes.length;
      }
      this.#files.sync(handle);
    } finally {
      this.#files.close(handle);
    }
  }

  /** `<file name>.after-<sequence>-to-<sequence>`, and a number if that is taken. */
  #freePath(fileName: string, from: Boundary, to: Boundary): string {
    this.#files.makeDirectory(this.#directory);
    const path = join(this.#directory, `${fileName}.after-${from.sequence}-to-${to.sequence}`);
    let free = path;
    for (let number = 2; this.#files.exists(free); number += 1) free = `${path}.${number}`;
    return free;
  }
}
