/** The verbs every rule file uses on a step: change the record, send, tell the log, answer the operator. */
import type { Facts } from './effects.ts';
import { keepAliveShareOfQos, silenceShareOfQos } from './limits.ts';
import type { LogFacts, LogMessage } from './log-messages.ts';
import type { MemberRecord } from './member-record.ts';
import type { MemberRole, MemberState, PendingOrder, Step } from './member-state.ts';
import type { DataMessage, StateQuestion } from './messages.ts';
import type { FailoverMembers, MemberName } from './terms.ts';

/** Change the durable record; on disk before the effects behind it. No write where nothing changes. */
export function saveRecord(step: Step, changes: Partial<MemberRecord>): void {
  const record = { ...step.state.record, ...changes };
  if (JSON.stringify(record) === JSON.stringify(step.state.record)) return;
  step.state.record = record;
  step.effects.push({ type: 'save-record', record });
}

export function send(step: Step, connection: number, message: DataMessage): void {
  step.effects.push({ type: 'send', connection, message });
}

export function log<M extends LogMessage>(step: Step, message: M, ...[facts]: LogFacts<M>): void {
  step.effects.push({ type: 'log', message, facts: facts ?? {} });
}

/** A role change, a decision, or a decision not to act: into the events record, and its rules into the result of the step. */
export function note(step: Step, what: string, spec: string, facts: Facts = {}): void {
  put(step, what, spec, facts, false);
}

/** The same of something that is tried again and again until something changes. */
export function noteAttempt(step: Step, what: string, spec: string, facts: Facts = {}): void {
  put(step, what, spec, facts, true);
}

function put(step: Step, what: string, spec: string, facts: Facts, isAttempt: boolean): void {
  const rules = spec.split(' ');
  const epoch = facts.epoch ?? step.state.record.epoch.number;
  step.rules.push(...rules);
  step.effects.push({ type: 'note', what, rules, facts: { ...facts, epoch }, isAttempt });
}

/** FO-072: every change of the state, with who made it. */
export function noteNoFailover(step: Step, set: boolean, because: string): void {
  note(step, `no failover is ${set ? 'set' : 'cleared'}`, 'FO-072', { because });
}

/** For the facts of a note: how long ago that was, ms. */
export function agoMs(step: Step, sinceMs: number): number {
  return Math.round(step.nowMs - sinceMs);
}

/** A right to become primary belongs to the role of becoming and ends with it. */
export function enterRole(step: Step, role: MemberRole): void {
  step.state.role = role;
  step.state.right = null;
  step.state.becoming = null;
  step.state.roleSinceMs = step.nowMs;
}

/** Ask the agent of a member's host about it; the number of the request, under which it answers. */
export function askAgent(
  step: Step,
  of: MemberName,
  question: StateQuestion,
  list: FailoverMembers | null = step.state.record.failoverMembers,
): number {
  const { state } = step;
  state.requests += 1;
  const told = list === null ? {} : { failoverMembers: list };
  const { epoch } = state.record;
  step.effects.push({ type: 'ask-agent', request: state.requests, question, of, epoch, ...told });
  return state.requests;
}

/** FO-010: silence is acted on at this age. */
export function silenceLimitMs(step: Step): number {
  return step.state.settings.qosTimeoutMs * silenceShareOfQos;
}

export function keepAlivePeriodMs(step: Step): number {
  return step.state.settings.qosTimeoutMs * keepAliveShareOfQos;
}

/** Between two attempts to reach somebody. */
export function retryPauseMs(step: Step): number {
  return Math.min(1000, step.state.settings.qosTimeoutMs / 8);
}

/** An order that is answered later, at the latest after `waitMs`. */
export function addOrder(
  step: Step,
  request: number,
  command: PendingOrder['command'],
  waitMs: number,
  more: Partial<Pick<PendingOrder, 'set' | 'removal' | 'keeps'>> = {},
): void {
  step.state.orders = [
    ...step.state.orders,
    { request, command, deadlineMs: step.nowMs + waitMs, set: false, ...more },
  ];
}

type OrderEnd = {
  readonly outcome: 'done' | 'refused' | 'failed' | 'not-known';
  readonly reason: string;
  readonly text: string;
  readonly spec?: string;
};

export function answerOperator(step: Step, request: number, end: OrderEnd): void {
  step.state.orders = step.state.orders.filter((order) => order.request !== request);
  step.effects.push({ type: 'answer-operator', request, ...end, spec: end.spec ?? null });
}

/** Answer every waiting order of this command. */
export function answerOrders(step: Step, command: PendingOrder['command'], end: OrderEnd): void {
  for (const order of step.state.orders.filter((candidate) => candidate.command === command)) {
    answerOperator(step, order.request, end);
  }
}

/** Does a person's force wait for its outcome? */
export function isForced(state: MemberState): boolean {
  return state.orders.some((order) => order.command === 'force-primary');
}
