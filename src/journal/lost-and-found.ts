/**
 * Keeping what a cut takes out of the journal: nothing that was written is destroyed, an operator may want to look at it. Each
 * kept file is a mirror journal file of its own with a header that fits its records. Not for: deciding what is cut.
 */
import { basename, join } from 'node:path';
import { errorCode } from './disk-errors.ts';
import { encodeFileHeader, type FileHeader, fileHeaderBytes } from './file-header.ts';
import type { JournalFileOperations } from './journal.ts';
import type { Boundary, ReadAt } from './record-scan.ts';

const copyBytes = 4 * 1024 * 1024;

export class LostAndFound {
  readonly #files: JournalFileOperations;
  readonly #directory: string;

  constructor(files: JournalFileOperations, directory: string) {
    this.#files = files;
    this.#directory = directory;
  }

  /** Copy the records between two boundaries of a file; durable when it returns the path. */
  keepRecords(header: FileHeader, from: Boundary, to: Boundary, readAt: ReadAt): string {
    const path = this.#freePath(header.fileName, from, to);
    try {
      this.#copyRecords(path, header, from, to, readAt);
    } catch (error) {
      // A part of a copy helps nobody and takes room that is missing.
      if (this.#files.exists(path)) this.#files.remove(path);
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
    try {
      this.#files.rename(path, kept);
      return kept;
    } catch (error) {
      if (errorCode(error) !== 'EXDEV') throw error;
    }
    const copy = this.keepRecords(header, from, to, readAt);
    this.#files.remove(path);
    return copy;
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
