/**
 * Door of the client room: the library that applications import to read and write globals through a superserver.
 *
 *   const client = await connect({network, targets: [{host: '127.0.0.11', port: 1972}], mirror: 'LAB'});
 *   await client.set(encodeKey('CITY', ['FR', '75']), Buffer.from('2138551'));
 *
 * With a mirror the client finds its primary, follows it when it changes, and waits for one up to `timeoutMs`. Reads and
 * streams are then simply sent again. A single set, kill or increment that was sent and not answered is not: nobody knows
 * whether it was done, and the caller gets OutcomeUnknownError. Without a mirror it talks to the one instance, whatever
 * its role, which may be read on every member.
 */
import type { Address } from '../mirror/mirror-set.ts';
import type { MirrorName } from '../mirror/terms.ts';
import type { Network } from '../network/network.ts';
import {
  type ClientAnswer,
  type ClientDatabases,
  type ClientNode,
  type ClientRequest,
  type Direction,
  decodeDatabases,
} from '../protocol/client-messages.ts';
import { type Entry, RequestPipeline } from './request-pipeline.ts';
import { SetStream, type SetStreamOptions, streamInFlightDefault } from './set-stream.ts';

export { MirrorUnreachableError, OutcomeUnknownError, RequestRefusedError } from './client-errors.ts';
export type { SetStream, SetStreamOptions } from './set-stream.ts';

export interface ConnectOptions {
  readonly network: Network;
  /** Superservers of members, in any order; of the one instance when there is no mirror. */
  readonly targets: readonly Address[];
  readonly mirror?: MirrorName;
  /** Database of requests that name none; empty = the only mirrored one. */
  readonly database?: string;
  readonly timeoutMs?: number;
  /** Silence of a primary after which the others are asked; 1500 when left out. */
  readonly silenceMs?: number;
  /** Requests under way at most. */
  readonly window?: number;
}

/** Key bytes are those of protocol/global-key.ts. */
export interface RequestOptions {
  readonly database?: string;
}

const scanPageNodes = 1000;
const nothing = new Uint8Array(0);

/** @throws MirrorUnreachableError when no member answers as needed until the timeout. */
export async function connect(options: ConnectOptions): Promise<Client> {
  const pipeline = new RequestPipeline({
    network: options.network,
    targets: options.targets,
    mirror: options.mirror ?? '',
    timeoutMs: options.timeoutMs ?? 60_000,
    silenceMs: options.silenceMs ?? 1500,
    window: options.window ?? streamInFlightDefault,
  });
  try {
    await pipeline.open();
  } catch (error) {
    pipeline.close();
    throw error;
  }
  return new Client(pipeline, options.database ?? '');
}

export class Client {
  readonly #pipeline: RequestPipeline;
  readonly #database: string;

  constructor(pipeline: RequestPipeline, database: string) {
    this.#pipeline = pipeline;
    this.#database = database;
  }

  /** How often another link had to be made since the first one. */
  get reconnects(): number {
    return this.#pipeline.reconnects;
  }

  /** The member the client talks to now; null while it looks for one. */
  get address(): Address | null {
    return this.#pipeline.address;
  }

  /** Resolves when the update is durable. */
  async set(key: Uint8Array, value: Uint8Array, options?: RequestOptions): Promise<void> {
    await this.#ask({ type: 'set', number: 0, database: this.#in(options), key, value }, false);
  }

  /** The node and everything below it. */
  async kill(key: Uint8Array, options?: RequestOptions): Promise<void> {
    await this.#ask({ type: 'kill', number: 0, database: this.#in(options), key }, false);
  }

  /** $INCREMENT; `amount` and the result are canonical numbers in text. */
  async increment(key: Uint8Array, amount = '1', options?: RequestOptions): Promise<string> {
    const value = await this.#askValue(
      { type: 'increment', number: 0, database: this.#in(options), key, amount },
      false,
    );
    return textOf(value);
  }

  /** Null where the node has no value. */
  get(key: Uint8Array, options?: RequestOptions): Promise<Uint8Array | null> {
    return this.#askValue({ type: 'get', number: 0, database: this.#in(options), key });
  }

  /** $DATA: 0, 1, 10 or 11. */
  async data(key: Uint8Array, options?: RequestOptions): Promise<number> {
    return Number(textOf(await this.#askValue({ type: 'data', number: 0, database: this.#in(options), key })));
  }

  /** Nodes with a value at and below the key; an empty key counts the whole database. */
  async count(key: Uint8Array, options?: RequestOptions): Promise<number> {
    return Number(textOf(await this.#askValue({ type: 'count', number: 0, database: this.#in(options), key })));
  }

  /** $ORDER: key of the neighbour on the same level, null at the end. */
  order(key: Uint8Array, direction: Direction = 'forward', options?: RequestOptions): Promise<Uint8Array | null> {
    return this.#askKey({ type: 'order', number: 0, database: this.#in(options), key, direction });
  }

  /** $QUERY: key of the next node with a value, null at the end. */
  query(key: Uint8Array, direction: Direction = 'forward', options?: RequestOptions): Promise<Uint8Array | null> {
    return this.#askKey({ type: 'query', number: 0, database: this.#in(options), key, direction });
  }

  /** The node and all below it in key order, page by page; an empty prefix is the whole database. */
  async *scan(prefix: Uint8Array, options?: RequestOptions): AsyncGenerator<ClientNode, void, undefined> {
    const database = this.#in(options);
    const ask = (after: Uint8Array) =>
      this.#ask({ type: 'scan', number: 0, database, key: prefix, after, limit: scanPageNodes });
    let next: Promise<ClientAnswer> | null = ask(nothing);
    while (next !== null) {
      const page: ClientAnswer = await next;
      if (page.type !== 'page') throw unexpected(page);
      const last: ClientNode | undefined = page.nodes.at(-1);
      // The next page is on its way while the caller works through this one.
      next = page.more && last !== undefined ? ask(last.key) : null;
      next?.catch(() => {});
      yield* page.nodes;
    }
  }

  /** Resolves when everything accepted before is durable. */
  async sync(): Promise<void> {
    await this.#ask({ type: 'sync', number: 0, database: '' });
  }

  async databases(): Promise<ClientDatabases['databases']> {
    const value = await this.#askValue({ type: 'databases', number: 0, database: '' });
    return decodeDatabases(value ?? nothing).databases;
  }

  stream(options: SetStreamOptions = {}): SetStream {
    return new SetStream(this.#pipeline, options, options.database ?? this.#database);
  }

  close(): void {
    this.#pipeline.close();
  }

  #in(options: RequestOptions | undefined): string {
    return options?.database ?? this.#database;
  }

  async #askValue(request: ClientRequest, repeatable = true): Promise<Uint8Array | null> {
    const answer = await this.#ask(request, repeatable);
    if (answer.type !== 'value') throw unexpected(answer);
    return answer.value;
  }

  async #askKey(request: ClientRequest): Promise<Uint8Array | null> {
    const key = await this.#askValue(request);
    return key === null || key.length === 0 ? null : key;
  }

  #ask(request: ClientRequest, repeatable = true): Promise<ClientAnswer> {
    return new Promise((resolve, reject) => {
      const entry: Entry = {
        request,
        repeatable,
        stream: null,
        isAbandoned: false,
        wasSent: false,
        answered: resolve,
        failed: reject,
      };
      this.#pipeline.add(entry);
    });
  }
}

function textOf(value: Uint8Array | null): string {
  return value === null ? '' : new TextDecoder().decode(value);
}

function unexpected(answer: ClientAnswer): Error {
  return new Error(`the superserver answered a question with "${answer.type}", which does not fit it`);
}
