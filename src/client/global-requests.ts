/** What can be asked of globals, the same for a client and for a session of it (client.ts, session.ts). */
import type { WriteLevel } from '../protocol/client-channel.ts';
import type { ClientAnswer, ClientNode, ClientRequest, Direction } from '../protocol/client-messages.ts';

/** Key bytes are those of protocol/global-key.ts. */
export interface RequestOptions {
  readonly database?: string;
}

export interface WriteOptions extends RequestOptions {
  /**
   * When the promise resolves: `durable` (default) when no failover can lose the update; `journaled` when it is on the
   * primary's disk; `buffered` when it is in order in the primary's memory. What is answered early is seen by later reads of
   * the same connection, and may be lost with the primary: `sync` says when it cannot any more.
   */
  readonly level?: WriteLevel;
}

export interface MergeOptions extends WriteOptions {
  /** Where the source is, if not in the same database. */
  readonly fromDatabase?: string;
}

const scanPageNodes = 1000;
const nothing = new Uint8Array(0);

export abstract class GlobalRequests {
  readonly #database: string;

  constructor(database: string) {
    this.#database = database;
  }

  /** Resolves with what `take` makes of the answer, or rejects with what it throws. One promise a request: thousands are under way. */
  protected abstract ask<T>(request: ClientRequest, repeatable: boolean, take: TakeAnswer<T>): Promise<T>;

  /** Resolves when the update is durable, or as sure as `level` says. */
  set(key: Uint8Array, value: Uint8Array, options?: WriteOptions): Promise<void> {
    const { database, level } = this.written(options);
    const request: ClientRequest =
      level === undefined
        ? { type: 'set', number: 0, database, key, value }
        : { type: 'set', number: 0, database, key, value, level };
    return this.ask(request, false, isDone);
  }

  /** The node and everything below it. */
  kill(key: Uint8Array, options?: WriteOptions): Promise<void> {
    return this.ask({ type: 'kill', ...this.written(options), key }, false, isDone);
  }

  /** $INCREMENT; `amount` and the result are canonical numbers in text. Not rolled back with a transaction that set nothing there. */
  async increment(key: Uint8Array, amount = '1', options?: WriteOptions): Promise<string> {
    return textOf(await this.askValue({ type: 'increment', ...this.written(options), key, amount }, false));
  }

  /**
   * MERGE: the nodes at and below `fromKey` are set at and below `key`, as one transaction; what else is there stays. Resolves
   * with the number of nodes. @throws RequestRefusedError when one is an ancestor of the other, or it is too much for a transaction
   */
  async merge(key: Uint8Array, fromKey: Uint8Array, options?: MergeOptions): Promise<number> {
    const written = this.written(options);
    const fromDatabase = options?.fromDatabase ?? written.database;
    return Number(textOf(await this.askValue({ type: 'merge', ...written, key, fromDatabase, fromKey }, false)));
  }

  /** Null where the node has no value. */
  get(key: Uint8Array, options?: RequestOptions): Promise<Uint8Array | null> {
    return this.askValue({ type: 'get', number: 0, database: this.in(options), key });
  }

  /** $DATA: 0, 1, 10 or 11. */
  async data(key: Uint8Array, options?: RequestOptions): Promise<number> {
    return Number(textOf(await this.askValue({ type: 'data', number: 0, database: this.in(options), key })));
  }

  /** Nodes with a value at and below the key; an empty key counts the whole database. */
  async count(key: Uint8Array, options?: RequestOptions): Promise<number> {
    return Number(textOf(await this.askValue({ type: 'count', number: 0, database: this.in(options), key })));
  }

  /** $ORDER: key of the neighbour on the same level, null at the end. */
  order(key: Uint8Array, direction: Direction = 'forward', options?: RequestOptions): Promise<Uint8Array | null> {
    return this.#askKey({ type: 'order', number: 0, database: this.in(options), key, direction });
  }

  /** $QUERY: key of the next node with a value, null at the end. */
  query(key: Uint8Array, direction: Direction = 'forward', options?: RequestOptions): Promise<Uint8Array | null> {
    return this.#askKey({ type: 'query', number: 0, database: this.in(options), key, direction });
  }

  /**
   * The node and all below it in key order, page by page; an empty prefix is the whole database. `after`: begin behind this key,
   * where an earlier scan of the same prefix ended.
   */
  async *scan(
    prefix: Uint8Array,
    options?: RequestOptions & { readonly after?: Uint8Array },
  ): AsyncGenerator<ClientNode, void, undefined> {
    const database = this.in(options);
    const ask = (after: Uint8Array) =>
      this.ask({ type: 'scan', number: 0, database, key: prefix, after, limit: scanPageNodes }, true, wholeAnswer);
    let next: Promise<ClientAnswer> | null = ask(options?.after ?? nothing);
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

  protected in(options: RequestOptions | undefined): string {
    return options?.database ?? this.#database;
  }

  protected written(options: WriteOptions | undefined): { number: 0; database: string; level?: WriteLevel } {
    const database = this.in(options);
    const level = options?.level;
    return level === undefined || level === 'durable' ? { number: 0, database } : { number: 0, database, level };
  }

  protected askValue(request: ClientRequest, repeatable = true): Promise<Uint8Array | null> {
    return this.ask(request, repeatable, valueIn);
  }

  async #askKey(request: ClientRequest): Promise<Uint8Array | null> {
    const key = await this.askValue(request);
    return key === null || key.length === 0 ? null : key;
  }
}

export type TakeAnswer<T> = (answer: ClientAnswer) => T;

export function isDone(): void {}

function wholeAnswer(answer: ClientAnswer): ClientAnswer {
  return answer;
}

function valueIn(answer: ClientAnswer): Uint8Array | null {
  if (answer.type !== 'value') throw unexpected(answer);
  return answer.value;
}

export function textOf(value: Uint8Array | null): string {
  return value === null ? '' : new TextDecoder().decode(value);
}

function unexpected(answer: ClientAnswer): Error {
  return new Error(`the superserver answered a question with "${answer.type}", which does not fit it`);
}
