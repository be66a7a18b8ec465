/**
 * A member is taken out of the mirror for good (CFG-066..CFG-069). The order keeps a removed backup from ever taking over: it gives up
 * being active and has the removal on its disk, the primary counts it no more, and only then is it taken out of the mirror set, which
 * makes agents and members turn it away (docs/decisions/0025). Who is out of reach learns of it from whomever it meets first.
 */
import type { OperatorCommand } from './events.ts';
import { halt } from './joining.ts';
import type { MemberRecord } from './member-record.ts';
import type { MemberState, Precondition, Step } from './member-state.ts';
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
 * On the member that is removed, told by its primary, by another member or an agent, or ordered by a person who stands before it. Only
 * a forced takeover can have made it primary meanwhile: the mirror goes on elsewhere, so it must not.
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

/** Give up every right, on disk first, and take no part any more. */
export function withdraw(step: Step, spec: string, because: string, changes: Partial<MemberRecord>): void {
  const { state } = step;
  giveUpActive(step, spec, because);
  saveRecord(step, changes);
  const connection = state.attachment?.connection ?? 0;
  if (connection > 0) {
    send(step, connection, { type: 'going-down', noFailover: false });
    step.effects.push({ type: 'close', connection, reason: because });
  }
  dropAttempt(step);
  state.attachment = null;
  enterRole(step, 'stopped');
}
