/** What a promotion would meet, and what might be lost by it (FO-077..084), in sentences; for the routine and the command line. */
import { wording } from '../../menus/wording.ts';
import type { LossReport, MemberStanding, PromotionReport } from '../protocol/assessment.ts';
import type { Description } from '../protocol/control-channel.ts';
import { fill } from './screen.ts';

const { promotion } = wording;

export function promotionSentences(report: PromotionReport): readonly string[] {
  const { primary, own, newest, records, members, unreachable, gathered, loss } = report;
  if (primary !== null) return [fill(promotion.withPrimary, { primary })];
  const facts = {
    own: place(own),
    newest: place(newest),
    records: String(records),
    unreachable: unreachable.join(', '),
  };
  const lines = [...members.map(standing), fill(promotion.own, facts)];
  lines.push(fill(records === 0 ? promotion.nothingMore : promotion.more, facts));
  if (gathered !== null) lines.push(fill(promotion.gathered, { from: gathered.from, upTo: place(gathered.upTo) }));
  if (loss !== null) lines.push(...lossSentences(loss));
  if (unreachable.length > 0) lines.push(fill(promotion.unreachable, facts), fill(promotion.validated, facts));
  return lines;
}

function lossSentences({ from, upTo, records, at, content }: LossReport): readonly string[] {
  const lost = fill(promotion.loss, { from: place(from), upTo: place(upTo), records: String(records), at });
  if (content === null) return [lost, promotion.lossUnread];
  const facts = {
    transactions: String(content.transactions),
    single: String(content.singleUpdates),
    databases: content.databases.map(({ name, updates }) => `${name} (${updates})`).join(', ') || promotion.noDatabase,
  };
  return [lost, fill(content.isWhole ? promotion.lossRead : promotion.lossReadInPart, facts)];
}

function standing({ name, agentSays, wasPrimary, end }: MemberStanding): string {
  const last = wasPrimary ? promotion.wasPrimary : '';
  return fill(promotion[agentSays], { name, last, end: end === null ? promotion.unknownEnd : place(end) });
}

function place({ epoch, sequence }: PromotionReport['own']): string {
  return `${epoch}/${sequence}`;
}

/** FO-087: whom it is about, and whom it leaves. */
export function demotionOf({ member, mirrorSet }: Description, command: 'demote' | 'demote-other') {
  const self = member ?? '';
  const other = mirrorSet?.members.find(({ name, type }) => type === 'Failover' && name !== self)?.name ?? '';
  return command === 'demote' ? { member: self, other } : { member: other, other: self };
}

export function demotionSentence(description: Description, command: 'demote' | 'demote-other'): string {
  return fill(wording.demotion, demotionOf(description, command));
}
