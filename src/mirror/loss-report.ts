/**
 * What a promotion would lose (FO-081, FO-082), from what members and agents say of their journals: the furthest journal that is
 * found, whatever the promoted member does not get of it, and who could not be asked. And, afterwards, what of that came true.
 */
import { comparePositions, type EpochBeginning, type JournalPosition } from './journal-position.ts';
import { commonPrefix, isBeyond } from './journal-transfer.ts';
import type { MemberState } from './member-state.ts';
import type { JournalPlace, MemberName, ReportedLoss } from './terms.ts';

/** What somebody has of the journal. */
export interface OfferedJournal {
  readonly history: readonly EpochBeginning[];
  readonly end: JournalPosition;
  /** The primary that it is connected with, or itself where it is primary. */
  readonly primary?: MemberName | null;
}

/** Null = it was asked and did not answer. */
export type Offers = ReadonlyMap<MemberName, OfferedJournal | null>;

export interface Loss extends JournalPlace {
  /** End of the furthest journal; that of `own` where none has more. */
  readonly upTo: JournalPlace;
  /** Who has it; null = nobody has more. */
  readonly at: MemberName | null;
  readonly records: number;
}

/** What others have that `own` lacks: behind which place, up to where, and how many records. */
export function lossAgainst(own: OfferedJournal, offers: Offers): Loss {
  let loss: Loss = { ...place(own.end), upTo: place(own.end), at: null, records: 0 };
  for (const [name, offer] of offers) {
    if (offer === null) continue;
    const common = commonPrefix(own, offer);
    if (!isBeyond(offer.end, common) || offer.end.sequence <= common.sequence) continue;
    const records = offer.end.sequence - common.sequence;
    const from = isBefore(common, loss) ? common : place(loss);
    const isFurther = isBefore(loss.upTo, offer.end) || loss.at === null;
    loss = {
      ...from,
      upTo: isFurther ? place(offer.end) : loss.upTo,
      at: isFurther ? name : loss.at,
      records: Math.max(loss.records, records),
    };
  }
  return loss;
}

/** The furthest journal among these that goes on where `own` ends, so that nothing of `own` has to be cut for it. */
export function furthestBehind(own: OfferedJournal, offers: Offers): MemberName | null {
  let best: { readonly name: MemberName; readonly end: JournalPosition } | null = null;
  for (const [name, offer] of offers) {
    if (offer === null || offer.end.sequence <= own.end.sequence || !goesOnFrom(own, offer)) continue;
    if (best === null || comparePositions(offer.end, best.end) > 0) best = { name, end: offer.end };
  }
  return best?.name ?? null;
}

function goesOnFrom(own: OfferedJournal, offer: OfferedJournal): boolean {
  const common = commonPrefix(own, offer);
  const oldest = offer.history[0]?.begin;
  const isKept = oldest === undefined || oldest.file <= 1 || !isBeyond(oldest, common);
  return isKept && !isBeyond(own.end, common);
}

export function isBefore(a: JournalPlace, b: JournalPlace): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.sequence < b.sequence);
}

export function place({ epoch, sequence }: JournalPlace): JournalPlace {
  return { epoch, sequence };
}

export function printPlace({ epoch, sequence }: JournalPlace): string {
  return `${epoch}/${sequence}`;
}

/** In one sentence, for people. */
export function reportedText({ by, from, upTo, records, notReached }: ReportedLoss): string {
  const known =
    records === 0
      ? `${by} has all that was found, up to ${printPlace(from)}`
      : `${by} lacks what follows ${printPlace(from)}, ${records} records up to ${printPlace(upTo)}`;
  return notReached.length === 0 ? known : `${known}; what ${notReached.join(', ')} alone had was not known`;
}

/**
 * This member comes back with journal data that the mirror lacks: what the last promotion by force was reported to lose, and what is
 * lost; empty where none was.
 */
export function comparedWithReport({ self, record }: MemberState, records: number, end: JournalPlace): string {
  const reported = record.failoverMembers?.reported;
  if (reported === undefined) return '';
  const isUnknown = reported.notReached.includes(self);
  const isMore = records > reported.records || isBefore(reported.upTo, end);
  const unknown = isUnknown ? `, and that what ${self} alone had was not known` : '';
  const more = isMore && !isUnknown ? ': more than reported' : '';
  return `the promotion of ${reported.by} reported ${reported.records} records lost${unknown}; here ${records} are${more}`;
}
