/**
 * Channel 'member' on the superserver: what another host's instance asks of the primary: to be taken into the mirror, to be
 * an async of another type, or that a member is removed. Also the rules of admission, which only the primary applies (CFG-007,
 * CFG-022, CFG-033, CFG-050, AGT-015).
 */
import { asyncsMax, failoverMembersMax, membersMax } from '../mirror/limits.ts';
import {
  type Address,
  checkMemberName,
  failoverMembers,
  type MemberDefinition,
  type MirrorSet,
} from '../mirror/mirror-set.ts';
import { type MemberType, memberTypes } from '../mirror/terms.ts';
import type { Connection } from '../network/network.ts';
import type { Refusal } from '../protocol/control-channel.ts';
import { type Frame, FrameError, jsonBody, parseJsonBody } from '../protocol/frame.ts';
import { MEMBER_REQUEST, type MemberRequest, type MemberRequestAnswer } from '../protocol/member-channel.ts';
import { isAddress, isHost, isObject, isText } from './command-arguments.ts';
import { changeMirrorSet, refusal, refusalUnlessPrimary } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';
import { answerRemoval } from './removal-commands.ts';

/** A connection whose opening with channel 'member' was accepted: one request, one answer, the end. */
export function serveMemberRequest(daemon: InstanceDaemon, connection: Connection): void {
  const answer = async (frame: Frame): Promise<void> => {
    const said = await answerRequest(daemon, frame);
    connection.send(MEMBER_REQUEST.answer, jsonBody(said));
    connection.end();
  };
  connection.onNextFrame((frame) => void answer(frame));
}

async function answerRequest(daemon: InstanceDaemon, frame: Frame): Promise<MemberRequestAnswer> {
  const request = readRequest(frame);
  if (request === null) return no(refusal('not-understood', 'the request is not understood; update both sides'));
  if (request.type === 'join') return answerJoin(daemon, request.member);
  if (request.type === 'change-type') return answerTypeChange(daemon, request.member);
  try {
    const outcome = await answerRemoval(daemon, request);
    const { mirrorSet } = daemon.configuration.get();
    if (outcome.ok && mirrorSet !== null) return { ok: true, mirrorSet, incarnation: 0 };
    return no(outcome.ok ? refusal('not-a-member', 'this instance is in no mirror') : outcome.refusal);
  } catch (error) {
    const text = (error as Error).message;
    daemon.log(2, 'Utility.Event', `Member ${request.member} was not removed: ${text}`);
    return no(refusal('failed', `the primary could not write its configuration: ${text}`));
  }
}

function answerJoin(daemon: InstanceDaemon, member: MemberDefinition): MemberRequestAnswer {
  const notPrimary = refusalUnlessPrimary(daemon, 'members are taken in', 'CFG-027');
  if (notPrimary !== null) return no(notPrimary);
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return no(refusal('not-a-member', 'this instance is in no mirror'));
  if (!daemon.configuration.get().joinMirror) {
    return no(refusal('not-joined', `the primary of mirror ${mirrorSet.name} is being removed from it`, 'CFG-071'));
  }
  const verdict = admit(mirrorSet, member);
  if (verdict.outcome === 'refused') return no(verdict.refusal);
  const incarnation = daemon.member?.state.helloFrom.get(member.name)?.incarnation ?? 0;
  if (verdict.outcome === 'is-member') return { ok: true, mirrorSet, incarnation };
  try {
    const removed = mirrorSet.removed?.filter(({ name }) => name !== member.name);
    const joined = { members: verdict.members, ...(removed === undefined ? {} : { removed }) };
    if (!changeMirrorSet(daemon, (set) => ({ ...set, ...joined }))) {
      return no(refusal('not-primary', 'this member is not primary any more; try again'));
    }
  } catch (error) {
    const text = (error as Error).message;
    daemon.log(2, 'Utility.Event', `Member ${member.name} was not taken into the mirror: ${text}`);
    return no(refusal('failed', `the primary could not write its configuration: ${text}`));
  }
  daemon.log(0, 'Utility.Event', `Member ${member.name} (${member.type}) was added to mirror ${mirrorSet.name}`);
  return { ok: true, mirrorSet: daemon.configuration.get().mirrorSet ?? mirrorSet, incarnation };
}

function no({ reason, text, spec }: Refusal): MemberRequestAnswer {
  return { ok: false, reason, text, spec };
}

type TypeWish = Extract<MemberRequest, { type: 'change-type' }>['member'];

/** CFG-050: an async changes its own type; it has checked what depends on its copies. */
function answerTypeChange(daemon: InstanceDaemon, said: TypeWish): MemberRequestAnswer {
  const notPrimary = refusalUnlessPrimary(daemon, 'the type of a member is changed', 'CFG-050');
  if (notPrimary !== null) return no(notPrimary);
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return no(refusal('not-a-member', 'this instance is in no mirror'));
  const verdict = admitType(mirrorSet, said);
  if (verdict.outcome === 'refused') return no(verdict.refusal);
  if (verdict.outcome === 'changed') {
    if (!changeMirrorSet(daemon, (set) => ({ ...set, members: verdict.members }))) {
      return no(refusal('not-primary', 'this member is not primary any more; try again'));
    }
    daemon.log(0, 'Utility.Event', `The types of the members are now: ${verdict.members.map(shown).join(', ')}`);
  }
  return { ok: true, mirrorSet: daemon.configuration.get().mirrorSet ?? mirrorSet, incarnation: 0 };
}

function shown({ name, type }: MemberDefinition): string {
  return `${name} ${type}`;
}

/** Only from one type of async to another: roles of failover members change by promotion and demotion. */
export function admitType(set: MirrorSet, { name, instance, type }: TypeWish): Admission {
  const not = (reason: string, text: string): Admission => ({
    outcome: 'refused',
    refusal: refusal(reason, text, 'CFG-050'),
  });
  const index = set.members.findIndex((each) => each.name === name && each.instance === instance);
  const present = set.members[index];
  if (present === undefined) return not('not-a-member', `the mirror has no member ${name} of that instance`);
  if (type === 'Failover' || present.type === 'Failover') {
    return not('not-an-async-type', `${present.name} is ${present.type}; only the type of an async is changed so`);
  }
  if (present.type === type) return { outcome: 'is-member' };
  const next = { ...present, type };
  const arbiter = refusalOfArbiter(set.settings.arbiter, [next]);
  if (arbiter !== null) return { outcome: 'refused', refusal: arbiter };
  return { outcome: 'changed', members: set.members.with(index, next) };
}

/** Null when it is none. */
function readRequest(frame: Frame): MemberRequest | null {
  if (frame.kind !== MEMBER_REQUEST.request) return null;
  let said: unknown;
  try {
    said = parseJsonBody(frame);
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return null;
  }
  if (!isObject(said)) return null;
  if (said.type === 'remove') {
    const { member, by, removeAttribute } = said;
    if (!isText(member) || !isText(by) || typeof removeAttribute !== 'boolean') return null;
    return { type: 'remove', member, by, removeAttribute };
  }
  if (!isObject(said.member)) return null;
  if (said.type === 'change-type') {
    const { name, instance, type } = said.member;
    if (!isText(name) || !isText(instance) || !memberTypes.includes(type as MemberType)) return null;
    return { type: 'change-type', member: { name, instance, type: type as MemberType } };
  }
  if (said.type !== 'join') return null;
  const member = readDefinition(said.member);
  return member === null ? null : { type: 'join', member };
}

function readDefinition(said: Readonly<Record<string, unknown>>): MemberDefinition | null {
  const { name, type, instance, instanceDirectory, superserver, privateAddress, agent } = said;
  if (!isText(name) || !isText(instance) || !isText(instanceDirectory)) return null;
  if (!memberTypes.includes(type as MemberType)) return null;
  if (!isAddress(superserver) || !isAddress(agent) || (privateAddress !== null && !isHost(privateAddress))) return null;
  return {
    name: name.toUpperCase(),
    type: type as MemberType,
    instance,
    instanceDirectory,
    superserver: superserver as Address,
    privateAddress: privateAddress as string | null,
    agent: agent as Address,
  };
}

export type Admission =
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  /** It is in the set exactly so: a join that was cut off is repeated. */
  | { readonly outcome: 'is-member' }
  | { readonly outcome: 'changed'; readonly members: readonly MemberDefinition[] };

/** May this member be in the mirror, and what are the members then? */
export function admit(set: MirrorSet, member: MemberDefinition): Admission {
  const why = refusalToAdmit(set, member);
  if (why !== null) return { outcome: 'refused', refusal: why };
  const index = set.members.findIndex((each) => each.name === member.name);
  if (index < 0) return { outcome: 'changed', members: [...set.members, member] };
  if (sameDefinition(set.members[index] as MemberDefinition, member)) return { outcome: 'is-member' };
  return { outcome: 'changed', members: set.members.with(index, member) };
}

function refusalToAdmit(set: MirrorSet, member: MemberDefinition): Refusal | null {
  if (set.settings.requireTls) {
    return refusal('tls', `mirror ${set.name} requires TLS, which is not built in this version`, 'CFG-031');
  }
  // HOST/INSTANCE is a default name and accepted; the joining side has checked what was typed.
  const named = checkMemberName(member.name.replace('/', '-'), member.type, '');
  if (!named.ok) return refusal('bad-name', named.text, 'CFG-022');
  const same = set.members.find((each) => each.name === member.name);
  if (same !== undefined) return refusalToRepeat(same, member);
  const ours = set.members.find((each) => sameAddress(each.superserver, member.superserver));
  if (ours !== undefined) {
    const at = `${ours.superserver.host}:${ours.superserver.port}`;
    return refusal('address-taken', `member ${ours.name} has the superserver address ${at}; give another`, 'CFG-065');
  }
  if (member.type === 'Failover' && failoverMembers(set).length >= failoverMembersMax) {
    const names = failoverMembers(set)
      .map((each) => each.name)
      .join(' and ');
    const text = `mirror ${set.name} has its ${failoverMembersMax} failover members, ${names}; join as an async member`;
    return refusal('failover-members-full', text, 'CFG-033');
  }
  const asyncs = set.members.length - failoverMembers(set).length;
  if (set.members.length >= membersMax || (member.type !== 'Failover' && asyncs >= asyncsMax)) {
    const text = `mirror ${set.name} has ${set.members.length} members, ${asyncs} of them asyncs; ${membersMax} and ${asyncsMax} are the most it can have`;
    return refusal('members-full', text, 'CFG-007');
  }
  return refusalOfArbiter(set.settings.arbiter, [member]);
}

/** The same name again: an instance that was cut off while it joined, or another one. */
function refusalToRepeat(same: MemberDefinition, member: MemberDefinition): Refusal | null {
  const isSame = same.instanceDirectory === member.instanceDirectory && same.instance === member.instance;
  if (!isSame) {
    const text = `the mirror has a member ${same.name} already (${same.instanceDirectory}); choose another member name`;
    return refusal('name-taken', text, 'CFG-022');
  }
  if (same.type === member.type) return null;
  return refusal('other-type', `${same.name} is in the mirror as ${same.type}; join with that type`, 'CFG-037');
}

/** AGT-015: the host of a failover or DR member must not be the arbiter. */
export function refusalOfArbiter(arbiter: Address | null, members: readonly MemberDefinition[]): Refusal | null {
  if (arbiter === null) return null;
  const host = members.find(
    ({ type, agent }) => (type === 'Failover' || type === 'Disaster Recovery') && sameAddress(agent, arbiter),
  );
  if (host === undefined) return null;
  const text = `the ISCAgent at ${arbiter.host}:${arbiter.port} is that of the host of member ${host.name}, and cannot be the arbiter: the arbiter must be on a host of its own`;
  return refusal('arbiter-on-member', text, 'AGT-015');
}

function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host.toLowerCase() === b.host.toLowerCase();
}

function sameDefinition(a: MemberDefinition, b: MemberDefinition): boolean {
  return (
    sameAddress(a.superserver, b.superserver) && sameAddress(a.agent, b.agent) && a.privateAddress === b.privateAddress
  );
}
