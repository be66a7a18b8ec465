/**
 * One real database: what it takes shows at once from memory and is written behind in large batches sorted by key
 * (write-behind.ts, lmdb-batch.ts), because LMDB is slow where keys come in random order and the journal already keeps them.
 * LMDB ends the process when a commit meets a full disk, therefore room is measured before anything is taken or written.
 */
import { join } from 'node:path';
import { comparePositions, type JournalPosition } from '../mirror/journal-position.ts';
import { diskReserveBytes } from '../mirror/limits.ts';
import { CallOrder } from './call-order.ts';
import {
  type CheckResult,
  type ContentSum,
  checkUpdate,
  type Database,
  DatabaseDamagedError,
  DatabaseExistsError,
  type DatabaseFileOperations,
  DatabaseFullError,
  isFlagCleared,
  type KeyRange,
  type Maximum,
  type MirrorAttribute,
  type Update,
  type Updates,
} from './databases.ts';
import { LayeredReads } from './layered-reads.ts';
import type { BatchState } from './lmdb-batch.ts';
import { resultOf } from './lmdb-check.ts';
import { type Entry, LmdbTrees } from './lmdb-trees.ts';
import type { BatchWriter, Place } from './lmdb-writer.ts';
import { type SharedMemory, type Stored, WriteBehind } from './write-behind.ts';

export const DATABASE_FILE = 'database.mdb';

/** Ranges that stepped over so many killed entries had better find them gone. */
const hiddenEntriesMax = 20_000;

export function damaged(directory: string, what: string, cause?: unknown): DatabaseDamagedError {
  const text = `${join(directory, DATABASE_FILE)} is damaged: ${what}; restore a backup, or delete it and build the copy anew`;
  return new DatabaseDamagedError(directory, text, { cause });
}

/** @throws DatabaseFullError */
export function checkReserve(files: DatabaseFileOperations, directory: string, neededBytes: number): void {
  const free = files.freeBytes(directory);
  if (free >= diskReserveBytes + neededBytes) return;
  const mebibytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  throw new DatabaseFullError(
    directory,
    `${mebibytes(free)} are free on its file system, ${mebibytes(diskReserveBytes + neededBytes)} are needed; nothing was written, make room`,
  );
}

export interface LmdbDatabaseParts {
  readonly directory: string;
  readonly files: DatabaseFileOperations;
  readonly writer: BatchWriter;
  readonly memory: SharedMemory;
  readonly onClosed: () => void;
}

export class LmdbDatabase implements Database {
  readonly directory: string;
  readonly #files: DatabaseFileOperations;
  readonly #writer: BatchWriter;
  readonly #place: Place;
  readonly #onClosed: () => void;
  readonly #trees: LmdbTrees;
  readonly #behind: WriteBehind;
  readonly #reads: LayeredReads;
  readonly #order = new CallOrder();
  /** The last of the calls that wait until they fit. */
  #line: Promise<void> | null = null;
  #hiddenEntries = 0;
  #closed = false;
  /** Copies and checks under way. */
  readonly #reading = new Set<Promise<unknown>>();

  constructor({ directory, files, writer, memory, onClosed }: LmdbDatabaseParts) {
    this.directory = directory;
    this.#files = files;
    this.#writer = writer;
    this.#onClosed = onClosed;
    const path = join(directory, DATABASE_FILE);
    this.#place = { directory, path };
    let stored: Stored;
    try {
      this.#trees = new LmdbTrees(directory, path);
    } catch (error) {
      throw damaged(directory, 'it cannot be opened', error);
    }
    try {
      stored = { ...this.#trees.state(), sizeBytes: this.#trees.sizeBytes() };
    } catch (error) {
      void this.#trees.root.close();
      if (error instanceof DatabaseDamagedError) throw error;
      throw damaged(directory, 'it cannot be opened', error);
    }
    const trees = this.#trees;
    this.#behind = new WriteBehind(
      {
        directory,
        write: (batch) => writer.write(this.#place, trees, batch),
        checkRoom: (bytes) => checkReserve(files, directory, bytes),
        fileBytes: () => files.sizeOf(path) ?? 0,
        memory,
        onWritten: () => {
          trees.look();
          this.#hiddenEntries = 0;
        },
      },
      stored,
    );
    this.#reads = new LayeredReads(
      () => this.#behind.layers,
      trees,
      (entries) => this.#stepsOver(entries),
    );
  }

  get attribute(): MirrorAttribute | undefined {
    return this.#behind.state.attribute;
  }

  get applied(): JournalPosition | undefined {
    return this.#behind.state.applied;
  }

  get stored(): JournalPosition | undefined {
    return this.#behind.stored.applied;
  }

  get maximumBytes(): number {
    return this.#behind.state.maximumBytes;
  }

  get sizeBytes(): number {
    return this.#behind.stored.sizeBytes;
  }

  get isFull(): boolean {
    return this.#behind.isFull;
  }

  async setAttribute(attribute: MirrorAttribute | undefined, applied: JournalPosition | undefined): Promise<void> {
    await this.#take([], (state) => ({ ...state, attribute, applied }));
    await this.#behind.settled();
  }

  async clearFailoverDb(): Promise<void> {
    await this.#take([], ({ attribute, ...state }) => {
      if (attribute === undefined) throw new Error(`assertion: ${this.directory} is not mirrored and has no flag`);
      return { ...state, attribute: { ...attribute, failoverDb: false } };
    });
    await this.#behind.settled();
  }

  async setMaximumBytes(maximumBytes: number): Promise<void> {
    await this.#take([], (state) => ({ ...state, maximumBytes }));
    await this.#behind.settled();
  }

  apply(updates: Updates, to: JournalPosition, maximum: Maximum = 'kept'): Promise<void> {
    const next = (state: BatchState): BatchState | null => {
      const { applied } = state;
      return applied !== undefined && comparePositions(to, applied) <= 0 ? null : { ...state, applied: to };
    };
    return this.#take(updates, next, maximum);
  }

  async change(updates: readonly Update[]): Promise<void> {
    await this.#take(updates, (state) => {
      if (state.applied !== undefined && !isFlagCleared(state.attribute))
        throw new Error(`assertion: ${this.directory} is mirrored, only apply may change it`);
      return state;
    });
    await this.#behind.settled();
  }

  async ready(): Promise<void> {
    if (this.#line !== null || !this.#fits([], 'waived')) await this.#untilFits([], 'waived');
  }

  /**
   * All of it at once, before the call returns where it fits, and in the order of the calls. `next` gives the new state, or
   * null when the updates are here already.
   */
  async #take(
    updates: Updates,
    next: (state: BatchState) => BatchState | null,
    maximum: Maximum = 'kept',
  ): Promise<void> {
    const call = this.#order.begin();
    try {
      this.#order.check(call);
      for (const update of updates) checkUpdate(this.directory, update);
      if (this.#line !== null || !this.#fits(updates, maximum)) await this.#waitInLine(updates, maximum, call);
      const state = next(this.#behind.state);
      if (state !== null) this.#behind.take(updates, state);
    } catch (error) {
      this.#order.fail(call, error);
      // Calls of this same turn are behind this one too and must still find the fault.
      await Promise.resolve();
      throw error;
    } finally {
      this.#order.end();
    }
  }

  /** @throws what makes it hopeless to wait */
  #fits(updates: Updates, maximum: Maximum): boolean {
    if (this.#closed) throw new Error(`assertion: ${this.directory} is closed`);
    return this.#behind.fits(updates, maximum);
  }

  async #waitInLine(updates: Updates, maximum: Maximum, call: number): Promise<void> {
    const before = this.#line;
    const mine = (async () => {
      await before?.catch(() => undefined);
      this.#order.check(call);
      await this.#untilFits(updates, maximum);
    })();
    this.#line = mine;
    try {
      await mine;
    } finally {
      if (this.#line === mine) this.#line = null;
    }
  }

  async #untilFits(updates: Updates, maximum: Maximum): Promise<void> {
    while (!this.#fits(updates, maximum)) {
      const change = this.#behind.change();
      this.#behind.demand();
      await change;
    }
  }

  #stepsOver(entries: number): void {
    this.#hiddenEntries += entries;
    if (this.#hiddenEntries > hiddenEntriesMax) this.#behind.demand();
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error(`assertion: ${this.directory} is closed`);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    this.#checkOpen();
    return this.#reads.get(key);
  }

  entries(range: KeyRange): Iterable<Entry> {
    this.#checkOpen();
    return this.#reads.entries(range);
  }

  keys(range: KeyRange): Iterable<Uint8Array> {
    this.#checkOpen();
    return this.#reads.keys(range);
  }

  count(range: KeyRange): number {
    this.#checkOpen();
    return this.#reads.count(range);
  }

  contentSum(): ContentSum {
    return contentOf(this.#behind.stored);
  }

  async barrier(): Promise<ContentSum> {
    return contentOf(await this.#behind.sealedHere());
  }

  async check(onProgress: (keysDone: number, keys: number) => void): Promise<CheckResult> {
    await this.#behind.settled();
    const { keys } = this.#behind.stored.sum;
    const checking = this.#writer.check(this.#place, this.#trees, (done) => onProgress(done, keys));
    return resultOf(this.#place, await this.#whileOpen(checking));
  }

  async flushed(): Promise<void> {
    await this.#behind.settled();
  }

  async copyTo(directory: string): Promise<void> {
    const path = join(directory, DATABASE_FILE);
    if ((this.#files.sizeOf(path) ?? 0) > 0) {
      throw new DatabaseExistsError(directory, 'there is one already; choose another directory for the copy');
    }
    this.#files.makeDirectory(directory);
    checkReserve(this.#files, directory, this.#files.sizeOf(this.#place.path) ?? 0);
    try {
      await this.#whileOpen(this.#copy(`${path}.new`));
      this.#files.rename(`${path}.new`, path);
      this.#files.syncDirectory(directory);
    } catch (error) {
      this.#files.remove(`${path}.new`);
      throw error;
    }
  }

  /**
   * LMDB copies on a thread of its own, under a reader's snapshot, and leaves freed pages out. The copy gets its name only
   * when it is whole and on the disk.
   */
  async #copy(unfinished: string): Promise<void> {
    await this.flushed();
    this.#files.remove(unfinished);
    try {
      await this.#trees.root.backup(unfinished, true);
    } catch (error) {
      // The errors of this call carry no code, only the system's words.
      const { message } = error as Error;
      if (/no space|quota/i.test(message)) throw new DatabaseFullError(this.directory, `its copy: ${message}`);
      throw error;
    }
    await this.#files.flush(unfinished);
  }

  /** A thread that reads must not find the environment closed: that would end the process. */
  async #whileOpen<T>(reading: Promise<T>): Promise<T> {
    this.#reading.add(reading);
    try {
      return await reading;
    } finally {
      this.#reading.delete(reading);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#reading);
    await this.#behind.close();
    await this.#writer.close(this.#place);
    await this.#trees.root.close();
    this.#onClosed();
  }
}

function contentOf({ applied, sum }: Pick<Stored, 'applied' | 'sum'>): ContentSum {
  return { position: applied, sum: sum.hex, keys: sum.keys };
}
