/**
 * Becoming primary, in the order of FO-065: a right, the site's permission, then one durable write (the new epoch), a new
 * journal file, the own journal applied to its end, the site's check, and only then the door opens. Before the write nothing
 * has happened; after it there is no way back but a higher epoch. A right stays true while its holder keeps silent, so the
 * site may take its time.
 */
import { renewSession } from './arbiter-link.ts';
import type { Facts, SiteQuestion } from './effects.ts';
import type { MemberEvent } from './events.ts';
import { comparePositions } from './journal-position.ts';
import { advanceDurable, applyDurable, setJournal } from './journal-transfer.ts';
import { epochsLeftOutByForce, siteRetryMs } from './limits.ts';
import { type MemberRecord, promotedByForce } from './member-record.ts';
import { type Becoming, type MemberState, noServing, type Step } from './member-state.ts';
import type { AgentVerdict } from './messages.ts';
import { beginSeeking, dropAttempt, tellFailure } from './seeking.ts';
import { answerOrders, askAgent, enterRole, isForced, log, note, retryPauseMs, saveRecord } from './step.ts';
import type { Epoch, Right } from './terms.ts';

function setBecoming(step: Step, changes: Partial<Becoming>): void {
  if (step.state.becoming !== null) step.state.becoming = { ...step.state.becoming, ...changes };
}

interface Given {
  /** A new one, when a person makes this member primary. */
  readonly lineage?: string | undefined;
  /** What the decision looked at besides, for its note. */
  readonly seen?: Facts;
}

export function becomePrimary(step: Step, right: Right, spec: string, because: string, given: Given = {}): void {
  const { state } = step;
  dropAttempt(step);
  if (state.attachment !== null && state.attachment.connection > 0) {
    step.effects.push({ type: 'close', connection: state.attachment.connection, reason: 'becoming primary' });
  }
  state.attachment = null;
  renewSession(step);
  state.windowUntilMs = 0;
  enterRole(step, 'becoming');
  const promoted = promotedByForce(state.record);
  state.right = promoted === null ? right : 'force';
  state.becoming = {
    phase: 'permission',
    spec,
    because,
    lineage: given.lineage ?? promoted?.lineage ?? null,
    request: null,
    retryAtMs: 0,
    refusal: null,
  };
  log(step, 'becoming-primary', { rules: spec, because });
  const { wasActive } = state.record;
  const activeFacts = { wasActive: wasActive !== null, term: wasActive?.term ?? null };
  note(step, 'takes over', spec, { right, because, ...activeFacts, ...given.seen });
  // A person who resumes a primary makes it go on; nothing of it was closed.
  if (right === 'resume') beginEpoch(step);
  else askSite(step, 'CanNodeStartToBecomePrimary');
}

function askSite(step: Step, entry: SiteQuestion): void {
  const { state } = step;
  state.requests += 1;
  setBecoming(step, { request: state.requests, retryAtMs: 0 });
  const right = isByForce(step) ? 'force' : (state.right as Right);
  step.effects.push({ type: 'ask-site', request: state.requests, entry, right });
}

/** Also with a right of another kind, which the forced member came by when it asked in the ordinary way first. */
function isByForce({ state }: Step): boolean {
  return state.right === 'force' || isForced(state);
}

export function onSiteAnswered(step: Step, event: Extract<MemberEvent, { type: 'site-answered' }>): void {
  const { becoming } = step.state;
  if (becoming?.request !== event.request) return;
  setBecoming(step, { request: null });
  if (!event.allowed) return refused(step, event.spec, event.because);
  setBecoming(step, { refusal: null });
  if (becoming.phase === 'permission') return beginEpoch(step);
  setBecoming(step, { phase: 'opening' });
  openWhenApplied(step);
}

/** FO-067: the site, or a database, said no before anything had happened. */
export function isKeptBySite({ becoming }: MemberState): boolean {
  return becoming?.phase === 'permission' && becoming.refusal !== null;
}

/** FO-004, FO-067, FO-068: asked again after a while, with the right still held; a person who forces gets the reason instead. */
function refused(step: Step, spec: string, because: string): void {
  const { state } = step;
  const isNew = state.becoming?.refusal?.because !== because;
  const pauseMs = spec === 'FO-004' ? retryPauseMs(step) * 4 : siteRetryMs;
  setBecoming(step, { refusal: { spec, because }, retryAtMs: step.nowMs + pauseMs });
  if (isNew) {
    log(step, 'did-not-take-over', { rules: spec, because });
    note(step, 'waits: may not become primary yet', spec, { because, right: state.right });
  }
  tellFailure(step);
  if (isByForce(step) && state.becoming?.phase === 'permission') {
    answerOrders(step, 'force-primary', { outcome: 'failed', reason: 'not-allowed', text: because, spec });
    giveUp(step, spec, because);
  }
}

/** The one durable write that makes this member primary. */
function beginEpoch(step: Step): void {
  const { state } = step;
  const { record, becoming, right } = state;
  setBecoming(step, { phase: 'applying' });
  const promoted = promotedByForce(record);
  const promotedIn = (promoted?.number ?? 1) - 1;
  const onDisk = Math.max(record.epoch.number, record.fence?.epoch.number ?? 0, record.stoppedForEpoch);
  const heard = Math.max(onDisk, state.epochHeard, promotedIn);
  // Whatever the other has done since this disk knew of it, a person has chosen between the two (docs/decisions/0057).
  const leftOut = right === 'force' && promoted === null ? epochsLeftOutByForce : 0;
  const epoch = { number: heard + 1 + leftOut, owner: state.self, lineage: becoming?.lineage ?? state.lineage };
  const noFailover = right === 'resume' && record.noFailover;
  const begun = { epoch, primaryOfEpoch: true, activeBackup: null, wasActive: null, noFailover } as const;
  saveRecord(step, { ...begun, ...listOfReign(record, epoch) });
  step.effects.push({ type: 'start-file', epoch });
}

/** Its primary stands for the list (FO-083): what was told in an older epoch counts no more. */
function listOfReign(record: MemberRecord, epoch: Epoch): Partial<MemberRecord> {
  const { failoverMembers: list } = record;
  if (list === null) return {};
  const { forced, ...rest } = list;
  const failoverMembers = { ...rest, epoch: epoch.number };
  const promoted = promotedByForce(record);
  if (promoted === null) return { failoverMembers };
  const { atMs, evidence } = promoted;
  return { failoverMembers, forced: { epoch, atMs, evidence, byPromotion: true } };
}

/** SYN-001: the new file stands; whatever this journal holds is now the mirror's truth. */
export function onFileStarted(step: Step, event: Extract<MemberEvent, { type: 'file-started' }>): void {
  setJournal(step, { appended: event.end, flushed: event.end, history: event.history, unflushedSinceMs: null });
  onFlushedWhileBecoming(step);
}

/** Also what the site wrote while it was asked (FO-066) becomes part of the mirror. */
export function onFlushedWhileBecoming(step: Step): void {
  const { role, becoming, journal, record } = step.state;
  if (role !== 'becoming' || becoming?.phase === 'permission') return;
  if (journal.flushed.epoch !== record.epoch.number) return;
  setJournal(step, { durable: journal.flushed });
  applyDurable(step);
}

/** All of the journal is in the databases: let the site check, then open the door. */
export function openWhenApplied(step: Step): void {
  const { state } = step;
  const { journal, becoming, record } = state;
  if (state.role !== 'becoming' || becoming === null || becoming.phase === 'permission') return;
  const stands = journal.appended.epoch === record.epoch.number;
  if (!stands || comparePositions(journal.applied, journal.appended) < 0) return;
  if (becoming.phase === 'applying') {
    if (state.right === 'resume') return open(step);
    setBecoming(step, { phase: 'checking' });
    askSite(step, 'CheckBecomePrimaryOK');
  } else if (becoming.phase === 'opening') open(step);
}

function open(step: Step): void {
  const { state } = step;
  const mustFence = state.right === 'licence' || state.right === 'force' || state.right === 'resume';
  state.serving = { ...noServing, fencing: mustFence ? { request: 0, atMs: step.nowMs } : null };
  state.failureTold = false;
  enterRole(step, 'primary');
  step.effects.push({ type: 'admit-updates' });
  // A resumed primary has updates that waited for the backup which does not count any more.
  step.effects.push({ type: 'answer-clients', to: state.journal.durable });
  log(step, 'became-primary', { epoch: state.record.epoch.number });
  note(step, 'is primary', 'FO-065', { epoch: state.record.epoch.number });
  const end = { outcome: 'done', reason: 'is-primary', text: `${state.self} is now primary` } as const;
  for (const command of ['force-primary', 'become-primary', 'resume-primary'] as const)
    answerOrders(step, command, end);
  step.effects.push({ type: 'tell-site', entry: 'NotifyBecomePrimary' });
  advanceDurable(step);
  // What a person forced stays as old as it is: the mirror may have removed this member meanwhile (docs/decisions/0048).
  const isForcedHistory = state.record.forced?.epoch.lineage === state.record.epoch.lineage;
  if (!isForcedHistory) step.effects.push({ type: 'renew-mirror-set' });
}

/** The site said no, and it is time to ask again: first whether the other failover member has become primary meanwhile. */
export function watchBecoming(step: Step): void {
  const { becoming, settings } = step.state;
  if (becoming === null || becoming.retryAtMs === 0 || step.nowMs < becoming.retryAtMs) return;
  if (becoming.request !== null || settings.partner === null) return askAgain(step);
  setBecoming(step, { request: askAgent(step, settings.partner, 'confirm-down') });
  setBecoming(step, { retryAtMs: step.nowMs + settings.qosTimeoutMs });
}

function askAgain(step: Step): void {
  const isBefore = step.state.becoming?.phase === 'permission';
  askSite(step, isBefore ? 'CanNodeStartToBecomePrimary' : 'CheckBecomePrimaryOK');
}

export function onAgentWhileBecoming(step: Step, request: number, answer: AgentVerdict): void {
  const { becoming, record } = step.state;
  if (becoming === null || becoming.request !== request || becoming.retryAtMs === 0) return;
  const epoch = answer.says === 'running' ? answer.epoch : answer.says === 'down' ? answer.record?.epoch : undefined;
  const isPrimary = answer.says === 'running' && answer.primary;
  if (isPrimary || (epoch?.number ?? 0) > record.epoch.number) {
    const spec = becoming.phase === 'permission' ? 'FO-067' : 'FO-068';
    giveUp(step, spec, 'the other failover member has become primary meanwhile');
  } else askAgain(step);
}

/** The right is dropped: the other member has one, or a person was told why this one may not use it. */
export function giveUp(step: Step, spec: string, because: string): void {
  log(step, 'did-not-take-over', { rules: spec, because });
  note(step, 'gave up becoming primary', spec, { because, right: step.state.right });
  beginSeeking(step, because);
}
