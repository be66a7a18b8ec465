/**
 * The newest journal file as it is written: a handle, and how far zeros were written ahead of the records. Not for: what is
 * written, when it is synced, what a full disk means (disk-journal.ts).
 *
 * Why zeros ahead: a sync of a file that grew commits metadata of the file system too, and two members that sync at the same
 * time wait for each other there. Blocks that were written before cost a sync of the data only: less than half the time
 * on ext4 with a journal. A record never has the length 0, so zeros behind the last one are the end of the file.
 */
import type { JournalFileOperations } from './journal.ts';

const mebibyte = 1024 * 1024;
const zerosAtATime = Buffer.alloc(mebibyte);

export interface WriteAhead {
  /** Zeros are written ahead in steps of this many bytes, as soon as less than a quarter of a step is left of them. */
  readonly stepBytes: number;
  /** No zeros are written behind this offset: a file of this size is full. */
  readonly fileBytesMax: number;
}

export const writeAheadStepBytes = mebibyte;

export class FileWriter {
  /** Number of the journal file. */
  readonly file: number;
  readonly #files: JournalFileOperations;
  readonly #handle: number;
  readonly #ahead: WriteAhead;
  /** Size of the file: where its records end, or the zeros behind them. */
  #size: number;
  /** Zeros are not tried before the records go beyond this. */
  #nextTry = 0;

  constructor(files: JournalFileOperations, file: number, handle: number, ahead: WriteAhead) {
    this.#files = files;
    this.file = file;
    this.#handle = handle;
    this.#ahead = ahead;
    this.#size = files.size(handle);
  }

  /** How many bytes the file grows by when records are written up to `end`. */
  growth(end: number): number {
    return Math.max(0, end - this.#size);
  }

  /** Write bytes at `offset`; whoever catches an error cuts the file. */
  write(bytes: Uint8Array, offset: number): void {
    this.#files.write(this.#handle, bytes, offset);
    this.#size = Math.max(this.#size, offset + bytes.length);
  }

  /**
   * How many zeros are wanted behind the file now that its records, `written` bytes of them new, end at `end`; mostly 0. Where so much
   * comes at a time that the next write would go beyond them, they would only be written for nothing.
   */
  zerosWanted(end: number, written: number): number {
    const { stepBytes, fileBytesMax } = this.#ahead;
    if (written >= (3 / 4) * stepBytes) return 0;
    const needed = end + stepBytes / 4;
    if (needed <= this.#size || end < this.#nextTry) return 0;
    const wanted = (Math.floor(Math.max(needed, this.#size) / stepBytes) + 1) * stepBytes;
    return Math.max(0, Math.min(wanted, fileBytesMax) - this.#size);
  }

  writeZeros(count: number): void {
    for (const to = this.#size + count; this.#size < to; ) {
      this.write(zerosAtATime.subarray(0, Math.min(zerosAtATime.length, to - this.#size)), this.#size);
    }
  }

  /** There is no room for zeros; records that end at `end` may still have some. */
  zerosLater(end: number): void {
    this.#nextTry = end + this.#ahead.stepBytes;
  }

  /** The file ends at `length`; returns false when it did already. */
  cut(length: number): boolean {
    if (this.#files.size(this.#handle) === length) return false;
    this.#files.truncate(this.#handle, length);
    this.#size = length;
    return true;
  }

  sync(): void {
    this.#files.sync(this.#handle);
  }

  close(): void {
    this.#files.close(this.#handle);
  }
}
