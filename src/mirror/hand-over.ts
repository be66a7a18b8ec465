/** How a primary ends: it hands over to the active backup, goes down without that, or finds that it is stale. */
import { decide, hungTable } from './failover-table.ts';
import { isAtOrAfter } from './journal-position.ts';
import { pumpAsyncs } from './journal-transfer.ts';
import type { MemberState, Step } from './member-state.ts';
import { backupNow, connectedBackup, setServing } from './serving.ts';
import { answerOrders, enterRole, log, note, saveRecord, send } from './step.ts';

/** I-epoch: somebody has become primary since; this one stops at once. */
export function stopAsStale(step: Step, epochNumber: number): void {
  if (step.state.serving.takeOverSent) {
    // It asked for just this: the successor's epoch arrived before its word.
    finishStop(step, 'the other failover member takes over');
    return;
  }
  log(step, 'stale-primary', { epoch: epochNumber });
  note(step, 'stops: another member has become primary', 'FO-038', { otherEpoch: epochNumber });
  step.effects.push({ type: 'refuse-updates' });
  saveRecord(step, { stoppedForEpoch: epochNumber });
  enterRole(step, 'down');
  step.effects.push({ type: 'end-process', because: `another member is primary of epoch ${epochNumber} (FO-038)` });
}

/** No update comes in any more; the process ends when the backup has answered, or at the deadline. */
export function beginFarewell(step: Step): void {
  enterRole(step, 'handing-over');
  setServing(step, { handOverDeadlineMs: step.nowMs + step.state.settings.qosTimeoutMs, takeOverSent: false });
  step.effects.push({ type: 'hold-updates' });
}

/** Stop admitting, wait until the backup has everything, ask it to take over (FO-007, FO-008). */
export function beginHandOver(step: Step, spec: string, to: string): void {
  beginFarewell(step);
  log(step, 'handing-over', { member: to, rules: spec });
  note(step, `asks ${to} to take over`, spec, { to, term: step.state.serving.counted?.term ?? null });
  continueHandOver(step);
}

export function continueHandOver(step: Step): void {
  const { state } = step;
  const { serving, journal } = state;
  if (state.role !== 'handing-over' || serving.takeOverSent || state.record.noFailover) return;
  const other = connectedBackup(step);
  // Nothing was acknowledged above what the backup has.
  const final = serving.hung ? serving.ackedByCounted : journal.appended;
  const complete = serving.hung || (isAtOrAfter(journal.flushed, final) && isAtOrAfter(serving.ackedByCounted, final));
  if (other === undefined || !complete) return;
  setServing(step, { takeOverSent: true });
  send(step, other.connection, { type: 'take-over', final });
}

/** When a journal that stands still makes this primary hung; null = it does not stand still, or that leads to nothing. */
export function hungAtMs({ role, journal, serving, settings }: MemberState): number | null {
  const isWatched = role === 'primary' && serving.trouble === null && !serving.hungTold;
  return isWatched && journal.unflushedSinceMs !== null ? journal.unflushedSinceMs + settings.qosTimeoutMs : null;
}

/** FO-008, FO-050: a primary that cannot write its journal for the QoS timeout asks the backup to take over. */
export function watchJournal(step: Step): void {
  const { state } = step;
  const atMs = hungAtMs(state);
  if (atMs === null || step.nowMs < atMs) return;
  const verdict = decide(hungTable, { backup: backupNow(step), failoverWanted: !state.record.noFailover });
  const { spec, because } = verdict;
  const forMs = Math.round(step.nowMs - (state.journal.unflushedSinceMs ?? step.nowMs));
  const cause = state.journal.frozen === '' ? 'the disk does not answer' : state.journal.frozen;
  log(step, 'hung', { forMs, rules: spec, because: `${cause}; ${because}` });
  if (verdict.outcome === 'hand-over') {
    setServing(step, { hung: true });
    beginHandOver(step, spec, connectedBackup(step)?.name as string);
    return;
  }
  setServing(step, { hungTold: true });
  note(step, 'did not ask for a takeover though its journal stands still', spec, { because, cause, forMs });
}

/** The process ends; whoever is connected hears so. */
export function finishStop(step: Step, because: string): void {
  const { state } = step;
  step.effects.push({ type: 'refuse-updates' });
  pumpAsyncs(step);
  for (const served of state.serving.members.values()) {
    if (!state.serving.takeOverSent || !served.failoverMember) {
      send(step, served.connection, { type: 'going-down', noFailover: state.record.noFailover });
    }
  }
  enterRole(step, 'down');
  note(step, 'stops', 'FO-008', { because });
  answerOrders(step, 'stop-instance', { outcome: 'done', reason: 'stopped', text: because });
  step.effects.push({ type: 'end-process', because });
}
