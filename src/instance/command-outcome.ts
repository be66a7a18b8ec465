/** Answers to a command, and what a command does to the mirror set. */
import { nextRevision, withKnownList } from '../mirror/failover-members.ts';
import { type MirrorSet, memberNamed, withoutMember, withTold } from '../mirror/mirror-set.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { Outcome, Refusal } from '../protocol/control-commands.ts';
import type { InstanceDaemon, OrderResult } from './parts.ts';

/** Tells the operator how far a command is. */
export type Progress = (text: string) => void;

export function done(text: string): Outcome {
  return { ok: true, text };
}

export function refusal(reason: string, text: string, spec: string | null = null): Refusal {
  return { reason, text, spec };
}

export function refused(reason: string, text: string, spec: string | null = null): Outcome {
  return { ok: false, outcome: 'refused', refusal: { reason, text, spec } };
}

export function refusedWith(why: Refusal): Outcome {
  return { ok: false, outcome: 'refused', refusal: why };
}

export function failed(reason: string, text: string): Outcome {
  return { ok: false, outcome: 'failed', refusal: { reason, text, spec: null } };
}

export function notKnown(reason: string, text: string): Outcome {
  return { ok: false, outcome: 'not-known', refusal: { reason, text, spec: null } };
}

export const notPrimaryAnyMore = failed(
  'not-primary',
  'this member is not primary any more; repeat the command on the primary',
);

/** How the rules answered an order. */
export function outcomeOf({ outcome, reason, text, spec }: OrderResult): Outcome {
  return outcome === 'done' ? done(text) : { ok: false, outcome, refusal: { reason, text, spec } };
}

export function memberMissing({ name: mirror, members }: MirrorSet, name: MemberName, spec: string): Refusal {
  const names = members.map((each) => each.name).join(', ');
  return refusal('no-member', `mirror ${mirror} has no member ${name}; it has ${names}`, spec);
}

/** CFG-043, DB-001: null when this member is primary and may change what all members know of the mirror. */
export function refusalUnlessPrimary(daemon: InstanceDaemon, what: string, spec: string | null): Refusal | null {
  const { member } = daemon;
  if (member === null) return refusal('not-a-member', `${what}: this instance is in no mirror`, spec);
  if (member.state.role === 'primary') return null;
  const primary = member.state.attachment?.to;
  const where = primary === undefined ? 'there is none known now' : `that is ${primary}`;
  return refusal('not-primary', `${what} only on the primary; ${where}`, spec);
}

/** FO-036: what needs a record in the journal would wait, and keep other commands waiting, until a person has mended it. */
export function refusalInTrouble({ member }: InstanceDaemon, what: string): Refusal | null {
  if (member === null || member.state.serving.trouble?.untilMs !== null) return null;
  const text = `${what}, since the primary is in trouble state without a time limit; mend that first`;
  return refusal('in-trouble', text, 'FO-036');
}

/**
 * A new revision: on disk here, then told to the rules and the other members. What is decided from the set and written must
 * happen without a wait in between. False = this member is not primary any more; nothing was changed.
 */
export function changeMirrorSet(daemon: InstanceDaemon, change: (set: MirrorSet) => MirrorSet): boolean {
  return writeMirrorSet(daemon, (set, reign) => nextRevision(set, change(set), reign));
}

/**
 * After a change of the set, before anybody is told that it is done: a takeover keeps it (docs/decisions/0058). Null = it does, and else why
 * that is not known.
 */
export async function whyNotKept({ member }: InstanceDaemon): Promise<Refusal | null> {
  if (member === null) return refusal('not-a-member', 'this instance is in no mirror');
  const { outcome, reason, text, spec } = await member.order({ command: 'keep-mirror-set' });
  return outcome === 'done' ? null : refusal(reason, text, spec);
}

/** The same as an answer. */
export async function whenKept(daemon: InstanceDaemon, text: string): Promise<Outcome> {
  const why = await whyNotKept(daemon);
  return why === null ? done(text) : notKnown(why.reason, why.text);
}

/** What any member may be asked for. Also where it is so already: perhaps since an order of which nobody knows whether a takeover keeps it. */
export async function whenKeptIfPrimary(daemon: InstanceDaemon, text: string): Promise<Outcome> {
  return daemon.member?.state.role === 'primary' ? await whenKept(daemon, text) : done(text);
}

/** CFG-066, CFG-069: it knows that it is out of the mirror. */
export function removalHeard(daemon: InstanceDaemon, name: MemberName): void {
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet !== null && memberNamed(mirrorSet, name) !== undefined)
    changeMirrorSet(daemon, (set) => withoutMember(set, { name, removeAttribute: false }));
  writeMirrorSet(daemon, (set) => withTold(set, name));
}

function writeMirrorSet(daemon: InstanceDaemon, change: (set: MirrorSet, reign: number) => MirrorSet): boolean {
  const { member } = daemon;
  const present = daemon.configuration.get();
  if (member === null || present.mirrorSet === null || member.state.role !== 'primary') return false;
  const { epoch, failoverMembers } = member.state.record;
  // A process that died just after its record had a new list may not have come to its set.
  const next = change(withKnownList(present.mirrorSet, failoverMembers), epoch.number);
  daemon.configuration.set({ ...present, mirrorSet: next });
  member.mirrorSetChanged(next);
  return true;
}
