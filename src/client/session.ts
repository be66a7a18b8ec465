/**
 * A connection of its own to one member, with what only a connection can have: a transaction and locks. It follows no failover:
 * when the link is lost the primary has rolled its transaction back and freed its locks, every further call says so with
 * SessionLostError, and the application begins again with a new session.
 */
import type { WriteLevel } from '../protocol/client-channel.ts';
import type { ClientRequest } from '../protocol/client-messages.ts';
import { OutcomeUnknownError, SessionLostError } from './client-errors.ts';
import { GlobalRequests, isDone, type RequestOptions, type TakeAnswer, textOf } from './global-requests.ts';
import type { RequestPipeline } from './request-pipeline.ts';

export interface LockOptions extends RequestOptions {
  /** Others may hold it shared too. */
  readonly shared?: boolean;
  /** Give up all other locks first: LOCK without a plus sign. */
  readonly replace?: boolean;
  /** How long to wait, ms; 0 = not at all. As long as it takes when left out. */
  readonly timeoutMs?: number;
}

/** One LOCK request waits this long at most; a longer wait is several of them. */
const lockWaitMs = 15_000;

export class Session extends GlobalRequests {
  readonly #pipeline: RequestPipeline;
  #level = 0;
  #mayHoldLocks = false;

  constructor(pipeline: RequestPipeline, database: string) {
    super(database);
    this.#pipeline = pipeline;
  }

  /** $TLEVEL: how many transactions are open inside each other. */
  get level(): number {
    return this.#level;
  }

  /** The link is gone, and with it transaction and locks. */
  get isLost(): boolean {
    return this.#pipeline.isClosed;
  }

  /** A LOCK was asked for since the last time that all were given up. */
  get mayHoldLocks(): boolean {
    return this.#mayHoldLocks;
  }

  /** TSTART. From here on updates of this session are seen by it alone, until the outermost `commit`. */
  async begin(): Promise<void> {
    this.#level = Number(textOf(await this.askValue({ type: 'begin', number: 0, database: '' })));
  }

  /**
   * TCOMMIT; the outermost one makes all updates visible at once and resolves when they are durable, in all databases or none.
   * @throws OutcomeUnknownError when it was sent and not answered; RequestRefusedError when nothing of it was done
   */
  async commit(options?: { readonly level?: WriteLevel }): Promise<void> {
    const isOutermost = this.#level <= 1;
    try {
      await this.ask({ type: 'commit', ...this.written(options), database: '' }, false, isDone);
    } finally {
      if (isOutermost) this.#level = 0;
    }
    if (!isOutermost) this.#level -= 1;
  }

  /** TROLLBACK: everything, or with 1 the innermost level. $INCREMENT is not taken back, as in the original. */
  async rollback(levels: 0 | 1 = 0): Promise<void> {
    this.#level = Number(textOf(await this.askValue({ type: 'rollback', number: 0, database: '', levels })));
  }

  /**
   * LOCK on these names, all or none; false when the time was over. A lock also holds everything below and above its name. It is
   * advisory: who does not lock is not kept out. Unlocked inside a transaction it is held to the end of it.
   * @throws RequestRefusedError with code `protect` where this member is not primary (DB-043)
   */
  async lock(keys: Uint8Array | readonly Uint8Array[], options: LockOptions = {}): Promise<boolean> {
    this.#mayHoldLocks = true;
    const names = namesOf(keys, options.shared);
    const untilMs = performance.now() + (options.timeoutMs ?? Number.POSITIVE_INFINITY);
    for (let first = true; ; first = false) {
      const timeoutMs = Math.max(0, Math.min(Math.round(untilMs - performance.now()), this.#waitMs));
      const replace = first && options.replace === true;
      const database = this.in(options);
      const granted = await this.askValue({ type: 'lock', number: 0, database, replace, timeoutMs, names }, false);
      if (textOf(granted) === '1') return true;
      if (performance.now() >= untilMs) return false;
    }
  }

  /** A primary that leaves a request unanswered for the client's timeout is given up: a lock waits in shorter pieces. */
  get #waitMs(): number {
    return Math.min(lockWaitMs, Math.round(this.#pipeline.timeoutMs / 3));
  }

  /** LOCK - on these names; all locks of the session when none are given. */
  async unlock(keys: Uint8Array | readonly Uint8Array[] = [], options: LockOptions = {}): Promise<void> {
    const names = namesOf(keys, options.shared);
    await this.ask({ type: 'unlock', number: 0, database: this.in(options), names }, false, isDone);
    if (names.length === 0) this.#mayHoldLocks = false;
  }

  /** Rolls back what is open and frees all locks. */
  close(): void {
    this.#pipeline.close();
  }

  protected override async ask<T>(request: ClientRequest, _repeatable: boolean, take: TakeAnswer<T>): Promise<T> {
    const inTransaction = this.#level > 0;
    try {
      return await this.#pipeline.ask(request, false, take);
    } catch (error) {
      // What was only held for the transaction is known to be undone.
      const isHeld = inTransaction && (request.type !== 'commit' || this.#level > 1) && request.type !== 'increment';
      if (error instanceof OutcomeUnknownError && isHeld) throw new SessionLostError(error.message, { cause: error });
      throw error;
    }
  }
}

function namesOf(keys: Uint8Array | readonly Uint8Array[], shared = false) {
  return (keys instanceof Uint8Array ? [keys] : keys).map((key) => ({ key, shared }));
}
