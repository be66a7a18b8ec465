/**
 * Which records of a journal a database takes, and up to where it then stands: a group (the updates of one transaction) when
 * its last record is there, else nothing of it. All members read the same bytes, so all take the same groups. Not for:
 * writing groups (`continues` of journal.ts), and who may see them.
 */
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { Journal, JournalPart, PlacedRecord, ReadParts } from './journal.ts';
import { passOver } from './read-records.ts';

/** Parts to apply together, and the place where databases stand afterwards; never inside a group. */
export interface WholeBlock {
  readonly parts: readonly JournalPart[];
  readonly to: JournalPosition;
  /** Wall clock of the newest record, ms; 0 when there is none. */
  readonly timeMs: number;
  /** The last part, where it is a barrier: a block ends with each, so that databases can be looked at right there. */
  readonly barrier: PlacedRecord | null;
}

export function recordsOf(part: JournalPart): readonly PlacedRecord[] {
  return part.kind === 'sets' ? part.records() : [part];
}

/** How many of these stand before the group that has no end among them. */
export function countWhole(records: readonly { readonly continues: boolean }[]): number {
  let count = records.length;
  while (count > 0 && records[count - 1]?.continues === true) count -= 1;
  return count;
}

/** Reads one journal for one reader of it, forward; it remembers how far it has looked for the end of an open group. */
export class WholeBlocks {
  readonly #journal: Pick<Journal, 'read' | 'bytesBetween'>;
  readonly #readParts: ReadParts;
  readonly #bytesMax: number;
  /** Where the group that begins at `from` was seen to go on. */
  #open: { readonly from: JournalPosition; readonly seenTo: JournalPosition } | null = null;

  /** `bytesMax`: about so much at once; a longer group is read whole all the same. */
  constructor(journal: Pick<Journal, 'read' | 'bytesBetween'>, readParts: ReadParts, bytesMax: number) {
    this.#journal = journal;
    this.#readParts = readParts;
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
    const open = this.#openAt(from);
    if (open !== null) return this.#goOn(from, open.seenTo, to);
    this.#open = null;
    const chunk = this.#journal.read(from, to, this.#bytesMax);
    if (chunk === null) return null;
    const parts = this.#readParts(chunk);
    const count = countWhole(parts);
    const barrier = parts.findIndex(isBarrier);
    // A barrier is appended in a call of its own and never inside a group.
    if (barrier >= 0 && barrier < count) return blockOf(parts.slice(0, barrier + 1));
    if (count === parts.length) return { parts, to: chunk.to, timeMs: chunk.timeMs, barrier: null };
    if (count > 0) return blockOf(parts.slice(0, count));
    return this.#goOn(from, chunk.to, to);
  }

  /** The same for nobody: without parts as far as there is no barrier, since making them is what costs most. */
  pass(from: JournalPosition, to: JournalPosition): WholeBlock | null {
    const chunk = this.#openAt(from) === null ? this.#journal.read(from, to, this.#bytesMax) : null;
    const passed = chunk === null ? null : passOver(chunk);
    return passed === null ? this.next(from, to) : { ...passed, parts: [], barrier: null };
  }

  #openAt({ file, offset }: JournalPosition) {
    const { from } = this.#open ?? {};
    return from?.file === file && from.offset === offset ? this.#open : null;
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
        return { parts: [], to: at, timeMs: 0, barrier: null };
      }
      for (const part of this.#readParts(chunk)) {
        if (part.continues) continue;
        this.#open = null;
        return this.#whole(from, part.position);
      }
      at = chunk.to;
    }
  }

  #whole(from: JournalPosition, end: JournalPosition): WholeBlock {
    const parts: JournalPart[] = [];
    for (let at = from; at.file !== end.file || at.offset < end.offset; ) {
      const chunk = this.#journal.read(at, end, this.#journal.bytesBetween(at, end));
      if (chunk === null) break;
      parts.push(...this.#readParts(chunk));
      at = chunk.to;
    }
    return blockOf(parts);
  }
}

function isBarrier(part: JournalPart): part is PlacedRecord {
  return part.kind === 'barrier' || part.kind === 'barrier-sums';
}

function blockOf(parts: readonly JournalPart[]): WholeBlock {
  const last = parts.at(-1) as JournalPart;
  return { parts, to: last.position, timeMs: last.timeMs, barrier: isBarrier(last) ? last : null };
}
