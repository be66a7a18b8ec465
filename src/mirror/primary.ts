/**
 * Being primary: who is served, which backup counts, and the fencing of a former primary. Trouble, arbiter controlled mode and
 * the hand-over have files of their own. The restraint comes first, the right of the backup afterwards: a backup is counted
 * before it is told that it is active, and its rights are over before it is no longer counted.
 */
import { hasSession } from './arbiter-link.ts';
import { askToLeave, onBackupHeard, onEnterReady, onLeft, proposeArbiterMode } from './arbiter-mode.ts';
import { listToTell, presentList } from './failover-members.ts';
import { beginHandOver, continueHandOver, finishStop, stopAsStale } from './hand-over.ts';
import { comparePositions, JOURNAL_START, later } from './journal-position.ts';
import { advanceDurable, bytesUnderWay, oldestUnansweredMs, onAcknowledged, pumpMember } from './journal-transfer.ts';
import { activationLagBytes } from './limits.ts';
import type { Served, Step } from './member-state.ts';
import { onWishToChange } from './members-change.ts';
import type { AgentVerdict, DataMessage, Envelope } from './messages.ts';
import { memberNamed } from './mirror-set.ts';
import { helloToPrimary } from './negotiation.ts';
import { haltAsSplit, isReplaced, isSplit, tellReign } from './reign.ts';
import { tellRemoval } from './removal.ts';
import { connectedBackup, freshServed, freshServing, setServed, setServing } from './serving.ts';
import { onSetHeard } from './set-keeping.ts';
import {
  answerOrders,
  askAgent,
  keepAlivePeriodMs,
  log,
  note,
  noteAttempt,
  noteNoFailover,
  retryPauseMs,
  saveRecord,
  send,
  silenceLimitMs,
} from './step.ts';
import type { FailoverMembers } from './terms.ts';
import { onMemberLost, releaseBackup } from './trouble.ts';

export function onHelloToPrimary(
  step: Step,
  connection: number,
  envelope: Envelope,
  message: Extract<DataMessage, { type: 'hello' }>,
): void {
  const { state } = step;
  const { mirrorSet } = state.settings;
  if (mirrorSet !== undefined && memberNamed(mirrorSet, envelope.from) === undefined)
    return turnAway(step, connection, envelope.from);
  const newest = state.helloFrom.get(envelope.from);
  const isOlder =
    newest !== undefined && (newest.incarnation - envelope.incarnation || newest.hello - message.hello) >= 0;
  if (isOlder) {
    const { incarnation } = newest;
    send(step, connection, { type: 'refuse', reason: 'older-hello', primary: state.self, incarnation });
    step.effects.push({ type: 'close', connection, reason: 'an older hello' });
    return;
  }
  state.helloFrom = new Map(state.helloFrom).set(envelope.from, {
    incarnation: envelope.incarnation,
    hello: message.hello,
  });
  const place = placeOf(step, envelope.from, message);
  if (place || (message.failoverMember && !isReplaced(step, envelope, message.failoverMembers))) {
    const verdict = helloToPrimary(step, envelope, message);
    if (verdict.outcome === 'halt') {
      send(step, connection, { type: 'refuse', reason: 'diverged', primary: null });
      step.effects.push({ type: 'close', connection, reason: verdict.because });
      return haltAsSplit(step, envelope.from);
    }
  }
  takeIn(step, connection, envelope.from, place, message.failoverMembers);
}

/**
 * It dialled before it was removed, or joined at a later primary. To be taken in, it would be a backup that this primary's mirror set does
 * not know.
 */
function turnAway(step: Step, connection: number, name: string): void {
  const because = `${name} is not in the mirror set of this primary`;
  noteAttempt(step, `did not take in ${name}`, 'CFG-069', { because });
  step.effects.push({ type: 'close', connection, reason: because });
}

/** By the list of its primary; what it takes itself for may be out of date. Without any list it is what it says. */
function placeOf({ state }: Step, name: string, hello: Extract<DataMessage, { type: 'hello' }>): boolean {
  const isListed = state.record.failoverMembers !== null || hello.failoverMembers !== undefined;
  return isListed ? presentList(state).names.includes(name) : hello.failoverMember;
}

function takeIn(
  step: Step,
  connection: number,
  name: string,
  failoverMember: boolean,
  told: FailoverMembers | undefined,
): void {
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
    roundMs: 0,
    setHeard: null,
  });
  setServing(step, failoverMember ? { members, fencing: null } : { members });
  send(step, connection, {
    type: 'welcome',
    history: state.journal.history,
    end: state.journal.appended,
    noFailover: state.record.noFailover,
    ...listToTell(state, told),
  });
  const role = failoverMember ? 'backup' : 'async';
  log(step, 'member-connected', { member: name, role });
  note(step, `took in ${name} as ${role}`, failoverMember ? 'FO-018' : 'SYN-007', { member: name });
  tellRemoval(step, name);
}

export function onServedMessage(step: Step, served: Served, message: DataMessage): void {
  const { state } = step;
  freshServed(step, served).lastHeardMs = step.nowMs;
  switch (message.type) {
    case 'ack':
      onAck(step, served, message);
      if (served.failoverMember) onBackupHeard(step);
      return;
    case 'keep-alive':
      setServed(step, served.name, { echo: Math.max(served.echo, message.number), session: message.session });
      if (served.failoverMember) onBackupHeard(step);
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
      else {
        const because = state.role === 'primary' ? `${served.name} is not active` : 'this primary stops already';
        noteAttempt(step, `did not ask ${served.name} to take over`, 'FO-007', { because });
      }
      return;
    case 'request-promotion':
      return onWishToChange(step, served, 'promotion');
    case 'request-demotion':
      return onWishToChange(step, served, 'demotion');
    case 'no-failover':
      saveRecord(step, { noFailover: message.set });
      log(step, message.set ? 'no-failover-set' : 'no-failover-cleared', { because: `by ${served.name}` });
      noteNoFailover(step, message.set, `by ${served.name}`);
      send(step, served.connection, { type: 'no-failover-done', set: message.set });
      return;
    case 'mirror-set-heard':
      return onSetHeard(step, served, message);
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
      note(step, `${served.name} is active`, 'FO-006 FO-015', { term: message.term, mode: modeExpected(step, served) });
    }
    const serving = freshServing(step);
    if (!counted.confirmed) serving.counted = { ...counted, confirmed: true };
    serving.ackedByCounted = later(serving.ackedByCounted, message.to);
    advanceDurable(step);
  }
  activate(step);
  continueHandOver(step);
}

/** FO-028: what arbiter controlled mode still lacks when the backup has become active. */
function modeExpected({ state }: Step, backup: Served): string {
  if (!state.settings.arbiter) return 'agent: no arbiter is configured';
  if (state.arbiter.state !== 'open') return 'agent: this member has no session with the arbiter';
  return backup.session === 0 ? 'agent: the backup has told of no session with the arbiter' : 'arbiter follows';
}

/** FO-015: the backup has (nearly) everything; count it first, then tell it. */
function activate(step: Step): void {
  const { state } = step;
  const other = connectedBackup(step);
  const { serving, journal } = state;
  if (state.role !== 'primary' || serving.counted !== null || serving.trouble !== null || other === undefined) return;
  if (other.sentTo === null || comparePositions(other.sentTo, journal.appended) < 0) return;
  if (bytesUnderWay(other) > activationLagBytes) return;
  const term = serving.term + 1;
  saveRecord(step, { activeBackup: { member: other.name, term } });
  setServing(step, { term, counted: { member: other.name, term, confirmed: false }, ackedByCounted: journal.durable });
  send(step, other.connection, { type: 'set-active', term, upTo: journal.appended });
}

/** FO-009, FO-039: after a licence or a force the former primary is stopped through its agent, as soon as that answers. */
function fence(step: Step): void {
  const { state } = step;
  const { fencing } = state.serving;
  if (fencing === null || state.settings.partner === null || step.nowMs < fencing.atMs) return;
  const request = askAgent(step, state.settings.partner, 'force-down');
  noteAttempt(step, 'has the former primary forced down', 'FO-009 FO-039', { member: state.settings.partner });
  setServing(step, { fencing: { request, atMs: step.nowMs + state.settings.qosTimeoutMs } });
}

export function onFenceAnswer(step: Step, request: number, answer: AgentVerdict): void {
  const { state } = step;
  const { fencing } = state.serving;
  if (fencing?.request !== request) return;
  if (answer.says === 'down') {
    setServing(step, { fencing: null });
    log(step, 'forced-down', { member: state.settings.partner });
    note(step, 'the former primary is down', 'FO-009 FO-039', { member: state.settings.partner });
    return;
  }
  const { partner } = state.settings;
  // The list of failover members has changed meanwhile: whoever is none hears of it where it says hello (FO-083).
  if (partner === null) return setServing(step, { fencing: null });
  if (answer.says === 'running' && answer.primary) {
    if (answer.epoch.number > state.record.epoch.number) return stopAsStale(step, answer.epoch.number);
    if (isSplit(step, answer.epoch)) {
      step.effects.push({ type: 'dial', to: partner });
      return haltAsSplit(step, partner);
    }
  }
  // One that lives is told by this primary itself: without an agent nobody else does, and one that has halted knows of two histories.
  if (answer.says !== 'unkillable') step.effects.push({ type: 'dial', to: partner });
  noteAttempt(step, 'the former primary is not known to be down', 'FO-009', {
    member: state.settings.partner,
    agentSays: answer.says,
  });
  setServing(step, { fencing: { request: 0, atMs: step.nowMs + retryPauseMs(step) * 4 } });
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
    if (step.nowMs >= state.serving.handOverDeadlineMs || connectedBackup(step) === undefined) {
      finishStop(step, 'stopped; the backup did not answer and settles its role with the agent');
    }
    return;
  }
  if (
    state.serving.mode === 'entering' &&
    state.serving.trouble === null &&
    step.nowMs >= state.serving.enterDeadlineMs
  ) {
    askToLeave(step, 'FO-028', 'it was not confirmed within the QoS timeout');
  }
  activate(step);
  proposeArbiterMode(step);
  fence(step);
  tellReign(step);
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
