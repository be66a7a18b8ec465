/**
 * Reads messages.log as it grows, whole lines only. A file that was put aside meanwhile (messages-log.ts begins a new one at
 * its limit) is read to its end before the next one is begun; files are told apart by what they are, not by size.
 */
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { putAside } from './messages-log.ts';

const lineEnd = 0x0a;

export class MessagesReader {
  readonly #path: string;
  #handle: number | null = null;
  #position = 0;
  /** The beginning of a line whose end is still to be written. */
  #rest: Buffer = Buffer.alloc(0);

  constructor(path: string) {
    this.#path = path;
  }

  /** All lines since the last call. */
  next(): readonly string[] {
    const lines: string[] = [];
    this.#handle ??= open(this.#path);
    while (this.#handle !== null) {
      const successor = this.#successor(this.#handle);
      lines.push(...this.#readOn(this.#handle));
      if (successor === null) break;
      // Nothing more comes into a file that was put aside: what it ends with is all there is of that line.
      if (this.#rest.length > 0) lines.push(this.#rest.toString());
      closeSync(this.#handle);
      this.#rest = Buffer.alloc(0);
      this.#position = 0;
      this.#handle = open(successor);
    }
    return lines;
  }

  /** Null while the file that is read is the one that is written. */
  #successor(handle: number): string | null {
    const own = fstatSync(handle).ino;
    const present = inodeOf(this.#path);
    if (present === null || present === own) return null;
    const directory = dirname(this.#path);
    const older = putAside(readdirSync(directory)).map((name) => join(directory, name));
    const place = older.findIndex((path) => inodeOf(path) === own);
    return (place === -1 ? undefined : older[place + 1]) ?? this.#path;
  }

  #readOn(handle: number): readonly string[] {
    const { size } = fstatSync(handle);
    if (size < this.#position) {
      this.#position = 0;
      this.#rest = Buffer.alloc(0);
    }
    if (size === this.#position) return [];
    const bytes = Buffer.alloc(size - this.#position);
    const read = bytes.subarray(0, readSync(handle, bytes, 0, bytes.length, this.#position));
    this.#position += read.length;
    const all = Buffer.concat([this.#rest, read]);
    const end = all.lastIndexOf(lineEnd) + 1;
    this.#rest = all.subarray(end);
    return all
      .toString('utf8', 0, end)
      .split('\n')
      .filter((line) => line !== '');
  }
}

function open(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return null;
  }
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}
