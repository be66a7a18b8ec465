/**
 * Channel 'member' on the superserver: what another host's instance asks of the primary: to be taken into the mirror, to be an async of
 * another type, that a member is removed, or that its superserver port is another one.
 */
import type { Address, MemberDefinition } from '../mirror/mirror-set.ts';
import { type MemberType, memberTypes } from '../mirror/terms.ts';
import type { Connection } from '../network/network.ts';
import type { Outcome, Refusal } from '../protocol/control-channel.ts';
import { type Frame, FrameError, jsonBody, parseJsonBody } from '../protocol/frame.ts';
import { MEMBER_REQUEST, type MemberRequest, type MemberRequestAnswer } from '../protocol/member-channel.ts';
import { answerOwnPort } from './address-commands.ts';
import { admit, admitType, type TypeWish } from './admission.ts';
import { isAddress, isHost, isObject, isText } from './command-arguments.ts';
import { changeMirrorSet, refusal, refusalUnlessPrimary } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';
import { refusalOfUnreached } from './reached-addresses.ts';
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
  if (request.type === 'join') return await answerJoin(daemon, request.member);
  if (request.type === 'change-type') return answerTypeChange(daemon, request.member);
  try {
    const outcome = await carryOut(daemon, request);
    const { mirrorSet } = daemon.configuration.get();
    if (outcome.ok && mirrorSet !== null) return { ok: true, mirrorSet, incarnation: 0 };
    return no(outcome.ok ? refusal('not-a-member', 'this instance is in no mirror') : outcome.refusal);
  } catch (error) {
    const text = (error as Error).message;
    daemon.log(2, 'Utility.Event', `The request ${request.type} of member ${request.member} failed: ${text}`);
    return no(refusal('failed', `the primary could not write its configuration: ${text}`));
  }
}

async function carryOut(
  daemon: InstanceDaemon,
  request: Extract<MemberRequest, { type: 'remove' | 'superserver-port' }>,
): Promise<Outcome> {
  return request.type === 'remove' ? await answerRemoval(daemon, request) : answerOwnPort(daemon, request);
}

/** Whoever would be taken in is called first (CFG-012); what is decided after that is decided anew, in one turn. */
async function answerJoin(daemon: InstanceDaemon, member: MemberDefinition): Promise<MemberRequestAnswer> {
  const { mirrorSet } = daemon.configuration.get();
  const isPrimary = refusalUnlessPrimary(daemon, 'members are taken in', 'CFG-027') === null;
  if (isPrimary && mirrorSet !== null && admit(mirrorSet, member).outcome !== 'refused') {
    const unreached = await refusalOfUnreached(daemon, member, `primary ${daemon.memberName}`);
    if (unreached !== null) return no(unreached);
  }
  return takeIn(daemon, member);
}

function takeIn(daemon: InstanceDaemon, member: MemberDefinition): MemberRequestAnswer {
  const notPrimary = refusalUnlessPrimary(daemon, 'members are taken in', 'CFG-027');
  if (notPrimary !== null) return no(notPrimary);
  // Its backup may have taken over: the present primary would not know the new member, nor that one the primary.
  if (daemon.member?.state.serving.trouble != null) {
    const text =
      'the primary is in trouble and may be primary no more; see its status, and join again when that is over';
    return no(refusal('in-trouble', text, 'FO-048'));
  }
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return no(refusal('not-a-member', 'this instance is in no mirror'));
  if (!daemon.configuration.get().joinMirror) {
    return no(refusal('not-joined', `the primary of mirror ${mirrorSet.name} is being removed from it`, 'CFG-071'));
  }
  const verdict = admit(mirrorSet, member);
  if (verdict.outcome === 'refused') return no(verdict.refusal);
  const incarnation = daemon.member?.state.helloFrom.get(member.name)?.incarnation ?? 0;
  const isMember = verdict.outcome === 'is-member';
  // A copy of its directory asks like one whose join was cut off; the original is here.
  if (!isMember && daemon.member?.state.serving.members.has(member.name)) {
    const text = `member ${member.name} is connected now; choose another member name`;
    return no(refusal('name-taken', text, 'CFG-022'));
  }
  try {
    const removed = mirrorSet.removed?.filter(({ name }) => name !== member.name);
    // Newer than any set in which it was removed, also where a takeover lost that one (docs/decisions/0025).
    const joined = {
      members: isMember ? mirrorSet.members : verdict.members,
      ...(removed === undefined ? {} : { removed }),
    };
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

/** CFG-050: an async changes its own type; it has checked what depends on its copies. */
function answerTypeChange(daemon: InstanceDaemon, said: TypeWish): MemberRequestAnswer {
  const notPrimary = refusalUnlessPrimary(daemon, 'the type of a member is changed', 'CFG-050');
  if (notPrimary !== null) return no(notPrimary);
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return no(refusal('not-a-member', 'this instance is in no mirror'));
  // FO-078: the record is the first to know who is a failover member.
  if (daemon.member?.state.record.failoverMembers?.names.includes(said.name)) {
    return no(refusal('not-an-async-type', `${said.name} is being made a failover member`, 'CFG-050'));
  }
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
  if (said.type === 'superserver-port') {
    const { member, port } = said;
    return isText(member) && typeof port === 'number' ? { type: 'superserver-port', member, port } : null;
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
