/**
 * Are the addresses of a member reached from here (CFG-012)? Asked before it is taken into a mirror, by itself and by the primary: what is
 * reached in one direction only would be found out when the mirror fails over.
 */
import { ownVersion } from '../host/own-version.ts';
import type { Address, MemberDefinition } from '../mirror/mirror-set.ts';
import { askAgent } from '../network/agent-client.ts';
import type { Network } from '../network/network.ts';
import type { AgentStatus } from '../protocol/agent-channel.ts';
import type { Finding } from '../protocol/assessment.ts';
import type { MirrorLookup } from '../protocol/control-channel.ts';
import type { Refusal } from '../protocol/control-commands.ts';
import { makeOpen } from '../protocol/opening.ts';
import { refusal } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';

/** An operator waits for it; a host that is there answers at once. */
export const reachesWithinMs = 3000;

/** Null = somebody answers there; else what was met. */
export async function unreached(network: Network, { host, port }: Address): Promise<string | null> {
  try {
    (await network.dial(host, port, reachesWithinMs)).destroy();
    return null;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'unreachable') throw error;
    return message;
  }
}

export const thisInstance = 'this instance';

/** All of them answer. */
export interface Reached {
  /** Of the ISCAgent. */
  readonly version: string;
}

/** `from` is who looks, for the sentence: `thisInstance`, or `primary ALPHA`. */
export async function reach(
  daemon: InstanceDaemon,
  member: MemberDefinition,
  from: string,
): Promise<Refusal | Reached> {
  const { name, superserver, privateAddress } = member;
  const inside = { host: privateAddress ?? superserver.host, port: superserver.port };
  const [agent, outer, inner] = await Promise.all([
    reachAgent(daemon, member, from),
    unreached(daemon.network, superserver),
    unreached(daemon.network, inside),
  ]);
  if ('reason' in agent) return agent;
  const advice = 'check the address, the port and what lies between the hosts';
  if (outer !== null) {
    const text = `${from} does not reach the superserver of ${name}: ${outer}; ${advice}`;
    return refusal('superserver-not-reached', text, 'CFG-012');
  }
  if (inner === null) return agent;
  const text = `${from} does not reach ${name} at its mirror private address: ${inner}; ${advice}`;
  return refusal('member-not-reached', text, 'CFG-012');
}

/** It must be the agent of that member's host, since it is the one that will be asked whether the member is down. */
async function reachAgent(
  daemon: InstanceDaemon,
  { name, instance, agent }: MemberDefinition,
  from: string,
): Promise<Refusal | Reached> {
  const open = makeOpen({ channel: 'agent', instance: daemon.configuration.get().instance });
  let status: AgentStatus;
  try {
    const call = { ...agent, timeoutMs: reachesWithinMs, open };
    status = await askAgent(daemon.network, call, { type: 'status' }, daemon.host.clock);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'unreachable' && code !== 'agent-refused') throw error;
    const text = `${from} does not reach the ISCAgent of ${name}: ${message}; check the agent's address and port, and that it runs`;
    return refusal('agent-not-reached', text, 'CFG-012');
  }
  const { version } = status;
  if (status.instances.some((each) => each.name === instance)) {
    return (from === thisInstance ? refusalOfVersion(ownVersion(), version) : null) ?? { version };
  }
  const known = status.instances.map((each) => each.name).join(', ') || 'none';
  const text = `the ISCAgent at ${agent.host}:${agent.port} is not that of the host of ${name}: it knows no instance ${instance} (${known})`;
  return refusal('agent-of-another-host', text, 'CFG-012');
}

/** The agent kills and vouches by rules that it knows; one that is older than its instance may not know them all. */
export function refusalOfVersion(instance: string, agent: string): Refusal | null {
  const [ours, its] = [instance, agent].map((version) => version.split(/[.-]/).map(Number)) as [number[], number[]];
  const index = ours.findIndex((part, at) => part !== its[at]);
  if (index < 0 || !((ours[index] ?? 0) > (its[index] ?? 0))) return null;
  const text = `the ISCAgent of this host is of version ${agent}, older than this instance (${instance}): restart it (caretmirror agent restart)`;
  return refusal('agent-older', text, 'CFG-004');
}

/** CFG-061: a member that cannot open the data channel to the primary never becomes its backup. Null = no primary is known. */
export async function reachPrimary(
  { network }: InstanceDaemon,
  { mirrorSet, primary }: Pick<MirrorLookup, 'mirrorSet' | 'primary'>,
): Promise<Refusal | Finding | null> {
  const target = mirrorSet.members.find(({ name }) => name === primary);
  if (target === undefined) return null;
  const { host, port } = target.superserver;
  const data = { host: target.privateAddress ?? host, port };
  const met = await unreached(network, data);
  if (met === null) return { says: 'data-channel', facts: { primary: target.name, at: shownAddress(data) } };
  const text = `this instance does not reach primary ${target.name} at the address of its data channel: ${met}; a failover member must`;
  return refusal('member-not-reached', text, 'CFG-061');
}

export function shownAddress({ host, port }: Address): string {
  return `${host}|${port}`;
}
