/** The primary's way into arbiter controlled mode and out of it (FO-028..036): it leaves only when the backup has said that it left. */
import { hasSession } from './arbiter-link.ts';
import { type ArbiterFacts, arbiterTable, decide } from './failover-table.ts';
import type { Served, Step } from './member-state.ts';
import type { ArbiterWord } from './messages.ts';
import { connectedBackup, hasModeSession, setServing } from './serving.ts';
import { agoMs, log, note, noteAttempt, retryPauseMs, send } from './step.ts';
import { sameEpoch } from './terms.ts';
import { enterTrouble, onMemberLost, releaseBackup } from './trouble.ts';

/** FO-028: all three are connected and the backup is active: propose arbiter controlled mode. */
export function proposeArbiterMode(step: Step): void {
  const { state } = step;
  const { serving } = state;
  const other = connectedBackup(step);
  if (state.role !== 'primary' || serving.mode !== 'agent' || serving.trouble !== null || serving.leaving) return;
  if (!serving.counted?.confirmed || !hasSession(step) || other === undefined || other.session === 0) return;
  if (step.nowMs < serving.nextEnterMs) return;
  const term = serving.term + 1;
  setServing(step, {
    term,
    mode: 'entering',
    modeTerm: term,
    modeSession: state.arbiter.session,
    enterDeadlineMs: step.nowMs + state.settings.qosTimeoutMs,
    nextEnterMs: step.nowMs + state.settings.qosTimeoutMs,
  });
  noteAttempt(step, 'proposes arbiter controlled mode', 'FO-028', {
    backup: other.name,
    term,
    session: state.arbiter.session,
    otherSession: other.session,
  });
  send(step, other.connection, { type: 'enter-propose', term, session: state.arbiter.session });
}

export function onEnterReady(step: Step, _served: Served, term: number, otherSession: number): void {
  const { state } = step;
  if (state.serving.mode !== 'entering' || term !== state.serving.modeTerm) return;
  if (!hasModeSession(step)) return askToLeave(step, 'FO-029', 'the session with the arbiter is another one now');
  step.effects.push({
    type: 'tell-arbiter',
    message: { type: 'enter', epoch: state.record.epoch, term, session: state.arbiter.session, otherSession },
  });
}

/** FO-029: leave arbiter mode together; the primary leaves only when the backup has said that it left. */
export function askToLeave(step: Step, spec: string, because: string): void {
  const other = connectedBackup(step);
  const { serving } = step.state;
  if (serving.leaving || serving.mode === 'agent' || other === undefined) return;
  setServing(step, { leaving: true });
  noteAttempt(step, 'leaves arbiter controlled mode, or the way into it', spec, { because, term: serving.modeTerm });
  send(step, other.connection, { type: 'leave', term: serving.modeTerm });
}

export function onLeft(step: Step, served: Served, term: number): void {
  const { serving } = step.state;
  if (term !== serving.modeTerm || serving.mode === 'agent') return;
  setServing(step, {
    mode: 'agent',
    leaving: false,
    nextEnterMs: step.nowMs + retryPauseMs(step),
  });
  log(step, 'agent-mode', { rules: 'FO-029', because: 'a contact with the arbiter is lost' });
  noteAttempt(step, 'agent controlled mode', 'FO-029', {
    term,
    because: 'the backup has left arbiter controlled mode',
  });
  send(step, served.connection, { type: 'agent-mode-ok', term });
}

/**
 * FO-043: the arbiter is lost and the backup is not - which only a word of the backup proves that comes after the loss. A primary
 * that hears nobody any more must not talk its backup out of the mode in which that one can take over.
 */
export function onBackupHeard(step: Step): void {
  const { serving } = step.state;
  if (step.state.role !== 'primary' || serving.mode === 'agent' || serving.leaving) return;
  if (serving.trouble !== null || hasModeSession(step)) return;
  const verdict = decide(arbiterTable, { role: 'primary', other: 'connected', session: 'lost', says: 'silent' }, [
    'leave-together',
  ]);
  askToLeave(step, verdict.spec, verdict.because);
}

/** In trouble: there is nobody left to say whether the backup took over. */
export function onSessionLostServing(step: Step): void {
  const { serving } = step.state;
  if (serving.mode === 'agent' || serving.trouble === null) return;
  const verdict = decide(arbiterTable, { role: 'primary', other: 'lost', session: 'lost', says: 'silent' }, [
    'trouble-indefinitely',
  ]);
  setServing(step, { trouble: { ...serving.trouble, spec: verdict.spec, because: verdict.because } });
  const sinceMs = agoMs(step, serving.trouble.sinceMs);
  note(step, 'stays in trouble state', verdict.spec, { because: verdict.because, inTroubleForMs: sinceMs });
}

export function onArbiterWhileServing(step: Step, message: ArbiterWord): void {
  const { state } = step;
  const { serving } = state;
  if (message.term !== serving.modeTerm || !sameEpoch(message.epoch, state.record.epoch) || serving.mode === 'agent')
    return;
  if (message.type === 'entered') {
    if (serving.mode !== 'entering' || serving.leaving) return;
    setServing(step, { mode: 'arbiter' });
    log(step, 'arbiter-mode', { term: message.term });
    note(step, 'arbiter controlled mode', 'FO-028', { term: message.term });
    return;
  }
  if (message.type === 'refused') return askToLeave(step, 'FO-028', 'the arbiter refused: it knows other sessions');
  if (message.type === 'left-notice') {
    const other = connectedBackup(step);
    if (other !== undefined) onMemberLost(step, other.name, 'said-goodbye', 'it sent word that it is not active');
    if (state.serving.counted !== null) releaseBackup(step, 'left-notice');
    return;
  }
  const { trouble } = serving;
  if (trouble?.kind !== 'arbiter' || trouble.askedSession !== state.arbiter.session) return;
  if (message.type === 'never' && serving.mode !== 'entering') {
    const because = 'the arbiter has forgotten this mode, which proves nothing about the backup';
    note(step, 'stays in trouble state', 'FO-036', { because, arbiterSays: message.type });
    return;
  }
  const facts: ArbiterFacts = { role: 'primary', other: 'lost', session: 'up', says: message.type };
  const verdict = decide(arbiterTable, facts, [
    'continue-in-agent-mode',
    'timed-trouble',
    'trouble-until-agreed',
    'trouble-indefinitely',
  ]);
  note(step, 'the arbiter answered', verdict.spec, {
    arbiterSays: message.type,
    because: verdict.because,
    term: message.term,
    session: state.arbiter.session,
  });
  if (verdict.outcome === 'continue-in-agent-mode') {
    releaseBackup(step, 'gone');
  } else if (verdict.outcome === 'timed-trouble') {
    setServing(step, { mode: 'agent' });
    enterTrouble(step, 'timed', verdict.spec, verdict.because);
  } else {
    const says = verdict.outcome === 'trouble-until-agreed' ? 'present' : 'taken';
    setServing(step, { trouble: { ...trouble, says, spec: verdict.spec, because: verdict.because } });
  }
}
