/**
 * When the journal is flushed: once for everything that one turn stored or appended, at its end. Updates that were asked for at
 * write level buffered may wait a few milliseconds for others, because the thread that owns the journal stands still while it
 * flushes, and nobody waits for them. A full disk is tried again after a while.
 */
import { type Journal, JournalBrokenError, JournalFrozenError } from '../journal/journal.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';

export interface JournalFlushParts {
  readonly journal: Pick<Journal, 'flush'>;
  /** Was everything that is not flushed asked for at write level buffered? */
  readonly mayWait: () => boolean;
  readonly after: (ms: number, run: () => void) => void;
  readonly onFlushed: (to: JournalPosition) => void;
  readonly onFrozen: (reason: string) => void;
  readonly failed: (error: Error) => void;
}

/** How long buffered updates may gather, ms. */
const bufferedMs = 5;
/** How long a full disk is left alone before the next try, ms. */
export const frozenRetryMs = 500;

export class JournalFlush {
  readonly #parts: JournalFlushParts;
  #isWanted = false;
  #isFrozen = false;
  #waits = false;

  constructor(parts: JournalFlushParts) {
    this.#parts = parts;
  }

  /** Something was stored or appended. */
  want(): void {
    this.#isWanted = true;
  }

  /** The turn is over. */
  settle(): void {
    if (!this.#isWanted || this.#isFrozen) return;
    if (!this.#parts.mayWait()) return this.#flush();
    if (this.#waits) return;
    this.#waits = true;
    this.#parts.after(bufferedMs, () => {
      this.#waits = false;
      if (this.#isWanted && !this.#isFrozen) this.#flush();
    });
  }

  #flush(): void {
    const { journal, onFlushed, onFrozen, failed, after } = this.#parts;
    this.#isWanted = false;
    let to: JournalPosition;
    try {
      to = journal.flush();
    } catch (error) {
      if (error instanceof JournalBrokenError) return failed(error);
      if (!(error instanceof JournalFrozenError)) throw error;
      onFrozen(error.message);
      this.#isWanted = true;
      this.#isFrozen = true;
      after(frozenRetryMs, () => {
        this.#isFrozen = false;
        this.#flush();
      });
      return;
    }
    onFlushed(to);
  }
}
