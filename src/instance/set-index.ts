/**
 * The newest value of a key among sets as they came in messages: they stay where they lie, and none becomes an object. A table of
 * places, found by a hash of the key. In the order that they are noted, and without an order of keys (ordered-updates.ts has one).
 */
import { randomInt } from 'node:crypto';
import type { JournalRecord, JournalSets } from '../journal/journal.ts';
import { packedEnd, packedHeadBytes, packedKeyBytes } from '../protocol/packed-sets.ts';

const slotsLeast = 64;
/** Nobody who does not know it can make keys that all meet in one slot. */
const seed = randomInt(0x7fffffff);

export class SetIndex {
  readonly #noted: (JournalRecord | JournalSets)[] = [];
  /** Number of the place + 1 by the hash of its key; 0 = empty. A power of two of them, half of which stay empty. */
  #slots = new Int32Array(slotsLeast);
  /** Of each place: in which of the noted it lies, where there (of a lone set 0), and the hash of its key. */
  #of = new Int32Array(slotsLeast / 2);
  #at = new Int32Array(slotsLeast / 2);
  #hashes = new Int32Array(slotsLeast / 2);
  #count = 0;

  /** A set, or all sets of a message. Their bytes must stay as they are. */
  add(update: JournalRecord | JournalSets): void {
    const number = this.#noted.push(update) - 1;
    if (update.kind !== 'sets') {
      this.#put(update.key, 0, update.key.length, number, 0);
      return;
    }
    const { bytes, begin, end } = update.sets;
    for (let at = begin; at < end; at = packedEnd(bytes, at)) {
      const keyAt = at + packedHeadBytes;
      this.#put(bytes, keyAt, keyAt + packedKeyBytes(bytes, at), number, at);
    }
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const slot = this.#find(key, 0, key.length, hashOf(key, 0, key.length));
    const place = this.#slots[slot]! - 1;
    if (place < 0) return undefined;
    const noted = this.#noted[this.#of[place]!]!;
    if (noted.kind !== 'sets') return noted.value;
    const { bytes } = noted.sets;
    const at = this.#at[place]!;
    return bytes.subarray(at + packedHeadBytes + packedKeyBytes(bytes, at), packedEnd(bytes, at));
  }

  /** Everything, one by one, as it was noted. */
  *sets(): Generator<{ readonly key: Uint8Array; readonly value: Uint8Array }, void, undefined> {
    for (const update of this.#noted) {
      if (update.kind === 'sets') yield* update.sets;
      else yield update;
    }
  }

  #put(bytes: Uint8Array, begin: number, end: number, number: number, at: number): void {
    const hash = hashOf(bytes, begin, end);
    const slot = this.#find(bytes, begin, end, hash);
    let place = this.#slots[slot]! - 1;
    if (place < 0) {
      if (this.#count === this.#of.length) {
        this.#grow();
        this.#put(bytes, begin, end, number, at);
        return;
      }
      place = this.#count;
      this.#count += 1;
      this.#slots[slot] = place + 1;
      this.#hashes[place] = hash;
    }
    this.#of[place] = number;
    this.#at[place] = at;
  }

  /** The slot of the key, or the empty one that it would get. */
  #find(bytes: Uint8Array, begin: number, end: number, hash: number): number {
    const last = this.#slots.length - 1;
    for (let slot = hash & last; ; slot = (slot + 1) & last) {
      const place = this.#slots[slot]! - 1;
      if (place < 0 || (this.#hashes[place] === hash && this.#isAt(place, bytes, begin, end))) return slot;
    }
  }

  /** Does the key at this place have these bytes? */
  #isAt(place: number, bytes: Uint8Array, begin: number, end: number): boolean {
    const noted = this.#noted[this.#of[place]!]!;
    const at = this.#at[place]!;
    const isPacked = noted.kind === 'sets';
    const other = isPacked ? noted.sets.bytes : noted.key;
    const keyAt = isPacked ? at + packedHeadBytes : 0;
    if ((isPacked ? packedKeyBytes(other, at) : other.length) !== end - begin) return false;
    for (let index = 0; index < end - begin; index += 1) {
      if (other[keyAt + index] !== bytes[begin + index]) return false;
    }
    return true;
  }

  #grow(): void {
    const places = 2 * this.#of.length;
    this.#of = longer(this.#of, places);
    this.#at = longer(this.#at, places);
    this.#hashes = longer(this.#hashes, places);
    this.#slots = new Int32Array(2 * places);
    const last = this.#slots.length - 1;
    for (let place = 0; place < this.#count; place += 1) {
      let slot = this.#hashes[place]! & last;
      while (this.#slots[slot] !== 0) slot = (slot + 1) & last;
      this.#slots[slot] = place + 1;
    }
  }
}

function longer(numbers: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const all = new Int32Array(length);
  all.set(numbers);
  return all;
}

/** FNV-1a, its upper bits mixed into the lower ones. */
function hashOf(bytes: Uint8Array, begin: number, end: number): number {
  let hash = seed;
  for (let at = begin; at < end; at += 1) hash = Math.imul(hash ^ bytes[at]!, 16777619);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 12);
}
