/** Virtual time: a queue of things to do, done in order of their time, then of their coming. Nothing waits for a real clock. */
export interface Appointment {
  atMs: number;
  readonly order: number;
  readonly action: () => void;
  cancelled: boolean;
}

export class VirtualClock {
  #heap: Appointment[] = [];
  #order = 0;
  nowMs = 0;
  /** How much was done so far, and how much may be done at most. */
  done = 0;
  doneMax = Number.POSITIVE_INFINITY;

  at(atMs: number, action: () => void): Appointment {
    this.#order += 1;
    const appointment = { atMs: Math.max(atMs, this.nowMs), order: this.#order, action, cancelled: false };
    this.#heap.push(appointment);
    this.#rise(this.#heap.length - 1);
    return appointment;
  }

  after(delayMs: number, action: () => void): Appointment {
    return this.at(this.nowMs + delayMs, action);
  }

  /** Time passes in which nothing happens: everything that is to be done is done so much later, in the same order. */
  skip(durationMs: number): void {
    this.nowMs += durationMs;
    for (const appointment of this.#heap) appointment.atMs += durationMs;
  }

  /** Do the next thing if it is due by `untilMs`; false = nothing is. */
  advance(untilMs: number): boolean {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.atMs > untilMs) break;
      this.#removeFirst();
      if (first.cancelled) continue;
      if (this.done >= this.doneMax) throw new Error(`more than ${this.doneMax} things are done`);
      this.done += 1;
      this.nowMs = first.atMs;
      first.action();
      return true;
    }
    this.nowMs = Math.max(this.nowMs, untilMs);
    return false;
  }

  #removeFirst(): void {
    const last = this.#heap.pop() as Appointment;
    if (this.#heap.length === 0) return;
    this.#heap[0] = last;
    let index = 0;
    for (;;) {
      const left = 2 * index + 1;
      const right = left + 1;
      let least = index;
      if (left < this.#heap.length && this.#isBefore(left, least)) least = left;
      if (right < this.#heap.length && this.#isBefore(right, least)) least = right;
      if (least === index) return;
      this.#swap(index, least);
      index = least;
    }
  }

  #rise(index: number): void {
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#isBefore(index, parent)) return;
      this.#swap(index, parent);
      index = parent;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const first = this.#heap[a] as Appointment;
    const second = this.#heap[b] as Appointment;
    return first.atMs < second.atMs || (first.atMs === second.atMs && first.order < second.order);
  }

  #swap(a: number, b: number): void {
    const kept = this.#heap[a] as Appointment;
    this.#heap[a] = this.#heap[b] as Appointment;
    this.#heap[b] = kept;
  }
}
