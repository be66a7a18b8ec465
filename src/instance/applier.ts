/**
 * Brings the databases up to what is durable, when the rules say so. It lets updates gather for a few milliseconds, because a
 * commit of the store costs as much for one update as for a hundred, and its fsync stands in the way of the journal's. A
 * reader that waits, or a member that is becoming primary, does not wait for that.
 */
import type { Clock, Timer } from '../host/host.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';

export interface ApplierParts {
  readonly apply: (to: JournalPosition) => Promise<void>;
  readonly clock: Pick<Clock, 'after'>;
  readonly isUrgent: () => boolean;
  readonly onApplied: (to: JournalPosition) => void;
  readonly failed: (error: Error) => void;
}

/** How long updates may gather, ms. */
const gatherMs = 10;

export class Applier {
  readonly #parts: ApplierParts;
  #waiting: { readonly to: JournalPosition; readonly timer: Timer } | null = null;

  constructor(parts: ApplierParts) {
    this.#parts = parts;
  }

  /** One at a time; the next order comes after `onApplied`. */
  apply(to: JournalPosition): void {
    if (this.#parts.isUrgent()) {
      this.#begin(to);
      return;
    }
    this.#waiting = { to, timer: this.#parts.clock.after(gatherMs, () => this.hurry()) };
  }

  /** Somebody waits: do not let updates gather any longer. */
  hurry(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    this.#waiting = null;
    waiting.timer.cancel();
    this.#begin(waiting.to);
  }

  #begin(to: JournalPosition): void {
    this.#parts.apply(to).then(() => this.#parts.onApplied(to), this.#parts.failed);
  }
}
