/**
 * Becoming primary, in the order of FO-065: a right, then one durable write (the new epoch), a new journal file, the own
 * journal applied to its end, and only then the door opens. Before the write nothing has happened; after it there is no way
 * back. A right stays true while its holder keeps silent, so steps may take their time.
 */
import { renewSession } from './arbiter-link.ts';
import type { MemberEvent } from './events.ts';
import { comparePositions } from './journal-position.ts';
import { advanceDurable, applyDurable, setJournal } from './journal-transfer.ts';
import { noServing, type Right, type Step } from './member-state.ts';
import { dropAttempt } from './seeking.ts';
import { answerOrders, enterRole, log, note, saveRecord } from './step.ts';

export function becomePrimary(step: Step, right: Right, spec: string, because: string, lineage?: string): void {
  const { state } = step;
  const { record } = state;
  dropAttempt(step);
  if (state.attachment !== null && state.attachment.connection > 0) {
    step.effects.push({ type: 'close', connection: state.attachment.connection, reason: 'becoming primary' });
  }
  state.attachment = null;
  renewSession(step);
  state.right = right;
  state.windowUntilMs = 0;
  enterRole(step, 'becoming');
  log(step, 'becoming-primary', { rules: spec, because });
  note(step, 'takes over', spec, { right, because, wasActive: record.wasActive !== null });
  const heard = Math.max(record.epoch.number, record.fence?.epoch.number ?? 0, state.epochHeard);
  const epoch = {
    number: heard + 1,
    owner: state.self,
    lineage: lineage ?? (record.epoch.lineage === '' ? state.lineage : record.epoch.lineage),
  };
  saveRecord(step, { epoch, primaryOfEpoch: true, activeBackup: null, wasActive: null, noFailover: false });
  step.effects.push({ type: 'start-file', epoch });
}

/** SYN-001: the new file stands; whatever this journal holds is now the mirror's truth. */
export function onFileStarted(step: Step, event: Extract<MemberEvent, { type: 'file-started' }>): void {
  setJournal(step, { appended: event.end, flushed: event.end, history: event.history });
  if (step.state.role === 'becoming') {
    setJournal(step, { durable: event.end });
    applyDurable(step);
  }
}

/** All of the journal is in the databases: open the door. */
export function openWhenApplied(step: Step): void {
  const { state } = step;
  const { journal } = state;
  if (state.role !== 'becoming' || comparePositions(journal.applied, journal.appended) < 0) return;
  const mustFence = state.right === 'licence' || state.right === 'force';
  state.serving = { ...noServing, fencing: mustFence ? { request: 0, atMs: step.nowMs } : null };
  state.right = null;
  enterRole(step, 'primary');
  step.effects.push({ type: 'admit-updates' });
  log(step, 'became-primary', { epoch: state.record.epoch.number });
  note(step, 'is primary', 'FO-065', { epoch: state.record.epoch.number });
  const end = { outcome: 'done', reason: 'is-primary', text: `${state.self} is now primary` } as const;
  answerOrders(step, 'force-primary', end);
  answerOrders(step, 'become-primary', end);
  advanceDurable(step);
}
