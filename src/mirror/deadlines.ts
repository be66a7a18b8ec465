/**
 * When a member wants to be woken next. Each time named here is one that a wake-up at that time settles or moves on;
 * otherwise the process would wake without end.
 */
import { wantsSession } from './arbiter-link.ts';
import { hungAtMs } from './hand-over.ts';
import { nextRoundMs } from './journal-transfer.ts';
import { silenceShareOfQos } from './limits.ts';
import type { MemberState } from './member-state.ts';
import { isTrying } from './seeking.ts';

/** When `woke` is wanted next, on the same clock as nowMs; null = never. */
export function nextWakeMs(state: MemberState): number | null {
  if (state.role === 'down' || state.role === 'starting') return null;
  let first = Math.min(...ofRole(state), ofArbiter(state));
  for (const { deadlineMs } of state.orders) first = Math.min(first, deadlineMs);
  return first === never ? null : first;
}

const never = Number.POSITIVE_INFINITY;

function ofRole(state: MemberState): number[] {
  switch (state.role) {
    case 'seeking':
      return ofSeeking(state);
    case 'attached':
      return ofAttachment(state);
    case 'primary':
      return [...ofServed(state), ...ofServing(state), ...atMost(hungAtMs(state))];
    case 'becoming':
      return atMost(state.becoming?.retryAtMs === 0 ? null : (state.becoming?.retryAtMs ?? null));
    case 'handing-over':
      return [...ofServed(state), state.serving.handOverDeadlineMs];
    default:
      return [];
  }
}

function atMost(timeMs: number | null): number[] {
  return timeMs === null ? [] : [timeMs];
}

function ofSeeking({ seeking, promotion }: MemberState): number[] {
  if (promotion !== null && promotion.phase !== 'requested') return [promotion.untilMs];
  // A fetch ends by its own event; how long it takes depends on how much is missing.
  if (seeking.fetching !== null) return [];
  return [isTrying(seeking) ? seeking.deadlineMs : seeking.retryAtMs];
}

function ofAttachment({ attachment, settings }: MemberState): number[] {
  // While it asks the arbiter, the session's own silence is the limit.
  if (attachment === null || attachment.asking) return [];
  return [attachment.keepAliveAtMs, attachment.lastHeardMs + settings.qosTimeoutMs * silenceShareOfQos];
}

function ofServed(state: MemberState): number[] {
  const { serving, settings } = state;
  const limitMs = settings.qosTimeoutMs * silenceShareOfQos;
  const times = atMost(nextRoundMs(state));
  for (const served of serving.members.values()) {
    times.push(served.keepAliveAtMs, served.lastHeardMs + limitMs);
    const sent = served.inFlight[0]?.sentAtMs;
    if (sent !== undefined && serving.counted?.member === served.name) times.push(sent + limitMs);
  }
  return times;
}

function ofServing({ serving, settings }: MemberState): number[] {
  const times: number[] = [];
  if (serving.trouble?.untilMs != null) times.push(serving.trouble.untilMs);
  if (serving.mode === 'entering' && serving.trouble === null && !serving.leaving) times.push(serving.enterDeadlineMs);
  if (settings.members !== undefined) times.push(serving.tellAtMs);
  if (serving.change !== null) times.push(serving.change.untilMs);
  if (serving.fencing !== null && settings.partner !== null) times.push(serving.fencing.atMs);
  return times;
}

function ofArbiter(state: MemberState): number {
  const { arbiter, settings } = state;
  if (!wantsSession(state)) return arbiter.state === 'off' ? never : state.roleSinceMs;
  if (arbiter.state === 'off') return arbiter.retryAtMs;
  if (arbiter.state === 'opening') return never;
  return Math.min(arbiter.keepAliveAtMs, arbiter.lastHeardMs + settings.qosTimeoutMs * silenceShareOfQos);
}
