/**
 * A lower bound of what this member has flushed, in a small file beside its journal: flushed-<NAME>.mark.
 *
 * Why: a power failure may lose the first page of an unsynced write and keep later ones. What opening then finds looks like
 * damage in the middle, whole records behind a hole. Before the mark it is damage of durable data and must not be cut; behind the
 * mark it is a torn write. The mark is written after each flush without a sync of its own (it may lag, it never leads), so it
 * costs no second sync; it is synced at closing, before a cut, and now and then. It is not written more rarely: after a killed
 * process it is exact, so that damage in the newest flushed record is refused, and the write costs some 20 microseconds.
 *
 * An orderly close adds how the newest file ends, so that the next opening need not read it through; opening takes that away
 * again before anything else is written. It is believed only of a file that has this length and this last record.
 *
 *   0  f64  file, f64 offset, u32 CRC-32C of these, 4 bytes zero
 *  24  f64  sequence, f64 time, f64 offset of the last record, u32 its checksum, u32 CRC-32C of all before; zeros while it is open
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

/** How the newest file ends after an orderly close, at the mark's offset. */
export interface Closing {
  readonly sequence: number;
  readonly timeMs: number;
  /** Where the last record begins; the mark's offset where there is none. */
  readonly lastOffset: number;
  readonly lastChecksum: number;
}

export interface FoundMark extends Mark {
  /** Null = it was not closed in order. */
  readonly closing: Closing | null;
}

const markBytes = 24;
const closingChecksumAt = 52;
const allBytes = 56;
const syncEveryBytes = 64 * 1024 * 1024;

export function markPath(directory: string, mirror: MirrorName): string {
  return join(directory, `flushed-${mirror}.mark`);
}

/** The mark on disk; 'unknown' when there is none (files copied here); 'torn' when it was being written in a crash. */
export function readMark(files: JournalFileOperations, path: string): FoundMark | 'unknown' | 'torn' {
  if (!files.exists(path)) return 'unknown';
  const handle = files.open(path, 'read');
  const bytes = new Uint8Array(allBytes);
  const length = files.read(handle, bytes, 0);
  files.close(handle);
  const view = viewOf(bytes);
  if (length < markBytes || view.getUint32(16, true) !== crc32c(bytes, 0, 16)) return 'torn';
  return { file: view.getFloat64(0, true), offset: view.getFloat64(8, true), closing: closingIn(bytes, view) };
}

function closingIn(bytes: Uint8Array, view: DataView): Closing | null {
  if (view.getUint32(closingChecksumAt, true) !== crc32c(bytes, 0, closingChecksumAt)) return null;
  return {
    sequence: view.getFloat64(24, true),
    timeMs: view.getFloat64(32, true),
    lastOffset: view.getFloat64(40, true),
    lastChecksum: view.getUint32(48, true),
  };
}

export class FlushedMark {
  readonly #files: JournalFileOperations;
  readonly #handle: number;
  readonly #bytes = new Uint8Array(allBytes);
  readonly #mark = this.#bytes.subarray(0, markBytes);
  #synced: Mark;

  /** Opens the mark for writing and brings it to `mark`; a closing is gone from it, durably. */
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
      this.#files.write(this.#handle, this.#mark, 0);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      return;
    }
    if (mark.file !== this.#synced.file || mark.offset - this.#synced.offset >= syncEveryBytes) this.#sync(mark);
  }

  /** Durable when it returns: before a cut, and at opening. */
  lower(mark: Mark): void {
    this.#encode(mark);
    this.#files.write(this.#handle, this.#bytes, 0);
    this.#sync(mark);
  }

  /** Durable when it returns. Before it everything else is: the file is flushed and ends with its records. */
  closeAt(mark: Mark, closing: Closing): void {
    this.#encode(mark);
    const view = viewOf(this.#bytes);
    view.setFloat64(24, closing.sequence, true);
    view.setFloat64(32, closing.timeMs, true);
    view.setFloat64(40, closing.lastOffset, true);
    view.setUint32(48, closing.lastChecksum, true);
    view.setUint32(closingChecksumAt, crc32c(this.#bytes, 0, closingChecksumAt), true);
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
