/** Promotion and demotion as commands (FO-077..084, FO-087): who may, and the order to the rules. */
import { randomUUID } from 'node:crypto';
import { isFlagCleared } from '../database/databases.ts';
import { precondition } from '../mirror/operator-commands.ts';
import { refusalOfPartner } from '../mirror/promotion.ts';
import type { JournalPlace } from '../mirror/terms.ts';
import type { Finding } from '../protocol/assessment.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { outcomeOf, refusal, refused, refusedWith } from './command-outcome.ts';
import type { StillSo } from './order-commands.ts';
import type { InstanceDaemon, MirrorMember } from './parts.ts';
import { evidenceOf, reportPromotion } from './promotion-report.ts';

/** FO-077, DB-042. */
export function refusalToPromote(daemon: InstanceDaemon, member: MirrorMember): Refusal | null {
  const why = precondition(member.state, 'promote');
  if (why !== null) return why;
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

type Given = CommandArguments['promote'];

interface Wish {
  readonly member: MirrorMember;
  readonly partner: string | null;
  readonly accepted: JournalPlace | undefined;
}

/** What was typed, as far as it can be judged before anybody is asked. */
function wishOf(daemon: InstanceDaemon, given: Given): Wish | Refusal {
  const { member } = daemon;
  if (member === null) return refusal('not-a-member', 'this instance is in no mirror', 'FO-077');
  const why = refusalToPromote(daemon, member);
  if (why !== null) return why;
  const accepted = given.acceptLossUpTo === undefined ? undefined : parsePlace(given.acceptLossUpTo);
  if (accepted === null) return refusal('bad-value', 'a position is EPOCH/SEQUENCE, as in 3/1204', 'FO-082');
  const typed = given.partner?.toUpperCase();
  const partner = typed === undefined ? null : typed === 'NONE' ? 'none' : typed;
  return refusalOfPartner(member.state, partner) ?? { member, partner, accepted };
}

/** What it would meet is in the report (promotion-report.ts). */
export function lookBeforePromoting(daemon: InstanceDaemon, given: Given): Refusal | readonly Finding[] {
  const wish = wishOf(daemon, given);
  return 'reason' in wish ? wish : [];
}

export async function promote(daemon: InstanceDaemon, given: Given, stillSo: StillSo): Promise<Outcome> {
  const wish = wishOf(daemon, given);
  if ('reason' in wish) return refusedWith(wish);
  const { member, partner, accepted } = wish;
  const report = await reportPromotion(daemon, member);
  const changed = stillSo();
  if (changed !== null) return changed;
  // Whatever was changed while the others were asked.
  const since = wishOf(daemon, given);
  if ('reason' in since) return refusedWith(since);
  const order = {
    command: 'promote',
    partner,
    hold: given.hold ?? false,
    ...(accepted === undefined ? {} : { acceptLossUpTo: accepted }),
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

function parsePlace(typed: string): JournalPlace | null {
  const parts = /^(\d{1,15})\/(\d{1,15})$/.exec(typed);
  return parts === null ? null : { epoch: Number(parts[1]), sequence: Number(parts[2]) };
}

export async function demote(daemon: InstanceDaemon, command: 'demote' | 'demote-other'): Promise<Outcome> {
  const { member } = daemon;
  if (member === null) return refused('not-a-member', 'this instance is in no mirror', 'FO-087');
  return outcomeOf(await member.order({ command }));
}
