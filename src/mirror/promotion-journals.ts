/**
 * What everybody has of the journal while an async is promoted without a primary (FO-080..082): each member is asked, those that are down
 * through their agents. Without a partner the async first fetches what another async has more. What is left that others have is
 * what the promotion loses, and is put into the new list.
 */
import type { MemberEvent } from './events.ts';
import { otherAsyncs, presentList } from './failover-members.ts';
import { joinHistory } from './joining.ts';
import { epochOf } from './journal-position.ts';
import { freshJournal } from './journal-transfer.ts';
import { forceWaitMs } from './limits.ts';
import { furthestBehind, lossAgainst, type OfferedJournal, place, printPlace } from './loss-report.ts';
import type { MemberState, Promotion, Step } from './member-state.ts';
import { learnList } from './members-change.ts';
import { log, note, saveRecord } from './step.ts';
import type { MemberName, ReportedLoss } from './terms.ts';

type Offered = Extract<MemberEvent, { type: 'journal-offered' }>;

/** The asyncs that are not asked through the list of failover members. */
function asyncsOf(state: MemberState): readonly MemberName[] {
  return [...otherAsyncs(state), ...(state.settings.reporting ?? [])].filter((name) => name !== state.self);
}

/**
 * After the agents have answered, or have not: by then an async has noticed that the primary which this member lost is lost to it,
 * too. True = there are some.
 */
export function askAsyncs(step: Step): boolean {
  const asyncs = asyncsOf(step.state);
  step.state.promotion = { ...(step.state.promotion as Promotion), phase: 'asking-asyncs' };
  for (const name of asyncs) askJournal(step, name, 0, true);
  return asyncs.length > 0;
}

/** FO-024: of an instance that is down, by the life in which its agent called it down. */
export function askJournalOfDown(step: Step, name: MemberName, incarnation: number): void {
  askJournal(step, name, incarnation, false);
}

function askJournal(step: Step, of: MemberName, incarnation: number, ofInstance: boolean): void {
  const { state } = step;
  const promotion = state.promotion as Promotion;
  state.requests += 1;
  const request = state.requests;
  state.promotion = { ...promotion, journalWaits: new Map(promotion.journalWaits).set(request, of) };
  step.effects.push({ type: 'ask-journal', request, of, incarnation, ...(ofInstance ? { ofInstance } : {}) });
}

/** True = the answer was to a question of a promotion. */
export function onOfferWhilePromoting(step: Step, event: Offered): boolean {
  const name = step.state.promotion?.journalWaits.get(event.request);
  if (name === undefined) return false;
  if (learnList(step, event.failoverMembers, name)) return true;
  const { history, end, primary = null } = event;
  log(step, 'promotion-journal', { member: name, says: `its journal ends at ${printPlace(end)}` });
  settle(step, event.request, name, { history, end, primary });
  return true;
}

/** True = so was this failure. */
export function onNotOffered(step: Step, request: number, reason: string): boolean {
  const { promotion } = step.state;
  if (promotion === null) return false;
  const name = promotion.journalWaits.get(request);
  if (name !== undefined) {
    log(step, 'promotion-journal', { member: name, says: reason });
    settle(step, request, name, null);
    return true;
  }
  if (promotion.fetching?.request !== request) return false;
  const { of } = promotion.fetching;
  log(step, 'gathering-failed', { member: of, reason });
  note(step, `could not fetch all journal data of ${of}`, 'FO-082', { reason });
  // Its journal is known all the same; the next one is tried for what is left.
  step.state.promotion = { ...promotion, fetching: null, given: [...promotion.given, of] };
  return true;
}

function settle(step: Step, request: number, name: MemberName, offer: OfferedJournal | null): void {
  const promotion = step.state.promotion as Promotion;
  const journalWaits = new Map(promotion.journalWaits);
  journalWaits.delete(request);
  if (offer !== null) step.state.epochHeard = Math.max(step.state.epochHeard, offer.end.epoch);
  step.state.promotion = { ...promotion, journalWaits, offers: new Map(promotion.offers).set(name, offer) };
}

/** FO-082: the newest data of the other asyncs come here first. True = there are some, and they are being fetched. */
export function gather(step: Step): boolean {
  const { state } = step;
  const promotion = state.promotion as Promotion;
  const asyncs = asyncsOf(state).filter((name) => !promotion.given.includes(name));
  const offers = new Map(asyncs.map((name) => [name, promotion.offers.get(name) ?? null]));
  const of = furthestBehind(ownJournal(state), offers);
  const offer = of === null ? null : offers.get(of);
  if (of === null || offer == null) return false;
  const newest = offer.history.at(-1);
  if (newest !== undefined && newest.epoch > state.record.epoch.number) {
    saveRecord(step, { epoch: epochOf(newest), primaryOfEpoch: false, wasActive: null, activeBackup: null });
  }
  // It goes on where this journal ends, so that nothing but an empty file is cut.
  joinHistory(step, offer);
  state.requests += 1;
  const request = state.requests;
  state.promotion = { ...promotion, phase: 'fetching', fetching: { request, of }, untilMs: step.nowMs + forceWaitMs };
  note(step, `fetches journal data from ${of}`, 'FO-082', { to: printPlace(offer.end) });
  step.effects.push({ type: 'fetch-journal', request, of, incarnation: 0, ofInstance: true });
  return true;
}

/** However much there is, it is waited for as long as some comes. */
export function onGatheringProgressed(step: Step): void {
  const { promotion } = step.state;
  if (promotion?.fetching != null) step.state.promotion = { ...promotion, untilMs: step.nowMs + forceWaitMs };
}

/** True = it was fetched for a promotion. */
export function onGathered(step: Step, event: Extract<MemberEvent, { type: 'journal-fetched' }>): boolean {
  const { promotion } = step.state;
  if (promotion === null || promotion.fetching?.request !== event.request) return false;
  const { of } = promotion.fetching;
  const journal = freshJournal(step);
  journal.appended = event.end;
  journal.flushed = event.end;
  journal.history = event.history;
  log(step, 'journal-gathered', { position: printPlace(event.end), member: of });
  note(step, `has fetched the journal data of ${of}`, 'FO-082', { to: printPlace(event.end) });
  step.state.promotion = { ...promotion, fetching: null, given: [...promotion.given, of] };
  return true;
}

/** Is the journal of this request still to be fetched? For whoever fetches. */
export function isFetching({ seeking, promotion }: MemberState, request: number): boolean {
  return seeking.fetching?.request === request || promotion?.fetching?.request === request;
}

function ownJournal({ journal }: MemberState): OfferedJournal {
  return { history: journal.history, end: journal.appended };
}

/** What is lost when this member goes on with its own journal, or with that of its partner, which it fetches where it has more. */
export function lossOf(step: Step, partner: MemberName | null): ReportedLoss {
  const { state } = step;
  const { answers, offers } = state.promotion as Promotion;
  const own = ownJournal(state);
  const offer = partner === null ? null : (offers.get(partner) ?? null);
  const isFetched = partner !== null && furthestBehind(own, new Map([[partner, offer]])) === partner;
  const { epoch, sequence, upTo, records } = lossAgainst(isFetched && offer !== null ? offer : own, offers);
  const asked = [...new Set([...presentList(state).names, ...answers.keys()])];
  // Of an async that is not reached nobody else need know: a failover member has whatever it has.
  const notReached = asked.filter((name) => name !== state.self && (offers.get(name) ?? null) === null);
  return { by: state.self, from: place({ epoch, sequence }), upTo, records, notReached };
}
