/**
 * One member of one mirror as a function: (state, event) to (state, effects, rules). This file only dispatches; each rule
 * stands in the file of its capability. Nothing here knows a clock, a socket or a file.
 */
import { hasSession, isArbiterSilent, keepSession, sessionClosed, sessionOpened, setArbiter } from './arbiter-link.ts';
import { onArbiterWhileServing, onSessionLostServing } from './arbiter-mode.ts';
import {
  acknowledge,
  applyWhatIsDurable,
  onArbiterWhileAttached,
  onJournalCut,
  onPrimaryLost,
  onPrimaryMessage,
  onSessionLostAttached,
  onStoredAndFlushed,
  onWelcome,
  watchPrimary,
} from './backup.ts';
import {
  onAgentWhileBecoming,
  onFileStarted,
  onFlushedWhileBecoming,
  onSiteAnswered,
  openWhenApplied,
  watchBecoming,
} from './becoming.ts';
import type { MemberEffect } from './effects.ts';
import type { MemberEvent } from './events.ts';
import { continueHandOver, stopAsStale, watchJournal } from './hand-over.ts';
import { comparePositions, earlier, type JournalPosition } from './journal-position.ts';
import {
  advanceDurable,
  noteAppended,
  noteFlushed,
  noteFrozen,
  onApplied,
  onShipped,
  pumpMember,
  setJournal,
} from './journal-transfer.ts';
import type { MemberRecord } from './member-record.ts';
import type { MemberState, Step } from './member-state.ts';
import { continueChange, learnList, onAgentWhileChanging, settleList } from './members-change.ts';
import {
  isAgentSilent,
  onAgentAnswer,
  onDialled,
  onFetchFailed,
  onHelloWhileSeeking,
  onJournalFetched,
  onJournalOffered,
  onRefused,
  seek,
} from './negotiation.ts';
import { forceNow, onAgentWhileForced, onNoFailoverDone, onOrder, watchOrders } from './operator-commands.ts';
import { onFenceAnswer, onHelloToPrimary, onServedMessage, watchMembers } from './primary.ts';
import { continuePromotion, onAgentWhilePromoting, watchPromotion } from './promotion.ts';
import { onGathered, onGatheringProgressed, onNotOffered, onOfferWhilePromoting } from './promotion-journals.ts';
import { onReign, showReign, tellAtOnce } from './reign.ts';
import { hearOut, hearRemoval, onRemovalHeard, onRemoved, watchRemovals } from './removal.ts';
import { beginSeeking, onHelloFailed, setSeeking } from './seeking.ts';
import { servedBy } from './serving.ts';
import { tellHeard, watchKeeping } from './set-keeping.ts';
import { copyOfState } from './state-copies.ts';
import { enterRole, isForced, log, note, saveRecord } from './step.ts';
import { onMemberLost } from './trouble.ts';

export { nextWakeMs } from './deadlines.ts';

export interface StepResult {
  readonly state: MemberState;
  readonly effects: readonly MemberEffect[];
  readonly rules: readonly string[];
}

export function step(before: MemberState, event: MemberEvent): StepResult {
  const now: Step = { state: copyOfState(before), nowMs: event.nowMs, effects: [], rules: [] };
  if (now.state.role !== 'down') {
    dispatch(now, event);
    // Only here do deadlines count: after a standstill, messages that waited come before the next `woke`.
    if (event.type === 'woke') watch(now);
    watchRemovals(now);
    watchKeeping(now);
    continueChange(now);
  }
  return { state: now.state, effects: now.effects, rules: now.rules };
}

function dispatch(now: Step, event: MemberEvent): void {
  const { state } = now;
  switch (event.type) {
    case 'started':
      return onStarted(now, event);
    case 'settings-changed':
      return onSettings(now, event);
    case 'woke':
      return;
    case 'stalled':
      state.windowUntilMs = 0;
      return;
    case 'dialled':
      if (state.role === 'primary' || state.role === 'halted') return showReign(now, event.to, event.connection);
      return onDialled(now, event.to, event.connection);
    case 'dial-failed':
      return onDialFailed(now, event);
    case 'message':
      return onMessage(now, event);
    case 'closed':
      return onClosed(now, event.connection, event.reason);
    case 'removed':
      return onRemoved(now, event.by, event.removeAttribute);
    case 'arbiter-opened':
      return sessionOpened(now, event.session);
    case 'arbiter-closed':
      return onArbiterClosed(now, event.reason);
    case 'arbiter-message':
      return onArbiterMessage(now, event);
    case 'agent-answered':
      return onAgentAnswered(now, event);
    case 'journal-offered':
      return onOffered(now, event);
    case 'fetch-progressed':
      setJournal(now, { appended: event.end, flushed: event.end, history: event.history });
      return onGatheringProgressed(now);
    case 'journal-fetched':
      return onGathered(now, event) ? continuePromotion(now) : onJournalFetched(now, event);
    case 'fetch-failed':
      return onNotFetched(now, event);
    case 'journal-appended':
      return onAppended(now, event.to);
    case 'journal-flushed':
      return onFlushed(now, event.to);
    case 'journal-shipped':
      return onShippedTo(now, event);
    case 'ship-failed':
      return onShipFailed(now, event.connection, event.reason);
    case 'journal-cut':
      return onCut(now, event);
    case 'store-failed':
      return onStoreFailed(now, event);
    case 'databases-applied':
      return onDatabasesApplied(now, event);
    case 'file-started':
      onFileStarted(now, event);
      return openWhenApplied(now);
    case 'journal-purged':
      return setJournal(now, { history: event.history });
    case 'journal-frozen':
      return noteFrozen(now, event.reason);
    case 'site-answered':
      return onSiteAnswered(now, event);
    case 'operator':
      return onOrder(now, event);
    default:
      event satisfies never;
  }
}

function onOffered(now: Step, event: Extract<MemberEvent, { type: 'journal-offered' }>): void {
  if (onOfferWhilePromoting(now, event)) continuePromotion(now);
  else onJournalOffered(now, event);
}

function onNotFetched(now: Step, { request, reason }: Extract<MemberEvent, { type: 'fetch-failed' }>): void {
  const { state } = now;
  if (onNotOffered(now, request, reason)) return continuePromotion(now);
  if (state.seeking.fetching?.request === request && isForced(state)) return forceNow(now);
  onFetchFailed(now, request, reason);
}

/** Whatever time asks for. */
function watch(now: Step): void {
  const { state } = now;
  if (isArbiterSilent(now)) {
    now.effects.push({ type: 'close-arbiter' });
    onArbiterClosed(now, 'silent beyond the QoS timeout');
  }
  if (state.role === 'attached') watchPrimary(now);
  // FO-074: an agent that does not answer in time does not hold up a person who forces.
  if (state.role === 'seeking' && isForced(state) && isAgentSilent(now)) forceNow(now);
  watchPromotion(now);
  if (state.role === 'seeking') seek(now);
  if (state.role === 'becoming') watchBecoming(now);
  if (state.role === 'primary' || state.role === 'handing-over') watchMembers(now);
  watchJournal(now);
  keepSession(now);
  watchOrders(now);
}

function onStarted(now: Step, event: Extract<MemberEvent, { type: 'started' }>): void {
  const { state } = now;
  state.record = event.record;
  state.settings = event.settings;
  settleList(now);
  state.lineage = event.lineage;
  state.journal = {
    appended: event.journalEnd,
    flushed: event.journalEnd,
    durable: event.applied,
    applied: event.applied,
    appliedFurthest: event.appliedFurthest,
    applyingTo: null,
    history: event.history,
    unflushedSinceMs: null,
    frozen: '',
  };
  // Files that a person has copied in may be of a reign that this member never heard of (PROC-026, PROC-035).
  state.epochHeard = event.journalEnd.epoch;
  saveRecord(now, { incarnation: event.record.incarnation + 1 });
  log(now, 'manager-initialized', { mirror: state.mirror });
  noteStart(now, event.record);
  const because = reasonToStayOut(event.record);
  if (because !== null) {
    note(now, 'takes no part', because.spec, { because: because.text });
    enterRole(now, 'stopped');
    return;
  }
  // FO-073: the state ends when the primary is started again.
  if (event.record.noFailover && event.record.primaryOfEpoch) {
    saveRecord(now, { noFailover: false });
    log(now, 'no-failover-cleared', { because: 'the primary was restarted' });
    note(now, 'no failover is cleared', 'FO-073', { because: 'the primary was restarted' });
  }
  beginSeeking(now, 'just started');
}

function reasonToStayOut({ removed, stoppedByOperator }: MemberRecord) {
  if (removed !== null) return { spec: 'CFG-069', text: `${removed.by} has removed this member from the mirror` };
  if (!stoppedByOperator) return null;
  return { spec: 'SYN-022', text: 'mirroring was stopped on this member by its operator' };
}

/** Whoever starts has no right, whatever it was; what it was is in its record (FO-061). */
function noteStart(now: Step, record: MemberRecord): void {
  note(now, 'started', 'FO-061', {
    incarnation: record.incarnation + 1,
    wasPrimary: record.primaryOfEpoch,
    waitedFor: record.activeBackup?.member ?? null,
    wasActive: record.wasActive !== null,
    term: record.wasActive?.term ?? record.activeBackup?.term ?? null,
    noFailover: record.noFailover,
    fencedFor: record.fence?.requester ?? null,
  });
}

function onSettings(now: Step, event: Extract<MemberEvent, { type: 'settings-changed' }>): void {
  const { state } = now;
  const arbiterChanged = state.settings.arbiter !== event.settings.arbiter;
  const { mirrorSet: before } = state.settings;
  state.settings = event.settings;
  settleList(now);
  tellAtOnce(now, before);
  tellHeard(now);
  if (arbiterChanged && !event.settings.arbiter && hasSession(now))
    onArbiterClosed(now, 'no arbiter is configured any more');
}

function onMessage(now: Step, event: Extract<MemberEvent, { type: 'message' }>): void {
  const { state } = now;
  const { connection, envelope, message } = event;
  // Neither counts as a reign: whoever was removed may have been forced since.
  if (message.type === 'removal-heard') return hearOut(now, envelope.from, message);
  if (message.type === 'reign' && hearRemoval(now, connection, envelope.from, message.mirrorSet)) return;
  if (message.type === 'hello' || message.type === 'reign') {
    learnList(now, message.failoverMembers, envelope.from);
    if (state.role === 'down') return;
  }
  const reigns = state.role === 'primary' || state.role === 'handing-over';
  if (reigns && envelope.epoch.number > state.record.epoch.number) return stopAsStale(now, envelope.epoch.number);
  if (message.type === 'reign') return onReign(now, connection, envelope, message);
  if (message.type === 'hello') {
    if (state.role === 'primary') return onHelloToPrimary(now, connection, envelope, message);
    return onHelloWhileSeeking(now, connection, envelope, message);
  }
  if (reigns) {
    const served = servedBy(now, connection);
    if (served !== undefined) onServedMessage(now, served, message);
    return;
  }
  if (connection === state.seeking.helloOver) {
    if (message.type === 'welcome') onWelcome(now, connection, envelope, message);
    if (message.type === 'refuse') {
      onRefused(now, connection, envelope, message);
    }
    return;
  }
  if (state.role === 'attached' && state.attachment?.connection === connection) {
    if (message.type === 'no-failover-done') onNoFailoverDone(now, message.set);
    else onPrimaryMessage(now, envelope, message);
  }
}

function onDialFailed(now: Step, { to, reason, noMember }: Extract<MemberEvent, { type: 'dial-failed' }>): void {
  if (noMember === true) onRemovalHeard(now, to);
  if (now.state.seeking.dialling === to) onHelloFailed(now, reason);
}

function onClosed(now: Step, connection: number, reason: string): void {
  const { state } = now;
  if (connection === state.seeking.helloOver) return onHelloFailed(now, reason);
  if (state.role === 'attached' && state.attachment?.connection === connection) return onPrimaryLost(now, reason);
  const served = servedBy(now, connection);
  if (served !== undefined) onMemberLost(now, served.name, 'closed', reason);
}

function onArbiterClosed(now: Step, reason: string): void {
  if (!sessionClosed(now, reason)) return;
  if (now.state.role === 'attached') onSessionLostAttached(now);
  if (now.state.role === 'primary') onSessionLostServing(now);
}

function onArbiterMessage(now: Step, event: Extract<MemberEvent, { type: 'arbiter-message' }>): void {
  if (!hasSession(now)) return;
  setArbiter(now, { lastHeardMs: now.nowMs });
  const { message } = event;
  if (message.type === 'keep-alive') return setArbiter(now, { otherConnected: message.otherConnected });
  if (message.type === 'call') {
    now.effects.push({ type: 'tell-arbiter', message: { ...message, type: 'here' } });
    return;
  }
  if (now.state.role === 'attached') onArbiterWhileAttached(now, message);
  else if (now.state.role === 'primary') onArbiterWhileServing(now, message);
}

function onAgentAnswered(now: Step, event: Extract<MemberEvent, { type: 'agent-answered' }>): void {
  const { state } = now;
  const { answer } = event;
  // True for ever, whichever question it answers.
  if (answer.says === 'removed') return onRemoved(now, state.settings.partner ?? 'the mirror', answer.removeAttribute);
  if (onAgentWhilePromoting(now, event.request, answer)) return;
  if (onAgentWhileChanging(now, event.request, answer)) return;
  if (state.role === 'primary') return onFenceAnswer(now, event.request, answer);
  if (state.role === 'becoming') return onAgentWhileBecoming(now, event.request, answer);
  if (state.role !== 'seeking' || state.seeking.request !== event.request) return;
  if (isForced(state)) {
    setSeeking(now, { request: null });
    if (!onAgentWhileForced(now, answer)) return;
  }
  onAgentAnswer(now, answer);
}

/** Ship first, then fsync: the backup's disk works while ours does. */
function onAppended(now: Step, to: JournalPosition): void {
  noteAppended(now, to);
  for (const served of now.state.serving.members.values()) pumpMember(now, served.name);
  now.effects.push({ type: 'flush-journal' });
}

function onCut(now: Step, event: Extract<MemberEvent, { type: 'journal-cut' }>): void {
  const { journal } = now.state;
  setJournal(now, {
    appended: event.end,
    flushed: event.end,
    durable: earlier(journal.durable, event.end),
    applied: earlier(journal.applied, event.end),
    history: event.history,
  });
  onJournalCut(now, event.end, event.records, event.keptIn);
}

function onFlushed(now: Step, to: JournalPosition): void {
  const { state } = now;
  noteFlushed(now, to);
  if (state.role === 'primary' || state.role === 'handing-over') {
    advanceDurable(now);
    continueHandOver(now);
  } else if (state.role === 'attached') onStoredAndFlushed(now);
  else if (state.role === 'becoming') {
    onFlushedWhileBecoming(now);
    openWhenApplied(now);
  }
}

function onShippedTo(now: Step, event: Extract<MemberEvent, { type: 'journal-shipped' }>): void {
  const served = servedBy(now, event.connection);
  if (served !== undefined) onShipped(now, served.name, event.to, event.bytes);
}

function onShipFailed(now: Step, connection: number, reason: string): void {
  const served = servedBy(now, connection);
  if (served !== undefined) onMemberLost(now, served.name, 'closed', reason);
}

function onStoreFailed(now: Step, event: Extract<MemberEvent, { type: 'store-failed' }>): void {
  const { state } = now;
  setJournal(now, { appended: event.end });
  if (state.role !== 'attached' || state.attachment?.connection !== event.connection) return;
  now.effects.push({ type: 'close', connection: event.connection, reason: event.reason });
  onPrimaryLost(now, event.reason);
}

function onDatabasesApplied(now: Step, event: Extract<MemberEvent, { type: 'databases-applied' }>): void {
  const { state } = now;
  onApplied(now, event.to);
  if (state.role === 'becoming') return openWhenApplied(now);
  if (state.role === 'attached') {
    applyWhatIsDurable(now);
    if (comparePositions(state.journal.applied, state.journal.durable) >= 0) acknowledge(now);
  }
}
