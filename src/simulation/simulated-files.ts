/**
 * A simulated file system for journals: what a write, a rename or a new directory entry is worth before it was synced is decided
 * at the crash, by a choice function, so that a test can try all of it or draw it from a seed. Not for: databases, real files.
 *
 * The model is stricter than common file systems: unsynced data is kept or lost sector by sector and may tear inside one, a
 * new entry is lost without syncDirectory even when the file was synced, and directories are synced one by one.
 */
import { posix } from 'node:path';
import type { JournalFileOperations } from '../journal/journal.ts';

/** One of `count` possibilities, 0 to count - 1; `what` says what is decided. */
export type Choose = (what: string, count: number) => number;

/** Thrown by the operation at which the machine stops and by every one after it, until `crash` or `endProcess`. */
export class SimulatedCrash extends Error {
  readonly code = 'simulated-crash';
}

interface Node {
  durable: Buffer;
  content: Buffer;
  /** In order, since the last sync. */
  unsynced: ({ readonly at: number; readonly bytes: Buffer } | { readonly length: number })[];
}

/** A change of names that is not durable yet. */
interface EntryChange {
  readonly directories: readonly string[];
  readonly apply: (names: Map<string, Node>) => unknown;
}

const sectorBytes = 512;

export class SimulatedFiles implements JournalFileOperations {
  /** Bytes the disk holds. */
  capacityBytes = Number.MAX_SAFE_INTEGER;
  #names = new Map<string, Node>();
  #durableNames = new Map<string, Node>();
  #changes: EntryChange[] = [];
  #directories = new Set<string>(['/']);
  #handles = new Map<number, Node>();
  #nextHandle = 3;
  #operations = 0;
  #stopAt = Infinity;
  #failures = new Map<number, string>();

  /** Changing operations so far: those at which it matters whether the machine stops before or after. */
  get operations(): number {
    return this.#operations;
  }

  /** The machine stops instead of the changing operation with this number (the first is 1). */
  stopAt(operation: number): void {
    this.#stopAt = operation;
  }

  /** The n-th changing operation from now on (1 = the next) fails; a write leaves half of its bytes behind. */
  failAfter(operations: number, code: string): void {
    this.#failures.set(this.#operations + operations, code);
  }

  /** Power is lost: what was not synced is kept, lost or torn as `choose` says. The files can be used again at once. */
  crash(choose: Choose): void {
    const names = this.#durableNames;
    for (const change of this.#changes) {
      if (choose('keep a directory entry', 2) === 1) change.apply(names);
    }
    for (const node of new Set([...names.values(), ...this.#names.values()])) loseUnsynced(node, choose);
    this.#names = new Map(names);
    this.#durableNames = names;
    this.#changes = [];
    this.#handles.clear();
    this.#stopAt = Infinity;
    this.#failures.clear();
  }

  /** The process ends, the machine goes on: nothing is lost, handles are closed. */
  endProcess(): void {
    this.#handles.clear();
    this.#stopAt = Infinity;
    this.#failures.clear();
  }

  makeDirectory(path: string): void {
    this.#step(path);
    for (let at = path; !this.#directories.has(at); at = posix.dirname(at)) this.#directories.add(at);
  }

  list(path: string): readonly string[] {
    const names = [...this.#names.keys()].filter((name) => posix.dirname(name) === path);
    return names.map((name) => posix.basename(name)).sort();
  }

  exists(path: string): boolean {
    return this.#names.has(path) || this.#directories.has(path);
  }

  open(path: string, how: 'read' | 'update' | 'create'): number {
    let node = this.#names.get(path);
    if (how === 'create') {
      this.#step(path);
      if (node !== undefined) throw fault('EEXIST', path);
      if (!this.#directories.has(posix.dirname(path))) throw fault('ENOENT', path);
      const created = newNode();
      node = created;
      this.#change([path], (names) => names.set(path, created));
    }
    if (node === undefined) throw fault('ENOENT', path);
    const handle = this.#nextHandle++;
    this.#handles.set(handle, node);
    return handle;
  }

  close(handle: number): void {
    this.#node(handle);
    this.#handles.delete(handle);
  }

  size(handle: number): number {
    return this.#node(handle).content.length;
  }

  read(handle: number, into: Uint8Array, position: number): number {
    return this.#node(handle).content.copy(into, 0, position, position + into.length);
  }

  write(handle: number, bytes: Uint8Array, position: number): void {
    const node = this.#node(handle);
    let code: string | null = null;
    let room = bytes.length;
    try {
      this.#step('write');
    } catch (error) {
      if (error instanceof SimulatedCrash) throw error;
      code = (error as { code: string }).code;
      room = bytes.length >> 1;
    }
    const growth = position + bytes.length - node.content.length;
    const free = this.freeBytes();
    if (code === null && growth > free) {
      code = 'ENOSPC';
      room = Math.max(0, bytes.length - (growth - free));
    }
    const piece = { at: position, bytes: Buffer.from(bytes.subarray(0, room)) };
    node.content = applied(node.content, piece);
    node.unsynced.push(piece);
    if (code !== null) throw fault(code, 'write');
  }

  sync(handle: number): void {
    const node = this.#node(handle);
    this.#step('sync');
    node.durable = node.content;
    node.unsynced = [];
  }

  truncate(handle: number, length: number): void {
    const node = this.#node(handle);
    this.#step('truncate');
    node.content = applied(node.content, { length });
    node.unsynced.push({ length });
  }

  rename(from: string, to: string): void {
    this.#step(from);
    const node = this.#names.get(from);
    if (node === undefined) throw fault('ENOENT', from);
    this.#change([from, to], (names) => {
      if (names.get(from) === node) names.delete(from);
      names.set(to, node);
    });
  }

  remove(path: string): void {
    this.#step(path);
    this.#change([path], (names) => names.delete(path));
  }

  syncDirectory(path: string): void {
    this.#step(path);
    this.#makeDurable(path);
  }

  replace(path: string, bytes: Uint8Array): void {
    this.#step(path);
    if (bytes.length > this.freeBytes()) throw fault('ENOSPC', path);
    const node = newNode();
    node.content = Buffer.from(bytes);
    node.durable = node.content;
    this.#change([path], (names) => names.set(path, node));
    this.#makeDurable(posix.dirname(path));
  }

  freeBytes(): number {
    let used = 0;
    for (const { content } of this.#names.values()) used += content.length;
    return this.capacityBytes - used;
  }

  #change(paths: readonly string[], apply: (names: Map<string, Node>) => unknown): void {
    apply(this.#names);
    this.#changes.push({ directories: paths.map((path) => posix.dirname(path)), apply });
  }

  #makeDurable(directory: string): void {
    for (const change of this.#changes) if (change.directories.includes(directory)) change.apply(this.#durableNames);
    this.#changes = this.#changes.filter((change) => !change.directories.includes(directory));
  }

  #node(handle: number): Node {
    const node = this.#handles.get(handle);
    if (node === undefined) throw fault('EBADF', `handle ${handle}`);
    return node;
  }

  #step(what: string): void {
    this.#operations += 1;
    if (this.#operations >= this.#stopAt)
      throw new SimulatedCrash(`The machine stops at operation ${this.#operations}.`);
    const code = this.#failures.get(this.#operations);
    if (code !== undefined) throw fault(code, what);
  }
}

function newNode(): Node {
  return { durable: Buffer.alloc(0), content: Buffer.alloc(0), unsynced: [] };
}

function applied(content: Buffer, change: Node['unsynced'][number]): Buffer {
  const length = 'length' in change ? change.length : Math.max(content.length, change.at + change.bytes.length);
  const next = Buffer.alloc(length);
  content.copy(next, 0, 0, length);
  if ('bytes' in change) change.bytes.copy(next, change.at);
  return next;
}

function loseUnsynced(node: Node, choose: Choose): void {
  let content = node.durable;
  for (const change of node.unsynced) {
    if ('length' in change) {
      if (choose('keep a truncation', 2) === 1) content = applied(content, change);
      continue;
    }
    for (let from = 0; from < change.bytes.length; ) {
      const at = change.at + from;
      const length = Math.min(sectorBytes - (at % sectorBytes), change.bytes.length - from);
      const kept = [0, length, length >> 1][choose('lose, keep or tear a sector', 3)]!;
      if (kept > 0) content = applied(content, { at, bytes: change.bytes.subarray(from, from + kept) });
      from += length;
    }
  }
  node.content = content;
  node.durable = content;
  node.unsynced = [];
}

function fault(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
