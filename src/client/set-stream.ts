/**
 * Bulk SETs with back-pressure: so many under way at most, in order, and over a change of the primary. Sets in order are
 * idempotent, so whatever was not answered is sent again to the next primary. The stream ends at the first record that
 * is refused; `acknowledged` then says how many records from the beginning on are durable.
 */
import type { WriteLevel } from '../protocol/client-channel.ts';
import type { ClientAnswer, ClientRequest } from '../protocol/client-messages.ts';
import type { Entry, RequestPipeline } from './request-pipeline.ts';

export interface SetStreamOptions {
  /** Records under way at most; 1024 when left out. */
  readonly inFlight?: number;
  /** Database of all records; empty = the only mirrored one. */
  readonly database?: string;
  /** durable when left out. What is answered earlier is not sent again, and may be lost with the primary. */
  readonly level?: WriteLevel;
  /** After each acknowledgement: which record (counted from 1), and the ms since it was written. */
  readonly onAcknowledged?: (record: number, ms: number) => void;
}

export const streamInFlightDefault = 1024;

/** One record under way, and its request too: a stream makes a million of them, each one object without a closure. */
class StreamEntry implements Entry {
  readonly stream: SetStream;
  readonly repeatable = true;
  readonly record: number;
  readonly writtenAtMs: number;
  readonly type = 'set';
  readonly number = 0;
  readonly database: string;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Absent = durable. */
  readonly level?: WriteLevel;
  wasSent = false;

  constructor(
    stream: SetStream,
    record: number,
    writtenAtMs: number,
    database: string,
    key: Uint8Array,
    value: Uint8Array,
  ) {
    this.stream = stream;
    this.record = record;
    this.writtenAtMs = writtenAtMs;
    this.database = database;
    this.key = key;
    this.value = value;
    if (stream.level !== 'durable') this.level = stream.level;
  }

  get request(): ClientRequest {
    return this;
  }

  get isAbandoned(): boolean {
    return this.stream.hasFailed;
  }

  answered(_answer: ClientAnswer): void {
    this.stream.recordAnswered(this);
  }

  failed(error: Error): void {
    this.stream.recordFailed(error);
  }
}

export class SetStream {
  readonly #pipeline: RequestPipeline;
  readonly #inFlightMax: number;
  readonly #database: string;
  readonly level: WriteLevel;
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
    this.level = options.level ?? 'durable';
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
    const writtenAtMs = this.#onAcknowledged === undefined ? 0 : performance.now();
    this.#pipeline.add(new StreamEntry(this, this.#written, writtenAtMs, database, key, value));
    if (this.#written - this.#acknowledged < this.#inFlightMax) return undefined;
    return this.#wait(() => this.#written - this.#acknowledged < this.#inFlightMax);
  }

  /** Resolves when everything written is acknowledged. */
  async end(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    await this.#wait(() => this.#acknowledged === this.#written);
  }

  get hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** One more record is durable. */
  recordAnswered(entry: StreamEntry): void {
    if (this.#failure !== null) return;
    this.#acknowledged += 1;
    this.#onAcknowledged?.(entry.record, performance.now() - entry.writtenAtMs);
    if (this.#waiters.length > 0) this.#settle();
  }

  recordFailed(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#settle();
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
