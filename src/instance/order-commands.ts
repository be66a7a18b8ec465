/** Commands that are orders to the rules: stop, start, become primary, force, resume. And what an operator is shown before (FO-075). */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { partnerOf } from '../mirror/mirror-set.ts';
import { primaryKnown } from '../mirror/status-report.ts';
import { askAgent } from '../network/agent-client.ts';
import type { Assessment } from '../protocol/assessment.ts';
import type { ControlRequest } from '../protocol/control-channel.ts';
import type { Outcome } from '../protocol/control-commands.ts';
import { makeOpen } from '../protocol/opening.ts';
import { done, outcomeOf, refused, refusedWith } from './command-outcome.ts';
import { isNotJoined, refusalOf } from './offered-commands.ts';
import type { InstanceDaemon, MirrorMember } from './parts.ts';
import { lookAhead } from './preflight.ts';
import { reportPromotion } from './promotion-report.ts';
import { mirroredHere, planRemoval } from './removal-plan.ts';
import { assessTrouble, refusalOfTrouble } from './trouble-assessment.ts';

export type Perform = Extract<ControlRequest, { type: 'perform' }>;

/** Null = the situation is the one that the operator was shown; asked again by a command that has asked others before its order. */
export type StillSo = () => Outcome | null;

/** An operator waits for the answer, and an agent that is there answers at once. */
const otherAnswersWithinMs = 3000;

type Assess = Extract<ControlRequest, { type: 'assess' }>;

/** The situation is read before the other host is asked: what changes meanwhile makes the number stale, as it should. */
export async function assess(daemon: InstanceDaemon, request: Assess): Promise<Assessment> {
  const { command } = request;
  const { member } = daemon;
  member?.situation.observeDatabases(mirroredHere(daemon));
  const facts = { situation: member?.situation.number ?? 0, ...newestJournal(daemon, member) };
  const ahead = request.arguments === undefined ? null : await lookAhead(daemon, request);
  const offered = async () => refusalOf(daemon, command, member !== null || (await daemon.isAgentRunning()));
  const why = ahead === null ? await offered() : 'reason' in ahead ? ahead : null;
  const known = {
    ...facts,
    refusal: why,
    primary: primaryKnown(member?.state ?? null),
    wasActive: member?.state.record.wasActive != null,
    wasPrimary: member?.state.record.primaryOfEpoch ?? false,
    noFailover: member?.state.record.noFailover ?? false,
  };
  const asks = why === null && (command === 'force-primary' || command === 'become-primary');
  const trouble = why === null && command === 'resume-primary' ? await assessTrouble(daemon) : null;
  const asksAgents = command === 'promote' && why === null && member !== null;
  const promotion = asksAgents ? await reportPromotion(daemon, member) : null;
  const removal = command === 'remove-mirror' ? planRemoval(daemon) : null;
  return {
    ...known,
    findings: ahead === null || 'reason' in ahead ? [] : ahead,
    refusal: why ?? (trouble === null ? null : refusalOfTrouble(trouble)),
    otherAnswers: asks ? await otherAnswers(daemon) : null,
    trouble,
    promotion,
    removal: removal === null || 'reason' in removal ? null : removal,
  };
}

function newestJournal(daemon: InstanceDaemon, member: MirrorMember | null) {
  const newest = member?.journal.files.at(-1);
  const timeMs = member?.journal.newestRecordMs ?? 0;
  return {
    newestJournalTime: timeMs === 0 ? null : new Date(timeMs).toISOString(),
    newestJournalFile: newest === undefined ? null : join(daemon.paths.journal, newest.name),
  };
}

/** Null = there is no other failover member. */
async function otherAnswers(daemon: InstanceDaemon): Promise<boolean | null> {
  const { mirrorSet, member, instance } = daemon.configuration.get();
  const partner = mirrorSet === null || member === null ? undefined : partnerOf(mirrorSet, member);
  if (partner === undefined) return null;
  const open = makeOpen({ channel: 'agent', mirror: mirrorSet?.name ?? '', member: member ?? '', instance });
  try {
    const call = { ...partner.agent, timeoutMs: otherAnswersWithinMs, open };
    await askAgent(daemon.network, call, { type: 'status' }, daemon.host.clock);
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'agent-refused') return true;
    if (code !== 'unreachable') throw error;
    return false;
  }
}

/** FO-075: refused when the facts that the operator was shown are not those of now. To be called right before the order. */
export function refusalOfSituation(
  daemon: InstanceDaemon,
  { command, situation, arguments: given }: Perform,
): Outcome | null {
  if (situation === undefined) return null;
  const { member } = daemon;
  member?.situation.observeDatabases(mirroredHere(daemon));
  const about = command === 'remove-member' ? given.member.toUpperCase() : undefined;
  const changes = member === null ? noMemberSince(situation) : member.situation.changesSince(situation, command, about);
  if (changes.length === 0) return null;
  const text = `the situation has changed since it was shown: ${changes.join('; ')}`;
  return refused('situation-changed', text, 'FO-075');
}

function noMemberSince(situation: number): readonly string[] {
  return situation === 0 ? [] : ['this instance takes no part in a mirror'];
}

export async function changeNoFailover(daemon: InstanceDaemon, set: boolean | undefined): Promise<Outcome> {
  const { member } = daemon;
  const why = refusalOf(daemon, 'change-no-failover', true);
  if (member === null || why !== null) return notOffered(why);
  return outcomeOf(await member.order({ command: 'change-no-failover', set: set ?? !member.state.record.noFailover }));
}

export async function becomePrimary(daemon: InstanceDaemon): Promise<Outcome> {
  const { member } = daemon;
  const why = refusalOf(daemon, 'become-primary', true);
  if (member === null || why !== null) return notOffered(why);
  return outcomeOf(await member.order({ command: 'become-primary' }));
}

/** FO-074: what the operator could know goes into the record beside the order. */
export async function forcePrimary(daemon: InstanceDaemon): Promise<Outcome> {
  const { member } = daemon;
  const why = refusalOf(daemon, 'force-primary', true);
  if (member === null || why !== null) return notOffered(why);
  const { newestJournalTime, newestJournalFile } = newestJournal(daemon, member);
  const { wasActive, primaryOfEpoch, noFailover } = member.state.record;
  const wasNotActive = primaryOfEpoch ? 'it was the primary' : 'it was not an active backup';
  const evidence = [
    wasActive === null ? wasNotActive : 'it was an active backup',
    newestJournalTime === null
      ? 'it has no journal data'
      : `newest journal data ${newestJournalTime} in ${newestJournalFile}`,
    noFailover ? 'no failover was set' : 'no failover was not set',
    `primary known: ${primaryKnown(member.state) ?? 'none'}`,
  ].join('; ');
  const atMs = daemon.host.clock.wallMs();
  return outcomeOf(await member.order({ command: 'force-primary', lineage: randomUUID(), atMs, evidence }));
}

/**
 * FO-076: the person vouches for what nobody can find out; what can be found out is asked once more. The rules look themselves
 * whether it is still in trouble.
 */
export async function resumePrimary(daemon: InstanceDaemon, stillSo: StillSo): Promise<Outcome> {
  const { member } = daemon;
  const why = refusalOf(daemon, 'resume-primary', true);
  if (member === null || why !== null) return notOffered(why);
  const trouble = await assessTrouble(daemon);
  const known = trouble === null ? null : refusalOfTrouble(trouble);
  if (known !== null) return refusedWith(known);
  const other = trouble?.other ?? 'the other failover member';
  const { newestJournalTime, newestJournalFile } = newestJournal(daemon, member);
  const evidence = [
    `it was confirmed that ${other} is down, never became primary and created no later mirror journal file`,
    `in trouble since ${trouble?.since} (${trouble?.spec})`,
    `agent of ${other}: ${trouble?.agentSays}`,
    `arbiter: ${trouble?.arbiterSays}`,
    `newest journal data ${newestJournalTime ?? 'none'} in ${newestJournalFile ?? 'no file'}`,
  ].join('; ');
  const changed = stillSo();
  if (changed !== null) return changed;
  const atMs = daemon.host.clock.wallMs();
  return outcomeOf(await member.order({ command: 'resume-primary', lineage: randomUUID(), atMs, evidence }));
}

/** SYN-022: it stays so over restarts; the rules keep it in their record, the configuration shows it. */
export async function switchMirror(daemon: InstanceDaemon, command: 'start-mirror' | 'stop-mirror'): Promise<Outcome> {
  const why = refusalOf(daemon, command, true);
  if (why !== null) return notOffered(why);
  if (isNotJoined(daemon)) return await joinAgain(daemon);
  const { member } = daemon;
  if (member === null) return notOffered(why);
  const result = await member.order({ command });
  if (result.outcome === 'done') {
    daemon.configuration.set({ ...daemon.configuration.get(), mirrorStopped: command === 'stop-mirror' });
  }
  return outcomeOf(result);
}

/** CFG-071, undone. */
async function joinAgain(daemon: InstanceDaemon): Promise<Outcome> {
  const { configuration } = daemon;
  configuration.set({ ...configuration.get(), joinMirror: true });
  daemon.log('join-mirror-set');
  await daemon.startMember();
  return done('the JoinMirror flag is set again, and this member takes part in its mirror');
}

/** FO-008, FO-073. An instance without a mirror has nobody to hand over to. */
export async function stopInstance(daemon: InstanceDaemon, noFailover: boolean): Promise<Outcome> {
  const { member } = daemon;
  const because = 'stopped by its operator';
  if (member !== null) return outcomeOf(await member.order({ command: 'stop-instance', noFailover }));
  daemon.endProcess(because);
  return done('the instance stops');
}

function notOffered(why: ReturnType<typeof refusalOf>): Outcome {
  return why === null ? refused('not-a-member', 'this instance is in no mirror') : refusedWith(why);
}
