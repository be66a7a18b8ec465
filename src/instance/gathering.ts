/**
 * How long a batch of updates waits for more. Applications that wait for each answer come back together, a moment after they were
 * answered together: whoever flushes for the first of them lets all others wait for two flushes instead of one. So a batch
 * waits for those that were just answered, at most for a share of what a commit takes, and less and less where they do not come.
 */

/** The share of a recent commit that a batch may wait, and the most of it, ms. */
const shareOfCommit = 0.3;
const waitMaxMs = 1;
/** Less than this is not worth a wait. */
const waitMinMs = 0.02;
/** How much a new commit counts in the mean of the recent ones. */
const weightOfNewest = 0.1;

export class Gathering {
  readonly #nowMs: () => number;
  /** Connections that were answered and have nothing under way. */
  readonly #expected = new Set<object>();
  /** When the present wait began; null = none. */
  #sinceMs: number | null = null;
  /** From an append until all of it is durable, in the mean. */
  #commitMs = 0;
  #measured: { readonly sequence: number; readonly atMs: number } | null = null;
  /** 1 = waiting pays, towards 0 = nobody comes. */
  #patience = 1;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Everything this connection had under way is answered. */
  answered(client: object): void {
    this.#expected.add(client);
  }

  /** It has sent something, or is gone. */
  isBack(client: object): void {
    this.#expected.delete(client);
  }

  /** Asked at the end of each turn in which there are updates: shall they wait for the next turn? */
  waits(): boolean {
    if (this.#expected.size === 0) {
      if (this.#sinceMs !== null) this.#patience = Math.min(1, this.#patience * 1.5 + 0.05);
      return false;
    }
    const limitMs = this.#patience * Math.min(waitMaxMs, shareOfCommit * this.#commitMs);
    if (limitMs < waitMinMs) {
      // From time to time it is tried again.
      this.#patience = Math.min(1, this.#patience + 0.01);
      return false;
    }
    const nowMs = this.#nowMs();
    this.#sinceMs ??= nowMs;
    if (nowMs - this.#sinceMs < limitMs) return true;
    this.#patience /= 2;
    return false;
  }

  /** The batch is in the journal; its newest update has this sequence. */
  appended(sequence: number): void {
    this.#sinceMs = null;
    this.#expected.clear();
    this.#measured ??= { sequence, atMs: this.#nowMs() };
  }

  /** Everything up to here is durable. */
  durable(sequence: number): void {
    if (this.#measured === null || sequence < this.#measured.sequence) return;
    const tookMs = this.#nowMs() - this.#measured.atMs;
    this.#commitMs = this.#commitMs === 0 ? tookMs : this.#commitMs + (tookMs - this.#commitMs) * weightOfNewest;
    this.#measured = null;
  }

  /** What was appended may never become durable here. */
  forget(): void {
    this.#measured = null;
    this.#sinceMs = null;
    this.#expected.clear();
  }
}
