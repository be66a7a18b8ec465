/**
 * The dejournal filter in use (SYN-023, SYN-024): which records of a block writable copies do without, and how many these were. The
 * module itself runs elsewhere (host/dejournal-filter.ts). Not for: what happens when it fails, which is the catalog's.
 */
import type { DejournalFilter } from '../host/dejournal-filter.ts';
import type { JournalPart } from '../journal/journal.ts';
import { recordsOf } from '../journal/record-groups.ts';

/** Sequences of the records of one block that are kept out of writable copies: it lies in one file, so each is there once. */
export type SkippedRecords = ReadonlySet<number>;

export const noRecords: SkippedRecords = new Set();

export class Filtering {
  #filter: DejournalFilter | null = null;
  #skipped = 0;

  get isOn(): boolean {
    return this.#filter !== null;
  }

  /** Records kept out since this filter was set, or the instance started. */
  get skippedRecords(): number {
    return this.#skipped;
  }

  /** Null = without one. What is being judged is judged by the one before. */
  use(filter: DejournalFilter | null): void {
    this.#filter?.reset();
    this.#filter = filter;
    this.#skipped = 0;
  }

  /** The module is loaded anew for the next block. */
  reset(): void {
    this.#filter?.reset();
  }

  /** It is asked about every update, whatever copy that is for. @throws FilterError */
  async judge(parts: readonly JournalPart[]): Promise<SkippedRecords> {
    if (this.#filter === null) return noRecords;
    const updates = parts.flatMap(recordsOf).flatMap(({ kind, database, key, value, position: { sequence } }) => {
      return kind === 'set' || kind === 'kill' ? [{ sequence, asked: { kind, database, key, value } }] : [];
    });
    if (updates.length === 0) return noRecords;
    const verdicts = await this.#filter.judge(updates.map(({ asked }) => asked));
    return new Set(updates.flatMap(({ sequence }, index) => (verdicts[index] === false ? [sequence] : [])));
  }

  count(skipped: number): void {
    this.#skipped += skipped;
  }
}
