/**
 * Which records of a journal a database takes, and up to where it then stands: a group (the updates of one transaction) when
 * its last record is there, else nothing of it. All members read the same bytes, so all take the same groups. Not for:
 * writing groups (`continues` of journal.ts), and who may see them.
 */
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { Journal, PlacedRecord, ReadRecords } from './journal.ts';

/** Records to apply together, and the place where databases stand afterwards; never inside a group. */
export interface WholeBlock {
  readonly records: readonly PlacedRecord[];
  readonly to: JournalPosition;
  /** Wall clock of the newest record, ms; 0 when there is none. */
  readonly timeMs: number;
  /** The last record, where it is a barrier: a block ends with each, so that databases can be looked at right there. */
  readonly barrier: PlacedRecord | null;
}

/** How many records stand before the group that has no end among these. */
export function countWhole(records: readonly { readonly continues: boolean }[]): number {
  let count = records.length;
  while (count > 0 && records[count - 1]?.continues === true) count -= 1;
  return count;
}

/** Reads one journal for one reader of it, forward; it remembers how far it has looked for the end of an open group. */
export class WholeBlocks {
  readonly #journal: Pick<Journal, 'read' | 'bytesBetween'>;
  readonly #readRecords: ReadRecords;
  readonly #bytesMax: number;
  /** Where the group that begins at `from` was seen to go on. */
  #open: { readonly from: JournalPosition; readonly seenTo: JournalPosition } | null = null;

  /** `bytesMax`: about so much at once; a longer group is read whole all the same. */
  constructor(journal: Pick<Journal, 'read' | 'bytesBetween'>, readRecords: ReadRecords, bytesMax: number) {
    this.#journal = journal;
    this.#readRecords = readRecords;
    this.#bytesMax = bytesMax;
  }

  /** A group is begun behind the place that was read to, and its end is not here yet. */
  get isOpen(): boolean {
    return this.#open !== null;
  }

  /**
   * What follows `from`, the place that the block before ended at, and stands at or before `to`; null when nothing whole does.
   * @throws JournalGoneError, JournalMismatchError, JournalDamagedError
   */
  next(from: JournalPosition, to: JournalPosition): WholeBlock | null {
    const open = this.#open;
    if (open !== null && open.from.file === from.file && open.from.offset === from.offset) {
      return this.#goOn(from, open.seenTo, to);
    }
    this.#open = null;
    const chunk = this.#journal.read(from, to, this.#bytesMax);
    if (chunk === null) return null;
    const records = [...this.#readRecords(chunk)];
    const count = countWhole(records);
    const barrier = records.findIndex(({ kind }) => kind === 'barrier' || kind === 'barrier-sums');
    // A barrier is appended in a call of its own and never inside a group.
    if (barrier >= 0 && barrier < count) return blockOf(records.slice(0, barrier + 1), records[barrier]);
    if (count === records.length) return { records, to: chunk.to, timeMs: chunk.timeMs, barrier: null };
    if (count > 0) return blockOf(records.slice(0, count));
    return this.#goOn(from, chunk.to, to);
  }

  /** A group is open from `from` on and goes on at least to `seenTo`. */
  #goOn(from: JournalPosition, seenTo: JournalPosition, to: JournalPosition): WholeBlock | null {
    for (let at = seenTo; ; ) {
      this.#open = { from, seenTo: at };
      const chunk = this.#journal.read(at, to, this.#bytesMax);
      if (chunk === null) return null;
      if (chunk.offset === 0) {
        // The file ended inside the group: the primary that wrote it failed, and the rest of it is nowhere.
        this.#open = null;
        return { records: [], to: at, timeMs: 0, barrier: null };
      }
      for (const record of this.#readRecords(chunk)) {
        if (record.continues) continue;
        this.#open = null;
        return this.#whole(from, record.position);
      }
      at = chunk.to;
    }
  }

  #whole(from: JournalPosition, end: JournalPosition): WholeBlock {
    const records: PlacedRecord[] = [];
    for (let at = from; at.file !== end.file || at.offset < end.offset; ) {
      const chunk = this.#journal.read(at, end, this.#journal.bytesBetween(at, end));
      if (chunk === null) break;
      records.push(...this.#readRecords(chunk));
      at = chunk.to;
    }
    return blockOf(records);
  }
}

function blockOf(records: readonly PlacedRecord[], barrier: PlacedRecord | null = null): WholeBlock {
  const last = records.at(-1) as PlacedRecord;
  return { records, to: last.position, timeMs: last.timeMs, barrier };
}
