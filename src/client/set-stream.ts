/**
 * Bulk SETs with back-pressure: so many under way at most, in order, and over a change of the primary. Sets in order are
 * idempotent, so whatever was not answered is sent again to the next primary. The stream ends at the first record that
 * is refused; `acknowledged` then says how many records from the beginning on are durable.
 */
import type { ClientAnswer } from '../protocol/client-messages.ts';
import type { Entry, RequestPipeline } from './request-pipeline.ts';

export interface SetStreamOptions {
  /** Records under way at most; 1024 when left out. */
  readonly inFlight?: number;
  /** Database of all records; empty = the only mirrored one. */
  readonly database?: string;
  /** After each acknowledgement: which record (counted from 1), and the ms since it was written. */
  readonly onAcknowledged?: (record: number, ms: number) => void;
}

export const streamInFlightDefault = 1024;

export class SetStream {
  readonly #pipeline: RequestPipeline;
  readonly #inFlightMax: number;
  readonly #database: string;
  readonly #onAcknowledged: ((record: number, ms: number) => void) | undefined;
  #written = 0;
  #acknowledged = 0;
  #failure: Error | null = null;
  /** Resolved when there is room again, when all is acknowledged, or when the stream has failed. */
  #waiters: { readonly until: () => boolean; readonly resolve: () => void; readonly reject: (error: Error) => void }[] =
    [];

  constructor(pipeline: RequestPipeline, options: SetStreamOptions, database: string) {
    this.#pipeline = pipeline;
    this.#inFlightMax = options.inFlight ?? streamInFlightDefault;
    this.#database = database;
    this.#onAcknowledged = options.onAcknowledged;
  }

  get written(): number {
    return this.#written;
  }

  /** Records from the beginning on that are durable. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Key and value must not be changed until they are acknowledged. A promise = wait for it before the next. @throws what ended the stream */
  write(key: Uint8Array, value: Uint8Array, database = this.#database): Promise<void> | undefined {
    if (this.#failure !== null) throw this.#failure;
    this.#written += 1;
    this.#pipeline.add(this.#entry(key, value, database));
    if (this.#written - this.#acknowledged < this.#inFlightMax) return undefined;
    return this.#wait(() => this.#written - this.#acknowledged < this.#inFlightMax);
  }

  /** Resolves when everything written is acknowledged. */
  async end(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    await this.#wait(() => this.#acknowledged === this.#written);
  }

  #entry(key: Uint8Array, value: Uint8Array, database: string): Entry {
    const record = this.#written;
    const writtenAtMs = this.#onAcknowledged === undefined ? 0 : performance.now();
    const hasFailed = () => this.#failure !== null;
    return {
      request: { type: 'set', number: 0, database, key, value },
      repeatable: true,
      stream: this,
      get isAbandoned() {
        return hasFailed();
      },
      wasSent: false,
      answered: (_answer: ClientAnswer) => {
        if (this.#failure !== null) return;
        this.#acknowledged += 1;
        this.#onAcknowledged?.(record, performance.now() - writtenAtMs);
        if (this.#waiters.length > 0) this.#settle();
      },
      failed: (error) => {
        if (this.#failure !== null) return;
        this.#failure = error;
        this.#settle();
      },
    };
  }

  #wait(until: () => boolean): Promise<void> {
    if (until()) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ until, resolve, reject }));
  }

  #settle(): void {
    const failure = this.#failure;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (failure !== null) waiter.reject(failure);
      else if (waiter.until()) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }
}
