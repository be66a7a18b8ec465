/**
 * "Is it down?" and "force it down": look, decide by the table, kill where the table says so, and answer "down" only under
 * the instance's lock with the fence on disk (AGT-003, docs/FAILOVER.md "What keeps DOWN true").
 */
import type { LockHeldError, LockHolder } from '../host/host.ts';
import { decideForAgent, downRecord, fenced, withList } from '../mirror/agent.ts';
import type { MemberRecord } from '../mirror/member-record.ts';
import type { AgentAnswer, StateQuestion } from '../mirror/messages.ts';
import { listedSince, type MirrorSet, type RemovedMember, removalOf } from '../mirror/mirror-set.ts';
import { type MemberName, NO_EPOCH } from '../mirror/terms.ts';
import type { AgentRequest } from '../protocol/agent-channel.ts';
import type { Open } from '../protocol/opening.ts';
import type { AgentNotes } from './agent-notes.ts';
import type { Instances, Observation } from './instances.ts';
import type { AgentParts } from './parts.ts';

type Facts = Readonly<Record<string, string | number | boolean | null>>;
type Note = (what: string, more?: Facts, isAttempt?: boolean) => void;

export type DownQuestion = Extract<AgentRequest, { type: StateQuestion }>;

/** A process in the kernel's hands takes no signal; after this it counts as one that cannot be killed. */
const killWaitMs = 5000;

/** One at a time for one instance: the caller sees to it. */
export async function answerDownQuestion(
  parts: AgentParts,
  notes: AgentNotes,
  instances: Instances,
  name: string,
  question: DownQuestion,
  caller: Open,
): Promise<AgentAnswer> {
  const mirror = await instances.firstMembership(name, question.mirror);
  const removal = mirror === null ? undefined : removalOfCaller(mirror.set, caller);
  if (removal !== undefined) return turnAway(parts, notes, name, question, removal);
  const seen = await instances.observe(name, mirror?.set.settings.qosTimeoutMs);
  const record = instances.record(name);
  const epochNumber = seen.report?.epoch ?? record?.epoch.number ?? question.epoch.number;
  const verdict = decideForAgent({
    question: question.type,
    instance: seen.state,
    epoch: epochNumber < question.epoch.number ? 'lower' : 'not-lower',
  });
  const asked = { question: question.type, instance: name, mirror: question.mirror, requester: question.requester };
  const facts = {
    ...asked,
    saw: seen.state,
    pid: seen.process?.pid ?? null,
    epoch: epochNumber,
    epochOfRequester: question.epoch.number,
    because: verdict.because,
  };
  const note = (what: string, more: Facts = {}, isAttempt = false): void =>
    notes.put('ISCAgent', { what, rules: verdict.spec.split(' '), facts: { ...facts, ...more } }, isAttempt);
  if (verdict.outcome === 'running') {
    note(`did not call ${name} down: it runs`, {}, true);
    return running(seen, record);
  }
  if (verdict.outcome === 'kill-then-down' && seen.process !== null) {
    const { pid } = seen.process;
    const { because, spec: rules } = verdict;
    parts.log('forcing-down', { instance: name, pid, requester: question.requester, because, rules });
    const end = await parts.host.processes.forceDown(seen.process, killWaitMs);
    if (end !== 'unkillable') note(`forced ${name} down`);
    if (end === 'unkillable') {
      parts.log('unkillable', { instance: name, pid, rules });
      note(`did not call ${name} down: it cannot be killed`, {}, true);
      return { says: 'unkillable' };
    }
  }
  const listed = mirror === null ? undefined : listedSince(mirror.set, caller.knows);
  return callDown(parts, note, instances, name, mirror?.member ?? '', listed, question, verdict.spec);
}

/** CFG-069: by the mirror set of the instance; a caller that tells of none is no running member. */
export function removalOfCaller(set: MirrorSet, { member, knows }: Open): RemovedMember | undefined {
  return knows === undefined ? undefined : removalOf(set, member, knows);
}

/** Who was removed is told nothing from which it could take over, and may have nothing forced down. */
function turnAway(
  parts: AgentParts,
  notes: AgentNotes,
  name: string,
  { type, mirror, requester }: DownQuestion,
  { removeAttribute }: RemovedMember,
): AgentAnswer {
  parts.log('removed-asked', { requester, instance: name, mirror });
  const facts = { question: type, instance: name, mirror, requester };
  notes.put('ISCAgent', { what: `turned ${requester} away: it was removed`, rules: ['CFG-069'], facts }, true);
  return { says: 'removed', removeAttribute };
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
  note: Note,
  instances: Instances,
  name: string,
  member: MemberName,
  listed: readonly MemberName[] | undefined,
  question: DownQuestion,
  spec: string,
): AgentAnswer {
  const { processes, records } = parts.host;
  const paths = instances.paths(name);
  const { requester, epoch, failoverMembers } = question;
  try {
    const lock = processes.acquireLock(paths.lock, 'agent', { requester });
    try {
      const before = instances.record(name);
      const record =
        before === null || question.type === 'look-down' ? before : withList(before, failoverMembers, member);
      // A record that cannot be read is not replaced by one that says less.
      if (record !== null && question.type !== 'look-down') {
        records.saveRecord(paths.member, fenced(record, requester, epoch));
      }
      const what = record === null ? 'its record cannot be read' : `incarnation ${record.incarnation}`;
      parts.log('called-down', { instance: name, record: what, requester, rules: spec });
      const waitedFor = record?.activeBackup?.member ?? null;
      note(`called ${name} down`, { record: what, waitedFor, fenced: record !== null }, true);
      return { says: 'down', record: record === null ? null : downRecord(record, listed) };
    } finally {
      lock.release();
    }
  } catch (error) {
    if ((error as { code?: string }).code === 'lock-held') {
      note(`did not call ${name} down: it was started meanwhile`, { pid: (error as LockHeldError).holder.pid });
      return startedMeanwhile(parts, instances, name, error);
    }
    const { message } = error as Error;
    note(`did not call ${name} down: the fence could not be written`, { reason: message }, true);
    parts.log('down-not-noted', { instance: name, requester, reason: message });
    return { says: 'nothing', reason: `the fence of ${name} could not be written: ${message}` };
  }
}

function startedMeanwhile(parts: AgentParts, instances: Instances, name: string, error: unknown): AgentAnswer {
  const { pid }: LockHolder = (error as LockHeldError).holder;
  parts.log('started-meanwhile', { instance: name, pid });
  return { says: 'running', primary: false, epoch: instances.record(name)?.epoch ?? NO_EPOCH };
}
