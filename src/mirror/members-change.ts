/**
 * The list of failover members changes. The primary makes a new one (FO-078, FO-087): first the member that leaves gives up its rights,
 * then the primary has the list on its disk, and only then the member that arrives hears of it. Whoever hears of a newer list
 * takes it at once (FO-083): what it may do from here on follows from the list, not from what it was.
 */
import { giveUp } from './becoming.ts';
import { isNewerList, isReportingAsync, isSameList, presentList, settingsBy } from './failover-members.ts';
import { membersChangeInQos } from './limits.ts';
import type { MemberState, MembersChange, Precondition, Served, Step } from './member-state.ts';
import type { AgentVerdict } from './messages.ts';
import { beginSeeking, dropAttempt, setSeeking } from './seeking.ts';
import { connectedBackup, setServing } from './serving.ts';
import { answerOrders, askAgent, enterRole, log, note, noteAttempt, saveRecord, send } from './step.ts';
import type { FailoverMembers, MemberName } from './terms.ts';
import { onMemberLost } from './trouble.ts';

/** A list that somebody told; true = it is newer and was taken. */
export function learnList(step: Step, list: FailoverMembers | null | undefined, from: string): boolean {
  const { state } = step;
  if (list == null || !isNewerList(list, presentList(state))) return false;
  takeList(step, list, from);
  tellServed(step, from);
  return true;
}

/** A primary tells everybody that it serves: one of them may have a place by this list that it had not by the one before. */
function tellServed(step: Step, informant: MemberName | null): void {
  for (const { name, connection } of step.state.serving.members.values())
    if (name !== informant)
      send(step, connection, { type: 'failover-members', failoverMembers: presentList(step.state) });
}

/** What the settings say, and what the record says: the newer counts. */
export function settleList(step: Step): void {
  const { state } = step;
  const { listed } = state.settings;
  if (listed !== undefined && isNewerList(listed, state.record.failoverMembers)) {
    takeList(step, listed, 'the mirror set');
    return;
  }
  const { failoverMembers } = state.record;
  if (failoverMembers === null) return;
  state.settings = settingsBy(state.settings, failoverMembers, state.self);
  state.failoverMember = failoverMembers.names.includes(state.self);
}

/** On disk together with the end of every right that this member has by the old list. */
export function takeList(step: Step, list: FailoverMembers, from: string): void {
  const { state } = step;
  const wasMember = state.failoverMember;
  const { partner } = state.settings;
  const isMember = list.names.includes(state.self);
  if (!isMember) state.windowUntilMs = 0;
  // A list that names it is the word of the mirror that it is to be asked for (FO-084).
  const place = isMember ? ({ validatedMember: true } as const) : ({ wasActive: null } as const);
  saveRecord(step, { failoverMembers: list, ...place });
  state.settings = settingsBy(state.settings, list, state.self);
  state.failoverMember = isMember;
  if (state.promotion !== null) giveUpPromotion(step, isMember);
  step.effects.push({ type: 'failover-members', failoverMembers: list });
  const names = list.names.join(' and ');
  log(step, 'failover-members', { names, from });
  const spec = isMember ? 'FO-078' : wasMember ? 'FO-083 FO-087' : 'FO-078';
  note(step, `the failover members are ${names}`, spec, { from, listEpoch: list.epoch, listNumber: list.number });
  if (wasMember !== isMember || partner !== state.settings.partner) leaveOldPlace(step, wasMember, from);
  answerWhoeverWaits(step, isMember);
}

/** Somebody else has changed the list while this member asked the agents. */
function giveUpPromotion(step: Step, isMember: boolean): void {
  step.state.promotion = null;
  if (isMember) return;
  const names = step.state.settings.failoverMembers.join(' and ');
  const text = `another promotion or demotion was before this one: the failover members are ${names}; look at the status, and try again`;
  answerOrders(step, 'promote', { outcome: 'refused', reason: 'changed-meanwhile', text, spec: 'FO-078' });
}

function answerWhoeverWaits(step: Step, isMember: boolean): void {
  const { self, settings } = step.state;
  if (isMember) {
    const partner = settings.partner === null ? 'without a partner' : `with partner ${settings.partner}`;
    const text = `${self} is a failover member now, ${partner}`;
    answerOrders(step, 'promote', { outcome: 'done', reason: 'promoted', text });
  } else {
    const text = `${self} is a disaster recovery async now; the failover member is ${settings.failoverMembers.join(', ')}`;
    answerOrders(step, 'demote', { outcome: 'done', reason: 'demoted', text });
  }
}

/** Contact, right and unfinished questions belong to the old list. */
function leaveOldPlace(step: Step, wasMember: boolean, from: string): void {
  const { state } = step;
  const because = 'the failover members have changed';
  switch (state.role) {
    case 'seeking':
      dropAttempt(step);
      return setSeeking(step, { retryAtMs: step.nowMs, next: 'agent' });
    case 'attached': {
      const connection = state.attachment?.connection ?? 0;
      if (connection > 0) {
        if (wasMember) send(step, connection, { type: 'going-down', noFailover: false });
        step.effects.push({ type: 'close', connection, reason: because });
      }
      beginSeeking(step, because);
      return setSeeking(step, { next: 'hello' });
    }
    case 'becoming':
      if (state.becoming?.phase === 'permission') return giveUp(step, 'FO-083', because);
      // After the new epoch is written there is no way back but a new start: as what the list makes of it.
      if (!state.failoverMember) endAsNoMember(step, from);
      return;
    case 'primary':
    case 'handing-over':
      if (state.failoverMember) return loseFormerBackup(step, from);
      return endAsNoMember(step, from);
    default:
  }
}

/** It reigns, or is about to, and the mirror has given its place to others. */
function endAsNoMember(step: Step, from: string): void {
  const { state } = step;
  const names = state.settings.failoverMembers.join(' and ');
  const because = `it is no failover member any more: the failover members are ${names}`;
  log(step, 'no-member-any-more', { names });
  note(step, 'stops: it is no failover member any more', 'FO-083', { from });
  step.effects.push({ type: 'refuse-updates' });
  enterRole(step, 'down');
  for (const command of ['force-primary', 'become-primary'] as const)
    answerOrders(step, command, { outcome: 'failed', reason: 'no-failover-member', text: because, spec: 'FO-083' });
  step.effects.push({ type: 'end-process', because: 'this member is no failover member any more (FO-083)' });
}

/** Whoever says hello just now is taken in afterwards, by its new place. */
function loseFormerBackup(step: Step, from: string): void {
  const other = connectedBackup(step);
  if (other === undefined || other.name === from || other.name === step.state.settings.partner) return;
  onMemberLost(step, other.name, 'closed', 'it is no failover member any more');
}

// The primary.

type Change = 'promotion' | 'demotion';

/** Null = the list can be changed now. */
export function refusalToChange(state: MemberState, change: Change): Precondition | null {
  const failed = (reason: string, text: string, spec: string): Precondition => ({ reason, text, spec });
  const { serving, record } = state;
  if (state.role !== 'primary') return failed('not-primary', 'this member is not primary any more', 'FO-078');
  if (serving.trouble !== null) {
    const text = `the primary is in trouble state, so no ${change} is possible; mend that first`;
    return failed('in-trouble', text, 'FO-077');
  }
  if (serving.change !== null) {
    return failed('change-under-way', 'another promotion or demotion is under way; try again', 'FO-078');
  }
  if (change === 'demotion' && serving.fencing !== null) {
    const text = `${state.settings.partner} is not known to be down yet; try again when its ISCAgent has answered`;
    return failed('not-down', text, 'FO-087');
  }
  if (state.orders.some(({ removal }) => removal !== undefined)) {
    return failed('removal-under-way', 'a member is being removed from the mirror; try again', 'CFG-069');
  }
  if (!record.noFailover || (change === 'promotion' && state.settings.partner === null)) return null;
  return failed('no-failover', 'no failover is set, so no failover member can be demoted; clear it first', 'FO-072');
}

/**
 * CFG-050, DB-040: null = this async may become one of another type now, or clear its flags. Asked of itself and of its primary: a promotion
 * that is under way stands with the one or with the other, and would make a failover member of whatever it is in the end.
 */
export function refusalToChangeKind(
  { promotion, serving, record, self }: MemberState,
  name: MemberName,
): Precondition | null {
  // Its backup may have taken over, and would know nothing of it.
  if (serving.trouble !== null) {
    const text =
      'the primary is in trouble state and may be primary no more; see its status, and try again when that is over';
    return { reason: 'in-trouble', text, spec: 'FO-048' };
  }
  const isOn = (list: FailoverMembers | null | undefined): boolean => list?.names.includes(name) === true;
  const isAsked = name === self && promotion !== null;
  if (!isAsked && !isOn(serving.change?.list) && !isOn(record.failoverMembers)) return null;
  const text = `${name} is being made a failover member; look at its status, and try again if it is an async still`;
  return { reason: 'not-an-async-type', text, spec: 'CFG-050' };
}

/** FO-078, FO-087: a member asks its primary. */
export function onWishToChange(step: Step, { name, connection, failoverMember }: Served, wish: Change): void {
  const { state } = step;
  if (failoverMember === (wish === 'promotion')) {
    send(step, connection, { type: 'failover-members', failoverMembers: presentList(state) });
    return;
  }
  const refusal = refusalToChange(step.state, wish) ?? (wish === 'promotion' ? refusalOfKind(state, name) : null);
  if (refusal !== null) {
    noteAttempt(step, `refused the ${wish} of ${name}`, refusal.spec, { because: refusal.text });
    send(step, connection, { type: 'request-refused', ...refusal });
    return;
  }
  if (wish === 'promotion') beginChange(step, [state.self, name], name);
  else beginChange(step, [state.self], name);
}

/** FO-077: its own mirror set may be older, and it may have cleared its flags when it learns of this one. */
function refusalOfKind(state: MemberState, name: MemberName): Precondition | null {
  if (!isReportingAsync(state, name)) return null;
  const text = `${name} is a reporting async for its primary; only a disaster recovery async can be promoted`;
  return { reason: 'not-dr', text, spec: 'FO-077' };
}

export function demoteOther(step: Step): void {
  beginChange(step, [step.state.self], null);
}

function beginChange(step: Step, names: readonly MemberName[], asker: MemberName | null): void {
  const { state } = step;
  const { partner, qosTimeoutMs } = state.settings;
  const { number, reported } = presentList(state);
  const told = reported === undefined ? {} : { reported };
  const list = { epoch: state.record.epoch.number, number: number + 1, names, ...told };
  const backup = connectedBackup(step);
  const leaving = partner === null || names.includes(partner) ? null : partner;
  const untilMs = step.nowMs + qosTimeoutMs * membersChangeInQos;
  setServing(step, { change: { list, leaving, asker, asking: null, untilMs } });
  note(step, `changes the failover members to ${names.join(' and ')}`, 'FO-078 FO-087', { leaving, asker });
  if (leaving !== null && backup?.name === leaving) {
    send(step, backup.connection, { type: 'failover-members', failoverMembers: list });
  } else if (leaving !== null && asker === null) askToDemote(step, leaving, list);
}

/** FO-087: the instance is away, but its agent can tell it when it starts. */
function askToDemote(step: Step, leaving: MemberName, list: FailoverMembers): void {
  const asking = askAgent(step, leaving, 'confirm-down', list);
  setServing(step, { change: { ...(step.state.serving.change as MembersChange), asking } });
}

/** True = the answer was to this question. */
export function onAgentWhileChanging(step: Step, request: number, answer: AgentVerdict): boolean {
  const { change } = step.state.serving;
  if (change === null || change.asking !== request) return false;
  setServing(step, { change: { ...change, asking: null } });
  if (answer.says === 'down' && isSameList(answer.record?.failoverMembers, change.list)) return true;
  const met = answer.says === 'running' ? 'is running and not connected here' : 'and its agent do not answer';
  giveUpChange(step, `${change.leaving} ${met}, so it cannot be demoted now`);
  return true;
}

function giveUpChange(step: Step, text: string): void {
  const { change } = step.state.serving;
  setServing(step, { change: null });
  const refusal = { reason: 'not-changed', text, spec: 'FO-087' };
  note(step, 'did not change the failover members', refusal.spec, { because: text });
  answerOrders(step, 'demote-other', { outcome: 'refused', ...refusal });
  const asker = step.state.serving.members.get(change?.asker ?? '');
  if (asker !== undefined) send(step, asker.connection, { type: 'request-refused', ...refusal });
}

/** After every event: whoever leaves has no right any more as soon as it is neither counted nor connected. */
export function continueChange(step: Step): void {
  const { state } = step;
  const { change, counted, trouble } = state.serving;
  if (change === null || change.asking !== null) return;
  if (state.role !== 'primary') return setServing(step, { change: null });
  if (!isNewerList(change.list, state.record.failoverMembers)) return finishChange(step);
  const hasRights = change.leaving !== null && (counted?.member === change.leaving || trouble !== null);
  const isConnected = change.leaving !== null && connectedBackup(step)?.name === change.leaving;
  if (!hasRights && !isConnected) {
    takeList(step, change.list, state.self);
    finishChange(step);
  } else if (step.nowMs >= change.untilMs) giveUpChange(step, `${change.leaving} did not agree in time`);
}

/** It stands on this disk: from here on the others may know. */
function finishChange(step: Step): void {
  const { state } = step;
  const { leaving } = state.serving.change as MembersChange;
  setServing(step, { change: null });
  tellServed(step, null);
  // FO-084: one that is away finds it in its record.
  if (leaving !== null && !state.serving.members.has(leaving)) askAgent(step, leaving, 'confirm-down');
  const text = `${leaving ?? 'nobody'} is no failover member any more`;
  answerOrders(step, 'demote-other', { outcome: 'done', reason: 'demoted', text });
}
