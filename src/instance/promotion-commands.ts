/**
 * Promotion and demotion as commands (FO-077..084, FO-087): what a person is shown first, and the order to the rules. The report of losses
 * says how far each journal goes that can be asked; what nobody can say is said, too.
 */
import { randomUUID } from 'node:crypto';
import { isFlagCleared } from '../database/databases.ts';
import { presentList } from '../mirror/failover-members.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { StateQuestion } from '../mirror/messages.ts';
import { type MemberDefinition, memberNamed } from '../mirror/mirror-set.ts';
import { precondition } from '../mirror/operator-commands.ts';
import { type AgentCall, askAgent } from '../network/agent-client.ts';
import type {
  CommandArguments,
  MemberStanding,
  Outcome,
  PromotionReport,
  Refusal,
} from '../protocol/control-channel.ts';
import { makeOpen } from '../protocol/opening.ts';
import { outcomeOf, refusal, refused, refusedWith } from './command-outcome.ts';
import { ownType } from './own-type.ts';
import type { InstanceDaemon, MirrorMember } from './parts.ts';

/** An operator waits for the answers. */
const answersWithinMs = 3000;

/** FO-077, DB-042. */
export function refusalToPromote(daemon: InstanceDaemon, member: MirrorMember): Refusal | null {
  const why = precondition(member.state, 'promote');
  if (why !== null) return why;
  const type = ownType(daemon.configuration.get());
  if (type !== 'Disaster Recovery') {
    return refusal('not-dr', `this member is ${type}; only a disaster recovery async can be promoted`, 'FO-077');
  }
  const { mirrorSet } = daemon.configuration.get();
  const copies = daemon.catalog.entries();
  for (const { name } of mirrorSet?.databases ?? []) {
    const copy = copies.find(({ configuration }) => configuration.mirrorDatabase === name);
    if (copy === undefined || copy.attribute?.activated !== true) {
      const what = copy === undefined ? 'is not on this member' : 'is not activated on this member';
      return refusal('database-missing', `mirrored database ${name} ${what}; restore or catch it up first`, 'DB-042');
    }
    if (isFlagCleared(copy.attribute)) {
      return refusal(
        'flag-cleared',
        `the FailoverDB flag of ${name} was cleared here, so it can be no primary copy`,
        'DB-042',
      );
    }
  }
  return null;
}

/** What would be lost, as far as anybody answers. Asks, and changes nothing. */
export async function reportPromotion(daemon: InstanceDaemon, member: MirrorMember): Promise<PromotionReport> {
  const { mirrorSet } = daemon.configuration.get();
  const { state } = member;
  const primary = state.role === 'attached' ? (state.attachment?.to ?? null) : null;
  const own = position(member.journal.end);
  const others = primary === null ? presentList(state).names : [];
  const standings = await Promise.all(
    others.map(async (name): Promise<MemberStanding> => {
      const definition = mirrorSet === null ? undefined : memberNamed(mirrorSet, name);
      if (definition === undefined) return { name, agentSays: 'no-answer', wasPrimary: false, end: null };
      return await standingOf(daemon, definition);
    }),
  );
  const newest = standings.reduce((best, { end }) => (end !== null && isBeyond(end, best) ? end : best), own);
  return {
    primary,
    own,
    newest,
    records: newest.sequence - own.sequence,
    members: standings,
    unreachable: standings.filter(({ agentSays }) => agentSays === 'no-answer').map(({ name }) => name),
  };
}

type Place = PromotionReport['own'];

function position({ epoch, sequence }: JournalPosition): Place {
  return { epoch, sequence };
}

function isBeyond(a: Place, b: Place): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}

async function standingOf(daemon: InstanceDaemon, definition: MemberDefinition): Promise<MemberStanding> {
  const { name } = definition;
  const { member, mirrorSet, instance } = daemon.configuration.get();
  const mirror = mirrorSet?.name ?? '';
  const open = makeOpen({ channel: 'agent', mirror, member: member ?? '', instance });
  const call: AgentCall = { ...definition.agent, timeoutMs: answersWithinMs, open };
  const about = { instance: definition.instance, mirror };
  const epoch = daemon.member?.state.record.epoch ?? { number: 0, owner: '', lineage: '' };
  const question: StateQuestion = 'look-down';
  try {
    const asked = { ...about, type: question, requester: member ?? '', epoch };
    const answer = await askAgent(daemon.network, call, asked, daemon.host.clock);
    if (answer.says === 'running') {
      return { name, agentSays: answer.primary ? 'is-primary' : 'running', wasPrimary: false, end: null };
    }
    if (answer.says !== 'down') return { name, agentSays: 'no-answer', wasPrimary: false, end: null };
    const { incarnation = 0, primaryOfEpoch = false } = answer.record ?? {};
    const offer = { ...about, type: 'offer-journal', incarnation } as const;
    const { end } = await askAgent(daemon.network, call, offer, daemon.host.clock);
    return { name, agentSays: 'down', wasPrimary: primaryOfEpoch, end: position(end) };
  } catch (error) {
    const { code } = error as { code?: string };
    if (code !== 'unreachable' && code !== 'agent-refused') throw error;
    return { name, agentSays: 'no-answer', wasPrimary: false, end: null };
  }
}

export async function promote(daemon: InstanceDaemon, given: CommandArguments['promote']): Promise<Outcome> {
  const { member } = daemon;
  if (member === null) return refused('not-a-member', 'this instance is in no mirror', 'FO-077');
  const why = refusalToPromote(daemon, member);
  if (why !== null) return refusedWith(why);
  const report = await reportPromotion(daemon, member);
  const accepted = given.acceptLossUpTo === undefined ? undefined : parsePlace(given.acceptLossUpTo);
  if (accepted === null) return refused('bad-value', 'a position is EPOCH/SEQUENCE, as in 3/1204', 'FO-082');
  const tooMuch = refusalOfLoss(report, accepted);
  if (tooMuch !== null) return refusedWith(tooMuch);
  const typed = given.partner?.toUpperCase();
  const partner = typed === undefined ? null : typed === 'NONE' ? 'none' : typed;
  const order = {
    command: 'promote',
    partner,
    hold: given.hold ?? false,
    lineage: randomUUID(),
    atMs: daemon.host.clock.wallMs(),
    evidence: evidenceOf(report, partner),
  } as const;
  const result = outcomeOf(await member.order(order));
  if (!result.ok || report.unreachable.length === 0) return result;
  const left = report.unreachable.join(', ');
  const text = `${result.text}. Not reached: ${left}. Before the instance there is started, its agent must have been reached, or ValidatedMember be 0 in its record; this member tells it as soon as it can`;
  return { ok: true, text };
}

function parsePlace(typed: string): Place | null {
  const parts = /^(\d{1,15})\/(\d{1,15})$/.exec(typed);
  return parts === null ? null : { epoch: Number(parts[1]), sequence: Number(parts[2]) };
}

/** The operator accepts losses up to a position; nothing is done where somebody is known to have more. */
function refusalOfLoss({ newest, own }: PromotionReport, accepted: Place | undefined): Refusal | null {
  if (accepted === undefined || !isBeyond(newest, accepted)) return null;
  const [has, is, upTo] = [own, newest, accepted].map(({ epoch, sequence }) => `${epoch}/${sequence}`);
  const text = `updates up to ${is} are known, this member has them up to ${has}, and losses were accepted up to ${upTo} only; see --dry-run`;
  return refusal('loss-too-great', text, 'FO-082');
}

/** Goes into events, messages log and, with a promotion by force, into the record. */
function evidenceOf({ own, newest, records, members, unreachable }: PromotionReport, partner: string | null): string {
  const said = members.map(
    ({ name, agentSays, end }) => `${name} ${agentSays}${end === null ? '' : ` ${end.epoch}/${end.sequence}`}`,
  );
  return [
    `partner ${partner ?? 'automatic'}`,
    `own journal up to ${own.epoch}/${own.sequence}`,
    `newest known ${newest.epoch}/${newest.sequence} (${records} records more)`,
    `agents: ${said.join(', ') || 'none asked'}`,
    `not reached: ${unreachable.join(', ') || 'none'}`,
  ].join('; ');
}

export async function demote(daemon: InstanceDaemon, command: 'demote' | 'demote-other'): Promise<Outcome> {
  const { member } = daemon;
  if (member === null) return refused('not-a-member', 'this instance is in no mirror', 'FO-087');
  return outcomeOf(await member.order({ command }));
}
