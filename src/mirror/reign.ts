/**
 * Primaries never say hello. A primary calls the members that are not connected and tells them who reigns, who the failover members are,
 * and its mirror set: one that was away may know none of it, nor even the address of the primary, and one that reigns beside it or was
 * removed has to stop (docs/decisions/0048).
 */
import { isNewerList, isSameList, listToTell, presentList } from './failover-members.ts';
import { halt } from './joining.ts';
import type { MemberState, Step } from './member-state.ts';
import type { DataMessage, Envelope } from './messages.ts';
import { isNewerSet, type MirrorSet, memberNamed } from './mirror-set.ts';
import { setServing } from './serving.ts';
import { log, saveRecord, send } from './step.ts';
import { type Epoch, type FailoverMembers, type MemberName, sameEpoch } from './terms.ts';

type Reign = Extract<DataMessage, { type: 'reign' }>;

/** Again and again: whoever reigns beside this one, in trouble state or because a person forced it, says hello to nobody (FO-083, FO-084). */
export function tellReign(step: Step): void {
  const { state } = step;
  if (state.role !== 'primary' || step.nowMs < state.serving.tellAtMs) return;
  setServing(step, { tellAtMs: step.nowMs + state.settings.qosTimeoutMs });
  for (const to of toTell(state)) step.effects.push({ type: 'dial', to });
}

/** CFG-069: somebody was just removed. */
export function tellAtOnce(step: Step, before: MirrorSet | undefined): void {
  const { role, settings } = step.state;
  const known = before?.untold ?? [];
  const isNews = settings.mirrorSet?.untold?.some(({ name }) => known.every((each) => each.name !== name));
  if (role === 'primary' && isNews === true) setServing(step, { tellAtMs: step.nowMs });
}

function toTell({ settings, serving, self }: MemberState): readonly MemberName[] {
  const { members = [], reporting = [], mirrorSet } = settings;
  const names = [...members, ...reporting, ...(mirrorSet?.untold ?? []).map(({ name }) => name)];
  return names.filter((name) => name !== self && !serving.members.has(name));
}

/** The other one answered the phone. */
export function showReign(step: Step, to: MemberName, connection: number): void {
  const { state } = step;
  const { mirrorSet } = state.settings;
  if (!speaksTo(state, to)) {
    step.effects.push({ type: 'close', connection, reason: 'not needed any more' });
    return;
  }
  const set = state.role === 'primary' && mirrorSet !== undefined ? { mirrorSet } : {};
  send(step, connection, { type: 'reign', ...listToTell(state), ...set });
}

/** One that has halted tells those who made it halt. The word of one that was removed is that of nobody. */
function speaksTo({ role, record, settings, serving }: MemberState, name: MemberName): boolean {
  if (record.removed !== null) return false;
  if (serving.fencing !== null && settings.partner === name) return true;
  const isFormer = record.failoverMembers !== null && !record.failoverMembers.names.includes(name);
  return (role === 'primary' || isFormer) && !serving.members.has(name);
}

/**
 * Somebody reigns, in no higher epoch than this member knows (FO-038 came before): a primary answers with its own reign. So does
 * one that halted because of two histories, or the other would go on as if nothing had happened.
 */
export function onReign(
  step: Step,
  connection: number,
  envelope: Envelope,
  { failoverMembers, mirrorSet }: Reign,
): void {
  const { state } = step;
  state.epochHeard = Math.max(state.epochHeard, envelope.epoch.number);
  const reigns = state.role === 'primary' || state.role === 'handing-over';
  const isOther =
    state.record.primaryOfEpoch && isSplit(step, envelope.epoch) && !isReplaced(step, envelope, failoverMembers);
  if (reigns || isOther) send(step, connection, { type: 'reign', ...listToTell(state) });
  step.effects.push({ type: 'close', connection, reason: 'it is known who reigns' });
  if (reigns && isOther) haltAsSplit(step, envelope.from);
  else if (mirrorSet !== undefined) learnSet(step, envelope, mirrorSet);
}

/** CFG-056: not from a reign that is over, nor where this member has one of its own; what removes it was heard before. */
function learnSet({ state, effects }: Step, { epoch }: Envelope, told: MirrorSet): void {
  const { role, record, settings, self } = state;
  const isPresent = epoch.number > record.epoch.number || sameEpoch(epoch, record.epoch);
  const hasOwn = role === 'becoming' || role === 'primary' || role === 'handing-over';
  const known = settings.mirrorSet;
  if (hasOwn || !isPresent || known === undefined || !isNewerSet(told, known)) return;
  if (memberNamed(told, self) !== undefined) effects.push({ type: 'mirror-set', mirrorSet: told });
}

/**
 * Has this member's list, which the sender hears of, given the sender's place to others? Then a person has chosen between the two
 * histories already, and the sender keeps out. Of two lists of which none is newer (two promotions by force) neither has.
 */
export function isReplaced({ state }: Step, { from, epoch }: Envelope, told: FailoverMembers | undefined): boolean {
  const known = presentList(state);
  if (known.names.includes(from)) return false;
  return isSameList(told, known) || isNewerList(known, told ?? { epoch: epoch.number, number: 0, names: [] });
}

/** Has somebody else reigned in an epoch of this number? Only a person can have made that. */
export function isSplit({ state }: Step, epoch: Epoch): boolean {
  return epoch.number === state.record.epoch.number && !sameEpoch(epoch, state.record.epoch);
}

export function haltAsSplit(step: Step, other: string): void {
  const { number } = step.state.record.epoch;
  saveRecord(step, { splitIn: step.state.record.epoch });
  log(step, 'two-histories', { member: other, epoch: number });
  halt(step, 'FO-088', `${other} has another history of epoch ${number}`);
}
