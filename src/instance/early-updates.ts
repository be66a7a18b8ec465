/**
 * What a connection was answered before the databases have it (write levels journaled and buffered): it sees its own updates
 * all the same. Kept in two generations, so that a connection that never pauses forgets what the databases hold.
 */
import type { Database, KeyRange } from '../database/databases.ts';
import type { JournalRecord, JournalSets } from '../journal/journal.ts';
import { ChangedView, type Changes, OrderedUpdates, type Readable } from './ordered-updates.ts';
import { SetIndex } from './set-index.ts';

interface Generation {
  readonly changed: Map<Database, EarlyChanges>;
  /** Sequence of its newest update. */
  newest: number;
}

/** Most are sets, and only asked for by their keys. Put in order when somebody asks for an order, or for the first kill. */
class EarlyChanges implements Changes {
  #sets = new SetIndex();
  #ordered: OrderedUpdates | null = null;

  add(update: JournalRecord | JournalSets): void {
    if (update.kind === 'kill') this.#inOrder().kill(update.key);
    else if (this.#ordered === null) this.#sets.add(update);
    else for (const { key, value } of update.kind === 'sets' ? update.sets : [update]) this.#ordered.set(key, value);
  }

  #inOrder(): OrderedUpdates {
    if (this.#ordered !== null) return this.#ordered;
    this.#ordered = new OrderedUpdates();
    for (const { key, value } of this.#sets.sets()) this.#ordered.set(key, value);
    this.#sets = new SetIndex();
    return this.#ordered;
  }

  get(key: Uint8Array): Uint8Array | null | undefined {
    return this.#ordered === null ? this.#sets.get(key) : this.#ordered.get(key);
  }

  killedAround(key: Uint8Array): ReturnType<Changes['killedAround']> {
    return this.#ordered?.killedAround(key);
  }

  nodes(range: KeyRange): ReturnType<Changes['nodes']> {
    return this.#inOrder().nodes(range);
  }
}

export class EarlyUpdates {
  #older: Generation = { changed: new Map(), newest: 0 };
  #newer: Generation = { changed: new Map(), newest: 0 };

  /** An update, or sets of which the last one has this sequence. */
  add(database: Database, update: JournalRecord | JournalSets, sequence: number): void {
    const { changed } = this.#newer;
    this.#newer.newest = sequence;
    let changes = changed.get(database);
    if (changes === undefined) {
      changes = new EarlyChanges();
      changed.set(database, changes);
    }
    changes.add(update);
  }

  /** Everything at or below is in the databases. */
  applied(sequence: number): void {
    if (this.#older.newest > sequence) return;
    this.#older = this.#newer.newest > sequence ? this.#newer : { changed: new Map(), newest: 0 };
    this.#newer = { changed: new Map(), newest: 0 };
  }

  view(database: Database, base: Readable): Readable {
    let view = base;
    for (const { changed } of [this.#older, this.#newer]) {
      const changes = changed.get(database);
      if (changes !== undefined) view = new ChangedView(view, changes);
    }
    return view;
  }
}
