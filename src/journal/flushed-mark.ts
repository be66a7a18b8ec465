/**
 * A lower bound of what this member has flushed, in a small file beside its journal: flushed-<NAME>.mark.
 *
 * Why: a power failure may lose the first page of an unsynced write and keep later ones. What opening then finds looks like
 * damage in the middle, whole records behind a hole. Before the mark it is damage of durable data and must not be cut; behind the
 * mark it is a torn write. The mark is written after each flush without a sync of its own (it may lag, it never leads), so it
 * costs no second sync; it is synced at closing, before a cut, and now and then. It is not written more rarely: after a killed
 * process it is exact, so that damage in the newest flushed record is refused, and the write costs some 20 microseconds.
 */
import { join } from 'node:path';
import type { MirrorName } from '../mirror/terms.ts';
import { crc32c } from '../protocol/crc32c.ts';
import { isDiskFull } from './disk-errors.ts';
import type { JournalFileOperations } from './journal.ts';
import { viewOf } from './record.ts';

/** A place by file and offset. */
export interface Mark {
  readonly file: number;
  readonly offset: number;
}

const markBytes = 24;
const syncEveryBytes = 64 * 1024 * 1024;

export function markPath(directory: string, mirror: MirrorName): string {
  return join(directory, `flushed-${mirror}.mark`);
}

/** The mark on disk; 'unknown' when there is none (files copied here); 'torn' when it was being written in a crash. */
export function readMark(files: JournalFileOperations, path: string): Mark | 'unknown' | 'torn' {
  if (!files.exists(path)) return 'unknown';
  const handle = files.open(path, 'read');
  const bytes = new Uint8Array(markBytes);
  const length = files.read(handle, bytes, 0);
  files.close(handle);
  const view = viewOf(bytes);
  if (length < markBytes || view.getUint32(16, true) !== crc32c(bytes, 0, 16)) return 'torn';
  return { file: view.getFloat64(0, true), offset: view.getFloat64(8, true) };
}

export class FlushedMark {
  readonly #files: JournalFileOperations;
  readonly #handle: number;
  readonly #bytes = new Uint8Array(markBytes);
  #synced: Mark;

  /** Opens the mark for writing and brings it to `mark`. */
  constructor(files: JournalFileOperations, path: string, mark: Mark) {
    this.#files = files;
    this.#encode(mark);
    this.#synced = mark;
    if (!files.exists(path)) files.replace(path, this.#bytes);
    this.#handle = files.open(path, 'update');
    this.lower(mark);
  }

  /** After a flush. A full disk does not matter here: the mark may lag. */
  raise(mark: Mark): void {
    this.#encode(mark);
    try {
      this.#files.write(this.#handle, this.#bytes, 0);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      return;
    }
    if (mark.file !== this.#synced.file || mark.offset - this.#synced.offset >= syncEveryBytes) this.#sync(mark);
  }

  /** Durable when it returns: before a cut, and at opening and closing. */
  lower(mark: Mark): void {
    this.#encode(mark);
    this.#files.write(this.#handle, this.#bytes, 0);
    this.#sync(mark);
  }

  close(): void {
    this.#files.close(this.#handle);
  }

  #encode(mark: Mark): void {
    const view = viewOf(this.#bytes);
    view.setFloat64(0, mark.file, true);
    view.setFloat64(8, mark.offset, true);
    view.setUint32(16, crc32c(this.#bytes, 0, 16), true);
  }

  #sync(mark: Mark): void {
    this.#files.sync(this.#handle);
    this.#synced = mark;
  }
}
