/**
 * Joining the own journal to another one: cut what the mirror does not have, or halt where the databases already hold it (FO-088),
 * and where what follows the own journal is no longer kept there (SYN-026): trying again would never end.
 */
import type { MemberEvent } from './events.ts';
import { comparePositions, epochOf, JOURNAL_START, type JournalPosition, printPosition } from './journal-position.ts';
import { commonPrefix, isBeyond } from './journal-transfer.ts';
import { comparedWithReport } from './loss-report.ts';
import type { Step } from './member-state.ts';
import { dropAttempt } from './seeking.ts';
import { enterRole, log, note, saveRecord } from './step.ts';
import { type JournalPlace, sameEpoch } from './terms.ts';

type OtherJournal = Pick<Extract<MemberEvent, { type: 'journal-offered' }>, 'history' | 'end'>;

function sharedWith({ state }: Step, other: OtherJournal): { readonly epoch: number; readonly sequence: number } {
  const { history, appended } = state.journal;
  return commonPrefix({ history, end: appended }, other);
}

/**
 * Do the databases hold what the other journal does not have? Then nothing can be cut back. Nor can what was acknowledged in a reign
 * beside the other's, applied or not: that would choose for the person whose force made the two.
 */
export function isDiverged(step: Step, other: OtherJournal): boolean {
  return isBeyond(heldFurthest(step, other), sharedWith(step, other));
}

/** Does the own journal hold records that the other lacks? */
export function isAhead(step: Step, other: OtherJournal): boolean {
  return isBeyond(step.state.journal.appended, sharedWith(step, other));
}

function heldFurthest({ state }: Step, { history }: OtherJournal): JournalPosition {
  const { epoch, primaryOfEpoch } = state.record;
  const isBeside = history.some((other) => other.epoch === epoch.number && !sameEpoch(epochOf(other), epoch));
  return primaryOfEpoch && isBeside ? state.journal.appended : state.journal.appliedFurthest;
}

/** Are the files gone that follow what is shared? A journal that is still empty begins with whatever file is there. */
export function isGone(step: Step, other: OtherJournal): boolean {
  const oldest = other.history[0]?.begin;
  if (oldest === undefined || oldest.file <= 1) return false;
  const isEmpty = comparePositions(step.state.journal.appended, JOURNAL_START) === 0;
  return !isEmpty && isBeyond(oldest, sharedWith(step, other));
}

/** Cut this journal back to what it shares with another one (FO-088). False: it cannot be joined, so the member is halted. */
export function joinHistory(step: Step, other: OtherJournal): boolean {
  const { journal, mirror } = step.state;
  if (isGone(step, other)) {
    const [end, oldest] = [printPosition(journal.appended), printPosition(other.history[0]!.begin)];
    log(step, 'journal-gone', { end, oldest });
    halt(step, 'SYN-026', `the journal data between ${end}, where its own ends, and ${oldest} is no longer kept`);
    return false;
  }
  const common = sharedWith(step, other);
  if (!isBeyond(journal.appended, common)) {
    if (endsInForeignFile(step, other, common.epoch))
      step.effects.push({ type: 'cut-journal', to: common, because: notInMirror });
    return true;
  }
  if (isDiverged(step, other)) {
    const shared = `${common.epoch}/${common.sequence}`;
    const held = heldFurthest(step, other);
    const applied = `${held.epoch}/${held.sequence}`;
    const compared = comparison(step, common);
    log(step, 'divergence-detail', { applied, common: shared, said: compared });
    log(step, 'divergence', { mirror });
    // What it knows of that reign says nothing of its own data, also after a restart.
    saveRecord(step, { splitIn: step.state.record.epoch });
    halt(step, 'FO-088', `it holds data up to ${applied}, the mirror shares only ${shared}${compared}`);
    return false;
  }
  step.effects.push({ type: 'cut-journal', to: common, because: `${notInMirror}${comparison(step, common)}` });
  return true;
}

const notInMirror = 'the mirror does not have it (FO-088)';

/** "Reported N, lost M", where a promotion has reported anything. */
function comparison({ state }: Step, common: JournalPlace): string {
  const { appended } = state.journal;
  const compared = comparedWithReport(state, appended.sequence - common.sequence, appended);
  return compared === '' ? '' : `; ${compared}`;
}

/**
 * Own and other journal share all records, but this one ends with a file that was begun and got none: the other has begun
 * the next epoch in a file of that number.
 */
function endsInForeignFile({ state }: Step, { history }: OtherJournal, epoch: number): boolean {
  const next = history.find((beginning) => beginning.epoch > epoch);
  return next !== undefined && next.begin.file <= state.journal.appended.file;
}

export function halt(step: Step, spec: string, because: string): void {
  const { state } = step;
  dropAttempt(step);
  if (state.attachment !== null) {
    step.effects.push({ type: 'close', connection: state.attachment.connection, reason: because });
  }
  state.attachment = null;
  for (const served of state.serving.members.values()) {
    step.effects.push({ type: 'close', connection: served.connection, reason: because });
  }
  state.serving = { ...state.serving, members: new Map(), trouble: null };
  step.effects.push({ type: 'refuse-updates' });
  state.haltedBecause = because;
  state.haltedSpec = spec;
  enterRole(step, 'halted');
  note(step, 'halted', spec, { because });
}
