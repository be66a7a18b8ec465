/**
 * Is there room on the journal's disk? The rest of it belongs to the databases, which must never meet a full one, so a reserve
 * is left alone (SYN-003). Asks the disk seldom. Not for: what is done when there is none (disk-journal.ts).
 */
import { diskReserveBytes } from '../mirror/limits.ts';
import type { JournalFileOperations } from './journal.ts';

/** The disk is asked again after this many flushed bytes. */
const askEveryBytes = 1024 * 1024;

export class DiskRoom {
  readonly #files: JournalFileOperations;
  readonly #directory: string;
  readonly #reserveBytes: number;
  #askInBytes = 0;

  constructor(files: JournalFileOperations, directory: string, reserveBytes = diskReserveBytes) {
    this.#files = files;
    this.#directory = directory;
    this.#reserveBytes = reserveBytes;
  }

  /** May `bytes` be written, by which a file grows by `growth`? Asks the disk only when it is time to. */
  allows(bytes: number, growth: number): boolean {
    if (this.#askInBytes > bytes) return true;
    const isThere = this.has(growth);
    this.#askInBytes = isThere ? askEveryBytes : 0;
    return isThere;
  }

  /** Asks the disk. */
  has(growth: number): boolean {
    return this.#files.freeBytes(this.#directory) - growth >= this.#reserveBytes;
  }

  flushed(bytes: number): void {
    this.#askInBytes -= bytes;
  }

  /** Something was written that nobody counted, or the disk was full. */
  askNextTime(): void {
    this.#askInBytes = 0;
  }
}
