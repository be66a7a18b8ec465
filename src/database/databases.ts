/**
 * Door of the database room: the global databases of one instance, each in a directory of its own.
 *
 * A database is a sorted map from key bytes (global-key.ts) to value bytes. Mirrored ones are changed only by `apply`,
 * which shows at once and is written in the background, data and applied journal position in one transaction, so that a
 * crash can neither lose nor repeat an update: afterwards the database stands at its `stored` position, from which the
 * journal brings it forward again. Ordinary ones, and copies whose FailoverDB flag is cleared, are changed by `change`, which is
 * durable; of a copy it is in order with `apply`, so that what came later stays.
 */
import type { JournalPosition } from '../mirror/journal-position.ts';
import { globalKeyBytesMax, globalValueBytesMax } from '../mirror/limits.ts';
import type { MemberName, MirrorDatabaseName, MirrorName } from '../mirror/terms.ts';

export interface Update {
  readonly kind: 'set' | 'kill';
  readonly key: Uint8Array;
  /** Empty for a kill. */
  readonly value: Uint8Array;
}

/** Sets where they lie in bytes that do not change: of millions of them nothing is made anew. */
export interface SetsInPlace {
  readonly kind: 'sets';
  readonly bytes: Uint8Array;
  /** From index `first` on, three for each set: where its key begins, where its value begins behind it, and where that ends. */
  readonly places: Int32Array;
  readonly first: number;
  readonly count: number;
  /** Of all keys and values. */
  readonly dataBytes: number;
}

export type Updates = readonly (Update | SetsInPlace)[];

/** Of one set in `places`. */
export const placesOfSet = 3;

/** Bytes of key and value, or of all of them. */
export function updateBytes(update: Updates[number]): number {
  return update.kind === 'sets' ? update.dataBytes : update.key.length + update.value.length;
}

/** The mark that makes a copy part of a mirror; kept inside the database, so that it travels with the file. */
export interface MirrorAttribute {
  readonly mirror: MirrorName;
  readonly database: MirrorDatabaseName;
  /** Where the database became part of the mirror. */
  readonly addedAt: JournalPosition;
  /** Created as mirrored and empty: its journal alone can build a copy (DB-014). */
  readonly fromEmpty: boolean;
  /** A copy that is not activated receives no journal data yet (DB-031). */
  readonly activated: boolean;
  /** The member that activated it: on any other one a copy of the file has yet to be activated. Absent = where it was made. */
  readonly activatedOn?: MemberName;
  /** FailoverDB flag; absent = set. False = cleared, for ever: applications may change this copy, so it is none that a primary can have (DB-039). */
  readonly failoverDb?: false;
}

/** Was the FailoverDB flag of this copy cleared? */
export function isFlagCleared(attribute: MirrorAttribute | undefined): boolean {
  return attribute?.failoverDb === false;
}

/** What a closed database says of itself. Null on an ordinary one. */
export interface CopyFacts {
  readonly attribute: MirrorAttribute | null;
  readonly applied: JournalPosition | null;
}

export interface KeyRange {
  /** First key wanted. */
  readonly from: Uint8Array;
  /** First key not wanted; absent = to the end. */
  readonly until?: Uint8Array;
  /** From the last to the first. */
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** What a database holds at one position, in short: equal on every member that has the same data there. */
export interface ContentSum {
  /** Undefined on an ordinary database. */
  readonly position: JournalPosition | undefined;
  /** Sum over all entries, in any order: 16 hex digits (entry-checksum.ts). */
  readonly sum: string;
  /** Number of entries. */
  readonly keys: number;
}

export type CheckResult =
  | { readonly ok: true; readonly content: ContentSum }
  /**
   * `key` = where the first damaged entry was found; null = every entry is as it was stored, and some were lost, doubled or
   * moved: `found` is what is there, `content` what should be. `text` says it for people, with what to do.
   */
  | {
      readonly ok: false;
      readonly key: Uint8Array | null;
      readonly content: ContentSum;
      readonly found: ContentSum;
      readonly text: string;
    };

/** 'waived' for updates that were taken while the database was not full: they are durable, and the maximum comes too late. */
export type Maximum = 'kept' | 'waived';

export interface Database {
  readonly directory: string;
  /** Absent on an ordinary local database. */
  readonly attribute: MirrorAttribute | undefined;
  /** Everything up to here shows to readers; undefined on an ordinary database. */
  readonly applied: JournalPosition | undefined;
  /** Everything up to here is on the disk, at or behind `applied`: where a process that dies begins again. */
  readonly stored: JournalPosition | undefined;
  /** How large the database may become, in bytes; 0 = no limit. Kept inside the database. */
  readonly maximumBytes: number;
  /** What counts against the maximum: the pages in use by what is on the disk. */
  readonly sizeBytes: number;
  /** So near its maximum that no more sets should be taken for it; kills make room (SYN-017). */
  readonly isFull: boolean;
  /** Durable when it resolves. A size below the present one stops sets, and nothing else. */
  setMaximumBytes(bytes: number): Promise<void>;
  /** Change the mirror attribute (and the applied position with it); durable when it resolves. */
  setAttribute(attribute: MirrorAttribute | undefined, applied: JournalPosition | undefined): Promise<void>;
  /** Clear the FailoverDB flag of a mirrored copy, at its present position; durable when it resolves (DB-039). */
  clearFailoverDb(): Promise<void>;
  /** The bytes are the caller's own. A value whose checksum is wrong is never given. @throws DatabaseDamagedError */
  get(key: Uint8Array): Uint8Array | undefined;
  /**
   * Read page by page: one consistent state as long as the caller does not wait for anything in between; afterwards later
   * commits show. An iterator may be left at any point and holds nothing. @throws DatabaseDamagedError, like `get`
   */
  entries(range: KeyRange): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
  keys(range: KeyRange): Iterable<Uint8Array>;
  /** Number of keys in the range, without reading values. */
  count(range: KeyRange): number;
  /**
   * Apply updates of the journal and move the applied position: all of it shows to readers, or none. It reaches the disk
   * later, data and position in one transaction. A position at or below the applied one is ignored. Calls take effect in the
   * order of calling, and when one fails, those already waiting behind it fail with the same error, so that none is skipped.
   * `maximum` is 'kept' unless it is said otherwise. @throws DatabaseFullError, DatabaseUpdateError, DatabaseCommitError
   */
  apply(updates: Updates, to: JournalPosition, maximum?: Maximum): Promise<void>;
  /** Resolves when an `apply` would show before it returns, in the same turn of the event loop. Rejects like `apply`. */
  ready(): Promise<void>;
  /** The sum over what is on the disk, at `stored`. */
  contentSum(): ContentSum;
  /**
   * The sum over exactly what has been applied when it is called, once that is on the disk, although more is applied
   * meanwhile.
   */
  barrier(): Promise<ContentSum>;
  /**
   * Read everything on the disk, verify each checksum, and count and sum it up anew. It looks at one state; updates go on.
   * `onProgress` is called a few times a second, with what `contentSum` counts as the whole.
   */
  check(onProgress: (keysDone: number, keys: number) => void): Promise<CheckResult>;
  /** Change an ordinary database, or a copy whose FailoverDB flag is cleared; durable when it resolves. */
  change(updates: readonly Update[]): Promise<void>;
  /** Resolves when everything committed so far is on the disk. */
  flushed(): Promise<void>;
  /**
   * A copy of the whole database, with attribute and applied position, in another directory, while updates go on: one
   * consistent state that holds at least what was applied before the call. Durable when it resolves; when it rejects, the
   * directory holds no database. @throws DatabaseExistsError, DatabaseFullError
   */
  copyTo(directory: string): Promise<void>;
  close(): Promise<void>;
}

export interface DatabaseStore {
  /** Make an empty database. @throws DatabaseExistsError when the directory holds one. */
  create(directory: string): Promise<Database>;
  /** @throws DatabaseMissingError, DatabaseDamagedError */
  open(directory: string): Promise<Database>;
  /** Does the directory hold a database? */
  holds(directory: string): boolean;
  /**
   * Read a whole database that is closed before and afterwards, verify it (`check`), and say what it is. @throws like `open`,
   * DatabaseDamagedError
   */
  inspect(directory: string, onProgress: (keysDone: number, keys: number) => void): Promise<CopyFacts>;
  /** The one file that a database is; a copy of it, made while the database is closed, is the database (DB-027). */
  fileOf(directory: string): string;
  /**
   * Put the database of `from` in the place of the one of `directory`, both closed, in one step that is durable when it
   * returns: whatever happens, `directory` holds one of the two. @throws DatabaseMissingError when `from` holds none
   */
  replace(directory: string, from: string): void;
}

/** What a database needs from the file system besides its own store; the host's FileOperations have it all. */
export interface DatabaseFileOperations {
  /** With its parents. */
  makeDirectory(path: string): void;
  syncDirectory(path: string): void;
  /** Bytes a write may still use on the file system of `path`, which exists. */
  freeBytes(path: string): number;
  /** Null when the file does not exist. */
  sizeOf(path: string): number | null;
  /** The first bytes, fewer if the file is shorter; null when it does not exist. */
  readStart(path: string, bytesMax: number): Uint8Array | null;
  /** For an existing file; `truncate` also makes it longer, with zeros. */
  open(path: string, how: 'update'): number;
  truncate(handle: number, length: number): void;
  close(handle: number): void;
  rename(from: string, to: string): void;
  /** A missing file is no fault. */
  remove(path: string): void;
  /** fsync of a whole file, without holding up the caller's thread. */
  flush(path: string): Promise<void>;
}

abstract class DatabaseError extends Error {
  readonly directory: string;
  constructor(directory: string, text: string, options?: ErrorOptions) {
    super(`database ${directory}: ${text}`, options);
    this.name = new.target.name;
    this.directory = directory;
  }
}

/** Too little room on the file system; nothing was written and the call may be repeated when there is room. */
export class DatabaseFullError extends DatabaseError {
  readonly code = 'database-full';
}
export class DatabaseExistsError extends DatabaseError {
  readonly code = 'database-exists';
}
export class DatabaseMissingError extends DatabaseError {
  readonly code = 'database-missing';
}
/** Also a database of another format. The text names database, global and key. */
export class DatabaseDamagedError extends DatabaseError {
  readonly code = 'database-damaged';
}
/** An update that no database can hold; nothing of its batch was written. */
export class DatabaseUpdateError extends DatabaseError {
  readonly code = 'database-update';
}
/** The store itself failed while committing; close the database and open it again. */
export class DatabaseCommitError extends DatabaseError {
  readonly code = 'database-commit';
}

/** @throws DatabaseUpdateError */
export function checkUpdate(directory: string, update: Updates[number]): void {
  if (update.kind !== 'sets') return checkLengths(directory, update.key.length, update.value.length);
  const { places, first, count } = update;
  for (let at = first, end = first + count * placesOfSet; at < end; at += placesOfSet) {
    const valueAt = places[at + 1]!;
    checkLengths(directory, valueAt - places[at]!, places[at + 2]! - valueAt);
  }
}

function checkLengths(directory: string, keyBytes: number, valueBytes: number): void {
  if (keyBytes === 0 || keyBytes > globalKeyBytesMax) {
    throw new DatabaseUpdateError(directory, `a key of ${keyBytes} bytes; 1 to ${globalKeyBytesMax} are possible`);
  }
  if (valueBytes > globalValueBytesMax) {
    throw new DatabaseUpdateError(directory, `a value of ${valueBytes} bytes; ${globalValueBytesMax} at most`);
  }
}
