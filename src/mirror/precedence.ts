/**
 * Who of the two failover members goes first where neither has a primary. It is the primary of the newest epoch, unless the other has more of
 * that reign: then the power took what its owner had not flushed, or the disk of the owner was set back to an older state (FO-090,
 * docs/decisions/0049).
 */
import {
  comparePositions,
  type EpochBeginning,
  epochOf,
  type JournalPosition,
  printPosition,
} from './journal-position.ts';
import { type MemberRecord, promotedByForce } from './member-record.ts';
import type { Step } from './member-state.ts';
import type { DataMessage, Envelope } from './messages.ts';
import { log, note } from './step.ts';
import { type Epoch, type MemberName, sameEpoch } from './terms.ts';

export type Hello = Extract<DataMessage, { type: 'hello' }>;

/**
 * How a hello stands to this member, for the hello table. Without `journalEnd` the journals are not compared: its sender runs, and has no
 * right any more.
 *
 * Two hellos may cross, and only one of the two may find that it goes first. So whoever followed counts for itself what it has flushed, and is
 * counted by the other with all that it has stored: what is under way to its disk between the two hellos is for neither.
 */
export function newer(
  step: Step,
  { from, epoch: theirs }: Envelope,
  hello: Pick<Hello, 'primaryOfEpoch' | 'heard'> & Partial<Pick<Hello, 'journalEnd'>>,
): 'ours' | 'theirs' | 'neither' | 'split' {
  const { record, journal, self } = step.state;
  const { primaryOfEpoch, journalEnd, heard } = hello;
  const ours = record.epoch;
  // Who has heard of a reign of its own and comes with an older epoch has lost that reign. A hello of before that reign had not heard of it.
  // The other knows of it, and may have none of its journal data.
  if (ours.number > theirs.number) {
    if (record.primaryOfEpoch) return 'ours';
    if (ours.owner !== from || (heard ?? 0) < ours.number || journalEnd === undefined) return 'neither';
    if (isSplitNow(record)) return 'neither';
    return comparePositions(journal.flushed, journalEnd) >= 0 ? 'ours' : 'theirs';
  }
  if (ours.number < theirs.number) {
    if (primaryOfEpoch) return 'theirs';
    if (theirs.owner !== self) return 'neither';
    return journalEnd === undefined || comparePositions(journal.appended, journalEnd) > 0 ? 'ours' : 'theirs';
  }
  if (!sameEpoch(ours, theirs) || (record.primaryOfEpoch && primaryOfEpoch)) return 'split';
  if (!record.primaryOfEpoch && !primaryOfEpoch) return 'neither';
  if (journalEnd === undefined) return record.primaryOfEpoch ? 'ours' : 'theirs';
  if (record.primaryOfEpoch) return hasMore(ours, journalEnd, journal.appended) ? 'theirs' : 'ours';
  return hasMore(ours, journal.flushed, journalEnd) ? 'ours' : 'theirs';
}

/** It met another history in its present epoch, and nobody has chosen one yet (FO-088). */
export function isSplitNow({ splitIn, epoch }: MemberRecord): boolean {
  return splitIn !== null && sameEpoch(splitIn, epoch);
}

/** Does a journal that ends here have more of this reign than that of the member whose reign it was? */
export function hasMore({ number }: Epoch, journalEnd: JournalPosition, ofOwner: JournalPosition): boolean {
  return journalEnd.epoch === number && comparePositions(journalEnd, ofOwner) > 0;
}

/** Has this member, which followed the other, more of that reign than the other's own journal? */
export function hasMoreThanOwner({ state }: Step, { history, end }: OtherJournal): boolean {
  const { record, journal, settings } = state;
  const { epoch } = record;
  const newest = history.at(-1);
  const isOfOther = newest !== undefined && sameEpoch(epochOf(newest), epoch);
  return isOfOther && !isSplitNow(record) && epoch.owner === settings.partner && hasMore(epoch, journal.flushed, end);
}

export function tellLacking(step: Step, owner: JournalEnd, other: JournalEnd): void {
  const { number } = step.state.record.epoch;
  const [own, theirs] = [printPosition(owner.end), printPosition(other.end)];
  log(step, 'lacks-of-own-reign', { owner: owner.of, epoch: number, own, other: other.of, theirs });
  note(step, `${owner.of} lacks journal data of its own reign`, 'FO-090', { own, other: other.of, theirs });
}

interface JournalEnd {
  readonly of: MemberName;
  readonly end: JournalPosition;
}

interface OtherJournal {
  readonly history: readonly EpochBeginning[];
  readonly end: JournalPosition;
}

/** The other's journal shows no reign beside or after this member's own. */
export function isLastReign({ state }: Step, newest: EpochBeginning | undefined): boolean {
  const { primaryOfEpoch, epoch } = state.record;
  if (!primaryOfEpoch || newest === undefined) return primaryOfEpoch;
  return newest.epoch < epoch.number || sameEpoch(epochOf(newest), epoch);
}

/**
 * FO-081: a person has paired two members of which none was the last primary, and has accepted losses: the one with more journal data
 * goes first. Never both: of two equal ones it is the first by name.
 */
export function mayGoFirst({ state }: Step, { from }: Envelope, { journalEnd }: Hello): boolean {
  if (promotedByForce(state.record) === null) return false;
  const order = comparePositions(state.journal.flushed, journalEnd);
  return order > 0 || (order === 0 && state.self < from);
}
