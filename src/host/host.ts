/**
 * Door of the host room: the machine as a process of the mirror sees it. Clock and timers, files, the instance's
 * configuration, the member's record, messages and events, locks and other processes. No sockets (network) and no rules.
 *
 * Everything about files is synchronous and in order: what has returned is done, and durable where it says so. What would
 * hold up the process too long (the contents of long files) is a promise instead.
 */
import type { LogLine } from '../mirror/log-messages.ts';
import type { Address, MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberName, MemberType, MirrorDatabaseName, MirrorName } from '../mirror/terms.ts';
import type { EventRecord } from '../protocol/control-channel.ts';

export interface Timer {
  /** The handler is not called any more. */
  cancel(): void;
}

export interface Clock {
  /** Monotonic, ms since the process began, with fractions. For decisions and deadlines. */
  nowMs(): number;
  /** Wall clock, whole ms since 1970. For people, never for decisions. */
  wallMs(): number;
  /** Call `handler` once, not before `ms` have passed on `nowMs`. */
  after(ms: number, handler: () => void): Timer;
  /** The same as a promise; 'aborted' at once when `signal` is. */
  wait(ms: number, signal?: AbortSignal): Promise<'elapsed' | 'aborted'>;
}

/** What journal, configuration and records need from the file system. Faults are Node's errors with their `code`. */
export interface FileOperations {
  /** With its parents, mode 0700; durable. */
  makeDirectory(path: string): void;
  /** Names in a directory, sorted. */
  list(path: string): readonly string[];
  exists(path: string): boolean;
  /** 'read' an existing file; 'update' an existing one; 'create' fails if it exists. New files have mode 0600. */
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
  /** fsync of a whole file on a thread of its own: for files too long to wait for. */
  flush(path: string): Promise<void>;
  /** The checksum of a whole file, read piece by piece. */
  digest(path: string, onBytes: (bytesDone: number) => void): Promise<FileDigest>;
  /** Copy a file to one that does not exist, durably, with the checksum of what was written. @throws EEXIST, ENOSPC ... */
  copy(from: string, to: string, onBytes: (bytesDone: number) => void): Promise<FileDigest>;
  rename(from: string, to: string): void;
  /** A missing file is no fault. */
  remove(path: string): void;
  syncDirectory(path: string): void;
  /**
   * Replace a file whole and durably: temporary file, fsync, rename, fsync of the directory. After ENOSPC or EDQUOT the old one
   * is there as it was; after any other fault it is the old or the new one.
   */
  replace(path: string, bytes: Uint8Array): void;
  /** Bytes a write may still use on the file system of `path`, which exists. */
  freeBytes(path: string): number;
  /** Null when the file does not exist. */
  sizeOf(path: string): number | null;
  readWhole(path: string): Uint8Array | null;
  /** The first bytes, fewer if the file is shorter. */
  readStart(path: string, bytesMax: number): Uint8Array | null;
  /** A directory and all in it; a missing one is no fault. */
  removeTree(path: string): void;
}

export interface FileDigest {
  readonly bytes: number;
  /** Of the contents, in hex. */
  readonly sha256: string;
}

/** A JSON document with a checksum, written whole: a reader sees the old one or the new one, never a part. */
export interface RecordFiles {
  readRecord(path: string): RecordRead;
  /** Durable when it returns. */
  saveRecord(path: string, value: unknown): void;
}

export type RecordRead =
  | { readonly state: 'missing' }
  | { readonly state: 'damaged'; readonly reason: string }
  | { readonly state: 'read'; readonly value: unknown };

/** One database of an instance, mirrored or not. */
export interface DatabaseConfiguration {
  /** Local name, upper case. */
  readonly name: string;
  readonly directory: string;
  /** Is it to be mounted at start? */
  readonly mounted: boolean;
  /** Null for an ordinary database. */
  readonly mirrorDatabase: MirrorDatabaseName | null;
  /** Mount Required at Startup: without it this member does not become primary (FO-004). */
  readonly mountRequiredAtStartup: boolean;
  /** Global Journal State (DB-002): an unjournaled database cannot be mirrored, a mirrored one is always journaled. */
  readonly journaled: boolean;
  /** Dejournaling into it was paused by an operator; stays in force over restarts (SYN-021). */
  readonly dejournalingPaused: boolean;
  /** Expansion Size, 0 = as the system chooses; the databases of this release grow by themselves (DB-044). */
  readonly expansionMegabytes: number;
  /** Resource Name (DB-046). */
  readonly resource: string;
  /** The further mirror of this instance that it belongs to; absent = the first one, or none. */
  readonly furtherMirror?: MirrorName;
}

/** What an instance is in one mirror. */
export interface MembershipConfiguration {
  /** Is it to take part in its mirror when it starts (JoinMirror, CFG-071)? */
  readonly joinMirror: boolean;
  /** Stopped by an operator; stays in force over restarts (SYN-022). */
  readonly mirrorStopped: boolean;
  /** On an async: dejournaling of all databases was paused by an operator; stays in force over restarts (SYN-021). */
  readonly dejournalingPaused: boolean;
  /** Own name and type in the mirror; null when in none. */
  readonly member: MemberName | null;
  readonly memberType: MemberType | null;
  /** On a reporting async: purge journal files as soon as the own databases have them (SYN-026). */
  readonly purgeAtOnce: boolean;
  /** On a reporting async: file name of the site's dejournal filter in the instance's directory; null = none (SYN-023). */
  readonly dejournalFilter: string | null;
  /** Newest mirror set this member has seen; null when in none. */
  readonly mirrorSet: MirrorSet | null;
  /** A mirror that this instance has left, until what is left of it here is cleared away; null = nothing is. */
  readonly formerMirror: { readonly name: MirrorName; readonly removeAttribute: boolean } | null;
}

export interface FurtherMirror extends MembershipConfiguration {
  readonly name: MirrorName;
}

/** What an instance is configured to be; written whole on each change. */
export interface InstanceConfiguration extends MembershipConfiguration {
  readonly instance: string;
  readonly directory: string;
  readonly superserver: Address;
  /** %Service_Mirror (CFG-004). */
  readonly serviceEnabled: boolean;
  /** The host's ISCAgent as other members reach it; `address` null = the superserver's. */
  readonly agent: { readonly address: string | null; readonly port: number };
  /** Where journal files are begun while the journal directory has no room; null = nowhere. */
  readonly alternateJournal: string | null;
  /** Mirrors that a reporting async is in beside its first one, which is in the fields above (CFG-008). */
  readonly furtherMirrors: readonly FurtherMirror[];
  readonly databases: readonly DatabaseConfiguration[];
  /** Names of databases that were deleted, so that a second order finds it done; the newest last, the oldest are forgotten. */
  readonly deletedDatabases: readonly string[];
}

export interface ConfigurationStore {
  get(): InstanceConfiguration;
  /**
   * Replace the whole configuration; durable when it returns. @throws ConfigurationError when it is not valid or cannot be
   * written, nothing was changed then; ConfigurationBrokenError.
   */
  set(next: InstanceConfiguration): void;
}

/** A configuration file that is missing, damaged or does not fit; the message is one line: file, field, what to do. */
export class ConfigurationError extends Error {
  readonly code = 'configuration';
  readonly path: string;
  constructor(path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConfigurationError';
    this.path = path;
  }
}

/** Writing the configuration failed such that nobody knows what is on the disk: the process must end. */
export class ConfigurationBrokenError extends Error {
  readonly code = 'configuration-broken';
  readonly path: string;
  constructor(path: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConfigurationBrokenError';
    this.path = path;
  }
}

/** 0 information, 1 warning, 2 severe, 3 fatal. */
export type Severity = 0 | 1 | 2 | 3;

export interface MessagesLog {
  /** One line of the table (src/mirror/log-table.ts). Newlines in what its facts hold are folded. */
  write(line: LogLine): void;
}

export interface EventsLog {
  /** Number of the newest event, 0 when there is none. */
  readonly newest: number;
  /** Gives it the next number; durable when it returns. */
  append(event: Omit<EventRecord, 'number'>): EventRecord;
  /** Events with a number above `number`, oldest first; of more than `countMax` the newest. */
  after(number: number, countMax?: number): readonly EventRecord[];
}

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessRef {
  readonly pid: number;
  /** Start time in clock ticks since boot, from /proc; null where there is none. */
  readonly startTicks: number | null;
}

export type LockKind = 'instance' | 'agent' | 'cable';

export type LockState = { readonly state: 'free' } | { readonly state: 'held'; readonly by: LockHolder };

export interface LockHolder extends ProcessRef {
  readonly kind: LockKind;
  /** ISO 8601. */
  readonly at: string;
  /** What the holder says of itself, e.g. its address and port (AGT-008). */
  readonly about: Readonly<Record<string, string | number>>;
}

export interface HeldLock {
  readonly holder: LockHolder;
  /** Reads the file again: somebody may have removed it by hand. */
  isHeld(): boolean;
  /** Remove the lock file if it is still this lock. */
  release(): void;
}

/** Somebody alive holds the lock. */
export class LockHeldError extends Error {
  readonly code = 'lock-held';
  readonly holder: LockHolder;
  constructor(path: string, holder: LockHolder) {
    super(`${path} is held by the ${holder.kind} with pid ${holder.pid}; stop that one first`);
    this.name = 'LockHeldError';
    this.holder = holder;
  }
}

/** A daemon that did not become ready; the message is its own line, or says that it ended or took too long. */
export class DaemonFailedError extends Error {
  readonly code = 'daemon-failed';
  /** 'failed' it said so; 'ended' without a word; 'timed-out' it is still running. */
  readonly how: 'failed' | 'ended' | 'timed-out';
  readonly pid: number | null;
  constructor(how: 'failed' | 'ended' | 'timed-out', pid: number | null, message: string) {
    super(message);
    this.name = 'DaemonFailedError';
    this.how = how;
    this.pid = pid;
  }
}

export interface DaemonStart {
  /** Executable; for our own daemons process.execPath. */
  readonly program: string;
  readonly args: readonly string[];
  /** Receives its standard output and error, appended. */
  readonly logPath: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly timeoutMs: number;
}

export interface Processes {
  /** This process. */
  readonly self: ProcessRef;
  /** @throws LockHeldError. A stale lock (its process is gone) is taken over; of two takers one wins. */
  acquireLock(path: string, kind: LockKind, about?: Readonly<Record<string, string | number>>): HeldLock;
  describeLock(path: string): LockState;
  /** A zombie is not alive. */
  isAlive(process: ProcessRef): boolean;
  /** Ask to end (SIGTERM); false when it is gone already. */
  askToEnd(process: ProcessRef): boolean;
  /** SIGKILL, then wait until it is gone. */
  forceDown(process: ProcessRef, timeoutMs: number): Promise<'down' | 'unkillable'>;
  /** Wait until it is gone, without a signal. */
  waitUntilGone(process: ProcessRef, timeoutMs: number): Promise<'gone' | 'alive'>;
  /** Start a daemon in a session of its own; resolves when it has said that it is ready. @throws DaemonFailedError. */
  startDaemon(start: DaemonStart): Promise<{ readonly pid: number; readonly ready: DaemonReady }>;
}

/** What a daemon tells the process that started it, over its IPC channel (host/daemon-word.ts). */
export interface DaemonReady {
  readonly ready: true;
  readonly [fact: string]: string | number | boolean | null;
}
export interface DaemonFailed {
  readonly ready: false;
  readonly failed: string;
}

export interface Host {
  readonly clock: Clock;
  readonly files: FileOperations;
  readonly records: RecordFiles;
  readonly processes: Processes;
}
