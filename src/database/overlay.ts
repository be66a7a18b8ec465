/**
 * One generation of updates that are not on the disk yet, in memory and in order: what was set, and which subtrees were
 * killed before that. It lies over older generations and over what is stored, and hides what it killed there.
 *
 * Subtrees lie inside each other or apart, never across; so only the outermost are kept, and the nearest kill before a key
 * is the only one that can hide it.
 */
import { Buffer } from 'node:buffer';
import { subtreeEnd } from '../protocol/global-key.ts';
import type { BlockPool } from './block-pool.ts';
import { ByteTree } from './byte-tree.ts';
import { placesOfSet, type SetsInPlace, type Updates, updateBytes } from './databases.ts';

const subtreeEndByte = 0xff;
const nothing = new Uint8Array(0);

export class Overlay {
  readonly sets: ByteTree;
  readonly kills: ByteTree;
  /** Updates taken, and the bytes of their keys and values. */
  updates = 0;
  payloadBytes = 0;

  constructor(pool: BlockPool) {
    this.sets = new ByteTree(pool);
    this.kills = new ByteTree(pool);
  }

  /** Does it change nothing? */
  get isEmpty(): boolean {
    return this.sets.count === 0 && this.kills.count === 0;
  }

  /** Memory it takes. */
  get bytes(): number {
    return this.sets.heldBytes + this.kills.heldBytes;
  }

  /** It is not read any more, on no thread. */
  release(): void {
    this.sets.release();
    this.kills.release();
  }

  /** Like `release`, but perhaps another thread still reads it. */
  abandon(): void {
    this.sets.abandon();
    this.kills.abandon();
  }

  add(updates: Updates): void {
    for (const update of updates) {
      this.payloadBytes += updateBytes(update);
      this.updates += update.kind === 'sets' ? update.count : 1;
      if (update.kind === 'sets') this.#setAll(update);
      else if (update.kind === 'kill') this.#kill(update.key);
      else this.sets.set(update.key, update.value);
    }
  }

  #setAll({ bytes, places, first, count }: SetsInPlace): void {
    for (let at = first, end = first + count * placesOfSet; at < end; at += placesOfSet) {
      this.sets.setFrom(bytes, places[at]!, places[at + 1]!, places[at + 2]!);
    }
  }

  #kill(key: Uint8Array): void {
    const until = subtreeEnd(key);
    this.sets.removeRange(key, until);
    if (this.killHiding(key) !== null) return;
    this.kills.removeRange(key, until);
    this.kills.set(key, nothing);
  }

  /** Key of the killed subtree that takes this key away from everything older; null = none. */
  killHiding(key: Uint8Array): Uint8Array | null {
    if (this.kills.count === 0) return null;
    const { entry } = this.kills.seekBefore(Buffer.concat([key, nodeEnd]));
    if (entry < 0) return null;
    const kill = this.kills.keyAt(entry);
    return isInSubtree(key, kill) ? kill : null;
  }
}

/** The least that can follow a key. */
const nodeEnd = Buffer.of(0);

function isInSubtree(key: Uint8Array, root: Uint8Array): boolean {
  const { length } = root;
  if (key.length < length) return false;
  for (let at = 0; at < length; at += 1) if (key[at] !== root[at]) return false;
  return key.length === length || key[length] !== subtreeEndByte;
}
