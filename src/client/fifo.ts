/** First in, first out, without the cost of moving a long array at each step. */
export class Fifo<T> {
  /** What was taken is let go at once: a place is emptied before the array is shortened. */
  #items: (T | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  peek(): T | undefined {
    return this.#items[this.#first];
  }

  shift(): T | undefined {
    const item = this.#items[this.#first];
    if (item === undefined) return undefined;
    this.#items[this.#first] = undefined;
    this.#first += 1;
    if (this.#first >= 4096 && this.#first * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return item;
  }

  /** All of them, oldest first; none are left. */
  takeAll(): T[] {
    const items = this.#items.slice(this.#first) as T[];
    this.#items = [];
    this.#first = 0;
    return items;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let at = this.#first; at < this.#items.length; at += 1) yield this.#items[at] as T;
  }

  /** Before all others, in their order. */
  putInFront(items: readonly T[]): void {
    this.#items = [...items, ...this.#items.slice(this.#first)];
    this.#first = 0;
  }
}
