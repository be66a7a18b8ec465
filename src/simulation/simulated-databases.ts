/**
 * Databases in memory behind the door of the database room, with a disk that can lose what was not flushed. One store is the
 * disk of one simulated machine; it outlives the databases that are open on it. No clock and no file: everything happens in
 * microtasks, in the order of the calls.
 */
import { CallOrder } from '../database/call-order.ts';
import {
  checkUpdate,
  type Database,
  DatabaseExistsError,
  DatabaseFullError,
  DatabaseMissingError,
  type DatabaseStore,
  type KeyRange,
  type MirrorAttribute,
  type Update,
} from '../database/databases.ts';
import { comparePositions, type JournalPosition } from '../mirror/journal-position.ts';
import { diskReserveBytes } from '../mirror/limits.ts';
import { subtreeEnd } from '../protocol/global-key.ts';

interface Node {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** What one database directory holds. */
interface Disk {
  /** Sorted by key. */
  readonly nodes: Node[];
  attribute: MirrorAttribute | undefined;
  applied: JournalPosition | undefined;
  /** Transactions that are committed and not flushed, oldest first: how to take each of them back. */
  readonly unflushed: (() => void)[];
}

/** Older transactions count as flushed, as if the disk had caught up in the background. */
const unflushedMax = 64;

export class SimulatedDatabaseStore implements DatabaseStore {
  /** May be changed at any time to fill the disk. */
  freeBytes: number;
  readonly #disks = new Map<string, Disk>();
  readonly #open = new Map<string, SimulatedDatabase>();

  constructor(freeBytes = Number.POSITIVE_INFINITY) {
    this.freeBytes = freeBytes;
  }

  holds(directory: string): boolean {
    return this.#disks.has(directory);
  }

  fileOf(directory: string): string {
    return `${directory}/database`;
  }

  replace(directory: string, from: string): void {
    if (this.#open.has(directory) || this.#open.has(from))
      throw new Error(`assertion: ${directory} or ${from} is open`);
    const disk = this.#disks.get(from);
    if (disk === undefined) throw new DatabaseMissingError(from, 'there is none');
    this.#disks.set(directory, disk);
    this.#disks.delete(from);
  }

  async create(directory: string): Promise<Database> {
    if (this.holds(directory)) throw new DatabaseExistsError(directory, 'there is one already');
    this.checkRoom(directory, []);
    this.#disks.set(directory, { nodes: [], attribute: undefined, applied: undefined, unflushed: [] });
    return this.open(directory);
  }

  async open(directory: string): Promise<Database> {
    const disk = this.#disks.get(directory);
    if (disk === undefined) throw new DatabaseMissingError(directory, 'there is none');
    if (this.#open.has(directory)) throw new Error(`assertion: database ${directory} is open already`);
    const database = new SimulatedDatabase(directory, disk, this, () => this.#open.delete(directory));
    this.#open.set(directory, database);
    return database;
  }

  /** The directory is deleted. */
  remove(directory: string): void {
    this.#disks.delete(directory);
  }

  /** What a copy of a database is: another directory on the same disk, durable at once. */
  copy(from: Disk, directory: string): void {
    if (this.holds(directory)) throw new DatabaseExistsError(directory, 'there is one already');
    this.checkRoom(directory, from.nodes);
    const { attribute, applied } = from;
    this.#disks.set(directory, { nodes: [...from.nodes], attribute, applied, unflushed: [] });
  }

  checkRoom(directory: string, updates: readonly Node[]): void {
    const bytes = updates.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    if (this.freeBytes < diskReserveBytes + bytes) throw new DatabaseFullError(directory, 'the simulated disk is full');
  }

  /** The process is gone: what waits is lost, what is committed stays. */
  processDied(): void {
    for (const database of this.#open.values()) database.abandon();
    this.#open.clear();
  }

  /** The machine is gone: each database falls back to its flushed position and the first `kept` transactions after it. */
  crash(kept = 0): void {
    this.processDied();
    for (const { unflushed } of this.#disks.values()) {
      while (unflushed.length > kept) unflushed.pop()?.();
      unflushed.length = 0;
    }
  }
}

class SimulatedDatabase implements Database {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #store: SimulatedDatabaseStore;
  readonly #onClosed: () => void;
  #closed = false;
  #waiting: Promise<unknown> = Promise.resolve();
  readonly #order = new CallOrder();

  constructor(directory: string, disk: Disk, store: SimulatedDatabaseStore, onClosed: () => void) {
    this.directory = directory;
    this.#disk = disk;
    this.#store = store;
    this.#onClosed = onClosed;
  }

  get attribute(): MirrorAttribute | undefined {
    return this.#disk.attribute;
  }

  get applied(): JournalPosition | undefined {
    return this.#disk.applied;
  }

  async setAttribute(attribute: MirrorAttribute | undefined, applied: JournalPosition | undefined): Promise<void> {
    await this.#transact([], () => {
      this.#disk.attribute = attribute;
      this.#disk.applied = applied;
    });
    await this.flushed();
  }

  async apply(updates: readonly Update[], to: JournalPosition): Promise<void> {
    await this.#transact(updates, (undo) => {
      const { applied } = this.#disk;
      if (applied !== undefined && comparePositions(to, applied) <= 0) return;
      this.#carryOut(updates, undo);
      this.#disk.applied = to;
    });
  }

  async change(updates: readonly Update[]): Promise<void> {
    await this.#transact(updates, (undo) => {
      if (this.#disk.applied !== undefined) {
        throw new Error(`assertion: ${this.directory} is mirrored, only apply may change it`);
      }
      this.#carryOut(updates, undo);
    });
    await this.flushed();
  }

  async #transact(updates: readonly Update[], work: (undo: (() => void)[]) => void): Promise<void> {
    const call = this.#order.begin();
    const before = this.#waiting;
    let finished = (): void => {};
    this.#waiting = new Promise<void>((resolve) => {
      finished = resolve;
    });
    try {
      this.#order.check(call);
      this.#store.checkRoom(this.directory, updates);
      await before;
      if (this.#closed) throw new Error(`assertion: ${this.directory} is closed`);
      this.#order.check(call);
      this.#runWhole(work);
    } catch (error) {
      this.#order.fail(call, error);
      await before;
      throw error;
    } finally {
      finished();
      this.#order.end();
    }
  }

  #runWhole(work: (undo: (() => void)[]) => void): void {
    const { attribute, applied } = this.#disk;
    const undo: (() => void)[] = [];
    const takeBack = (): void => {
      for (const step of undo.reverse()) step();
      this.#disk.attribute = attribute;
      this.#disk.applied = applied;
    };
    try {
      work(undo);
    } catch (error) {
      takeBack();
      throw error;
    }
    this.#disk.unflushed.push(takeBack);
    if (this.#disk.unflushed.length > unflushedMax) this.#disk.unflushed.shift();
  }

  #carryOut(updates: readonly Update[], undo: (() => void)[]): void {
    const { nodes } = this.#disk;
    for (const update of updates) {
      checkUpdate(this.directory, update);
      const at = this.#indexOf(update.key);
      let removed: Node[];
      if (update.kind === 'kill') {
        removed = nodes.splice(at, this.#indexOf(subtreeEnd(update.key)) - at);
        if (removed.length > 0) undo.push(() => nodes.splice(at, 0, ...removed));
        continue;
      }
      const present = at < nodes.length && Buffer.compare(nodes[at]!.key, update.key) === 0;
      const node = { key: Uint8Array.from(update.key), value: Uint8Array.from(update.value) };
      removed = nodes.splice(at, present ? 1 : 0, node);
      undo.push(() => nodes.splice(at, 1, ...removed));
    }
  }

  /** Index of the first node at or after the key. */
  #indexOf(key: Uint8Array): number {
    const { nodes } = this.#disk;
    let low = 0;
    let high = nodes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (Buffer.compare(nodes[middle]!.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #slice({ from, until, reverse, limit }: KeyRange): Node[] {
    if (this.#closed) throw new Error(`assertion: ${this.directory} is closed`);
    const end = until === undefined ? this.#disk.nodes.length : this.#indexOf(until);
    const found = this.#disk.nodes.slice(this.#indexOf(from), end);
    return (reverse ? found.reverse() : found).slice(0, limit);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    if (this.#closed) throw new Error(`assertion: ${this.directory} is closed`);
    const node = this.#disk.nodes[this.#indexOf(key)];
    return node !== undefined && Buffer.compare(node.key, key) === 0 ? Uint8Array.from(node.value) : undefined;
  }

  entries(range: KeyRange): Iterable<Node> {
    return this.#slice(range);
  }

  keys(range: KeyRange): Iterable<Uint8Array> {
    return this.#slice(range).map(({ key }) => key);
  }

  count(range: KeyRange): number {
    return this.#slice(range).length;
  }

  async flushed(): Promise<void> {
    await this.#waiting;
    if (this.#closed) throw new Error(`assertion: ${this.directory} is closed`);
    this.#disk.unflushed.length = 0;
  }

  async copyTo(directory: string): Promise<void> {
    await this.flushed();
    this.#store.copy(this.#disk, directory);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    await this.flushed();
    this.#closed = true;
    this.#onClosed();
  }

  /** The process that had it open is gone. */
  abandon(): void {
    this.#closed = true;
  }
}
