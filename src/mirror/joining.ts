/** Joining the own journal to another one: cut what the mirror does not have, or halt where the databases already hold it (FO-088). */
import type { MemberEvent } from './events.ts';
import { commonPrefix, isBeyond } from './journal-transfer.ts';
import type { Step } from './member-state.ts';
import { dropAttempt } from './seeking.ts';
import { enterRole, log, note } from './step.ts';

/**
 * Cut this journal back to what it shares with another one (FO-088). False: the databases already hold more than is
 * shared, so the member is halted.
 */
export function joinHistory(
  step: Step,
  history: Extract<MemberEvent, { type: 'journal-offered' }>['history'],
  end: Extract<MemberEvent, { type: 'journal-offered' }>['end'],
): boolean {
  const { journal, mirror } = step.state;
  const common = commonPrefix({ history: journal.history, end: journal.appended }, { history, end });
  if (!isBeyond(journal.appended, common)) return true;
  if (isBeyond(journal.appliedFurthest, common)) {
    const shared = `${common.epoch}/${common.sequence}`;
    const applied = `${journal.appliedFurthest.epoch}/${journal.appliedFurthest.sequence}`;
    log(step, 'divergence-detail', { applied, common: shared });
    log(step, 'divergence', { mirror });
    halt(step, 'FO-088', `its databases hold data up to ${applied}, the mirror shares only ${shared}`);
    return false;
  }
  step.effects.push({ type: 'cut-journal', to: common });
  return true;
}

export function halt(step: Step, spec: string, because: string): void {
  const { state } = step;
  dropAttempt(step);
  if (state.attachment !== null) {
    step.effects.push({ type: 'close', connection: state.attachment.connection, reason: because });
  }
  state.attachment = null;
  for (const served of state.serving.members.values()) {
    step.effects.push({ type: 'close', connection: served.connection, reason: because });
  }
  state.serving = { ...state.serving, members: new Map(), trouble: null };
  step.effects.push({ type: 'refuse-updates' });
  state.haltedBecause = because;
  enterRole(step, 'halted');
  note(step, 'halted', spec, { because });
}
