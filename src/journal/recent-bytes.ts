/**
 * The newest bytes of the journal in memory: all that is not flushed yet, and some of what is, so that shipping reads no
 * file. Bytes once written here are never overwritten, so that a chunk can be a view of them. Not for: files, flushing.
 */
import assert from 'node:assert/strict';
import { shipWindowBytes } from '../mirror/limits.ts';
import { viewOf } from './record.ts';
import type { Boundary } from './record-scan.ts';

/** A run of whole records of one file. Runs of one file join each other. */
export interface Run {
  readonly file: number;
  readonly begin: Boundary;
  readonly bytes: Buffer;
  readonly view: DataView;
  /** Where the records in it end; `end.offset - begin.offset` bytes are in use. */
  end: Boundary;
}

const runBytes = 1024 * 1024;
/** So many bytes that come together are a run of their own. */
const ownRunBytes = 64 * 1024;
const keptBytes = 2 * shipWindowBytes;
/** Batches whose ends are remembered: what is applied or shipped ends where one of the newest did. */
const keptEnds = 256;

export class RecentBytes {
  #runs: Run[] = [];
  #bytes = 0;
  /** Of the newest batches, as a ring; `#newestEnd` is the newest one's place. */
  #ends: { readonly file: number; readonly end: Boundary }[] = [];
  #newestEnd = -1;

  /** A run of this file that ends at `end` and has room for `bytes` more. The caller writes and then moves its end. */
  roomFor(file: number, end: Boundary, bytes: number, flushedOffset: number): Run {
    const newest = this.#runs.at(-1);
    if (newest !== undefined && newest.file === file) {
      assert(newest.end.offset === end.offset, 'recent journal bytes must join the end of the file');
      if (newest.bytes.length - (end.offset - newest.begin.offset) >= bytes) return newest;
    }
    return this.#begin(file, end, Buffer.allocUnsafeSlow(Math.max(runBytes, bytes)), flushedOffset);
  }

  /** A run of this file whose records end at `end`, with these bytes behind them: many stay where they are, few are copied to others. */
  runWith(file: number, end: Boundary, bytes: Uint8Array, flushedOffset: number): Run {
    if (bytes.length >= ownRunBytes)
      return this.#begin(file, end, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), flushedOffset);
    const run = this.roomFor(file, end, bytes.length, flushedOffset);
    run.bytes.set(bytes, end.offset - run.begin.offset);
    return run;
  }

  #begin(file: number, begin: Boundary, bytes: Buffer, flushedOffset: number): Run {
    const run: Run = { file, begin, bytes, view: viewOf(bytes), end: begin };
    this.#runs.push(run);
    this.#bytes += bytes.length;
    this.#forgetOldest(file, flushedOffset);
    return run;
  }

  /** A batch was written into the run, whose records end there now. */
  advance(run: Run, end: Boundary): void {
    run.end = end;
    this.#newestEnd = (this.#newestEnd + 1) % keptEnds;
    this.#ends[this.#newestEnd] = { file: run.file, end };
  }

  /** The end of one of the newest batches, if it is at that offset: nobody has to walk there. */
  endAt(file: number, offset: number): Boundary | null {
    const { length } = this.#ends;
    for (let back = 0; back < length; back += 1) {
      const known = this.#ends[(this.#newestEnd - back + length) % length]!;
      if (known.file !== file || known.end.offset < offset) return null;
      if (known.end.offset === offset) return known.end;
    }
    return null;
  }

  /** The run that holds the byte at `offset` of a file, or null. */
  find(file: number, offset: number): Run | null {
    for (let index = this.#runs.length - 1; index >= 0; index -= 1) {
      const run = this.#runs[index]!;
      if (run.file === file && run.begin.offset <= offset && offset < run.end.offset) return run;
    }
    return null;
  }

  /** Where, behind `offset`, the bytes of a file begin to be here; Infinity if nowhere. */
  nextBegin(file: number, offset: number): number {
    return this.#runs.find((run) => run.file === file && run.begin.offset > offset)?.begin.offset ?? Infinity;
  }

  /** Bytes [from, to) of a file piece by piece; all of them must be here. */
  pieces(file: number, from: number, to: number): Uint8Array[] {
    const pieces: Uint8Array[] = [];
    for (let offset = from; offset < to; ) {
      const run = this.find(file, offset);
      assert(run !== null, 'bytes that are not flushed must be in memory');
      const piece = sliceOfRun(run, offset, Math.min(to, run.end.offset));
      pieces.push(piece);
      offset += piece.length;
    }
    return pieces;
  }

  /** After a cut: what was here may no longer be the journal's. */
  forgetAll(): void {
    this.#runs = [];
    this.#bytes = 0;
    this.#ends = [];
    this.#newestEnd = -1;
  }

  #forgetOldest(file: number, flushedOffset: number): void {
    while (this.#bytes > keptBytes && this.#runs.length > 1) {
      const oldest = this.#runs[0]!;
      if (oldest.file === file && oldest.end.offset > flushedOffset) return;
      this.#runs.shift();
      this.#bytes -= oldest.bytes.length;
    }
  }
}

export function sliceOfRun(run: Run, from: number, to: number): Uint8Array {
  return run.bytes.subarray(from - run.begin.offset, to - run.begin.offset);
}
