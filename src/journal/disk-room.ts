/**
 * Is there room for the journal, and where? The rest of a disk belongs to the databases, which must never meet a full one, so a
 * reserve is left alone (SYN-003). Asks the disk seldom. Not for: what is done when there is none (disk-journal.ts).
 *
 * With an alternate directory a new file is begun there as soon as less than twice the reserve is free where the present one
 * is. What that one still has to take may then go into half of its reserve: records that were appended have their place.
 */
import { diskReserveBytes } from '../mirror/limits.ts';
import type { JournalFileOperations } from './journal.ts';

/** The disk is asked again after this many flushed bytes. */
const askEveryBytes = 1024 * 1024;

export class DiskRoom {
  readonly #files: JournalFileOperations;
  /** In the order of preference. */
  readonly #directories: readonly string[];
  readonly #reserveBytes: number;
  #askInBytes = 0;
  /** The directory that was found short of room at the last look. */
  #short: string | null = null;

  constructor(files: JournalFileOperations, directories: readonly string[], reserveBytes = diskReserveBytes) {
    this.#files = files;
    this.#directories = directories;
    this.#reserveBytes = reserveBytes;
  }

  /** May `bytes` be written in `directory`, by which a file there grows by `growth`? Asks the disk only when it is time to. */
  allows(directory: string, bytes: number, growth: number): boolean {
    if (this.#askInBytes > bytes) return true;
    const free = this.#files.freeBytes(directory) - growth;
    this.#short = free < 2 * this.#reserveBytes ? directory : null;
    const isThere = free >= this.#reserveBytes || (free >= this.#reserveBytes / 2 && this.isBetterElsewhere(directory));
    this.#askInBytes = isThere ? askEveryBytes : 0;
    return isThere;
  }

  /** Asks the disk. */
  has(directory: string, growth: number): boolean {
    return this.#files.freeBytes(directory) - growth >= this.#reserveBytes;
  }

  /** Where a new file may grow, or at least be begun; null when nowhere. */
  forNewFile(headerBytes: number): string | null {
    const ample = this.#directories.find((directory) => this.#isAmple(directory));
    this.#askInBytes = 0;
    return ample ?? this.#directories.find((directory) => this.has(directory, headerBytes)) ?? null;
  }

  /** Is little room left where the present file is, and enough in another directory? Asks the disk only when the first is known. */
  isBetterElsewhere(directory: string): boolean {
    if (this.#short !== directory) return false;
    return this.#directories.some((other) => other !== directory && this.#isAmple(other));
  }

  #isAmple(directory: string): boolean {
    return this.#files.freeBytes(directory) >= 2 * this.#reserveBytes;
  }

  flushed(bytes: number): void {
    this.#askInBytes -= bytes;
  }

  /** Something was written that nobody counted, or the disk was full. */
  askNextTime(): void {
    this.#askInBytes = 0;
  }
}
