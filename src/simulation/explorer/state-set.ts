/** The states met so far: 64 bits of each key in an open hash table, and for each the move it was first reached by. */
export class StateSet {
  #high: Uint32Array;
  #low: Uint32Array;
  #mask: number;
  #parents = new Int32Array(1 << 16);
  #moves = new Uint16Array(1 << 16);
  size = 0;

  constructor(bits = 18) {
    this.#high = new Uint32Array(1 << bits);
    this.#low = new Uint32Array(1 << bits);
    this.#mask = (1 << bits) - 1;
  }

  /** True = it is new; it has the next number. */
  add(key: string, parent: number, move: number): boolean {
    let high = 0x9e3779b9 | 0;
    let low = 0x85ebca6b | 0;
    for (let index = 0; index < key.length; index += 1) {
      const code = key.charCodeAt(index);
      high = Math.imul(high ^ code, 0x01000193) + (high >>> 15);
      low = Math.imul(low ^ code, 0xcc9e2d51) ^ (low >>> 13);
    }
    high = mix(high ^ (low << 7));
    low = mix(low ^ key.length);
    // Zero marks an empty place.
    if (!this.#insert(high >>> 0 || 1, low >>> 0)) return false;
    if (this.size === this.#parents.length) this.#growPaths();
    this.#parents[this.size] = parent;
    this.#moves[this.size] = move;
    this.size += 1;
    if (this.size * 2 > this.#mask) this.#growTable();
    return true;
  }

  /** The moves that lead from the beginning to this state. */
  path(state: number): readonly number[] {
    const moves: number[] = [];
    for (let at = state; at > 0; at = this.#parents[at] as number) moves.push(this.#moves[at] as number);
    return moves.reverse();
  }

  #insert(high: number, low: number): boolean {
    let at = low & this.#mask;
    while (this.#high[at] !== 0) {
      if (this.#high[at] === high && this.#low[at] === low) return false;
      at = (at + 1) & this.#mask;
    }
    this.#high[at] = high;
    this.#low[at] = low;
    return true;
  }

  #growTable(): void {
    const high = this.#high;
    const low = this.#low;
    this.#high = new Uint32Array(high.length * 2);
    this.#low = new Uint32Array(low.length * 2);
    this.#mask = this.#high.length - 1;
    for (let at = 0; at < high.length; at += 1) if (high[at] !== 0) this.#insert(high[at] as number, low[at] as number);
  }

  #growPaths(): void {
    const parents = new Int32Array(this.#parents.length * 2);
    const moves = new Uint16Array(this.#moves.length * 2);
    parents.set(this.#parents);
    moves.set(this.#moves);
    this.#parents = parents;
    this.#moves = moves;
  }
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
