/**
 * Updates that are in the journal and not yet in a database, so that $INCREMENT adds to the newest value and not to one
 * that is about to change. Not for readers: they see what is durable and applied.
 */
interface Pending {
  readonly place: string;
  readonly sequence: number;
  /** Null for a kill of the place and everything below it. */
  readonly value: Uint8Array | null;
  readonly kill: boolean;
}

export class PendingUpdates {
  readonly #newest = new Map<string, Pending>();
  readonly #order: Pending[] = [];
  #first = 0;
  #kills: Pending[] = [];

  /** Updates that are not in a database yet. */
  get count(): number {
    return this.#order.length - this.#first;
  }

  add(database: string, key: Uint8Array, sequence: number, value: Uint8Array | null): void {
    const pending: Pending = { place: placeOf(database, key), sequence, value, kill: value === null };
    this.#order.push(pending);
    if (pending.kill) this.#kills.push(pending);
    else this.#newest.set(pending.place, pending);
  }

  /** The value that will be there: bytes, null (killed), or undefined when nothing is pending for this key. */
  look(database: string, key: Uint8Array): Uint8Array | null | undefined {
    const place = placeOf(database, key);
    const set = this.#newest.get(place);
    // A node's key is the beginning of every key below it.
    const kill = this.#kills.findLast((candidate) => place.startsWith(candidate.place));
    if (kill !== undefined && (set === undefined || kill.sequence > set.sequence)) return null;
    return set?.value;
  }

  /** Everything at or below is in the databases. */
  applied(sequence: number): void {
    while (this.#first < this.#order.length && (this.#order[this.#first] as Pending).sequence <= sequence) {
      const pending = this.#order[this.#first] as Pending;
      this.#first += 1;
      if (this.#newest.get(pending.place) === pending) this.#newest.delete(pending.place);
    }
    if (this.#kills.length > 0) this.#kills = this.#kills.filter((kill) => kill.sequence > sequence);
    if (this.#first > 4096 && this.#first * 2 > this.#order.length) {
      this.#order.splice(0, this.#first);
      this.#first = 0;
    }
  }

  clear(): void {
    this.#newest.clear();
    this.#order.length = 0;
    this.#first = 0;
    this.#kills = [];
  }
}

function placeOf(database: string, key: Uint8Array): string {
  return `${database}\n${Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')}`;
}
