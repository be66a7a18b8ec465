/**
 * The parts of an instance's daemon as they know each other: its databases, its member of a mirror, its updates at the
 * door. Each is made in a file of its own; main.ts puts them together.
 */
import type { CopyFacts, Database, MirrorAttribute } from '../database/databases.ts';
import type { DejournalFilter } from '../host/dejournal-filter.ts';
import type { HomePaths, InstancePaths } from '../host/home.ts';
import type { ConfigurationStore, DatabaseConfiguration, Host } from '../host/host.ts';
import type { Journal, ReadParts } from '../journal/journal.ts';
import type { OperatorCommand } from '../mirror/events.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import type { MemberState } from '../mirror/member-state.ts';
import type { MemberDefinition, MirrorSet } from '../mirror/mirror-set.ts';
import type { ClockOffsetReport, CompressionReport, MemberReport } from '../mirror/status.ts';
import type { DatabaseStatus, MemberName, MirrorName } from '../mirror/terms.ts';
import type { Network } from '../network/network.ts';
import type { CatchUpProgress, EventRecord } from '../protocol/control-channel.ts';
import type { Filtering } from './filtering.ts';
import type { JournalKeeper } from './journal-keeper.ts';
import type { NotReached } from './own-address.ts';

/** Work is done one after the other. */
export interface Turns {
  next<T>(act: () => Promise<T>): Promise<T>;
}

import type { Comparison } from './comparison.ts';
import type { SituationCount } from './situation-count.ts';

/** One database of the instance as it stands now. */
export interface CatalogEntry {
  readonly configuration: DatabaseConfiguration;
  /** Null while it is dismounted. */
  readonly database: Database | null;
  readonly attribute: MirrorAttribute | undefined;
  /** 'Local' for an ordinary one. */
  readonly status: DatabaseStatus | 'Local';
  /** A copy on a reporting async whose FailoverDB flag is cleared: applications of this instance may change it (DB-038). */
  readonly isWritable: boolean;
  /** It is just becoming part of the mirror, or leaving it: resolves when that has ended. What is changed in it now might be left on the other side. */
  readonly moving: Promise<void> | null;
  /** While it is caught up. */
  readonly catchUp: CatchUpProgress | null;
}

export type ChangeableProperties = Partial<
  Pick<DatabaseConfiguration, 'mountRequiredAtStartup' | 'journaled' | 'expansionMegabytes' | 'resource'>
>;

/** Journal data on their way into the databases (journal-follower.ts). */
export interface Dejournaling {
  /** Where the databases in step stand together; one that had no records lately holds all the same what there was. Null before a journal is followed. */
  readonly applied: JournalPosition | null;
  /** SYN-018: why dejournaling into all databases stands still, on a reporting async; empty = it does not. */
  readonly stopped: string;
  /** SYN-019, SYN-021: it may go on; databases that are caught up then follow the journal again. The filter is loaded anew. */
  goOn(): void;
  /** The dejournal filter (SYN-023). */
  readonly filtering: Pick<Filtering, 'use' | 'skippedRecords'>;
  /** Activate if need be, and apply what it lacks of the journal until it runs with the others (DB-031). */
  catchUp(name: string, onProgress: (progress: CatchUpProgress) => void): Promise<void>;
}

/** Every database of the instance. Names are local names unless said otherwise. Errors are CatalogRefusal or the doors' faults. */
export interface DatabaseCatalog {
  readonly dejournaling: Dejournaling;
  entries(): readonly CatalogEntry[];
  /** Those that an application may mean by this name, local or of the mirror (database-lookup.ts). */
  called(name: string): readonly CatalogEntry[];
  find(name: string): CatalogEntry | undefined;
  /** Make an ordinary database. */
  create(name: string, directory: string): Promise<void>;
  /** Make it part of the mirror from `addedAt` on; `applied` = where its journal data begins. */
  addToMirror(name: string, attribute: MirrorAttribute, applied: JournalPosition): Promise<void>;
  /** It becomes part of the mirror in `act`, or leaves it: until that has ended, what applications change in it waits. */
  whileMoving<T>(name: string, act: () => Promise<T>): Promise<T>;
  /** Take the mirror attribute away; the database stays as an ordinary one. */
  removeFromMirror(name: string): Promise<void>;
  /** On an instance that is out of its mirror: the mark of that mirror goes, or stays and needs activation (DB-051, DB-053). */
  leaveMirror(name: string, mirror: string, removeAttribute: boolean): Promise<void>;
  mount(name: string): Promise<void>;
  /** Mount Required at Startup (FO-004), Global Journal State (DB-002), Expansion Size and Resource Name (DB-044). */
  change(name: string, change: ChangeableProperties): void;
  dismount(name: string): Promise<void>;
  /** No journal data into it until it is taken back and the database is caught up, also over restarts (SYN-020, SYN-021). */
  pause(name: string): void;
  unpause(name: string): void;
  /** The same for all databases, those included that are made later. */
  pauseAll(isPaused: boolean): void;
  /** DB-040: applications may change the copy from now on, for ever. */
  clearFailoverDb(name: string): Promise<void>;
  /** The doors of DatabaseStore, for copies in directories that are none of the instance's. */
  fileOf(directory: string): string;
  inspect(directory: string, onProgress: (keysDone: number, keys: number) => void): Promise<CopyFacts>;
  /** The database of a directory takes the place of this one's, in one step, and is mounted; afterwards the directory holds none. */
  replace(name: string, from: string): Promise<void>;
  /** All that was applied is on its disk; one that is in step and idle is told where the others stand (DB-024). */
  settle(name: string): Promise<void>;
  /** Remove an ordinary database and its files. */
  delete(name: string): Promise<void>;
}

/** The instance's member of a mirror, running. */
export interface MirrorMember {
  /** The pure state: for reports and preconditions. */
  readonly state: MemberState;
  readonly journal: Journal;
  /** Looks after its files. */
  readonly keeper: JournalKeeper;
  /** Give an operator's order to the rules; resolves with its end. */
  order(order: OperatorCommand): Promise<OrderResult>;
  /** This member was removed from the mirror (CFG-069); what follows is in its state when this returns, and on disk. */
  leave(by: MemberName, removeAttribute: boolean): void;
  /** On the primary: append a record that makes a database part of the mirror or takes it out; resolves when it is durable. */
  changeDatabaseSet(
    kind: 'database-added' | 'database-removed',
    database: string,
    fromEmpty: boolean,
  ): Promise<JournalPosition>;
  /** The mirror set was changed here (primary) or received: the rules and the other members are told. */
  mirrorSetChanged(set: MirrorSet): void;
  /**
   * On a member that is not primary: the rows of all members as the primary told them last in the
   * present contact (null = nothing yet: until then it counts as synchronizing).
   */
  memberRows(): readonly MemberReport[] | null;
  /** Likewise in a contact that is over. */
  lastRows(): readonly MemberReport[] | null;
  /** On the primary: wall clock when the connection with this member was last lost, ms; null = not since it became primary. */
  lostMsOf(member: MemberName): number | null;
  /** How journal data go to this member: on the primary what it does, elsewhere what the primary told; null = not known. */
  compressionOf(member: MemberName): CompressionReport | null;
  /** Comparing databases with those of the other members. */
  readonly comparison: Pick<Comparison, 'verify' | 'verified' | 'differenceOf'>;
  /** The wall clocks of the hosts it has been connected with. */
  clockOffsets(): readonly ClockOffsetReport[];
  /** Journal bytes received since the member began. */
  received(): { readonly networkBytes: number; readonly journalBytes: number };
  /** Of the facts that an assessment shows. */
  readonly situation: Pick<SituationCount, 'number' | 'changesSince' | 'observeDatabases'>;
  /** Wall clock of the newest journal block received and applied, ms; for the lags (SYN-027). */
  readonly newestReceivedMs: number;
  readonly newestAppliedMs: number;
}

export interface OrderResult {
  readonly outcome: 'done' | 'refused' | 'failed' | 'not-known';
  readonly reason: string;
  readonly text: string;
  readonly spec: string | null;
}

/** The instance in each of its mirrors. */
export interface Memberships {
  readonly turns: Turns;
  /** The mirror in the configuration's own fields, and everything that is in no mirror. */
  readonly first: InstanceDaemon;
  readonly all: readonly InstanceDaemon[];
  /** What is meant where nobody says a mirror: the first one that the instance is in, or the instance in no mirror. */
  readonly shown: InstanceDaemon;
  /** In that mirror; undefined = the instance is not in it. */
  of(mirror: string): InstanceDaemon | undefined;
  /** To be joined beside the first one. */
  further(mirror: MirrorName): Promise<InstanceDaemon>;
  /** A further one was joined, and has its databases, or was not, and goes. */
  joined(further: InstanceDaemon): Promise<void>;
}

/** The instance in one of its mirrors, or in none, as commands see it. */
export interface InstanceDaemon {
  readonly home: HomePaths;
  readonly paths: InstancePaths;
  readonly host: Host;
  readonly network: Network;
  /** What concerns this mirror: its fields, and its databases. */
  readonly configuration: ConfigurationStore;
  /** All mirrors that the instance is in. */
  readonly mirrors: readonly MirrorName[];
  /** Its name in all of them (CFG-035). */
  readonly memberName: MemberName | null;
  /** Is it in the mirror beside another, its first one? */
  readonly isFurther: boolean;
  readonly catalog: DatabaseCatalog;
  readonly readParts: ReadParts;
  /** SYN-023: a module in the directory of the instance; nothing is loaded yet. */
  openFilter(module: string): DejournalFilter;
  /** Of commands that change the configuration. */
  readonly turns: Turns;
  /** Null while the instance is in no mirror. */
  readonly member: MirrorMember | null;
  /** CFG-063: why this member is kept out of its mirror; null = it is not. */
  readonly notReached: NotReached | null;
  /** CFG-063: would this instance be reached as that member of the mirror? Null = yes. */
  reachedAt(mirror: MirrorName, self: MemberDefinition): Promise<NotReached | null>;
  /** The primary has told this mirror set in an answer: like one that comes over the link, and never instead of a newer one. */
  mirrorSetTold(set: MirrorSet): void;
  /** Begin to take part in the mirror that the configuration now names. */
  startMember(): Promise<void>;
  /** Serve on this port instead of the present one, which ends for new callers; null, or why it cannot be had. */
  moveSuperserver(port: number): Promise<string | null>;
  /** After `leaveMirror`: end what is left of the mirror here. */
  clearFormerMirror(): Promise<void>;
  events(after: number): readonly EventRecord[];
  readonly log: WriteLog;
  /** Is the ISCAgent of this host running? Asked anew each time. */
  isAgentRunning(): Promise<boolean>;
  /** End the process in order, after the answers under way were sent. */
  endProcess(because: string): void;
  /** End it at once and leave everything as it is: what is on the disk is unknown. */
  fail(error: Error): void;
}

/** The catalog says no: one sentence that says what, which and what to do. */
export class CatalogRefusal extends Error {
  readonly code = 'catalog-refusal';
  readonly reason: string;
  readonly spec: string | null;
  constructor(reason: string, text: string, spec: string | null = null) {
    super(text);
    this.reason = reason;
    this.spec = spec;
  }
}
