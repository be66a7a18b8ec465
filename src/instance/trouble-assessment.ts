/**
 * What can be found out about the other failover member while this primary is in trouble state without a time limit
 * (FO-076). Only questions that change nothing: a person decides.
 */
import { type Address, type MemberDefinition, partnerOf } from '../mirror/mirror-set.ts';
import { type AgentQuestion, askAgent } from '../network/agent-client.ts';
import type { AgentAnswers } from '../protocol/agent-channel.ts';
import type { TroubleAssessment } from '../protocol/assessment.ts';
import type { Refusal } from '../protocol/control-commands.ts';
import { makeOpen } from '../protocol/opening.ts';
import { refusal } from './command-outcome.ts';
import type { InstanceDaemon } from './parts.ts';

/** An operator waits for the answer, and who is there answers at once. */
const answersWithinMs = 3000;

/** Null = this member is not a primary in such a state, or has no other failover member. */
export async function assessTrouble(daemon: InstanceDaemon): Promise<TroubleAssessment | null> {
  const { member, configuration, host } = daemon;
  const { mirrorSet, member: name } = configuration.get();
  const trouble = member?.state.serving.trouble;
  const partner = mirrorSet === null || name === null ? undefined : partnerOf(mirrorSet, name);
  if (mirrorSet === null || trouble == null || trouble.untilMs !== null || partner === undefined) return null;
  const { spec, because, sinceMs, says } = trouble;
  const [agentSays, arbiterSays] = await Promise.all([
    agentOf(daemon, partner, mirrorSet.name),
    arbiterOf(daemon, mirrorSet.settings.arbiter, mirrorSet.name, partner.name),
  ]);
  return {
    since: new Date(host.clock.wallMs() - (host.clock.nowMs() - sinceMs)).toISOString(),
    spec,
    because,
    other: partner.name,
    agentSays,
    arbiterSays: says === 'taken' ? 'licensed-other' : arbiterSays,
  };
}

/** FO-076: what an operator vouches for must not be known to be wrong. */
export function refusalOfTrouble({ other, agentSays }: TroubleAssessment): Refusal | null {
  switch (agentSays) {
    case 'is-primary':
      return refusal('other-is-primary', `${other} is running as primary; shut this one down`, 'FO-076');
    case 'running':
      return refusal(
        'other-is-running',
        `${other} is running and settles the roles when it reaches this member; stop it first`,
        'FO-076',
      );
    case 'hung':
      return refusal('other-is-running', `${other} hangs and is not down; force it down there first`, 'FO-076');
    case 'down':
    case 'no-answer':
      return null;
    default:
      return agentSays satisfies never;
  }
}

async function agentOf(
  daemon: InstanceDaemon,
  { agent, instance, name }: MemberDefinition,
  mirror: string,
): Promise<TroubleAssessment['agentSays']> {
  const [status, told] = await Promise.all([
    ask(daemon, agent, mirror, { type: 'status' }),
    ask(daemon, agent, mirror, { type: 'tell-mirror', instance, mirror }),
  ]);
  if (status === null) return 'no-answer';
  const state = status.instances.find((each) => each.name === instance)?.state;
  if (state === undefined) return 'no-answer';
  if (state !== 'up') return state;
  return told?.primary === name ? 'is-primary' : 'running';
}

async function arbiterOf(
  daemon: InstanceDaemon,
  arbiter: Address | null,
  mirror: string,
  other: string,
): Promise<TroubleAssessment['arbiterSays']> {
  if (arbiter === null) return 'not-configured';
  const status = await ask(daemon, arbiter, mirror, { type: 'status' });
  if (status === null) return 'no-answer';
  const members = status.arbiterFor.find((each) => each.mirror === mirror)?.members ?? [];
  return members.includes(other) ? 'other-connected' : 'other-not-connected';
}

/** Null when there is no answer to it. */
async function ask<Q extends AgentQuestion>(
  { network, configuration, host }: InstanceDaemon,
  address: Address,
  mirror: string,
  question: Q,
): Promise<AgentAnswers[Q['type']] | null> {
  const { member, instance } = configuration.get();
  const open = makeOpen({ channel: 'agent', mirror, member: member ?? '', instance });
  try {
    return await askAgent(network, { ...address, timeoutMs: answersWithinMs, open }, question, host.clock);
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'agent-refused' || code === 'unreachable') return null;
    throw error;
  }
}
