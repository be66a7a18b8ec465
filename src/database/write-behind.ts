/**
 * What a database has taken and not written yet: the generation that takes updates now, and those that were sealed and wait
 * for the disk, oldest first. One is written at a time, whole, with the state that held when it was sealed; readers look
 * through all of them until they are stored. Memory and disk room are bounded here; who is told what is lmdb-database.ts's.
 */
import { fullShareOfMaximum, overlayEnough, overlayMax } from '../mirror/limits.ts';
import type { BlockPool } from './block-pool.ts';
import { DatabaseCommitError, DatabaseFullError, type Maximum, type Updates, updateBytes } from './databases.ts';
import { RunningSum } from './entry-checksum.ts';
import { type Batch, type BatchState, batchOf, type Written } from './lmdb-batch.ts';
import { Overlay } from './overlay.ts';

/** What is on the disk for certain. */
export interface Stored extends BatchState {
  readonly sum: RunningSum;
  readonly sizeBytes: number;
}

/** Where all databases of a store hold back what is not written, and how many of them are open. */
export interface SharedMemory {
  readonly blocks: BlockPool;
  databases: number;
}

export interface WriteBehindParts {
  readonly directory: string;
  /** Resolves when it is on the disk. */
  readonly write: (batch: Batch) => Promise<Written>;
  /** @throws DatabaseFullError when so many bytes are not free. */
  readonly checkRoom: (bytes: number) => void;
  readonly fileBytes: () => number;
  readonly memory: SharedMemory;
  /** Readers must see what was written before the generation that held it is given up. */
  readonly onWritten: () => void;
}

/** How long until a full disk is tried again. */
const fullRetryMs = 500;
const pageBytes = 4096;
/** Below this the estimate need not be exact. */
const scatteredBytesMin = 1024 * 1024;

class Generation {
  readonly overlay: Overlay;
  /** Did it take anything, if only a position? */
  isDirty = false;
  /** What held when it was sealed. */
  state: BatchState | null = null;
  resolve: (stored: Stored) => void = () => undefined;
  reject: (error: Error) => void = () => undefined;
  readonly written = new Promise<Stored>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });

  constructor(blocks: BlockPool) {
    this.overlay = new Overlay(blocks);
    // Whoever wants to know asks; nobody need.
    this.written.catch(() => undefined);
  }
}

export class WriteBehind {
  readonly #parts: WriteBehindParts;
  /** What holds now, for readers. */
  state: BatchState;
  #stored: Stored;
  #active: Generation;
  /** Oldest first. */
  readonly #sealed: Generation[] = [];
  #layers: readonly Overlay[];
  #isWanted = false;
  #isRunning = false;
  #isClosing = false;
  #age: NodeJS.Timeout | null = null;
  /** A commit failed: nothing is known of the environment any more. */
  #fault: Error | null = null;
  /** What is sealed does not find room. */
  #full: DatabaseFullError | null = null;
  #waiting: (() => void)[] = [];

  constructor(parts: WriteBehindParts, stored: Stored) {
    this.#parts = parts;
    this.#active = new Generation(parts.memory.blocks);
    this.#layers = [this.#active.overlay];
    this.#stored = stored;
    this.state = stored;
  }

  get stored(): Stored {
    return this.#stored;
  }

  /** Newest first. */
  get layers(): readonly Overlay[] {
    return this.#layers;
  }

  /** Does everything that was taken lie on the disk? */
  get isSettled(): boolean {
    return !this.#active.isDirty && this.#sealed.length === 0;
  }

  /**
   * May so much more be taken now? False = after the next batch was written, perhaps.
   * @throws DatabaseFullError, DatabaseCommitError
   */
  fits(updates: Updates, maximum: Maximum): boolean {
    if (this.#fault !== null) throw this.#fault;
    const { updates: taken, bytes } = this.#active.overlay;
    const isTooMuch = taken >= this.#updatesMax() || bytes >= overlayMax.bytes;
    if (!this.isSettled && (isTooMuch || this.#parts.memory.blocks.usedBytes >= overlayMax.bytesOfAll)) return false;
    let [count, payload, setBytes] = [0, 0, 0];
    for (const update of updates) {
      const bytes = updateBytes(update);
      count += update.kind === 'sets' ? update.count : 1;
      payload += bytes;
      if (update.kind !== 'kill') setBytes += bytes;
    }
    return this.#hasRoom(count, payload) && (maximum === 'waived' || this.#isBelowMaximum(setBytes));
  }

  #updatesMax(): number {
    return Math.max(overlayMax.updatesOfAll / this.#parts.memory.databases, overlayMax.updatesLeast);
  }

  #hasRoom(updates: number, payload: number): boolean {
    try {
      const { overlay } = this.#active;
      const waiting = this.#sealed.reduce((sum, each) => sum + this.#growth(each.overlay), 0);
      const more = { updates: overlay.updates + updates, payloadBytes: overlay.payloadBytes + payload };
      this.#parts.checkRoom(waiting + this.#growth(more));
      return true;
    } catch (error) {
      // What is held already needs room of its own, and perhaps less than was thought.
      if (this.isSettled || this.#full !== null || !(error instanceof DatabaseFullError)) throw error;
      return false;
    }
  }

  /**
   * How far a batch may make the file grow: each update its page, the page above it and its payload, but old pages are copied
   * once at most, however many updates fall on them.
   */
  #growth({ updates, payloadBytes }: { readonly updates: number; readonly payloadBytes: number }): number {
    const scattered = updates * 2 * pageBytes;
    if (scattered <= scatteredBytesMin) return scattered + 2 * payloadBytes;
    return Math.min(scattered, this.#parts.fileBytes()) + 2 * payloadBytes;
  }

  /** Nearly as large as it may become. */
  get isFull(): boolean {
    const { maximumBytes } = this.state;
    return maximumBytes > 0 && this.#usedBytes() >= maximumBytes * fullShareOfMaximum;
  }

  /** On the disk, and what waits to get there. */
  #usedBytes(): number {
    return this.layers.reduce((sum, { payloadBytes }) => sum + payloadBytes, this.#stored.sizeBytes);
  }

  #isBelowMaximum(setBytes: number): boolean {
    const { maximumBytes } = this.state;
    if (maximumBytes === 0 || setBytes === 0) return true;
    if (this.#usedBytes() + setBytes <= maximumBytes) return true;
    if (!this.isSettled) return false;
    throw new DatabaseFullError(
      this.#parts.directory,
      `it has ${mebibytes(this.#stored.sizeBytes)} MiB and may have ${mebibytes(maximumBytes)} MiB at most; nothing was written, give it a larger maximum size or delete data`,
    );
  }

  /** Shows to readers at once. */
  take(updates: Updates, state: BatchState): void {
    const active = this.#active;
    active.overlay.add(updates);
    active.isDirty = true;
    this.state = state;
    const enough = Math.min(overlayEnough.updates, this.#updatesMax());
    if (active.overlay.updates >= enough || active.overlay.bytes >= overlayEnough.bytes) this.demand();
    else this.#writeWhenOld();
  }

  #writeWhenOld(): void {
    if (this.#age !== null) return;
    this.#age = setTimeout(() => {
      this.#age = null;
      this.demand();
    }, this.#ageMs());
    this.#age.unref();
  }

  #ageMs(): number {
    const { least, forEach, most } = overlayEnough.ageMs;
    return Math.min(Math.max(least, forEach * this.#parts.memory.databases), most);
  }

  /** Write what was taken, as soon as what is being written is on the disk. */
  demand(): void {
    if (!this.#active.isDirty) return;
    this.#isWanted = true;
    void this.#run();
  }

  /** Resolves when everything taken so far is on the disk. More may join it meanwhile. */
  async settled(): Promise<Stored> {
    const newest = this.#active.isDirty ? this.#active : this.#sealed.at(-1);
    if (newest === undefined) return this.#stored;
    this.demand();
    return newest.written;
  }

  /** Like `settled`, but what is taken from here on is written apart from it. */
  async sealedHere(): Promise<Stored> {
    if (this.#active.isDirty) this.#seal();
    const newest = this.#sealed.at(-1);
    void this.#run();
    return newest === undefined ? this.#stored : newest.written;
  }

  /** Resolves when something has changed that a caller who does not fit can wait for. */
  change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #seal(): void {
    const sealed = this.#active;
    sealed.state = this.state;
    this.#sealed.push(sealed);
    this.#active = new Generation(this.#parts.memory.blocks);
    this.#isWanted = false;
    this.#layers = [this.#active, ...[...this.#sealed].reverse()].map(({ overlay }) => overlay);
    if (this.#age !== null) clearTimeout(this.#age);
    this.#age = null;
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.#fault === null) {
        if (this.#sealed.length === 0) {
          if (!this.#isWanted || !this.#active.isDirty) return;
          this.#seal();
        }
        await this.#writeOldest();
      }
    } catch (error) {
      this.#giveUp(error as Error);
    } finally {
      this.#isRunning = false;
      this.#tell();
    }
  }

  async #writeOldest(): Promise<void> {
    const oldest = this.#sealed[0] as Generation;
    const state = oldest.state as BatchState;
    await this.#untilRoom(oldest.overlay);
    const { sum, sizeBytes } = await this.#parts.write(batchOf(oldest.overlay, state)).catch((error: Error) => {
      const text = `a commit failed (${error.message}); dismount and mount it`;
      throw new DatabaseCommitError(this.#parts.directory, text, { cause: error });
    });
    this.#stored = { ...state, sum: RunningSum.decode(sum), sizeBytes };
    this.#parts.onWritten();
    this.#sealed.shift();
    this.#layers = this.#layers.slice(0, -1);
    oldest.overlay.release();
    oldest.resolve(this.#stored);
    this.#tell();
  }

  /** LMDB must not meet a full disk; what is sealed stays readable until there is room. */
  async #untilRoom(overlay: Overlay): Promise<void> {
    for (;;) {
      try {
        this.#parts.checkRoom(this.#growth(overlay));
        this.#full = null;
        return;
      } catch (error) {
        if (!(error instanceof DatabaseFullError) || this.#isClosing) throw error;
        this.#full = error;
        this.#tell();
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, fullRetryMs);
        timer.unref();
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  #wake: () => void = () => undefined;

  #tell(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #giveUp(error: Error): void {
    this.#fault = error;
    for (const each of [...this.#sealed, this.#active]) {
      each.overlay.abandon();
      each.reject(error);
    }
  }

  /** Writes what there is, if there is room for it; what a mirrored database could not write its journal brings again. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#wake();
    if (this.#fault === null) await this.settled().catch(() => undefined);
    if (this.#age !== null) clearTimeout(this.#age);
    this.#fault ??= new Error(`assertion: ${this.#parts.directory} is closed`);
  }
}

function mebibytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
