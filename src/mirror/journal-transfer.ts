/**
 * What each member has of the journal, and what counts as durable: fsynced here and, while there is an active backup,
 * acknowledged as fsynced by it (SYN-006, FO-006). The journal is the only road into a database: nothing is applied, and
 * no client answered, above `durable`.
 */
import { comparePositions, type EpochBeginning, earlier, type JournalPosition, later } from './journal-position.ts';
import { asyncRoundMs, shipChunkBytes, shipWindowBytes } from './limits.ts';
import type { JournalState, MemberState, Served, Step } from './member-state.ts';
import { freshServed, setServing } from './serving.ts';
import { copyOfJournal } from './state-copies.ts';
import { log, note, send } from './step.ts';

export function setJournal(step: Step, changes: Partial<JournalState>): void {
  Object.assign(freshJournal(step), changes);
}

/** A copy in place of the slice, for the caller to change. */
export function freshJournal(step: Step): JournalState {
  const journal = copyOfJournal(step.state.journal);
  step.state.journal = journal;
  return journal;
}

/**
 * The last position that two journals share. An epoch is the same in both when number, owner and lineage agree; inside it
 * the shorter one is a prefix of the longer one, because only its owner wrote it.
 */
export function commonPrefix(
  mine: { readonly history: readonly EpochBeginning[]; readonly end: JournalPosition },
  theirs: { readonly history: readonly EpochBeginning[]; readonly end: JournalPosition },
): { readonly epoch: number; readonly sequence: number } {
  for (let index = mine.history.length - 1; index >= 0; index -= 1) {
    const here = mine.history[index] as EpochBeginning;
    const at = theirs.history.findIndex(
      (entry) => entry.epoch === here.epoch && entry.owner === here.owner && entry.lineage === here.lineage,
    );
    if (at < 0) continue;
    const myEnd = (mine.history[index + 1]?.begin ?? mine.end).sequence;
    const theirEnd = (theirs.history[at + 1]?.begin ?? theirs.end).sequence;
    return { epoch: here.epoch, sequence: Math.min(myEnd, theirEnd) };
  }
  return { epoch: 0, sequence: 0 };
}

/** Is this position of ours beyond the common prefix? */
export function isBeyond(
  position: JournalPosition,
  common: { readonly epoch: number; readonly sequence: number },
): boolean {
  return position.epoch > common.epoch || (position.epoch === common.epoch && position.sequence > common.sequence);
}

/** Appended here: not flushed yet, and since when. */
export function noteAppended(step: Step, to: JournalPosition): void {
  const journal = freshJournal(step);
  journal.appended = to;
  journal.unflushedSinceMs ??= step.nowMs;
}

/** A flush ended: the journal can be written. */
export function noteFlushed(step: Step, to: JournalPosition): void {
  const { frozen, unflushedSinceMs } = step.state.journal;
  const journal = freshJournal(step);
  journal.flushed = later(journal.flushed, to);
  const isWaiting = unflushedSinceMs !== null && comparePositions(journal.flushed, journal.appended) < 0;
  journal.unflushedSinceMs = isWaiting ? step.nowMs : null;
  journal.frozen = '';
  if (step.state.serving.hungTold) setServing(step, { hungTold: false });
  if (frozen === '') return;
  // Who only receives does not know since when.
  const forMs = unflushedSinceMs === null ? null : Math.round(step.nowMs - unflushedSinceMs);
  log(step, 'journal-freed', { after: forMs === null ? '' : ` after ${forMs} ms` });
  note(step, 'journaling goes on', 'SYN-006', forMs === null ? {} : { forMs });
}

/** A full disk: nothing is lost, nothing is acknowledged, and it is tried again. */
export function noteFrozen(step: Step, reason: string): void {
  const { frozen } = step.state.journal;
  setJournal(step, { frozen: reason });
  if (frozen !== '') return;
  log(step, 'journal-frozen', { reason });
  note(step, 'journaling is frozen', 'SYN-006', { reason });
}

/** Primary: what may be acknowledged now. Nothing while in trouble (FO-014, I4). */
export function advanceDurable(step: Step): void {
  const { state } = step;
  const { serving, journal } = state;
  if (serving.trouble !== null) return;
  const reached = serving.counted === null ? journal.flushed : earlier(journal.flushed, serving.ackedByCounted);
  if (comparePositions(reached, journal.durable) > 0) {
    freshJournal(step).durable = reached;
    step.effects.push({ type: 'answer-clients', to: reached });
    applyDurable(step);
  }
  for (const served of serving.members.values()) {
    pumpMember(step, served.name);
    tellDurable(step, served.name);
  }
}

/** Ask for the next piece to be applied, one at a time (SYN-015 keeps order inside). */
export function applyDurable(step: Step): void {
  const { durable, flushed, applyingTo, applied } = step.state.journal;
  const target = earlier(durable, flushed);
  if (applyingTo !== null || comparePositions(target, applied) <= 0) return;
  const journal = freshJournal(step);
  journal.applyingTo = target;
  journal.appliedFurthest = later(journal.appliedFurthest, target);
  step.effects.push({ type: 'apply-journal', to: target });
}

export function onApplied(step: Step, to: JournalPosition): void {
  const journal = freshJournal(step);
  journal.applied = later(journal.applied, to);
  journal.applyingTo = null;
  applyDurable(step);
}

/**
 * Send the member what it lacks, one chunk under way at a time and at most a window unacknowledged. The backup gets
 * everything at once, before our own fsync (SYN-006); an async only what is durable (SYN-007), and in rounds.
 */
export function pumpMember(step: Step, name: string): void {
  const served = step.state.serving.members.get(name);
  if (served === undefined || !canTakeMore(step.state, served)) return;
  if (served.failoverMember || isInRound(step, served)) ship(step, served);
}

/** The process ends: what the rounds have held back goes out with it. */
export function pumpAsyncs(step: Step): void {
  for (const served of step.state.serving.members.values())
    if (!served.failoverMember && canTakeMore(step.state, served)) ship(step, served);
}

function canTakeMore({ journal }: MemberState, served: Served): boolean {
  if (served.shipping || served.sentTo === null) return false;
  const to = served.failoverMember ? journal.appended : journal.durable;
  return comparePositions(to, served.sentTo) > 0 && bytesUnderWay(served) < shipWindowBytes;
}

function ship(step: Step, served: Served): void {
  const { appended, durable } = step.state.journal;
  const fresh = freshServed(step, served);
  fresh.shipping = true;
  fresh.durableTold = durable;
  fresh.roundMs = step.state.serving.roundMs;
  step.effects.push({
    type: 'ship-journal',
    connection: served.connection,
    from: served.sentTo as JournalPosition,
    to: served.failoverMember ? appended : durable,
    durableTo: durable,
  });
}

/**
 * A message to each async for every batch would cost the primary more than the batch itself, and nothing waits for an async. So they are
 * sent to in rounds, all of them the same: one after a pause begins at once, the next one `asyncRoundMs` later at the earliest. An
 * async that lacks a whole chunk gets it beside the rounds.
 */
function isInRound(step: Step, served: Served): boolean {
  const { serving, journal } = step.state;
  if (step.nowMs >= serving.roundMs + asyncRoundMs) setServing(step, { roundMs: step.nowMs });
  else if (served.roundMs === serving.roundMs) return isChunk(served.sentTo as JournalPosition, journal.durable);
  return true;
}

/** As much as one message holds, or more. */
export function isChunk(from: JournalPosition, to: JournalPosition): boolean {
  return from.file !== to.file || to.offset - from.offset >= shipChunkBytes;
}

/** When the next round begins; null = no async waits for it. */
export function nextRoundMs(state: MemberState): number | null {
  for (const served of state.serving.members.values())
    if (!served.failoverMember && canTakeMore(state, served)) return state.serving.roundMs + asyncRoundMs;
  return null;
}

export function onShipped(step: Step, name: string, to: JournalPosition, bytes: number): void {
  const served = step.state.serving.members.get(name);
  if (served === undefined) return;
  const fresh = freshServed(step, served);
  fresh.shipping = false;
  fresh.sentTo = to;
  fresh.inFlight = [...served.inFlight, { to, bytes, sentAtMs: step.nowMs }];
  pumpMember(step, name);
}

/** An acknowledgement moves lag and window; whether it counts for durability is primary.ts's business. */
export function onAcknowledged(step: Step, name: string, to: JournalPosition, applied: JournalPosition): void {
  const served = step.state.serving.members.get(name);
  if (served === undefined) return;
  const fresh = freshServed(step, served);
  fresh.ackedTo = later(served.ackedTo, to);
  fresh.applied = later(served.applied, applied);
  fresh.inFlight = served.inFlight.filter((chunk) => comparePositions(chunk.to, to) > 0);
  fresh.sentTo ??= to;
  pumpMember(step, name);
  // The first one of a member that lacks nothing: what it has may be durable by now, and no data will tell it.
  if (served.sentTo === null) tellDurable(step, name);
}

/** The durable position rides on data; it is told by itself to whoever has them already. */
function tellDurable(step: Step, name: string): void {
  const served = step.state.serving.members.get(name);
  const { durable } = step.state.journal;
  if (served === undefined || served.shipping || served.sentTo === null) return;
  if (comparePositions(earlier(durable, served.sentTo), served.durableTold) <= 0) return;
  freshServed(step, served).durableTold = durable;
  send(step, served.connection, { type: 'durable-to', to: durable });
}

/** Sent to this member and not acknowledged by it. */
export function bytesUnderWay(served: Served): number {
  return served.inFlight.reduce((sum, chunk) => sum + chunk.bytes, 0);
}

/** When the oldest data under way to this member was sent; null = nothing is under way. */
export function oldestUnansweredMs(served: Served): number | null {
  return served.inFlight[0]?.sentAtMs ?? null;
}
