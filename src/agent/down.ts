/**
 * "Is it down?" and "force it down": look, decide by the table, kill where the table says so, and answer "down" only under
 * the instance's lock with the fence on disk (AGT-003, docs/FAILOVER.md "What keeps DOWN true").
 */
import type { LockHeldError, LockHolder } from '../host/host.ts';
import { decideForAgent, downRecord, fenced } from '../mirror/agent.ts';
import type { MemberRecord } from '../mirror/member-record.ts';
import type { AgentAnswer } from '../mirror/messages.ts';
import { NO_EPOCH } from '../mirror/terms.ts';
import type { AgentRequest } from '../protocol/agent-channel.ts';
import type { Instances, Observation } from './instances.ts';
import type { AgentParts } from './parts.ts';

export type DownQuestion = Extract<AgentRequest, { type: 'confirm-down' | 'force-down' }>;

/** A process in the kernel's hands takes no signal; after this it counts as one that cannot be killed. */
const killWaitMs = 5000;

/** One at a time for one instance: the caller sees to it. */
export async function answerDownQuestion(
  parts: AgentParts,
  instances: Instances,
  name: string,
  question: DownQuestion,
): Promise<AgentAnswer> {
  const mirror = await instances.mirrorSet(name, question.mirror);
  const seen = await instances.observe(name, mirror?.set.settings.qosTimeoutMs);
  const record = instances.record(name);
  const epochNumber = seen.report?.epoch ?? record?.epoch.number ?? question.epoch.number;
  const verdict = decideForAgent({
    question: question.type,
    instance: seen.state,
    epoch: epochNumber < question.epoch.number ? 'lower' : 'not-lower',
  });
  if (verdict.outcome === 'running') return running(seen, record);
  if (verdict.outcome === 'kill-then-down' && seen.process !== null) {
    const { pid } = seen.process;
    parts.log(
      2,
      `Forcing ${name} down, pid ${pid}, asked by ${question.requester}: ${verdict.because} (${verdict.spec})`,
    );
    const end = await parts.host.processes.forceDown(seen.process, killWaitMs);
    if (end === 'unkillable') {
      parts.log(2, `${name}, pid ${pid}, cannot be killed: not answered as down (${verdict.spec})`);
      return { says: 'unkillable' };
    }
  }
  return callDown(parts, instances, name, question, verdict.spec);
}

function running(seen: Observation, record: MemberRecord | null): AgentAnswer {
  const epoch = record?.epoch ?? NO_EPOCH;
  const number = seen.report?.epoch ?? epoch.number;
  return {
    says: 'running',
    primary: seen.state === 'serves-as-primary',
    epoch: number === epoch.number ? epoch : { ...NO_EPOCH, number },
  };
}

/** All in one turn: whoever starts the instance meets the lock, or finds the fence. */
function callDown(
  parts: AgentParts,
  instances: Instances,
  name: string,
  question: DownQuestion,
  spec: string,
): AgentAnswer {
  const { processes, records } = parts.host;
  const paths = instances.paths(name);
  const { requester, epoch } = question;
  try {
    const lock = processes.acquireLock(paths.lock, 'agent', { requester });
    try {
      const record = instances.record(name);
      // A record that cannot be read is not replaced by one that says less.
      if (record !== null) records.saveRecord(paths.member, fenced(record, requester, epoch));
      const what = record === null ? 'its record cannot be read' : `incarnation ${record.incarnation}`;
      parts.log(1, `${name} is down, ${what}: told ${requester} (${spec})`);
      return { says: 'down', record: record === null ? null : downRecord(record) };
    } finally {
      lock.release();
    }
  } catch (error) {
    if ((error as { code?: string }).code === 'lock-held') return startedMeanwhile(parts, instances, name, error);
    const { message } = error as Error;
    parts.log(2, `${name} is down, but that could not be noted, so it was not told to ${requester}: ${message}`);
    return { says: 'nothing', reason: `the fence of ${name} could not be written: ${message}` };
  }
}

function startedMeanwhile(parts: AgentParts, instances: Instances, name: string, error: unknown): AgentAnswer {
  const { pid }: LockHolder = (error as LockHeldError).holder;
  parts.log(1, `${name} was started meanwhile, pid ${pid}: not answered as down (AGT-003)`);
  return { says: 'running', primary: false, epoch: instances.record(name)?.epoch ?? NO_EPOCH };
}
