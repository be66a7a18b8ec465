/**
 * One line of the Status Monitor for each member: type, status, journal transfer, dejournaling (MON-001..MON-009). The
 * primary sees all members; another member sees itself, and of the others what the primary told.
 */
import { earlier, isAtOrAfter, type JournalPosition, later } from './journal-position.ts';
import type { MemberState, Served } from './member-state.ts';
import type { MemberDefinition, MirrorSet } from './mirror-set.ts';
import type { JournalDistance, MemberReport } from './status.ts';
import type { DatabaseFacts, ReportClock, StatusFacts } from './status-report.ts';
import type { DatabaseStatus, MemberStatus } from './terms.ts';

/** What the operator has to look at (MON-008). */
const needsAttention: readonly DatabaseStatus[] = [
  'Needs Catchup',
  'Needs Activation',
  'Dejournaling Stopped',
  'Database Dismounted',
  'Orphaned',
  'Obsolete',
];

const asksNobody: readonly MemberState['role'][] = ['stopped', 'halted', 'down'];

/** In the order of the mirror set. */
export function rowsOfMembers(facts: StatusFacts, mirrorSet: MirrorSet): readonly MemberReport[] {
  const { state } = facts;
  return mirrorSet.members.map((member) => {
    if (member.name === facts.member) return ownRow(facts, member);
    if (state?.role === 'primary') return servedRow(state, facts, member);
    return toldRow(facts, member);
  });
}

/** The status of this member (MON-001, MON-002). */
export function memberStatus(facts: StatusFacts): MemberStatus {
  if (facts.mirrorSet === null) return 'Not Initialized';
  if (facts.state !== null) return ownStatus(facts.state, facts, facts.rowsTold);
  if (facts.notReached !== null) return 'Error';
  return facts.joinMirror ? 'Transition' : 'Stopped';
}

function ownStatus(state: MemberState, clock: ReportClock, rowsTold: readonly MemberReport[] | null): MemberStatus {
  switch (state.role) {
    case 'primary':
      return state.serving.trouble === null ? 'Primary' : 'In Trouble';
    case 'attached':
      if (state.attachment?.asking === true) return 'Transition';
      if (isSynchronizing(state, rowsTold)) return 'Synchronizing';
      return state.failoverMember ? 'Backup' : 'Connected';
    case 'seeking':
      return isNegotiating(state, clock) ? 'Transition' : 'Waiting';
    case 'starting':
    case 'becoming':
    case 'handing-over':
      return 'Transition';
    case 'stopped':
      return 'Stopped';
    case 'halted':
      return 'Crashed';
    case 'down':
      return 'Down';
    default:
      return state.role satisfies never;
  }
}

/**
 * How far the primary's journal goes is known from the primary alone: until it has told that this member keeps up, a copy
 * that holds all it has received so far may still lack a year.
 */
function isSynchronizing(state: MemberState, rowsTold: readonly MemberReport[] | null): boolean {
  if (state.record.wasActive !== null) return false;
  const told = rowsTold?.find((report) => report.name === state.self);
  return told === undefined || told.status === 'Synchronizing' || told.status === 'Down';
}

/** During the first QoS timeout of a search, and while journal data is fetched, the next status is near. */
export function isNegotiating(state: MemberState, clock: Pick<ReportClock, 'nowMs'>): boolean {
  return state.seeking.fetching !== null || clock.nowMs - state.roleSinceMs < state.settings.qosTimeoutMs;
}

interface Column {
  readonly text: string;
  readonly lagMs: number | null;
  readonly distance?: JournalDistance;
}

const notApplicable: Column = { text: 'N/A', lagMs: null };
const active: Column = { text: 'Active', lagMs: 0 };
const caughtUp: Column = { text: 'Caught up', lagMs: 0 };

function row(member: MemberDefinition, status: MemberStatus, transfer: Column, dejournaling: Column): MemberReport {
  return {
    name: member.name,
    type: member.type,
    status,
    journalTransfer: transfer.text,
    dejournaling: dejournaling.text,
    transferLagMs: transfer.lagMs,
    dejournalLagMs: dejournaling.lagMs,
    ...(transfer.distance === undefined ? {} : { transferBehind: transfer.distance }),
    ...(dejournaling.distance === undefined ? {} : { dejournalBehind: dejournaling.distance }),
  };
}

function ownRow(facts: StatusFacts, member: MemberDefinition): MemberReport {
  const { state } = facts;
  const status = memberStatus(facts);
  const build = (transfer: Column, dejournaling: Column) => ({
    ...row(member, status, transfer, withWarning(dejournaling, facts.databases)),
    ageMs: 0,
  });
  if (state === null || ['starting', 'primary', 'becoming', 'handing-over'].includes(state.role)) {
    return build(notApplicable, notApplicable);
  }
  if (state.role !== 'attached' || state.attachment === null || state.attachment.asking) {
    const lost = disconnected(facts, facts.wallMs - (facts.nowMs - state.roleSinceMs));
    return build(lost, lost);
  }
  const { journal, attachment } = state;
  const target = earlier(later(journal.durable, attachment.durableTo), journal.flushed);
  const own = build(ownTransfer(facts, state), dejournaling(facts, journal.applied, target, journal.flushed));
  // How far the primary is beyond this member is known from the primary.
  const told = facts.rowsTold?.find((report) => report.name === state.self);
  return { ...own, ageMs: state.record.wasActive === null ? (told?.ageMs ?? 0) : 0 };
}

function ownTransfer(facts: StatusFacts, state: MemberState): Column {
  if (state.record.wasActive !== null) return active;
  const told = facts.rowsTold?.find((report) => report.name === state.self);
  const isBehindHere = !isAtOrAfter(state.journal.appended, state.attachment?.durableTo ?? state.journal.appended);
  if (told === undefined) return behind(null);
  if (isBehindHere || told.journalTransfer !== 'Caught up') return behind(told.transferLagMs, told.transferBehind);
  return caughtUp;
}

/** A member as this primary sees it (MON-005, MON-006). */
function servedRow(state: MemberState, clock: ReportClock, member: MemberDefinition): MemberReport {
  const served = state.serving.members.get(member.name);
  if (served === undefined) {
    const lost = disconnected(clock, clock.lostMsOf(member.name));
    return row(member, 'Down', lost, lost);
  }
  const { durable } = state.journal;
  const { counted } = state.serving;
  const has = isAtOrAfter(served.ackedTo, durable);
  const isActive = counted?.member === member.name && counted.confirmed;
  const isJoining = served.sentTo === null || (served.failoverMember && !isActive && !has);
  const transfer = isActive ? active : has && served.sentTo !== null ? caughtUp : servedBehind(clock, served, durable);
  const status: MemberStatus = isJoining ? 'Synchronizing' : served.failoverMember ? 'Backup' : 'Connected';
  const applied = dejournaling(clock, served.applied, earlier(served.ackedTo, durable), served.ackedTo);
  return {
    ...row(member, status, transfer, applied),
    ageMs: Math.max(0, Math.round(clock.nowMs - served.lastHeardMs)),
  };
}

/** What this member knows of others: what the primary told, as long as the contact stands. */
function toldRow(facts: StatusFacts, member: MemberDefinition): MemberReport {
  const { state } = facts;
  const primary = state?.role === 'attached' && state.attachment?.asking === false ? state.attachment.to : null;
  const told = primary === null ? undefined : facts.rowsTold?.find((report) => report.name === member.name);
  if (told !== undefined) return told;
  if (member.name === primary) return row(member, 'Primary', notApplicable, notApplicable);
  if (state !== null && asksNobody.includes(state.role)) return heardRow(facts, member, state);
  // A failover member that is primary nowhere and cannot be reached is shown Down; of an async nothing is known here.
  const isLostPartner = primary === null && member.type === 'Failover';
  if (!isLostPartner || state === null) return row(member, 'Error', notApplicable, notApplicable);
  const lost = disconnected(facts, facts.wallMs - (facts.nowMs - state.roleSinceMs));
  return row(member, 'Down', lost, lost);
}

/** Who takes no part knows nothing of the others' present: Down would be a guess (MON-002). */
function heardRow(facts: StatusFacts, member: MemberDefinition, { roleSinceMs }: MemberState): MemberReport {
  const lost = disconnected(facts, facts.wallMs - (facts.nowMs - roleSinceMs));
  const heard = facts.rowsHeard?.find((report) => report.name === member.name);
  const unknown = row(member, 'Error', lost, lost);
  return heard?.ageMs === undefined ? unknown : { ...unknown, lastHeard: { status: heard.status, ageMs: heard.ageMs } };
}

/** SYN-027: now minus the time of the first record that it lacks. */
function servedBehind(clock: ReportClock, served: Served, durable: JournalPosition): Column {
  const lackedMs = clock.recordMsAfter(served.ackedTo);
  const oldestSentMs = served.inFlight[0]?.sentAtMs;
  const sentLagMs = oldestSentMs === undefined ? null : clock.nowMs - oldestSentMs;
  return behind(lackedMs === null ? sentLagMs : clock.wallMs - lackedMs, distance(served.ackedTo, durable));
}

/** SYN-027: the time of the newest record received minus that of the first one not applied. */
function dejournaling(
  clock: ReportClock,
  applied: JournalPosition,
  target: JournalPosition,
  received: JournalPosition,
): Column {
  if (isAtOrAfter(applied, target)) return caughtUp;
  const appliedMs = clock.recordMsAfter(applied);
  const receivedMs = clock.recordMsAfter(received) ?? clock.wallMs;
  return behind(appliedMs === null ? null : receivedMs - appliedMs, distance(applied, target));
}

/** Without a known lag it is still behind, and says so. */
function behind(lagMs: number | null, distance?: JournalDistance): Column {
  const known = distance === undefined ? {} : { distance };
  if (lagMs === null) return { text: 'Behind', lagMs: null, ...known };
  const knownMs = Math.max(1, Math.round(lagMs));
  return { text: `${printDuration(knownMs)} behind`, lagMs: knownMs, ...known };
}

function distance(from: JournalPosition, to: JournalPosition): JournalDistance {
  const bytes = from.file === to.file ? Math.max(0, to.offset - from.offset) : null;
  return { records: Math.max(0, to.sequence - from.sequence), bytes };
}

function printDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const units = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ] as const;
  const [unit, size] = units.find(([, each]) => seconds >= 2 * each) ?? (['second', 1] as const);
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

function disconnected(clock: ReportClock, sinceMs: number | null): Column {
  return { text: sinceMs === null ? 'Disconnected' : `Disconnected on ${clock.printedOf(sinceMs)}`, lagMs: null };
}

/** MON-008: the two warnings take the place of the word. */
function withWarning(column: Column, databases: readonly DatabaseFacts[]): Column {
  const stopped = databases.filter((database) => database.status === 'Dejournaling Stopped');
  if (databases.length > 0 && stopped.length === databases.length) {
    return { ...column, text: 'Warning! Dejournaling is stopped.' };
  }
  if (!databases.some((database) => needsAttention.includes(database.status))) return column;
  return { ...column, text: 'Warning! Some databases need attention.' };
}
