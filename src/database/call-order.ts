/**
 * Keeps changes of one database from overtaking a failed one: when a call fails, every call that was made after it fails
 * with the same error until none is left waiting. Otherwise a journal range that met a full disk would be skipped when the
 * next, smaller one finds room.
 */
export class CallOrder {
  #calls = 0;
  #waiting = 0;
  #fault: { readonly call: number; readonly error: unknown } | null = null;

  /** A call begins; its number. */
  begin(): number {
    this.#waiting += 1;
    this.#calls += 1;
    return this.#calls;
  }

  /** Throws what an earlier call failed with. */
  check(call: number): void {
    if (this.#fault !== null && this.#fault.call < call) throw this.#fault.error;
  }

  fail(call: number, error: unknown): void {
    if (this.#fault === null || call < this.#fault.call) this.#fault = { call, error };
  }

  /** The call has ended, well or not. */
  end(): void {
    this.#waiting -= 1;
    if (this.#waiting === 0) this.#fault = null;
  }
}
