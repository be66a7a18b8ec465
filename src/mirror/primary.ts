/**
 * Being primary: who is served, which backup counts, trouble, the way in and out of arbiter controlled mode, fencing of a
 * former primary, and the hand-over. The restraint comes first, the right of the backup afterwards: a backup is counted
 * before it is told that it is active, and its rights are over before it is no longer counted.
 */
import { hasSession } from './arbiter-link.ts';
import {
  type ArbiterFacts,
  arbiterTable,
  decide,
  lostBackupTable,
  type TroubleEnd,
  troubleEndTable,
} from './failover-table.ts';
import { halt } from './joining.ts';
import { comparePositions, JOURNAL_START, later } from './journal-position.ts';
import { advanceDurable, oldestUnansweredMs, onAcknowledged, pumpMember, setServed } from './journal-transfer.ts';
import { activationLagBytes, troubleTimeoutInQos } from './limits.ts';
import type { Served, Serving, Step, Trouble } from './member-state.ts';
import type { AgentAnswer, DataMessage, Envelope, FromArbiter } from './messages.ts';
import { helloToPrimary } from './negotiation.ts';
import {
  answerOrders,
  enterRole,
  keepAlivePeriodMs,
  log,
  note,
  retryPauseMs,
  saveRecord,
  send,
  silenceLimitMs,
} from './step.ts';
import { sameEpoch } from './terms.ts';

export function setServing(step: Step, changes: Partial<Serving>): void {
  step.state.serving = { ...step.state.serving, ...changes };
}

export function servedBy(step: Step, connection: number): Served | undefined {
  return [...step.state.serving.members.values()].find((served) => served.connection === connection);
}

/** The other failover member, while it is connected. */
function backup(step: Step): Served | undefined {
  return [...step.state.serving.members.values()].find((served) => served.failoverMember);
}

/** I-epoch: somebody has become primary since; this one stops at once. */
export function stopAsStale(step: Step, epochNumber: number): void {
  if (step.state.serving.takeOverSent) {
    // It asked for just this: the successor's epoch arrived before its word.
    finishStop(step, 'the other failover member takes over');
    return;
  }
  log(step, 'stale-primary', { epoch: epochNumber });
  note(step, 'stops: another member has become primary', 'FO-038', { epoch: epochNumber });
  step.effects.push({ type: 'refuse-updates' });
  enterRole(step, 'down');
  step.effects.push({ type: 'end-process', because: `another member is primary of epoch ${epochNumber} (FO-038)` });
}

export function onHelloToPrimary(
  step: Step,
  connection: number,
  envelope: Envelope,
  message: Extract<DataMessage, { type: 'hello' }>,
): void {
  const { state } = step;
  const newest = state.helloFrom.get(envelope.from);
  const isOlder =
    newest !== undefined && (newest.incarnation - envelope.incarnation || newest.hello - message.hello) >= 0;
  if (isOlder) {
    send(step, connection, { type: 'refuse', reason: 'older-hello', primary: state.self });
    step.effects.push({ type: 'close', connection, reason: 'an older hello' });
    return;
  }
  state.helloFrom = new Map(state.helloFrom).set(envelope.from, {
    incarnation: envelope.incarnation,
    hello: message.hello,
  });
  if (message.failoverMember) {
    const verdict = helloToPrimary(step, envelope, message.primaryOfEpoch);
    if (verdict.outcome === 'halt') {
      log(step, 'two-histories', { member: envelope.from, epoch: envelope.epoch.number });
      send(step, connection, { type: 'refuse', reason: 'diverged', primary: null });
      step.effects.push({ type: 'close', connection, reason: verdict.because });
      halt(step, verdict.spec, `${envelope.from} has another history of epoch ${envelope.epoch.number}`);
      return;
    }
  }
  takeIn(step, connection, envelope.from, message.failoverMember);
}

function takeIn(step: Step, connection: number, name: string, failoverMember: boolean): void {
  const { state } = step;
  const older = state.serving.members.get(name);
  if (older !== undefined) {
    step.effects.push({ type: 'close', connection: older.connection, reason: 'replaced by a newer connection' });
  }
  if (state.serving.counted?.member === name) releaseBackup(step, 'hello');
  const members = new Map(state.serving.members);
  members.set(name, {
    name,
    failoverMember,
    connection,
    lastHeardMs: step.nowMs,
    keepAliveAtMs: step.nowMs,
    number: 0,
    echo: 0,
    session: 0,
    sentTo: null,
    ackedTo: JOURNAL_START,
    applied: JOURNAL_START,
    inFlight: [],
    shipping: false,
    durableTold: JOURNAL_START,
  });
  setServing(step, failoverMember ? { members, fencing: null } : { members });
  send(step, connection, {
    type: 'welcome',
    history: state.journal.history,
    end: state.journal.appended,
    noFailover: state.record.noFailover,
  });
  const role = failoverMember ? 'backup' : 'async';
  log(step, 'member-connected', { member: name, role });
  note(step, `took in ${name} as ${role}`, failoverMember ? 'FO-018' : 'SYN-007', { member: name });
}

/** The counted backup has no right any more: clear it on disk, leave trouble, go on without it. */
function releaseBackup(step: Step, end: TroubleEnd['end']): void {
  const { state } = step;
  const { trouble, counted } = state.serving;
  saveRecord(step, { activeBackup: null });
  const wasArbiter = state.serving.mode !== 'agent';
  setServing(step, { counted: null, trouble: null, mode: 'agent', leaving: false, ackedByCounted: JOURNAL_START });
  if (trouble !== null) {
    const verdict = decide(troubleEndTable, { kind: trouble.kind, end });
    log(step, 'trouble-left', { rules: verdict.spec, because: verdict.because });
    note(step, 'leaves trouble state', verdict.spec, {
      because: verdict.because,
      lastedMs: Math.round(step.nowMs - trouble.sinceMs),
    });
    if (state.role === 'primary') step.effects.push({ type: 'admit-updates' });
  } else if (counted !== null) {
    log(step, 'active-revoked', { member: counted.member, rules: 'FO-018', because: 'it said that it is not active' });
  }
  if (wasArbiter) log(step, 'agent-mode', { rules: 'FO-032', because: 'the backup is not active any more' });
  advanceDurable(step);
}

function enterTrouble(step: Step, kind: Trouble['kind'], spec: string, because: string): void {
  const { state } = step;
  const untilMs = kind === 'timed' ? step.nowMs + state.settings.qosTimeoutMs * troubleTimeoutInQos : null;
  setServing(step, {
    trouble: { kind, sinceMs: step.nowMs, untilMs, spec, because, says: 'silent', askedSession: 0 },
  });
  step.effects.push({ type: 'hold-updates' });
  log(step, 'trouble-entered', { rules: spec, because });
  note(step, 'enters trouble state', spec, { because, mode: state.serving.mode });
}

/** A served member is gone: closed, overdue or with a goodbye (FO-011, FO-017, FO-020, FO-034..036). */
export function onMemberLost(
  step: Step,
  name: string,
  how: 'closed' | 'overdue' | 'said-goodbye',
  reason: string,
): void {
  const { state } = step;
  const served = state.serving.members.get(name);
  if (served === undefined) return;
  step.effects.push({ type: 'close', connection: served.connection, reason });
  const members = new Map(state.serving.members);
  members.delete(name);
  setServing(step, { members });
  log(step, 'member-lost', { member: name, reason });
  if (!served.failoverMember) return;
  const counted = state.serving.counted?.member === name;
  if (state.role === 'handing-over') {
    finishStop(step, 'stopped; the backup is gone and settles its role with the agent');
    return;
  }
  if (state.serving.mode === 'agent' || how === 'said-goodbye') {
    const verdict = decide(lostBackupTable, { counted, how });
    note(step, `lost ${name}`, verdict.spec, { how, counted, because: verdict.because, reason });
    if (verdict.outcome === 'timed-trouble') enterTrouble(step, 'timed', verdict.spec, verdict.because);
    else if (counted) releaseBackup(step, 'goodbye');
    return;
  }
  const session = hasModeSession(step) ? 'up' : 'lost';
  const verdict = decide(arbiterTable, { role: 'primary', other: 'lost', session, says: 'silent' });
  enterTrouble(step, 'arbiter', verdict.spec, verdict.because);
  if (verdict.outcome === 'ask-arbiter') askArbiter(step);
}

function askArbiter(step: Step): void {
  const { serving, arbiter, record } = step.state;
  setServing(step, { trouble: { ...(serving.trouble as Trouble), askedSession: arbiter.session } });
  step.effects.push({
    type: 'tell-arbiter',
    message: { type: 'peer-lost', epoch: record.epoch, term: serving.modeTerm },
  });
}

export function onServedMessage(step: Step, served: Served, message: DataMessage): void {
  const { state } = step;
  setServed(step, served.name, { lastHeardMs: step.nowMs });
  switch (message.type) {
    case 'ack':
      onAck(step, served, message);
      return;
    case 'keep-alive':
      setServed(step, served.name, { echo: Math.max(served.echo, message.number), session: message.session });
      proposeArbiterMode(step);
      return;
    case 'enter-ready':
      onEnterReady(step, served, message.term, message.session);
      return;
    case 'left':
      onLeft(step, served, message.term);
      return;
    case 'going-down':
      onMemberLost(step, served.name, 'said-goodbye', `${served.name} is going down`);
      return;
    case 'take-over-seen':
      if (!state.serving.takeOverSent) return;
      log(step, 'handed-over', { member: served.name });
      finishStop(step, `${served.name} takes over`);
      return;
    case 'request-take-over':
      if (state.role === 'primary' && state.serving.counted?.confirmed) beginHandOver(step, 'FO-007', served.name);
      return;
    case 'no-failover':
      saveRecord(step, { noFailover: message.set });
      log(step, message.set ? 'no-failover-set' : 'no-failover-cleared', { because: `by ${served.name}` });
      send(step, served.connection, { type: 'no-failover-done', set: message.set });
      return;
    case 'no-failover-done':
      if (state.role === 'handing-over' && state.record.noFailover) finishStop(step, 'no failover was asked for');
      answerOrders(step, 'change-no-failover', {
        outcome: 'done',
        reason: 'changed',
        text: `"No Failover" state is ${message.set ? 'set' : 'cleared'}`,
      });
      return;
    default:
  }
}

function onAck(step: Step, served: Served, message: Extract<DataMessage, { type: 'ack' }>): void {
  const { state } = step;
  onAcknowledged(step, served.name, message.to, message.applied);
  const { counted, trouble } = state.serving;
  const counts = counted?.member === served.name && counted.term === message.term && trouble === null;
  if (counts) {
    if (!counted.confirmed) {
      log(step, 'backup-active', { member: served.name, term: message.term });
      note(step, `${served.name} is active`, 'FO-006 FO-015', { term: message.term });
    }
    setServing(step, {
      counted: { ...counted, confirmed: true },
      ackedByCounted: later(state.serving.ackedByCounted, message.to),
    });
    advanceDurable(step);
  }
  activate(step);
  continueHandOver(step);
}

/** FO-015: the backup has (nearly) everything; count it first, then tell it. */
function activate(step: Step): void {
  const { state } = step;
  const other = backup(step);
  const { serving, journal } = state;
  if (state.role !== 'primary' || serving.counted !== null || serving.trouble !== null || other === undefined) return;
  if (other.sentTo === null || comparePositions(other.sentTo, journal.appended) < 0) return;
  if (other.inFlight.reduce((sum, chunk) => sum + chunk.bytes, 0) > activationLagBytes) return;
  const term = serving.term + 1;
  saveRecord(step, { activeBackup: { member: other.name, term } });
  setServing(step, { term, counted: { member: other.name, term, confirmed: false }, ackedByCounted: journal.durable });
  send(step, other.connection, { type: 'set-active', term, upTo: journal.appended });
}

/** FO-028: all three are connected and the backup is active: propose arbiter controlled mode. */
function proposeArbiterMode(step: Step): void {
  const { state } = step;
  const { serving } = state;
  const other = backup(step);
  if (state.role !== 'primary' || serving.mode !== 'agent' || serving.trouble !== null || serving.leaving) return;
  if (!serving.counted?.confirmed || !hasSession(step) || other === undefined || other.session === 0) return;
  if (step.nowMs < serving.nextEnterMs) return;
  const term = serving.term + 1;
  setServing(step, {
    term,
    mode: 'entering',
    modeTerm: term,
    modeSession: state.arbiter.session,
    enterDeadlineMs: step.nowMs + state.settings.qosTimeoutMs,
    nextEnterMs: step.nowMs + state.settings.qosTimeoutMs,
  });
  send(step, other.connection, { type: 'enter-propose', term, session: state.arbiter.session });
}

function onEnterReady(step: Step, _served: Served, term: number, otherSession: number): void {
  const { state } = step;
  if (state.serving.mode !== 'entering' || term !== state.serving.modeTerm) return;
  if (!hasModeSession(step)) return askToLeave(step);
  step.effects.push({
    type: 'tell-arbiter',
    message: { type: 'enter', epoch: state.record.epoch, term, session: state.arbiter.session, otherSession },
  });
}

/**
 * Is the session unbroken since the mode was proposed? In a later one the arbiter knows nothing of this mode, and "never"
 * would be no proof that the backup was not licensed.
 */
function hasModeSession(step: Step): boolean {
  const { arbiter, serving } = step.state;
  return hasSession(step) && arbiter.session === serving.modeSession;
}

/** FO-029: leave arbiter mode together; the primary leaves only when the backup has said that it left. */
function askToLeave(step: Step): void {
  const other = backup(step);
  const { serving } = step.state;
  if (serving.leaving || serving.mode === 'agent' || other === undefined) return;
  setServing(step, { leaving: true });
  send(step, other.connection, { type: 'leave', term: serving.modeTerm });
}

function onLeft(step: Step, served: Served, term: number): void {
  const { serving } = step.state;
  if (term !== serving.modeTerm || serving.mode === 'agent') return;
  setServing(step, {
    mode: 'agent',
    leaving: false,
    nextEnterMs: step.nowMs + retryPauseMs(step),
  });
  log(step, 'agent-mode', { rules: 'FO-029', because: 'a contact with the arbiter is lost' });
  note(step, 'agent controlled mode', 'FO-029', { term });
  send(step, served.connection, { type: 'agent-mode-ok', term });
}

export function onSessionLostServing(step: Step): void {
  const { serving } = step.state;
  if (serving.mode === 'agent') return;
  if (serving.trouble === null) {
    const verdict = decide(arbiterTable, { role: 'primary', other: 'connected', session: 'lost', says: 'silent' });
    step.rules.push(...verdict.spec.split(' '));
    askToLeave(step);
    return;
  }
  const verdict = decide(arbiterTable, { role: 'primary', other: 'lost', session: 'lost', says: 'silent' });
  setServing(step, { trouble: { ...serving.trouble, spec: verdict.spec, because: verdict.because } });
  note(step, 'stays in trouble state', verdict.spec, { because: verdict.because });
}

export function onArbiterWhileServing(step: Step, message: FromArbiter): void {
  const { state } = step;
  const { serving } = state;
  if (message.type === 'keep-alive') return;
  if (message.term !== serving.modeTerm || !sameEpoch(message.epoch, state.record.epoch) || serving.mode === 'agent')
    return;
  if (message.type === 'entered') {
    if (serving.mode !== 'entering' || serving.leaving) return;
    setServing(step, { mode: 'arbiter' });
    log(step, 'arbiter-mode', { term: message.term });
    note(step, 'arbiter controlled mode', 'FO-028', { term: message.term });
    return;
  }
  if (message.type === 'refused') return askToLeave(step);
  if (message.type === 'left-notice') {
    const other = backup(step);
    if (other !== undefined) onMemberLost(step, other.name, 'said-goodbye', 'it sent word that it is not active');
    if (state.serving.counted !== null) releaseBackup(step, 'left-notice');
    return;
  }
  const { trouble } = serving;
  if (trouble?.kind !== 'arbiter' || trouble.askedSession !== state.arbiter.session) return;
  if (message.type === 'never' && serving.mode !== 'entering') return;
  const facts: ArbiterFacts = { role: 'primary', other: 'lost', session: 'up', says: message.type };
  const verdict = decide(arbiterTable, facts);
  note(step, 'the arbiter answered', verdict.spec, { arbiterSays: message.type, because: verdict.because });
  if (verdict.outcome === 'continue-in-agent-mode') {
    releaseBackup(step, 'gone');
  } else if (verdict.outcome === 'timed-trouble') {
    setServing(step, { mode: 'agent' });
    enterTrouble(step, 'timed', verdict.spec, verdict.because);
  } else {
    const says = message.type === 'taken' ? 'taken' : 'present';
    setServing(step, { trouble: { ...trouble, says, spec: verdict.spec, because: verdict.because } });
  }
}

/** FO-009, FO-039: after a licence or a force the former primary is stopped through its agent, as soon as that answers. */
function fence(step: Step): void {
  const { state } = step;
  const { fencing } = state.serving;
  if (fencing === null || state.settings.partner === null || step.nowMs < fencing.atMs) return;
  state.requests += 1;
  setServing(step, { fencing: { request: state.requests, atMs: step.nowMs + state.settings.qosTimeoutMs } });
  step.effects.push({
    type: 'ask-agent',
    request: state.requests,
    question: 'force-down',
    of: state.settings.partner,
    epoch: state.record.epoch,
  });
}

export function onFenceAnswer(step: Step, request: number, answer: AgentAnswer): void {
  const { state } = step;
  const { fencing } = state.serving;
  if (fencing?.request !== request) return;
  if (answer.says === 'down') {
    setServing(step, { fencing: null });
    log(step, 'forced-down', { member: state.settings.partner });
    note(step, 'the former primary is down', 'FO-009 FO-039', { member: state.settings.partner });
    return;
  }
  if (answer.says === 'running' && answer.primary) {
    const { epoch } = state.record;
    if (answer.epoch.number > epoch.number) return stopAsStale(step, answer.epoch.number);
    if (answer.epoch.number === epoch.number && !sameEpoch(answer.epoch, epoch)) {
      // Two primaries never say hello to each other: this answer is the only place where a forced one can hear of it.
      log(step, 'two-histories', { member: state.settings.partner, epoch: epoch.number });
      halt(step, 'FO-088', `${state.settings.partner} is primary with another history of epoch ${epoch.number}`);
      return;
    }
  }
  setServing(step, { fencing: { request: 0, atMs: step.nowMs + retryPauseMs(step) * 4 } });
}

/** No update comes in any more; the process ends when the backup has answered, or at the deadline. */
export function beginFarewell(step: Step): void {
  enterRole(step, 'handing-over');
  setServing(step, { handOverDeadlineMs: step.nowMs + step.state.settings.qosTimeoutMs, takeOverSent: false });
  step.effects.push({ type: 'hold-updates' });
}

/** Stop admitting, wait until the backup has everything, ask it to take over (FO-007, FO-008). */
export function beginHandOver(step: Step, spec: string, to: string): void {
  beginFarewell(step);
  log(step, 'handing-over', { member: to, rules: spec });
  note(step, `asks ${to} to take over`, spec, { to });
  continueHandOver(step);
}

export function continueHandOver(step: Step): void {
  const { state } = step;
  const { serving, journal } = state;
  if (state.role !== 'handing-over' || serving.takeOverSent || state.record.noFailover) return;
  const other = backup(step);
  const complete =
    comparePositions(journal.flushed, journal.appended) >= 0 &&
    comparePositions(serving.ackedByCounted, journal.appended) >= 0;
  if (other === undefined || !complete) return;
  setServing(step, { takeOverSent: true });
  send(step, other.connection, { type: 'take-over', final: journal.appended });
}

/** The process ends; whoever is connected hears so. */
export function finishStop(step: Step, because: string): void {
  const { state } = step;
  step.effects.push({ type: 'refuse-updates' });
  for (const served of state.serving.members.values()) {
    if (!state.serving.takeOverSent || !served.failoverMember) {
      send(step, served.connection, { type: 'going-down', noFailover: state.record.noFailover });
    }
  }
  enterRole(step, 'down');
  note(step, 'stops', 'FO-008', { because });
  answerOrders(step, 'stop-instance', { outcome: 'done', reason: 'stopped', text: because });
  step.effects.push({ type: 'end-process', because });
}

/** Timers of a primary. */
export function watchMembers(step: Step): void {
  const { state } = step;
  const limitMs = silenceLimitMs(step);
  for (const served of [...state.serving.members.values()]) {
    const counted = state.serving.counted?.member === served.name;
    const unansweredMs = oldestUnansweredMs(served);
    const overdue = counted && unansweredMs !== null && step.nowMs - unansweredMs >= limitMs;
    if (overdue || step.nowMs - served.lastHeardMs >= limitMs) {
      onMemberLost(step, served.name, 'overdue', 'no answer within the QoS timeout');
      continue;
    }
    pumpMember(step, served.name);
    speakTo(step, served);
  }
  const { trouble } = state.serving;
  if (trouble?.untilMs != null && step.nowMs >= trouble.untilMs) releaseBackup(step, 'timeout');
  if (state.role === 'handing-over') {
    if (step.nowMs >= state.serving.handOverDeadlineMs || backup(step) === undefined) {
      finishStop(step, 'stopped; the backup did not answer and settles its role with the agent');
    }
    return;
  }
  if (
    state.serving.mode === 'entering' &&
    state.serving.trouble === null &&
    step.nowMs >= state.serving.enterDeadlineMs
  ) {
    askToLeave(step);
  }
  activate(step);
  proposeArbiterMode(step);
  fence(step);
}

function speakTo(step: Step, served: Served): void {
  const { state } = step;
  if (step.nowMs < served.keepAliveAtMs) return;
  const number = served.number + 1;
  setServed(step, served.name, { number, keepAliveAtMs: step.nowMs + keepAlivePeriodMs(step) });
  const counted = state.serving.counted?.member === served.name ? state.serving.counted.term : 0;
  send(step, served.connection, {
    type: 'keep-alive',
    number,
    echo: served.echo,
    mode: state.serving.mode === 'arbiter' ? 'Arbiter Controlled' : 'Agent Controlled',
    term: counted,
    session: hasSession(step) ? state.arbiter.session : 0,
  });
}
