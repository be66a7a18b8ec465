/**
 * The real databases: one LMDB environment in each directory, with the data in one tree and the mirror attribute and applied
 * position in another one, so that a transaction changes both or neither. This file finds, makes and opens them.
 */

import { Buffer } from 'node:buffer';
import { join } from 'node:path';
import { dejournalJobsMax } from '../mirror/limits.ts';
import { WHOLE_DATABASE } from '../protocol/global-key.ts';
import { BlockPool } from './block-pool.ts';
import {
  type CopyFacts,
  type Database,
  DatabaseDamagedError,
  DatabaseExistsError,
  type DatabaseFileOperations,
  DatabaseMissingError,
  type DatabaseStore,
} from './databases.ts';
import { checkReserve, DATABASE_FILE, damaged, LmdbDatabase } from './lmdb-database.ts';
import { inspect, startBytes } from './lmdb-file.ts';
import { type BatchWriter, OwnThreadWriter, ThreadWriter } from './lmdb-writer.ts';

export { DATABASE_FILE } from './lmdb-database.ts';

/** A database that was just created is smaller. */
const creationBytesMax = 64 * 1024;

export class LmdbDatabaseStore implements DatabaseStore {
  readonly #files: DatabaseFileOperations;
  /** Directories open now: a second object on one environment would not see the first one's applied position. */
  readonly #open = new Set<string>();

  readonly #writer: BatchWriter;
  readonly #memory = { blocks: new BlockPool(), databases: 0 };

  /**
   * `program` = of the threads that write (lmdb-writer-thread.ts); without it the caller's own thread does. `jobs` = how many of
   * them may.
   */
  constructor(files: DatabaseFileOperations, program?: URL, jobs: () => number = () => dejournalJobsMax) {
    this.#files = files;
    this.#writer = program === undefined ? new OwnThreadWriter() : new ThreadWriter(program, jobs);
  }

  /** A file of no bytes is a creation that was cut off before it began. */
  holds(directory: string): boolean {
    return (this.#files.sizeOf(join(directory, DATABASE_FILE)) ?? 0) > 0;
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
      this.#files.remove(`${this.fileOf(directory)}-lock`);
    }
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
    const path = join(directory, DATABASE_FILE);
    const isUnfinished = this.#isUnfinished(path);
    if (this.holds(directory) && !isUnfinished) {
      throw new DatabaseExistsError(directory, 'there is one already; open it, or choose another directory');
    }
    this.#files.makeDirectory(directory);
    if (isUnfinished) this.#files.rename(path, `${path}.unfinished`);
    checkReserve(this.#files, directory, 0);
    const database = this.#mount(directory);
    await database.setAttribute(undefined, undefined);
    this.#files.syncDirectory(directory);
    return database;
  }

  /** What a loss of power left of a creation: no database yet, and too small to have held anything. It is put aside. */
  #isUnfinished(path: string): boolean {
    const sizeBytes = this.#files.sizeOf(path) ?? 0;
    if (sizeBytes === 0 || sizeBytes > creationBytesMax) return false;
    return !inspect(this.#files.readStart(path, startBytes) ?? Buffer.alloc(0), sizeBytes).ok;
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
    const database = new LmdbDatabase({
      directory,
      files: this.#files,
      writer: this.#writer,
      memory: this.#memory,
      onClosed: () => {
        this.#open.delete(directory);
        this.#memory.databases = this.#open.size;
      },
    });
    this.#open.add(directory);
    this.#memory.databases = this.#open.size;
    return database;
  }
}
