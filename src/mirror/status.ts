/** The report on a member that every face shows: terminal, JSON, files (MON-001..MON-021). Times are wall clock, ISO 8601. */
import type { ChosenCompression } from './compression.ts';
import type { Holder } from './journal-purge.ts';
import type { JournalSettings } from './mirror-set.ts';
import type { ArbiterConnection, DatabaseStatus, FailoverMode, MemberStatus, MemberType } from './terms.ts';

/** How the primary sends journal data to a member (SYN-011..SYN-013), and what went over the present link in that type. */
export interface CompressionReport extends ChosenCompression {
  /** Journal data sent, and as they went over the wire; their quotient is the ratio of MON-021. */
  readonly journalBytes: number;
  readonly networkBytes: number;
}

/** Between two positions of the journal. */
export interface JournalDistance {
  readonly records: number;
  /** Null across the end of a file. */
  readonly bytes: number | null;
}

export interface MemberReport {
  readonly name: string;
  readonly type: MemberType;
  readonly status: MemberStatus;
  /** `N/A`, `Active`, `Caught up`, `<time> behind`, `Disconnected on <time>` (MON-004..MON-007). */
  readonly journalTransfer: string;
  /** The same words, and the two warnings (MON-008). */
  readonly dejournaling: string;
  /** Null where it does not apply or is not known. */
  readonly transferLagMs: number | null;
  readonly dejournalLagMs: number | null;
  /** What it lacks of the journal, and what of that it has not applied; absent where it lacks nothing or it is not known here. */
  readonly transferBehind?: JournalDistance;
  readonly dejournalBehind?: JournalDistance;
  /** How old what stands here is, ms: since that member was last heard, or the primary last told of it; absent without a link. */
  readonly ageMs?: number;
  /** Where this member takes no part and asks nobody: as what the other one was told of last, and how long ago. */
  readonly lastHeard?: { readonly status: MemberStatus; readonly ageMs: number };
  /** Absent on the primary, and where no link with it is known. */
  readonly compression?: CompressionReport;
}

export interface DatabaseReport {
  /** Mirror database name. */
  readonly name: string;
  /** Local database name. */
  readonly localName: string;
  readonly directory: string;
  readonly status: DatabaseStatus;
  /** The FailoverDB flag of this copy; null while it is dismounted (DB-061). */
  readonly failoverDb: boolean | null;
  /** Null on a primary whose database is Normal (`N/A`); `time` is `Current` or ISO 8601 (MON-011). */
  readonly nextRecord: { readonly time: string; readonly file: string; readonly offset: number } | null;
}

/** The wall clock of another host minus the own one, as measured on the link with it; for reading its records. */
export interface ClockOffsetReport {
  /** Member, or `arbiter`. */
  readonly to: string;
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
  /** When it was measured, or changed last by more than it is uncertain. */
  readonly at: string;
}

/** The journal files of this member (SYN-026). */
export interface JournalReport {
  readonly files: number;
  readonly bytes: number;
  /** Name of the oldest file; null when there is none. */
  readonly oldest: string | null;
  /** Who needs which files: from this number on. */
  readonly holders: readonly Holder[];
  /** Members that are away and have lost their claim. */
  readonly lapsed: readonly string[];
  readonly settings: JournalSettings;
  /** Free on the disk where the newest file is. */
  readonly freeBytes: number;
  /** At the rate of the last minutes; null = it does not get fuller, or is not watched long enough. */
  readonly fullInMs: number | null;
  /** Why nothing can be written just now; null = it can. */
  readonly frozen: string | null;
  /** A sentence for each thing an operator has to do something about. */
  readonly warnings: readonly string[];
}

/** What comparing the databases of all connected members has found. */
export interface VerificationReport {
  readonly mirror: string;
  readonly at: string;
  /** Where all were compared, `epoch/sequence`. */
  readonly position: string;
  /** Was every entry read, or only the running checksums compared? */
  readonly allRead: boolean;
  /** No member that was compared differs or is damaged, and every member was; what is left out does not count. */
  readonly identical: boolean;
  readonly members: readonly {
    readonly member: string;
    readonly databases: readonly CopyReport[];
    /** Why nothing is known of it; null = it was compared. */
    readonly notCompared: string | null;
  }[];
}

export interface CopyReport {
  /** Mirror database name. */
  readonly database: string;
  /** `left out`: a reporting async has no copy that follows the journal and is not changed there. */
  readonly result: 'identical' | 'differs' | 'damaged' | 'not compared' | 'left out';
  readonly keys: number | null;
  /** What differs, in words, with what to do; null where nothing does. */
  readonly text: string | null;
  /** Global and first key that differ, as a printed reference; null where there is none, or it was not found. */
  readonly reference: string | null;
}

/** What this member knows of its copies from the last comparison with the primary's. */
export interface VerifiedCopy {
  readonly database: string;
  /** When and where it was found equal last; null = never yet. */
  readonly identical: { readonly at: string; readonly position: string } | null;
  /** Until it is found equal again: such a copy is no source for others. */
  readonly difference: { readonly at: string; readonly position: string; readonly text: string } | null;
}

export interface StatusReport {
  readonly instance: string;
  /** Null on an instance that is in no mirror; then type is null and status 'Not Initialized'. */
  readonly mirror: string | null;
  /** Of a reporting async in several mirrors: all of them; the report is on one. Absent elsewhere. */
  readonly mirrors?: readonly string[];
  readonly member: string | null;
  readonly type: MemberType | null;
  readonly status: MemberStatus;
  readonly noFailover: boolean;
  /** Null on an async. */
  readonly failoverMode: FailoverMode | null;
  /** Null on an async; `address` is `<host>|<port>`, or null when none is configured. */
  readonly arbiter: { readonly address: string | null; readonly connection: ArbiterConnection } | null;
  readonly epoch: number;
  readonly position: { readonly file: string; readonly offset: number; readonly sequence: number } | null;
  /** What the member waits for, since when and what the operator can do; null when it waits for nothing. */
  readonly waitingFor: string | null;
  /** Name of the member that is primary as far as this one knows. */
  readonly primary: string | null;
  readonly members: readonly MemberReport[];
  readonly databases: readonly DatabaseReport[];
  /** Journal bytes received since the member started, and the moment of the reading: for the transfer rate (MON-020). Null on a primary. */
  readonly incoming: { readonly networkBytes: number; readonly journalBytes: number; readonly atMs: number } | null;
  /** On an async: is dejournaling running, and in which process (MON-015). */
  readonly dejournalProcess: { readonly running: boolean; readonly pid: number } | null;
  /** On a reporting async: why an error has stopped dejournaling into all databases (SYN-018); null = none has. */
  readonly dejournalStopped: string | null;
  /** On a reporting async: the dejournal filter, and how many records it has kept out since it was set or the member started. */
  readonly dejournalFilter: { readonly module: string; readonly skippedRecords: number } | null;
  /** On backup and DR async: mirror database names that have no copy here (DB-055). */
  readonly missingDatabases: readonly string[];
  /** On the primary: removed members that have not said yet that they know it; it calls them again and again. Absent = nobody. */
  readonly untold?: readonly string[];
  /** Progress of a member that fetches what it missed; null otherwise. */
  readonly catchUp: { readonly recordsDone: number; readonly recordsToDo: number } | null;
  /** Absent where no member runs. */
  readonly clockOffsets?: readonly ClockOffsetReport[];
  /** Left out while the instance is in no mirror. */
  readonly journal?: JournalReport;
  /** Absent where no member runs. */
  readonly verified?: readonly VerifiedCopy[];
  readonly qosTimeoutMs: number;
  readonly at: string;
}
