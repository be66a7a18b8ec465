/**
 * Where a record stands in the mirror journal. Order is by epoch, then sequence; file and offset say where its bytes
 * are and are equal on every member, because members keep byte-identical mirror journal files.
 */
import type { Epoch } from './terms.ts';
export interface JournalPosition {
  /** Number of the epoch the position belongs to (Epoch.number). */
  readonly epoch: number;
  /** Number of the mirror journal file, counted from 1 over the whole life of the mirror. */
  readonly file: number;
  /** Bytes from the beginning of that file to the first byte after the record. */
  readonly offset: number;
  /** Number of the record, mirror-wide and gap-free; the position says "everything up to and with this record". */
  readonly sequence: number;
}

/** Before the first record of a mirror. */
export const JOURNAL_START: JournalPosition = { epoch: 0, file: 0, offset: 0, sequence: 0 };

/** Negative, zero or positive, as for sorting. */
export function comparePositions(a: JournalPosition, b: JournalPosition): number {
  return a.epoch - b.epoch || a.sequence - b.sequence;
}

export function isAtOrAfter(a: JournalPosition, b: JournalPosition): boolean {
  return comparePositions(a, b) >= 0;
}

export function earlier(a: JournalPosition, b: JournalPosition): JournalPosition {
  return comparePositions(a, b) <= 0 ? a : b;
}

export function later(a: JournalPosition, b: JournalPosition): JournalPosition {
  return comparePositions(a, b) >= 0 ? a : b;
}

/** `epoch/sequence`, the form an operator types and reads. */
export function printPosition(position: JournalPosition): string {
  return `${position.epoch}/${position.sequence}`;
}

/**
 * Where an epoch begins in one member's journal: the list of these is the journal's history, one entry for each epoch
 * that has a file, oldest first. `begin` is the position of the last record before the epoch's first one, seen in the
 * epoch's own first file: {epoch, file, offset after the header, sequence of the record before}.
 */
export interface EpochBeginning {
  readonly epoch: number;
  readonly owner: string;
  readonly lineage: string;
  readonly begin: JournalPosition;
}

/** The reign that begins there. */
export function epochOf({ epoch, owner, lineage }: EpochBeginning): Epoch {
  return { number: epoch, owner, lineage };
}
