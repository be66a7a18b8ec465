/** A failover member's session with the arbiter: opened by the member, tried again for ever, lost by silence (FO-013, FO-033). */
import type { ArbiterLink, MemberState, Step } from './member-state.ts';
import { noArbiter } from './member-state.ts';
import { keepAlivePeriodMs, log, note, retryPauseMs, silenceLimitMs } from './step.ts';

export function setArbiter(step: Step, changes: Partial<ArbiterLink>): void {
  step.state.arbiter = { ...step.state.arbiter, ...changes };
}

export function hasSession(step: Step): boolean {
  return step.state.arbiter.state === 'open';
}

/** On every change of role the session ends, so that an answer meant for the old role dies with it. */
export function renewSession(step: Step): void {
  const { arbiter } = step.state;
  if (arbiter.state !== 'off') step.effects.push({ type: 'close-arbiter' });
  step.state.arbiter = { ...noArbiter, told: arbiter.told };
}

export function wantsSession(state: MemberState): boolean {
  return (
    state.failoverMember &&
    state.settings.arbiter &&
    ['seeking', 'attached', 'primary', 'becoming'].includes(state.role)
  );
}

export function keepSession(step: Step): void {
  const { state } = step;
  if (!wantsSession(state)) {
    if (state.arbiter.state !== 'off') renewSession(step);
    return;
  }
  if (state.arbiter.state === 'off' && step.nowMs >= state.arbiter.retryAtMs) {
    setArbiter(step, { state: 'opening' });
    step.effects.push({ type: 'open-arbiter' });
  }
  if (state.arbiter.state === 'open' && step.nowMs >= state.arbiter.keepAliveAtMs) {
    setArbiter(step, { keepAliveAtMs: step.nowMs + keepAlivePeriodMs(step) });
    step.effects.push({ type: 'tell-arbiter', message: { type: 'keep-alive' } });
  }
}

/** FO-013: has the arbiter been silent for too long? */
export function isArbiterSilent(step: Step): boolean {
  const { arbiter } = step.state;
  return arbiter.state === 'open' && step.nowMs - arbiter.lastHeardMs >= silenceLimitMs(step);
}

export function sessionOpened(step: Step, session: number): void {
  setArbiter(step, {
    state: 'open',
    session,
    lastHeardMs: step.nowMs,
    keepAliveAtMs: step.nowMs + keepAlivePeriodMs(step),
    otherConnected: false,
    told: false,
  });
  log(step, 'arbiter-connected', { session });
  note(step, 'has a session with the arbiter', 'FO-033', { session });
}

/** True when a session was lost, false when it could not be opened. */
export function sessionClosed(step: Step, reason: string): boolean {
  const { arbiter } = step.state;
  const wasOpen = arbiter.state === 'open';
  step.state.arbiter = { ...noArbiter, told: true, retryAtMs: step.nowMs + retryPauseMs(step) };
  if (wasOpen) {
    log(step, 'arbiter-lost', { reason });
    note(step, 'lost the arbiter', 'FO-029 FO-033', { reason, session: arbiter.session });
    step.state.arbiter.told = false;
  } else if (!arbiter.told) {
    log(step, 'arbiter-not-reached', { reason });
    note(step, 'does not reach the arbiter', 'FO-033', { reason });
  }
  return wasOpen;
}
