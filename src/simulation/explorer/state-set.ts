/** The states met so far: their keys in an open hash table, and for each the move it was first reached by. */
export class StateSet {
  /** 0 = an empty place. */
  #keys: Float64Array;
  #mask: number;
  #parents = new Int32Array(1 << 16);
  #moves = new Uint16Array(1 << 16);
  size = 0;

  constructor(bits = 18) {
    this.#keys = new Float64Array(1 << bits);
    this.#mask = (1 << bits) - 1;
  }

  /** True = it is new; it has the next number. */
  add(key: number, parent: number, move: number): boolean {
    if (!this.#insert(key || 1)) return false;
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

  #insert(key: number): boolean {
    let at = key & this.#mask;
    while (this.#keys[at] !== 0) {
      if (this.#keys[at] === key) return false;
      at = (at + 1) & this.#mask;
    }
    this.#keys[at] = key;
    return true;
  }

  #growTable(): void {
    const keys = this.#keys;
    this.#keys = new Float64Array(keys.length * 2);
    this.#mask = keys.length * 2 - 1;
    for (const key of keys) if (key !== 0) this.#insert(key);
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
