/**
 * May a copy of a mirrored database follow the journal of this member from where it stands? Asked before a copy is restored
 * and before one is activated or caught up, so that a copy that cannot be brought level is refused while nothing is changed.
 */
import type { MirrorAttribute } from '../database/databases.ts';
import { type Journal, JournalDamagedError, JournalGoneError, JournalMismatchError } from '../journal/journal.ts';
import { comparePositions, type JournalPosition, printPosition } from '../mirror/journal-position.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { Refusal } from '../protocol/control-channel.ts';
import { refusal } from './command-outcome.ts';

/** `not-received` = this member's journal does not go so far yet, which passes (DB-023). */
export type Placement = { readonly place: 'follows' | 'not-received' } | { readonly refusal: Refusal };

const newBackup = 'take a new backup of it on the primary, or on a member that is caught up, and restore that one';

export function placeCopy(
  { mirror, database, addedAt }: MirrorAttribute,
  applied: JournalPosition,
  set: MirrorSet,
  journal: Pick<Journal, 'read' | 'end'>,
): Placement {
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
  if (comparePositions(applied, journal.end) > 0) return { place: 'not-received' };
  const gap = gapBehind(applied, journal);
  return gap === null ? { place: 'follows' } : no(gap.reason, `${gap.text}; ${newBackup}`, gap.spec);
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
