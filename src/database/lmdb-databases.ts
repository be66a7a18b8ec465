/**
 * The real databases: one LMDB environment in each directory, with the data in one tree and the mirror attribute and applied
 * position in another one, so that a transaction changes both or neither. The only file that names lmdb.
 *
 * Every change is a child transaction: a throw inside a plain one would leave the first half of a batch behind. LMDB ends the
 * process when a commit meets a full disk, therefore room is measured before anything is written.
 */
import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { open as openEnvironment, type RootDatabase, type Database as Tree } from 'lmdb';
import { comparePositions, type JournalPosition } from '../mirror/journal-position.ts';
import { diskReserveBytes } from '../mirror/limits.ts';
import { subtreeEnd, WHOLE_DATABASE } from '../protocol/global-key.ts';
import { CallOrder } from './call-order.ts';
import {
  checkUpdate,
  type Database,
  DatabaseCommitError,
  DatabaseDamagedError,
  DatabaseExistsError,
  type DatabaseFileOperations,
  DatabaseFullError,
  DatabaseMissingError,
  type DatabaseStore,
  type KeyRange,
  type MirrorAttribute,
  type Update,
} from './databases.ts';
import { inspect, startBytes } from './lmdb-file.ts';
import { lmdbRange, pageBytesMax, paged } from './lmdb-ranges.ts';

export const DATABASE_FILE = 'database.mdb';

const ATTRIBUTE_KEY = Buffer.from('attribute');
const APPLIED_KEY = Buffer.from('applied');
const binary = { keyEncoding: 'binary', encoding: 'binary' } as const;

/** Nodes of a subtree that are looked up and removed at a time. */
const killChunk = 1000;

type BinaryTree = Tree<Buffer, Buffer>;
type Entry = { readonly key: Uint8Array; readonly value: Uint8Array };

export class LmdbDatabaseStore implements DatabaseStore {
  readonly #files: DatabaseFileOperations;
  /** Directories open now: a second object on one environment would not see the first one's applied position. */
  readonly #open = new Set<string>();

  constructor(files: DatabaseFileOperations) {
    this.#files = files;
  }

  /** A file of no bytes is a creation that was cut off before it began. */
  holds(directory: string): boolean {
    return (this.#files.sizeOf(join(directory, DATABASE_FILE)) ?? 0) > 0;
  }

  fileOf(directory: string): string {
    return join(directory, DATABASE_FILE);
  }

  replace(directory: string, from: string): void {
    for (const each of [directory, from]) {
      if (this.#open.has(each)) throw new Error(`assertion: database ${each} is open`);
    }
    if (!this.holds(from)) throw new DatabaseMissingError(from, 'there is nothing to put in the place of another');
    this.#files.rename(this.fileOf(from), this.fileOf(directory));
    this.#files.syncDirectory(directory);
  }

  async create(directory: string): Promise<Database> {
    if (this.holds(directory)) {
      throw new DatabaseExistsError(directory, 'there is one already; open it, or choose another directory');
    }
    this.#files.makeDirectory(directory);
    checkReserve(this.#files, directory, 0);
    const database = this.#mount(directory);
    await database.setAttribute(undefined, undefined);
    this.#files.syncDirectory(directory);
    return database;
  }

  async open(directory: string): Promise<Database> {
    if (!this.holds(directory)) {
      throw new DatabaseMissingError(
        directory,
        `there is no ${DATABASE_FILE}; create the database or correct the path`,
      );
    }
    const path = join(directory, DATABASE_FILE);
    const sizeBytes = this.#files.sizeOf(path) ?? 0;
    const found = inspect(this.#files.readStart(path, startBytes) ?? Buffer.alloc(0), sizeBytes);
    if (!found.ok) throw damaged(directory, found.damage);
    // Opening may write: a transaction that makes the trees of a creation that was cut off.
    checkReserve(this.#files, directory, 0);
    if (sizeBytes >= found.fullBytes) return this.#mount(directory);
    this.#fillUp(path, found.fullBytes);
    const database = this.#mount(directory);
    try {
      for (const _ of database.entries(WHOLE_DATABASE));
    } catch (error) {
      await database.close();
      throw damaged(directory, `it is cut short: ${sizeBytes} bytes of ${found.fullBytes}`, error);
    }
    return database;
  }

  /** A read behind the end of a mapped file would end the process; zeros are recognised as no page. */
  #fillUp(path: string, bytes: number): void {
    const handle = this.#files.open(path, 'update');
    try {
      this.#files.truncate(handle, bytes);
    } finally {
      this.#files.close(handle);
    }
  }

  #mount(directory: string): LmdbDatabase {
    if (this.#open.has(directory)) throw new Error(`assertion: database ${directory} is open already`);
    const database = new LmdbDatabase(directory, this.#files, () => this.#open.delete(directory));
    this.#open.add(directory);
    return database;
  }
}

function damaged(directory: string, what: string, cause?: unknown): DatabaseDamagedError {
  const text = `${join(directory, DATABASE_FILE)} is damaged: ${what}; restore a backup, or delete it and build the copy anew`;
  return new DatabaseDamagedError(directory, text, { cause });
}

function checkReserve(files: DatabaseFileOperations, directory: string, neededBytes: number): void {
  const free = files.freeBytes(directory);
  if (free >= diskReserveBytes + neededBytes) return;
  const mebibytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  throw new DatabaseFullError(
    directory,
    `${mebibytes(free)} are free on its file system, ${mebibytes(diskReserveBytes + neededBytes)} are needed; nothing was written, make room`,
  );
}

class LmdbDatabase implements Database {
  readonly directory: string;
  readonly #files: DatabaseFileOperations;
  readonly #onClosed: () => void;
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #globals: BinaryTree;
  readonly #mirror: BinaryTree;
  #attribute: MirrorAttribute | undefined;
  #applied: JournalPosition | undefined;
  /** Position of the last transaction that ran; at or ahead of `#applied`, which is committed. */
  #written: JournalPosition | undefined;
  readonly #order = new CallOrder();
  /** Bytes by which the transactions under way may make the file grow. */
  #inFlightBytes = 0;
  /** A commit failed: nothing is known of the environment any more. */
  #broken: DatabaseCommitError | null = null;
  #closed = false;
  /** Copies under way. */
  readonly #copying = new Set<Promise<void>>();

  constructor(directory: string, files: DatabaseFileOperations, onClosed: () => void) {
    this.directory = directory;
    this.#files = files;
    this.#onClosed = onClosed;
    const path = join(directory, DATABASE_FILE);
    try {
      this.#root = openEnvironment<Buffer, Buffer>({ path, noSubdir: true, maxDbs: 2, ...binary });
      this.#globals = this.#root.openDB({ name: 'globals', ...binary });
      this.#mirror = this.#root.openDB({ name: 'mirror', ...binary });
      const attribute = this.#mirror.get(ATTRIBUTE_KEY);
      this.#attribute = attribute && JSON.parse(attribute.toString('utf8'));
      const applied = this.#mirror.get(APPLIED_KEY);
      this.#applied = applied && decodePosition(applied);
      this.#written = this.#applied;
    } catch (error) {
      throw damaged(directory, 'it cannot be opened', error);
    }
  }

  get attribute(): MirrorAttribute | undefined {
    return this.#attribute;
  }

  get applied(): JournalPosition | undefined {
    return this.#applied;
  }

  async setAttribute(attribute: MirrorAttribute | undefined, applied: JournalPosition | undefined): Promise<void> {
    await this.#transact([], () => {
      if (attribute === undefined) this.#mirror.remove(ATTRIBUTE_KEY);
      else this.#mirror.put(ATTRIBUTE_KEY, Buffer.from(JSON.stringify(attribute), 'utf8'));
      if (applied === undefined) this.#mirror.remove(APPLIED_KEY);
      else this.#mirror.put(APPLIED_KEY, encodePosition(applied));
      this.#written = applied;
    });
    this.#attribute = attribute;
    this.#applied = applied;
    await this.flushed();
  }

  async apply(updates: readonly Update[], to: JournalPosition): Promise<void> {
    let before: JournalPosition | undefined;
    await this.#transact(updates, () => {
      before = this.#written;
      if (before !== undefined && comparePositions(to, before) <= 0) return;
      this.#carryOut(updates);
      this.#mirror.put(APPLIED_KEY, encodePosition(to));
      this.#written = to;
    });
    if (before === undefined || comparePositions(to, before) > 0) this.#applied = to;
  }

  async change(updates: readonly Update[]): Promise<void> {
    await this.#transact(updates, () => {
      if (this.#written !== undefined)
        throw new Error(`assertion: ${this.directory} is mirrored, only apply may change it`);
      this.#carryOut(updates);
    });
    await this.flushed();
  }

  /** All of `work` in one transaction, in the order of the calls; rejects when nothing of it was done. */
  async #transact(updates: readonly Update[], work: () => void): Promise<void> {
    const call = this.#order.begin();
    const bytes = this.#pagesTouched(updates);
    let ran = false as boolean;
    this.#inFlightBytes += bytes;
    try {
      if (this.#closed) throw new Error(`assertion: ${this.directory} is closed`);
      if (this.#broken !== null) throw this.#broken;
      this.#order.check(call);
      checkReserve(this.#files, this.directory, this.#inFlightBytes);
      await this.#globals.childTransaction(() => {
        try {
          this.#order.check(call);
          work();
        } catch (error) {
          // Now and not when the promise rejects: the next child of the same commit must see it.
          this.#order.fail(call, error);
          throw error;
        }
        ran = true;
      });
    } catch (error) {
      this.#order.fail(call, error);
      // Calls of this same turn are behind this one too and must still find the fault.
      await Promise.resolve();
      if (!ran) throw error;
      this.#broken = new DatabaseCommitError(this.directory, 'a commit failed; dismount and mount it', {
        cause: error,
      });
      throw this.#broken;
    } finally {
      this.#order.end();
      this.#inFlightBytes -= bytes;
    }
  }

  /**
   * How far a batch may make the file grow: each update its page, the page above it and its payload, but old pages are copied
   * once at most, however many updates fall on them.
   */
  #pagesTouched(updates: readonly Update[]): number {
    if (updates.length === 0) return 0;
    let payload = 0;
    for (const update of updates) payload += update.key.length + update.value.length;
    const scattered = updates.length * 2 * 4096;
    if (scattered <= pageBytesMax) return scattered + 2 * payload;
    const present = this.#files.sizeOf(join(this.directory, DATABASE_FILE)) ?? 0;
    return Math.min(scattered, present) + 2 * payload;
  }

  #carryOut(updates: readonly Update[]): void {
    for (const update of updates) {
      checkUpdate(this.directory, update);
      if (update.kind === 'set') this.#globals.put(update.key as Buffer, update.value as Buffer);
      else this.#kill(update.key);
    }
  }

  #kill(key: Uint8Array): void {
    const range = { start: key as Buffer, end: subtreeEnd(key), limit: killChunk };
    for (;;) {
      const keys = [...this.#globals.getKeys({ ...range })];
      for (const found of keys) this.#globals.remove(found);
      if (keys.length < killChunk) return;
    }
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#globals.get(key as Buffer);
  }

  entries(range: KeyRange): Iterable<Entry> {
    return paged(
      range,
      (bounds, countMax) => {
        const page: Entry[] = [];
        let bytes = 0;
        for (const entry of this.#globals.getRange(lmdbRange(bounds, countMax))) {
          page.push(entry);
          bytes += entry.value.length;
          if (bytes > pageBytesMax) return { page, more: true };
        }
        return { page, more: page.length === countMax };
      },
      (entry) => entry.key,
    );
  }

  keys(range: KeyRange): Iterable<Uint8Array> {
    return paged<Uint8Array>(
      range,
      (bounds, countMax) => {
        const page = [...this.#globals.getKeys(lmdbRange(bounds, countMax))];
        return { page, more: page.length === countMax };
      },
      (key) => key,
    );
  }

  count(range: KeyRange): number {
    const { start, end } = lmdbRange({ from: range.from, ...(range.until && { until: range.until }) }, 0);
    const number = this.#globals.getKeysCount({ ...(start && { start }), ...(end && { end }) });
    return Math.min(number, range.limit ?? number);
  }

  async flushed(): Promise<void> {
    await this.#globals.flushed;
  }

  /**
   * LMDB copies on a thread of its own, under a reader's snapshot, and leaves freed pages out. The copy gets its name only
   * when it is whole and on the disk.
   */
  async copyTo(directory: string): Promise<void> {
    const path = join(directory, DATABASE_FILE);
    if ((this.#files.sizeOf(path) ?? 0) > 0) {
      throw new DatabaseExistsError(directory, 'there is one already; choose another directory for the copy');
    }
    this.#files.makeDirectory(directory);
    checkReserve(this.#files, directory, this.#files.sizeOf(join(this.directory, DATABASE_FILE)) ?? 0);
    const copying = this.#copy(`${path}.new`);
    this.#copying.add(copying);
    try {
      await copying;
      this.#files.rename(`${path}.new`, path);
      this.#files.syncDirectory(directory);
    } catch (error) {
      this.#files.remove(`${path}.new`);
      throw error;
    } finally {
      this.#copying.delete(copying);
    }
  }

  async #copy(unfinished: string): Promise<void> {
    await this.flushed();
    this.#files.remove(unfinished);
    try {
      await this.#root.backup(unfinished, true);
    } catch (error) {
      // The errors of this call carry no code, only the system's words.
      const { message } = error as Error;
      if (/no space|quota/i.test(message)) throw new DatabaseFullError(this.directory, `its copy: ${message}`);
      throw error;
    }
    await this.#files.flush(unfinished);
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // LMDB's copying thread must not find its environment closed: that would end the process.
    await Promise.allSettled(this.#copying);
    if (this.#broken === null) await this.#globals.flushed;
    await this.#root.close();
    this.#onClosed();
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
