/**
 * A disk at the level of system calls. What a write, a truncation or a changed name is worth before it was synced is decided at
 * the crash, unit by unit: a sector of 512 bytes is lost, kept or torn, a truncation and each change of a name is lost or kept,
 * so that every order in which a file system may write them out is among the crashes. A sync that failed is never made good
 * by a later one, as on Linux. Not for: what is written (workloads), which crashes are tried (crash-states.ts).
 */
import { posix } from 'node:path';

/** What happens to the one operation with that number: half of a write is done before EIO and ENOSPC; `short` says so by its count. */
export interface Fault {
  readonly operation: number;
  readonly kind: 'EIO' | 'ENOSPC' | 'short';
}

type Change = { readonly at: number; readonly bytes: Buffer } | { readonly length: number };

interface Unsynced {
  readonly change: Change;
  /** A sync of it failed: no later one makes it durable. */
  readonly isDoomed: boolean;
}

/** Never changed in place, so that copies of a disk share them. */
interface Inode {
  readonly isDirectory: boolean;
  readonly durable: Buffer;
  readonly content: Buffer;
  /** In order, since the last sync. */
  readonly unsynced: readonly Unsynced[];
}

type Names = Map<string, number>;

/** A change of names: `remove` only while the name still stands for that inode, then `set`. */
interface NameChange {
  readonly directories: readonly string[];
  readonly remove?: { readonly path: string; readonly inode: number };
  readonly set?: { readonly path: string; readonly inode: number };
}

interface Handle {
  readonly inode: number;
  readonly path: string;
}

/** What a crash decides, in order: how many outcomes each unit has. */
export type Decisions = readonly number[];

const sectorBytes = 512;
const nothing = Buffer.alloc(0);
const emptyInode: Inode = { isDirectory: false, durable: nothing, content: nothing, unsynced: [] };
const directoryInode: Inode = { ...emptyInode, isDirectory: true };

export class SimulatedDisk {
  /** Called before each changing operation, with its number (from 1) and what it is. */
  onOperation: (number: number, what: string) => void = () => {};
  fault: Fault | null = null;
  operations = 0;
  #inodes = new Map<number, Inode>([[1, directoryInode]]);
  #names: Names = new Map([['/', 1]]);
  #durableNames: Names = new Map([['/', 1]]);
  #changes: readonly NameChange[] = [];
  #handles = new Map<number, Handle>();
  #nextHandle = 100;
  #nextInode = 2;

  /** The same disk, without the handles and faults of a process. */
  copy(): SimulatedDisk {
    const copy = new SimulatedDisk();
    copy.#inodes = new Map(this.#inodes);
    copy.#names = new Map(this.#names);
    copy.#durableNames = new Map(this.#durableNames);
    copy.#changes = this.#changes;
    copy.#nextInode = this.#nextInode;
    return copy;
  }

  /** The number of outcomes of each unit that a crash now would decide. */
  undecided(): Decisions {
    const units: number[] = [];
    this.#decide((outcomes) => {
      units.push(outcomes);
      return 0;
    });
    return units;
  }

  /** The disk after a loss of power: `outcomes` says for each unit of `undecided` 0 = lost, 1 = kept, 2 = torn. */
  crashed(outcomes: readonly number[]): SimulatedDisk {
    let at = 0;
    const { names, contents } = this.#decide(() => outcomes[at++]!);
    const disk = new SimulatedDisk();
    for (const [number, content] of contents) {
      const { isDirectory } = this.#inodes.get(number)!;
      disk.#inodes.set(number, { isDirectory, durable: content, content, unsynced: [] });
    }
    disk.#names = names;
    disk.#durableNames = new Map(names);
    disk.#nextInode = this.#nextInode;
    return disk;
  }

  /** Names and contents, for telling disks apart; `nameOf` takes out of a name what differs from run to run. */
  image(nameOf: (path: string) => string): string {
    const lines = [...this.#names].map(([path, number]) => {
      const { content, isDirectory } = this.#inodes.get(number)!;
      return isDirectory ? `${nameOf(path)}/` : `${nameOf(path)} ${content.toString('latin1')}`;
    });
    return lines.sort().join('\n');
  }

  paths(): readonly string[] {
    return [...this.#names.keys()].sort();
  }

  has(path: string): boolean {
    return this.#names.has(path);
  }

  isDirectory(path: string): boolean {
    return this.#inode(path).isDirectory;
  }

  list(path: string): readonly string[] {
    if (!this.#inode(path).isDirectory) throw errorOf('ENOTDIR', path);
    return this.paths()
      .filter((name) => name !== '/' && posix.dirname(name) === path)
      .map((name) => posix.basename(name));
  }

  contentOf(path: string): Buffer {
    return this.#inode(path).content;
  }

  makeDirectory(path: string): void {
    if (this.#names.has(path)) throw errorOf('EEXIST', path);
    this.#inode(posix.dirname(path));
    this.#step('mkdir', path);
    this.#change([path], { set: { path, inode: this.#newInode(directoryInode) } });
  }

  open(
    path: string,
    how: { readonly create?: boolean; readonly exclusive?: boolean; readonly truncate?: boolean },
  ): number {
    let inode = this.#names.get(path);
    if (inode !== undefined && how.exclusive === true) throw errorOf('EEXIST', path);
    if (inode === undefined) {
      if (how.create !== true || !this.#names.has(posix.dirname(path))) throw errorOf('ENOENT', path);
      this.#step('create', path);
      inode = this.#newInode(emptyInode);
      this.#change([path], { set: { path, inode } });
    } else if (how.truncate === true && this.contentOf(path).length > 0) {
      this.#step('truncate', path);
      this.#write(inode, { length: 0 });
    }
    this.#nextHandle += 1;
    this.#handles.set(this.#nextHandle, { inode, path });
    return this.#nextHandle;
  }

  close(handle: number): void {
    this.#handle(handle);
    this.#handles.delete(handle);
  }

  size(handle: number): number {
    return this.#inodes.get(this.#handle(handle).inode)!.content.length;
  }

  read(handle: number, into: Uint8Array, position: number): number {
    return this.#inodes.get(this.#handle(handle).inode)!.content.copy(into, 0, position, position + into.length);
  }

  /** How many bytes were written: less than asked for only by a `short` fault. */
  write(handle: number, bytes: Uint8Array, position: number): number {
    const { inode, path } = this.#handle(handle);
    const half = Buffer.from(bytes.subarray(0, bytes.length >> 1));
    const fault = this.#step('write', path, (kind) => {
      if (half.length > 0) this.#write(inode, { at: position, bytes: half });
      return kind === 'short';
    });
    if (fault === 'short' && half.length > 0) return half.length;
    this.#write(inode, { at: position, bytes: Buffer.from(bytes) });
    return bytes.length;
  }

  truncate(handle: number, length: number): void {
    const { inode, path } = this.#handle(handle);
    this.#step('truncate', path);
    this.#write(inode, { length });
  }

  /** Of a file or a directory. */
  sync(handle: number): void {
    const { inode: number, path } = this.#handle(handle);
    const inode = this.#inodes.get(number)!;
    this.#step('sync', path, () => {
      const unsynced = inode.unsynced.map(({ change }) => ({ change, isDoomed: true }));
      this.#inodes.set(number, { ...inode, unsynced });
      return false;
    });
    if (inode.isDirectory) return this.#syncNames(path);
    let { durable } = inode;
    for (const { change, isDoomed } of inode.unsynced) if (!isDoomed) durable = changed(durable, change);
    // What a failed sync lost stays readable until the machine stops, and is gone then.
    this.#inodes.set(number, { ...inode, durable, unsynced: [] });
  }

  /**
   * A sync that takes time: what was written before is durable when the function it returns is called. For what was recorded
   * of a real process, whose other threads write meanwhile.
   */
  beginSync(path: string): () => void {
    const number = this.#numberOf(path);
    const { isDirectory, unsynced } = this.#inodes.get(number)!;
    const covered = new Set(unsynced);
    const names = new Set(this.#changes);
    return () => {
      if (isDirectory) return this.#syncNames(path, names);
      const inode = this.#inodes.get(number)!;
      let { durable } = inode;
      for (const each of inode.unsynced) if (covered.has(each)) durable = changed(durable, each.change);
      const left = inode.unsynced.filter((each) => !covered.has(each));
      this.#inodes.set(number, { ...inode, durable, unsynced: left });
    };
  }

  /** Through a handle that syncs what it writes, and nothing else. */
  writeThrough(path: string, bytes: Buffer, at: number): void {
    const number = this.#numberOf(path);
    const inode = this.#inodes.get(number)!;
    const [durable, content] = [inode.durable, inode.content].map((before) => changed(before, { at, bytes }));
    this.#inodes.set(number, { ...inode, durable: durable!, content: content! });
  }

  rename(from: string, to: string): void {
    const inode = this.#numberOf(from);
    this.#step('rename', to);
    this.#change([from, to], { remove: { path: from, inode }, set: { path: to, inode } });
  }

  link(from: string, to: string): void {
    const inode = this.#numberOf(from);
    if (this.#names.has(to)) throw errorOf('EEXIST', to);
    this.#step('link', to);
    this.#change([to], { set: { path: to, inode } });
  }

  remove(path: string): void {
    const inode = this.#numberOf(path);
    this.#step('unlink', path);
    this.#change([path], { remove: { path, inode } });
  }

  #syncNames(directory: string, covered: ReadonlySet<NameChange> | null = null): void {
    const isOfIt = (change: NameChange) =>
      change.directories.includes(directory) && (covered === null || covered.has(change));
    for (const change of this.#changes) if (isOfIt(change)) carryOut(change, this.#durableNames);
    this.#changes = this.#changes.filter((change) => !isOfIt(change));
  }

  #decide(choose: (outcomes: number) => number): { names: Names; contents: Map<number, Buffer> } {
    const names = new Map(this.#durableNames);
    for (const change of this.#changes) if (choose(2) === 1) carryOut(change, names);
    const contents = new Map<number, Buffer>();
    for (const [number, inode] of this.#inodes) contents.set(number, survived(inode, choose));
    const isBelowKept = (path: string): boolean =>
      path === '/' || (names.has(posix.dirname(path)) && isBelowKept(posix.dirname(path)));
    for (const path of [...names.keys()]) if (!isBelowKept(path)) names.delete(path);
    return { names, contents };
  }

  #change(paths: readonly string[], change: Omit<NameChange, 'directories'>): void {
    const withDirectories = { ...change, directories: paths.map((path) => posix.dirname(path)) };
    carryOut(withDirectories, this.#names);
    this.#changes = [...this.#changes, withDirectories];
  }

  #write(number: number, change: Change): void {
    const inode = this.#inodes.get(number)!;
    this.#inodes.set(number, {
      ...inode,
      content: changed(inode.content, change),
      unsynced: [...inode.unsynced, { change, isDoomed: false }],
    });
  }

  /** Counts; throws what the fault says after `onFault`, unless that returns true. */
  #step(what: string, path: string, onFault: (kind: Fault['kind']) => boolean = () => false): Fault['kind'] | null {
    this.operations += 1;
    this.onOperation(this.operations, `${what} ${path}`);
    if (this.fault?.operation !== this.operations) return null;
    const { kind } = this.fault;
    if (onFault(kind)) return kind;
    if (kind !== 'short') throw errorOf(kind, path);
    return null;
  }

  #newInode(inode: Inode): number {
    this.#nextInode += 1;
    this.#inodes.set(this.#nextInode, inode);
    return this.#nextInode;
  }

  #numberOf(path: string): number {
    const number = this.#names.get(path);
    if (number === undefined) throw errorOf('ENOENT', path);
    return number;
  }

  #inode(path: string): Inode {
    return this.#inodes.get(this.#numberOf(path))!;
  }

  #handle(handle: number): Handle {
    const found = this.#handles.get(handle);
    if (found === undefined) throw errorOf('EBADF', `handle ${handle}`);
    return found;
  }
}

function carryOut({ remove, set }: NameChange, names: Names): void {
  if (remove !== undefined && names.get(remove.path) === remove.inode) names.delete(remove.path);
  if (set !== undefined) names.set(set.path, set.inode);
}

function changed(content: Buffer, change: Change): Buffer {
  const length = 'length' in change ? change.length : Math.max(content.length, change.at + change.bytes.length);
  const next = Buffer.alloc(length);
  content.copy(next, 0, 0, length);
  if ('bytes' in change) change.bytes.copy(next, change.at);
  return next;
}

function survived(inode: Inode, choose: (outcomes: number) => number): Buffer {
  let content = inode.durable;
  for (const { change } of inode.unsynced) {
    if ('length' in change) {
      if (choose(2) === 1) content = changed(content, change);
      continue;
    }
    for (let from = 0; from < change.bytes.length; ) {
      const at = change.at + from;
      const length = Math.min(sectorBytes - (at % sectorBytes), change.bytes.length - from);
      const kept = [0, length, length >> 1][choose(3)]!;
      if (kept > 0) content = changed(content, { at, bytes: change.bytes.subarray(from, from + kept) });
      from += length;
    }
  }
  return content;
}

export function errorOf(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}
