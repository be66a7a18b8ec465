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
