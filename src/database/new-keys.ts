/**
 * Which keys of a batch are not in the tree, found out for many at once. A batch goes through the tree in order, so all its keys
 * below the next one that is there are new: where a load is in order, of whatever global, none of them has to be looked for.
 * Where what is new stands between what is there, looking ahead does not pay and is tried ever less often.
 */

/** Fewer new keys than this at a time are not worth looking ahead. */
const worthwhile = 16;
/** After a look that did not pay, so many keys pass until the next one; twice as many after each further one, up to the most. */
const rest = { least: 16, most: 4096 } as const;

export class NewKeys {
  readonly #keyFrom: (key: Uint8Array) => Uint8Array | null;
  /** Below it nothing is there, from where it was looked for on; null = to the end. */
  #next: Uint8Array | null = null;
  #isKnown = false;
  /** New keys since the last look. */
  #found = 0;
  #restsFor = 0;
  #rest: number = rest.least;

  /** `keyFrom`: the first key in the tree at or behind this one. Whoever puts keys puts them in order. */
  constructor(keyFrom: (key: Uint8Array) => Uint8Array | null) {
    this.#keyFrom = keyFrom;
  }

  /** Of the key that was asked for last, and is new: nothing in the tree is behind it. */
  get isBehindAll(): boolean {
    return this.#next === null;
  }

  /** Is the key that lies there certainly new? False = perhaps not. Each key is behind the one before. */
  has(bytes: Uint8Array, length: number): boolean {
    if (this.#isKnown) {
      if (this.#next === null || isBefore(bytes, length, this.#next)) {
        this.#found += 1;
        return true;
      }
      this.#isKnown = false;
      this.#restAfter(this.#found);
    }
    if (this.#restsFor > 0) {
      this.#restsFor -= 1;
      return false;
    }
    this.#next = this.#keyFrom(bytes.slice(0, length));
    this.#isKnown = true;
    this.#found = 0;
    return this.#next === null || isBefore(bytes, length, this.#next);
  }

  #restAfter(found: number): void {
    this.#rest = found < worthwhile ? Math.min(2 * this.#rest, rest.most) : rest.least;
    if (found < worthwhile) this.#restsFor = this.#rest;
  }
}

function isBefore(bytes: Uint8Array, length: number, other: Uint8Array): boolean {
  const shorter = Math.min(length, other.length);
  for (let index = 0; index < shorter; index += 1) {
    const order = bytes[index]! - other[index]!;
    if (order !== 0) return order < 0;
  }
  return length < other.length;
}
