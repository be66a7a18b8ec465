/**
 * The primary loses its backup: trouble state, how it begins and what ends it (FO-011, FO-014, FO-017..020, FO-034..037). A backup
 * stays counted until its right to take over is over for certain.
 */
import { arbiterTable, decide, lostBackupTable, type TroubleEnd, troubleEndTable } from './failover-table.ts';
import { finishStop } from './hand-over.ts';
import { JOURNAL_START } from './journal-position.ts';
import { advanceDurable } from './journal-transfer.ts';
import { troubleTimeoutInQos } from './limits.ts';
import type { Step, Trouble } from './member-state.ts';
import { hasModeSession, setServing } from './serving.ts';
import { agoMs, log, note, saveRecord } from './step.ts';

/** A served member is gone: closed, overdue or with a goodbye (FO-011, FO-017, FO-020, FO-034..036). */
export function onMemberLost(
  step: Step,
  name: string,
  how: 'closed' | 'overdue' | 'said-goodbye',
  reason: string,
): void {
  const { state } = step;
  const served = state.serving.members.get(name);
  if (served === undefined) return;
  step.effects.push({ type: 'close', connection: served.connection, reason });
  const members = new Map(state.serving.members);
  members.delete(name);
  setServing(step, { members });
  log(step, 'member-lost', { member: name, reason });
  if (!served.failoverMember) {
    note(step, `lost ${name}`, 'FO-003', { how, reason, because: 'an async member counts for no decision' });
    return;
  }
  const counted = state.serving.counted?.member === name;
  if (state.role === 'handing-over') {
    finishStop(step, 'stopped; the backup is gone and settles its role with the agent');
    return;
  }
  if (state.serving.mode === 'agent' || how === 'said-goodbye') {
    const verdict = decide(lostBackupTable, { counted, how });
    const seen = { term: state.serving.counted?.term ?? null, silentForMs: agoMs(step, served.lastHeardMs) };
    note(step, `lost ${name}`, verdict.spec, { how, counted, because: verdict.because, reason, ...seen });
    if (verdict.outcome === 'timed-trouble') enterTrouble(step, 'timed', verdict.spec, verdict.because);
    else if (counted) releaseBackup(step, 'goodbye');
    return;
  }
  const session = hasModeSession(step) ? 'up' : 'lost';
  const verdict = decide(arbiterTable, { role: 'primary', other: 'lost', session, says: 'silent' }, [
    'ask-arbiter',
    'trouble-indefinitely',
  ]);
  enterTrouble(step, 'arbiter', verdict.spec, verdict.because);
  if (verdict.outcome === 'ask-arbiter') {
    askArbiter(step);
    note(step, 'asks the arbiter', verdict.spec, {
      because: verdict.because,
      how,
      reason,
      term: state.serving.modeTerm,
      session: state.arbiter.session,
    });
  }
}

export function enterTrouble(step: Step, kind: Trouble['kind'], spec: string, because: string): void {
  const { state } = step;
  const untilMs = kind === 'timed' ? step.nowMs + state.settings.qosTimeoutMs * troubleTimeoutInQos : null;
  setServing(step, {
    trouble: { kind, sinceMs: step.nowMs, untilMs, spec, because, says: 'silent', askedSession: 0 },
  });
  step.effects.push({ type: 'hold-updates' });
  log(step, 'trouble-entered', { rules: spec, because });
  note(step, 'enters trouble state', spec, {
    because,
    mode: state.serving.mode,
    backup: state.serving.counted?.member ?? null,
    term: state.serving.counted?.term ?? null,
    limitMs: untilMs === null ? null : Math.round(untilMs - step.nowMs),
  });
}

function askArbiter(step: Step): void {
  const { serving, arbiter, record } = step.state;
  setServing(step, { trouble: { ...(serving.trouble as Trouble), askedSession: arbiter.session } });
  step.effects.push({
    type: 'tell-arbiter',
    message: { type: 'peer-lost', epoch: record.epoch, term: serving.modeTerm },
  });
}

/** The counted backup has no right any more: clear it on disk, leave trouble, go on without it. */
export function releaseBackup(step: Step, end: TroubleEnd['end']): void {
  const { state } = step;
  const { trouble, counted } = state.serving;
  saveRecord(step, { activeBackup: null });
  const wasArbiter = state.serving.mode !== 'agent';
  setServing(step, { counted: null, trouble: null, mode: 'agent', leaving: false, ackedByCounted: JOURNAL_START });
  if (trouble !== null) {
    const verdict = decide(troubleEndTable, { kind: trouble.kind, end });
    log(step, 'trouble-left', { rules: verdict.spec, because: verdict.because });
    note(step, 'leaves trouble state', verdict.spec, {
      because: verdict.because,
      lastedMs: agoMs(step, trouble.sinceMs),
    });
    if (state.role === 'primary') step.effects.push({ type: 'admit-updates' });
  } else if (counted !== null) {
    const because = 'it said that it is not active';
    log(step, 'active-revoked', { member: counted.member, rules: 'FO-018', because });
    note(step, `${counted.member} is no longer active`, 'FO-018', { because, term: counted.term });
  }
  if (wasArbiter) {
    const because = 'the backup is not active any more';
    log(step, 'agent-mode', { rules: 'FO-032', because });
    note(step, 'agent controlled mode', 'FO-032', { because });
  }
  advanceDurable(step);
}
