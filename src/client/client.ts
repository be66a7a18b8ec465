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
 *
 * Transactions and locks belong to a connection, and are lost with it: they have one of their own (`transaction`, `session`).
 */
import type { Address } from '../mirror/mirror-set.ts';
import type { MirrorName } from '../mirror/terms.ts';
import type { Network } from '../network/network.ts';
import type { WriteLevel } from '../protocol/client-channel.ts';
import { type ClientDatabases, type ClientRequest, decodeDatabases } from '../protocol/client-messages.ts';
import { OutcomeUnknownError } from './client-errors.ts';
import { GlobalRequests, isDone, type TakeAnswer } from './global-requests.ts';
import { RequestPipeline } from './request-pipeline.ts';
import { Session } from './session.ts';
import { SetStream, type SetStreamOptions, streamInFlightDefault } from './set-stream.ts';

export {
  MirrorUnreachableError,
  OutcomeUnknownError,
  RequestRefusedError,
  SessionLostError,
} from './client-errors.ts';
export type { MergeOptions, RequestOptions, WriteOptions } from './global-requests.ts';
export type { LockOptions, Session } from './session.ts';
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

/** @throws MirrorUnreachableError when no member answers as needed until the timeout. */
export async function connect(options: ConnectOptions): Promise<Client> {
  const open = async (pinned: boolean): Promise<RequestPipeline> => {
    const pipeline = new RequestPipeline({
      network: options.network,
      targets: options.targets,
      mirror: options.mirror ?? '',
      timeoutMs: options.timeoutMs ?? 60_000,
      silenceMs: options.silenceMs ?? 1500,
      window: options.window ?? streamInFlightDefault,
      pinned,
    });
    try {
      await pipeline.open();
    } catch (error) {
      pipeline.close();
      throw error;
    }
    return pipeline;
  };
  return new Client(await open(false), options.database ?? '', () => open(true));
}

export class Client extends GlobalRequests {
  readonly #pipeline: RequestPipeline;
  readonly #database: string;
  readonly #openPinned: () => Promise<RequestPipeline>;
  /** Sessions that `transaction` uses again. */
  readonly #idle: Session[] = [];
  /** Reconnects when an update was last answered before it was durable; null = nothing may be lost. */
  #earlyAt: number | null = null;

  constructor(pipeline: RequestPipeline, database: string, openPinned: () => Promise<RequestPipeline>) {
    super(database);
    this.#pipeline = pipeline;
    this.#database = database;
    this.#openPinned = openPinned;
  }

  /** How often another link had to be made since the first one. */
  get reconnects(): number {
    return this.#pipeline.reconnects;
  }

  /** The member the client talks to now; null while it looks for one. */
  get address(): Address | null {
    return this.#pipeline.address;
  }

  /**
   * Resolves when everything this client was answered before is durable, whatever its write level.
   * @throws OutcomeUnknownError when the primary was lost since an update was answered early: it may be lost too
   */
  async sync(): Promise<void> {
    const earlyAt = this.#earlyAt;
    await this.ask({ type: 'sync', number: 0, database: '' }, true, isDone);
    this.#earlyAt = null;
    if (earlyAt !== null && earlyAt !== this.reconnects) {
      throw new OutcomeUnknownError(
        'another link was made since updates were answered that were not durable: some may be lost, read them to find out',
      );
    }
  }

  async databases(): Promise<ClientDatabases['databases']> {
    const value = await this.askValue({ type: 'databases', number: 0, database: '' });
    return decodeDatabases(value ?? new Uint8Array(0)).databases;
  }

  stream(options: SetStreamOptions = {}): SetStream {
    if (options.level !== undefined && options.level !== 'durable') this.#earlyAt ??= this.reconnects;
    return new SetStream(this.#pipeline, options, options.database ?? this.#database);
  }

  /** A connection of its own, for transactions and locks; close it. @throws MirrorUnreachableError */
  async session(): Promise<Session> {
    return new Session(await this.#openPinned(), this.#database);
  }

  /**
   * TSTART, `work`, TCOMMIT: all of its updates or, when it throws, none. `work` must use the session that it is given.
   * @throws what `work` throws; SessionLostError when a failover came between and nothing was done: it may be tried again;
   *   OutcomeUnknownError when the commit was sent and not answered
   */
  async transaction<T>(work: (session: Session) => Promise<T>, options?: { readonly level?: WriteLevel }): Promise<T> {
    let session = this.#idle.pop();
    while (session?.isLost === true) session = this.#idle.pop();
    session ??= await this.session();
    let isClean = false;
    try {
      await session.begin();
      const result = await work(session);
      await session.commit(options);
      if (session.mayHoldLocks) await session.unlock();
      isClean = true;
      return result;
    } finally {
      // A session that ended in between is closed, which rolls back and unlocks.
      if (isClean && !session.isLost) this.#idle.push(session);
      else session.close();
    }
  }

  close(): void {
    for (const session of this.#idle.splice(0)) session.close();
    this.#pipeline.close();
  }

  protected override ask<T>(request: ClientRequest, repeatable: boolean, take: TakeAnswer<T>): Promise<T> {
    if (request.level !== undefined) this.#earlyAt ??= this.reconnects;
    return this.#pipeline.ask(request, repeatable, take);
  }
}
