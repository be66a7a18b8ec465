/**
 * Walking from record to record in the bytes of one file, and telling a torn tail from damage. Knows a file only as a
 * function that reads it. Not for: which files there are, what to do about damage.
 */
import {
  plausibleRecordLength,
  recordHeaderBytes,
  recordSequence,
  recordTimeMs,
  viewOf,
  wholeRecordLength,
} from './record.ts';

/** Bytes [offset, offset + want) of a file; fewer only at its end. */
export type ReadAt = (offset: number, want: number) => Uint8Array;

/** A boundary between records: the offset after one, its sequence and its time (0 if no record was walked). */
export interface Boundary {
  readonly offset: number;
  readonly sequence: number;
  readonly timeMs: number;
}

const windowBytes = 1024 * 1024;

/**
 * Walk whole records from a boundary on, as long as they join (sequence by sequence) and end at or before `limit`; `enough`
 * is asked before each record whether to stop at the boundary reached. Returns the last boundary reached.
 */
export function walkRecords(
  readAt: ReadAt,
  from: Boundary,
  limit: number,
  enough?: (reached: Boundary) => boolean,
): Boundary {
  let { offset, sequence, timeMs } = from;
  let want = windowBytes;
  while (offset < limit && enough?.({ offset, sequence, timeMs }) !== true) {
    const bytes = readAt(offset, Math.min(want, limit - offset));
    const view = viewOf(bytes);
    let at = 0;
    for (;;) {
      const length = wholeRecordLength(bytes, view, at, bytes.length);
      if (length === 0 || recordSequence(view, at) !== sequence + 1) break;
      sequence += 1;
      timeMs = recordTimeMs(view, at);
      at += length;
      if (enough?.({ offset: offset + at, sequence, timeMs }) === true)
        return { offset: offset + at, sequence, timeMs };
    }
    if (at === 0) {
      // Not one whole record: either it is longer than the window, or this is the end of what is whole.
      const needed = plausibleRecordLength(view, 0, bytes.length);
      if (needed <= bytes.length || offset + needed > limit) break;
      want = needed;
    } else {
      offset += at;
      want = windowBytes;
    }
  }
  return { offset, sequence, timeMs };
}

/**
 * The first whole record after a damaged place whose sequence can follow `damaged.sequence`: its offset, or null. Where
 * there is none the rest of the file is a torn tail. Looks at every byte, since the damage may have hit a length.
 */
export function findRecordAfter(readAt: ReadAt, damaged: Boundary, size: number): number | null {
  const newestPossible = damaged.sequence + 1 + (size - damaged.offset) / recordHeaderBytes;
  for (let start = damaged.offset + 1; start + recordHeaderBytes <= size; start += windowBytes) {
    const bytes = readAt(start, Math.min(windowBytes + recordHeaderBytes, size - start));
    const view = viewOf(bytes);
    const last = Math.min(windowBytes - 1, bytes.length - recordHeaderBytes);
    for (let at = 0; at <= last; at += 1) {
      const length = plausibleRecordLength(view, at, bytes.length);
      if (length === 0 || start + at + length > size) continue;
      const sequence = recordSequence(view, at);
      if (!(sequence > damaged.sequence && sequence <= newestPossible)) continue;
      const record = readAt(start + at, length);
      if (wholeRecordLength(record, viewOf(record), 0, record.length) === length) return start + at;
    }
  }
  return null;
}

/** The offset after the last byte behind `from` that is not zero; `from` when there is none. */
export function endOfWritten(readAt: ReadAt, from: number, size: number): number {
  for (let end = size; end > from; ) {
    const start = Math.max(from, end - windowBytes);
    const bytes = readAt(start, end - start);
    for (let at = bytes.length; at > 0; at -= 1) if (bytes[at - 1] !== 0) return start + at;
    end = start;
  }
  return from;
}
