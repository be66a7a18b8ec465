/**
 * Door of the journal room: the mirror journal files of one member in one mirror.
 *
 * What is durable when: nothing that `append` or `store` took is durable before `flush` has returned. `startFile`,
 * `truncateTo` and `close` are durable when they return. All calls are synchronous and in order: group commit is the
 * caller's, who appends a batch and flushes once.
 *
 * Files of all members are byte-identical up to the journal's end, so a chunk read on one member is stored at the same
 * file and offset on another. The newest file has zeros behind that end while it is written to, and after a killed process:
 * whoever looks at sizes of files on disk does not see the end, `files[].bytes` does.
 */
import type { EpochBeginning, JournalPosition } from '../mirror/journal-position.ts';
import { shipChunkBytes } from '../mirror/limits.ts';
import type { Epoch, MirrorDatabaseName, MirrorName } from '../mirror/terms.ts';
import type { PackedSets } from '../protocol/packed-sets.ts';

/**
 * What a record does. `database-added` makes the database part of the mirror from this record on (DB-014). `barrier` changes
 * no data: it is a place at which every member looks at its databases, and `barrier-sums` is what the primary found there.
 */
export type RecordKind =
  | 'set'
  | 'kill'
  | 'database-added'
  | 'database-removed'
  | 'epoch-begun'
  | 'barrier'
  | 'barrier-sums';

export interface JournalRecord {
  readonly kind: RecordKind;
  /** Upper-case mirror database name; empty for `epoch-begun` and the barriers. */
  readonly database: MirrorDatabaseName;
  /** Ordered key bytes (database/global-key.ts); empty for other kinds than set and kill. A kill takes the subtree. */
  readonly key: Uint8Array;
  /**
   * The value of a set; for `database-added` one byte, 1 = created as mirrored and empty, 0 = existed before (DB-020); for the
   * barriers JSON (protocol/verification.ts).
   */
  readonly value: Uint8Array;
  /**
   * The next record is of the same group (a transaction): databases take a group when its last record is there, or never. A
   * group is appended in one call and so stands in one file; where the file ends before it does, a failure took the rest.
   */
  readonly continues?: boolean;
}

/** Sets that came in one message: as many records, one after the other, none of them of a group. */
export interface JournalSets {
  readonly kind: 'sets';
  readonly database: MirrorDatabaseName;
  readonly sets: PackedSets;
}

/** A record with its place, as read back. */
export interface PlacedRecord extends JournalRecord {
  readonly continues: boolean;
  readonly position: JournalPosition;
  /** Wall clock of the primary when it was appended, ms since 1970. For people, never for decisions. */
  readonly timeMs: number;
}

/**
 * Sets of one database that stand one behind the other in a chunk: of millions of them nothing is made anew. Place and time are
 * those of the last one; all of them are of a group that goes on, or none is.
 */
export interface PlacedSets {
  readonly kind: 'sets';
  readonly database: MirrorDatabaseName;
  readonly continues: boolean;
  readonly position: JournalPosition;
  readonly timeMs: number;
  /** Their keys and values, with other bytes between. */
  readonly bytes: Uint8Array;
  /** From index `first` on, three for each set: where in the bytes its key begins, where its value begins, and where that ends. */
  readonly places: Int32Array;
  readonly first: number;
  readonly count: number;
  /** Bytes of all keys and values. */
  readonly dataBytes: number;
  /** Without those at or before a position, which is before that of the last one. */
  behind(position: JournalPosition): PlacedSets;
  /** The same one by one. */
  records(): readonly PlacedRecord[];
}

/** What a chunk holds, in order: sets together, everything else by itself. */
export type JournalPart = PlacedRecord | PlacedSets;

/** A file that is kept. Times are wall clocks of the primary, ms since 1970, for people. */
export interface KeptFile {
  readonly file: number;
  readonly name: string;
  /** Where it is: the journal directory or the alternate one. */
  readonly directory: string;
  /** Where its records end; the file on disk may have zeros behind. */
  readonly bytes: number;
  readonly epoch: number;
  /** Of the record before its first one, and of its last one. */
  readonly sequenceBefore: number;
  readonly sequence: number;
  readonly createdMs: number;
  /** Of its newest record; of the newest one before while it has none, 0 when there is none. */
  readonly newestMs: number;
}

/** Whole records (and, at offset 0, the file's header) as they stand in one file; never spans two files. */
export interface JournalChunk {
  readonly file: number;
  /** File name, MIRROR-<NAME>-YYYYMMDD.nnn, so that a receiver can begin the same file. */
  readonly fileName: string;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** The position before its first and after its last record. */
  readonly from: JournalPosition;
  readonly to: JournalPosition;
  /** Wall clock of its newest record, ms; 0 if it holds none (a bare header). */
  readonly timeMs: number;
  /** Its records' checksums were verified by the journal that gave it, when it was read or stored: `read` says so of every chunk. */
  readonly isChecked?: true;
}

/** What `truncateTo` took away. Null when there was nothing. */
export interface JournalSurplus {
  readonly from: JournalPosition;
  readonly to: JournalPosition;
  readonly records: number;
  /** Files in lost+found that hold the bytes taken away. */
  readonly keptIn: readonly string[];
}

export interface Journal {
  readonly mirror: MirrorName;
  /** Where files are begun while there is room. */
  readonly directory: string;
  /** Everything appended or stored, durable or not. */
  readonly end: JournalPosition;
  /** Everything on disk and flushed. */
  readonly flushed: JournalPosition;
  /** Wall clock of the newest record, ms; 0 when there is none. */
  readonly newestRecordMs: number;
  /** Oldest first. */
  readonly files: readonly KeptFile[];
  readonly history: readonly EpochBeginning[];
  /** What opening found and cut: null, or a sentence for the messages log (a torn tail). */
  readonly openingReport: string | null;

  /**
   * Begin a new file (SYN-001); durable when it returns: header, directory entry and the line in mirrorjrn-<NAME>.log.
   * `epoch.number` is at least that of the end. `atMs` is the wall clock, for the file name and the header. Flushes first.
   * @throws JournalFrozenError (no file was begun, try again), JournalBrokenError.
   */
  startFile(epoch: Epoch, atMs: number): JournalPosition;
  /**
   * Append records of the present file's epoch; begins a new file first when the present one is full, so that all records of
   * one call stand in one file. Never refuses for want of room: flush does. @throws JournalBrokenError.
   */
  append(records: readonly (JournalRecord | JournalSets)[], atMs: number): JournalPosition;
  /** Make everything durable; returns the new flushed position. @throws JournalFrozenError no room (nothing is lost, try again); JournalBrokenError the disk failed, the process must end. */
  flush(): JournalPosition;
  /** The chunk that follows `from` by file and offset, at most about `bytesMax` (one record at least, also behind a file's header), not beyond `to`; null when `from` is the end. From the start it is the beginning of the oldest file that is kept. Reads unflushed bytes too. @throws JournalGoneError when the file is no longer kept, JournalMismatchError when no record ends at `from`, JournalDamagedError. */
  read(from: JournalPosition, to: JournalPosition, bytesMax: number): JournalChunk | null;
  /** Bytes between two positions of this journal (an estimate across files is fine). */
  bytesBetween(from: JournalPosition, to: JournalPosition): number;
  /**
   * Store a received chunk, whose bytes never change from now on; it must join the end and its checksums hold, else JournalMismatchError and nothing is stored. What
   * is here already and equal is ignored, also as the first part of a chunk. An empty journal may begin with any file. A chunk
   * with a file's header begins that file and flushes. @throws JournalFrozenError (nothing was stored, try again), JournalBrokenError.
   */
  store(chunk: JournalChunk): JournalPosition;
  /**
   * Cut everything after `position`, which keeps the records of it; the bytes cut go to lost+found. @throws JournalMismatchError
   * when the position is not in this journal (nothing was cut), JournalFrozenError (perhaps some of it was; `end` says how far;
   * try again), JournalBrokenError.
   */
  truncateTo(position: JournalPosition, reason: string): JournalSurplus | null;
  /**
   * Remove the files with numbers below `before`, oldest first; the newest one always stays. Each removal is durable before the
   * next, so that a journal that was interrupted has no gap. Returns what was removed. @throws JournalBrokenError.
   */
  purge(before: number): readonly KeptFile[];
  /** The full position (file, offset) of a sequence within an epoch's files, the earliest if there are two; null when it is not here. */
  locate(epoch: number, sequence: number): JournalPosition | null;
  close(): void;
}

/**
 * Decode what a chunk holds, in order; checks each checksum that was not checked before. @throws JournalDamagedError naming file
 * and offset.
 */
export type ReadParts = (chunk: JournalChunk) => readonly JournalPart[];

const nothing = { fileName: '', timeMs: 0, bytes: new Uint8Array(0) };
/** A piece and its head fit well into one frame. */
const handedOutBytesMax = 8 * shipChunkBytes;

/** A piece for another member that reads this journal on its own account; without bytes where there is nothing up to `until`. */
export function handOut(
  journal: Journal,
  from: JournalPosition,
  until: JournalPosition,
  bytesMax: number,
): JournalChunk {
  const chunk = journal.read(from, until, Math.max(1, Math.min(handedOutBytesMax, bytesMax)));
  return chunk ?? { ...nothing, file: from.file, offset: from.offset, from, to: from };
}

/** The file operations a journal needs; src/host gives the real ones, the simulation its own. Synchronous, in order. */
export interface JournalFileOperations {
  makeDirectory(path: string): void;
  list(path: string): readonly string[];
  exists(path: string): boolean;
  /** 'read' an existing file; 'update' an existing one; 'create' fails if it exists. */
  open(path: string, how: 'read' | 'update' | 'create'): number;
  close(handle: number): void;
  size(handle: number): number;
  /** May return fewer bytes than asked for only at the end of the file. */
  read(handle: number, into: Uint8Array, position: number): number;
  /** Writes all bytes or throws (ENOSPC, EDQUOT, EIO ...). */
  write(handle: number, bytes: Uint8Array, position: number): void;
  /** fdatasync. */
  sync(handle: number): void;
  truncate(handle: number, length: number): void;
  rename(from: string, to: string): void;
  remove(path: string): void;
  syncDirectory(path: string): void;
  /**
   * Replace a file whole and durably: temporary file, fsync, rename, fsync of the directory. After ENOSPC or EDQUOT the old one
   * is there as it was; after any other fault it is the old or the new one.
   */
  replace(path: string, bytes: Uint8Array): void;
  freeBytes(path: string): number;
}

export class JournalFrozenError extends Error {
  readonly code = 'journal-frozen';
}
export class JournalBrokenError extends Error {
  readonly code = 'journal-broken';
}
export class JournalGoneError extends Error {
  readonly code = 'journal-gone';
}
export class JournalMismatchError extends Error {
  readonly code = 'journal-mismatch';
}
export class JournalDamagedError extends Error {
  readonly code = 'journal-damaged';
  /** Path (or, for a chunk, name) of the file. */
  readonly file: string;
  /** Where in it the damage begins. */
  readonly offset: number;

  constructor(message: string, file: string, offset: number) {
    super(message);
    this.file = file;
    this.offset = offset;
  }
}
