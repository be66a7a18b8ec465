/**
 * A member without a primary: it asks the other's agent, says hello to the other, and waits; it becomes primary only with
 * a right (FO-007, FO-021..027, FO-061..064). A hello is a promise: whoever says it has dropped every right before.
 */
import { becomePrimary, giveUp, isKeptBySite } from './becoming.ts';
import type { Facts } from './effects.ts';
import type { MemberEvent } from './events.ts';
import { isSameList, listToTell, otherAsyncs } from './failover-members.ts';
import { type DownFacts, decide, downTable, type HelloFacts, helloTable } from './failover-table.ts';
import { isAhead, isDiverged, isGone, joinHistory } from './joining.ts';
import { epochOf } from './journal-position.ts';
import { setJournal } from './journal-transfer.ts';
import { isNewerThan, promotedByForce } from './member-record.ts';
import type { MemberState, Step } from './member-state.ts';
import { learnList } from './members-change.ts';
import type { AgentVerdict, DataMessage, DownRecord, Envelope, Refusal } from './messages.ts';
import { forceNow } from './operator-commands.ts';
import {
  type Hello,
  hasMore,
  hasMoreThanOwner,
  isLastReign,
  isSplitNow,
  mayGoFirst,
  newer,
  tellLacking,
} from './precedence.ts';
import { goOnWithoutPrimary } from './promotion.ts';
import {
  dropAttempt,
  giveUpActive,
  isTrying,
  onHelloFailed,
  pauseSeeking,
  refuseForce,
  setSeeking,
  tellFailure,
  tellWaiting,
  windowNow,
} from './seeking.ts';
import { agoMs, askAgent, isForced, log, note, noteAttempt, saveRecord, send } from './step.ts';
import { type MemberName, sameEpoch } from './terms.ts';
import { stopItFirst } from './ways-out.ts';

/** The next attempt, when it is time; also gives up one that takes too long. */
export function seek(step: Step): void {
  const { state } = step;
  const { seeking, settings } = state;
  const busy = isTrying(seeking);
  if (busy && seeking.fetching === null && step.nowMs >= seeking.deadlineMs) {
    const wasHello = seeking.request === null;
    if (wasHello && isForced(state) && seeking.next === 'hello') refuseForce(step, stopItFirst(state));
    pauseSeeking(step, 'no answer within the QoS timeout', wasHello ? 'agent' : 'hello');
    // Whoever is silent has had its turn: the next one may be the primary.
    setSeeking(step, wasHello ? { turn: seeking.turn + 1 } : { otherReigns: false });
    return;
  }
  if (busy || step.nowMs < seeking.retryAtMs) return;
  if (state.promotion !== null) return goOnWithoutPrimary(step);
  setSeeking(step, { deadlineMs: step.nowMs + settings.qosTimeoutMs });
  if (!state.failoverMember) return sayHelloInTurn(step);
  const uninquired = otherAsyncs(state).find((name) => !state.inquired.includes(name));
  if (uninquired !== undefined) return inquire(step, uninquired);
  if (settings.partner === null) return startAlone(step);
  if (seeking.next === 'agent') setSeeking(step, { request: askAgent(step, settings.partner, 'confirm-down') });
  else dialFor(step, nextToDial(step, settings.partner));
}

/**
 * FO-083, PROC-036: who just started may have been replaced while it was away, and its partner with it. Before it may have a right it
 * says hello to each async once; an async that has become primary takes it in, and any other tells the list it knows.
 */
function inquire(step: Step, name: MemberName): void {
  step.state.inquired = [...step.state.inquired, name];
  dialFor(step, name);
}

/**
 * Mostly the partner; now and then an async, since the partner may be gone for good, replaced by somebody. Not while this member is active:
 * a hello would end that for nothing, and whoever was promoted calls by himself (docs/decisions/0048).
 */
function nextToDial({ state }: Step, partner: MemberName): MemberName {
  const asyncs = otherAsyncs(state);
  const { turn } = state.seeking;
  const isForIt = turn % 4 === 3 && !isForced(state) && state.record.wasActive === null;
  if (asyncs.length === 0 || !isForIt) return partner;
  return asyncs[(turn >> 2) % asyncs.length] as MemberName;
}

/** The question to the agent has had its time. */
export function isAgentSilent(step: Step): boolean {
  const { seeking } = step.state;
  return seeking.request !== null && seeking.fetching === null && step.nowMs >= seeking.deadlineMs;
}

/** FO-084: what a former failover member whose flag was cleared waits for. */
const notValidated = 'ValidatedMember is 0: this member takes part again when a primary takes it in';

/** FO-063: nobody to ask. Refused while an agent's fence or the record says that others have gone on. */
function startAlone(step: Step): void {
  const { state } = step;
  const promoted = promotedByForce(state.record);
  // Who was promoted by force after the fence was put up was chosen against whoever put it up.
  const own = Math.max(state.record.epoch.number, (promoted?.number ?? 0) - 1);
  const fenced = state.record.fence !== null && state.record.fence.epoch.number > own;
  if (fenced || !state.record.validatedMember) {
    const because = fenced ? 'another member has become primary since (fence)' : notValidated;
    return refuseToTakeOver(step, fenced ? 'FO-063' : 'FO-084', because);
  }
  // A promotion by force is a choice between histories (docs/decisions/0033).
  if (promoted === null && isSplitNow(state.record)) {
    return refuseToTakeOver(step, 'FO-088', 'another history of its last epoch was met, and nobody has chosen one');
  }
  if (state.record.noFailover && !state.record.primaryOfEpoch) {
    return refuseToTakeOver(step, 'FO-072', 'no failover is set');
  }
  if (promoted !== null) {
    return becomePrimary(step, 'force', 'FO-082', 'an operator promoted this member without a partner');
  }
  log(step, 'alone-becoming-primary');
  becomePrimary(step, 'alone', 'FO-063', 'there is no other failover member');
}

function sayHelloInTurn(step: Step): void {
  const { settings, seeking } = step.state;
  // One of the other asyncs may have been promoted.
  const targets = [...settings.failoverMembers, ...otherAsyncs(step.state)];
  const target = targets[seeking.turn % Math.max(1, targets.length)];
  if (target === undefined) pauseSeeking(step, 'no failover member is known', 'hello');
  else dialFor(step, target);
}

function dialFor(step: Step, to: string): void {
  setSeeking(step, { dialling: to });
  step.effects.push({ type: 'dial', to });
}

/** The other process answered the phone: say hello, having dropped every right first. */
export function onDialled(step: Step, to: string, connection: number): void {
  const { state } = step;
  if (state.role !== 'seeking' || state.seeking.dialling !== to) {
    step.effects.push({ type: 'close', connection, reason: 'not needed any more' });
    return;
  }
  giveUpActive(step, 'FO-022', 'this member says hello');
  dropAttempt(step);
  state.hellos += 1;
  setSeeking(step, { helloOver: connection });
  send(step, connection, {
    type: 'hello',
    failoverMember: state.failoverMember,
    primaryOfEpoch: state.record.primaryOfEpoch,
    hello: state.hellos,
    journalEnd: state.journal.appended,
    ...(state.epochHeard > state.record.epoch.number ? { heard: state.epochHeard } : {}),
    ...listToTell(state),
    ...(isForced(state) ? { forced: true } : {}),
  });
}

export function onAgentAnswer(step: Step, answer: AgentVerdict): void {
  const { state } = step;
  setSeeking(step, { request: null, otherReigns: answer.says === 'running' && answer.primary });
  const other = state.settings.partner as string;
  switch (answer.says) {
    case 'running':
      noteAttempt(step, 'did not take over: the other runs', answer.primary ? 'FO-022' : 'FO-064', {
        other,
        isPrimary: answer.primary,
        otherEpoch: answer.epoch.number,
        wasActive: state.record.wasActive !== null,
        withoutPrimaryForMs: agoMs(step, state.seeking.sinceMs),
      });
      state.epochHeard = Math.max(state.epochHeard, answer.epoch.number);
      setSeeking(step, { next: 'hello', retryAtMs: 0 });
      return;
    case 'nothing':
      pauseSeeking(step, answer.reason, 'hello');
      setSeeking(step, { retryAtMs: 0, refusal: null });
      tellWaiting(step, answer.reason);
      return;
    case 'unkillable':
      noteAttempt(step, 'did not take over: the other cannot be killed', 'FO-026 FO-027', { other });
      pauseSeeking(step, `the process of ${other} cannot be killed`, 'agent');
      tellWaiting(step, `the process of ${other} cannot be killed`);
      return;
    case 'down':
      onDown(step, answer.record);
      return;
    default:
      answer satisfies never;
  }
}

function recordFact(step: Step, record: DownRecord | null): DownFacts['record'] {
  const { state } = step;
  if (record === null) return 'unreadable';
  if (isNewerThan(state.record, record)) return 'mine-is-newer';
  if (record.epoch.number < state.record.epoch.number) return 'older';
  const { wasActive } = state.record;
  const named =
    wasActive !== null &&
    record.activeBackup?.member === state.self &&
    record.activeBackup.term === wasActive.term &&
    sameEpoch(record.epoch, wasActive.epoch);
  return named ? 'names-me' : 'other';
}

/** FO-023..025, FO-061: the other instance is down; may this member become primary, and with which data? */
function onDown(step: Step, record: DownRecord | null): void {
  const { state } = step;
  setSeeking(step, { refusal: null });
  const facts: DownFacts = {
    active: state.record.wasActive !== null && state.becameActive,
    record: recordFact(step, record),
    window: windowNow(step),
  };
  if (learnList(step, record?.failoverMembers, `the agent of ${state.settings.partner}`)) return;
  const verdict = decide(downTable, facts);
  const seen = { ...downSeen(step, record), record: facts.record, window: facts.window };
  if (record !== null) state.epochHeard = Math.max(state.epochHeard, record.epoch.number);
  if (!state.record.validatedMember) return refuseToTakeOver(step, 'FO-084', notValidated, seen);
  const { failoverMembers } = state.record;
  if (record !== null && failoverMembers !== null && !isSameList(record.failoverMembers, failoverMembers)) {
    // Two lists of which none is newer come from two histories, and a person chooses this one (FO-074).
    if (isForced(state)) return forceNow(step);
    return refuseToTakeOver(step, 'FO-083', 'the record of the other has another list of failover members', seen);
  }
  const theirs = record?.noFailover === true && record.epoch.number > state.record.noFailoverClearedIn;
  if ((state.record.noFailover || theirs) && facts.record !== 'mine-is-newer') {
    // Known here from now on, so that it is shown, and can be cleared, on this member (FO-072).
    saveRecord(step, { noFailover: true });
    refuseToTakeOver(step, 'FO-072 FO-073', 'no failover is set', { ...seen, setOnOther: theirs });
    return;
  }
  if (verdict.outcome === 'take-over') {
    becomePrimary(step, 'agent-down', verdict.spec, verdict.because, { seen });
    return;
  }
  if (verdict.outcome === 'wait') {
    const lineage = state.record.forced?.epoch.lineage;
    if (isForced(state)) becomePrimary(step, 'force', 'FO-074', 'an operator forced it', { lineage, seen });
    else refuseToTakeOver(step, verdict.spec, verdict.because, seen);
    return;
  }
  noteAttempt(step, 'fetches journal data from the agent', verdict.spec, { because: verdict.because, ...seen });
  state.requests += 1;
  const incarnation = record?.incarnation ?? 0;
  const last = facts.record === 'mine-is-newer' || record?.epoch.owner === state.self;
  setSeeking(step, { request: state.requests, fetching: { request: state.requests, incarnation, last } });
  step.effects.push({
    type: 'ask-journal',
    request: state.requests,
    of: state.settings.partner as string,
    incarnation,
  });
}

/** What was known of the other when its agent said "down". */
function downSeen({ state, nowMs }: Step, record: DownRecord | null): Facts {
  const { wasActive } = state.record;
  return {
    other: state.settings.partner,
    wasActive: wasActive !== null,
    term: wasActive?.term ?? null,
    otherEpoch: record?.epoch.number ?? null,
    otherWaitedFor: record?.activeBackup?.member ?? null,
    otherWaitedInTerm: record?.activeBackup?.term ?? null,
    withoutPrimaryForMs: Math.round(nowMs - state.seeking.sinceMs),
  };
}

function refuseToTakeOver(step: Step, spec: string, because: string, seen: Facts = {}): void {
  if (!step.state.seeking.told) {
    log(step, 'did-not-take-over', { rules: spec, because });
    note(step, 'did not take over', spec, { because, ...seen });
    tellFailure(step);
  }
  pauseSeeking(step, because, 'agent');
  setSeeking(step, { told: true });
}

/** A record that cannot be read may hold an epoch that began no file. */
function leaveNumberOut({ state }: Step): void {
  state.epochHeard = Math.max(state.epochHeard, state.record.epoch.number + 1);
}

/** The agent told what it has: adopt its epoch, cut back to what is shared, then fetch the rest. */
export function onJournalOffered(step: Step, event: Extract<MemberEvent, { type: 'journal-offered' }>): void {
  const { state } = step;
  const { fetching } = state.seeking;
  if (fetching?.request !== event.request) return;
  const newest = event.history.at(-1);
  state.epochHeard = Math.max(state.epochHeard, newest?.epoch ?? 0);
  if (learnList(step, event.failoverMembers, `the agent of ${state.settings.partner}`)) return;
  // The losses that a person accepted are not those of data that this member has.
  if (promotedByForce(state.record) !== null && isAhead(step, event)) {
    setSeeking(step, { fetching: null, request: null });
    return becomePrimary(step, 'force', 'FO-081', 'the partner has no journal data that this member lacks');
  }
  if (hasMoreThanOwner(step, event)) {
    tellLacking(step, { of: state.record.epoch.owner, end: event.end }, { of: state.self, end: state.journal.flushed });
    setSeeking(step, { fetching: null, request: null });
    return becomePrimary(
      step,
      'agent-down',
      'FO-061 FO-090',
      'the other is down, and this member has more of its reign',
    );
  }
  // Two histories, and a person chooses this one; the other halts when it comes back.
  if (isForced(state) && (isDiverged(step, event) || isGone(step, event))) return forceNow(step);
  if ((fetching.last || fetching.incarnation === 0) && isLastReign(step, newest)) {
    const { record, journal, self } = state;
    if (!hasMore(record.epoch, event.end, journal.appended)) {
      if (fetching.incarnation === 0) leaveNumberOut(step);
      setSeeking(step, { fetching: null, request: null });
      return becomePrimary(step, 'agent-down', 'FO-061', 'this member was the last primary, and the other has no more');
    }
    tellLacking(step, { of: self, end: journal.appended }, { of: state.settings.partner as string, end: event.end });
  }
  if (newest !== undefined && newest.epoch > state.record.epoch.number) {
    saveRecord(step, {
      epoch: epochOf(newest),
      primaryOfEpoch: false,
      wasActive: null,
      activeBackup: null,
    });
  }
  if (!joinHistory(step, event)) return;
  step.effects.push({
    type: 'fetch-journal',
    request: event.request,
    of: state.settings.partner as string,
    incarnation: fetching.incarnation,
  });
}

export function onJournalFetched(step: Step, event: Extract<MemberEvent, { type: 'journal-fetched' }>): void {
  const { state } = step;
  const { fetching } = state.seeking;
  if (fetching?.request !== event.request) return;
  if (fetching.incarnation === 0) leaveNumberOut(step);
  setJournal(step, { appended: event.end, flushed: event.end, history: event.history });
  log(step, 'journal-fetched', {
    position: `${event.end.epoch}/${event.end.sequence}`,
    member: state.settings.partner,
  });
  setSeeking(step, { fetching: null, request: null });
  becomePrimary(step, 'agent-down', 'FO-024 FO-025 FO-061', 'the other is down and its journal data was fetched', {
    seen: { fetchedTo: `${event.end.epoch}/${event.end.sequence}` },
  });
}

export function onFetchFailed(step: Step, request: number, reason: string): void {
  if (step.state.seeking.fetching?.request !== request) return;
  log(step, 'fetch-failed', { member: step.state.settings.partner, reason });
  noteAttempt(step, 'did not take over: journal data is missing', 'FO-024 FO-025', {
    from: step.state.settings.partner,
    reason,
  });
  pauseSeeking(step, reason, 'agent');
}

/** The other failover member's hello while this member is not primary. Returns what to do with the connection. */
export function onHelloWhileSeeking(
  step: Step,
  connection: number,
  envelope: Envelope,
  message: Extract<DataMessage, { type: 'hello' }>,
): void {
  const { state } = step;
  // Only a person can have made the other primary while this member holds a right: the right ends with the higher epoch.
  if (state.role === 'becoming' && envelope.epoch.number > state.record.epoch.number) {
    giveUp(step, 'FO-067 FO-068', `${envelope.from} has been primary of epoch ${envelope.epoch.number} meanwhile`);
  }
  const stands = newer(step, envelope, message);
  const facts: HelloFacts = {
    role: roleToward(step, message),
    newer: stands === 'neither' && mayGoFirst(step, envelope, message) ? 'ours' : stands,
  };
  const verdict = decide(helloTable, facts, ['consent', 'give-way', 'refuse']);
  const seen = {
    ...facts,
    from: envelope.from,
    otherEpoch: envelope.epoch.number,
    otherWasPrimary: message.primaryOfEpoch,
  };
  if (stands === 'ours') takeFenceAway(step, envelope.from);
  // By this member's own list: the other may not have heard of its promotion yet, and then it has no right at all.
  const isPartner = state.failoverMember && state.settings.partner === envelope.from;
  const consent = verdict.outcome === 'consent' && isPartner && state.record.validatedMember && isInquired(state);
  const yields = verdict.outcome === 'give-way' && isPartner;
  const reason = yields ? 'gives-way' : consent ? 'becoming-primary' : whyNot(step, stands);
  if (yields) giveWay(step, verdict.spec, verdict.because);
  send(step, connection, {
    type: 'refuse',
    reason,
    primary: state.attachment?.to ?? null,
    ...listToTell(state, message.failoverMembers),
  });
  step.effects.push({ type: 'close', connection, reason: verdict.because });
  state.epochHeard = Math.max(state.epochHeard, envelope.epoch.number);
  if (consent && stands === 'ours' && !state.record.primaryOfEpoch)
    tellLacking(step, { of: envelope.from, end: message.journalEnd }, { of: state.self, end: state.journal.flushed });
  if (consent) becomePrimary(step, 'consent', verdict.spec, verdict.because, { seen });
  else noteAttempt(step, 'took nobody in', verdict.spec, { ...seen, because: verdict.because });
}

/**
 * FO-063: the one for whom this member was called down was not primary since, and drops with its hello what it was told. Only where there is
 * nobody else to ask: by its list this member is alone, and the other, promoted by force perhaps, waits for it (docs/decisions/0047).
 */
function takeFenceAway(step: Step, from: MemberName): void {
  const { role, settings, failoverMember, record } = step.state;
  const { fence } = record;
  if (role !== 'seeking' || !failoverMember || settings.partner !== null || fence?.requester !== from) return;
  step.state.epochHeard = Math.max(step.state.epochHeard, fence.epoch.number);
  saveRecord(step, { fence: null });
  note(step, 'the fence is taken away', 'FO-063', { requester: from, fence: fence.epoch.number });
  setSeeking(step, { retryAtMs: step.nowMs });
}

function roleToward({ state }: Step, { forced }: Hello): HelloFacts['role'] {
  const { role, record } = state;
  if (role === 'becoming') return forced === true && isKeptBySite(state) ? 'kept' : role;
  if (role === 'seeking' || role === 'attached') return role;
  return record.removed === null && (role === 'stopped' || role === 'halted') ? 'idle' : 'closed';
}

function whyNot({ state }: Step, stands: HelloFacts['newer']): Refusal {
  const { role, record } = state;
  if (record.removed !== null) return 'not-a-member';
  if (role === 'becoming') return stands === 'theirs' && isKeptBySite(state) ? 'kept-by-site' : 'becoming-primary';
  return role === 'stopped' || role === 'halted' ? role : 'not-primary';
}

/** Whatever right it has ends, on disk, before the other hears of it. */
function giveWay(step: Step, spec: string, because: string): void {
  giveUpActive(step, spec, because);
  if (step.state.role === 'becoming') giveUp(step, spec, because);
}

/**
 * The hello was refused. The last primary needs no hello of a partner that gives way. Nor of one that has its removal on disk, which can
 * never be active again: this member died before it had taken the other out of its mirror set.
 */
export function onRefused(
  step: Step,
  connection: number,
  envelope: Envelope,
  { reason, failoverMembers, incarnation }: Extract<DataMessage, { type: 'refuse' }>,
): void {
  const { state } = step;
  if (incarnation !== undefined) outlive(step, envelope.from, incarnation);
  state.epochHeard = Math.max(state.epochHeard, envelope.epoch.number);
  step.effects.push({ type: 'close', connection, reason: 'refused' });
  setSeeking(step, { helloOver: null });
  if (learnList(step, failoverMembers, envelope.from)) return;
  const isPartner = state.failoverMember && envelope.from === state.settings.partner;
  if (isPartner) setSeeking(step, { refusal: reason });
  const why = isPartner ? noRight[reason] : undefined;
  const isLast = why !== undefined && newer(step, envelope, { primaryOfEpoch: false }) === 'ours';
  if (!isLast || !state.record.validatedMember || !isInquired(state))
    return onHelloFailed(step, `${envelope.from} answers: ${reason}`);
  becomePrimary(step, 'consent', why.spec, why.because);
}

/**
 * FO-090: the primary has heard of a later life of this member, whose disk was set back since. Only whoever lives hears that, and its next
 * hello comes from a life above it.
 */
function outlive(step: Step, primary: MemberName, heard: number): void {
  const { incarnation } = step.state.record;
  if (heard < incarnation) return;
  saveRecord(step, { incarnation: heard + 1 });
  log(step, 'was-set-back', { incarnation, primary, heard });
  note(step, 'goes on as a later life of itself', 'FO-090', { primary, heard, incarnation: heard + 1 });
}

/** What a partner says that can have no right any more. */
const noRight: { readonly [R in Refusal]?: { readonly spec: string; readonly because: string } } = {
  'not-a-member': {
    spec: 'FO-061 CFG-069',
    because: 'this member was the last primary, and the other was removed by it',
  },
  'gives-way': { spec: 'FO-061 FO-064', because: 'this member was the last primary, and the other has no right' },
};

/** Has it said hello to every async since it started? */
function isInquired(state: MemberState): boolean {
  return otherAsyncs(state).every((name) => state.inquired.includes(name));
}

/** How a hello stands against a primary, whose journal is the mirror's. */
export function helloToPrimary(step: Step, envelope: Envelope, { primaryOfEpoch }: Hello) {
  return decide(helloTable, { role: 'primary', newer: newer(step, envelope, { primaryOfEpoch }) }, ['welcome', 'halt']);
}
