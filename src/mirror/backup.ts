/**
 * A member that has a primary: it stores journal data, acknowledges, applies what is durable, and (a failover member) may
 * be active. What it does when the primary is lost stands in failover-table.ts.
 */
import { hasSession } from './arbiter-link.ts';
import { becomePrimary } from './becoming.ts';
import { type ArbiterFacts, arbiterTable, decide } from './failover-table.ts';
import { halt, joinHistory } from './joining.ts';
import { comparePositions, type JournalPosition, later } from './journal-position.ts';
import { applyDurable, freshJournal, setJournal } from './journal-transfer.ts';
import { clockDriftShare, troubleTimeoutInQos } from './limits.ts';
import { comparedWithReport, printPlace } from './loss-report.ts';
import type { Attachment, Step } from './member-state.ts';
import { learnList } from './members-change.ts';
import type { ArbiterWord, DataMessage, Envelope } from './messages.ts';
import { onRequestRefused } from './promotion.ts';
import { onRemoved } from './removal.ts';
import { beginSeeking, giveUpActive, onHelloFailed, setSeeking, windowNow } from './seeking.ts';
import { copyOfAttachment } from './state-copies.ts';
import {
  agoMs,
  enterRole,
  keepAlivePeriodMs,
  log,
  note,
  noteAttempt,
  noteNoFailover,
  saveRecord,
  send,
  silenceLimitMs,
} from './step.ts';
import { sameEpoch } from './terms.ts';

/** Keep-alives whose sending times are remembered: more than fit into the trouble timeout are never needed. */
const keepAlivesRemembered = 32;

function setAttachment(step: Step, changes: Partial<Attachment>): void {
  if (step.state.attachment !== null) Object.assign(freshAttachment(step, step.state.attachment), changes);
}

/** A copy in place of the slice, for the caller to change. */
function freshAttachment(step: Step, attachment: Attachment): Attachment {
  const fresh = copyOfAttachment(attachment);
  step.state.attachment = fresh;
  return fresh;
}

/** Somebody was promoted by force while this member reigned, too: it is none of his failover members, so that he goes on (FO-083, FO-088). */
function isBesideReign({ state }: Step, { epoch }: Envelope): boolean {
  const { record } = state;
  return record.primaryOfEpoch && record.epoch.number === epoch.number && !sameEpoch(record.epoch, epoch);
}

/** The primary took this member in: adopt its epoch, cut surplus, tell where we stand. */
export function onWelcome(
  step: Step,
  connection: number,
  envelope: Envelope,
  message: Extract<DataMessage, { type: 'welcome' }>,
): void {
  const { state } = step;
  const { record } = state;
  if (isBesideReign(step, envelope) && state.seeking.helloOver === connection) {
    step.effects.push({ type: 'close', connection, reason: 'two histories' });
    log(step, 'two-histories', { member: envelope.from, epoch: envelope.epoch.number });
    return halt(step, 'FO-088', `${envelope.from} has another history of epoch ${envelope.epoch.number}`);
  }
  const stale =
    envelope.epoch.number < record.epoch.number ||
    (envelope.epoch.number === record.epoch.number && record.primaryOfEpoch);
  if (state.role !== 'seeking' || state.seeking.helloOver !== connection || stale) {
    step.effects.push({ type: 'close', connection, reason: 'a welcome that does not fit' });
    noteAttempt(step, 'did not join', 'FO-038', {
      because: stale ? 'the epoch of the other is older' : 'nobody waits for this answer any more',
      primary: envelope.from,
      otherEpoch: envelope.epoch.number,
    });
    if (state.seeking.helloOver === connection) onHelloFailed(step, `${envelope.from} has an older epoch`);
    return;
  }
  saveRecord(step, {
    epoch: envelope.epoch,
    primaryOfEpoch: false,
    activeBackup: null,
    wasActive: null,
    noFailover: message.noFailover,
    noFailoverClearedIn: 0,
    fence: null,
    validatedMember: true,
  });
  state.failureTold = false;
  setSeeking(step, { helloOver: null, dialling: null, request: null });
  learnList(step, message.failoverMembers, envelope.from);
  state.attachment = {
    to: envelope.from,
    connection,
    lastHeardMs: step.nowMs,
    keepAliveAtMs: step.nowMs,
    number: 0,
    sentAtMs: [],
    echo: 0,
    durableTo: state.journal.durable,
    history: message.history,
    activating: null,
    mode: 'agent',
    modeTerm: 0,
    windowAllowed: false,
    asking: false,
  };
  if (!joinHistory(step, message)) return;
  if (state.record.splitIn !== null) saveRecord(step, { splitIn: null });
  enterRole(step, 'attached');
  const role = state.failoverMember ? 'backup' : 'async';
  log(step, 'found-primary', { primary: envelope.from, role });
  log(step, 'connected-to-primary', { primary: envelope.from });
  note(step, `connected as ${role}`, 'FO-061', { primary: envelope.from, epoch: envelope.epoch.number });
  if (step.effects.some((effect) => effect.type === 'cut-journal')) return;
  acknowledge(step);
}

/** Surplus was cut (FO-088): only now is it known where this journal ends. */
export function onJournalCut(step: Step, end: JournalPosition, records: number, keptIn: string): void {
  if (records > 0) {
    const compared = comparedWithReport(step.state, records, { epoch: end.epoch, sequence: end.sequence + records });
    const said = compared === '' ? '' : `; ${compared}`;
    log(step, 'surplus-discarded', { position: printPlace(end), records, file: keptIn, said });
    note(step, 'discarded surplus journal data', 'FO-088', {
      records,
      after: printPlace(end),
      keptIn,
      ...(compared === '' ? {} : { compared }),
    });
  }
  if (step.state.role === 'attached') acknowledge(step);
}

export function acknowledge(step: Step): void {
  const { attachment, journal, record } = step.state;
  if (attachment === null || attachment.asking) return;
  send(step, attachment.connection, {
    type: 'ack',
    to: journal.flushed,
    applied: journal.applied,
    term: record.wasActive?.term ?? 0,
  });
}

/** A message of the primary this member is attached to. */
export function onPrimaryMessage(step: Step, envelope: Envelope, message: DataMessage): void {
  const attachment = freshAttachment(step, step.state.attachment as Attachment);
  attachment.lastHeardMs = step.nowMs;
  switch (message.type) {
    case 'data':
      return onData(step, attachment, message);
    case 'durable-to':
      return onDurableTo(step, message.to);
    case 'set-active':
      setAttachment(step, { activating: { term: message.term, upTo: message.upTo } });
      return becomeActiveWhenStored(step);
    case 'keep-alive':
      return onKeepAlive(step, attachment, message);
    case 'enter-propose':
      return onEnterPropose(step, attachment, message.term);
    case 'leave':
      if (message.term === attachment.modeTerm) leaveArbiterMode(step, 'FO-029', 'the primary lost the arbiter');
      return send(step, attachment.connection, { type: 'left', term: message.term });
    case 'agent-mode-ok':
      if (message.term === attachment.modeTerm && attachment.mode === 'agent')
        setAttachment(step, { windowAllowed: true });
      return;
    case 'take-over':
      return onTakeOver(step, attachment, message.final);
    case 'going-down':
      log(step, 'going-down', { member: envelope.from });
      note(step, 'the primary goes down', message.noFailover ? 'FO-073' : 'FO-049', {
        primary: envelope.from,
        noFailover: message.noFailover,
        wasActive: step.state.record.wasActive !== null,
      });
      if (message.noFailover) saveRecord(step, { noFailover: true });
      return;
    case 'failover-members':
      return void learnList(step, message.failoverMembers, envelope.from);
    case 'request-refused':
      return onRequestRefused(step, message);
    case 'no-failover':
      saveRecord(step, { noFailover: message.set });
      log(step, message.set ? 'no-failover-set' : 'no-failover-cleared', { because: `by ${envelope.from}` });
      noteNoFailover(step, message.set, `by ${envelope.from}`);
      return send(step, attachment.connection, { type: 'no-failover-done', set: message.set });
    case 'removed':
      return onRemoved(step, envelope.from, message.removeAttribute);
    default:
      return;
  }
}

function onData(step: Step, attachment: Attachment, message: Extract<DataMessage, { type: 'data' }>): void {
  const { appended } = step.state.journal;
  freshAttachment(step, attachment).durableTo = later(attachment.durableTo, message.durableTo);
  if (comparePositions(message.to, appended) <= 0) return acknowledge(step);
  if (comparePositions(message.from, appended) !== 0) {
    step.effects.push({ type: 'close', connection: attachment.connection, reason: 'journal data does not join' });
    onPrimaryLost(step, 'journal data does not join what is here');
    return;
  }
  // Whatever is stored is a prefix of the primary's journal, and so are the beginnings of its epochs.
  const journal = freshJournal(step);
  journal.appended = message.to;
  journal.history = attachment.history.filter((beginning) => beginning.epoch <= message.to.epoch);
  step.effects.push({ type: 'store-journal', connection: attachment.connection, from: message.from, to: message.to });
}

function onDurableTo(step: Step, to: JournalPosition): void {
  const attachment = step.state.attachment as Attachment;
  setAttachment(step, { durableTo: later(attachment.durableTo, to) });
  applyWhatIsDurable(step);
}

/** What is flushed here and durable in the mirror may go into the databases. */
export function applyWhatIsDurable(step: Step): void {
  const { attachment, journal } = step.state;
  if (attachment === null) return;
  if (comparePositions(attachment.durableTo, journal.durable) > 0) setJournal(step, { durable: attachment.durableTo });
  applyDurable(step);
}

/** Own journal flushed: acknowledge, perhaps become active, apply. */
export function onStoredAndFlushed(step: Step): void {
  becomeActiveWhenStored(step);
  acknowledge(step);
  applyWhatIsDurable(step);
}

/** FO-015: first everything is fsynced, then it is active, then it says so. */
function becomeActiveWhenStored(step: Step): void {
  const { attachment, journal, record } = step.state;
  const activating = attachment?.activating;
  if (activating == null || comparePositions(journal.flushed, activating.upTo) < 0) return;
  saveRecord(step, { wasActive: { epoch: record.epoch, term: activating.term } });
  step.state.becameActive = true;
  setAttachment(step, { activating: null, windowAllowed: true });
  log(step, 'now-active', { term: activating.term });
  note(step, 'is active', 'FO-015', { term: activating.term });
  acknowledge(step);
}

/** FO-023: the window counts from our own sending of a keep-alive that the primary echoed in agent mode. */
function onKeepAlive(step: Step, attachment: Attachment, message: Extract<DataMessage, { type: 'keep-alive' }>): void {
  const { state } = step;
  setAttachment(step, { echo: Math.max(attachment.echo, message.number) });
  const { wasActive } = state.record;
  const counts = message.mode === 'Agent Controlled' && attachment.mode === 'agent' && attachment.windowAllowed;
  if (!counts || wasActive === null || message.term !== wasActive.term) return;
  const sent = attachment.sentAtMs.find((entry) => entry.number === message.echo);
  if (sent === undefined) return;
  const lengthMs = state.settings.qosTimeoutMs * troubleTimeoutInQos * (1 - clockDriftShare) - keepAlivePeriodMs(step);
  state.windowUntilMs = Math.max(state.windowUntilMs, sent.atMs + lengthMs);
}

/** FO-028: the primary proposes arbiter controlled mode. From here on the window is closed. */
function onEnterPropose(step: Step, attachment: Attachment, term: number): void {
  const { state } = step;
  const ready = state.record.wasActive !== null && hasSession(step);
  state.windowUntilMs = 0;
  setAttachment(step, { mode: ready ? 'ready' : 'agent', modeTerm: term, windowAllowed: false });
  if (ready) send(step, attachment.connection, { type: 'enter-ready', term, session: state.arbiter.session });
  else {
    noteAttempt(step, 'does not enter arbiter controlled mode', 'FO-028', {
      because: state.record.wasActive === null ? 'this member is not active' : 'it has no session with the arbiter',
      term,
    });
    send(step, attachment.connection, { type: 'left', term });
  }
}

function leaveArbiterMode(step: Step, spec: string, because: string): void {
  const { attachment } = step.state;
  if (attachment === null || attachment.mode === 'agent') return;
  step.state.windowUntilMs = 0;
  setAttachment(step, { mode: 'agent', windowAllowed: false });
  log(step, 'agent-mode', { rules: spec, because });
  noteAttempt(step, 'agent controlled mode', spec, { because, term: attachment.modeTerm });
}

/** FO-007: the primary has stopped for good and says that this member has everything. */
function onTakeOver(step: Step, attachment: Attachment, final: JournalPosition): void {
  const { state } = step;
  const able = state.record.wasActive !== null && comparePositions(state.journal.flushed, final) >= 0;
  if (!able || state.record.noFailover) {
    note(step, 'did not take over on request', able ? 'FO-072' : 'FO-049', {
      because: able ? 'no failover is set' : 'this member was not active, or has not everything',
      wasActive: state.record.wasActive !== null,
      has: `${state.journal.flushed.epoch}/${state.journal.flushed.sequence}`,
      final: `${final.epoch}/${final.sequence}`,
    });
    return;
  }
  send(step, attachment.connection, { type: 'take-over-seen' });
  becomePrimary(step, 'take-over', 'FO-007 FO-049', 'the primary asked this member to take over', {
    seen: { primary: attachment.to, final: `${final.epoch}/${final.sequence}` },
  });
}

/** FO-012, FO-021, FO-030, FO-041: the primary is lost. */
export function onPrimaryLost(step: Step, reason: string): void {
  const { state } = step;
  const attachment = state.attachment as Attachment;
  log(step, 'lost-primary', { reason });
  note(step, 'lost the primary', 'FO-021', {
    primary: attachment.to,
    reason,
    mode: attachment.mode,
    wasActive: state.record.wasActive !== null,
    term: state.record.wasActive?.term ?? null,
    window: windowNow(step),
    silentForMs: agoMs(step, attachment.lastHeardMs),
  });
  if (!state.failoverMember) {
    note(step, 'did not take over', 'FO-003', { because: 'an async member never becomes primary by itself' });
  }
  if (attachment.mode === 'agent' || !state.failoverMember) {
    beginSeeking(step, reason);
    return;
  }
  const session = hasSession(step) ? 'up' : 'lost';
  const verdict = decide(arbiterTable, { role: 'backup', other: 'lost', session, says: 'silent' }, [
    'ask-arbiter',
    'ask-agent',
  ]);
  if (verdict.outcome === 'ask-arbiter') {
    setAttachment(step, { asking: true, connection: 0 });
    note(step, 'asks the arbiter', verdict.spec, {
      because: verdict.because,
      term: attachment.modeTerm,
      session: state.arbiter.session,
    });
    step.effects.push({
      type: 'tell-arbiter',
      message: { type: 'peer-lost', epoch: state.record.epoch, term: attachment.modeTerm },
    });
    return;
  }
  toAgentWay(step, verdict.spec, verdict.because);
}

function toAgentWay(step: Step, spec: string, because: string): void {
  step.state.windowUntilMs = 0;
  note(step, 'agent controlled mode', spec, { because, term: step.state.attachment?.modeTerm ?? null });
  beginSeeking(step, because);
}

/** The session with the arbiter broke. */
export function onSessionLostAttached(step: Step): void {
  const { attachment } = step.state;
  if (attachment === null || attachment.mode === 'agent') return;
  const other = attachment.asking ? 'lost' : 'connected';
  const verdict = decide(arbiterTable, { role: 'backup', other, session: 'lost', says: 'silent' }, [
    'leave-together',
    'ask-agent',
  ]);
  if (verdict.outcome === 'leave-together') {
    leaveArbiterMode(step, verdict.spec, verdict.because);
    send(step, attachment.connection, { type: 'left', term: attachment.modeTerm });
    return;
  }
  toAgentWay(step, verdict.spec, verdict.because);
}

export function onArbiterWhileAttached(step: Step, message: ArbiterWord): void {
  const { state } = step;
  const { attachment } = state;
  if (attachment === null || message.type === 'left-notice') return;
  if (message.term !== attachment.modeTerm || !sameEpoch(message.epoch, state.record.epoch)) return;
  if (message.type === 'entered') {
    if (attachment.mode !== 'ready') return;
    setAttachment(step, { mode: 'arbiter' });
    log(step, 'arbiter-mode', { term: message.term });
    note(step, 'arbiter controlled mode', 'FO-028', { term: message.term });
    return;
  }
  if (message.type === 'refused' || !attachment.asking) return;
  const facts: ArbiterFacts = { role: 'backup', other: 'lost', session: 'up', says: message.type };
  const verdict = decide(arbiterTable, facts, ['take-over', 'give-up-active', 'ask-agent']);
  const seen = { arbiterSays: message.type, term: message.term, session: state.arbiter.session };
  if (verdict.outcome === 'take-over') {
    if (attachment.mode !== 'arbiter') {
      const because = 'this member had not entered arbiter controlled mode';
      note(step, 'did not take over', verdict.spec, { ...seen, because, mode: attachment.mode });
      return;
    }
    if (state.record.noFailover) {
      log(step, 'did-not-take-over', { rules: 'FO-072', because: 'no failover is set' });
      note(step, 'did not take over', 'FO-072', { ...seen, because: 'no failover is set' });
      beginSeeking(step, 'no failover is set');
      return;
    }
    becomePrimary(step, 'licence', verdict.spec, verdict.because, { seen });
    return;
  }
  if (verdict.outcome === 'give-up-active') {
    giveUpActive(step, verdict.spec, verdict.because);
    step.effects.push({
      type: 'tell-arbiter',
      message: { type: 'left-notice', epoch: state.record.epoch, term: attachment.modeTerm },
    });
    note(step, 'did not take over', verdict.spec, { ...seen, because: verdict.because });
    beginSeeking(step, verdict.because);
    return;
  }
  toAgentWay(step, verdict.spec, verdict.because);
}

/** Timers of an attached member. */
export function watchPrimary(step: Step): void {
  const { attachment } = step.state;
  if (attachment === null || attachment.asking || step.state.role !== 'attached') return;
  if (step.nowMs - attachment.lastHeardMs >= silenceLimitMs(step)) {
    step.effects.push({ type: 'close', connection: attachment.connection, reason: 'silent beyond the QoS timeout' });
    onPrimaryLost(step, 'no message within the QoS timeout');
    return;
  }
  if (step.nowMs < attachment.keepAliveAtMs) return;
  const number = attachment.number + 1;
  const sentAtMs = [...attachment.sentAtMs, { number, atMs: step.nowMs }].slice(-keepAlivesRemembered);
  setAttachment(step, { number, sentAtMs, keepAliveAtMs: step.nowMs + keepAlivePeriodMs(step) });
  send(step, attachment.connection, {
    type: 'keep-alive',
    number,
    echo: attachment.echo,
    mode: attachment.mode === 'arbiter' ? 'Arbiter Controlled' : 'Agent Controlled',
    term: step.state.record.wasActive?.term ?? 0,
    session: hasSession(step) ? step.state.arbiter.session : 0,
  });
}
