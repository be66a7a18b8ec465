/** Chance from a seed: small, fast, and the same everywhere. Each input of the fuzz proof begins with its own. */

export class Chance {
  #state: number;

  constructor(seed: number) {
    // One step of a good mixer, so that seeds that are neighbours are far apart.
    let state = (seed ^ 0x9e3779b9) >>> 0;
    state = Math.imul(state ^ (state >>> 16), 0x21f0aaad) >>> 0;
    state = Math.imul(state ^ (state >>> 15), 0x735a2d97) >>> 0;
    this.#state = (state ^ (state >>> 15)) >>> 0 || 1;
  }

  /** 0 to `count` - 1. */
  below(count: number): number {
    let state = this.#state;
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    this.#state = state >>> 0;
    return this.#state % count;
  }

  /** One time in `count`. */
  once(count: number): boolean {
    return this.below(count) === 0;
  }

  of<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)]!;
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; at += 1) bytes[at] = this.below(256);
    return bytes;
  }

  /** Printable and other characters, also ones of several bytes. */
  text(lengthMax: number): string {
    let text = '';
    for (let left = this.below(lengthMax + 1); left > 0; left -= 1) text += this.of(characters);
    return text;
  }
}

const characters = [...'abcxyzABCXYZ0123456789 .,"\'()^%-+:/\\#=\n\t\u0000\u0001\u007f\u00e9\u4e2d\ud83d\ude00'];
