/**
 * What one connection has besides requests under way: its transaction, its locks, what it was answered early; and the requests
 * that change these. Everything is gone with the connection, and with this member's being primary.
 */
import { type Database, isFlagCleared } from '../database/databases.ts';
import { globalKeyBytesMax, mergeNodesMax, transactionBytesMax } from '../mirror/limits.ts';
import type { ClientRefusal, WriteLevel } from '../protocol/client-channel.ts';
import { type ClientRequest, type EncodedMessage, encodeAnswer } from '../protocol/client-messages.ts';
import { ancestorAt, levelOf, subtreeEnd } from '../protocol/global-key.ts';
import { isKey } from '../protocol/global-key-check.ts';
import type { LockName } from '../protocol/session-messages.ts';
import { type ClientConnection, type Due, UpdateRun } from './client-connection.ts';
import { type FoundDatabase, refusalOf } from './database-lookup.ts';
import { EarlyUpdates } from './early-updates.ts';
import { LockTable, type LockWant } from './lock-table.ts';
import type { Readable } from './ordered-updates.ts';
import { fitsTransaction, type HeldUpdate, Transaction, type TransactionMemory } from './transaction.ts';

export interface SessionParts {
  readonly find: (name: string) => FoundDatabase | ClientRefusal;
  /** May what was changed in it as that database of the mirror be journaled now? */
  readonly isStillMirrored: (database: Database, mirrored: string) => boolean;
  /** Does this member take updates of the mirror, now or as soon as its trouble is over? */
  readonly isPrimary: () => boolean;
  /** The updates go into the journal as one group; `run` is what answers them. */
  readonly take: (run: UpdateRun, client: ClientConnection, updates: readonly HeldUpdate[]) => void;
  readonly after: (ms: number, handler: () => void) => { cancel(): void };
}

export class ClientSession {
  transaction: Transaction | null = null;
  readonly early = new EarlyUpdates();
  /** Unlocked inside a transaction, which holds them to its end. */
  deferred: { readonly table: LockTable<ClientConnection>; readonly wants: readonly LockWant[] }[] = [];
  stopWaiting: () => void = () => undefined;

  /** The database as this connection sees it. */
  view(database: Database): Readable {
    const base = this.early.view(database, database);
    return this.transaction === null ? base : this.transaction.view(database, base);
  }
}

type Requested<T extends ClientRequest['type']> = ClientRequest & { readonly type: T };
export type SessionRequestType = 'begin' | 'commit' | 'rollback' | 'lock' | 'unlock' | 'merge';
export const sessionRequestTypes: ReadonlySet<string> = new Set([
  'begin',
  'commit',
  'rollback',
  'lock',
  'unlock',
  'merge',
] satisfies SessionRequestType[]);

interface FoundNames {
  readonly table: LockTable<ClientConnection>;
  readonly wants: readonly LockWant[];
}

interface Leaving {
  readonly client: ClientConnection;
  readonly unsure: { readonly sequence: number | null };
}

/** Locks of one connection at most. */
const locksMax = 10_000;

export class ClientSessions {
  readonly #parts: SessionParts;
  /** Locks on names in mirrored databases, and in those of this instance alone. */
  readonly #mirrored = new LockTable<ClientConnection>();
  readonly #local = new LockTable<ClientConnection>();
  readonly #memory: TransactionMemory = { bytes: 0 };
  /** Gone, and their locks are not free yet. */
  #leaving: Leaving[] = [];

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  of(client: ClientConnection): ClientSession {
    client.session ??= new ClientSession();
    return client.session;
  }

  handle(client: ClientConnection, request: Requested<SessionRequestType>): void {
    switch (request.type) {
      case 'begin':
        return this.#begin(client, request.number);
      case 'commit':
        return this.#commit(client, request.number, request.level ?? 'durable');
      case 'rollback':
        return this.#rollback(client, request.number, request.levels);
      case 'lock':
        return this.#lock(client, request);
      case 'unlock':
        return this.#unlock(client, request);
      case 'merge':
        return this.#merge(client, request);
    }
  }

  /** Locks are granted while the member is a primary without trouble: nobody else grants them then. */
  set grantsMirrored(grants: boolean) {
    this.#mirrored.grants = grants;
  }

  /** Does it have something that ends with this member's being primary? */
  dependsOnMirror(client: ClientConnection): boolean {
    const { session } = client;
    if (session === null) return false;
    const isOver = session.transaction?.updates.some(({ mirrored }) => mirrored !== null) ?? false;
    return isOver || this.#mirrored.knows(client);
  }

  /** The connection is gone: its locks go when its updates are durable, or will never be. */
  leave(client: ClientConnection): void {
    const { unsure } = client;
    if (client.session === null || unsure === null) return this.forget(client);
    this.#endAll(client.session);
    this.#leaving.push({ client, unsure });
  }

  /** Everything up to this sequence is durable. */
  durable(sequence: number): void {
    if (this.#leaving.length === 0) return;
    const isSure = ({ unsure }: Leaving): boolean => unsure.sequence !== null && unsure.sequence <= sequence;
    const [gone, left] = [this.#leaving.filter(isSure), this.#leaving.filter((each) => !isSure(each))];
    this.#leaving = left;
    for (const { client } of gone) this.#freeAll(client);
  }

  /** This member is not primary any more. */
  refuse(): void {
    for (const { client } of this.#leaving.splice(0)) this.#freeAll(client);
  }

  /** At once: the connection has changed nothing, or is about to be closed. */
  forget(client: ClientConnection): void {
    if (client.session === null) return;
    this.#endAll(client.session);
    this.#freeAll(client);
  }

  #endAll(session: ClientSession): void {
    session.stopWaiting();
    session.transaction?.release();
    session.transaction = null;
    session.deferred = [];
  }

  #freeAll(client: ClientConnection): void {
    this.#mirrored.forget(client);
    this.#local.forget(client);
  }

  #begin(client: ClientConnection, number: number): void {
    const session = this.of(client);
    session.transaction ??= new Transaction(this.#memory);
    const { transaction } = session;
    if (transaction.isDeepest)
      return client.refuse(number, refusalOf('too-large', `$TLEVEL is ${transaction.level} already`));
    transaction.begin();
    client.whenTurn(valueAnswer(number, String(transaction.level)));
  }

  #commit(client: ClientConnection, number: number, level: WriteLevel): void {
    const session = this.of(client);
    const { transaction } = session;
    if (transaction === null)
      return client.refuse(number, refusalOf('no-transaction', 'no transaction is open: TSTART first'));
    if (transaction.level > 1) {
      transaction.commitInner();
      return client.whenTurn(() => encodeAnswer({ number, type: 'done' }));
    }
    this.#endWhen(session, client, () => this.#commitAll(client, number, level, transaction.updates));
  }

  #commitAll(client: ClientConnection, number: number, level: WriteLevel, updates: readonly HeldUpdate[]): void {
    const [first] = updates;
    if (first === undefined) return client.whenTurn(() => encodeAnswer({ number, type: 'done' }));
    const moved = this.#movedSince(updates);
    if (moved !== null) {
      const text = `the transaction was rolled back: the database in ${moved.directory} became part of the mirror meanwhile, or left it`;
      return client.refuse(number, refusalOf('rolled-back', text));
    }
    if (first.mirrored === null) {
      const place = client.expectLocal();
      return this.#change(client, place, first.database, updates, () => encodeAnswer({ number, type: 'done' }), number);
    }
    if (!this.#parts.isPrimary()) {
      const text = 'the transaction was rolled back: this member is not primary any more';
      return client.refuse(number, refusalOf('rolled-back', text));
    }
    this.#parts.take(client.expectGroup(number, level), client, updates);
  }

  /** A database that is not, or was not all the time, in the place that it had when it was changed (docs/decisions/0061). */
  #movedSince(updates: readonly HeldUpdate[]): Database | null {
    const places = new Map<Database, string | null>();
    for (const { database, mirrored } of updates) {
      const place = places.get(database);
      if (place === undefined && !this.#isWhereItWas(database, mirrored)) return database;
      if (place !== undefined && place !== mirrored) return database;
      places.set(database, mirrored);
    }
    return null;
  }

  #isWhereItWas(database: Database, mirrored: string | null): boolean {
    if (mirrored !== null) return this.#parts.isStillMirrored(database, mirrored);
    return database.applied === undefined || isFlagCleared(database.attribute);
  }

  #rollback(client: ClientConnection, number: number, levels: 0 | 1): void {
    const session = this.of(client);
    const { transaction } = session;
    if (transaction !== null && levels === 1 && transaction.level > 1) {
      transaction.rollbackInner();
      return client.whenTurn(valueAnswer(number, String(transaction.level)));
    }
    this.#endWhen(session, client, () => client.whenTurn(valueAnswer(number, '0')));
  }

  /** The transaction is over, one way or the other: what was unlocked in it is free when all others see what it did. */
  #endWhen(session: ClientSession, client: ClientConnection, answer: () => void): void {
    session.transaction?.release();
    session.transaction = null;
    const deferred = session.deferred;
    session.deferred = [];
    answer();
    if (deferred.length === 0) return;
    client.whenDurable(() => {
      for (const { table, wants } of deferred) table.unlock(client, wants);
      return [];
    });
  }

  #lock(client: ClientConnection, request: Requested<'lock'>): void {
    const { number } = request;
    const found = this.#namesIn(request);
    if ('code' in found) return client.refuse(number, found);
    if (found.table === this.#mirrored && !this.#parts.isPrimary()) return client.refuse(number, protect);
    const session = this.of(client);
    const take = (): Due => this.#taken(client, session, request, found);
    if (!request.replace) return client.expectNext(take());
    client.whenDurableBegin(() => {
      this.#unlockAll(client, session);
      return take();
    });
  }

  /** What is due: an answer, or one that comes when the locks are free or the time is over. */
  #taken(
    client: ClientConnection,
    session: ClientSession,
    { number, timeoutMs }: Requested<'lock'>,
    { table, wants }: FoundNames,
  ): Due {
    if (table.heldBy(client).length + wants.length > locksMax) {
      return refused(number, refusalOf('too-large', `a connection has at most ${locksMax} locks`));
    }
    const isFree = table.tryLock(client, wants);
    if (isFree || timeoutMs === 0) return { make: valueAnswer(number, isFree ? '1' : '0'), seesUpTo: 0 };
    const place: Due = { make: null, seesUpTo: 0, isAlone: true };
    const settle = (granted: boolean): void => {
      session.stopWaiting();
      client.answerLocal(place, valueAnswer(number, granted ? '1' : '0')());
    };
    const cancel = table.wait(client, wants, () => settle(true));
    const timer = this.#parts.after(timeoutMs, () => settle(false));
    session.stopWaiting = () => {
      session.stopWaiting = () => undefined;
      cancel();
      timer.cancel();
    };
    return place;
  }

  #unlock(client: ClientConnection, request: Requested<'unlock'>): void {
    const { number } = request;
    const session = this.of(client);
    const found = request.names.length === 0 ? null : this.#namesIn(request);
    if (found !== null && 'code' in found) return client.refuse(number, found);
    client.whenDurableBegin(() => {
      if (found === null) this.#unlockAll(client, session);
      else this.#giveUp(client, session, found.table, found.wants);
      return { make: () => encodeAnswer({ number, type: 'done' }), seesUpTo: 0 };
    });
  }

  #unlockAll(client: ClientConnection, session: ClientSession): void {
    for (const table of [this.#mirrored, this.#local]) this.#giveUp(client, session, table, table.heldBy(client));
  }

  #giveUp(
    client: ClientConnection,
    session: ClientSession,
    table: LockTable<ClientConnection>,
    wants: readonly LockWant[],
  ): void {
    if (wants.length === 0) return;
    if (session.transaction === null) table.unlock(client, wants);
    else session.deferred.push({ table, wants });
  }

  #namesIn(request: { readonly database: string; readonly names: readonly LockName[] }): FoundNames | ClientRefusal {
    const found = this.#parts.find(request.database);
    if ('code' in found) return found;
    if (request.names.length === 0) return refusalOf('bad-key', 'LOCK wants a name');
    if (!request.names.every(({ key }) => isKey(key))) return refusalOf('bad-key', 'the key is not one of a global');
    const table = found.mirrored === null ? this.#local : this.#mirrored;
    const database = found.mirrored ?? found.name;
    return { table, wants: request.names.map(({ key, shared }) => ({ path: pathOf(database, key), shared })) };
  }

  #merge(client: ClientConnection, request: Requested<'merge'>): void {
    // What its databases are is asked when it has waited for them.
    client.whenReadyBegin(() => this.#merged(client, request));
  }

  #merged(client: ClientConnection, request: Requested<'merge'>): Due {
    const { number, key, fromKey, level = 'durable' } = request;
    const to = this.#parts.find(request.database);
    const from = this.#parts.find(request.fromDatabase);
    if ('code' in to) return refused(number, to);
    if ('code' in from) return refused(number, from);
    const against = to.noUpdates ?? to.noSets;
    if (against !== null && this.#parts.isPrimary()) return refused(number, against);
    if (!isKey(key) || !isKey(fromKey)) return refused(number, refusalOf('bad-key', 'the key is not one of a global'));
    if (to.database === from.database && (isAtOrBelow(key, fromKey) || isAtOrBelow(fromKey, key))) {
      const text = 'MERGE cannot copy a node into itself, its ancestor or its descendant';
      return refused(number, refusalOf('bad-key', text));
    }
    const session = this.of(client);
    const { database, mirrored } = to;
    const updates: HeldUpdate[] = [];
    let bytes = 0;
    for (const node of session.view(from.database).entries({ from: fromKey, until: subtreeEnd(fromKey) })) {
      const newKey = Buffer.concat([key, node.key.subarray(fromKey.length)]);
      if (newKey.length > globalKeyBytesMax) {
        return refused(number, refusalOf('bad-key', 'a key of the target would be too long'));
      }
      updates.push({ kind: 'set', database, mirrored, key: newKey, value: node.value });
      bytes += newKey.length + node.value.length;
      if (updates.length > mergeNodesMax || !fitsTransaction(updates.length, bytes)) {
        const text = `MERGE copies at most ${mergeNodesMax} nodes of ${transactionBytesMax} bytes together: copy it in parts`;
        return refused(number, refusalOf('too-large', text));
      }
    }
    const answer = valueAnswer(number, String(updates.length));
    const tooMuch = session.transaction?.add(updates) ?? null;
    if (tooMuch !== null) return refused(number, refusalOf('too-large', tooMuch));
    if (session.transaction !== null || updates.length === 0) return { make: answer, seesUpTo: 0 };
    if (mirrored === null) {
      const place: Due = { make: null, seesUpTo: 0 };
      this.#change(client, place, database, updates, answer, number);
      return place;
    }
    if (!this.#parts.isPrimary())
      return refused(number, refusalOf('rolled-back', 'this member is not primary any more'));
    const run = new UpdateRun(Buffer.from(String(updates.length)), level);
    run.add(number, 1);
    this.#parts.take(run, client, updates);
    return run;
  }

  #change(
    client: ClientConnection,
    place: object,
    database: Database,
    updates: readonly HeldUpdate[],
    answer: () => EncodedMessage,
    number: number,
  ): void {
    database.change(updates).then(
      () => client.answerLocal(place, answer()),
      (error: Error) =>
        client.answerLocal(
          place,
          encodeAnswer({ number, type: 'refused', refusal: refusalOf('frozen', error.message) }),
        ),
    );
  }
}

/** DB-043. */
const protect = refusalOf('protect', '<PROTECT> LOCK works on the primary only: this member is not primary');

function valueAnswer(number: number, text: string): () => EncodedMessage {
  return () => encodeAnswer({ number, type: 'value', value: Buffer.from(text) });
}

function refused(number: number, refusal: ClientRefusal): Due {
  return { make: () => encodeAnswer({ number, type: 'refused', refusal }), seesUpTo: 0 };
}

/** A node's key is the beginning of every key below it. */
function isAtOrBelow(key: Uint8Array, top: Uint8Array): boolean {
  return key.length >= top.length && Buffer.compare(key.subarray(0, top.length), top) === 0;
}

function pathOf(database: string, key: Uint8Array): string[] {
  const path = [database];
  let before = 0;
  for (let level = 0; level <= levelOf(key); level += 1) {
    const { length } = ancestorAt(key, level);
    path.push(Buffer.from(key.subarray(before, length)).toString('latin1'));
    before = length;
  }
  return path;
}
