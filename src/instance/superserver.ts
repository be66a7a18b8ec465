/**
 * Serves applications. Updates of one turn of the event loop become one batch of the journal, from all connections together
 * (gathering.ts says when it waits for more; an only connection waits for nobody); each is answered when it is durable. A read
 * waits until the databases hold everything that was answered before it, so that nobody misses what anybody was told is done. Whether updates come in is the rules' decision: `admit`, `hold`, `refuse`.
 */
import type { Database } from '../database/databases.ts';
import type { Journal, JournalRecord, JournalSets } from '../journal/journal.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { globalKeyBytesMax, globalValueBytesMax } from '../mirror/limits.ts';
import type { Connection } from '../network/network.ts';
import type { ClientRefusal, WriteLevel } from '../protocol/client-channel.ts';
import {
  type ClientAnswer,
  ClientMessageError,
  type ClientRequest,
  decodeRequest,
  encodeAnswer,
  encodeDatabases,
} from '../protocol/client-messages.ts';
import { addDecimal, NumberRangeError } from '../protocol/decimal.ts';
import type { Frame } from '../protocol/frame.ts';
import { isKey } from '../protocol/global-key-check.ts';
import { ClientConnection, type Progress, type UpdateRun } from './client-connection.ts';
import { isRead, read, readAll } from './client-reads.ts';
import { ClientSessions, sessionRequestTypes } from './client-session.ts';
import { type FoundDatabase, findDatabase, refusalOf } from './database-lookup.ts';
import { Gathering } from './gathering.ts';
import type { Readable } from './ordered-updates.ts';
import type { CatalogEntry } from './parts.ts';
import { PendingUpdates } from './pending-updates.ts';
import type { HeldUpdate } from './transaction.ts';

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

type UpdateRequest = ClientRequest & { readonly type: 'set' | 'kill' | 'increment' };
type GetsRequest = ClientRequest & { readonly type: 'gets' };
type SetsRequest = ClientRequest & { readonly type: 'sets' };
type SessionRequest = Parameters<ClientSessions['handle']>[1];

/** An update that may be answered before the databases have it: its connection sees it all the same. */
interface EarlyUpdate {
  readonly client: ClientConnection;
  readonly database: Database;
  readonly record: JournalRecord;
  /** Its place in the batch that goes into the journal next, counted from 1. */
  readonly place: number;
}

/** Updates unanswered, and updates not in the databases yet, at which reading from all applications stops until half are. */
const unansweredMax = 200_000;
const unappliedMax = 400_000;
/** Bytes of updates held at the door, likewise. */
const heldBytesMax = 64 * 1024 * 1024;

/** So many updates of an only connection do not wait for the end of the turn: nobody is there who could join them. */
const aloneMax = 64;

const nothing = new Uint8Array(0);

export class Superserver {
  readonly #parts: SuperserverParts;
  readonly #clients = new Set<ClientConnection>();
  readonly #pending = new PendingUpdates();
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
  #journal: Journal | null = null;
  #gate: 'admit' | 'hold' | 'refuse' = 'refuse';
  /** Updates that were taken and have no place in the journal yet, and how many they are. */
  #taken: (JournalRecord | JournalSets)[] = [];
  #takenCount = 0;
  #takenBytes = 0;
  /** The runs they belong to. */
  #runs: UpdateRun[] = [];
  #early: EarlyUpdate[] = [];
  #turnEnds = false;
  /** Frames of one read are being looked at: the turn is ended behind all of them. */
  #isReading = false;
  #unanswered = 0;
  #paused = false;
  /** Something of write level journaled is in the journal and not flushed. */
  #waitsForFlush = false;
  /** What is in the journal and not flushed: is there anything of write level buffered, and anything else? */
  #unflushed = { buffered: false, other: false };

  readonly #gathering: Gathering;

  constructor(parts: SuperserverParts) {
    this.#parts = parts;
    this.#gathering = new Gathering(parts.nowMs);
    this.#sessions = new ClientSessions({
      find: (name) => this.#find(name),
      isPrimary: () => this.#gate !== 'refuse',
      take: (run, client, updates) => this.#takeGroup(run, client, updates),
      after: parts.after,
    });
  }

  /** Updates of mirrored databases go into this journal. */
  use(journal: Journal): void {
    this.#journal = journal;
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
      this.#sessions.forget(client);
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
    const isAlone = this.#clients.size === 1 && this.#takenCount <= aloneMax;
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
    if (this.#taken.length > 0) for (const client of this.#clients) client.refuseTaken(this.#refusal());
    this.#forgetTaken();
    this.#gathering.forget();
    this.#pending.clear();
    for (const client of this.#clients) {
      if (!client.followsMirror && !client.hasJournaled && !this.#sessions.dependsOnMirror(client)) continue;
      this.#sessions.forget(client);
      client.close();
    }
    this.#progress.durable = 0;
    this.#progress.journaled = 0;
    this.#pauseWhereFull();
  }

  #forgetTaken(): void {
    this.#taken = [];
    this.#takenCount = 0;
    this.#takenBytes = 0;
    this.#runs = [];
    this.#early = [];
  }

  /** Everything up to here is durable. */
  answered(to: JournalPosition): void {
    this.#progress.durable = Math.max(this.#progress.durable, to.sequence);
    this.#gathering.durable(to.sequence);
    for (const client of this.#clients) client.drain();
    this.#pauseWhereFull();
  }

  /** Everything up to here is on the disk of this member. */
  flushed(to: JournalPosition): void {
    this.#progress.journaled = Math.max(this.#progress.journaled, to.sequence);
    this.#unflushed = { buffered: false, other: false };
    if (this.#waitsForFlush) for (const client of this.#clients) client.drain();
    this.#waitsForFlush = false;
  }

  /** Nobody waits for a flush: all that is not flushed was asked for at write level buffered. */
  get onlyBuffered(): boolean {
    return this.#unflushed.buffered && !this.#unflushed.other;
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
    this.#pending.applied(at.sequence);
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
    if (sessionRequestTypes.has(request.type)) return this.#sessions.handle(client, request as SessionRequest);
    const found = this.#find(request.database);
    if (request.type === 'gets') return this.#gets(client, found, request);
    if (request.type === 'sets') return this.#sets(client, found, request);
    if ('code' in found) return client.refuse(number, found);
    if (isRead(request)) {
      const { key } = request;
      const fits = key.length <= globalKeyBytesMax + 1;
      if (!fits) return client.refuse(number, refusalOf('bad-key', 'the key is too long'));
      const answer = () => encodeAnswer(this.#read(client.session?.view(found.database) ?? found.database, request));
      // What the transaction does behind this read must not show in it.
      return client.session?.transaction == null ? client.whenReady(answer) : client.whenReadyAlone(answer);
    }
    this.#update(client, found, request as UpdateRequest);
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

  #refusal(): ClientRefusal {
    return { ...this.#parts.refusal(), retry: true, primary: this.#parts.primaryAddress() };
  }

  #update(client: ClientConnection, found: FoundDatabase, request: UpdateRequest): void {
    const { database, mirrored } = found;
    const { number, key, level = 'durable' } = request;
    if (!isKey(key)) return client.refuse(number, refusalOf('bad-key', 'the key is not one of a global'));
    const given = request.type === 'set' ? request.value : nothing;
    if (given.length > globalValueBytesMax) {
      return client.refuse(number, refusalOf('bad-value', `a value has at most ${globalValueBytesMax} bytes`));
    }
    if (mirrored !== null && this.#gate === 'refuse') return client.refuse(number, this.#refusal());
    const refused = found.noUpdates ?? (request.type === 'kill' ? null : found.noSets);
    if (refused !== null) return client.refuse(number, refused);
    let value: Uint8Array = given;
    const transaction = client.session?.transaction ?? null;
    const isHeld = transaction !== null && (request.type !== 'increment' || transaction.hasChanged(database, key));
    if (request.type === 'increment') {
      const present = isHeld ? client.session?.view(database).get(key) : this.#newest(database, mirrored, key);
      try {
        value = Buffer.from(addDecimal(present == null ? '' : Buffer.from(present).toString('latin1'), request.amount));
      } catch (error) {
        if (!(error instanceof NumberRangeError)) throw error;
        return client.refuse(number, refusalOf('bad-value', error.message));
      }
    }
    const kind = request.type === 'kill' ? 'kill' : 'set';
    const answer = request.type === 'increment' ? value : null;
    if (isHeld) {
      const tooMuch = transaction.add([{ kind, database, mirrored, key, value }]);
      if (tooMuch !== null) return client.refuse(number, refusalOf('too-large', tooMuch));
      return client.whenTurn(() => answerTo(number, answer));
    }
    if (mirrored === null) return this.#changeLocal(client, database, { number, kind, key, value, answer });
    // The frame's bytes are the connection's; a record outlives the turn only inside the journal.
    const record: JournalRecord = { kind, database: mirrored, key, value };
    this.#take(client, database, record, level);
    this.#expect(client, number, 1, answer, level);
  }

  /** Sets of one message stay together where nothing stands against any of them; else each is an update of its own. */
  #sets(client: ClientConnection, found: FoundDatabase | ClientRefusal, request: SetsRequest): void {
    const { number, database: name, level, sets } = request;
    const isPlain = !('code' in found) && found.mirrored !== null && client.session?.transaction == null;
    if (isPlain && this.#gate !== 'refuse' && (found.noUpdates ?? found.noSets) === null && sets.every(isSet)) {
      this.#takeSets(client, found, { kind: 'sets', database: found.mirrored, sets }, level ?? 'durable');
      return this.#expect(client, number, sets.count, null, level ?? 'durable');
    }
    let next = number;
    for (const { key, value } of sets) {
      if ('code' in found) client.refuse(next, found);
      else
        this.#update(client, found, {
          type: 'set',
          number: next,
          database: name,
          level: level ?? 'durable',
          key,
          value,
        });
      next = (next + 1) >>> 0;
    }
  }

  #takeSets(client: ClientConnection, { database }: FoundDatabase, taken: JournalSets, level: WriteLevel): void {
    this.#taken.push(taken);
    if (level !== 'durable') {
      let place = this.#takenCount;
      for (const { key, value } of taken.sets) {
        place += 1;
        this.#early.push({ client, database, record: { kind: 'set', database: taken.database, key, value }, place });
      }
    }
    this.#takenCount += taken.sets.count;
    this.#takenBytes += taken.sets.dataBytes;
    this.#pending.add(taken, this.#nextSequence());
  }

  #take(client: ClientConnection, database: Database, record: JournalRecord, level: WriteLevel): void {
    this.#taken.push(record);
    this.#takenCount += 1;
    this.#takenBytes += record.key.length + record.value.length;
    this.#pending.add(record, this.#nextSequence());
    if (level !== 'durable') this.#early.push({ client, database, record, place: this.#takenCount });
  }

  /** What was taken last is answered to this client. */
  #expect(client: ClientConnection, number: number, count: number, value: Uint8Array | null, level: WriteLevel): void {
    const run = client.expect(number, count, value, level);
    if (run.count === count) this.#runs.push(run);
    run.place = this.#takenCount;
    this.#unanswered += count;
    this.#endTurnSoon();
  }

  #takeGroup(run: UpdateRun, client: ClientConnection, updates: readonly HeldUpdate[]): void {
    updates.forEach(({ kind, database, mirrored, key, value }, index) => {
      const continues = index < updates.length - 1;
      this.#take(client, database, { kind, database: mirrored as string, key, value, continues }, run.level);
    });
    run.place = this.#takenCount;
    this.#runs.push(run);
    this.#unanswered += 1;
    this.#endTurnSoon();
  }

  /** Where the newest taken update will stand, if nothing else is appended before it. */
  #nextSequence(): number {
    return (this.#journal?.end.sequence ?? 0) + this.#takenCount;
  }

  /** The value with everything that was taken, in a database already or not. */
  #newest(database: Database, mirrored: string | null, key: Uint8Array): Uint8Array | null | undefined {
    const pending = mirrored === null ? undefined : this.#pending.look(mirrored, key);
    return pending === undefined ? database.get(key) : pending;
  }

  #changeLocal(
    client: ClientConnection,
    database: Database,
    update: {
      readonly number: number;
      readonly kind: 'set' | 'kill';
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly answer: Uint8Array | null;
    },
  ): void {
    const { number, kind, key, value, answer } = update;
    const place = client.expectLocal();
    database.change([{ kind, key, value }]).then(
      () => client.answerLocal(place, answerTo(number, answer)),
      (error: Error) => {
        client.answerLocal(
          place,
          encodeAnswer({ number, type: 'refused', refusal: refusalOf('frozen', error.message) }),
        );
      },
    );
  }

  #endTurnSoon(): void {
    if (this.#turnEnds || this.#isReading || this.#taken.length === 0) return;
    this.#turnEnds = true;
    this.#parts.endOfTurn(() => this.#endTurn());
  }

  #endTurn(): void {
    if (this.#gate === 'admit' && this.#taken.length > 0 && this.#gathering.waits()) {
      this.#parts.endOfTurn(() => this.#endTurn());
      return;
    }
    this.#turnEnds = false;
    this.appendTaken();
  }

  /** The batch of this turn goes into the journal, if the gate is open. */
  appendTaken(): void {
    if (this.#gate !== 'admit' || this.#taken.length === 0 || this.#journal === null) return;
    const before = this.#journal.end.sequence;
    const end = this.#journal.append(this.#taken, this.#parts.wallMs());
    for (const run of this.#runs) {
      run.appendedAfter(before);
      this.#unflushed[run.level === 'buffered' ? 'buffered' : 'other'] = true;
    }
    const early = this.#early;
    this.#forgetTaken();
    this.#gathering.appended(end.sequence);
    this.#parts.onAppended(end);
    if (early.length > 0) this.#answerEarly(early, before);
    this.#pauseWhereFull();
  }

  #answerEarly(early: readonly EarlyUpdate[], before: number): void {
    const clients = new Set<ClientConnection>();
    for (const { client, database, record, place } of early) {
      this.#sessions.of(client).early.add(database, record, before + place);
      clients.add(client);
    }
    this.#waitsForFlush = true;
    for (const client of clients) client.drain();
  }

  /** Memory stays bounded: applications are read no further while too much is unanswered. */
  #pauseWhereFull(): void {
    const load = Math.max(
      this.#unanswered / unansweredMax,
      this.#pending.count / unappliedMax,
      this.#takenBytes / heldBytesMax,
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

/** Would each of these sets be taken alone? */
function isSet(bytes: Buffer, keyAt: number, valueAt: number, end: number): boolean {
  return end - valueAt <= globalValueBytesMax && isKey(bytes, keyAt, valueAt);
}

function answerTo(number: number, value: Uint8Array | null) {
  return value === null ? encodeAnswer({ number, type: 'done' }) : encodeAnswer({ number, type: 'value', value });
}
