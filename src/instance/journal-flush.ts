/**
 * When the journal is flushed: once for everything that one turn stored or appended, at its end. The thread that owns the journal
 * stands still while it flushes; so what nobody waits for is gathered: updates of write level buffered for a few milliseconds, and on an
 * async what it receives, in rounds (docs/decisions/0056). A full disk is tried again after a while.
 */
import { type Journal, JournalBrokenError, JournalFrozenError } from '../journal/journal.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { isChunk } from '../mirror/journal-transfer.ts';
import { asyncFlushMs } from '../mirror/limits.ts';

/** Whether somebody waits for what is not flushed; `briefly`: all of it was asked for at write level buffered; `in-rounds`: on an async. */
export type Gathering = 'not' | 'briefly' | 'in-rounds';

export interface JournalFlushParts {
  readonly journal: Pick<Journal, 'flush' | 'end' | 'flushed'>;
  readonly gathering: () => Gathering;
  /** Monotonic. */
  readonly nowMs: () => number;
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
  #flushedMs = Number.NEGATIVE_INFINITY;

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
    const ms = this.#gathersMs();
    if (ms <= 0) return this.#flush();
    if (this.#waits) return;
    this.#waits = true;
    this.#parts.after(ms, () => {
      this.#waits = false;
      if (this.#isWanted && !this.#isFrozen) this.#flush();
    });
  }

  /** A lone message after a pause, and a whole chunk, wait for no round. */
  #gathersMs(): number {
    const { gathering, journal, nowMs } = this.#parts;
    const how = gathering();
    if (how !== 'in-rounds') return how === 'not' ? 0 : bufferedMs;
    return isChunk(journal.flushed, journal.end) ? 0 : this.#flushedMs + asyncFlushMs - nowMs();
  }

  #flush(): void {
    const { journal, onFlushed, onFrozen, failed, after } = this.#parts;
    this.#isWanted = false;
    this.#flushedMs = this.#parts.nowMs();
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
