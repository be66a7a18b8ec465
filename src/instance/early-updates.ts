/**
 * What a connection was answered before the databases have it (write levels journaled and buffered): it sees its own updates
 * all the same. Kept in two generations, so that a connection that never pauses forgets what the databases hold.
 */
import type { Database } from '../database/databases.ts';
import type { JournalRecord } from '../journal/journal.ts';
import { ChangedView, OrderedUpdates, type Readable } from './ordered-updates.ts';

interface Generation {
  readonly changed: Map<Database, OrderedUpdates>;
  /** Sequence of its newest update. */
  newest: number;
}

export class EarlyUpdates {
  #older: Generation = { changed: new Map(), newest: 0 };
  #newer: Generation = { changed: new Map(), newest: 0 };

  add(database: Database, { kind, key, value }: Pick<JournalRecord, 'kind' | 'key' | 'value'>, sequence: number): void {
    const { changed } = this.#newer;
    this.#newer.newest = sequence;
    let updates = changed.get(database);
    if (updates === undefined) {
      updates = new OrderedUpdates();
      changed.set(database, updates);
    }
    if (kind === 'set') updates.set(key, value);
    else updates.kill(key);
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
      const updates = changed.get(database);
      if (updates !== undefined) view = new ChangedView(view, updates);
    }
    return view;
  }
}
