/**
 * Updates that are not in a database yet, in key order, and the database as it looks with them: what a transaction sees of
 * its own updates, and a connection of those it was answered early. Keys and values are kept as they are given.
 */
import type { Database, KeyRange } from '../database/databases.ts';
import { subtreeEnd } from '../protocol/global-key.ts';

/** What can be read of a database. */
export type Readable = Pick<Database, 'get' | 'entries' | 'keys' | 'count'>;

interface Node {
  readonly key: Uint8Array;
  value: Uint8Array;
}

interface KilledRange {
  readonly from: Uint8Array;
  readonly until: Uint8Array;
}

const blockNodesMax = 512;

/** What lies over a database. */
export type Changes = Pick<OrderedUpdates, 'get' | 'killedAround' | 'nodes'>;

export class OrderedUpdates {
  /** Every node that is set, by its key: most are only ever asked for by that. */
  readonly #nodes = new Map<string, Node>();
  /** Those of them that have no place in the order yet: they get one when somebody asks for an order. */
  #unordered: Node[] = [];
  /** The others, in blocks so that an insertion moves few of them. No block is empty. */
  readonly #blocks: Node[][] = [];
  /** In order, and none touches another. A set behind a kill stays inside its range. */
  #killed: KilledRange[] = [];

  set(key: Uint8Array, value: Uint8Array): void {
    const name = nameOf(key);
    const there = this.#nodes.get(name);
    if (there !== undefined) {
      there.value = value;
      return;
    }
    const node = { key, value };
    this.#nodes.set(name, node);
    this.#unordered.push(node);
  }

  #order(): void {
    const nodes = this.#unordered;
    if (nodes.length === 0) return;
    this.#unordered = [];
    for (const node of nodes) this.#insert(node);
  }

  #insert(node: Node): void {
    const index = this.#blockOf(node.key);
    const block = this.#blocks[index];
    if (block === undefined) {
      this.#blocks.push([node]);
      return;
    }
    block.splice(placeIn(block, node.key), 0, node);
    if (block.length > blockNodesMax) this.#blocks.splice(index + 1, 0, block.splice(blockNodesMax / 2));
  }

  /** The node and everything below it. */
  kill(key: Uint8Array): void {
    this.#order();
    const range = { from: key, until: subtreeEnd(key) };
    this.#forget(range);
    const at = this.#rangeAfter(key);
    const before = this.#killed[at - 1];
    if (before !== undefined && compare(key, before.until) < 0) return;
    let end = at;
    while (end < this.#killed.length && compare((this.#killed[end] as KilledRange).from, range.until) < 0) end += 1;
    this.#killed.splice(at, end - at, range);
  }

  /** The value set, null where killed, undefined where nothing was changed. */
  get(key: Uint8Array): Uint8Array | null | undefined {
    const there = this.#nodes.get(nameOf(key));
    if (there !== undefined) return there.value;
    return this.killedAround(key) === undefined ? undefined : null;
  }

  /** The range around the key in which everything from before is killed. */
  killedAround(key: Uint8Array): KilledRange | undefined {
    const before = this.#killed[this.#rangeAfter(key) - 1];
    return before !== undefined && compare(key, before.until) < 0 ? before : undefined;
  }

  /** Nodes that are set, in the order asked for. */
  *nodes({ from, until, reverse }: KeyRange): Generator<Node, void, undefined> {
    this.#order();
    if (reverse !== true) {
      for (let index = this.#blockOf(from); index < this.#blocks.length; index += 1) {
        for (const node of this.#blocks[index] as Node[]) {
          if (compare(node.key, from) < 0) continue;
          if (until !== undefined && compare(node.key, until) >= 0) return;
          yield node;
        }
      }
      return;
    }
    for (let index = until === undefined ? this.#blocks.length - 1 : this.#blockOf(until); index >= 0; index -= 1) {
      const block = this.#blocks[index] ?? [];
      for (let at = block.length - 1; at >= 0; at -= 1) {
        const node = block[at] as Node;
        if (compare(node.key, from) < 0) return;
        if (until === undefined || compare(node.key, until) < 0) yield node;
      }
    }
  }

  #forget(range: KilledRange): void {
    for (let index = this.#blockOf(range.from); index < this.#blocks.length; ) {
      const block = this.#blocks[index] as Node[];
      const first = placeIn(block, range.from);
      const count = placeIn(block, range.until) - first;
      for (const { key } of block.splice(first, count)) this.#nodes.delete(nameOf(key));
      const isLast = first < block.length;
      if (block.length === 0) this.#blocks.splice(index, 1);
      else index += 1;
      if (isLast) return;
    }
  }

  /** The last block whose first key is not behind `key`; the first one when there is none. */
  #blockOf(key: Uint8Array): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const [first] = this.#blocks[middle] as Node[];
      if (compare((first as Node).key, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Index of the first killed range that begins behind the key. */
  #rangeAfter(key: Uint8Array): number {
    let low = 0;
    let high = this.#killed.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compare((this.#killed[middle] as KilledRange).from, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The database as if the updates were in it. */
export class ChangedView implements Readable {
  readonly #base: Readable;
  readonly #updates: Changes;

  constructor(base: Readable, updates: Changes) {
    this.#base = base;
    this.#updates = updates;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    const changed = this.#updates.get(key);
    return changed === undefined ? this.#base.get(key) : (changed ?? undefined);
  }

  *entries(range: KeyRange): Generator<{ readonly key: Uint8Array; readonly value: Uint8Array }, void, undefined> {
    const sign = range.reverse === true ? -1 : 1;
    let left = range.limit ?? Number.POSITIVE_INFINITY;
    const own = this.#updates.nodes(range);
    const old = this.#unchanged(range);
    let mine = own.next();
    let theirs = old.next();
    while (left > 0 && (mine.done !== true || theirs.done !== true)) {
      left -= 1;
      const isMine =
        theirs.done === true || (mine.done !== true && sign * compare(mine.value.key, theirs.value.key) < 0);
      const node = (isMine ? mine.value : theirs.value) as Node;
      yield node;
      if (isMine) mine = own.next();
      else theirs = old.next();
    }
  }

  *keys(range: KeyRange): Generator<Uint8Array, void, undefined> {
    for (const { key } of this.entries(range)) yield key;
  }

  count(range: KeyRange): number {
    let count = 0;
    for (const _ of this.entries(range)) count += 1;
    return count;
  }

  /** Nodes of the base that are neither set anew nor killed; a killed range is left out at once, however much is in it. */
  *#unchanged(range: KeyRange): Generator<Node, void, undefined> {
    const { limit: _, ...rest } = range;
    let wanted: KeyRange | null = rest;
    while (wanted !== null) {
      let next: KeyRange | null = null;
      for (const node of this.#base.entries(wanted)) {
        const killed = this.#updates.killedAround(node.key);
        if (killed !== undefined) {
          next = wanted.reverse === true ? { ...wanted, until: killed.from } : { ...wanted, from: killed.until };
          break;
        }
        if (this.#updates.get(node.key) === undefined) yield node;
      }
      wanted = next;
    }
  }
}

const compare = (a: Uint8Array, b: Uint8Array): number => Buffer.compare(a, b);

function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}

/** Index of the first node at or behind the key. */
function placeIn(block: readonly Node[], key: Uint8Array): number {
  let low = 0;
  let high = block.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare((block[middle] as Node).key, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
