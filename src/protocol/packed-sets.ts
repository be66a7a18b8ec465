/**
 * Many SETs in one message, as they lie in its body: u16 key length, u32 value length, key, value, one after the other. An
 * application that streams sends thousands at a time: none of them is an object here, and key and value stand together so
 * that the journal takes them over in one copy.
 */
import { Buffer } from 'node:buffer';
import { ClientMessageError } from './session-messages.ts';

/** Lengths before each key. */
export const packedHeadBytes = 6;
/** Sets in one message at most: what is refused is refused one by one. */
export const packedSetsMax = 4096;
/** Above this a native copy is cheaper than a loop. */
const loopCopyMax = 128;

export interface KeyAndValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export class PackedSets {
  readonly bytes: Buffer;
  /** The first one begins here, the last one ends at `end`. */
  readonly begin: number;
  readonly end: number;
  readonly count: number;

  /** As they were packed: nothing is looked at. */
  constructor(bytes: Buffer, begin: number, end: number, count: number) {
    this.bytes = bytes;
    this.begin = begin;
    this.end = end;
    this.count = count;
  }

  /** What stands in `bytes` from `begin` on; it is not copied. `number` is the request's. @throws ClientMessageError */
  static read(bytes: Buffer, begin: number, number: number): PackedSets {
    let count = 0;
    let at = begin;
    for (; at < bytes.length; count += 1) {
      if (bytes.length - at < packedHeadBytes) throw new ClientMessageError('sets end inside a length', number);
      at = packedEnd(bytes, at);
      if (at > bytes.length) throw new ClientMessageError('sets end inside a key or a value', number);
    }
    if (count === 0 || count > packedSetsMax) {
      throw new ClientMessageError(`a message has 1 to ${packedSetsMax} sets, not ${count}`, number);
    }
    return new PackedSets(bytes, begin, bytes.length, count);
  }

  /** Keys and values without their lengths. */
  get dataBytes(): number {
    return this.end - this.begin - this.count * packedHeadBytes;
  }

  /** Does it hold for all? `keyAt` to `valueAt` is the key, and the value goes on to `end`. */
  every(holds: (bytes: Buffer, keyAt: number, valueAt: number, end: number) => boolean): boolean {
    const { bytes } = this;
    for (let at = this.begin; at < this.end; ) {
      const end = packedEnd(bytes, at);
      const keyAt = at + packedHeadBytes;
      if (!holds(bytes, keyAt, keyAt + packedKeyBytes(bytes, at), end)) return false;
      at = end;
    }
    return true;
  }

  /** One by one; key and value are views of the message's body. */
  *[Symbol.iterator](): Generator<KeyAndValue, void, undefined> {
    const { bytes } = this;
    for (let at = this.begin; at < this.end; ) {
      const end = packedEnd(bytes, at);
      const keyAt = at + packedHeadBytes;
      const valueAt = keyAt + packedKeyBytes(bytes, at);
      yield { key: bytes.subarray(keyAt, valueAt), value: bytes.subarray(valueAt, end) };
      at = end;
    }
  }
}

/** Sets that come one by one are packed as they come. Keys have at most 65,535 bytes. */
export class SetPacker {
  #bytes: Buffer;
  #begin = 0;
  #end = 0;
  #count = 0;

  /** `bytesExpected`: what they will take, perhaps. */
  constructor(bytesExpected: number) {
    this.#bytes = Buffer.allocUnsafe(bytesExpected);
  }

  get count(): number {
    return this.#count;
  }

  /** What they take so far. */
  get length(): number {
    return this.#end - this.#begin;
  }

  get packed(): PackedSets {
    return new PackedSets(this.#bytes, this.#begin, this.#end, this.#count);
  }

  add(key: Uint8Array, value: Uint8Array): void {
    const end = this.#end + packedHeadBytes + key.length + value.length;
    if (end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(end, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#end);
      this.#bytes = larger;
    }
    packSet(this.#bytes, this.#end, key, value);
    this.#end = end;
    this.#count += 1;
  }

  /** Without so many of the first ones. */
  drop(count: number): void {
    for (let index = 0; index < count; index += 1) this.#begin = packedEnd(this.#bytes, this.#begin);
    this.#count -= count;
  }
}

export function packedKeyBytes(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8);
}

/** Where the set that begins at `at` ends. */
export function packedEnd(bytes: Uint8Array, at: number): number {
  // A length is up to 2^32: no bitwise operation on its highest byte.
  const valueBytes = (bytes[at + 2]! | (bytes[at + 3]! << 8) | (bytes[at + 4]! << 16)) + bytes[at + 5]! * 0x1000000;
  return at + packedHeadBytes + packedKeyBytes(bytes, at) + valueBytes;
}

/** Bytes that sets take when they are packed. */
export function packedBytes(sets: readonly KeyAndValue[]): number {
  let total = 0;
  for (const { key, value } of sets) total += packedHeadBytes + key.length + value.length;
  return total;
}

/** Pack sets into `bytes` at `at`, where there is room. Keys have at most 65,535 bytes. */
export function packSets(bytes: Buffer, at: number, sets: readonly KeyAndValue[]): void {
  let to = at;
  for (const { key, value } of sets) to = packSet(bytes, to, key, value);
}

/** Returns the offset behind it. */
function packSet(bytes: Buffer, at: number, key: Uint8Array, value: Uint8Array): number {
  bytes[at] = key.length & 0xff;
  bytes[at + 1] = key.length >>> 8;
  bytes.writeUInt32LE(value.length, at + 2);
  const valueAt = copyInto(bytes, at + packedHeadBytes, key, 0, key.length);
  return copyInto(bytes, valueAt, value, 0, value.length);
}

/** Copy from[begin, end) to `at`; returns the offset behind it. */
export function copyInto(bytes: Uint8Array, at: number, from: Uint8Array, begin: number, end: number): number {
  const length = end - begin;
  if (length > loopCopyMax) bytes.set(begin === 0 && end === from.length ? from : from.subarray(begin, end), at);
  else for (let index = 0; index < length; index += 1) bytes[at + index] = from[begin + index]!;
  return at + length;
}
