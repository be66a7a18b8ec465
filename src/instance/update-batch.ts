/**
 * The updates that go into the journal next, from all connections together: taken, and without a place in it. Each is answered by
 * the run of its connection, and noted for $INCREMENT until the databases hold it. Not here: whether an update may be taken
 * (client-updates.ts), and when the batch is appended (superserver.ts).
 */
import type { Database } from '../database/databases.ts';
import type { Journal, JournalRecord, JournalSets } from '../journal/journal.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { WriteLevel } from '../protocol/client-channel.ts';
import type { ClientConnection, UpdateRun } from './client-connection.ts';
import { PendingUpdates } from './pending-updates.ts';
import type { HeldUpdate } from './transaction.ts';

/** An update, or sets of one message, that may be answered before the databases have it: its connection sees it all the same. */
export interface EarlyUpdate {
  readonly client: ClientConnection;
  readonly database: Database;
  readonly update: JournalRecord | JournalSets;
  /** Place of the last one in the batch, counted from 1. */
  readonly place: number;
}

/** A batch that has its place in the journal. */
export interface AppendedBatch {
  /** Sequence of the record before it. */
  readonly before: number;
  readonly end: JournalPosition;
  readonly early: readonly EarlyUpdate[];
}

export class UpdateBatch {
  /** So many more updates wait for an answer. */
  readonly #onExpected: (count: number) => void;
  #journal: Journal | null = null;
  #taken: (JournalRecord | JournalSets)[] = [];
  /** Updates in it, and the bytes of their keys and values. */
  count = 0;
  bytes = 0;
  /** The runs they belong to. */
  #runs: UpdateRun[] = [];
  #early: EarlyUpdate[] = [];
  /** These and all that were appended and are not in a database yet. */
  readonly pending = new PendingUpdates();
  /** What is in the journal and not flushed: is there anything of write level buffered, and anything else? */
  unflushed = { buffered: false, other: false };

  constructor(onExpected: (count: number) => void) {
    this.#onExpected = onExpected;
  }

  get isEmpty(): boolean {
    return this.#taken.length === 0;
  }

  use(journal: Journal): void {
    this.#journal = journal;
  }

  /** One update of a connection. `answer`: the new value of an $INCREMENT. */
  add(
    client: ClientConnection,
    database: Database,
    record: JournalRecord,
    number: number,
    level: WriteLevel,
    answer: Uint8Array | null,
  ): void {
    this.#take(client, database, record, level);
    this.#expect(client, number, 1, answer, level);
  }

  /** All sets of one message, whose first request has this number. */
  addSets(client: ClientConnection, database: Database, taken: JournalSets, number: number, level: WriteLevel): void {
    const { sets } = taken;
    this.#taken.push(taken);
    this.count += sets.count;
    if (level !== 'durable') this.#early.push({ client, database, update: taken, place: this.count });
    this.bytes += sets.dataBytes;
    this.pending.add(taken);
    this.#expect(client, number, sets.count, null, level);
  }

  /** The updates of a transaction, a group in the journal. */
  addGroup(run: UpdateRun, client: ClientConnection, updates: readonly HeldUpdate[]): void {
    updates.forEach(({ kind, database, mirrored, key, value }, index) => {
      const continues = index < updates.length - 1;
      this.#take(client, database, { kind, database: mirrored as string, key, value, continues }, run.level);
    });
    run.place = this.count;
    this.#runs.push(run);
    this.#onExpected(1);
  }

  #take(client: ClientConnection, database: Database, record: JournalRecord, level: WriteLevel): void {
    this.#taken.push(record);
    this.count += 1;
    this.bytes += record.key.length + record.value.length;
    this.pending.add(record);
    if (level !== 'durable') this.#early.push({ client, database, update: record, place: this.count });
  }

  /** What was taken last is answered to this client. */
  #expect(client: ClientConnection, number: number, count: number, value: Uint8Array | null, level: WriteLevel): void {
    const run = client.expect(number, count, value, level);
    if (run.count === count) this.#runs.push(run);
    run.place = this.count;
    this.#onExpected(count);
  }

  /** The value with everything that was taken, in a database already or not; `mirrored`: the database's name in the mirror. */
  newest(database: Database, mirrored: string | null, key: Uint8Array): Uint8Array | null | undefined {
    const pending = mirrored === null ? undefined : this.pending.look(mirrored, key);
    return pending === undefined ? database.get(key) : pending;
  }

  /** Into the journal, all of it; the next batch begins. Null = there is no journal. */
  append(atMs: number): AppendedBatch | null {
    if (this.#journal === null) return null;
    const before = this.#journal.end.sequence;
    const end = this.#journal.append(this.#taken, atMs);
    this.pending.appended(before);
    for (const run of this.#runs) {
      run.appendedAfter(before);
      this.unflushed[run.level === 'buffered' ? 'buffered' : 'other'] = true;
    }
    const early = this.#early;
    this.forget();
    return { before, end, early };
  }

  forget(): void {
    this.#taken = [];
    this.count = 0;
    this.bytes = 0;
    this.#runs = [];
    this.#early = [];
  }

  /** All that is in the journal is on this member's disk. */
  flushed(): void {
    this.unflushed = { buffered: false, other: false };
  }
}
