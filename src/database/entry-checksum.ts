/**
 * The checksum that each stored value carries, and the running sum over a database's content that is made of these.
 *
 *   stored value = value, then CRC-32C over key and value (u32 little-endian)
 *
 * The checksum covers the key too, so a value that is found under another key than its own is recognised. The content sum
 * adds up one 64-bit term for each entry, modulo 2^64: the order of the entries does not matter, and an entry that is
 * overwritten or killed is subtracted again. A term holds 32 bits of the entry's content: two databases that differ in one
 * entry have the same sum once in four thousand million cases.
 */
import { Buffer } from 'node:buffer';
import { crc32c } from '../protocol/crc32c.ts';

export const checksumBytes = 4;

/** Value with its checksum behind it. */
export function withChecksum(key: Uint8Array, value: Uint8Array): Buffer {
  const stored = Buffer.allocUnsafe(value.length + checksumBytes);
  stored.set(value);
  stored.writeUInt32LE(crc32c(value, 0, value.length, crc32c(key)), value.length);
  return stored;
}

/** Is what was read under this key what was stored under it? `length` = bytes of `stored` that count. */
export function isIntact(key: Uint8Array, stored: Uint8Array, length = stored.length): boolean {
  const end = length - checksumBytes;
  return end >= 0 && crc32c(stored, 0, end, crc32c(key)) === checksumOf(stored, length);
}

/** The checksum that stands behind a stored value. */
export function checksumOf(stored: Uint8Array, length = stored.length): number {
  const at = length - checksumBytes;
  return (stored[at]! | (stored[at + 1]! << 8) | (stored[at + 2]! << 16) | (stored[at + 3]! << 24)) >>> 0;
}

const sumBytes = 16;

/** Mutable; one holder. */
export class RunningSum {
  #high = 0;
  #low = 0;
  #keys = 0;

  /** Number of entries. */
  get keys(): number {
    return this.#keys;
  }

  /** 16 hex digits. */
  get hex(): string {
    return this.#high.toString(16).padStart(8, '0') + this.#low.toString(16).padStart(8, '0');
  }

  /** `checksum` = of the entry, u32; lengths in bytes, the value without its checksum. */
  add(checksum: number, keyLength: number, valueLength: number): void {
    const low = this.#low + lowTerm(checksum, valueLength);
    this.#low = low >>> 0;
    this.#high = (this.#high + highTerm(checksum, keyLength) + (low > 0xffff_ffff ? 1 : 0)) >>> 0;
    this.#keys += 1;
  }

  subtract(checksum: number, keyLength: number, valueLength: number): void {
    const low = this.#low - lowTerm(checksum, valueLength);
    this.#low = low >>> 0;
    this.#high = (this.#high - highTerm(checksum, keyLength) - (low < 0 ? 1 : 0)) >>> 0;
    this.#keys -= 1;
  }

  equals(other: RunningSum): boolean {
    return this.#high === other.#high && this.#low === other.#low && this.#keys === other.#keys;
  }

  /** sum u64, number of keys as a double; big-endian. */
  encode(): Buffer {
    const bytes = Buffer.allocUnsafe(sumBytes);
    bytes.writeUInt32BE(this.#high, 0);
    bytes.writeUInt32BE(this.#low, 4);
    bytes.writeDoubleBE(this.#keys, 8);
    return bytes;
  }

  static decode(bytes: Uint8Array): RunningSum {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (buffer.length !== sumBytes) throw new Error(`a content sum of ${buffer.length} bytes`);
    const sum = new RunningSum();
    sum.#high = buffer.readUInt32BE(0);
    sum.#low = buffer.readUInt32BE(4);
    sum.#keys = buffer.readDoubleBE(8);
    return sum;
  }
}

function lowTerm(checksum: number, valueLength: number): number {
  return scatter(checksum ^ Math.imul(valueLength, 0x9e3779b1));
}

function highTerm(checksum: number, keyLength: number): number {
  return scatter((checksum + Math.imul(keyLength, 0x85ebca6b)) ^ 0x2545f491);
}

/** Every bit of the result depends on every bit given (the last step of MurmurHash3); unsigned. */
function scatter(bits: number): number {
  let mixed = bits ^ (bits >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
