/**
 * Serves applications. Updates of one turn of the event loop become one batch of the journal, from all connections together;
 * each is answered when it is durable. A read waits until the databases hold everything that was answered before it, so that
 * nobody misses what anybody was told is done. Whether updates come in is the rules' decision: `admit`, `hold`, `refuse`.
 */
import type { Database } from '../database/databases.ts';
import type { Journal, JournalRecord } from '../journal/journal.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { globalKeyBytesMax, globalValueBytesMax } from '../mirror/limits.ts';
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
import { addDecimal, NumberRangeError } from '../protocol/decimal.ts';
import type { Frame } from '../protocol/frame.ts';
import { isKey } from '../protocol/global-key-check.ts';
import { ClientConnection, type Progress, type UpdateRun } from './client-connection.ts';
import { isRead, read } from './client-reads.ts';
import type { CatalogEntry } from './parts.ts';
import { PendingUpdates } from './pending-updates.ts';

export interface SuperserverParts {
  readonly entries: () => readonly CatalogEntry[];
  readonly wallMs: () => number;
  /** Records are in the journal: tell the rules. */
  readonly onAppended: (to: JournalPosition) => void;
  /** The present primary's superserver as host:port, as far as known. */
  readonly primaryAddress: () => string | null;
  /** Why updates are refused or held now. */
  readonly refusal: () => { readonly code: ClientRefusal['code']; readonly text: string };
  /** Run once at the end of this turn of the event loop (setImmediate). */
  readonly endOfTurn: (run: () => void) => void;
}

type UpdateRequest = ClientRequest & { readonly type: 'set' | 'kill' | 'increment' };
type Found = { readonly entry: CatalogEntry; readonly database: Database };

/** Updates unanswered, and updates not in the databases yet, at which reading from all applications stops until half are. */
const unansweredMax = 200_000;
const unappliedMax = 400_000;
/** Bytes of updates held at the door, likewise. */
const heldBytesMax = 64 * 1024 * 1024;

const nothing = new Uint8Array(0);

export class Superserver {
  readonly #parts: SuperserverParts;
  readonly #clients = new Set<ClientConnection>();
  readonly #pending = new PendingUpdates();
  readonly #found = new Map<string, Found>();
  /** Shared with all connections. */
  readonly #progress: Progress = { durable: 0, applied: 0, wanted: 0, onWanted: () => undefined };
  #journal: Journal | null = null;
  #gate: 'admit' | 'hold' | 'refuse' = 'refuse';
  /** Updates that were taken and have no place in the journal yet. */
  #taken: JournalRecord[] = [];
  #takenBytes = 0;
  /** The runs they belong to. */
  #runs: UpdateRun[] = [];
  #turnEnds = false;
  #unanswered = 0;
  #paused = false;

  constructor(parts: SuperserverParts) {
    this.#parts = parts;
  }

  /** Updates of mirrored databases go into this journal. */
  use(journal: Journal): void {
    this.#journal = journal;
  }

  /** `followsMirror`: the application wants the primary of the mirror, wherever it is, and not this instance. */
  accept(connection: Connection, followsMirror: boolean): void {
    const client = new ClientConnection(connection, followsMirror, this.#progress, (count) => {
      this.#unanswered -= count;
    });
    this.#clients.add(client);
    connection.onClosed(() => {
      this.#clients.delete(client);
      client.forget();
    });
    connection.onFrames((frames) => {
      this.#found.clear();
      for (const frame of frames) this.#onFrame(client, frame);
      client.drain();
      this.#pauseWhereFull();
    });
  }

  admit(): void {
    this.#gate = 'admit';
    this.#endTurnSoon();
  }

  hold(): void {
    this.#gate = 'hold';
  }

  /** What was taken and not journaled was not done: the client may send it again elsewhere. What was journaled stays unanswered. */
  refuse(): void {
    this.#gate = 'refuse';
    if (this.#taken.length > 0) for (const client of this.#clients) client.refuseTaken(this.#refusal());
    this.#forgetTaken();
    this.#pending.clear();
    this.#progress.durable = 0;
    for (const client of this.#clients) if (client.followsMirror || client.hasJournaled) client.close();
    this.#pauseWhereFull();
  }

  #forgetTaken(): void {
    this.#taken = [];
    this.#takenBytes = 0;
    this.#runs = [];
  }

  /** Everything up to here is durable. */
  answered(to: JournalPosition): void {
    this.#progress.durable = Math.max(this.#progress.durable, to.sequence);
    for (const client of this.#clients) client.drain();
    this.#pauseWhereFull();
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
    for (const client of this.#clients) client.drain();
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
    if (request.type === 'sync') return client.whenReady(() => encodeAnswer({ number, type: 'done' }));
    const found = this.#find(request.database);
    if ('code' in found) return client.refuse(number, found);
    if (isRead(request)) {
      const { key } = request;
      const fits = key.length <= globalKeyBytesMax + 1;
      if (!fits) return client.refuse(number, refusalOf('bad-key', 'the key is too long'));
      return client.whenReady(() => encodeAnswer(this.#read(found.database, request)));
    }
    this.#update(client, found, request as UpdateRequest);
  }

  #read(database: Database, request: Parameters<typeof read>[1]): ClientAnswer {
    try {
      return read(database, request);
    } catch (error) {
      return { number: request.number, type: 'refused', refusal: refusalOf('bad-key', (error as Error).message) };
    }
  }

  /** Names are looked up once a batch. */
  #find(name: string): Found | ClientRefusal {
    const known = this.#found.get(name);
    if (known !== undefined) return known;
    const found = this.#lookUp(name);
    if (!('code' in found)) this.#found.set(name, found);
    return found;
  }

  #lookUp(name: string): Found | ClientRefusal {
    const entries = this.#parts.entries();
    const wanted = name.toUpperCase();
    const candidates =
      wanted === ''
        ? entries.filter((entry) => entry.configuration.mirrorDatabase !== null)
        : entries.filter(({ configuration }) => (configuration.mirrorDatabase ?? configuration.name) === wanted);
    const entry = candidates[0] ?? entries.find(({ configuration }) => configuration.name === wanted);
    if (wanted === '' && candidates.length > 1) {
      const names = candidates.map(({ configuration }) => configuration.mirrorDatabase).join(', ');
      return refusalOf('which-database', `there are several mirrored databases: say which of ${names}`);
    }
    if (entry === undefined) {
      const text =
        wanted === '' ? 'there is no mirrored database here; create one first' : `there is no database ${wanted} here`;
      return refusalOf('no-database', text);
    }
    if (entry.database === null) return refusalOf('no-database', `database ${entry.configuration.name} is dismounted`);
    return { entry, database: entry.database };
  }

  #refusal(): ClientRefusal {
    return { ...this.#parts.refusal(), retry: true, primary: this.#parts.primaryAddress() };
  }

  #update(client: ClientConnection, { entry, database }: Found, request: UpdateRequest): void {
    const { number, key } = request;
    if (!isKey(key)) return client.refuse(number, refusalOf('bad-key', 'the key is not one of a global'));
    const given = request.type === 'set' ? request.value : nothing;
    if (given.length > globalValueBytesMax) {
      return client.refuse(number, refusalOf('bad-value', `a value has at most ${globalValueBytesMax} bytes`));
    }
    const mirrored = entry.configuration.mirrorDatabase;
    if (mirrored !== null && this.#gate === 'refuse') return client.refuse(number, this.#refusal());
    let value: Uint8Array = given;
    if (request.type === 'increment') {
      try {
        value = Buffer.from(this.#increased(database, mirrored, key, request.amount), 'latin1');
      } catch (error) {
        if (!(error instanceof NumberRangeError)) throw error;
        return client.refuse(number, refusalOf('bad-value', error.message));
      }
    }
    const kind = request.type === 'kill' ? 'kill' : 'set';
    const answer = request.type === 'increment' ? value : null;
    if (mirrored === null) return this.#changeLocal(client, database, { number, kind, key, value, answer });
    // The frame's bytes are the connection's; a record outlives the turn only inside the journal.
    const record: JournalRecord = { kind, database: mirrored, key, value };
    this.#taken.push(record);
    this.#takenBytes += key.length + value.length;
    this.#pending.add(record, this.#nextSequence());
    const run = client.expect(number, answer);
    run.place = this.#taken.length;
    if (run.count === 1) this.#runs.push(run);
    this.#unanswered += 1;
    this.#endTurnSoon();
  }

  /** Where the newest taken update will stand, if nothing else is appended before it. */
  #nextSequence(): number {
    return (this.#journal?.end.sequence ?? 0) + this.#taken.length;
  }

  #increased(database: Database, mirrored: string | null, key: Uint8Array, amount: string): string {
    const pending = mirrored === null ? undefined : this.#pending.look(mirrored, key);
    const present = pending === undefined ? database.get(key) : pending;
    return addDecimal(present == null ? '' : Buffer.from(present).toString('latin1'), amount);
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
    if (this.#turnEnds || this.#taken.length === 0) return;
    this.#turnEnds = true;
    this.#parts.endOfTurn(() => {
      this.#turnEnds = false;
      this.appendTaken();
    });
  }

  /** The batch of this turn goes into the journal, if the gate is open. */
  appendTaken(): void {
    if (this.#gate !== 'admit' || this.#taken.length === 0 || this.#journal === null) return;
    const before = this.#journal.end.sequence;
    const end = this.#journal.append(this.#taken, this.#parts.wallMs());
    for (const run of this.#runs) run.appendedAfter(before);
    this.#forgetTaken();
    this.#parts.onAppended(end);
    this.#pauseWhereFull();
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

function refusalOf(code: ClientRefusal['code'], text: string): ClientRefusal {
  return { code, text, retry: false, primary: null };
}

function answerTo(number: number, value: Uint8Array | null) {
  return value === null ? encodeAnswer({ number, type: 'done' }) : encodeAnswer({ number, type: 'value', value });
}
