/** Members leave the mirror or are removed from it (CFG-066..CFG-071): what an operator may order here, and what the primary does. */
import { printPlace } from '../mirror/loss-report.ts';
import { type MirrorSet, memberNamed, withoutMember } from '../mirror/mirror-set.ts';
import { isOut } from '../mirror/removal.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { Finding, RemovalPlan } from '../protocol/assessment.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import {
  changeMirrorSet,
  done,
  memberMissing,
  notKnown,
  outcomeOf,
  type Progress,
  refusal,
  refusedWith,
  whenKept,
} from './command-outcome.ts';
import { leaveMirror } from './former-mirror.ts';
import { askPrimary } from './join-request.ts';
import { refusalOf } from './offered-commands.ts';
import type { InstanceDaemon, MirrorMember } from './parts.ts';
import { planRemoval } from './removal-plan.ts';

const restart = 'restart its instance to end its mirror configuration';

interface ToRemove {
  readonly set: MirrorSet;
  readonly name: MemberName;
  /** Who asks the primary for it; null = this is the primary. */
  readonly by: MemberName | null;
}

/** CFG-069: on the primary any other member, on the backup an async. */
function whomToRemove(daemon: InstanceDaemon, typed: string): ToRemove | Refusal {
  const { mirrorSet: set, member: self } = daemon.configuration.get();
  const why = refusalOf(daemon, 'remove-member', true);
  if (why !== null) return why;
  if (set === null || self === null || daemon.member === null) return inNoMirror;
  const name = typed.toUpperCase();
  const isPrimary = daemon.member.state.role === 'primary';
  const bad = isPrimary ? refusalOnPrimary(daemon, daemon.member, set, name) : refusalToAskFor(set, self, name);
  return bad ?? { set, name, by: isPrimary ? null : self };
}

export async function removeOther(
  daemon: InstanceDaemon,
  { member: typed, removeAttribute = false }: CommandArguments['remove-member'],
  progress: Progress,
): Promise<Outcome> {
  const whom = whomToRemove(daemon, typed);
  if ('reason' in whom) return refusedWith(whom);
  const { set, name, by } = whom;
  if (by === null) return await removeOnPrimary(daemon, name, removeAttribute);
  progress(`the primary is asked to remove ${name}`);
  return await askForRemoval(daemon, set, { member: name, by, removeAttribute });
}

/** What is known of it, and what the primary would say (preflight.ts). */
export async function lookBeforeRemovingOther(
  daemon: InstanceDaemon,
  { member: typed, removeAttribute = false }: CommandArguments['remove-member'],
): Promise<Refusal | readonly Finding[]> {
  const whom = whomToRemove(daemon, typed);
  if ('reason' in whom) return whom;
  const { set, name: member, by } = whom;
  if (by !== null) return await lookAtPrimary(daemon, set, { member, by, removeAttribute });
  const served = daemon.member?.state.serving.members.get(member);
  if (served === undefined) return [{ says: 'removed-away', facts: { member } }];
  return [{ says: 'removed-connected', facts: { member, end: printPlace(served.ackedTo) } }];
}

/** CFG-066. Where no primary answers only one that is meant to leave without it can. */
export async function lookBeforeLeaving(
  daemon: InstanceDaemon,
  { removeAttribute = false, withoutPrimary = false }: CommandArguments['remove-mirror'],
): Promise<Refusal | readonly Finding[]> {
  const plan = planRemoval(daemon);
  if ('reason' in plan) return plan;
  const { mirrorSet } = daemon.configuration.get();
  if (plan.step !== 'leave' || mirrorSet === null) return [];
  const { member } = plan;
  const said = await lookAtPrimary(daemon, mirrorSet, { member, by: member, removeAttribute });
  if (!('reason' in said) || said.reason === 'no-member') return 'reason' in said ? [] : said;
  if (said.reason !== 'no-primary') return said;
  return withoutPrimary ? [{ says: 'without-primary', facts: { member } }] : refusalWithoutPrimary(member, said);
}

async function lookAtPrimary(
  daemon: InstanceDaemon,
  mirrorSet: MirrorSet,
  request: RemovalRequest,
): Promise<Refusal | readonly Finding[]> {
  const primary = daemon.member?.state.attachment?.to ?? null;
  const would = { type: 'would', request: { type: 'remove', ...request } } as const;
  const answer = await askPrimary(daemon, { mirrorSet, primary }, would);
  if (!answer.ok) return answer.refusal;
  const { by, upTo } = { by: answer.by, upTo: answer.value.journal?.upTo };
  const end = upTo === undefined ? '' : printPlace(upTo);
  return [{ says: 'asks-primary', facts: { member: request.member, primary: by, end } }];
}

function refusalWithoutPrimary(self: MemberName, { text }: Refusal): Refusal {
  const more = `or, if it is lost for good, leave without it (--without-primary) and remove ${self} there later`;
  return refusal('no-primary', `${text}; start the primary, ${more}`, 'CFG-066');
}

const inNoMirror = refusal('not-a-member', 'this instance is in no mirror');

/** What another member may ask of the primary: to leave, or, as a failover member, that an async is removed. */
function refusalToAskFor(set: MirrorSet, by: MemberName, name: MemberName): Refusal | null {
  const asking = memberNamed(set, by);
  const target = memberNamed(set, name);
  if (target === undefined) return memberMissing(set, name, 'CFG-069');
  if (by === name || (asking?.type === 'Failover' && target.type !== 'Failover')) return null;
  const text = `${name} is ${target.type === 'Failover' ? 'a failover member' : 'an async'}: it is removed on the primary; asyncs also on the backup`;
  return refusal('not-here', text, 'CFG-069');
}

async function askForRemoval(daemon: InstanceDaemon, mirrorSet: MirrorSet, request: RemovalRequest): Promise<Outcome> {
  const primary = daemon.member?.state.attachment?.to ?? null;
  const answer = await askPrimary(daemon, { mirrorSet, primary }, { type: 'remove', ...request });
  if (!answer.ok) return refusedWith(answer.refusal);
  return done(`${request.member} is removed from mirror ${mirrorSet.name}; ${restart}`);
}

interface RemovalRequest {
  readonly member: MemberName;
  readonly by: MemberName;
  readonly removeAttribute: boolean;
}

/** The request of another member. */
export async function answerRemoval(daemon: InstanceDaemon, request: RemovalRequest): Promise<Outcome> {
  const why = refusalOfRequest(daemon, request);
  return why === null ? await removeOnPrimary(daemon, request.member, request.removeAttribute) : refusedWith(why);
}

/** What another member would be answered now; null = it is removed. */
export function refusalOfRequest(daemon: InstanceDaemon, { member, by }: RemovalRequest): Refusal | null {
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return inNoMirror;
  if (daemon.member?.state.role !== 'primary') return refusal('not-primary', 'this member is not primary', 'CFG-069');
  return refusalToAskFor(mirrorSet, by, member) ?? refusalOnPrimary(daemon, daemon.member, mirrorSet, member);
}

/** Null also where it was removed before. */
function refusalOnPrimary(
  daemon: InstanceDaemon,
  { state }: MirrorMember,
  set: MirrorSet,
  name: MemberName,
): Refusal | null {
  if (name === state.self) {
    const text = `${name} is the primary itself, which is removed last: remove the others first, then use remove`;
    return refusal('is-primary', text, 'CFG-070');
  }
  if (memberNamed(set, name) !== undefined) return refusalOf(daemon, 'remove-member', true);
  const wasRemoved = set.removed?.some((each) => each.name === name) === true;
  return wasRemoved ? null : memberMissing(set, name, 'CFG-069');
}

/** The rules see to it that nothing of the member counts any more; between their last word and the new set nothing is waited for. */
async function removeOnPrimary(daemon: InstanceDaemon, name: MemberName, removeAttribute: boolean): Promise<Outcome> {
  const { member, configuration } = daemon;
  const set = configuration.get().mirrorSet;
  if (member === null || set === null) return refusedWith(inNoMirror);
  const why = refusalOnPrimary(daemon, member, set, name);
  if (why !== null) return refusedWith(why);
  if (memberNamed(set, name) === undefined) {
    return await whenKept(daemon, `${name} is removed from mirror ${set.name} already`);
  }
  const wasConnected = member.state.serving.members.has(name);
  do {
    const result = await member.order({ command: 'remove-member', member: name, removeAttribute });
    if (result.outcome !== 'done') return outcomeOf(result);
  } while (!isOut(member.state, name));
  changeMirrorSet(daemon, (present) => withoutMember(present, { name, removeAttribute }));
  daemon.log('member-removed', { member: name, mirror: set.name });
  const learns = wasConnected ? 'it was told' : 'it is not connected, and will be told when it is reached; then';
  return await whenKept(daemon, `${name} is removed from mirror ${set.name}; ${learns}; ${restart}`);
}

/** CFG-066, CFG-067: this instance leaves; CFG-070, CFG-071: the last member in three steps. */
export async function removeThis(
  daemon: InstanceDaemon,
  given: CommandArguments['remove-mirror'],
  progress: Progress,
): Promise<Outcome> {
  const plan = planRemoval(daemon);
  if ('reason' in plan) return refusedWith(plan);
  const removeAttribute = given.removeAttribute ?? false;
  const { configuration } = daemon;
  switch (plan.step) {
    case 'restart-only':
      return done(
        plan.isLast
          ? 'the JoinMirror flag has been cleared already. Restart this instance, then remove the mirror configuration again'
          : `this instance is out of mirror ${plan.mirror} already; restart it to end its mirror configuration`,
      );
    case 'clear-join-mirror':
      configuration.set({ ...configuration.get(), joinMirror: false });
      daemon.log('join-mirror-cleared');
      return done(
        'the JoinMirror flag has been cleared. Restart this instance to continue removing this mirror member: then remove the mirror configuration again. To keep the mirror instead, start mirroring',
      );
    case 'erase':
      leaveMirror(configuration, removeAttribute);
      await daemon.clearFormerMirror();
      return done(`mirror ${plan.mirror} is removed from this instance${databasesAre(removeAttribute)}`);
    case 'leave':
      return await leave(daemon, plan, removeAttribute, given.withoutPrimary ?? false, progress);
  }
}

async function leave(
  daemon: InstanceDaemon,
  { mirror, member: self }: RemovalPlan,
  removeAttribute: boolean,
  withoutPrimary: boolean,
  progress: Progress,
): Promise<Outcome> {
  const { member } = daemon;
  const { mirrorSet } = daemon.configuration.get();
  if (member === null || mirrorSet === null) return refusedWith(inNoMirror);
  progress(`the primary is asked to let ${self} leave mirror ${mirror}`);
  const asked = await askForRemoval(daemon, mirrorSet, { member: self, by: self, removeAttribute });
  const isGone = asked.ok || asked.refusal.reason === 'no-member';
  if (!isGone && !(withoutPrimary && asked.refusal.reason === 'no-primary')) {
    return asked.refusal.reason === 'no-primary' ? refusedWith(refusalWithoutPrimary(self, asked.refusal)) : asked;
  }
  // Where it was connected it has been told by now; where it was not, this is how it learns.
  member.leave(isGone ? 'the primary' : 'its operator', removeAttribute);
  if (member.state.record.removed === null) {
    return notKnown('role-changes', 'this member is changing its role; look at its status, and try again');
  }
  const untold = isGone ? '' : `; the mirror does not know it: remove ${self} on its primary as soon as there is one`;
  return done(`${self} has left mirror ${mirror}${untold}; restart this instance to end its mirror configuration`);
}

function databasesAre(removeAttribute: boolean): string {
  return removeAttribute
    ? '; its databases are ordinary ones now'
    : '; its databases keep their mirror attribute and are read-only until each is removed from the mirror';
}
