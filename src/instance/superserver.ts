/**
 * Serves applications. Updates of one turn of the event loop become one batch of the journal, from all connections together
 * (gathering.ts says when it waits for more; an only connection waits for nobody); each is answered when it is durable. A read
 * waits until the databases hold everything that was answered before it, so that nobody misses what anybody was told is done. Whether updates come in is the rules' decision: `admit`, `hold`, `refuse`.
 */
import type { Database } from '../database/databases.ts';
import type { Journal } from '../journal/journal.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { globalKeyBytesMax } from '../mirror/limits.ts';
import type { Connection } from '../network/network.ts';
import type { ClientRefusal } from '../protocol/client-channel.ts';
import {
  type ClientAnswer,
  ClientMessageError,
  type ClientRequest,
  decodeRequest,
  encodeAnswer,
  encodeDatabases,
} from '../protocol/client-messages.ts';
import type { Frame } from '../protocol/frame.ts';
import { ClientConnection, type Progress } from './client-connection.ts';
import { isRead, read, readAll } from './client-reads.ts';
import { ClientSessions, sessionRequestTypes } from './client-session.ts';
import { ClientUpdates, type UpdateRequest } from './client-updates.ts';
import { type FoundDatabase, findDatabase, refusalOf } from './database-lookup.ts';
import { Gathering } from './gathering.ts';
import type { Readable } from './ordered-updates.ts';
import type { CatalogEntry } from './parts.ts';
import { type AppendedBatch, UpdateBatch } from './update-batch.ts';

export interface SuperserverParts {
  /** All databases of the instance, and those that a name may mean (database-lookup.ts). */
  readonly entries: () => readonly CatalogEntry[];
  readonly called: (name: string) => readonly CatalogEntry[];
  readonly wallMs: () => number;
  /** Records are in the journal: tell the rules. */
  readonly onAppended: (to: JournalPosition) => void;
  /** The present primary's superserver as host:port, as far as known. */
  readonly primaryAddress: () => string | null;
  /** Why updates are refused or held now. */
  readonly refusal: () => { readonly code: ClientRefusal['code']; readonly text: string };
  /** Run once at the end of this turn of the event loop (setImmediate). */
  readonly endOfTurn: (run: () => void) => void;
  /** Monotonic. */
  readonly nowMs: () => number;
  readonly after: (ms: number, handler: () => void) => { cancel(): void };
}

type GetsRequest = ClientRequest & { readonly type: 'gets' };
type SessionRequest = Parameters<ClientSessions['handle']>[1];

/** Updates unanswered, and updates not in the databases yet, at which reading from all applications stops until half are. */
const unansweredMax = 200_000;
const unappliedMax = 400_000;
/** Bytes of updates held at the door, likewise. */
const heldBytesMax = 64 * 1024 * 1024;

/** So many updates of an only connection do not wait for the end of the turn: nobody is there who could join them. */
const aloneMax = 64;

export class Superserver {
  readonly #parts: SuperserverParts;
  readonly #clients = new Set<ClientConnection>();
  readonly #found = new Map<string, FoundDatabase>();
  /** Shared with all connections. */
  readonly #progress: Progress = {
    durable: 0,
    journaled: 0,
    answersEarly: false,
    applied: 0,
    wanted: 0,
    onWanted: () => undefined,
  };
  readonly #sessions: ClientSessions;
  #gate: 'admit' | 'hold' | 'refuse' = 'refuse';
  #turnEnds = false;
  /** Frames of one read are being looked at: the turn is ended behind all of them. */
  #isReading = false;
  #unanswered = 0;
  #paused = false;
  /** Something of write level journaled is in the journal and not flushed. */
  #waitsForFlush = false;
  readonly #whenBatchEnds: (() => void)[] = [];
  readonly #gathering: Gathering;
  readonly #batch: UpdateBatch;
  readonly #updates: ClientUpdates;

  constructor(parts: SuperserverParts) {
    this.#parts = parts;
    this.#gathering = new Gathering(parts.nowMs);
    this.#batch = new UpdateBatch((count) => {
      this.#unanswered += count;
      this.#endTurnSoon();
    });
    const isPrimary = (): boolean => this.#gate !== 'refuse';
    this.#updates = new ClientUpdates({ batch: this.#batch, isPrimary, refusal: () => this.#refusal() });
    this.#sessions = new ClientSessions({
      find: (name) => findDatabase(parts.called(name), name),
      isPrimary,
      isStillMirrored: (database, mirrored) => this.#isStillMirrored(database, mirrored),
      take: (run, client, updates) => this.#batch.addGroup(run, client, updates),
      after: parts.after,
    });
  }

  /** Updates of mirrored databases go into this journal. */
  use(journal: Journal): void {
    this.#batch.use(journal);
  }

  /** `followsMirror`: the application wants the primary of the mirror, wherever it is, and not this instance. */
  accept(connection: Connection, followsMirror: boolean): void {
    const client = new ClientConnection(connection, followsMirror, this.#progress, (count, isIdle) => {
      this.#unanswered -= count;
      if (isIdle) this.#gathering.answered(client);
    });
    this.#clients.add(client);
    connection.onClosed(() => {
      this.#clients.delete(client);
      this.#gathering.isBack(client);
      this.#sessions.leave(client);
      client.forget();
    });
    client.onFree = (frames) => this.#work(client, frames);
    connection.onFrames((frames) => this.#work(client, frames));
  }

  #work(client: ClientConnection, frames: readonly Frame[]): void {
    this.#found.clear();
    this.#gathering.isBack(client);
    this.#isReading = true;
    try {
      this.#lookAt(client, frames);
    } finally {
      this.#isReading = false;
    }
    const isAlone = this.#clients.size === 1 && this.#batch.count <= aloneMax;
    if (isAlone) this.appendTaken();
    this.#endTurnSoon();
    client.drain();
    this.#pauseWhereFull();
  }

  #lookAt(client: ClientConnection, frames: readonly Frame[]): void {
    for (let at = 0; at < frames.length; at += 1) {
      if (client.isBlocked) {
        client.keep(frames.slice(at));
        break;
      }
      this.#onFrame(client, frames[at] as Frame);
    }
  }

  admit(): void {
    this.#setGate('admit');
    this.#endTurnSoon();
    // What was journaled and not answered while the gate was held.
    for (const client of this.#clients) client.drain();
  }

  hold(): void {
    this.#setGate('hold');
  }

  #setGate(gate: 'admit' | 'hold' | 'refuse'): void {
    this.#gate = gate;
    this.#progress.answersEarly = gate === 'admit';
    this.#sessions.grantsMirrored = gate === 'admit';
  }

  /** What was taken and not journaled was not done: the client may send it again elsewhere. What was journaled stays unanswered. */
  refuse(): void {
    this.#setGate('refuse');
    if (!this.#batch.isEmpty) for (const client of this.#clients) client.refuseTaken(this.#refusal());
    this.#batch.forget();
    this.#batchEnded();
    this.#gathering.forget();
    this.#batch.pending.clear();
    this.#sessions.refuse();
    for (const client of this.#clients) {
      if (!client.followsMirror && !client.hasJournaled && !this.#sessions.dependsOnMirror(client)) continue;
      this.#sessions.forget(client);
      client.close();
    }
    this.#progress.durable = 0;
    this.#progress.journaled = 0;
    this.#pauseWhereFull();
  }

  /** Everything up to here is durable. */
  answered(to: JournalPosition): void {
    this.#progress.durable = Math.max(this.#progress.durable, to.sequence);
    this.#gathering.durable(to.sequence);
    this.#sessions.durable(to.sequence);
    for (const client of this.#clients) client.drain();
    this.#pauseWhereFull();
  }

  /** Everything up to here is on the disk of this member. */
  flushed(to: JournalPosition): void {
    this.#progress.journaled = Math.max(this.#progress.journaled, to.sequence);
    this.#batch.flushed();
    if (this.#waitsForFlush) for (const client of this.#clients) client.drain();
    this.#waitsForFlush = false;
  }

  /** Nobody waits for a flush: all that is not flushed was asked for at write level buffered. */
  get onlyBuffered(): boolean {
    const { buffered, other } = this.#batch.unflushed;
    return buffered && !other;
  }

  /** Does a read wait for the databases? */
  get readsWait(): boolean {
    return this.#progress.wanted > this.#progress.applied;
  }

  /** Called whenever a read has to wait for the databases. */
  onReadWaits(handler: () => void): void {
    this.#progress.onWanted = handler;
  }

  /** Everything that is whole up to `to` is in the databases, which stand at `at`: before it when a group ends behind it. */
  applied(to: JournalPosition, at: JournalPosition): void {
    this.#progress.applied = Math.max(this.#progress.applied, to.sequence);
    this.#batch.pending.applied(at.sequence);
    for (const client of this.#clients) {
      client.session?.early.applied(at.sequence);
      client.drain();
    }
    this.#pauseWhereFull();
  }

  #onFrame(client: ClientConnection, frame: Frame): void {
    let request: ClientRequest;
    try {
      request = decodeRequest(frame.kind, frame.body);
    } catch (error) {
      if (!(error instanceof ClientMessageError)) throw error;
      if (error.number === null) return client.close();
      return client.refuse(error.number, { code: 'not-understood', text: error.message, retry: false, primary: null });
    }
    const { number } = request;
    if (request.type === 'databases') {
      const databases = this.#parts.entries().map(({ configuration }) => ({
        name: configuration.mirrorDatabase ?? configuration.name,
        mirrored: configuration.mirrorDatabase !== null,
      }));
      return client.whenReady(() => encodeDatabases(number, { databases }));
    }
    if (request.type === 'sync') return client.whenDurable(() => encodeAnswer({ number, type: 'done' }));
    const isOfSession = sessionRequestTypes.has(request.type);
    if (isOfSession && request.type !== 'merge') return this.#sessions.handle(client, request as SessionRequest);
    const found = this.#find(request.database);
    if (request.type === 'gets') return this.#gets(client, found, request);
    if (!('code' in found) && found.moving !== null && !isRead(request)) return client.keepUntil(found.moving, frame);
    if (isOfSession) return this.#sessions.handle(client, request as SessionRequest);
    if (request.type === 'sets') return this.#updates.sets(client, found, request);
    if ('code' in found) return client.refuse(number, found);
    if (isRead(request)) {
      const { key } = request;
      const fits = key.length <= globalKeyBytesMax + 1;
      if (!fits) return client.refuse(number, refusalOf('bad-key', 'the key is too long'));
      const answer = () => encodeAnswer(this.#read(client.session?.view(found.database) ?? found.database, request));
      // What the transaction does behind this read must not show in it.
      return client.session?.transaction == null ? client.whenReady(answer) : client.whenReadyAlone(answer);
    }
    this.#updates.update(client, found, request as UpdateRequest);
  }

  /** Answered together, but for what makes one message too long. */
  #gets(client: ClientConnection, found: FoundDatabase | ClientRefusal, { number, keys }: GetsRequest): void {
    const fits = !('code' in found) && keys.every((key) => key.length <= globalKeyBytesMax + 1);
    if (!fits) {
      const refusal = 'code' in found ? found : refusalOf('bad-key', 'a key is too long');
      for (let index = 0; index < keys.length; index += 1) client.refuse((number + index) >>> 0, refusal);
      return;
    }
    const answer = () => readAll(client.session?.view(found.database) ?? found.database, number, keys);
    if (client.session?.transaction == null) client.whenReady(answer);
    else client.whenReadyAlone(answer);
  }

  #read(database: Readable, request: Parameters<typeof read>[1]): ClientAnswer {
    try {
      return read(database, request);
    } catch (error) {
      return { number: request.number, type: 'refused', refusal: refusalOf('bad-key', (error as Error).message) };
    }
  }

  /** Names are looked up once a batch. */
  #find(name: string): FoundDatabase | ClientRefusal {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const found = findDatabase(this.#parts.called(name), name);
    if (!('code' in found)) this.#found.set(name, found);
    return found;
  }

  #isStillMirrored(database: Database, mirrored: string): boolean {
    const entry = this.#parts.called(mirrored).find((each) => each.database === database);
    return entry?.configuration.mirrorDatabase === mirrored && entry.moving === null;
  }

  #refusal(): ClientRefusal {
    return { ...this.#parts.refusal(), retry: true, primary: this.#parts.primaryAddress() };
  }

  #endTurnSoon(): void {
    if (this.#turnEnds || this.#isReading || this.#batch.isEmpty) return;
    this.#turnEnds = true;
    this.#parts.endOfTurn(() => this.#endTurn());
  }

  #endTurn(): void {
    if (this.#gate === 'admit' && !this.#batch.isEmpty && this.#gathering.waits()) {
      this.#parts.endOfTurn(() => this.#endTurn());
      return;
    }
    this.#turnEnds = false;
    this.appendTaken();
  }

  /** The batch of this turn goes into the journal, if the gate is open. */
  appendTaken(): void {
    if (this.#gate !== 'admit' || this.#batch.isEmpty) return;
    const appended = this.#batch.append(this.#parts.wallMs());
    if (appended === null) return;
    this.#batchEnded();
    this.#gathering.appended(appended.end.sequence);
    this.#parts.onAppended(appended.end);
    if (appended.early.length > 0) this.#answerEarly(appended);
    this.#pauseWhereFull();
  }

  /** Resolves when all that was taken before is in the journal, or refused. */
  async journaled(): Promise<void> {
    this.appendTaken();
    if (!this.#batch.isEmpty) await new Promise<void>((resolve) => this.#whenBatchEnds.push(resolve));
  }

  #batchEnded(): void {
    for (const resolve of this.#whenBatchEnds.splice(0)) resolve();
  }

  #answerEarly({ early, before }: AppendedBatch): void {
    const clients = new Set<ClientConnection>();
    for (const { client, database, update, place } of early) {
      this.#sessions.of(client).early.add(database, update, before + place);
      clients.add(client);
    }
    this.#waitsForFlush = true;
    for (const client of clients) client.drain();
  }

  /** Memory stays bounded: applications are read no further while too much is unanswered. */
  #pauseWhereFull(): void {
    const load = Math.max(
      this.#unanswered / unansweredMax,
      this.#batch.pending.count / unappliedMax,
      this.#batch.bytes / heldBytesMax,
    );
    const full = load >= 1;
    const roomy = load < 0.5;
    if (full && !this.#paused) {
      this.#paused = true;
      for (const client of this.#clients) client.pause();
    } else if (roomy && this.#paused) {
      this.#paused = false;
      for (const client of this.#clients) client.resume();
    }
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}
