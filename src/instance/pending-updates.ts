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
  readonly sequence: number;
  /** Null for a kill of the place and everything below it. */
  readonly value: Uint8Array | null;
}

export class PendingUpdates {
  #noted: (JournalRecord | JournalSets)[] = [];
  /** Sequence of the last update of each. */
  #sequences: number[] = [];
  /** What was noted before it is in the databases. */
  #first = 0;
  /** What was noted before it is in the index. */
  #indexed = 0;
  /** Sequence of the newest update that is noted, and of the newest one in the databases. */
  #newestSequence = 0;
  #appliedSequence = 0;
  readonly #newest = new Map<string, Indexed>();
  #kills: Indexed[] = [];

  /** Updates that are not in a database yet. */
  get count(): number {
    return this.#first === this.#noted.length ? 0 : this.#newestSequence - this.#appliedSequence;
  }

  /** A set, a kill, or sets of which the last one has this sequence; sequences rise. */
  add(update: JournalRecord | JournalSets, sequence: number): void {
    if (this.#first === this.#noted.length) {
      this.#appliedSequence = sequence - (update.kind === 'sets' ? update.sets.count : 1);
    }
    this.#noted.push(update);
    this.#sequences.push(sequence);
    this.#newestSequence = sequence;
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
    for (; this.#indexed < this.#noted.length; this.#indexed += 1) {
      const update = this.#noted[this.#indexed] as JournalRecord | JournalSets;
      const last = this.#sequences[this.#indexed] as number;
      if (update.kind === 'sets') {
        let sequence = last - update.sets.count;
        for (const { key, value } of update.sets) {
          const place = placeOf(update.database, key);
          sequence += 1;
          this.#newest.set(place, { place, sequence, value });
        }
        continue;
      }
      const place = placeOf(update.database, update.key);
      if (update.kind === 'kill') this.#kills.push({ place, sequence: last, value: null });
      else this.#newest.set(place, { place, sequence: last, value: update.value });
    }
  }

  /** Everything at or below is in the databases. Sets of one message are forgotten together, when the last of them is there. */
  applied(sequence: number): void {
    this.#appliedSequence = Math.max(this.#appliedSequence, sequence);
    while (this.#first < this.#noted.length && (this.#sequences[this.#first] as number) <= sequence) {
      if (this.#first < this.#indexed) this.#forgetIndexed(this.#first);
      this.#first += 1;
    }
    this.#indexed = Math.max(this.#indexed, this.#first);
    if (this.#kills.length > 0) this.#kills = this.#kills.filter((kill) => kill.sequence > sequence);
    if (this.#first > 64 && this.#first * 2 > this.#noted.length) {
      this.#noted = this.#noted.slice(this.#first);
      this.#sequences = this.#sequences.slice(this.#first);
      this.#indexed -= this.#first;
      this.#first = 0;
    }
  }

  #forgetIndexed(index: number): void {
    const update = this.#noted[index] as JournalRecord | JournalSets;
    if (update.kind === 'kill') return;
    const last = this.#sequences[index] as number;
    for (const { key } of update.kind === 'sets' ? update.sets : [update]) {
      const place = placeOf(update.database, key);
      if ((this.#newest.get(place)?.sequence ?? Number.POSITIVE_INFINITY) <= last) this.#newest.delete(place);
    }
  }

  clear(): void {
    this.#noted = [];
    this.#sequences = [];
    this.#first = 0;
    this.#indexed = 0;
    this.#newestSequence = 0;
    this.#appliedSequence = 0;
    this.#newest.clear();
    this.#kills = [];
  }
}

function placeOf(database: string, key: Uint8Array): string {
  return `${database}\n${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
}
