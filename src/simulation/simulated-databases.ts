/**
 * Databases in memory behind the door of the database room, with a disk that can lose what was not flushed. One store is the
 * disk of one simulated machine; it outlives the databases that are open on it. No clock and no file: everything happens in
 * microtasks, in the order of the calls.
 */
import { CallOrder } from '../database/call-order.ts';
import {
  type CheckResult,
  type ContentSum,
  type CopyFacts,
  checkUpdate,
  type Database,
  DatabaseDamagedError,
  DatabaseExistsError,
  DatabaseFullError,
  DatabaseMissingError,
  type DatabaseStore,
  isFlagCleared,
  type KeyRange,
  type Maximum,
  type MirrorAttribute,
  placesOfSet,
  type SetsInPlace,
  type Update,
  type Updates,
} from '../database/databases.ts';
import { checksumOf, RunningSum, withChecksum } from '../database/entry-checksum.ts';
import { comparePositions, type JournalPosition } from '../mirror/journal-position.ts';
import { diskReserveBytes, fullShareOfMaximum } from '../mirror/limits.ts';
import { subtreeEnd } from '../protocol/global-key.ts';

interface Node {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Of key and value, as they were put. */
  readonly checksum: number;
}

/** What one database directory holds. */
interface Disk {
  /** Sorted by key. */
  readonly nodes: Node[];
  attribute: MirrorAttribute | undefined;
  applied: JournalPosition | undefined;
  maximumBytes: number;
  /** What is written for certain. */
  stored: ContentSum;
  /** Updates that show and are not written, oldest first: how to take each of them back, and the sum behind it. */
  readonly unwritten: { readonly takeBack: () => void; readonly content: ContentSum }[];
}

/** Older updates count as written, as if the disk had caught up in the background. */
const unwrittenMax = 64;

const empty: ContentSum = { position: undefined, sum: new RunningSum().hex, keys: 0 };

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

  async inspect(directory: string, onProgress: (keysDone: number, keys: number) => void): Promise<CopyFacts> {
    const database = await this.open(directory);
    try {
      const { attribute = null, applied = null } = database;
      const checked = await database.check(onProgress);
      if (!checked.ok) throw new DatabaseDamagedError(directory, checked.text);
      return { attribute, applied };
    } finally {
      await database.close();
    }
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
    this.#disks.set(directory, emptyDisk());
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
    this.#disks.set(directory, { ...from, nodes: [...from.nodes], unwritten: [] });
  }

  checkRoom(directory: string, updates: readonly Pick<Node, 'key' | 'value'>[]): void {
    const bytes = bytesOf(updates);
    if (this.freeBytes < diskReserveBytes + bytes) throw new DatabaseFullError(directory, 'the simulated disk is full');
  }

  /** A bit of this node's stored value turns over. */
  damage(directory: string, key: Uint8Array): void {
    const node = this.#disks.get(directory)?.nodes.find((each) => Buffer.compare(each.key, key) === 0);
    if (node === undefined) throw new Error('assertion: there is no such node to damage');
    node.value[0] = (node.value[0] ?? 0) ^ 1;
  }

  /** An entry is gone without anybody having killed it. */
  lose(directory: string, key: Uint8Array): void {
    const nodes = this.#disks.get(directory)?.nodes ?? [];
    nodes.splice(
      nodes.findIndex((each) => Buffer.compare(each.key, key) === 0),
      1,
    );
  }

  /** The process or its machine is gone: each database falls back to what is written, and the first `kept` updates after it. */
  crash(kept = 0): void {
    for (const database of this.#open.values()) database.abandon();
    this.#open.clear();
    for (const disk of this.#disks.values()) {
      while (disk.unwritten.length > kept) disk.unwritten.pop()?.takeBack();
      settle(disk);
    }
  }
}

function emptyDisk(): Disk {
  return { nodes: [], attribute: undefined, applied: undefined, maximumBytes: 0, stored: empty, unwritten: [] };
}

/** Everything that shows is written now. */
function settle(disk: Disk): void {
  disk.stored = disk.unwritten.at(-1)?.content ?? disk.stored;
  disk.unwritten.length = 0;
}

class SimulatedDatabase implements Database {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #store: SimulatedDatabaseStore;
  readonly #onClosed: () => void;
  #closed = false;
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

  get stored(): JournalPosition | undefined {
    return this.#disk.stored.position;
  }

  get maximumBytes(): number {
    return this.#disk.maximumBytes;
  }

  get isFull(): boolean {
    const { maximumBytes } = this.#disk;
    return maximumBytes > 0 && this.sizeBytes >= maximumBytes * fullShareOfMaximum;
  }

  get sizeBytes(): number {
    return bytesOf(this.#disk.nodes);
  }

  async setAttribute(attribute: MirrorAttribute | undefined, applied: JournalPosition | undefined): Promise<void> {
    await this.#transact([], () => {
      this.#disk.attribute = attribute;
      this.#disk.applied = applied;
    });
    await this.flushed();
  }

  async setMaximumBytes(bytes: number): Promise<void> {
    await this.#transact([], () => {
      this.#disk.maximumBytes = bytes;
    });
    await this.flushed();
  }

  async clearFailoverDb(): Promise<void> {
    await this.#transact([], () => {
      const { attribute } = this.#disk;
      if (attribute === undefined) throw new Error(`assertion: ${this.directory} is not mirrored and has no flag`);
      this.#disk.attribute = { ...attribute, failoverDb: false };
    });
    await this.flushed();
  }

  async apply(all: Updates, to: JournalPosition, maximum: Maximum = 'kept'): Promise<void> {
    const updates = all.flatMap((update) => (update.kind === 'sets' ? oneByOne(update) : [update]));
    const work = (undo: (() => void)[]): void => {
      const { applied } = this.#disk;
      if (applied !== undefined && comparePositions(to, applied) <= 0) return;
      this.#carryOut(updates, undo);
      this.#disk.applied = to;
    };
    await this.#transact(updates, work, maximum);
  }

  async change(updates: readonly Update[]): Promise<void> {
    await this.#transact(updates, (undo) => {
      if (this.#disk.applied !== undefined && !isFlagCleared(this.#disk.attribute)) {
        throw new Error(`assertion: ${this.directory} is mirrored, only apply may change it`);
      }
      this.#carryOut(updates, undo);
    });
    await this.flushed();
  }

  async ready(): Promise<void> {
    this.#checkOpen();
    this.#store.checkRoom(this.directory, []);
  }

  contentSum(): ContentSum {
    return this.#disk.stored;
  }

  async barrier(): Promise<ContentSum> {
    const here = this.#disk.unwritten.at(-1)?.content ?? this.#disk.stored;
    await this.flushed();
    return here;
  }

  async check(onProgress: (keysDone: number, keys: number) => void): Promise<CheckResult> {
    await this.flushed();
    const content = this.#disk.stored;
    const damaged = this.#disk.nodes.find((node) => !isIntact(node));
    const found = this.#content();
    onProgress(found.keys, content.keys);
    if (damaged !== undefined) return { ok: false, key: damaged.key, content, found, text: 'a value is damaged' };
    if (found.sum === content.sum && found.keys === content.keys) return { ok: true, content };
    return { ok: false, key: null, content, found, text: 'entries were lost, doubled or moved' };
  }

  #content(): ContentSum {
    const sum = new RunningSum();
    for (const { key, value, checksum } of this.#disk.nodes) sum.add(checksum, key.length, value.length);
    return { position: this.#disk.applied, sum: sum.hex, keys: sum.keys };
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error(`assertion: ${this.directory} is closed`);
  }

  async #transact(
    updates: readonly Update[],
    work: (undo: (() => void)[]) => void,
    maximum: Maximum = 'kept',
  ): Promise<void> {
    const call = this.#order.begin();
    try {
      this.#checkOpen();
      this.#order.check(call);
      this.#store.checkRoom(this.directory, updates);
      if (maximum === 'kept') this.#checkMaximum(updates);
      this.#runWhole(work);
    } catch (error) {
      this.#order.fail(call, error);
      await Promise.resolve();
      throw error;
    } finally {
      this.#order.end();
    }
  }

  #checkMaximum(updates: readonly Update[]): void {
    const { maximumBytes } = this.#disk;
    const sets = updates.filter(({ kind }) => kind === 'set');
    if (maximumBytes === 0 || sets.length === 0 || this.sizeBytes + bytesOf(sets) <= maximumBytes) return;
    throw new DatabaseFullError(this.directory, `it may have ${maximumBytes} bytes at most`);
  }

  #runWhole(work: (undo: (() => void)[]) => void): void {
    const { attribute, applied, maximumBytes } = this.#disk;
    const undo: (() => void)[] = [];
    const takeBack = (): void => {
      for (const step of undo.reverse()) step();
      Object.assign(this.#disk, { attribute, applied, maximumBytes });
    };
    try {
      work(undo);
    } catch (error) {
      takeBack();
      throw error;
    }
    this.#disk.unwritten.push({ takeBack, content: this.#content() });
    if (this.#disk.unwritten.length > unwrittenMax) {
      this.#disk.stored = (this.#disk.unwritten.shift() as Disk['unwritten'][number]).content;
    }
  }

  #carryOut(updates: readonly Update[], undo: (() => void)[]): void {
    const { nodes } = this.#disk;
    for (const update of updates) checkUpdate(this.directory, update);
    for (const update of updates) {
      const at = this.#indexOf(update.key);
      let removed: Node[];
      if (update.kind === 'kill') {
        removed = nodes.splice(at, this.#indexOf(subtreeEnd(update.key)) - at);
        if (removed.length > 0) undo.push(() => nodes.splice(at, 0, ...removed));
        continue;
      }
      const present = at < nodes.length && Buffer.compare(nodes[at]!.key, update.key) === 0;
      const node = newNode(update);
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
    this.#checkOpen();
    const end = until === undefined ? this.#disk.nodes.length : this.#indexOf(until);
    const found = this.#disk.nodes.slice(this.#indexOf(from), end);
    return (reverse ? found.reverse() : found).slice(0, limit);
  }

  #intact(node: Node): Node {
    if (isIntact(node)) return node;
    throw new DatabaseDamagedError(this.directory, `the value of ${Buffer.from(node.key).toString('hex')} is damaged`);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#checkOpen();
    const node = this.#disk.nodes[this.#indexOf(key)];
    if (node === undefined || Buffer.compare(node.key, key) !== 0) return undefined;
    return Uint8Array.from(this.#intact(node).value);
  }

  entries(range: KeyRange): Iterable<Node> {
    return this.#slice(range).map((node) => this.#intact(node));
  }

  keys(range: KeyRange): Iterable<Uint8Array> {
    return this.#slice(range).map(({ key }) => key);
  }

  count(range: KeyRange): number {
    return this.#slice(range).length;
  }

  async flushed(): Promise<void> {
    this.#checkOpen();
    settle(this.#disk);
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

function newNode({ key, value }: Update): Node {
  const stored = withChecksum(key, value);
  return { key: Uint8Array.from(key), value: Uint8Array.from(value), checksum: checksumOf(stored) };
}

function isIntact({ key, value, checksum }: Node): boolean {
  return checksumOf(withChecksum(key, value)) === checksum;
}

function bytesOf(nodes: readonly { readonly key: Uint8Array; readonly value: Uint8Array }[]): number {
  return nodes.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
}

function oneByOne({ bytes, places, first, count }: SetsInPlace): readonly Update[] {
  return Array.from({ length: count }, (_, index) => {
    const at = first + index * placesOfSet;
    const [keyAt, valueAt, end] = [places[at]!, places[at + 1]!, places[at + 2]!];
    return { kind: 'set', key: bytes.subarray(keyAt, valueAt), value: bytes.subarray(valueAt, end) };
  });
}
