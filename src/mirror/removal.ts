/**
 * A member is taken out of the mirror for good (CFG-066..CFG-069). The order keeps a removed backup from ever taking over: it gives up
 * being active and has the removal on its disk, the primary counts it no more, and only then is it taken out of the mirror set, which
 * makes agents and members turn it away (docs/decisions/0025). Who is out of reach learns of it from whomever it meets first, and is
 * called by the primary until it has said that it knows (docs/decisions/0048).
 */
import { hasSession } from './arbiter-link.ts';
import type { OperatorCommand } from './events.ts';
import { halt } from './joining.ts';
import type { MemberRecord } from './member-record.ts';
import type { MemberState, Precondition, Step } from './member-state.ts';
import { type MirrorSet, memberNamed, removalOf, type SetNumber } from './mirror-set.ts';
import { dropAttempt, giveUpActive } from './seeking.ts';
import { addOrder, answerOperator, answerOrders, enterRole, log, note, saveRecord, send } from './step.ts';
import type { MemberName } from './terms.ts';

export function isRemoved({ by }: { readonly by: MemberName }): Precondition {
  const text = `${by} has removed this member from the mirror; restart the instance`;
  return { reason: 'removed', text, spec: 'CFG-069' };
}

/** Whether another member is counted must be certain before it is forgotten. */
export function preconditionOfRemoval({ role, serving }: MemberState): Precondition | null {
  if (role !== 'primary') {
    const text = 'other members are removed on the primary, when it is not handing over';
    return { reason: 'not-primary', text, spec: 'CFG-069' };
  }
  if (serving.trouble !== null) {
    const text = 'the primary is in trouble state; try again when it has left it';
    return { reason: 'in-trouble', text, spec: 'CFG-069' };
  }
  // It could name whom the mirror set forgets: one thing after the other.
  if (serving.change === null) return null;
  const text = 'a promotion or demotion is under way; try again';
  return { reason: 'change-under-way', text, spec: 'CFG-069' };
}

type Removal = Extract<OperatorCommand, { command: 'remove-member' }>;

/** On the primary. One that is not connected learns of it later; what is waited for then is only that it has no right left. */
export function removeMember(step: Step, request: number, { member, removeAttribute }: Removal): void {
  const { settings, serving } = step.state;
  addOrder(step, request, 'remove-member', settings.qosTimeoutMs * 4, { removal: { member, removeAttribute } });
  if (serving.members.has(member)) tellRemoval(step, member);
}

/** A member that is being removed has just come, or the order did. */
export function tellRemoval(step: Step, name: MemberName): void {
  const { orders, serving } = step.state;
  const removal = orders.find((order) => order.removal?.member === name)?.removal;
  const connection = serving.members.get(name)?.connection;
  if (removal === undefined || connection === undefined) return;
  send(step, connection, { type: 'removed', removeAttribute: removal.removeAttribute });
}

/** Has this member nothing left that could make it count? Then the mirror set may forget it. */
export function isOut({ role, serving }: MemberState, name: MemberName): boolean {
  const { members, counted, trouble } = serving;
  return role === 'primary' && !members.has(name) && counted?.member !== name && trouble === null;
}

/** After each event: removals that have come to their end. */
export function watchRemovals(step: Step): void {
  const { state } = step;
  for (const { request, removal } of state.orders) {
    if (removal === undefined) continue;
    const { member } = removal;
    if (state.role !== 'primary') {
      const text = `this member is not primary any more, and ${member} may be in the mirror still; remove it on the primary`;
      answerOperator(step, request, { outcome: 'failed', reason: 'not-primary', text, spec: 'CFG-069' });
    } else if (isOut(state, member)) {
      note(step, `${member} is out of the mirror`, 'CFG-069', { member });
      answerOperator(step, request, { outcome: 'done', reason: 'out', text: `${member} is out of the mirror` });
    }
  }
}

/**
 * On the member that is removed, told by its primary, by another member or an agent, or ordered by a person who stands before it. Where
 * it is primary itself, it was cut off when another took over, or a person has forced it: the mirror goes on elsewhere, so it must not.
 */
export function onRemoved(step: Step, by: MemberName, removeAttribute: boolean): void {
  const { state } = step;
  if (state.record.removed !== null || state.role === 'down' || state.role === 'handing-over') return;
  const because = `${by} has removed this member from the mirror`;
  const removed = { by, removeAttribute };
  log(step, 'removed', { by });
  if (state.role === 'primary' || state.role === 'becoming') {
    saveRecord(step, { removed });
    return halt(step, 'CFG-069', because);
  }
  withdraw(step, 'CFG-069', because, { removed });
  note(step, 'is removed from the mirror', 'CFG-069', { by, removeAttribute });
  for (const command of ['become-primary', 'change-no-failover', 'force-primary'] as const) {
    answerOrders(step, command, { outcome: 'refused', reason: 'removed', text: because, spec: 'CFG-069' });
  }
}

/** A primary tells its mirror set. True = this member is none of it, and says so: there is nothing else to hear. */
export function hearRemoval(step: Step, connection: number, by: MemberName, told: MirrorSet | undefined): boolean {
  const { state } = step;
  const own = state.settings.mirrorSet;
  const removal = told === undefined || own === undefined ? undefined : removalOf(told, state.self, own);
  if (removal !== undefined) onRemoved(step, by, removal.removeAttribute);
  if (state.record.removed === null) return false;
  if (told !== undefined) {
    const { epoch, revision } = told;
    send(step, connection, { type: 'removal-heard', epoch, revision });
  }
  step.effects.push({ type: 'close', connection, reason: 'this member was removed from the mirror' });
  return true;
}

/**
 * On the primary: a member knows that it is out for good. One that is in the mirror set still has left without its primary, or was removed by
 * one that died before it had written that down; as soon as it counts for nothing, the set follows.
 */
export function hearOut(step: Step, member: MemberName, { epoch, revision }: SetNumber): void {
  const { settings, role } = step.state;
  const { mirrorSet } = settings;
  // It may have joined again since it said so.
  if (mirrorSet?.epoch !== epoch || mirrorSet.revision !== revision) return;
  if (memberNamed(mirrorSet, member) === undefined) return onRemovalHeard(step, member);
  if (role !== 'primary' || preconditionOfRemoval(step.state) !== null || !isOut(step.state, member)) return;
  log(step, 'member-left', { member });
  note(step, `${member} is out of the mirror by its own word`, 'CFG-066 CFG-069', { member });
  step.effects.push({ type: 'removal-heard', member });
}

/** Whoever was removed knows it, or there is nobody any more who would have to know. */
export function onRemovalHeard(step: Step, member: MemberName): void {
  const { role, settings } = step.state;
  if (role !== 'primary' || settings.mirrorSet?.untold?.every(({ name }) => name !== member) !== false) return;
  log(step, 'removal-heard', { member });
  note(step, `${member} knows that it was removed`, 'CFG-069', { member });
  step.effects.push({ type: 'removal-heard', member });
}

/** Give up every right, on disk first, and take no part any more. */
export function withdraw(step: Step, spec: string, because: string, changes: Partial<MemberRecord>): void {
  const { state } = step;
  giveUpActive(step, spec, because);
  saveRecord(step, changes);
  const { attachment } = state;
  // FO-035: the primary may have lost this member already, and waits for this word then; nobody else would ever send it.
  if (attachment !== null && attachment.mode !== 'agent' && hasSession(step)) {
    const message = { type: 'left-notice', epoch: state.record.epoch, term: attachment.modeTerm } as const;
    step.effects.push({ type: 'tell-arbiter', message });
  }
  const connection = attachment?.connection ?? 0;
  if (connection > 0) {
    send(step, connection, { type: 'going-down', noFailover: false });
    step.effects.push({ type: 'close', connection, reason: because });
  }
  dropAttempt(step);
  state.attachment = null;
  enterRole(step, 'stopped');
}
