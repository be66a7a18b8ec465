/** The asking side of a join: what an agent tells about the mirror, and the request to its primary (CFG-027, CFG-028, CFG-034). */
import { failoverMembers, type MemberDefinition } from '../mirror/mirror-set.ts';
import { askAgent } from '../network/agent-client.ts';
import { type Timers, UnreachableError } from '../network/network.ts';
import { openChannel } from '../network/opening-exchange.ts';
import type { MirrorLookup, Refusal } from '../protocol/control-channel.ts';
import { jsonBody, parseJsonBody } from '../protocol/frame.ts';
import { type JoinAnswer, type JoinRequest, MEMBER_REQUEST } from '../protocol/member-channel.ts';
import { makeOpen } from '../protocol/opening.ts';
import { isObject } from './command-arguments.ts';
import { refusal } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';

const agentTimeoutMs = 10_000;
const openTimeoutMs = 5000;
const answerTimeoutMs = 30_000;

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

/** Ask the primary; where none is known, each failover member in turn, since only the primary says yes. */
export async function requestJoin(
  daemon: InstanceDaemon,
  { mirrorSet, primary }: MirrorLookup,
  member: MemberDefinition,
): Promise<Found<Extract<JoinAnswer, { ok: true }>>> {
  const known = failoverMembers(mirrorSet);
  const targets = [...known.filter((each) => each.name === primary), ...known.filter((each) => each.name !== primary)];
  const met: string[] = [];
  for (const target of targets) {
    try {
      const answer = await askToJoin(daemon, target, mirrorSet.name, member);
      if (answer.ok) return { ok: true, value: answer };
      const { reason, text, spec } = answer;
      if (reason !== 'not-primary') return { ok: false, refusal: { reason, text, spec } };
      met.push(`${target.name}: ${text}`);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (code !== 'unreachable' && code !== 'refused') throw error;
      met.push(`${target.name}: ${message}`);
    }
  }
  const text = `no primary of ${mirrorSet.name} answers (${met.join('; ')}); members can join only while there is a primary`;
  return { ok: false, refusal: refusal('no-primary', text, 'CFG-027') };
}

async function askToJoin(
  daemon: InstanceDaemon,
  target: MemberDefinition,
  mirror: string,
  member: MemberDefinition,
): Promise<JoinAnswer> {
  const { network, host } = daemon;
  const { host: address, port } = target.superserver;
  const connection = await network.dial(address, port, openTimeoutMs);
  const open = makeOpen({ channel: 'member', mirror, member: member.name, instance: member.instance });
  await openChannel(connection, open, openTimeoutMs, host.clock);
  const timers: Timers = host.clock;
  return await new Promise<JoinAnswer>((resolve, reject) => {
    const settle = (act: () => void): void => {
      deadline.cancel();
      connection.destroy();
      act();
    };
    const lost = (reason: string): void => {
      settle(() =>
        reject(new UnreachableError(`${address}:${port}: ${reason} before it answered the request to join`)),
      );
    };
    const deadline = timers.after(answerTimeoutMs, () => lost(`no answer in ${answerTimeoutMs / 1000} s`));
    connection.onClosed(lost);
    connection.onNextFrame((frame) => {
      const answer = parseJsonBody(frame);
      if (!isObject(answer) || typeof answer.ok !== 'boolean') return lost('an answer that is not understood');
      settle(() => resolve(answer as unknown as JoinAnswer));
    });
    const request: JoinRequest = { type: 'join', member };
    connection.send(MEMBER_REQUEST.request, jsonBody(request));
  });
}
