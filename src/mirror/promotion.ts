/**
 * Promotion of a disaster recovery async (FO-077..084). With a primary there is nothing to decide here: it is asked for. Without
 * one the agents of the failover members say who is down and what each was, the table says with whom this member is paired, the
 * agents put the new list into the records of those that are down, and then this member takes it, too. From there on it is a
 * failover member like any other: it becomes primary by the ordinary rules, or not at all.
 */
import type { Facts } from './effects.ts';
import type { MemberEvent, OperatorCommand } from './events.ts';
import { isNewerList, isReportingAsync, isSameList, presentList } from './failover-members.ts';
import { decide, type PromotionFacts, promotionTable } from './failover-table.ts';
import { forceWaitMs } from './limits.ts';
import { isBefore, printPlace, reportedText } from './loss-report.ts';
import { isNewerThan } from './member-record.ts';
import type { MemberState, Precondition, Promotion, Step } from './member-state.ts';
import { learnList, takeList } from './members-change.ts';
import type { AgentVerdict, DownRecord } from './messages.ts';
import { askAsyncs, askJournalOfDown, gather, lossOf } from './promotion-journals.ts';
import { dropAttempt } from './seeking.ts';
import { answerOrders, askAgent, log, note, saveRecord, send } from './step.ts';
import type { FailoverMembers, JournalPlace, MemberName, ReportedLoss } from './terms.ts';

type Promote = Extract<OperatorCommand, { command: 'promote' }>;

/** Null = a promotion can be tried now; also for what was typed with it, where that is known. */
export function refusalToPromote(state: MemberState): Precondition | null {
  const failed = (reason: string, text: string, spec = 'FO-077'): Precondition => ({ reason, text, spec });
  if (state.failoverMember) return failed('not-an-async', 'this member is a failover member already');
  if (isReportingAsync(state, state.self)) {
    return failed('not-dr', 'this member is a reporting async; only a disaster recovery async can be promoted');
  }
  if (state.promotion !== null) return failed('under-way', 'a promotion of this member is under way');
  if (state.role === 'attached' || state.role === 'seeking') return null;
  return failed('not-able', `this member is ${state.role}, and only one that takes part in its mirror can be promoted`);
}

/** The partner that an operator chose; null = it can be tried with that one. */
export function refusalOfPartner(state: MemberState, partner: Promote['partner']): Precondition | null {
  const primary = state.role === 'attached' ? state.attachment?.to : undefined;
  if (partner === null || partner === primary) return null;
  if (primary !== undefined) {
    const text = `${primary} is the primary and becomes the partner; leave the partner out, or stop ${primary} first`;
    return { reason: 'other-partner', text, spec: 'FO-078' };
  }
  const { names } = presentList(state);
  if (partner === 'none' || names.includes(partner)) return null;
  const text = `${partner} is no failover member; the partner is one of ${names.join(', ')}, or none`;
  return { reason: 'no-such-partner', text, spec: 'FO-080' };
}

export function beginPromotion(step: Step, order: Promote): void {
  const { state } = step;
  const { attachment } = state;
  const why = refusalOfPartner(state, order.partner);
  if (why !== null) return endPromotion(step, why);
  if (state.role === 'attached' && attachment !== null) {
    begin(step, order, 'requested', new Map());
    return send(step, attachment.connection, { type: 'request-promotion' });
  }
  askAgents(step, order);
}

function begin(step: Step, order: Promote, phase: Promotion['phase'], waits: Promotion['waits']): void {
  const untilMs = step.nowMs + forceWaitMs;
  const nothing = { answers: new Map(), journalWaits: new Map(), offers: new Map(), fetching: null, given: [] };
  step.state.promotion = { order, phase, waits, ...nothing, list: null, untilMs };
}

/** The primary was lost before it answered: the promotion goes on without it. */
export function goOnWithoutPrimary(step: Step): void {
  const { promotion } = step.state;
  if (promotion?.phase !== 'requested') return;
  const why = refusalOfPartner(step.state, promotion.order.partner);
  if (why === null) askAgents(step, promotion.order);
  else endPromotion(step, why);
}

function askAgents(step: Step, order: Promote): void {
  const { names } = presentList(step.state);
  dropAttempt(step);
  begin(step, order, 'asking', new Map(names.map((name) => [askAgent(step, name, 'look-down', null), name])));
}

/** True = the answer was to a question of a promotion. */
export function onAgentWhilePromoting(step: Step, request: number, answer: AgentVerdict): boolean {
  const { promotion } = step.state;
  const name = promotion?.waits.get(request);
  if (promotion === null || name === undefined) return false;
  // Another promotion was before this one: its list says who has to be asked.
  if (
    answer.says === 'down' &&
    promotion.phase === 'asking' &&
    learnList(step, answer.record?.failoverMembers, `the agent of ${name}`)
  )
    return true;
  const waits = new Map(promotion.waits);
  waits.delete(request);
  const answers = new Map(promotion.answers).set(name, answer);
  note(step, `the agent of ${name} says ${answer.says}`, 'FO-080 FO-082', {
    phase: promotion.phase,
    ...seenOf(answer),
  });
  log(step, 'promotion-asked', { member: name, says: answer.says === 'nothing' ? answer.reason : answer.says });
  step.state.promotion = { ...promotion, waits, answers };
  if (promotion.phase === 'asking' && answer.says === 'down') {
    askListed(step, answer.record?.listed ?? []);
    askJournalOfDown(step, name, answer.record?.incarnation ?? 0);
  }
  continuePromotion(step);
  return true;
}

/** The primary may have taken in a failover member, and died before this member heard of it: that one may be primary now. */
function askListed(step: Step, listed: readonly MemberName[]): void {
  const promotion = step.state.promotion as Promotion;
  const asked = [...promotion.answers.keys(), ...promotion.waits.values(), step.state.self];
  const waits = new Map(promotion.waits);
  for (const name of listed) if (!asked.includes(name)) waits.set(askAgent(step, name, 'look-down', null), name);
  step.state.promotion = { ...promotion, waits };
}

/** Goes on when all has come that it waited for. */
export function continuePromotion(step: Step): void {
  const { promotion } = step.state;
  if (promotion === null || promotion.waits.size > 0 || promotion.journalWaits.size > 0) return;
  if (promotion.phase === 'asking' && askAsyncs(step)) return;
  if (promotion.phase === 'telling') finishPromotion(step, promotion);
  else decidePartner(step, promotion);
}

function seenOf(answer: AgentVerdict) {
  if (answer.says === 'nothing') return { reason: answer.reason };
  if (answer.says !== 'down' || answer.record === null) return {};
  const { epoch, primaryOfEpoch, activeBackup } = answer.record;
  return { otherEpoch: epoch.number, wasPrimary: primaryOfEpoch, waitedFor: activeBackup?.member ?? null };
}

function endPromotion(step: Step, { reason, text, spec }: Precondition): void {
  step.state.promotion = null;
  log(step, 'promotion-refused', { rules: spec, because: text });
  note(step, 'was not promoted', spec, { because: text });
  answerOrders(step, 'promote', { outcome: 'refused', reason, text, spec });
}

type Known = readonly (readonly [MemberName, DownRecord])[];

/** Those that are down for certain and whose record can be read; an agent that cannot read it can write nothing into it either. */
function known(answers: Promotion['answers']): Known {
  return [...answers].flatMap(([name, answer]) =>
    answer.says === 'down' && answer.record !== null ? [[name, answer.record] as const] : [],
  );
}

/** Nobody else may rely on his own journal against it. */
function lastPrimary(downs: Known): MemberName | null {
  const last = downs.find(
    ([, record]) => record.primaryOfEpoch && downs.every(([, other]) => other === record || isNewerThan(record, other)),
  );
  return last?.[0] ?? null;
}

function decidePartner(step: Step, promotion: Promotion): void {
  const { answers, order } = promotion;
  if (isReportingAsync(step.state, step.state.self)) {
    const text = 'this member has become a reporting async since the promotion was ordered';
    return endPromotion(step, { reason: 'not-dr', text, spec: 'FO-077' });
  }
  for (const [name, { says }] of answers) {
    if (says !== 'running' && says !== 'unkillable') continue;
    const text = `${name} is running, so it or its partner may be the primary; this member is promoted while it is connected to the primary, or when both are down`;
    return endPromotion(step, { reason: 'is-running', text, spec: 'FO-079' });
  }
  for (const [name, offer] of promotion.offers) {
    if (offer?.primary == null) continue;
    const text = `${name} is connected with ${offer.primary}, which is primary, though this member does not reach it; mend the network, or stop ${offer.primary} first`;
    return endPromotion(step, { reason: 'is-running', text, spec: 'FO-079' });
  }
  const downs = known(answers);
  const missing = [...answers.keys()].filter((name) => !downs.some(([down]) => down === name));
  const chosen = order.partner === null ? lastPrimary(downs) : order.partner;
  const facts: PromotionFacts = {
    wish: order.partner === null ? 'automatic' : order.partner === 'none' ? 'none' : 'chosen',
    partner: chosen === null || chosen === 'none' ? 'none' : missing.includes(chosen) ? 'silent' : 'down',
    others: missing.some((name) => name !== chosen) ? 'silent' : 'down',
  };
  const verdict = decide(promotionTable, facts);
  if (verdict.outcome === 'alone-by-force' && gather(step)) return;
  note(step, `promotion: ${verdict.outcome}`, verdict.spec, { ...facts, chosen, missing: missing.join(', ') });
  if (verdict.outcome === 'ask-for-partner') {
    const last = lastPrimary(downs);
    const advice = last === null ? '' : ` (${last} was the last primary of those that answer)`;
    const text = `${missing.join(', ') || 'no member'}: no answer of the agent; choose the failover partner${advice}, or none, and see to it that a member that did not answer is not started before ValidatedMember is 0 there`;
    return endPromotion(step, { reason: 'choose-partner', text, spec: verdict.spec });
  }
  const heard = Math.max(
    ...downs.map(([, { epoch }]) => epoch.number),
    step.state.record.epoch.number,
    step.state.epochHeard,
    step.state.record.fence?.epoch.number ?? 0,
  );
  // Of a partner that is not reached nobody knows whether it was the last primary.
  const isSafe = verdict.outcome === 'pair' && chosen === lastPrimary(downs);
  const partner = verdict.outcome === 'alone-by-force' ? null : chosen;
  const loss = lossOf(step, partner);
  if (!isSafe && isTooMuch(loss, promotion.order.acceptLossUpTo)) {
    const text = `${reportedText(loss)}; losses were accepted up to ${printPlace(promotion.order.acceptLossUpTo as JournalPlace)} only`;
    return endPromotion(step, { reason: 'loss-too-great', text, spec: 'FO-082' });
  }
  tellList(step, partner, isSafe ? null : { number: heard + 1, loss });
}

function isTooMuch({ records, upTo }: ReportedLoss, accepted: JournalPlace | undefined): boolean {
  return accepted !== undefined && records > 0 && isBefore(accepted, upTo);
}

/** The list goes to all who are down, those first who are none of it: the partner takes it together with them. */
function tellList(
  step: Step,
  partner: MemberName | null,
  byForce: { readonly number: number; readonly loss: ReportedLoss } | null,
): void {
  const { state } = step;
  const promotion = state.promotion as Promotion;
  const downs = known(promotion.answers);
  let newest: FailoverMembers = presentList(state);
  for (const [, { failoverMembers }] of downs)
    if (failoverMembers !== undefined && isNewerList(failoverMembers, newest)) newest = failoverMembers;
  const epochs = downs.map(([, { epoch }]) => epoch.number);
  state.epochHeard = Math.max(state.epochHeard, ...epochs);
  const names = partner === null ? [state.self] : [partner, state.self];
  const { lineage, atMs, evidence } = promotion.order;
  // What a person accepted for the list before has not come true yet: it holds for this one, too.
  const forced = byForce === null ? newest.forced : { number: byForce.number, lineage, atMs, evidence };
  const reported = byForce === null ? newest.reported : byForce.loss;
  const list: FailoverMembers = {
    epoch: Math.max(newest.epoch, state.record.epoch.number, ...epochs),
    number: newest.number + 1,
    names,
    ...(forced === undefined ? {} : { forced }),
    ...(reported === undefined ? {} : { reported }),
  };
  const waits = new Map(downs.map(([name]) => [askAgent(step, name, 'confirm-down', list), name]));
  state.promotion = { ...promotion, phase: 'telling', waits, answers: new Map(), list };
  if (waits.size === 0) finishPromotion(step, state.promotion);
}

/** Every record that could be reached has the list: now this one. */
function finishPromotion(step: Step, promotion: Promotion): void {
  const { state } = step;
  const { answers, order } = promotion;
  const list = promotion.list as FailoverMembers;
  for (const [name, answer] of answers) {
    if (answer.says === 'down' && isSameList(answer.record?.failoverMembers, list)) continue;
    const text = `${name} was started meanwhile, or knows of another promotion; nothing was changed here. Look at the status of the members and try again`;
    return endPromotion(step, { reason: 'changed-meanwhile', text, spec: 'FO-084' });
  }
  state.promotion = null;
  if (list.forced !== undefined) log(step, 'promoted-by-force', { evidence: list.forced.evidence });
  if (list.forced !== undefined && list.reported !== undefined) {
    log(step, 'loss-reported', { text: reportedText(list.reported) });
    note(step, 'reports what the promotion loses', 'FO-081 FO-082', factsOf(list.reported));
  }
  if (order.hold) saveRecord(step, { noFailover: true });
  takeList(step, list, 'a promotion of this member');
}

function factsOf({ from, upTo, records, notReached }: ReportedLoss): Facts {
  return { from: printPlace(from), upTo: printPlace(upTo), records, notReached: notReached.join(', ') };
}

/** It takes too long, or a primary was met meanwhile. */
export function watchPromotion(step: Step): void {
  const { promotion } = step.state;
  if (promotion === null || step.nowMs < promotion.untilMs) return;
  // Whether the primary has done it is not known: the order itself says so.
  if (promotion.phase === 'requested') step.state.promotion = null;
  else
    endPromotion(step, {
      reason: 'takes-too-long',
      text: 'the agents did not answer in time; nothing was changed here',
      spec: 'FO-080',
    });
}

/** The primary does not want it. */
export function onRequestRefused(
  step: Step,
  { reason, text, spec }: Extract<Extract<MemberEvent, { type: 'message' }>['message'], { type: 'request-refused' }>,
): void {
  step.state.promotion = null;
  for (const command of ['promote', 'demote'] as const)
    answerOrders(step, command, { outcome: 'refused', reason, text, spec });
}
