/**
 * Reads through the layers of a database: the overlays that are not on the disk yet, newest first, and below them what is
 * stored. A newer layer's entry stands before an older one's, and a subtree that it killed hides what older ones hold there.
 *
 * Ranges are read page by page, each page of one state, so that a caller may wait between two of them.
 */
import { Buffer } from 'node:buffer';
import { subtreeEnd } from '../protocol/global-key.ts';
import type { TreeWalk } from './byte-tree.ts';
import type { KeyRange } from './databases.ts';
import { type Page, pageBytesMax, paged, pageEntries, restOf } from './lmdb-ranges.ts';
import type { Entry } from './lmdb-trees.ts';
import type { Overlay } from './overlay.ts';

const nothing = new Uint8Array(0);

/** What is on the disk. */
export interface StoredReads {
  get(key: Uint8Array): Uint8Array | undefined;
  has(key: Uint8Array): boolean;
  /** A page of a range, in its direction. */
  entriesPage(range: KeyRange, countMax: number): Page<Entry>;
  keysPage(range: KeyRange, countMax: number): Page<Uint8Array>;
  count(range: KeyRange): number;
}

export class LayeredReads {
  readonly #layers: () => readonly Overlay[];
  readonly #stored: StoredReads;
  readonly #onHidden: (entries: number) => void;

  /** `layers` = newest first. `onHidden` hears of entries that a range stepped over because a newer layer killed them. */
  constructor(layers: () => readonly Overlay[], stored: StoredReads, onHidden: (entries: number) => void) {
    this.#layers = layers;
    this.#stored = stored;
    this.#onHidden = onHidden;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    for (const layer of this.#layers()) {
      const entry = layer.sets.find(key);
      if (entry >= 0) return layer.sets.valueAt(entry);
      if (layer.killHiding(key) !== null) return undefined;
    }
    return this.#stored.get(key);
  }

  entries(range: KeyRange): Iterable<Entry> {
    return paged(
      range,
      (bounds, countMax) => {
        const layers = this.#busyLayers();
        if (layers.length === 0) return this.#stored.entriesPage(bounds, countMax);
        return this.#merge(layers, bounds, { countMax, withValues: true }, (cursor) => ({
          key: Buffer.from(cursor.key as Uint8Array),
          value: cursor.value(),
        }));
      },
      (entry) => entry.key,
    );
  }

  keys(range: KeyRange): Iterable<Uint8Array> {
    return paged<Uint8Array>(
      range,
      (bounds, countMax) => {
        const layers = this.#busyLayers();
        if (layers.length === 0) return this.#stored.keysPage(bounds, countMax);
        return this.#merge(layers, bounds, { countMax, withValues: false }, (cursor) =>
          Buffer.from(cursor.key as Uint8Array),
        );
      },
      (key) => key,
    );
  }

  /** What is stored and not hidden, and what the layers hold besides. */
  count(range: KeyRange): number {
    const { from, until } = range;
    const layers = this.#busyLayers();
    let number = this.#stored.count({ from, ...(until && { until }) });
    if (layers.length > 0) {
      for (const kill of outermostKills(layers)) {
        const [first, end] = [later(kill, from), earlier(subtreeEnd(kill), until)];
        if (Buffer.compare(first, end) < 0) number -= this.#stored.count({ from: first, until: end });
      }
      for (const key of this.#inLayers(layers, from, until)) if (!this.#storedShows(layers, key)) number += 1;
    }
    return Math.min(number, range.limit ?? number);
  }

  #storedShows(layers: readonly Overlay[], key: Uint8Array): boolean {
    return layers.every((layer) => layer.killHiding(key) === null) && this.#stored.has(key);
  }

  /** Keys of nodes that the layers hold and no newer one of them hides. */
  *#inLayers(
    layers: readonly Overlay[],
    from: Uint8Array,
    until: Uint8Array | undefined,
  ): Generator<Uint8Array, void, undefined> {
    const cursors = layers.map((layer) => new OverlayCursor(layer, { from, ...(until && { until }) }));
    for (let at = nearest(cursors, false); at >= 0; at = nearest(cursors, false)) {
      const { key } = cursors[at] as { readonly key: Uint8Array };
      if (!isHidden(layers, at, key)) yield key;
      passOver(cursors, key);
    }
  }

  #busyLayers(): readonly Overlay[] {
    return this.#layers().filter((layer) => !layer.isEmpty);
  }

  #merge<T>(
    layers: readonly Overlay[],
    range: KeyRange,
    { countMax, withValues }: { readonly countMax: number; readonly withValues: boolean },
    take: (cursor: Cursor) => T,
  ): Page<T> {
    const cursors: Cursor[] = layers.map((layer) => new OverlayCursor(layer, range));
    cursors.push(new StoredCursor(this.#stored, range, countMax, withValues));
    const isReverse = range.reverse === true;
    const page: T[] = [];
    let bytes = 0;
    let hidden = 0;
    for (let at = nearest(cursors, isReverse); at >= 0; at = nearest(cursors, isReverse)) {
      const cursor = cursors[at] as Cursor;
      const key = cursor.key as Uint8Array;
      const kill = hiding(layers, at, key);
      if (kill !== null) {
        hidden += 1;
        if (isReverse) cursor.skipBefore(kill);
        else cursor.skipTo(subtreeEnd(kill));
        continue;
      }
      page.push(take(cursor));
      bytes += cursor.valueLength;
      if (page.length === countMax || bytes > pageBytesMax) break;
      passOver(cursors, key);
    }
    if (hidden > 0) this.#onHidden(hidden);
    return { page, more: page.length === countMax || bytes > pageBytesMax };
  }
}

/** One layer's entries inside a range, in its direction. */
interface Cursor {
  /** Undefined at the end. */
  readonly key: Uint8Array | undefined;
  readonly valueLength: number;
  /** A copy. */
  value(): Uint8Array;
  advance(): void;
  /** Forward, to the first key at or after this one; `skipBefore` backwards, to the last one before it. */
  skipTo(key: Uint8Array): void;
  skipBefore(key: Uint8Array): void;
}

class OverlayCursor implements Cursor {
  readonly #layer: Overlay;
  readonly #range: KeyRange;
  #walk: TreeWalk;
  #key: Uint8Array | undefined;

  constructor(layer: Overlay, range: KeyRange) {
    this.#layer = layer;
    this.#range = range;
    this.#walk = range.reverse ? layer.sets.seekBefore(range.until) : layer.sets.seek(range.from);
    this.#look();
  }

  #look(): void {
    const { entry } = this.#walk;
    const key = entry < 0 ? undefined : this.#layer.sets.keyAt(entry);
    this.#key = key !== undefined && isInside(key, this.#range) ? key : undefined;
  }

  get key(): Uint8Array | undefined {
    return this.#key;
  }

  get valueLength(): number {
    return this.#key === undefined ? 0 : this.#layer.sets.valueLengthAt(this.#walk.entry);
  }

  value(): Uint8Array {
    return this.#layer.sets.valueAt(this.#walk.entry);
  }

  advance(): void {
    this.#walk.advance();
    this.#look();
  }

  skipTo(key: Uint8Array): void {
    this.#walk = this.#layer.sets.seek(key);
    this.#look();
  }

  skipBefore(key: Uint8Array): void {
    this.#walk = this.#layer.sets.seekBefore(key);
    this.#look();
  }
}

class StoredCursor implements Cursor {
  readonly #read: (range: KeyRange, countMax: number) => Page<Entry>;
  #range: KeyRange;
  #page: readonly Entry[] = [];
  #at = 0;
  #more = true;
  #countMax: number;

  constructor(stored: StoredReads, { from, until, reverse }: KeyRange, wanted: number, withValues: boolean) {
    this.#read = withValues
      ? (bounds, countMax) => stored.entriesPage(bounds, countMax)
      : (bounds, countMax) => keysAsEntries(stored.keysPage(bounds, countMax));
    this.#range = { from, ...(until && { until }), ...(reverse && { reverse }) };
    this.#countMax = Math.min(wanted + 1, pageEntries.first);
    this.#turn();
  }

  /** Reads the next page when this one is used up. */
  #turn(): void {
    if (this.#at < this.#page.length || !this.#more) return;
    const last = this.#page.at(-1);
    if (last !== undefined) this.#range = restOf(this.#range, last.key);
    ({ page: this.#page, more: this.#more } = this.#read(this.#range, this.#countMax));
    this.#countMax = Math.min(this.#countMax * 4, pageEntries.max);
    this.#at = 0;
  }

  get key(): Uint8Array | undefined {
    return this.#page[this.#at]?.key;
  }

  get valueLength(): number {
    return this.#page[this.#at]?.value.length ?? 0;
  }

  value(): Uint8Array {
    return (this.#page[this.#at] as Entry).value;
  }

  advance(): void {
    this.#at += 1;
    this.#turn();
  }

  skipTo(key: Uint8Array): void {
    this.#skip({ ...this.#range, from: later(key, this.#range.from) }, (at) => Buffer.compare(at, key) >= 0);
  }

  skipBefore(key: Uint8Array): void {
    this.#skip({ ...this.#range, until: earlier(key, this.#range.until) }, (at) => Buffer.compare(at, key) < 0);
  }

  /** The place is often on this page already. The end of what is hidden may lie outside the range. */
  #skip(range: KeyRange, isThere: (key: Uint8Array) => boolean): void {
    while (this.#at < this.#page.length && !isThere((this.#page[this.#at] as Entry).key)) this.#at += 1;
    if (this.#at < this.#page.length) return;
    this.#page = [];
    this.#at = 0;
    this.#range = range;
    if (range.until !== undefined && Buffer.compare(range.from, range.until) >= 0) this.#more = false;
    this.#turn();
  }
}

function keysAsEntries({ page, more }: Page<Uint8Array>): Page<Entry> {
  return { page: page.map((key) => ({ key, value: nothing })), more };
}

/** Index of the cursor that comes first, the newest where several stand at the same key; -1 at the end of all. */
function nearest(cursors: readonly Cursor[], isReverse: boolean): number {
  let best = -1;
  let bestKey: Uint8Array | undefined;
  cursors.forEach(({ key }, at) => {
    if (key === undefined) return;
    if (bestKey !== undefined) {
      const order = Buffer.compare(key, bestKey);
      if (isReverse ? order <= 0 : order >= 0) return;
    }
    best = at;
    bestKey = key;
  });
  return best;
}

function passOver(cursors: readonly Cursor[], key: Uint8Array): void {
  for (const cursor of cursors) {
    if (cursor.key !== undefined && Buffer.compare(cursor.key, key) === 0) cursor.advance();
  }
}

/** The killed subtree of a newer layer that hides what layer `at` has under the key. */
function hiding(layers: readonly Overlay[], at: number, key: Uint8Array): Uint8Array | null {
  for (let newer = 0; newer < at; newer += 1) {
    const kill = (layers[newer] as Overlay).killHiding(key);
    if (kill !== null) return kill;
  }
  return null;
}

function isHidden(layers: readonly Overlay[], at: number, key: Uint8Array): boolean {
  return hiding(layers, at, key) !== null;
}

/** Killed subtrees of all layers that lie in no other one, in order. */
function outermostKills(layers: readonly Overlay[]): Uint8Array[] {
  const all = layers
    .flatMap(({ kills }) => [...kills.inOrder()].map((entry): Uint8Array => kills.keyAt(entry)))
    .sort(Buffer.compare);
  const outermost: Uint8Array[] = [];
  for (const kill of all) {
    const before = outermost.at(-1);
    if (before === undefined || Buffer.compare(kill, subtreeEnd(before)) >= 0) outermost.push(kill);
  }
  return outermost;
}

function isInside(key: Uint8Array, { from, until }: KeyRange): boolean {
  return Buffer.compare(key, from) >= 0 && (until === undefined || Buffer.compare(key, until) < 0);
}

function later(a: Uint8Array, b: Uint8Array): Uint8Array {
  return Buffer.compare(a, b) >= 0 ? a : b;
}

function earlier(a: Uint8Array, b: Uint8Array | undefined): Uint8Array {
  return b === undefined || Buffer.compare(a, b) <= 0 ? a : b;
}
