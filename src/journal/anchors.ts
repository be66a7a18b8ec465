/**
 * Some boundaries of one journal file by which a place in it is found without walking it from its beginning. They are only
 * a help: they may be missing, and are added as the file is written or walked.
 */
import type { Boundary } from './record-scan.ts';

const anchorEveryBytes = 256 * 1024;

export class Anchors {
  readonly #begin: Boundary;
  #known: Boundary[] = [];

  /** `begin` is the boundary before the file's first record. */
  constructor(begin: Boundary) {
    this.#begin = begin;
  }

  get begin(): Boundary {
    return this.#begin;
  }

  /** Take note of a boundary if it is far enough behind the newest one known. */
  note(boundary: Boundary): void {
    if (boundary.offset - (this.#known.at(-1) ?? this.#begin).offset >= anchorEveryBytes) this.#known.push(boundary);
  }

  /** The newest known boundary at or before an offset. */
  atOrBeforeOffset(offset: number): Boundary {
    return this.#newest((boundary) => boundary.offset <= offset);
  }

  /** The newest known boundary at or before a sequence. */
  atOrBeforeSequence(sequence: number): Boundary {
    return this.#newest((boundary) => boundary.sequence <= sequence);
  }

  /** The file now ends at `offset`. */
  cut(offset: number): void {
    this.#known = this.#known.filter((boundary) => boundary.offset <= offset);
  }

  #newest(isEarlyEnough: (boundary: Boundary) => boolean): Boundary {
    let low = 0;
    let high = this.#known.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (isEarlyEnough(this.#known[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? this.#begin : this.#known[low - 1]!;
  }
}
