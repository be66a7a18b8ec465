/** Tells the repetitions of an attempt from the first, so that a record of decisions is not filled with one sentence. */

/** Facts that differ from attempt to attempt and make no other decision of it. */
const passing = /Ms$|^(term|session|otherSession)$/;

export class Attempts {
  readonly #noted = new Set<string>();

  /** Something else happened: what was tried before counts no more. */
  forget(): void {
    this.#noted.clear();
  }

  /** True for the first of its kind since `forget`. */
  isNew(what: string, rules: readonly string[], facts: Readonly<Record<string, unknown>>): boolean {
    const lasting = Object.entries(facts).filter(([name]) => !passing.test(name));
    const key = JSON.stringify([what, rules, lasting]);
    if (this.#noted.has(key)) return false;
    this.#noted.add(key);
    return true;
  }
}
