/** The asking side of a join and of what else only the primary can do: what an agent tells about the mirror, and the request (CFG-027, CFG-028, CFG-034). */
import { failoverMembers, type MemberDefinition, type MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberName, MemberType } from '../mirror/terms.ts';
import { askAgent } from '../network/agent-client.ts';
import { type Timers, UnreachableError } from '../network/network.ts';
import { openChannel } from '../network/opening-exchange.ts';
import type { MirrorLookup } from '../protocol/control-channel.ts';
import type { Refusal } from '../protocol/control-commands.ts';
import { jsonBody, parseJsonBody } from '../protocol/frame.ts';
import { MEMBER_REQUEST, type MemberRequest, type MemberRequestAnswer } from '../protocol/member-channel.ts';
import { makeOpen } from '../protocol/opening.ts';
import { isObject } from './command-arguments.ts';
import { refusal } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';

const agentTimeoutMs = 10_000;
const openTimeoutMs = 5000;
/** A removal waits for the other side's QoS timeouts. */
const answerTimeoutMs = (qosTimeoutMs: number): number => Math.max(30_000, 5 * qosTimeoutMs);

export type Found<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

export interface WhereToAsk {
  /** Upper case. */
  readonly mirror: string;
  readonly agent: { readonly host: string; readonly port: number };
  readonly instance: string;
}

/** CFG-028. */
export async function lookUpMirror(daemon: InstanceDaemon, where: WhereToAsk): Promise<Found<MirrorLookup>> {
  const open = makeOpen({ channel: 'agent', mirror: where.mirror, instance: daemon.configuration.get().instance });
  const call = { ...where.agent, timeoutMs: agentTimeoutMs, open };
  const question = { type: 'tell-mirror', instance: where.instance.toUpperCase(), mirror: where.mirror } as const;
  try {
    const { mirrorSet, member, primary } = await askAgent(daemon.network, call, question, daemon.host.clock);
    return { ok: true, value: { mirrorSet, asked: member, primary } };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code === 'agent-refused') return { ok: false, refusal: refusal('agent-refused', message, 'CFG-028') };
    if (code !== 'unreachable') throw error;
    const text = `${message}; check address and port, and that the ISCAgent runs there`;
    return { ok: false, refusal: refusal('agent-not-reached', text, 'CFG-028') };
  }
}

/** Ask the primary to be taken in, or whether it would do so. */
export async function requestJoin(
  daemon: InstanceDaemon,
  lookup: Pick<MirrorLookup, 'mirrorSet' | 'primary'>,
  member: MemberDefinition,
  wish: 'join' | 'would' = 'join',
): Promise<Asked> {
  const join = { type: 'join', member } as const;
  const request = wish === 'join' ? join : ({ type: 'would', request: join } as const);
  const answer = await askPrimary(daemon, lookup, request, member);
  if (answer.ok || answer.refusal.reason !== 'no-primary') return answer;
  const { text } = answer.refusal;
  const why = refusal('no-primary', `${text}; members can join only while there is a primary`, 'CFG-027');
  return { ok: false, refusal: why };
}

/** CFG-050: the mirror set in which this async is of that type. */
export async function changeType(daemon: InstanceDaemon, type: MemberType): Promise<Found<MirrorSet>> {
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return { ok: false, refusal: refusal('not-a-member', 'this instance is in no mirror') };
  const primary = daemon.member?.state.attachment?.to ?? null;
  const request: MemberRequest = { type: 'change-type', member: { ...ownName(daemon), type } };
  const answer = await askPrimary(daemon, { mirrorSet, primary }, request);
  return answer.ok ? { ok: true, value: answer.value.mirrorSet } : answer;
}

type Yes = Extract<MemberRequestAnswer, { ok: true }>;

/** `by` = the primary that said yes. */
export type Asked =
  | Exclude<Found<Yes>, { ok: true }>
  | { readonly ok: true; readonly value: Yes; readonly by: MemberName };

/** Where no primary is known, each failover member is asked in turn, since only the primary says yes. `no-primary` = nobody was it. */
export async function askPrimary(
  daemon: InstanceDaemon,
  { mirrorSet, primary }: Pick<MirrorLookup, 'mirrorSet' | 'primary'>,
  request: MemberRequest,
  self: Pick<MemberDefinition, 'name' | 'instance'> = ownName(daemon),
): Promise<Asked> {
  // A member does not ask itself; one that joins may have been given a name that is taken.
  const { type } = request.type === 'would' ? request.request : request;
  const known = failoverMembers(mirrorSet).filter((each) => type === 'join' || each.name !== self.name);
  const targets = [...known.filter((each) => each.name === primary), ...known.filter((each) => each.name !== primary)];
  const met: string[] = [];
  for (const target of targets) {
    try {
      const answer = await ask(daemon, target, mirrorSet, request, self);
      if (answer.ok) return { ok: true, value: answer, by: target.name };
      const { reason, text, spec } = answer;
      if (reason !== 'not-primary') return { ok: false, refusal: { reason, text, spec } };
      met.push(`${target.name}: ${text}`);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'unreachable' && code !== 'refused') throw error;
      met.push(`${target.name}: ${message}`);
    }
  }
  const answers = met.length === 0 ? 'it has no other failover member' : met.join('; ');
  return { ok: false, refusal: refusal('no-primary', `no primary of ${mirrorSet.name} answers (${answers})`) };
}

function ownName({ configuration }: InstanceDaemon): Pick<MemberDefinition, 'name' | 'instance'> {
  const { member, instance } = configuration.get();
  return { name: member ?? '', instance };
}

async function ask(
  daemon: InstanceDaemon,
  target: MemberDefinition,
  mirrorSet: MirrorSet,
  request: MemberRequest,
  self: Pick<MemberDefinition, 'name' | 'instance'>,
): Promise<MemberRequestAnswer> {
  const { network, host } = daemon;
  const { host: address, port } = target.superserver;
  const connection = await network.dial(address, port, openTimeoutMs);
  const open = makeOpen({ channel: 'member', mirror: mirrorSet.name, member: self.name, instance: self.instance });
  const waitMs = answerTimeoutMs(mirrorSet.settings.qosTimeoutMs);
  await openChannel(connection, open, openTimeoutMs, host.clock);
  const timers: Timers = host.clock;
  return await new Promise<MemberRequestAnswer>((resolve, reject) => {
    const settle = (act: () => void): void => {
      deadline.cancel();
      connection.destroy();
      act();
    };
    const lost = (reason: string): void => {
      settle(() => reject(new UnreachableError(`${address}:${port}: ${reason} before it answered the request`)));
    };
    const deadline = timers.after(waitMs, () => lost(`no answer in ${waitMs / 1000} s`));
    connection.onClosed(lost);
    connection.onNextFrame((frame) => {
      const answer = parseJsonBody(frame);
      if (!isObject(answer) || typeof answer.ok !== 'boolean') return lost('an answer that is not understood');
      settle(() => resolve(answer as unknown as MemberRequestAnswer));
    });
    connection.send(MEMBER_REQUEST.request, jsonBody(request));
  });
}
