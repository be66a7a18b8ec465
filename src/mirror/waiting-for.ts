/**
 * What a member waits for, since when, and what the operator can do: one sentence (FO-062). Null where it waits for
 * nothing: a primary that serves, a member that has one.
 */
import type { Becoming, MemberState, Trouble } from './member-state.ts';
import type { StatusFacts } from './status-report.ts';
import { isNegotiating } from './status-rows.ts';
import { wayAround } from './ways-out.ts';

export function waitingFor(facts: StatusFacts): string | null {
  const { state, mirrorSet } = facts;
  if (mirrorSet === null) return null;
  if (state === null && facts.notReached !== null) {
    return `this member is kept out of the mirror: ${facts.notReached}. Remove the local mirror configuration (Remove Mirror Configuration); or join as a new member, which replaces it; or correct the addresses of this member on the primary; or do nothing yet: it is looked at again and again (CFG-064)`;
  }
  if (state === null && !facts.joinMirror) {
    return 'the JoinMirror flag of this member is cleared; remove the mirror configuration to end the mirror, or start mirroring to keep it';
  }
  if (state === null) return 'the member of the mirror is starting; see the messages log if it takes long';
  const since = `since ${moment(facts, state.roleSinceMs)}`;
  switch (state.role) {
    case 'starting':
      return `the member is starting ${since}; see the messages log if it takes long`;
    case 'seeking':
      return seeking(facts, state);
    case 'attached':
      if (state.attachment?.asking !== true) return null;
      return `the contact with ${state.attachment.to} is lost ${since}, the arbiter is asked about it; nothing is to be done`;
    case 'becoming':
      return becoming(facts, state);
    case 'primary':
      return primary(facts, state);
    case 'handing-over':
      return `this primary hands over to its backup ${since} and takes no more updates; nothing is to be done`;
    case 'stopped':
      if (state.record.removed !== null) {
        return `${state.record.removed.by} has removed this member from the mirror ${since}; restart this instance to end its mirror configuration`;
      }
      return `mirroring was stopped on this member by its operator ${since}; start mirroring when it may take part again`;
    case 'halted':
      if (state.haltedSpec === 'SYN-026') {
        return `this member is kept out of the mirror ${since}: ${state.haltedBecause}; it must be rebuilt from another member (caretmirror mirror rebuild), or use Force this node to become the primary if the others are lost`;
      }
      return `this member is kept out of the mirror ${since}: ${state.haltedBecause}; look at what it has alone (caretmirror lost list, its databases), then rebuild it from the primary (caretmirror mirror rebuild), or use Force this node to become the primary if its data is the right one`;
    case 'down':
      return `the instance is stopping ${since}; start it again when it may take part`;
    default:
      return state.role satisfies never;
  }
}

function seeking(facts: StatusFacts, state: MemberState): string {
  const since = `since ${moment(facts, state.seeking.sinceMs)}`;
  const { partner, failoverMembers } = state.settings;
  const met = state.seeking.lastFailure === '' ? '' : ` (${state.seeking.lastFailure})`;
  if (!state.failoverMember) {
    return `this member has no primary ${since}${met}; start a failover member: ${failoverMembers.join(' or ')}`;
  }
  if (partner === null) return alone(state, since, met);
  if (state.seeking.fetching !== null) {
    const { epoch, sequence } = state.journal.appended;
    return `this member fetches journal data from the agent of ${partner} ${since}, to become primary, and has it up to ${epoch}/${sequence}; nothing is to be done`;
  }
  if (isNegotiating(state, facts)) return `this member looks for a primary ${since}${met}; nothing is to be done yet`;
  if (state.seeking.otherReigns) {
    return `${partner} runs as primary, by its agent, and this member is not connected to it ${since}${met}; mend the network between them: until then it is no backup`;
  }
  if (state.record.noFailover) {
    return `there is no primary ${since}, and no failover is set; start ${partner}, or clear it here with Change No Failover State`;
  }
  const around = wayAround(state);
  if (around !== null) return `there is no primary ${since}, and ${around}`;
  return `there is no primary ${since}, and ${partner} or its agent must answer first${met}; start ${partner} or its agent, or use Force this node to become the primary, which may lose data`;
}

function becoming(facts: StatusFacts, state: MemberState): string {
  const { phase, refusal, request, retryAtMs } = state.becoming as Becoming;
  const begun = `this member is becoming primary since ${moment(facts, state.roleSinceMs)}`;
  if (refusal === null) {
    const doing =
      phase === 'applying' || phase === 'opening'
        ? 'its journal is applied to the databases'
        : 'its site is asked (^ZMIRROR)';
    return `${begun}: ${doing} first; nothing is to be done`;
  }
  const again = request === null && retryAtMs > 0 ? `, again at ${moment(facts, retryAtMs)}` : '';
  const mend =
    refusal.spec === 'FO-004'
      ? 'mount or mend that database, or do not require it at startup'
      : "let the site's zmirror.mjs return 1";
  return `${begun} and waits (${refusal.spec}: ${refusal.because})${again}; ${mend}${orTheOther(state)}`;
}

/** FO-067, FO-068: or a person makes the other failover member primary. */
function orTheOther({ settings, record, becoming }: MemberState): string {
  const { partner } = settings;
  if (partner === null) return '';
  const force = 'Force this node to become the primary';
  if (becoming?.phase === 'permission' && !record.primaryOfEpoch)
    return `, or start ${partner} and use ${force} there: this member gives way to it`;
  return `, or stop this instance and use ${force} on ${partner}`;
}

/** Null for a primary that serves. */
function primary(facts: StatusFacts, { serving, journal }: MemberState): string | null {
  if (serving.trouble !== null) return trouble(facts, serving.trouble);
  if (journal.frozen === '') return null;
  const since = journal.unflushedSinceMs === null ? '' : ` since ${moment(facts, journal.unflushedSinceMs)}`;
  return `journaling is frozen${since}: ${journal.frozen}; updates wait until there is room: make room on the disk of the journal`;
}

function alone(state: MemberState, since: string, met: string): string {
  const because = state.record.noFailover ? ' (no failover is set)' : met;
  return `there is no primary ${since}, and this member may not become primary by itself${because}; use Force this node to become the primary`;
}

function trouble(facts: StatusFacts, { kind, sinceMs, untilMs, because }: Trouble): string {
  const begun = `this primary is in trouble state since ${moment(facts, sinceMs)}: ${because}; updates wait`;
  if (kind === 'timed' && untilMs !== null) {
    return `${begun} until ${moment(facts, untilMs)} at the latest; nothing is to be done`;
  }
  return `${begun} without a time limit until the backup or the arbiter is reached again; mend the network, start what is down, or resume this primary in ^MIRROR when the other member never became primary`;
}

/** A moment of the rules' clock as the wall clock shows it. */
function moment(facts: StatusFacts, atMs: number): string {
  return facts.isoOf(Math.round(facts.wallMs - (facts.nowMs - atMs)));
}
