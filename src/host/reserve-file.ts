/**
 * A file that only takes room, to be given up when the disk is full: then the member's record, the last lines of the logs and a
 * journal's end can still be written, and the process ends cleanly instead of being killed half-way. Not for: noticing that
 * the disk is full.
 */
import type { FileOperations } from './host.ts';

const reserveFileBytes = 4 * 1024 * 1024;
const chunk = Buffer.alloc(1024 * 1024, 0x5a);

type Files = Pick<FileOperations, 'sizeOf' | 'open' | 'write' | 'sync' | 'close' | 'remove' | 'freeBytes'>;

export class ReserveFile {
  readonly #files: Files;
  readonly #path: string;
  readonly #directory: string;

  constructor(files: Files, path: string, directory: string) {
    this.#files = files;
    this.#path = path;
    this.#directory = directory;
  }

  /** Take the room, unless less than `freeBytesMin` would be left without it. A disk that refuses is asked again later. */
  take(freeBytesMin: number): void {
    if (this.#files.sizeOf(this.#path) === reserveFileBytes) return;
    this.free();
    if (this.#files.freeBytes(this.#directory) - reserveFileBytes < freeBytesMin) return;
    const handle = this.#files.open(this.#path, 'create');
    try {
      for (let at = 0; at < reserveFileBytes; at += chunk.length) this.#files.write(handle, chunk, at);
      this.#files.sync(handle);
    } catch {
      // A part of it helps nobody.
      this.free();
    } finally {
      this.#files.close(handle);
    }
  }

  /** Do what a full disk must not prevent: once more with the room given up. True when that was needed. */
  withRoom(act: () => void): boolean {
    try {
      act();
      return false;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== 'ENOSPC' && code !== 'EDQUOT') || !this.free()) throw error;
    }
    act();
    return true;
  }

  /** Give the room up. False when there was none. */
  free(): boolean {
    if (this.#files.sizeOf(this.#path) === null) return false;
    this.#files.remove(this.#path);
    return true;
  }
}
