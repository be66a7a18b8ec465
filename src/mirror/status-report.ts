/**
 * From the state of a member to the report that every face shows (MON-001..MON-021). Pure: clocks, file names and texts of
 * moments come with the facts. Rows of members are made in status-rows.ts, the sentence about waiting in waiting-for.ts.
 */
import { isAtOrAfter, type JournalPosition } from './journal-position.ts';
import { qosTimeoutMs } from './limits.ts';
import type { MemberState } from './member-state.ts';
import { type MirrorSet, memberNamed } from './mirror-set.ts';
import type { DatabaseReport, MemberReport, StatusReport } from './status.ts';
import { memberStatus, rowsOfMembers } from './status-rows.ts';
import {
  type ArbiterConnection,
  type DatabaseStatus,
  type FailoverMode,
  isReporting,
  type MemberName,
  type MemberType,
} from './terms.ts';
import { waitingFor } from './waiting-for.ts';

/** One mirrored copy on this member. */
export interface DatabaseFacts {
  /** Mirror database name. */
  readonly name: string;
  readonly localName: string;
  readonly directory: string;
  readonly status: DatabaseStatus;
  /** Null while it is dismounted. */
  readonly applied: JournalPosition | null;
  readonly failoverDb: boolean | null;
}

/** The clocks, and what only those know who hold the journal: all that a row of a member needs besides the state. */
export interface ReportClock {
  /** The clock of the rules, of the same moment as `wallMs`. */
  readonly nowMs: number;
  readonly wallMs: number;
  /** ISO 8601 with ms. */
  readonly isoOf: (wallMs: number) => string;
  /** As the screens of the original print a moment, for `Disconnected on <time>`. */
  readonly printedOf: (wallMs: number) => string;
  /** Wall clock of the first journal record after a position, ms; null when it is not here (any more). */
  readonly recordMsAfter: (position: JournalPosition) => number | null;
  /** Wall clock when this primary last lost a member; null when it has not met it since it became primary. */
  readonly lostMsOf: (member: MemberName) => number | null;
}

export interface StatusFacts extends ReportClock {
  readonly instance: string;
  readonly pid: number;
  /** Null while no member runs: in no mirror, or just starting. */
  readonly state: MemberState | null;
  /** Null when the instance is in no mirror. */
  readonly mirrorSet: MirrorSet | null;
  readonly member: MemberName | null;
  /** CFG-063: why it is kept out of the mirror; null = it is not. */
  readonly notReached: string | null;
  /** CFG-071: false = it takes no part although it is a member. */
  readonly joinMirror: boolean;
  readonly databases: readonly DatabaseFacts[];
  /** What the primary told about all members in the present contact; null = nothing yet. Not read on a primary. */
  readonly rowsTold: readonly MemberReport[] | null;
  /** Likewise in a contact that is over, with their age now; null = nothing. */
  readonly rowsHeard: readonly MemberReport[] | null;
  readonly journalEnd: JournalPosition | null;
  readonly fileNameOf: (file: number) => string;
  readonly received: { readonly networkBytes: number; readonly journalBytes: number } | null;
  /** Of dejournaling on a reporting async: why it was stopped by an error, and its filter. */
  readonly dejournalStopped: string | null;
  readonly dejournalFilter: StatusReport['dejournalFilter'];
}

export function reportStatus(facts: StatusFacts): StatusReport {
  const { state, mirrorSet } = facts;
  const self = mirrorSet === null || facts.member === null ? undefined : memberNamed(mirrorSet, facts.member);
  const isFailover = self?.type === 'Failover';
  const members = mirrorSet === null ? [] : rowsOfMembers(facts, mirrorSet);
  const status = memberStatus(facts);
  const isPrimary = state?.role === 'primary' || state?.role === 'handing-over';
  const end = facts.journalEnd;
  const untold = state?.role === 'primary' ? (mirrorSet?.untold ?? []).map(({ name }) => name) : [];
  return {
    instance: facts.instance,
    mirror: mirrorSet?.name ?? null,
    member: facts.member,
    type: self?.type ?? null,
    status,
    noFailover: state?.record.noFailover ?? false,
    failoverMode: isFailover ? failoverMode(state) : null,
    arbiter: isFailover ? arbiterReport(state, mirrorSet) : null,
    epoch: state?.record.epoch.number ?? 0,
    position: end === null ? null : { file: facts.fileNameOf(end.file), offset: end.offset, sequence: end.sequence },
    waitingFor: waitingFor(facts),
    primary: primaryKnown(state),
    members: isFailover ? members : members.filter((row) => row.type === 'Failover' || row.name === facts.member),
    databases: facts.databases.map((database) => databaseReport(facts, database)),
    incoming:
      mirrorSet === null || isPrimary || facts.received === null ? null : { ...facts.received, atMs: facts.wallMs },
    dejournalProcess:
      self === undefined || isFailover ? null : { running: isApplying(facts), pid: isApplying(facts) ? facts.pid : 0 },
    dejournalStopped: facts.dejournalStopped,
    dejournalFilter: facts.dejournalFilter,
    missingDatabases: missingDatabases(facts, self?.type ?? null),
    ...(untold.length === 0 ? {} : { untold }),
    catchUp: catchUp(state, status),
    qosTimeoutMs: mirrorSet?.settings.qosTimeoutMs ?? qosTimeoutMs.default,
    at: facts.isoOf(facts.wallMs),
  };
}

/** As far as this member knows; a contact that is being asked about is lost. */
export function primaryKnown(state: MemberState | null): MemberName | null {
  if (state === null) return null;
  if (state.role === 'primary' || state.role === 'handing-over') return state.self;
  return state.role === 'attached' && state.attachment?.asking === false ? state.attachment.to : null;
}

function failoverMode(state: MemberState | null): FailoverMode {
  const mode = state?.role === 'primary' ? state.serving.mode : state?.attachment?.mode;
  return mode === 'arbiter' ? 'Arbiter Controlled' : 'Agent Controlled';
}

/** MON-019. */
function arbiterReport(state: MemberState | null, mirrorSet: MirrorSet | null): NonNullable<StatusReport['arbiter']> {
  const arbiter = mirrorSet?.settings.arbiter ?? null;
  const isConnected = arbiter !== null && state?.arbiter.state === 'open';
  const connection: ArbiterConnection = !isConnected
    ? 'This member is not connected to the arbiter'
    : state.arbiter.otherConnected
      ? 'Both failover members are connected to the arbiter'
      : 'Only this member is connected to the arbiter';
  return { address: arbiter === null ? null : `${arbiter.host}|${arbiter.port}`, connection };
}

/** DB-055: a reporting async may hold any part of the mirror's databases (DB-005). */
function missingDatabases({ state, mirrorSet, databases }: StatusFacts, type: MemberType | null): readonly string[] {
  const mustHoldAll = type !== null && !isReporting(type) && state?.role !== 'primary';
  if (!mustHoldAll || mirrorSet === null) return [];
  const held = new Set(databases.map(({ name }) => name));
  return mirrorSet.databases.map(({ name }) => name).filter((name) => !held.has(name));
}

/** MON-011. */
function databaseReport(facts: StatusFacts, database: DatabaseFacts): DatabaseReport {
  const { name, localName, directory, status, applied, failoverDb } = database;
  const isOnPrimary = facts.state?.role === 'primary';
  if (applied === null || (isOnPrimary && status === 'Normal')) {
    return { name, localName, directory, status, failoverDb, nextRecord: null };
  }
  const isCurrent = facts.journalEnd === null || isAtOrAfter(applied, facts.journalEnd);
  const nextMs = isCurrent ? null : facts.recordMsAfter(applied);
  const time = nextMs === null ? 'Current' : facts.isoOf(nextMs);
  return {
    name,
    localName,
    directory,
    status,
    failoverDb,
    nextRecord: { time, file: facts.fileNameOf(applied.file), offset: applied.offset },
  };
}

/** MON-015: does this member put journal data into its databases? */
function isApplying({ state }: StatusFacts): boolean {
  return state !== null && ['seeking', 'attached', 'becoming', 'primary'].includes(state.role);
}

function catchUp(state: MemberState | null, status: StatusReport['status']): StatusReport['catchUp'] {
  if (state?.attachment == null || status !== 'Synchronizing') return null;
  const done = state.journal.appended.sequence;
  return { recordsDone: done, recordsToDo: Math.max(done, state.attachment.durableTo.sequence) };
}
