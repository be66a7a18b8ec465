/**
 * A sorted map from bytes to bytes in memory: a B+tree whose leaves hold places in one block of bytes, where each entry lies
 * as it was put. Nothing is allocated for an entry, the keys in order are a list of numbers, and the block is shared memory:
 * a writing thread reads what this one goes on answering from.
 *
 *   entry = u16 key length, u32 value length (little-endian), key, value
 *
 * It is filled, read and thrown away: a leaf that loses its entries stays, and bytes of removed entries are not used again.
 * While it is searched, the bytes that both ends of the search have in common with the key are not compared again.
 */
import { Buffer } from 'node:buffer';

const headerBytes = 6;
const leafMax = 128;
const innerMax = 128;
/** Of a leaf that is full at its end, so many entries stay: keys often come in order. */
const leftWhenAppending = leafMax - 8;
const blockBytesFirst = 64 * 1024;

class Leaf {
  readonly entries = new Int32Array(leafMax);
  count = 0;
  next: Leaf | null = null;
  previous: Leaf | null = null;
}

/** Child i + 1 begins with the key of entry `bounds[i]`. */
class Inner {
  readonly bounds = new Int32Array(innerMax);
  readonly children: (Leaf | Inner)[] = [];
  /** Number of bounds; there is one child more. */
  count = 0;
}

export class ByteTree {
  #bytes: Buffer = Buffer.from(new SharedArrayBuffer(blockBytesFirst));
  #used = 0;
  #root: Leaf | Inner = new Leaf();
  #first = this.#root as Leaf;
  #last = this.#root as Leaf;
  #count = 0;
  /** How many bytes the key searched for has in common with the lower and the upper end of the search. */
  #lowMatch = 0;
  #highMatch = 0;
  #isEqual = false;

  /** Entries in it. */
  get count(): number {
    return this.#count;
  }

  /** Bytes that its entries take, those removed and overwritten included. */
  get usedBytes(): number {
    return this.#used;
  }

  /** The block with the entries. */
  get block(): SharedArrayBuffer {
    return this.#bytes.buffer as unknown as SharedArrayBuffer;
  }

  set(key: Uint8Array, value: Uint8Array): void {
    const last = this.#last;
    if (last.count > 0) {
      this.#lowMatch = 0;
      this.#highMatch = 0;
      if (this.#search(last.entries, last.count - 1, last.count, key) === last.count && !this.#isEqual) {
        this.#put(last, last.count, key, value);
        return;
      }
    }
    const path: Inner[] = [];
    const leaf = this.#descend(key, path);
    const at = this.#search(leaf.entries, 0, leaf.count, key);
    if (this.#isEqual) this.#overwrite(leaf, at, key, value);
    else this.#put(leaf, at, key, value, path);
  }

  #overwrite(leaf: Leaf, at: number, key: Uint8Array, value: Uint8Array): void {
    const entry = leaf.entries[at]!;
    if (value.length > this.valueLengthAt(entry)) {
      leaf.entries[at] = this.#append(key, value);
      return;
    }
    this.#bytes.writeUInt32LE(value.length, entry + 2);
    this.#bytes.set(value, entry + headerBytes + key.length);
  }

  #put(leaf: Leaf, at: number, key: Uint8Array, value: Uint8Array, path?: readonly Inner[]): void {
    const entry = this.#append(key, value);
    this.#count += 1;
    if (leaf.count < leafMax) {
      insertNumber(leaf.entries, leaf.count, at, entry);
      leaf.count += 1;
      return;
    }
    // Appending does not know its way down; it is needed once in so many entries.
    let above = path;
    if (above === undefined) {
      const found: Inner[] = [];
      this.#descend(key, found);
      above = found;
    }
    const right = this.#split(leaf, leaf === this.#last && at === leafMax ? leftWhenAppending : leafMax >> 1);
    if (at <= leaf.count) {
      insertNumber(leaf.entries, leaf.count, at, entry);
      leaf.count += 1;
    } else {
      insertNumber(right.entries, right.count, at - leaf.count, entry);
      right.count += 1;
    }
    this.#addChild(above, leaf, right.entries[0]!, right);
  }

  #split(leaf: Leaf, left: number): Leaf {
    const right = new Leaf();
    right.entries.set(leaf.entries.subarray(left, leaf.count));
    right.count = leaf.count - left;
    leaf.count = left;
    right.next = leaf.next;
    right.previous = leaf;
    if (leaf.next === null) this.#last = right;
    else leaf.next.previous = right;
    leaf.next = right;
    return right;
  }

  #addChild(path: readonly Inner[], left: Leaf | Inner, bound: number, right: Leaf | Inner): void {
    const above = path.at(-1);
    if (above === undefined) {
      const root = new Inner();
      root.bounds[0] = bound;
      root.count = 1;
      root.children.push(left, right);
      this.#root = root;
      return;
    }
    const at = above.children.indexOf(left);
    if (above.count < innerMax) {
      insertNumber(above.bounds, above.count, at, bound);
      above.children.splice(at + 1, 0, right);
      above.count += 1;
      return;
    }
    const half = innerMax >> 1;
    const other = new Inner();
    const middle = above.bounds[half]!;
    other.bounds.set(above.bounds.subarray(half + 1));
    other.count = innerMax - half - 1;
    other.children.push(...above.children.splice(half + 1));
    above.count = half;
    const goesLeft = at <= half;
    const into = goesLeft ? above : other;
    const place = goesLeft ? at : at - half - 1;
    insertNumber(into.bounds, into.count, place, bound);
    into.children.splice(place + 1, 0, right);
    into.count += 1;
    this.#addChild(path.slice(0, -1), above, middle, other);
  }

  /** The leaf in which the key is or would be. */
  #descend(key: Uint8Array, path?: Inner[]): Leaf {
    this.#lowMatch = 0;
    this.#highMatch = 0;
    let node = this.#root;
    while (node instanceof Inner) {
      path?.push(node);
      const at = this.#search(node.bounds, 0, node.count, key);
      node = node.children[this.#isEqual ? at + 1 : at]!;
    }
    return node;
  }

  /** Index of the first of the entries [low, high) at or after the key, and whether it is the key itself. */
  #search(entries: Int32Array, begin: number, end: number, key: Uint8Array): number {
    const bytes = this.#bytes;
    const keyLength = key.length;
    let low = begin;
    let high = end;
    let lowMatch = this.#lowMatch;
    let highMatch = this.#highMatch;
    this.#isEqual = false;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const entry = entries[middle]!;
      const length = bytes[entry]! | (bytes[entry + 1]! << 8);
      const at = entry + headerBytes;
      const shorter = Math.min(length, keyLength);
      let match = Math.min(lowMatch, highMatch);
      while (match < shorter && bytes[at + match] === key[match]) match += 1;
      if (match === shorter ? length < keyLength : bytes[at + match]! < key[match]!) {
        low = middle + 1;
        lowMatch = match;
      } else {
        if (match === length && length === keyLength) {
          // Below a bound that is the key itself, the upper end is still the next bound.
          this.#isEqual = true;
          low = middle;
          lowMatch = match;
          break;
        }
        high = middle;
        highMatch = match;
      }
    }
    this.#lowMatch = lowMatch;
    this.#highMatch = highMatch;
    return low;
  }

  #append(key: Uint8Array, value: Uint8Array): number {
    const entry = this.#used;
    const end = entry + headerBytes + key.length + value.length;
    if (end > this.#bytes.length) this.#grow(end);
    const bytes = this.#bytes;
    bytes[entry] = key.length & 0xff;
    bytes[entry + 1] = key.length >>> 8;
    bytes[entry + 2] = value.length & 0xff;
    bytes[entry + 3] = (value.length >>> 8) & 0xff;
    bytes[entry + 4] = (value.length >>> 16) & 0xff;
    bytes[entry + 5] = value.length >>> 24;
    bytes.set(key, entry + headerBytes);
    bytes.set(value, entry + headerBytes + key.length);
    this.#used = end;
    return entry;
  }

  #grow(needed: number): void {
    let length = this.#bytes.length;
    while (length < needed) length *= 2;
    const larger = Buffer.from(new SharedArrayBuffer(length));
    larger.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = larger;
  }

  /** Place of the key's entry; -1 = it is not here. */
  find(key: Uint8Array): number {
    if (this.#count === 0) return -1;
    const leaf = this.#descend(key);
    const at = this.#search(leaf.entries, 0, leaf.count, key);
    return this.#isEqual ? leaf.entries[at]! : -1;
  }

  /** A view of the entry's key, good until the tree changes. */
  keyAt(entry: number): Buffer {
    const at = entry + headerBytes;
    return this.#bytes.subarray(at, at + (this.#bytes[entry]! | (this.#bytes[entry + 1]! << 8)));
  }

  /** A copy of the entry's value. */
  valueAt(entry: number): Buffer {
    const at = entry + headerBytes + (this.#bytes[entry]! | (this.#bytes[entry + 1]! << 8));
    const length = this.valueLengthAt(entry);
    const value = Buffer.allocUnsafe(length);
    this.#bytes.copy(value, 0, at, at + length);
    return value;
  }

  valueLengthAt(entry: number): number {
    return this.#bytes.readUInt32LE(entry + 2);
  }

  /** Remove [from, until); the number of entries removed. */
  removeRange(from: Uint8Array, until: Uint8Array): number {
    if (this.#count === 0) return 0;
    let leaf: Leaf | null = this.#descend(from);
    let at = this.#search(leaf.entries, 0, leaf.count, from);
    let removed = 0;
    for (; leaf !== null; leaf = leaf.next, at = 0) {
      this.#lowMatch = 0;
      this.#highMatch = 0;
      const end = this.#search(leaf.entries, at, leaf.count, until);
      const isLast = end < leaf.count;
      if (end > at) {
        leaf.entries.copyWithin(at, end, leaf.count);
        leaf.count -= end - at;
        removed += end - at;
      }
      if (isLast) break;
    }
    this.#count -= removed;
    return removed;
  }

  /** Where a walk begins: at the first key at or after `from`. */
  seek(from: Uint8Array): TreeWalk {
    const leaf = this.#descend(from);
    return new TreeWalk(leaf, this.#search(leaf.entries, 0, leaf.count, from), 1);
  }

  /** Backwards from the last key before `until`; from the last one of all without it. */
  seekBefore(until: Uint8Array | undefined): TreeWalk {
    if (until === undefined) return new TreeWalk(this.#last, this.#last.count - 1, -1);
    const leaf = this.#descend(until);
    return new TreeWalk(leaf, this.#search(leaf.entries, 0, leaf.count, until) - 1, -1);
  }

  /** Places of all entries, in the order of their keys. */
  inOrder(): Int32Array {
    const all = new Int32Array(this.#count);
    let at = 0;
    for (let leaf: Leaf | null = this.#first; leaf !== null; leaf = leaf.next) {
      all.set(leaf.entries.subarray(0, leaf.count), at);
      at += leaf.count;
    }
    return all;
  }
}

/** A walk over places of entries in one direction; good until the tree changes. */
export class TreeWalk {
  #leaf: Leaf | null;
  #at: number;
  readonly #step: 1 | -1;

  constructor(leaf: Leaf, at: number, step: 1 | -1) {
    this.#leaf = leaf;
    this.#at = at;
    this.#step = step;
    this.#overEnds();
  }

  /** Place of the entry here; -1 at the end. */
  get entry(): number {
    return this.#leaf === null ? -1 : this.#leaf.entries[this.#at]!;
  }

  advance(): void {
    this.#at += this.#step;
    this.#overEnds();
  }

  #overEnds(): void {
    while (this.#leaf !== null && (this.#at < 0 || this.#at >= this.#leaf.count)) {
      this.#leaf = this.#step === 1 ? this.#leaf.next : this.#leaf.previous;
      if (this.#leaf !== null) this.#at = this.#step === 1 ? 0 : this.#leaf.count - 1;
    }
  }
}

/** One entry of a sealed tree's block, for whoever writes it elsewhere. */
export interface BlockEntry {
  keyStart: number;
  keyEnd: number;
  valueEnd: number;
}

/** Where key and value of the entry lie; the value begins where the key ends. Fills `into`. */
export function locateEntry(block: Uint8Array, entry: number, into: BlockEntry): void {
  into.keyStart = entry + headerBytes;
  into.keyEnd = into.keyStart + (block[entry]! | (block[entry + 1]! << 8));
  const length = block[entry + 2]! | (block[entry + 3]! << 8) | (block[entry + 4]! << 16) | (block[entry + 5]! << 24);
  into.valueEnd = into.keyEnd + length;
}

function insertNumber(numbers: Int32Array, count: number, at: number, number: number): void {
  for (let index = count; index > at; index -= 1) numbers[index] = numbers[index - 1]!;
  numbers[at] = number;
}
