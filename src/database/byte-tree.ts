/**
 * A sorted map from bytes to bytes in memory: a B+tree whose leaves hold places in blocks of bytes, where each entry lies
 * as it was put, whole. Nothing is allocated for an entry, the keys in order are a list of numbers, and the blocks are shared
 * memory: a writing thread reads what this one goes on answering from.
 *
 *   entry = u16 key length, u32 value length (little-endian), key, value
 *   place = number of the block * overlayBlockBytes.most + where the entry begins in it
 *
 * It is filled, read and released: a leaf that loses its entries stays, and bytes of removed entries are not used again.
 *
 * A search costs what it has to fetch from far apart in memory. So a node keeps the next four bytes of each of its keys, those
 * behind what all keys of its range have in common, and looks at a key itself only where these are equal.
 */
import { Buffer } from 'node:buffer';
import { overlayBlockBytes } from '../mirror/limits.ts';
import { copyInto } from '../protocol/packed-sets.ts';
import type { Block, BlockPool } from './block-pool.ts';

const headerBytes = 6;
const nodeMax = 128;
/** Of a leaf that is full at its end, so many entries stay: keys often come in order. */
const leftWhenAppending = nodeMax - 8;
const blockBytes = overlayBlockBytes.most;
const blockBits = Math.log2(blockBytes);
const withinBlock = blockBytes - 1;
/** Place of an end that is open. */
const open = -1;
const noBlock = Buffer.alloc(0);

/** A leaf's entries, or the keys with which an inner node's children begin, in order. */
class Node {
  readonly entries = new Int32Array(nodeMax);
  /** Four bytes of each key behind the first `skip`, big-endian, filled up with zeros. */
  readonly heads = new Uint32Array(nodeMax);
  skip = 0;
  count = 0;
  /** Its keys are at or after that of the entry `low` and before that of `high`. */
  low = open;
  high = open;
}

class Leaf extends Node {
  next: Leaf | null = null;
  previous: Leaf | null = null;
}

/** Child i + 1 begins with the key of entry i; there is one child more than entries. */
class Inner extends Node {
  readonly children: (Leaf | Inner)[] = [];
}

export class ByteTree {
  readonly #pool: BlockPool;
  readonly #blocks: Block[] = [];
  #heldBytes = 0;
  /** The block that is being filled, the place where it begins, how far it is filled, and how far it may be. */
  #bytes: Block = noBlock;
  #base = -blockBytes;
  #used = 0;
  #end = 0;
  #root: Leaf | Inner = new Leaf();
  readonly #first = this.#root as Leaf;
  #last = this.#root as Leaf;
  #count = 0;
  /** Where the last entry went that was not put at the end, and whether the one before it went there too: others mostly follow. */
  #recent: Leaf | null = null;
  #isFollowed = false;
  /** Did the last search find the key itself? */
  #isEqual = false;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  /** Entries in it. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of its blocks. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** The blocks with the entries. */
  get blocks(): SharedArrayBuffer[] {
    return this.#blocks.map(({ buffer }) => buffer as unknown as SharedArrayBuffer);
  }

  /** It is not read any more, on no thread. */
  release(): void {
    for (const block of this.#blocks.splice(0)) this.#pool.give(block);
  }

  /** Like `release`, but perhaps another thread still reads it. */
  abandon(): void {
    for (const block of this.#blocks) this.#pool.abandon(block);
  }

  set(key: Uint8Array, value: Uint8Array): void {
    const length = headerBytes + key.length + value.length;
    const at = this.#begin(length, key.length, value.length);
    copyInto(this.#bytes, copyInto(this.#bytes, at, key, 0, key.length), value, 0, value.length);
    this.#add(this.#base + at - headerBytes, length);
  }

  /** The same where the key ends where the value begins. */
  setFrom(from: Uint8Array, keyAt: number, valueAt: number, end: number): void {
    const length = headerBytes + end - keyAt;
    const at = this.#begin(length, valueAt - keyAt, end - valueAt);
    copyInto(this.#bytes, at, from, keyAt, end);
    this.#add(this.#base + at - headerBytes, length);
  }

  /** Room for an entry at the end, with its lengths; where its key comes to lie in the newest block. */
  #begin(length: number, keyLength: number, valueLength: number): number {
    if (this.#used + length > this.#end) this.#makeRoom(length);
    const [bytes, at] = [this.#bytes, this.#used];
    bytes[at] = keyLength & 0xff;
    bytes[at + 1] = keyLength >>> 8;
    bytes[at + 2] = valueLength & 0xff;
    bytes[at + 3] = (valueLength >>> 8) & 0xff;
    bytes[at + 4] = (valueLength >>> 16) & 0xff;
    bytes[at + 5] = valueLength >>> 24;
    return at + headerBytes;
  }

  /** The entry that was written at the end gets its place among the others. */
  #add(entry: number, length: number): void {
    const bytes = this.#bytes;
    const keyAt = this.#used + headerBytes;
    const keyEnd = keyAt + (bytes[this.#used]! | (bytes[this.#used + 1]! << 8));
    this.#used += length;
    const last = this.#last;
    if (last.count > 0 && this.#compare(last.entries[last.count - 1]!, bytes, keyAt, keyEnd, 0) < 0) {
      this.#put(last, last.count, entry);
      return;
    }
    const leaf = this.#leafOf(bytes, keyAt, keyEnd);
    const at = this.#search(leaf, bytes, keyAt, keyEnd);
    if (!this.#isEqual) this.#put(leaf, at, entry);
    else if (this.#overwrite(leaf.entries[at]!, bytes, keyEnd)) this.#used -= length;
    else leaf.entries[at] = entry;
  }

  /** With the value that begins at `valueAt` and ends where the bytes in use do, if it is not longer. */
  #overwrite(entry: number, from: Block, valueAt: number): boolean {
    const length = this.#used - valueAt;
    if (length > this.valueLengthAt(entry)) return false;
    const [bytes, start] = [this.#blocks[entry >>> blockBits]!, entry & withinBlock];
    bytes.writeUInt32LE(length, start + 2);
    copyInto(bytes, start + headerBytes + (bytes[start]! | (bytes[start + 1]! << 8)), from, valueAt, this.#used);
    return true;
  }

  #put(leaf: Leaf, at: number, entry: number): void {
    this.#count += 1;
    if (leaf.count < nodeMax) {
      this.#insert(leaf, at, entry);
      return;
    }
    // The way down is needed once in so many entries.
    const above: Inner[] = [];
    const key = this.keyAt(entry);
    this.#descend(key, 0, key.length, above);
    const right = this.#splitLeaf(leaf, leaf === this.#last && at === nodeMax ? leftWhenAppending : nodeMax >> 1);
    if (at <= leaf.count) this.#insert(leaf, at, entry);
    else this.#insert(right, at - leaf.count, entry);
    this.#addChild(above, leaf, right);
  }

  #insert(node: Node, at: number, entry: number): void {
    const { entries, heads } = node;
    for (let index = node.count; index > at; index -= 1) {
      entries[index] = entries[index - 1]!;
      heads[index] = heads[index - 1]!;
    }
    entries[at] = entry;
    heads[at] = this.#headOf(entry, node.skip);
    node.count += 1;
  }

  #splitLeaf(leaf: Leaf, left: number): Leaf {
    const right = new Leaf();
    this.#splitNode(leaf, right, left, left);
    right.next = leaf.next;
    right.previous = leaf;
    if (leaf.next === null) this.#last = right;
    else leaf.next.previous = right;
    leaf.next = right;
    return right;
  }

  /** Entries from `from` on go to `right`, whose keys begin with that of entry `bound`. */
  #splitNode(left: Node, right: Node, bound: number, from: number): void {
    right.entries.set(left.entries.subarray(from, left.count));
    right.heads.set(left.heads.subarray(from, left.count));
    right.skip = left.skip;
    right.count = left.count - from;
    right.high = left.high;
    right.low = left.entries[bound]!;
    left.high = right.low;
    left.count = bound;
    this.#look(left);
    this.#look(right);
  }

  /** The ends of the node have changed: what its keys have in common, and their heads. */
  #look(node: Node): void {
    const { low, high, heads, entries } = node;
    let skip = 0;
    if (low !== open && high !== open) {
      const [a, b] = [this.keyAt(low), this.keyAt(high)];
      const shorter = Math.min(a.length, b.length);
      while (skip < shorter && a[skip] === b[skip]) skip += 1;
    }
    if (skip === node.skip) return;
    node.skip = skip;
    for (let index = 0; index < node.count; index += 1) heads[index] = this.#headOf(entries[index]!, skip);
  }

  #headOf(entry: number, skip: number): number {
    const bytes = this.#blocks[entry >>> blockBits]!;
    const start = entry & withinBlock;
    const at = start + headerBytes;
    return headOf(bytes, at + skip, at + (bytes[start]! | (bytes[start + 1]! << 8)));
  }

  #addChild(path: readonly Inner[], left: Leaf | Inner, right: Leaf | Inner): void {
    const above = path.at(-1);
    if (above === undefined) {
      const root = new Inner();
      root.children.push(left, right);
      this.#insert(root, 0, right.low);
      this.#root = root;
      return;
    }
    const at = above.children.indexOf(left);
    if (above.count < nodeMax) {
      this.#insert(above, at, right.low);
      above.children.splice(at + 1, 0, right);
      return;
    }
    const half = nodeMax >> 1;
    const other = new Inner();
    other.children.push(...above.children.splice(half + 1));
    this.#splitNode(above, other, half, half + 1);
    const [into, place] = at <= half ? [above, at] : [other, at - half - 1];
    this.#insert(into, place, right.low);
    into.children.splice(place + 1, 0, right);
    this.#addChild(path.slice(0, -1), above, other);
  }

  /** Like `#descend`. Several who load in order at the same time put many entries into one leaf before they go elsewhere. */
  #leafOf(bytes: Uint8Array, keyAt: number, keyEnd: number): Leaf {
    const recent = this.#recent;
    if (this.#isFollowed && recent !== null && this.#isWithin(recent, bytes, keyAt, keyEnd)) return recent;
    const leaf = this.#descend(bytes, keyAt, keyEnd);
    this.#isFollowed = leaf === recent || leaf === recent?.next;
    this.#recent = leaf;
    return leaf;
  }

  #isWithin({ low, high }: Leaf, bytes: Uint8Array, keyAt: number, keyEnd: number): boolean {
    if (high !== open && this.#compare(high, bytes, keyAt, keyEnd, 0) <= 0) return false;
    return low === open || this.#compare(low, bytes, keyAt, keyEnd, 0) <= 0;
  }

  /** The leaf in which the key is or would be that lies in `bytes` from `keyAt` to `keyEnd`. */
  #descend(bytes: Uint8Array, keyAt: number, keyEnd: number, path?: Inner[]): Leaf {
    let node = this.#root;
    while (node instanceof Inner) {
      path?.push(node);
      const at = this.#search(node, bytes, keyAt, keyEnd);
      node = node.children[this.#isEqual ? at + 1 : at]!;
    }
    return node;
  }

  /** Index of the node's first entry at or after the key, and whether it is the key itself. The key is in the node's range. */
  #search(node: Node, bytes: Uint8Array, keyAt: number, keyEnd: number): number {
    const { heads, entries, skip } = node;
    const head = headOf(bytes, keyAt + skip, keyEnd);
    let low = 0;
    let high = node.count;
    this.#isEqual = false;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = heads[middle]!;
      if (other < head) low = middle + 1;
      else if (other > head) high = middle;
      else {
        const order = this.#compare(entries[middle]!, bytes, keyAt, keyEnd, skip);
        if (order < 0) low = middle + 1;
        else {
          high = middle;
          if (order === 0) this.#isEqual = true;
        }
      }
    }
    return low;
  }

  /** Negative, zero or positive: the entry's key against this one. Their first `skip` bytes are equal. */
  #compare(entry: number, key: Uint8Array, keyAt: number, keyEnd: number, skip: number): number {
    const bytes = this.#blocks[entry >>> blockBits]!;
    const start = entry & withinBlock;
    const length = bytes[start]! | (bytes[start + 1]! << 8);
    const at = start + headerBytes;
    const shorter = Math.min(length, keyEnd - keyAt);
    for (let index = skip; index < shorter; index += 1) {
      const order = bytes[at + index]! - key[keyAt + index]!;
      if (order !== 0) return order;
    }
    return length - (keyEnd - keyAt);
  }

  /** The first block grows up to the size of the others, because most generations are small. */
  #makeRoom(length: number): void {
    const needed = this.#used + length;
    const first = this.#blocks[0];
    if (this.#blocks.length === 1 && needed <= blockBytes) {
      const larger = this.#pool.take(needed);
      larger.set(first!.subarray(0, this.#used));
      this.#pool.give(first!);
      this.#heldBytes -= first!.length;
      this.#blocks[0] = larger;
    } else {
      this.#blocks.push(this.#pool.take(first === undefined ? length : Math.max(length, blockBytes)));
      this.#base += blockBytes;
      this.#used = 0;
    }
    this.#bytes = this.#blocks.at(-1)!;
    this.#heldBytes += this.#bytes.length;
    // A longer one is for one long entry: behind it there are no places.
    this.#end = Math.min(this.#bytes.length, Math.max(length, blockBytes));
  }

  /** Place of the key's entry; -1 = it is not here. */
  find(key: Uint8Array): number {
    if (this.#count === 0) return -1;
    const leaf = this.#descend(key, 0, key.length);
    const at = this.#search(leaf, key, 0, key.length);
    return this.#isEqual ? leaf.entries[at]! : -1;
  }

  /** A view of the entry's key, good until the tree changes. */
  keyAt(entry: number): Buffer {
    const bytes = this.#blocks[entry >>> blockBits]!;
    const start = entry & withinBlock;
    const at = start + headerBytes;
    return bytes.subarray(at, at + (bytes[start]! | (bytes[start + 1]! << 8)));
  }

  /** A copy of the entry's value. */
  valueAt(entry: number): Buffer {
    const bytes = this.#blocks[entry >>> blockBits]!;
    const start = entry & withinBlock;
    const at = start + headerBytes + (bytes[start]! | (bytes[start + 1]! << 8));
    const length = bytes.readUInt32LE(start + 2);
    const value = Buffer.allocUnsafe(length);
    bytes.copy(value, 0, at, at + length);
    return value;
  }

  valueLengthAt(entry: number): number {
    return this.#blocks[entry >>> blockBits]!.readUInt32LE((entry & withinBlock) + 2);
  }

  /** Remove [from, until); the number of entries removed. */
  removeRange(from: Uint8Array, until: Uint8Array): number {
    if (this.#count === 0) return 0;
    let leaf: Leaf | null = this.#descend(from, 0, from.length);
    let at = this.#search(leaf, from, 0, from.length);
    let removed = 0;
    for (; leaf !== null; leaf = leaf.next, at = 0) {
      if (leaf.low !== open && this.#compare(leaf.low, until, 0, until.length, 0) >= 0) break;
      const isWhole = leaf.high !== open && this.#compare(leaf.high, until, 0, until.length, 0) <= 0;
      const end = isWhole ? leaf.count : this.#search(leaf, until, 0, until.length);
      if (end > at) {
        leaf.entries.copyWithin(at, end, leaf.count);
        leaf.heads.copyWithin(at, end, leaf.count);
        leaf.count -= end - at;
        removed += end - at;
      }
      if (!isWhole) break;
    }
    this.#count -= removed;
    return removed;
  }

  /** Where a walk begins: at the first key at or after `from`. */
  seek(from: Uint8Array): TreeWalk {
    const leaf = this.#descend(from, 0, from.length);
    return new TreeWalk(leaf, this.#search(leaf, from, 0, from.length), 1);
  }

  /** Backwards from the last key before `until`; from the last one of all without it. */
  seekBefore(until: Uint8Array | undefined): TreeWalk {
    if (until === undefined) return new TreeWalk(this.#last, this.#last.count - 1, -1);
    const leaf = this.#descend(until, 0, until.length);
    return new TreeWalk(leaf, this.#search(leaf, until, 0, until.length) - 1, -1);
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

/** One entry of a sealed tree, for whoever writes it elsewhere. */
export interface BlockEntry {
  /** Number of the block. */
  block: number;
  keyStart: number;
  keyEnd: number;
  valueEnd: number;
}

/** In which block key and value of the entry lie, and where; the value begins where the key ends. Fills `into`. */
export function locateEntry(blocks: readonly Uint8Array[], entry: number, into: BlockEntry): void {
  into.block = entry >>> blockBits;
  const bytes = blocks[into.block]!;
  const at = entry & withinBlock;
  into.keyStart = at + headerBytes;
  into.keyEnd = into.keyStart + (bytes[at]! | (bytes[at + 1]! << 8));
  const length = bytes[at + 2]! | (bytes[at + 3]! << 8) | (bytes[at + 4]! << 16) | (bytes[at + 5]! << 24);
  into.valueEnd = into.keyEnd + length;
}

/** Four bytes from `at` on as a number, with zeros where the end is reached. */
function headOf(bytes: Uint8Array, at: number, end: number): number {
  if (at + 4 <= end) {
    return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
  }
  let head = 0;
  for (let index = 0; index < 4; index += 1) head = (head << 8) | (at + index < end ? bytes[at + index]! : 0);
  return head >>> 0;
}
