/**
 * Updates that are in the journal and not yet in a database, so that $INCREMENT adds to the newest value and not to one
 * that is about to change. Not for readers: they see what is durable and applied.
 *
 * Most applications set and never increment. So an update is only noted, in order, and the index by key is made of what was
 * noted when somebody looks.
 */
import type { JournalRecord } from '../journal/journal.ts';

interface Indexed {
  readonly place: string;
  readonly sequence: number;
  /** Null for a kill of the place and everything below it. */
  readonly value: Uint8Array | null;
}

export class PendingUpdates {
  #records: JournalRecord[] = [];
  /** Of each record. */
  #sequences: number[] = [];
  /** Records before it are in the databases. */
  #first = 0;
  /** Records before it are in the index. */
  #indexed = 0;
  readonly #newest = new Map<string, Indexed>();
  #kills: Indexed[] = [];

  /** Updates that are not in a database yet. */
  get count(): number {
    return this.#records.length - this.#first;
  }

  /** A set or a kill; sequences rise. */
  add(record: JournalRecord, sequence: number): void {
    this.#records.push(record);
    this.#sequences.push(sequence);
  }

  /** The value that will be there: bytes, null (killed), or undefined when nothing is pending for this key. */
  look(database: string, key: Uint8Array): Uint8Array | null | undefined {
    this.#index();
    const place = placeOf(database, key);
    const set = this.#newest.get(place);
    // A node's key is the beginning of every key below it.
    const kill = this.#kills.findLast((candidate) => place.startsWith(candidate.place));
    if (kill !== undefined && (set === undefined || kill.sequence > set.sequence)) return null;
    return set?.value;
  }

  #index(): void {
    for (; this.#indexed < this.#records.length; this.#indexed += 1) {
      const { kind, database, key, value } = this.#records[this.#indexed] as JournalRecord;
      const sequence = this.#sequences[this.#indexed] as number;
      const place = placeOf(database, key);
      if (kind === 'kill') this.#kills.push({ place, sequence, value: null });
      else this.#newest.set(place, { place, sequence, value });
    }
  }

  /** Everything at or below is in the databases. */
  applied(sequence: number): void {
    while (this.#first < this.#records.length && (this.#sequences[this.#first] as number) <= sequence) {
      if (this.#first < this.#indexed) this.#forgetIndexed(this.#first);
      this.#first += 1;
    }
    this.#indexed = Math.max(this.#indexed, this.#first);
    if (this.#kills.length > 0) this.#kills = this.#kills.filter((kill) => kill.sequence > sequence);
    if (this.#first > 4096 && this.#first * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#first);
      this.#sequences = this.#sequences.slice(this.#first);
      this.#indexed -= this.#first;
      this.#first = 0;
    }
  }

  #forgetIndexed(index: number): void {
    const { kind, database, key } = this.#records[index] as JournalRecord;
    if (kind === 'kill') return;
    const place = placeOf(database, key);
    if (this.#newest.get(place)?.sequence === this.#sequences[index]) this.#newest.delete(place);
  }

  clear(): void {
    this.#records = [];
    this.#sequences = [];
    this.#first = 0;
    this.#indexed = 0;
    this.#newest.clear();
    this.#kills = [];
  }
}

function placeOf(database: string, key: Uint8Array): string {
  return `${database}\n${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
}
