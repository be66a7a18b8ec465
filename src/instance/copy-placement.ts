/**
 * May a copy of a mirrored database follow the journal of this member from where it stands? Asked before a copy is restored
 * and before one is activated or caught up, so that a copy that cannot be brought level is refused while nothing is changed.
 */
import { isFlagCleared, type MirrorAttribute } from '../database/databases.ts';
import { type Journal, JournalDamagedError, JournalGoneError, JournalMismatchError } from '../journal/journal.ts';
import { comparePositions, type JournalPosition, printPosition } from '../mirror/journal-position.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import { isReporting, type MemberType } from '../mirror/terms.ts';
import type { Refusal } from '../protocol/control-commands.ts';
import { refusal } from './command-outcome.ts';

/** `not-received` = this member's journal does not go so far yet, which passes (DB-023). */
export type Placement = { readonly place: 'follows' | 'not-received' } | { readonly refusal: Refusal };

const newBackup = 'take a new backup of it on the primary, or on a member that is caught up, and restore that one';

export function placeCopy(
  attribute: MirrorAttribute,
  applied: JournalPosition,
  set: MirrorSet,
  journal: Pick<Journal, 'read' | 'end'>,
  type: MemberType | null,
): Placement {
  const { mirror, database, addedAt } = attribute;
  if (mirror !== set.name) {
    return no('other-mirror', `it belongs to mirror ${mirror}, and this instance is in mirror ${set.name}`, 'DB-052');
  }
  const definition = set.databases.find((each) => each.name === database);
  if (definition === undefined) {
    const text = `the mirror has no database ${database} any more, or this member has not heard of it yet; add it on the primary first`;
    return no('not-in-mirror', text, 'DB-012');
  }
  if (definition.addedAt.epoch !== addedAt.epoch || definition.addedAt.sequence !== addedAt.sequence) {
    const text = `this copy is older than the last time ${database} was added to the mirror; ${newBackup}`;
    return no('copy-too-old', text, 'DB-020');
  }
  if (isFlagCleared(attribute) && (type === null || !isReporting(type))) {
    const text = `the FailoverDB flag of this copy was cleared on a reporting async, so it is no exact copy of ${database}; take one from a failover member or a DR async`;
    return no('flag-cleared', text, 'DB-039');
  }
  if (comparePositions(applied, journal.end) > 0) return { place: 'not-received' };
  const gap = gapBehind(applied, journal);
  return gap === null ? { place: 'follows' } : no(gap.reason, `${gap.text}; ${newBackup}`, gap.spec);
}

/** The same for one that shall follow now: then the journal must be here already. Null = it may. */
export function refusalToFollow(
  attribute: MirrorAttribute,
  applied: JournalPosition,
  set: MirrorSet,
  journal: Pick<Journal, 'read' | 'end'>,
  type: MemberType | null,
): Refusal | null {
  const placed = placeCopy(attribute, applied, set, journal, type);
  if ('refusal' in placed) return placed.refusal;
  if (placed.place === 'follows') return null;
  const text = `it stands at ${printPosition(applied)}, and this member has received the journal up to ${printPosition(journal.end)}; try again when it is connected and caught up`;
  return refusal('not-received', text, 'DB-023');
}

/** Null when all that follows the position is here. */
export function gapBehind(at: JournalPosition, journal: Pick<Journal, 'read' | 'end'>): Refusal | null {
  try {
    journal.read(at, journal.end, 1);
    return null;
  } catch (error) {
    const { message } = error as Error;
    const stands = `the copy stands at ${printPosition(at)}`;
    if (error instanceof JournalGoneError) {
      const text = `${stands}, and the mirror journal files from there on are not on this member any more: ${message}`;
      return refusal('journal-gone', text, 'DB-024');
    }
    if (error instanceof JournalMismatchError) {
      return refusal('not-this-journal', `${stands}, which is no place in this mirror's journal: ${message}`, 'DB-024');
    }
    if (error instanceof JournalDamagedError) {
      return refusal('journal-damaged', `${stands}, and the journal there cannot be read: ${message}`, 'DB-024');
    }
    throw error;
  }
}

function no(reason: string, text: string, spec: string | null): Placement {
  return { refusal: refusal(reason, text, spec) };
}
