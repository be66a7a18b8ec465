/**
 * Channel 'member' on the superserver: what another host's instance asks of the primary: to be taken into the mirror, to be an async of
 * another type, that a member is removed, or that its superserver port is another one; or what would be answered to that.
 */
import { place } from '../mirror/loss-report.ts';
import { refusalToChangeKind } from '../mirror/members-change.ts';
import { type Address, type MemberDefinition, type MirrorSet, withMembers } from '../mirror/mirror-set.ts';
import { type MemberType, memberTypes } from '../mirror/terms.ts';
import type { Connection } from '../network/network.ts';
import type { Outcome, Refusal } from '../protocol/control-commands.ts';
import { type Frame, FrameError, jsonBody, parseJsonBody } from '../protocol/frame.ts';
import {
  type JudgedRequest,
  MEMBER_REQUEST,
  type MemberRequest,
  type MemberRequestAnswer,
} from '../protocol/member-channel.ts';
import { answerOwnPort } from './address-commands.ts';
import { admit, admitType, type TypeWish } from './admission.ts';
import { isAddress, isHost, isObject, isText } from './command-arguments.ts';
import { changeMirrorSet, refusal, refusalUnlessPrimary, whyNotKept } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';
import { reach } from './reached-addresses.ts';
import { answerRemoval, refusalOfRequest } from './removal-commands.ts';

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
  if (request.type === 'would') return await answerWould(daemon, request.request);
  if (request.type === 'join') return await answerJoin(daemon, request.member);
  if (request.type === 'change-type') return await answerTypeChange(daemon, request.member);
  try {
    const outcome = await carryOut(daemon, request);
    const { mirrorSet } = daemon.configuration.get();
    if (outcome.ok && mirrorSet !== null) return { ok: true, mirrorSet, incarnation: 0 };
    return no(outcome.ok ? refusal('not-a-member', 'this instance is in no mirror') : outcome.refusal);
  } catch (error) {
    const text = (error as Error).message;
    daemon.log('member-request-failed', { request: request.type, member: request.member, reason: text });
    return no(refusal('failed', `the primary could not write its configuration: ${text}`));
  }
}

async function carryOut(
  daemon: InstanceDaemon,
  request: Extract<MemberRequest, { type: 'remove' | 'superserver-port' }>,
): Promise<Outcome> {
  return request.type === 'remove' ? await answerRemoval(daemon, request) : await answerOwnPort(daemon, request);
}

async function answerWould(daemon: InstanceDaemon, request: JudgedRequest): Promise<MemberRequestAnswer> {
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null || daemon.member === null) return no(refusal('not-a-member', 'this instance is in no mirror'));
  const judged =
    request.type === 'join' ? await judgeCalled(daemon, request.member) : refusalOfRequest(daemon, request);
  if (judged !== null && 'reason' in judged) return no(judged);
  const { files, end } = daemon.member.journal;
  const [oldest] = files;
  const from = oldest === undefined ? end : { epoch: oldest.epoch, sequence: oldest.sequenceBefore };
  return { ok: true, mirrorSet, incarnation: 0, journal: { from: place(from), upTo: place(end) } };
}

async function answerJoin(daemon: InstanceDaemon, member: MemberDefinition): Promise<MemberRequestAnswer> {
  const judged = await judgeCalled(daemon, member);
  return 'reason' in judged ? no(judged) : await takeIn(daemon, member);
}

/** Whoever would be taken in is called first (CFG-012); what is decided after that is decided anew, in one turn. */
async function judgeCalled(daemon: InstanceDaemon, member: MemberDefinition): Promise<Refusal | Admitted> {
  const { mirrorSet } = daemon.configuration.get();
  const isPrimary = refusalUnlessPrimary(daemon, 'members are taken in', 'CFG-027') === null;
  if (isPrimary && mirrorSet !== null && admit(mirrorSet, member).outcome !== 'refused') {
    const reached = await reach(daemon, member, `primary ${daemon.memberName}`);
    if ('reason' in reached) return reached;
  }
  return judge(daemon, member);
}

interface Admitted {
  readonly mirrorSet: MirrorSet;
  readonly members: MirrorSet['members'];
}

function judge(daemon: InstanceDaemon, member: MemberDefinition): Refusal | Admitted {
  const notPrimary = refusalUnlessPrimary(daemon, 'members are taken in', 'CFG-027');
  if (notPrimary !== null) return notPrimary;
  // Its backup may have taken over: the present primary would not know the new member, nor that one the primary.
  if (daemon.member?.state.serving.trouble != null) {
    const text =
      'the primary is in trouble and may be primary no more; see its status, and join again when that is over';
    return refusal('in-trouble', text, 'FO-048');
  }
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return refusal('not-a-member', 'this instance is in no mirror');
  if (!daemon.configuration.get().joinMirror) {
    return refusal('not-joined', `the primary of mirror ${mirrorSet.name} is being removed from it`, 'CFG-071');
  }
  const verdict = admit(mirrorSet, member);
  if (verdict.outcome === 'refused') return verdict.refusal;
  const isMember = verdict.outcome === 'is-member';
  // A copy of its directory asks like one whose join was cut off; the original is here.
  if (!isMember && daemon.member?.state.serving.members.has(member.name)) {
    const text = `member ${member.name} is connected now; choose another member name`;
    return refusal('name-taken', text, 'CFG-022');
  }
  return { mirrorSet, members: isMember ? mirrorSet.members : verdict.members };
}

async function takeIn(daemon: InstanceDaemon, member: MemberDefinition): Promise<MemberRequestAnswer> {
  const judged = judge(daemon, member);
  if ('reason' in judged) return no(judged);
  const { mirrorSet, members } = judged;
  const incarnation = daemon.member?.state.helloFrom.get(member.name)?.incarnation ?? 0;
  try {
    // Newer than any set in which it was removed, also where a takeover lost that one (docs/decisions/0025).
    if (!changeMirrorSet(daemon, (set) => withMembers(set, members, member.name))) {
      return no(refusal('not-primary', 'this member is not primary any more; try again'));
    }
  } catch (error) {
    const text = (error as Error).message;
    daemon.log('member-not-taken-in', { member: member.name, reason: text });
    return no(refusal('failed', `the primary could not write its configuration: ${text}`));
  }
  daemon.log('member-added', { member: member.name, type: member.type, mirror: mirrorSet.name });
  const joined = daemon.configuration.get().mirrorSet ?? mirrorSet;
  const why = await whyNotKept(daemon);
  // Whoever asks again is in the set already.
  return why === null ? { ok: true, mirrorSet: joined, incarnation } : no(why);
}

function no({ reason, text, spec }: Refusal): MemberRequestAnswer {
  return { ok: false, reason, text, spec };
}

/** CFG-050: an async changes its own type; it has checked what depends on its copies. */
async function answerTypeChange(daemon: InstanceDaemon, said: TypeWish): Promise<MemberRequestAnswer> {
  const notPrimary = refusalUnlessPrimary(daemon, 'the type of a member is changed', 'CFG-050');
  if (notPrimary !== null) return no(notPrimary);
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return no(refusal('not-a-member', 'this instance is in no mirror'));
  const promoted = daemon.member === null ? null : refusalToChangeKind(daemon.member.state, said.name);
  if (promoted !== null) return no(promoted);
  const verdict = admitType(mirrorSet, said);
  if (verdict.outcome === 'refused') return no(verdict.refusal);
  if (verdict.outcome === 'changed') {
    if (!changeMirrorSet(daemon, (set) => ({ ...set, members: verdict.members }))) {
      return no(refusal('not-primary', 'this member is not primary any more; try again'));
    }
    daemon.log('member-types', { types: verdict.members.map(shown).join(', ') });
  }
  const changed = daemon.configuration.get().mirrorSet ?? mirrorSet;
  const why = await whyNotKept(daemon);
  return why === null ? { ok: true, mirrorSet: changed, incarnation: 0 } : no(why);
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
  if (said.type === 'would') {
    const request = readJudged(said.request);
    return request === null ? null : { type: 'would', request };
  }
  if (said.type === 'superserver-port') {
    const { member, port } = said;
    return isText(member) && typeof port === 'number' ? { type: 'superserver-port', member, port } : null;
  }
  if (said.type === 'change-type') {
    if (!isObject(said.member)) return null;
    const { name, instance, type } = said.member;
    if (!isText(name) || !isText(instance) || !memberTypes.includes(type as MemberType)) return null;
    return { type: 'change-type', member: { name, instance, type: type as MemberType } };
  }
  return readJudged(said);
}

function readJudged(said: unknown): JudgedRequest | null {
  if (!isObject(said)) return null;
  if (said.type === 'remove') {
    const { member, by, removeAttribute } = said;
    if (!isText(member) || !isText(by) || typeof removeAttribute !== 'boolean') return null;
    return { type: 'remove', member, by, removeAttribute };
  }
  const member = said.type === 'join' && isObject(said.member) ? readDefinition(said.member) : null;
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
