/**
 * The open transaction of one connection: its updates wait in memory until TCOMMIT puts them into the journal as one group, so
 * that a failover, a lost connection or TROLLBACK leaves nothing of them anywhere.
 */
import type { Database } from '../database/databases.ts';
import {
  openTransactionsBytesMax,
  transactionBytesMax,
  transactionLevelMax,
  transactionUpdatesMax,
} from '../mirror/limits.ts';
import { ChangedView, OrderedUpdates, type Readable } from './ordered-updates.ts';

export interface HeldUpdate {
  readonly kind: 'set' | 'kill';
  readonly database: Database;
  /** Its name in the mirror; null for an ordinary database of this instance. */
  readonly mirrored: string | null;
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

const tooLarge = `a transaction has at most ${transactionUpdatesMax} updates of ${transactionBytesMax} bytes together: commit in smaller parts`;

export function fitsTransaction(updates: number, bytes: number): boolean {
  return updates <= transactionUpdatesMax && bytes <= transactionBytesMax;
}

/** Shared by all transactions of an instance. */
export interface TransactionMemory {
  /** What is held by those that are open. */
  bytes: number;
}

export class Transaction {
  readonly #memory: TransactionMemory;
  #updates: HeldUpdate[] = [];
  #bytes = 0;
  /** How many updates there were at each TSTART that is not committed. */
  readonly #begins: number[] = [];
  #changed = new Map<Database, OrderedUpdates>();

  constructor(memory: TransactionMemory) {
    this.#memory = memory;
  }

  /** $TLEVEL. */
  get level(): number {
    return this.#begins.length;
  }

  get updates(): readonly HeldUpdate[] {
    return this.#updates;
  }

  /** Is there no more room for another level? */
  get isDeepest(): boolean {
    return this.level >= transactionLevelMax;
  }

  begin(): void {
    this.#begins.push(this.#updates.length);
  }

  /** TCOMMIT of an inner level: its updates belong to the one around it from now on. */
  commitInner(): void {
    this.#begins.pop();
  }

  /** TROLLBACK 1: nothing of the innermost level is left. */
  rollbackInner(): void {
    const kept = this.#updates.slice(0, this.#begins.pop() ?? 0);
    this.release();
    this.#updates = [];
    this.#changed = new Map();
    for (const update of kept) this.#hold(update);
  }

  /** It is over, and its memory free for others; its updates can still be read. */
  release(): void {
    this.#memory.bytes -= this.#bytes;
    this.#bytes = 0;
  }

  /** Keeps copies of all of them, or nothing and says why. */
  add(updates: readonly HeldUpdate[]): string | null {
    const bytes = updates.reduce((sum, { key, value }) => sum + key.length + value.length, 0);
    if (!fitsTransaction(this.#updates.length + updates.length, this.#bytes + bytes)) return tooLarge;
    if (this.#memory.bytes + bytes > openTransactionsBytesMax) {
      return `all open transactions together hold ${this.#memory.bytes} bytes, and ${openTransactionsBytesMax} are possible: wait until others are committed`;
    }
    const first = this.#updates[0] ?? updates[0];
    const mixed = updates.find(({ database, mirrored }) => {
      if (mirrored !== null && first?.mirrored != null) return false;
      return database !== first?.database;
    });
    if (mixed !== undefined) {
      return 'a transaction is over databases of the mirror, or over one other database of this instance: commit the one before you begin the other';
    }
    // What is held longer than a turn keeps no buffer of the connection alive.
    for (const update of updates) {
      this.#hold({ ...update, key: Uint8Array.from(update.key), value: Uint8Array.from(update.value) });
    }
    return null;
  }

  #hold(update: HeldUpdate): void {
    const { kind, database, key, value } = update;
    this.#updates.push(update);
    this.#bytes += key.length + value.length;
    this.#memory.bytes += key.length + value.length;
    let changed = this.#changed.get(database);
    if (changed === undefined) {
      changed = new OrderedUpdates();
      this.#changed.set(database, changed);
    }
    if (kind === 'set') changed.set(key, value);
    else changed.kill(key);
  }

  /** Has this transaction changed the node itself, or killed it with one above? */
  hasChanged(database: Database, key: Uint8Array): boolean {
    return this.#changed.get(database)?.get(key) !== undefined;
  }

  /** The database as this transaction sees it. */
  view(database: Database, base: Readable): Readable {
    const changed = this.#changed.get(database);
    return changed === undefined ? base : new ChangedView(base, changed);
  }
}
