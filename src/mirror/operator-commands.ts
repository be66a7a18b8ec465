/**
 * What an operator may order, when it is refused, and what it starts. The same preconditions decide whether a menu offers
 * an option, so that a menu never offers what the member would refuse.
 */

import { becomePrimary, isKeptBySite } from './becoming.ts';
import type { Facts } from './effects.ts';
import type { MemberEvent, OperatorCommand } from './events.ts';
import { decide, stopTable } from './failover-table.ts';
import { beginFarewell, beginHandOver, finishStop } from './hand-over.ts';
import { forceWaitMs } from './limits.ts';
import { type MemberState, noServing, type Precondition, type Step } from './member-state.ts';
import { demoteOther, refusalToChange } from './members-change.ts';
import type { AgentVerdict } from './messages.ts';
import { beginPromotion, refusalToPromote } from './promotion.ts';
import { isRemoved, preconditionOfRemoval, removeMember, withdraw } from './removal.ts';
import { beginSeeking, dropAttempt, giveUpActive, refuseForce, setSeeking } from './seeking.ts';
import { backupNow, connectedBackup } from './serving.ts';
import { keepMirrorSet, preconditionOfKeeping } from './set-keeping.ts';
import { addOrder, answerOperator, answerOrders, log, note, noteNoFailover, saveRecord, send } from './step.ts';

const noPrimary: Precondition = {
  reason: 'no-primary',
  text: 'there is no primary to agree with; try again when this member is backup',
  spec: 'FO-072',
};

function hasPrimary({ attachment }: MemberState): boolean {
  return attachment !== null && !attachment.asking;
}

/** FO-087. */
function refusalToDemote(state: MemberState): Precondition | null {
  const failed = (reason: string, text: string, spec = 'FO-087'): Precondition => ({ reason, text, spec });
  if (!state.failoverMember) return failed('not-a-failover-member', 'this member is no failover member');
  if (state.role === 'primary')
    return failed(
      'is-primary',
      'the primary cannot be demoted; demote the other failover member, or hand over to it first',
    );
  if (state.record.noFailover)
    return failed('no-failover', 'no failover is set, so no member can be demoted; clear it first', 'FO-072');
  return state.role === 'attached' && hasPrimary(state)
    ? null
    : failed('no-primary', 'this member is not connected to a primary as its backup');
}

/** FO-087. */
function refusalToDemoteOther(state: MemberState): Precondition | null {
  const spec = 'FO-087';
  if (state.role !== 'primary') {
    return { reason: 'not-primary', text: 'the other failover member is demoted on the primary', spec };
  }
  if (state.settings.partner === null) {
    return { reason: 'no-other', text: 'there is no other failover member', spec };
  }
  return refusalToChange(state, 'demotion');
}

const changesOfMembers = {
  'remove-member': preconditionOfRemoval,
  'keep-mirror-set': preconditionOfKeeping,
  promote: refusalToPromote,
  demote: refusalToDemote,
  'demote-other': refusalToDemoteOther,
};

/** Null = the order may be given now. */
export function precondition(state: MemberState, command: OperatorCommand['command']): Precondition | null {
  const { role, record } = state;
  const isPrimary = role === 'primary' || role === 'handing-over';
  const failed = (reason: string, text: string, spec: string): Precondition => ({ reason, text, spec });
  if (record.removed !== null && command !== 'stop-instance') return isRemoved(record.removed);
  switch (command) {
    case 'stop-instance':
      return null;
    case 'stop-mirror':
      if (isPrimary)
        return failed('is-primary', 'mirroring cannot be stopped on the primary; stop the instance instead', 'SYN-022');
      return role === 'stopped'
        ? failed('already-stopped', 'mirroring is already stopped on this member', 'SYN-022')
        : null;
    case 'start-mirror':
      return role === 'stopped'
        ? null
        : failed('already-started', 'mirroring is already started on this member', 'SYN-022');
    case 'change-no-failover':
      if (!state.failoverMember)
        return failed('not-a-failover-member', 'no failover is set on a failover member', 'FO-072');
      if (isPrimary && state.serving.trouble !== null) {
        return failed('in-trouble', 'the primary is in trouble state; try again when it has left it', 'FO-072');
      }
      // Clearing needs nobody: it only gives back what this member may do.
      return isPrimary || hasPrimary(state) || record.noFailover ? null : noPrimary;
    case 'become-primary':
      if (!state.failoverMember)
        return failed('not-a-failover-member', 'only a failover member can become primary', 'FO-003');
      if (isPrimary) return failed('is-primary', 'this member is already the primary', 'FO-007');
      if (record.noFailover)
        return failed('no-failover', 'no failover is set; clear it first (Change No Failover State)', 'FO-072');
      if (role !== 'attached' || record.wasActive === null || state.attachment?.asking === true) {
        return failed(
          'not-active',
          'this member is not an active backup, so it may lack journal data; wait until it is Active, or use "Force this node to become the primary"',
          'FO-007',
        );
      }
      return null;
    case 'force-primary':
      if (!state.failoverMember)
        return failed('not-a-failover-member', 'only a failover member can become primary', 'FO-074');
      if (isPrimary) return failed('is-primary', 'this member is already the primary', 'FO-074');
      if (role === 'attached') {
        return failed(
          'other-is-primary',
          `${state.attachment?.to} is primary and connected; use "Try to make this the primary"`,
          'FO-074',
        );
      }
      if (role === 'stopped') return failed('stopped', 'mirroring is stopped on this member; start it first', 'FO-074');
      // One that its own site keeps from it can be forced.
      return role === 'becoming' && !isKeptBySite(state)
        ? failed('becoming-primary', 'this member is already becoming primary', 'FO-074')
        : null;
    case 'remove-member':
    case 'keep-mirror-set':
    case 'promote':
    case 'demote':
    case 'demote-other':
      return changesOfMembers[command](state);
    case 'resume-primary':
      return isPrimary && state.serving.trouble !== null && state.serving.trouble.untilMs === null
        ? null
        : failed('not-in-trouble', 'this member is not a primary in trouble state without a time limit', 'FO-076');
    default:
      return command satisfies never;
  }
}

export function onOrder(step: Step, event: Extract<MemberEvent, { type: 'operator' }>): void {
  const { request, order } = event;
  const refusal = precondition(step.state, order.command);
  if (refusal !== null) {
    note(step, `refused the order ${order.command}`, refusal.spec, { because: refusal.text });
    answerOperator(step, request, { outcome: 'refused', ...refusal });
    return;
  }
  note(step, `takes the order ${order.command}`, ruleOf[order.command], detailsOf(order));
  switch (order.command) {
    case 'stop-instance':
      return stopInstance(step, request, order.noFailover);
    case 'stop-mirror':
      return stopMirror(step, request);
    case 'start-mirror':
      saveRecord(step, { stoppedByOperator: false });
      log(step, 'mirror-started');
      note(step, 'mirroring started', 'SYN-022');
      beginSeeking(step, 'mirroring was just started');
      return answerOperator(step, request, done('started', 'mirroring is started on this member'));
    case 'change-no-failover':
      return changeNoFailover(step, request, order.set);
    case 'become-primary':
      addOrder(step, request, 'become-primary', step.state.settings.qosTimeoutMs * 3);
      send(step, step.state.attachment?.connection as number, { type: 'request-take-over' });
      return;
    case 'promote':
      addOrder(step, request, 'promote', forceWaitMs);
      return beginPromotion(step, order);
    case 'demote':
      addOrder(step, request, 'demote', forceWaitMs);
      return send(step, step.state.attachment?.connection as number, { type: 'request-demotion' });
    case 'demote-other':
      addOrder(step, request, 'demote-other', forceWaitMs);
      return demoteOther(step);
    case 'force-primary':
      return beginForce(step, request, order);
    case 'resume-primary':
      return resumePrimary(step, request, order);
    case 'remove-member':
      return removeMember(step, request, order);
    case 'keep-mirror-set':
      return keepMirrorSet(step, request);
    default:
      return order satisfies never;
  }
}

/** The rule each order follows, for its note. */
const ruleOf: Readonly<Record<OperatorCommand['command'], string>> = {
  'stop-instance': 'FO-008',
  'stop-mirror': 'SYN-022',
  'start-mirror': 'SYN-022',
  'change-no-failover': 'FO-072',
  'become-primary': 'FO-007',
  promote: 'FO-077',
  demote: 'FO-087',
  'demote-other': 'FO-087',
  'force-primary': 'FO-074',
  'resume-primary': 'FO-076',
  'remove-member': 'CFG-069',
  'keep-mirror-set': 'CFG-056',
};

/** What an operator said or was shown with the order; a lineage is a secret of nobody and of no use to a reader. */
function detailsOf(order: OperatorCommand): Facts {
  if (order.command === 'stop-instance') return { noFailover: order.noFailover };
  if (order.command === 'change-no-failover') return { set: order.set };
  if (order.command === 'remove-member') return { member: order.member, removeAttribute: order.removeAttribute };
  return 'evidence' in order ? { evidence: order.evidence } : {};
}

function done(reason: string, text: string) {
  return { outcome: 'done', reason, text } as const;
}

/** FO-008, FO-049, FO-073. */
function stopInstance(step: Step, request: number, noFailover: boolean): void {
  const { state } = step;
  addOrder(step, request, 'stop-instance', state.settings.qosTimeoutMs * 2);
  if (state.role === 'handing-over') return;
  if (state.role !== 'primary') {
    giveUpActive(step, 'FO-018', 'this member is stopped by its operator');
    const connection = state.attachment?.connection ?? 0;
    if (connection > 0) send(step, connection, { type: 'going-down', noFailover: false });
    dropAttempt(step);
    return finishStop(step, 'stopped by its operator');
  }
  const connected = connectedBackup(step);
  const failoverWanted = !noFailover && !state.record.noFailover;
  const verdict = decide(stopTable, { backup: backupNow(step), failoverWanted });
  if (noFailover) {
    saveRecord(step, { noFailover: true });
    log(step, 'no-failover-set', { because: 'stop with no failover' });
    noteNoFailover(step, true, 'the operator stops the primary with no failover');
  }
  if (verdict.outcome === 'hand-over') return beginHandOver(step, verdict.spec, connected?.name as string);
  note(step, 'stops without asking for a takeover', verdict.spec, { because: verdict.because });
  if (noFailover && connected !== undefined) tellNoFailover(step, connected.connection);
  else finishStop(step, verdict.because);
}

/** FO-073: a licence needs no word of the primary, so the backup has it on disk that it may not take over before this process ends. */
function tellNoFailover(step: Step, connection: number): void {
  beginFarewell(step);
  send(step, connection, { type: 'no-failover', set: true });
}

/** SYN-022. */
function stopMirror(step: Step, request: number): void {
  withdraw(step, 'SYN-022', 'mirroring is stopped by the operator', { stoppedByOperator: true });
  log(step, 'mirror-stopped');
  note(step, 'mirroring stopped', 'SYN-022');
  answerOperator(step, request, done('stopped', 'mirroring is stopped on this member'));
}

/** FO-072: on disk here and at the other member before success is told. */
function changeNoFailover(step: Step, request: number, set: boolean): void {
  const { state } = step;
  const text = `"No Failover" state is ${set ? 'set' : 'cleared'}`;
  const other = hasPrimary(state) ? state.attachment?.connection : connectedBackup(step)?.connection;
  if (state.role === 'primary') saveRecord(step, { noFailover: set });
  if (other === undefined) {
    if (state.role !== 'primary') {
      if (set) return answerOperator(step, request, { outcome: 'refused', ...noPrimary });
      // Also what a primary set that this member met only in its record, after it was gone.
      const noFailoverClearedIn = Math.max(state.record.epoch.number, state.epochHeard);
      saveRecord(step, { noFailover: false, noFailoverClearedIn });
      setSeeking(step, { told: false });
    }
    log(step, set ? 'no-failover-set' : 'no-failover-cleared', { because: 'by the operator' });
    noteNoFailover(step, set, 'the operator changed it here; the other member is not connected');
    return answerOperator(step, request, done('changed', text));
  }
  addOrder(step, request, 'change-no-failover', state.settings.qosTimeoutMs, { set });
  send(step, other, { type: 'no-failover', set });
  noteNoFailover(step, set, 'the operator changed it here; the other member is told');
  log(step, set ? 'no-failover-set' : 'no-failover-cleared', { because: 'by the operator' });
}

/** On a backup: the primary has it on disk; now here. */
export function onNoFailoverDone(step: Step, set: boolean): void {
  saveRecord(step, { noFailover: set });
  answerOrders(step, 'change-no-failover', done('changed', `"No Failover" state is ${set ? 'set' : 'cleared'}`));
}

type Force = Extract<OperatorCommand, { command: 'force-primary' }>;
type Resume = Extract<OperatorCommand, { command: 'resume-primary' }>;

/** FO-074: first the ordinary way, by asking the other's agent; only when that does not answer, without it. */
function beginForce(step: Step, request: number, order: Force): void {
  const { state } = step;
  addOrder(step, request, 'force-primary', forceWaitMs);
  if (state.role !== 'seeking') beginSeeking(step, 'an operator forces this member');
  dropAttempt(step);
  setSeeking(step, { retryAtMs: 0, next: 'agent' });
  saveRecord(step, {
    forced: {
      epoch: { number: state.record.epoch.number + 1, owner: state.self, lineage: order.lineage },
      atMs: order.atMs,
      evidence: order.evidence,
    },
  });
  if (state.settings.partner === null) forceNow(step);
}

/**
 * FO-076: the person vouches that the other never became primary. A new epoch all the same: where it did, both find two
 * histories at first contact.
 */
function resumePrimary(step: Step, request: number, order: Resume): void {
  const { state } = step;
  addOrder(step, request, 'resume-primary', forceWaitMs);
  const { lineage, atMs, evidence } = order;
  const epoch = { number: state.record.epoch.number + 1, owner: state.self, lineage };
  saveRecord(step, { forced: { epoch, atMs, evidence } });
  log(step, 'resume-forced', { evidence });
  for (const served of state.serving.members.values()) {
    step.effects.push({ type: 'close', connection: served.connection, reason: 'an operator resumes this primary' });
  }
  state.serving = noServing;
  becomePrimary(step, 'resume', 'FO-076', 'an operator confirmed that the other never became primary', {
    lineage,
    seen: { evidence },
  });
}

/** The agent answered while an operator forces. True = the ordinary way goes on. */
export function onAgentWhileForced(step: Step, answer: AgentVerdict): boolean {
  if (answer.says === 'down' && answer.record !== null) {
    // The operator overrides a no failover state (FO-072); the data is still fetched where it is needed.
    saveRecord(step, { noFailover: false });
    return true;
  }
  if (answer.says === 'running') {
    // One that is not primary is told that a person forces this member: it may give way (FO-067), and says why it does not.
    if (answer.primary) refuseForce(step, `${step.state.settings.partner} is running as primary; stop it first`);
    return true;
  }
  forceNow(step);
  return false;
}

export function forceNow(step: Step): void {
  const { state } = step;
  const evidence = state.record.forced?.evidence ?? '';
  log(step, 'takeover-forced', { evidence });
  const lineage = state.record.forced?.epoch.lineage;
  becomePrimary(step, 'force', 'FO-074', 'an operator forced it', { lineage, seen: { evidence } });
}

/** FO-074 and its like: an order that takes too long is answered; the work goes on. */
export function watchOrders(step: Step): void {
  for (const order of step.state.orders) {
    if (step.nowMs < order.deadlineMs) continue;
    const text = {
      'stop-instance': 'the instance is still stopping; see the messages log',
      'change-no-failover': 'the other member has not confirmed; check the status monitor of both members',
      'become-primary': 'the primary did not hand over; nothing was changed. See the messages log, or use Force',
      promote: 'it is not known whether this member is promoted; see its status and the messages log',
      demote: 'it is not known whether this member is demoted; see its status and the messages log',
      'demote-other': 'it is not known whether the other member is demoted; see the status of both',
      'force-primary': 'the operation may not have succeeded; see the messages log',
      'resume-primary': 'the operation may not have succeeded; see the messages log',
      'remove-member': `${order.removal?.member} has not said that it is out, or this primary is in trouble state; see the status, and remove it again`,
      'keep-mirror-set': `the change is written down here, and ${step.state.settings.partner} has not said that it knows of it: a takeover now may lose it; see the status, and order it again`,
    }[order.command];
    note(step, `the order ${order.command} takes too long`, ruleOf[order.command], { because: text });
    answerOperator(step, order.request, { outcome: 'not-known', reason: 'takes-too-long', text });
  }
}
