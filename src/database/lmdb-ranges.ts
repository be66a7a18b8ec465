/**
 * Ranges of a database in LMDB's terms, read page by page so that no iterator holds a snapshot of LMDB: a caller may leave
 * one at any point, and the space of old pages is never kept back by a reader that was forgotten.
 */
import { Buffer } from 'node:buffer';
import type { KeyRange } from './databases.ts';

const FIRST_KEY = Buffer.of(0);

/** Pages of iteration: small at first, because most callers want one key; bounded in bytes, because values may be large. */
export const pageEntries = { first: 16, max: 1024 } as const;
export const pageBytesMax = 1024 * 1024;

export interface Page<T> {
  readonly page: readonly T[];
  /** Is there perhaps more behind it? */
  readonly more: boolean;
}

/** What is left of a range when its part up to `last` has been read. */
export function restOf(range: KeyRange, last: Uint8Array): KeyRange {
  return range.reverse ? { ...range, until: last } : { ...range, from: Buffer.concat([last, FIRST_KEY]) };
}

/** Reads ahead one page at a time and lets go of LMDB's snapshot before the caller sees the first entry of it. */
export function paged<T>(
  range: KeyRange,
  read: (bounds: KeyRange, countMax: number) => Page<T>,
  keyOf: (item: T) => Uint8Array,
): Iterable<T> {
  return { [Symbol.iterator]: () => new PagedIterator(range, read, keyOf) };
}

/** No generator: what stands between a caller and each entry is a good part of the cost of a scan. */
class PagedIterator<T> implements Iterator<T, undefined> {
  #bounds: KeyRange;
  readonly #read: (bounds: KeyRange, countMax: number) => Page<T>;
  readonly #keyOf: (item: T) => Uint8Array;
  #left: number;
  #entries: number = pageEntries.first;
  #page: readonly T[] = [];
  #at = 0;
  #more = true;

  constructor(range: KeyRange, read: (bounds: KeyRange, countMax: number) => Page<T>, keyOf: (item: T) => Uint8Array) {
    this.#bounds = range;
    this.#left = range.limit ?? Number.POSITIVE_INFINITY;
    this.#read = read;
    this.#keyOf = keyOf;
  }

  next(): IteratorResult<T, undefined> {
    if (this.#at === this.#page.length && !this.#turn()) return { done: true, value: undefined };
    const value = this.#page[this.#at]!;
    this.#at += 1;
    return { done: false, value };
  }

  /** To the next page; false at the end. */
  #turn(): boolean {
    if (!this.#more || this.#left <= 0) return false;
    const { page, more } = this.#read(this.#bounds, Math.min(this.#entries, this.#left));
    this.#page = page;
    this.#at = 0;
    const last = page.at(-1);
    this.#more = more && last !== undefined;
    if (last === undefined) return false;
    this.#left -= page.length;
    this.#entries = Math.min(this.#entries * 4, pageEntries.max);
    if (this.#more) this.#bounds = restOf(this.#bounds, this.#keyOf(last));
    return true;
  }

  return(): IteratorResult<T, undefined> {
    this.#more = false;
    this.#page = [];
    this.#at = 0;
    return { done: true, value: undefined };
  }
}

export interface LmdbRange {
  start?: Buffer;
  end?: Buffer;
  limit: number;
  reverse?: boolean;
  exclusiveStart?: boolean;
  inclusiveEnd?: boolean;
}

/** LMDB's ranges begin with `start` and leave out `end` in either direction; ours always hold `from` and leave out `until`. */
export function lmdbRange({ from, until, reverse }: KeyRange, limit: number): LmdbRange {
  const first = (from.length === 0 ? FIRST_KEY : from) as Buffer;
  if (!reverse) return { start: first, limit, ...(until && { end: until as Buffer }) };
  const range: LmdbRange = { end: first, inclusiveEnd: true, reverse: true, limit };
  return until ? { ...range, start: until as Buffer, exclusiveStart: true } : range;
}
