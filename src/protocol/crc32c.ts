/**
 * CRC-32C (Castagnoli), the checksum of frames and of journal records. Finds torn writes and flipped bits; it is no
 * protection against somebody who wants to deceive.
 *
 * Eight bytes a step with eight tables ("slicing by 8"): records are about fifty bytes, too short for the call into a
 * native module to pay.
 */

const POLYNOMIAL_REFLECTED = 0x82f63b78;

/** Eight tables of 256 entries in a row: table k advances the checksum of a byte by k further zero bytes. */
const tables = makeTables();

function makeTables(): Int32Array {
  const all = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = (value & 1) === 1 ? (value >>> 1) ^ POLYNOMIAL_REFLECTED : value >>> 1;
    all[byte] = value;
  }
  for (let index = 256; index < all.length; index += 1) {
    const before = all[index - 256]!;
    all[index] = (before >>> 8) ^ all[before & 0xff]!;
  }
  return all;
}

/**
 * Checksum of bytes[start, end), unsigned. `seed` is the checksum of the bytes before, so that
 * crc32c(b, 0, 9) === crc32c(b, 4, 9, crc32c(b, 0, 4)).
 */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  const t = tables;
  let crc = ~seed;
  let at = start;
  for (const lastStep = end - 8; at <= lastStep; at += 8) {
    crc =
      t[1792 + ((crc ^ bytes[at]!) & 0xff)]! ^
      t[1536 + (((crc >>> 8) ^ bytes[at + 1]!) & 0xff)]! ^
      t[1280 + (((crc >>> 16) ^ bytes[at + 2]!) & 0xff)]! ^
      t[1024 + ((crc >>> 24) ^ bytes[at + 3]!)]! ^
      t[768 + bytes[at + 4]!]! ^
      t[512 + bytes[at + 5]!]! ^
      t[256 + bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!;
  }
  for (; at < end; at += 1) crc = (crc >>> 8) ^ t[(crc ^ bytes[at]!) & 0xff]!;
  return ~crc >>> 0;
}

/** Copies from[begin, end) to `at` and gives its checksum, as crc32c would: each byte is looked at once. */
export function copyWithCrc32c(
  into: Uint8Array,
  at: number,
  from: Uint8Array,
  begin: number,
  end: number,
  seed: number,
): number {
  const t = tables;
  let crc = ~seed;
  let to = at;
  let next = begin;
  for (const lastStep = end - 8; next <= lastStep; next += 8, to += 8) {
    const b0 = from[next]!;
    const b1 = from[next + 1]!;
    const b2 = from[next + 2]!;
    const b3 = from[next + 3]!;
    const b4 = from[next + 4]!;
    const b5 = from[next + 5]!;
    const b6 = from[next + 6]!;
    const b7 = from[next + 7]!;
    into[to] = b0;
    into[to + 1] = b1;
    into[to + 2] = b2;
    into[to + 3] = b3;
    into[to + 4] = b4;
    into[to + 5] = b5;
    into[to + 6] = b6;
    into[to + 7] = b7;
    crc =
      t[1792 + ((crc ^ b0) & 0xff)]! ^
      t[1536 + (((crc >>> 8) ^ b1) & 0xff)]! ^
      t[1280 + (((crc >>> 16) ^ b2) & 0xff)]! ^
      t[1024 + ((crc >>> 24) ^ b3)]! ^
      t[768 + b4]! ^
      t[512 + b5]! ^
      t[256 + b6]! ^
      t[b7]!;
  }
  for (; next < end; next += 1, to += 1) {
    const byte = from[next]!;
    into[to] = byte;
    crc = (crc >>> 8) ^ t[(crc ^ byte) & 0xff]!;
  }
  return ~crc >>> 0;
}
