/**
 * A change of the mirror set that somebody is told is done outlives the primary that made it (CFG-069, CFG-027): whoever may take over from
 * it has that set on disk before the answer. Who is in the mirror stands in no journal, so that a set which only a failed primary has
 * written down would be lost with it (docs/decisions/0058).
 */
import type { MemberState, Precondition, Served, Step } from './member-state.ts';
import { isNewerSet, type SetNumber } from './mirror-set.ts';
import { setServed } from './serving.ts';
import { addOrder, answerOperator, send } from './step.ts';

export function preconditionOfKeeping({ role }: MemberState): Precondition | null {
  if (role === 'primary') return null;
  return { reason: 'not-primary', text: 'this member is not primary any more', spec: 'CFG-056' };
}

/** On the primary: the present mirror set stands on its disk, and is told to whoever is connected. */
export function keepMirrorSet(step: Step, request: number): void {
  const { qosTimeoutMs, mirrorSet } = step.state.settings;
  const keeps = mirrorSet === undefined ? {} : { keeps: numberOf(mirrorSet) };
  addOrder(step, request, 'keep-mirror-set', qosTimeoutMs * 4, keeps);
}

/** After each event: orders that have come to their end. */
export function watchKeeping(step: Step): void {
  const { state } = step;
  for (const { request, command, keeps } of state.orders) {
    if (command !== 'keep-mirror-set') continue;
    if (state.role !== 'primary') {
      const text =
        'it is not known whether the new primary has heard of the change, which this one has written down; look at its status, and order it again there';
      answerOperator(step, request, { outcome: 'not-known', reason: 'not-primary', text, spec: 'CFG-056' });
    } else if (isKept(state, keeps)) {
      answerOperator(step, request, { outcome: 'done', reason: 'kept', text: 'a takeover keeps the mirror set' });
    }
  }
}

/** One that is not counted cannot take over, and is told the set before it is counted. */
function isKept({ serving: { counted, trouble, members } }: MemberState, keeps: SetNumber | undefined): boolean {
  if (trouble !== null) return false;
  if (counted === null || keeps === undefined) return true;
  const heard = members.get(counted.member)?.setHeard ?? null;
  return heard !== null && !isNewerSet(keeps, heard);
}

export function onSetHeard(step: Step, { name }: Served, number: SetNumber): void {
  setServed(step, name, { setHeard: numberOf(number) });
}

/** On the other failover member: what its disk has now. */
export function tellHeard(step: Step): void {
  const { attachment, settings, failoverMember } = step.state;
  const { mirrorSet } = settings;
  if (attachment === null || attachment.asking || !failoverMember || mirrorSet === undefined) return;
  send(step, attachment.connection, { type: 'mirror-set-heard', ...numberOf(mirrorSet) });
}

function numberOf({ epoch, revision }: SetNumber): SetNumber {
  return { epoch, revision };
}
