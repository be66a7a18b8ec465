/** Members leave the mirror or are removed from it (CFG-066..CFG-071): what an operator may order here, and what the primary does. */
import { type MirrorSet, memberNamed, withoutMember } from '../mirror/mirror-set.ts';
import { isOut } from '../mirror/removal.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { CommandArguments, Outcome, Refusal, RemovalPlan } from '../protocol/control-channel.ts';
import {
  changeMirrorSet,
  done,
  memberMissing,
  notKnown,
  outcomeOf,
  type Progress,
  refusal,
  refused,
  refusedWith,
} from './command-outcome.ts';
import { leaveMirror } from './former-mirror.ts';
import { askPrimary } from './join-request.ts';
import { refusalOf } from './offered-commands.ts';
import type { InstanceDaemon } from './parts.ts';
import { planRemoval } from './removal-plan.ts';

const restart = 'restart its instance to end its mirror configuration';

/** CFG-069: on the primary any other member, on the backup an async. */
export async function removeOther(
  daemon: InstanceDaemon,
  { member: typed, removeAttribute = false }: CommandArguments['remove-member'],
  progress: Progress,
): Promise<Outcome> {
  const why = refusalOf(daemon, 'remove-member', true);
  if (why !== null) return refusedWith(why);
  const { mirrorSet, member: self } = daemon.configuration.get();
  if (mirrorSet === null || self === null) return refused('not-a-member', 'this instance is in no mirror');
  const name = typed.toUpperCase();
  if (daemon.member?.state.role === 'primary') return await removeOnPrimary(daemon, name, removeAttribute);
  const bad = refusalToAskFor(mirrorSet, self, name);
  if (bad !== null) return refusedWith(bad);
  progress(`the primary is asked to remove ${name}`);
  return await askForRemoval(daemon, mirrorSet, { member: name, by: self, removeAttribute });
}

/** What another member may ask of the primary: to leave, or, as a failover member, that an async is removed. */
function refusalToAskFor(set: MirrorSet, by: MemberName, name: MemberName): Refusal | null {
  const asking = memberNamed(set, by);
  const target = memberNamed(set, name);
  if (target === undefined) return memberMissing(set, name, 'CFG-069');
  if (by === name || (asking?.type === 'Failover' && target.type !== 'Failover')) return null;
  const text = `${name} is ${target.type === 'Failover' ? 'a failover member' : 'an async'}: it is removed on the primary; asyncs also on the backup`;
  return refusal('not-here', text, 'CFG-069');
}

async function askForRemoval(
  daemon: InstanceDaemon,
  mirrorSet: MirrorSet,
  request: { readonly member: MemberName; readonly by: MemberName; readonly removeAttribute: boolean },
): Promise<Outcome> {
  const primary = daemon.member?.state.attachment?.to ?? null;
  const answer = await askPrimary(daemon, { mirrorSet, primary }, { type: 'remove', ...request });
  if (!answer.ok) return refusedWith(answer.refusal);
  return done(`${request.member} is removed from mirror ${mirrorSet.name}; ${restart}`);
}

/** The request of another member. */
export async function answerRemoval(
  daemon: InstanceDaemon,
  request: { readonly member: MemberName; readonly by: MemberName; readonly removeAttribute: boolean },
): Promise<Outcome> {
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return refused('not-a-member', 'this instance is in no mirror');
  if (daemon.member?.state.role !== 'primary') return refused('not-primary', 'this member is not primary', 'CFG-069');
  const bad = refusalToAskFor(mirrorSet, request.by, request.member);
  return bad === null ? await removeOnPrimary(daemon, request.member, request.removeAttribute) : refusedWith(bad);
}

/** The rules see to it that nothing of the member counts any more; between their last word and the new set nothing is waited for. */
async function removeOnPrimary(daemon: InstanceDaemon, name: MemberName, removeAttribute: boolean): Promise<Outcome> {
  const { member, configuration } = daemon;
  const set = configuration.get().mirrorSet;
  if (member === null || set === null) return refused('not-a-member', 'this instance is in no mirror');
  if (name === member.state.self) {
    const text = `${name} is the primary itself, which is removed last: remove the others first, then use remove`;
    return refused('is-primary', text, 'CFG-070');
  }
  if (memberNamed(set, name) === undefined) {
    if (set.removed?.some((each) => each.name === name))
      return done(`${name} is removed from mirror ${set.name} already`);
    return refusedWith(memberMissing(set, name, 'CFG-069'));
  }
  const wasConnected = member.state.serving.members.has(name);
  do {
    const result = await member.order({ command: 'remove-member', member: name, removeAttribute });
    if (result.outcome !== 'done') return outcomeOf(result);
  } while (!isOut(member.state, name));
  changeMirrorSet(daemon, (present) => withoutMember(present, { name, removeAttribute }));
  daemon.log(1, 'Utility.Event', `Member ${name} was removed from mirror ${set.name} (CFG-069)`);
  const learns = wasConnected ? 'it was told' : 'it is not connected and learns of it when it calls';
  return done(`${name} is removed from mirror ${set.name}; ${learns}; ${restart}`);
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
      daemon.log(1, 'Utility.Event', `The JoinMirror flag was cleared (CFG-071)`);
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
  if (member === null || mirrorSet === null) return refused('not-a-member', 'this instance is in no mirror');
  progress(`the primary is asked to let ${self} leave mirror ${mirror}`);
  const asked = await askForRemoval(daemon, mirrorSet, { member: self, by: self, removeAttribute });
  const isGone = asked.ok || asked.refusal.reason === 'no-member';
  if (!isGone && !(withoutPrimary && asked.refusal.reason === 'no-primary')) {
    if (asked.refusal.reason !== 'no-primary') return asked;
    const more = `or, if it is lost for good, leave without it (--without-primary) and remove ${self} there later`;
    return refused('no-primary', `${asked.refusal.text}; start the primary, ${more}`, 'CFG-066');
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
