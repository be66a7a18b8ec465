/**
 * Blocks of shared memory for the overlays of all databases of a store, used again and again. V8 does not count shared memory:
 * however much of it is given up, neither the thread that filled it nor the one that wrote it to the disk sees a reason to
 * collect garbage, so blocks made anew for each generation would stay by the hundred (docs/decisions/0030).
 */
import { Buffer } from 'node:buffer';
import { overlayBlockBytes, overlayMax } from '../mirror/limits.ts';

/** Over a SharedArrayBuffer of its own. */
export type Block = Buffer;

/** When nothing was used for so long, what is kept is given up. */
const idleMs = 30_000;

export class BlockPool {
  /** By their length. The last one given back is taken first: its pages are the likeliest to be in memory. */
  readonly #free = new Map<number, Block[]>();
  #freeBytes = 0;
  #usedBytes = 0;
  #idle: NodeJS.Timeout | null = null;

  /** Of all blocks that are taken now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Of those that are kept for whoever comes next. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** At least so many bytes, with anything in them. */
  take(bytes: number): Block {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    let length: number = overlayBlockBytes.least;
    while (length < bytes) length *= 2;
    this.#usedBytes += length;
    const block = this.#free.get(length)?.pop();
    if (block === undefined) return Buffer.from(new SharedArrayBuffer(length));
    this.#freeBytes -= length;
    return block;
  }

  /** No thread reads it any more. */
  give(block: Block): void {
    const { length } = block;
    this.abandon(block);
    if (this.#freeBytes + length > overlayMax.bytesOfAll) return;
    const free = this.#free.get(length);
    if (free === undefined) this.#free.set(length, [block]);
    else free.push(block);
    this.#freeBytes += length;
  }

  /** Nobody fills it any more, but who reads it is not known: it is not used again. */
  abandon({ length }: Block): void {
    this.#usedBytes -= length;
    if (this.#usedBytes === 0) this.#idle = setTimeout(() => this.#giveUp(), idleMs).unref();
  }

  #giveUp(): void {
    this.#idle = null;
    this.#free.clear();
    this.#freeBytes = 0;
  }
}
