/**
 * The two trees of a database's LMDB environment and what their bytes mean. "globals" holds each value with its checksum
 * (entry-checksum.ts); "mirror" holds what must change in one transaction with the data:
 *
 *   format 1 byte | attribute JSON | applied position 4 doubles | sum of the content | maximum size in bytes, a double
 *
 * The thread that writes and the one that reads each have an object of their own on the same environment. Not here: when
 * anything is written, and what readers see of it before.
 */
import { Buffer } from 'node:buffer';
import { open as openEnvironment, type RootDatabase, type Transaction, type Database as Tree } from 'lmdb';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { decodeKey, GlobalKeyError, subtreeEnd, WHOLE_DATABASE } from '../protocol/global-key.ts';
import { printReference } from '../protocol/global-reference.ts';
import { DatabaseDamagedError, type KeyRange, type MirrorAttribute } from './databases.ts';
import { checksumBytes, checksumOf, isIntact, RunningSum } from './entry-checksum.ts';
import { lmdbRange, type Page, pageBytesMax } from './lmdb-ranges.ts';

const binary = { keyEncoding: 'binary', encoding: 'binary' } as const;

/**
 * An entry to be put: its key, from `start` on the value with its checksum, up to `end`. One buffer for all entries of a batch:
 * LMDB's door takes `start` and `end` of a value that has them, and the key of such a one ends where the value begins.
 */
export type PackedEntry = Buffer & { start: number; end: number };

/**
 * Like `binary`, but what LMDB lends is copied into pieces of a slab: a buffer of its own for each key and each value of a range
 * costs several times as much. Of a value only what is wanted is copied, and its check reads what LMDB lends.
 */
class EntryCodec {
  /** Are values given without their checksum, and only those that are intact? */
  isOpening = false;
  /** LMDB reads an entry's key just before its value. */
  #key: Uint8Array = noBytes;

  readonly keyEncoder = {
    writeKey: (key: Uint8Array & { readonly start?: number }, target: Uint8Array, start: number): number => {
      const length = key.start ?? key.length;
      for (let at = 0; at < length; at += 1) target[start + at] = key[at]!;
      return start + length;
    },
    readKey: (source: Uint8Array, start: number, end: number): Buffer => {
      this.#key = copyOf(source, start, end);
      return this.#key as Buffer;
    },
  };

  readonly encoder = {
    encode: (value: Uint8Array): Uint8Array => value,
    /** An entry that is not intact has no value: what is thrown here would leave LMDB's cursor open. */
    decode: (lent: Uint8Array, length: number): Buffer | undefined => {
      if (!this.isOpening) return copyOf(lent, 0, length) as Buffer;
      return isIntact(this.#key, lent, length) ? (copyOf(lent, 0, length - checksumBytes) as Buffer) : undefined;
    },
  };
}

const noBytes = new Uint8Array(0);
const loopCopyMax = 64;

function copyOf(source: Uint8Array, start: number, end: number): Uint8Array {
  const copy = piece(end - start);
  if (end - start > loopCopyMax) copy.set(new Uint8Array(source.buffer, source.byteOffset + start, end - start));
  else for (let at = start; at < end; at += 1) copy[at - start] = source[at]!;
  return copy;
}

const slabBytes = 16 * 1024;
const pieceBytesMax = slabBytes / 4;
let slab = new ArrayBuffer(slabBytes);
let slabUsed = 0;

/** Buffer.allocUnsafe costs twice as much: its pieces are of a class of their own. */
function piece(bytes: number): Uint8Array {
  if (bytes > pieceBytesMax) return new Uint8Array(bytes);
  if (slabUsed + bytes > slabBytes) {
    slab = new ArrayBuffer(slabBytes);
    slabUsed = 0;
  }
  const taken = new Uint8Array(slab, slabUsed, bytes);
  slabUsed += bytes;
  return taken;
}

const FORMAT = 2;
const stateKey = {
  format: Buffer.from('format'),
  attribute: Buffer.from('attribute'),
  applied: Buffer.from('applied'),
  sum: Buffer.from('sum'),
  maximumBytes: Buffer.from('maximum-bytes'),
} as const;

const ifNew = { noOverwrite: true } as const;
/** Behind everything that is there: LMDB does not search. */
const atTheEnd = { append: true } as const;

/** Nodes of a subtree that are looked up and removed at a time. */
const killChunk = 1000;

/** Its own types do not tell that a put inside a transaction says whether it was done. */
type BinaryTree = Tree<Buffer, Buffer> & {
  putSync(key: Buffer, value: Buffer, options?: typeof ifNew | typeof atTheEnd): boolean;
};
export type Entry = { readonly key: Uint8Array; readonly value: Uint8Array };

/** Which state to read; the newest one without it. */
export interface ReadOptions {
  readonly transaction?: Transaction;
}

/** What the mirror tree says. */
export interface StoredState {
  readonly attribute: MirrorAttribute | undefined;
  readonly applied: JournalPosition | undefined;
  readonly sum: RunningSum;
  readonly maximumBytes: number;
}

export class LmdbTrees {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly #path: string;
  readonly #directory: string;
  readonly #globals: BinaryTree;
  readonly #codec = new EntryCodec();
  readonly #mirror: Tree<Buffer, Buffer>;

  /** Was the last entry that was looked for among those that are there? Its neighbours mostly are as well, or are not. */
  #metPresent = false;

  /** Makes the trees where they are missing. @throws whatever LMDB throws */
  constructor(directory: string, path: string) {
    this.#directory = directory;
    this.#path = path;
    this.root = openEnvironment<Buffer, Buffer>({ path, noSubdir: true, maxDbs: 2, ...binary });
    const { keyEncoder, encoder } = this.#codec;
    this.#globals = this.root.openDB({ name: 'globals', ...{ keyEncoder, encoder } }) as BinaryTree;
    this.#mirror = this.root.openDB({ name: 'mirror', ...binary });
  }

  /** @throws DatabaseDamagedError when it is of an older format, in which values have no checksums. */
  state(at: ReadOptions = {}): StoredState {
    const format = this.#mirror.get(stateKey.format, at)?.[0];
    const attribute = this.#mirror.get(stateKey.attribute, at);
    const applied = this.#mirror.get(stateKey.applied, at);
    const sum = this.#mirror.get(stateKey.sum, at);
    const maximumBytes = this.#mirror.get(stateKey.maximumBytes, at);
    const isNew = attribute === undefined && applied === undefined && this.count(WHOLE_DATABASE) === 0;
    if (format !== FORMAT && !(format === undefined && isNew)) {
      throw new DatabaseDamagedError(
        this.#directory,
        `${this.#path} has format ${format ?? 1}, this program reads ${FORMAT}: its values carry no checksums; export it with the program that wrote it and import it here, or delete it and build the copy anew`,
      );
    }
    return {
      attribute: attribute && JSON.parse(attribute.toString('utf8')),
      applied: applied && decodePosition(applied),
      sum: sum === undefined ? new RunningSum() : RunningSum.decode(sum),
      maximumBytes: maximumBytes?.readDoubleBE(0) ?? 0,
    };
  }

  /** Bytes of the pages that hold data now. */
  sizeBytes(): number {
    const stats = this.#globals.getStats() as Record<
      'pageSize' | 'treeBranchPageCount' | 'treeLeafPageCount' | 'overflowPages',
      number
    >;
    return stats.pageSize * (stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages);
  }

  /** Readers see what other threads have committed. */
  look(): void {
    this.root.resetReadTxn();
  }

  get(key: Uint8Array): Uint8Array | undefined {
    // LMDB's own buffer, which the next read uses again: what is copied out of it is copied once.
    const stored = this.#globals.getBinaryFast(key as Buffer);
    if (stored === undefined) return undefined;
    const { length } = stored;
    if (!isIntact(key, stored, length)) throw this.damagedAt(key);
    return copyOf(stored, 0, length - checksumBytes);
  }

  has(key: Uint8Array): boolean {
    return this.#globals.getBinaryFast(key as Buffer) !== undefined;
  }

  entriesPage(range: KeyRange, countMax: number): Page<Entry> {
    const page: Entry[] = [];
    let bytes = 0;
    this.#codec.isOpening = true;
    try {
      for (const entry of this.#globals.getRange(lmdbRange(range, countMax))) {
        if (entry.value === undefined) throw this.damagedAt(entry.key);
        page.push(entry);
        bytes += entry.value.length;
        if (bytes > pageBytesMax) return { page, more: true };
      }
    } finally {
      this.#codec.isOpening = false;
    }
    return { page, more: page.length === countMax };
  }

  keysPage(range: KeyRange, countMax: number): Page<Uint8Array> {
    const page = [...this.#globals.getKeys(lmdbRange(range, countMax))];
    return { page, more: page.length === countMax };
  }

  count(range: KeyRange): number {
    const { start, end } = lmdbRange({ from: range.from, ...(range.until && { until: range.until }) }, 0);
    const number = this.#globals.getKeysCount({ ...(start && { start }), ...(end && { end }) });
    return Math.min(number, range.limit ?? number);
  }

  /** As they are stored, with the checksum behind the value and not verified; at most `countMax` of them. */
  storedEntries(range: KeyRange, countMax: number, at: ReadOptions): Iterable<Entry> {
    return this.#globals.getRange({ ...lmdbRange(range, countMax), ...at });
  }

  damagedAt(key: Uint8Array): DatabaseDamagedError {
    return new DatabaseDamagedError(
      this.#directory,
      `the value of ${printKey(key)} is damaged in ${this.#path}: its checksum is wrong; restore a backup, or delete the copy and build it anew`,
    );
  }

  // Inside a transaction from here on.

  /** The first key at or behind this one; null when there is none. */
  keyFrom(key: Uint8Array): Uint8Array | null {
    for (const found of this.#globals.getKeys({ start: key as Buffer, limit: 1 })) return found;
    return null;
  }

  /** One that is not there; `isLast` = nothing behind it is there either. */
  add(entry: PackedEntry, sum: RunningSum, isLast: boolean): void {
    const { start, end } = entry;
    if (!this.#globals.putSync(entry, entry, isLast ? atTheEnd : undefined)) {
      throw new Error(`assertion: ${printKey(entry.subarray(0, start))} is there already, or something behind it`);
    }
    sum.add(checksumOf(entry, end), start, end - start - checksumBytes);
  }

  set(entry: PackedEntry, sum: RunningSum): void {
    const { start, end } = entry;
    // LMDB's door looks for an entry that must not be there before it puts it, so this is two searches as well.
    if (this.#metPresent || !this.#globals.putSync(entry, entry, ifNew)) {
      const present = this.#globals.getBinaryFast(entry);
      this.#metPresent = present !== undefined;
      if (present !== undefined) {
        sum.subtract(checksumOf(present, present.length), start, present.length - checksumBytes);
      }
      this.#globals.putSync(entry, entry);
    }
    sum.add(checksumOf(entry, end), start, end - start - checksumBytes);
  }

  /** The node and everything below it. */
  kill(key: Uint8Array, sum: RunningSum): void {
    const range = { start: key as Buffer, end: subtreeEnd(key), limit: killChunk };
    for (;;) {
      const found = [...this.#globals.getRange({ ...range })];
      for (const { key: node, value: stored } of found) {
        this.#forget(node, stored, sum);
        this.#globals.removeSync(node);
      }
      if (found.length < killChunk) return;
    }
  }

  #forget(key: Uint8Array, stored: Uint8Array, sum: RunningSum): void {
    sum.subtract(checksumOf(stored, stored.length), key.length, stored.length - checksumBytes);
  }

  putState({ attribute, applied, sum, maximumBytes }: StoredState): void {
    this.#mirror.putSync(stateKey.format, Buffer.of(FORMAT));
    if (attribute === undefined) this.#mirror.removeSync(stateKey.attribute);
    else this.#mirror.putSync(stateKey.attribute, Buffer.from(JSON.stringify(attribute), 'utf8'));
    if (applied === undefined) this.#mirror.removeSync(stateKey.applied);
    else this.#mirror.putSync(stateKey.applied, encodePosition(applied));
    this.#mirror.putSync(stateKey.sum, sum.encode());
    const maximum = Buffer.allocUnsafe(8);
    maximum.writeDoubleBE(maximumBytes);
    this.#mirror.putSync(stateKey.maximumBytes, maximum);
  }
}

/** A global reference for people; its bytes where it is none. */
export function printKey(key: Uint8Array): string {
  try {
    const { global, subscripts } = decodeKey(key);
    return printReference(global, subscripts);
  } catch (error) {
    if (!(error instanceof GlobalKeyError)) throw error;
    return `the key ${Buffer.from(key).toString('hex')}`;
  }
}

function encodePosition({ epoch, file, offset, sequence }: JournalPosition): Buffer {
  const bytes = Buffer.allocUnsafe(32);
  [epoch, file, offset, sequence].forEach((number, i) => {
    bytes.writeDoubleBE(number, 8 * i);
  });
  return bytes;
}

function decodePosition(bytes: Buffer): JournalPosition {
  if (bytes.length !== 32) throw new Error(`an applied position of ${bytes.length} bytes`);
  return {
    epoch: bytes.readDoubleBE(0),
    file: bytes.readDoubleBE(8),
    offset: bytes.readDoubleBE(16),
    sequence: bytes.readDoubleBE(24),
  };
}
