/**
 * Updates that are in the journal and not yet in a database, so that $INCREMENT adds to the newest value and not to one
 * that is about to change. Not for readers: they see what is durable and applied.
 *
 * Most applications set and never increment. So an update is only noted, in order, and the index by key is made of what was
 * noted when somebody looks.
 */
import type { JournalRecord, JournalSets } from '../journal/journal.ts';

interface Indexed {
  readonly place: string;
  readonly order: number;
  /** Null for a kill of the place and everything below it. */
  readonly value: Uint8Array | null;
}

type Noted = JournalRecord | JournalSets;

export class PendingUpdates {
  #noted: Noted[] = [];
  /** How many updates were ever noted, up to the last one of each. */
  #orders: number[] = [];
  /** Sequence of the last update of each, as far as they are in the journal. */
  #sequences: number[] = [];
  /** What was noted before it is in the databases. */
  #first = 0;
  /** What was noted before it is in the index. */
  #indexed = 0;
  /** Of the newest update that is noted, and of the newest one in the databases. */
  #newestOrder = 0;
  #appliedOrder = 0;
  readonly #newest = new Map<string, Indexed>();
  #kills: Indexed[] = [];

  /** Updates that are not in a database yet. */
  get count(): number {
    return this.#newestOrder - this.#appliedOrder;
  }

  /** It will be in the journal behind all that was noted before, though perhaps not next to it. */
  add(update: Noted): void {
    this.#newestOrder += countOf(update);
    this.#noted.push(update);
    this.#orders.push(this.#newestOrder);
  }

  /** All that is noted is in the journal: what was not before stands together behind the record with this sequence. */
  appended(before: number): void {
    const from = this.#sequences.length;
    if (from === this.#noted.length) return;
    const shift = before + countOf(this.#noted[from] as Noted) - (this.#orders[from] as number);
    for (let index = from; index < this.#noted.length; index += 1) {
      this.#sequences.push((this.#orders[index] as number) + shift);
    }
  }

  /** The value that will be there: bytes, null (killed), or undefined when nothing is pending for this key. */
  look(database: string, key: Uint8Array): Uint8Array | null | undefined {
    this.#index();
    const place = placeOf(database, key);
    const set = this.#newest.get(place);
    // A node's key is the beginning of every key below it.
    const kill = this.#kills.findLast((candidate) => place.startsWith(candidate.place));
    if (kill !== undefined && (set === undefined || kill.order > set.order)) return null;
    return set?.value;
  }

  #index(): void {
    for (; this.#indexed < this.#noted.length; this.#indexed += 1) {
      const update = this.#noted[this.#indexed] as Noted;
      const last = this.#orders[this.#indexed] as number;
      if (update.kind === 'sets') {
        let order = last - update.sets.count;
        for (const { key, value } of update.sets) {
          const place = placeOf(update.database, key);
          order += 1;
          this.#newest.set(place, { place, order, value });
        }
        continue;
      }
      const place = placeOf(update.database, update.key);
      if (update.kind === 'kill') this.#kills.push({ place, order: last, value: null });
      else this.#newest.set(place, { place, order: last, value: update.value });
    }
  }

  /** Everything at or below is in the databases. Sets of one message are forgotten together, when the last of them is there. */
  applied(sequence: number): void {
    while (this.#first < this.#sequences.length && (this.#sequences[this.#first] as number) <= sequence) {
      if (this.#first < this.#indexed) this.#forgetIndexed(this.#first);
      this.#appliedOrder = this.#orders[this.#first] as number;
      this.#first += 1;
    }
    this.#indexed = Math.max(this.#indexed, this.#first);
    if (this.#kills.length > 0) this.#kills = this.#kills.filter(({ order }) => order > this.#appliedOrder);
    if (this.#first > 64 && this.#first * 2 > this.#noted.length) {
      this.#noted = this.#noted.slice(this.#first);
      this.#orders = this.#orders.slice(this.#first);
      this.#sequences = this.#sequences.slice(this.#first);
      this.#indexed -= this.#first;
      this.#first = 0;
    }
  }

  #forgetIndexed(index: number): void {
    const update = this.#noted[index] as Noted;
    if (update.kind === 'kill') return;
    const last = this.#orders[index] as number;
    for (const { key } of update.kind === 'sets' ? update.sets : [update]) {
      const place = placeOf(update.database, key);
      if ((this.#newest.get(place)?.order ?? Number.POSITIVE_INFINITY) <= last) this.#newest.delete(place);
    }
  }

  clear(): void {
    this.#noted = [];
    this.#orders = [];
    this.#sequences = [];
    this.#first = 0;
    this.#indexed = 0;
    this.#appliedOrder = this.#newestOrder;
    this.#newest.clear();
    this.#kills = [];
  }
}

function countOf(update: Noted): number {
  return update.kind === 'sets' ? update.sets.count : 1;
}

function placeOf(database: string, key: Uint8Array): string {
  return `${database}\n${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
}
