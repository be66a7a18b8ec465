/** The slice of a member without a primary: beginning, dropping and pausing an attempt. What an attempt is stands in negotiation.ts. */
import { noSeeking, type Seeking, type Step } from './member-state.ts';
import { agoMs, answerOrders, enterRole, isForced, log, note, retryPauseMs, saveRecord } from './step.ts';
import { stopItFirst } from './ways-out.ts';

export function setSeeking(step: Step, changes: Partial<Seeking>): void {
  step.state.seeking = { ...step.state.seeking, ...changes };
}

/** Is an attempt under way? */
export function isTrying({ dialling, helloOver, request }: Seeking): boolean {
  return dialling !== null || helloOver !== null || request !== null;
}

/** Begin to look for a primary, at once. */
export function beginSeeking(step: Step, lastFailure: string): void {
  const { state } = step;
  // Its primary told it who the failover members are: there is nothing to ask the asyncs, and no right to give up for a hello.
  if (state.role === 'attached') state.inquired = state.settings.members ?? [];
  enterRole(step, 'seeking');
  state.attachment = null;
  state.seeking = { ...noSeeking, sinceMs: step.nowMs, lastFailure };
}

/** Drop what an attempt left behind: an unfinished answer must never be used after it. */
export function dropAttempt(step: Step): void {
  const { seeking } = step.state;
  if (seeking.helloOver !== null) {
    step.effects.push({ type: 'close', connection: seeking.helloOver, reason: 'another way was taken' });
  }
  setSeeking(step, { dialling: null, helloOver: null, request: null, fetching: null });
}

/** Drop this attempt and try the other way after a pause. */
export function pauseSeeking(step: Step, lastFailure: string, next: 'agent' | 'hello'): void {
  dropAttempt(step);
  setSeeking(step, { retryAtMs: step.nowMs + retryPauseMs(step), lastFailure, next });
}

/** FO-070: the site hears once of each failure to become primary or backup. */
export function tellFailure(step: Step): void {
  if (step.state.failureTold || !step.state.failoverMember) return;
  step.state.failureTold = true;
  step.effects.push({ type: 'tell-site', entry: 'NotifyBecomePrimaryFailed' });
}

export function onHelloFailed(step: Step, reason: string): void {
  const { state } = step;
  // An async that was only asked for news keeps nobody waiting.
  const isInquiry = state.failoverMember && state.seeking.next === 'agent';
  if (!isInquiry && isForced(state)) refuseForce(step, stopItFirst(state));
  setSeeking(step, { turn: state.seeking.turn + 1, helloOver: null });
  pauseSeeking(step, reason, 'agent');
  if (isInquiry) setSeeking(step, { retryAtMs: step.nowMs });
  tellWaiting(step, reason);
}

/** FO-074: the other member runs, so that its journal can be asked for by nobody but itself, and it does not let this one lead. */
export function refuseForce(step: Step, text: string): void {
  note(step, 'did not take over though forced', 'FO-074', { because: text });
  answerOrders(step, 'force-primary', { outcome: 'refused', reason: 'other-is-running', text, spec: 'FO-074' });
}

/** Once per wait: what is waited for (FO-062). */
export function tellWaiting(step: Step, reason: string): void {
  const { state } = step;
  if (state.seeking.told || state.settings.partner === null || !state.failoverMember) return;
  if (step.nowMs - state.seeking.sinceMs < state.settings.qosTimeoutMs) return;
  setSeeking(step, { told: true });
  tellFailure(step);
  if (state.record.wasActive !== null) log(step, 'no-agent', { reason });
  else log(step, 'not-active');
  log(step, 'waiting-for-other', { other: state.settings.partner, reason });
  note(step, 'waits: did not become primary', state.record.wasActive === null ? 'FO-062' : 'FO-027', {
    other: state.settings.partner,
    reason,
    wasActive: state.record.wasActive !== null,
    term: state.record.wasActive?.term ?? null,
    window: windowNow(step),
    withoutPrimaryForMs: agoMs(step, state.seeking.sinceMs),
  });
}

/** FO-023: may a record that cannot be read still be answered by time? */
export function windowNow({ state, nowMs }: Step): 'open' | 'closed' {
  return state.record.wasActive !== null && nowMs < state.windowUntilMs ? 'open' : 'closed';
}

/** Clears the flag on disk before anybody is told (record table of docs/FAILOVER.md). */
export function giveUpActive(step: Step, spec: string, because: string): void {
  step.state.windowUntilMs = 0;
  const { wasActive } = step.state.record;
  if (wasActive === null) return;
  saveRecord(step, { wasActive: null });
  log(step, 'no-longer-active', { rules: spec, because });
  note(step, 'is no longer active', spec, { because, term: wasActive.term });
}
