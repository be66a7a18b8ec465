/**
 * Bulk SETs with back-pressure: so many under way at most, in order, and over a change of the primary. Sets in order are
 * idempotent, so whatever was not answered is sent again to the next primary. The stream ends at the first record that
 * is refused; `acknowledged` then says how many records from the beginning on are durable.
 */
import type { WriteLevel } from '../protocol/client-channel.ts';
import { type ClientAnswer, type ClientRequest, maySetTogether } from '../protocol/client-messages.ts';
import { SetPacker } from '../protocol/packed-sets.ts';
import type { Entry } from './entry.ts';
import type { RequestPipeline } from './request-pipeline.ts';
import { packedBytesMax } from './shared-message.ts';

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

/** Records that go out in one message: a stream makes millions, none of which is an object. */
class StreamedSets implements Entry {
  readonly stream: SetStream;
  readonly repeatable = true;
  readonly database: string;
  readonly #sets: SetPacker;
  /** When each was written, if anybody wants to know. */
  readonly #writtenAtMs: number[] | null;
  #acknowledged = 0;
  #wasSent = false;
  readonly addedAtMs = performance.now();
  firstSentAtMs = 0;
  /** Others may still join it. */
  isOpen = true;

  constructor(stream: SetStream, database: string, bytesExpected: number, keepsTimes: boolean) {
    this.stream = stream;
    this.database = database;
    this.#sets = new SetPacker(bytesExpected);
    this.#writtenAtMs = keepsTimes ? [] : null;
  }

  add(key: Uint8Array, value: Uint8Array, mostSets: number): void {
    this.#sets.add(key, value);
    this.#writtenAtMs?.push(performance.now());
    if (this.requests >= mostSets || this.bytes >= packedBytesMax) this.isOpen = false;
  }

  get requests(): number {
    return this.#sets.count;
  }

  get bytes(): number {
    return this.#sets.length;
  }

  get request(): ClientRequest {
    const { database } = this;
    const { level } = this.stream;
    const head = level === 'durable' ? { number: 0, database } : { number: 0, database, level };
    const sets = this.#sets.packed;
    const [first] = sets.count === 1 ? sets : [];
    return first === undefined ? { type: 'sets', ...head, sets } : { type: 'set', ...head, ...first };
  }

  get isAbandoned(): boolean {
    return this.stream.hasFailed;
  }

  get wasSent(): boolean {
    return this.#wasSent;
  }

  /** What is sent again stays as it is: records written since then are behind others. */
  set wasSent(wasSent: boolean) {
    this.#wasSent = wasSent;
    this.isOpen = false;
  }

  answered(_answer: ClientAnswer, count: number): void {
    const times = this.#writtenAtMs?.slice(this.#acknowledged, this.#acknowledged + count);
    this.#acknowledged += count;
    this.stream.recordsAnswered(count, times);
  }

  repeat(): void {
    this.#sets.drop(this.#acknowledged);
    this.#writtenAtMs?.splice(0, this.#acknowledged);
    this.#acknowledged = 0;
  }

  failed(error: Error): void {
    this.stream.recordFailed(error);
  }
}

/** A record that goes out alone, because it is long or cannot be right. */
class StreamedAlone implements Entry {
  readonly stream: SetStream;
  readonly requests = 1;
  readonly repeatable = true;
  readonly request: ClientRequest;
  readonly addedAtMs = performance.now();
  firstSentAtMs = 0;
  wasSent = false;

  constructor(stream: SetStream, database: string, key: Uint8Array, value: Uint8Array) {
    const { level } = stream;
    const set = { type: 'set', number: 0, database, key, value } as const;
    this.stream = stream;
    this.request = level === 'durable' ? set : { ...set, level };
  }

  get isAbandoned(): boolean {
    return this.stream.hasFailed;
  }

  answered(): void {
    this.stream.recordsAnswered(1, [this.addedAtMs]);
  }

  repeat(): void {}

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
  /** The newest message, if more may join it; and about how long the next one will be. */
  #open: StreamedSets | null = null;
  #bytesExpected = 0;
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

  /** A value of 4 KiB or more must not be changed until it is acknowledged; what is shorter is copied. A promise = wait for it before the next. @throws what ended the stream */
  write(key: Uint8Array, value: Uint8Array, database = this.#database): Promise<void> | undefined {
    if (this.#failure !== null) throw this.#failure;
    this.#written += 1;
    if (maySetTogether({ database, key, value })) this.#pack(key, value, database);
    else this.#sendAlone(key, value, database);
    if (this.#written - this.#acknowledged < this.#inFlightMax) return undefined;
    return this.#wait(() => this.#written - this.#acknowledged < this.#inFlightMax);
  }

  #pack(key: Uint8Array, value: Uint8Array, database: string): void {
    const open = this.#open;
    if (open?.isOpen === true && open.database === database) return open.add(key, value, this.#pipeline.setsOfEntryMax);
    if (open !== null) this.#bytesExpected = open.bytes;
    const begun = new StreamedSets(this, database, this.#bytesExpected, this.#onAcknowledged !== undefined);
    begun.add(key, value, this.#pipeline.setsOfEntryMax);
    this.#open = begun;
    this.#pipeline.add(begun);
  }

  #sendAlone(key: Uint8Array, value: Uint8Array, database: string): void {
    // What is written from now on stands behind it.
    this.#open = null;
    this.#pipeline.add(new StreamedAlone(this, database, key, value));
  }

  /** Resolves when everything written is acknowledged. */
  async end(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    await this.#wait(() => this.#acknowledged === this.#written);
  }

  get hasFailed(): boolean {
    return this.#failure !== null;
  }

  /** The next so many records are durable; `writtenAtMs` of each where `onAcknowledged` is told. */
  recordsAnswered(count: number, writtenAtMs: readonly number[] = []): void {
    if (this.#failure !== null) return;
    if (this.#onAcknowledged === undefined) this.#acknowledged += count;
    else {
      for (const atMs of writtenAtMs) {
        this.#acknowledged += 1;
        this.#onAcknowledged(this.#acknowledged, performance.now() - atMs);
      }
    }
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
