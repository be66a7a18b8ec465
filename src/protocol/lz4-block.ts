/**
 * The LZ4 block format: fast, at the price of a lower ratio. Only blocks; the length of what a block unpacks to is told beside it.
 *
 * A block is a row of sequences: a token (upper four bits the number of literals, lower four the length of the match less 4; 15
 * means that bytes follow which add to it, up to the first that is not 255), the literals, and two bytes that say how
 * far back the match lies. The last sequence has literals only. Source: lz4_Block_format.md of the LZ4 project.
 */
import { Buffer } from 'node:buffer';

const MATCH_MIN = 4;
/** The last match begins at least so far from the end, and the last bytes are always literals. */
const MATCH_FROM_END = 12;
const LAST_LITERALS = 5;
const DISTANCE_MAX = 65_535;
const LONG = 15;

const HASH_BITS = 14;
/** Where four bytes of a hash were seen last, counted from 1; 0 = nowhere. Filled anew for each block. */
const seen = new Int32Array(1 << HASH_BITS);
/** After so many misses (as a power of two) the search goes on in larger steps: what does not repeat costs little. */
const SKIP_BITS = 6;

/** Bytes a block of so many bytes takes at most. */
export function lz4BytesMax(length: number): number {
  return length + Math.ceil(length / 255) + 16;
}

export function packLz4(from: Uint8Array): Buffer {
  const into = Buffer.allocUnsafe(lz4BytesMax(from.length));
  seen.fill(0);
  const matchLimit = from.length - MATCH_FROM_END;
  const matchEnd = from.length - LAST_LITERALS;
  let anchor = 0;
  let to = 0;
  let misses = 1 << SKIP_BITS;
  for (let at = 0; at <= matchLimit; ) {
    const four = word(from, at);
    const hash = Math.imul(four, 0x9e3779b1) >>> (32 - HASH_BITS);
    const match = seen[hash]! - 1;
    seen[hash] = at + 1;
    if (match < 0 || at - match > DISTANCE_MAX || word(from, match) !== four) {
      at += misses >> SKIP_BITS;
      misses += 1;
      continue;
    }
    misses = 1 << SKIP_BITS;
    let end = at + MATCH_MIN;
    for (let back = match + MATCH_MIN; end < matchEnd && from[end] === from[back]; end += 1) back += 1;
    to = putSequence(into, to, from, anchor, at, end - at, at - match);
    anchor = end;
    at = end;
  }
  return into.subarray(0, putSequence(into, to, from, anchor, from.length, 0, 0));
}

/**
 * What `from` unpacks to, which must be `length` bytes. Nothing outside of both is read or written, whatever the bytes are.
 * @throws RangeError when they are no LZ4 block of that length.
 */
export function unpackLz4(from: Uint8Array, length: number): Buffer {
  const into = Buffer.allocUnsafe(length);
  let at = 0;
  let to = 0;
  const longer = (count: number): number => {
    let sum = count;
    for (let more = 255; more === 255; at += 1) {
      more = at < from.length ? from[at]! : damaged('it ends in a length');
      sum += more;
    }
    return sum;
  };
  for (;;) {
    const token = at < from.length ? from[at]! : damaged('it ends where a token should be');
    at += 1;
    const literals = token >> 4 === LONG ? longer(LONG) : token >> 4;
    if (literals > from.length - at || literals > length - to) damaged('its literals do not fit');
    copyLiterals(into, to, from, at, literals);
    at += literals;
    to += literals;
    if (at === from.length) break;
    if (from.length - at < 2) damaged('it ends in a distance');
    const distance = from[at]! | (from[at + 1]! << 8);
    at += 2;
    if (distance === 0 || distance > to) damaged('it refers to what is not there');
    const match = ((token & LONG) === LONG ? longer(LONG) : token & LONG) + MATCH_MIN;
    if (match > length - to) damaged('it is longer than announced');
    copyMatch(into, to, distance, match);
    to += match;
  }
  return to === length ? into : damaged('it is shorter than announced');
}

function damaged(why: string): never {
  throw new RangeError(`the LZ4 block is damaged: ${why}`);
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Literals `anchor..at` and a match behind them; a match of length 0 is the end of the block. Returns the offset after it. */
function putSequence(
  into: Buffer,
  start: number,
  from: Uint8Array,
  anchor: number,
  at: number,
  match: number,
  distance: number,
): number {
  const literals = at - anchor;
  const matched = match === 0 ? 0 : match - MATCH_MIN;
  let to = start + 1;
  into[start] = (Math.min(literals, LONG) << 4) | Math.min(matched, LONG);
  if (literals >= LONG) to = putLength(into, to, literals - LONG);
  copyLiterals(into, to, from, anchor, literals);
  to += literals;
  if (match === 0) return to;
  into[to] = distance & 0xff;
  into[to + 1] = distance >> 8;
  return matched >= LONG ? putLength(into, to + 2, matched - LONG) : to + 2;
}

function putLength(into: Buffer, start: number, length: number): number {
  let to = start;
  let rest = length;
  for (; rest >= 255; rest -= 255) into[to++] = 255;
  into[to++] = rest;
  return to;
}

/** Above this a native copy is cheaper than a loop. */
const LOOP_COPY_MAX = 48;

function copyLiterals(into: Buffer, to: number, from: Uint8Array, at: number, count: number): void {
  if (count > LOOP_COPY_MAX) into.set(from.subarray(at, at + count), to);
  else for (let index = 0; index < count; index += 1) into[to + index] = from[at + index]!;
}

/** A match may reach into itself: then it repeats what it has just written. */
function copyMatch(into: Buffer, to: number, distance: number, count: number): void {
  if (count > LOOP_COPY_MAX && distance >= count) into.copyWithin(to, to - distance, to - distance + count);
  else for (let index = to; index < to + count; index += 1) into[index] = into[index - distance]!;
}
