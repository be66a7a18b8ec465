/**
 * A sealed overlay as one transaction of LMDB: data in the order of their keys, position and sum, all or nothing. It is plain
 * data over shared memory, so that it can be carried out on a thread of its own.
 */
import { Buffer } from 'node:buffer';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { globalKeyBytesMax, globalValueBytesMax } from '../mirror/limits.ts';
import { copyWithCrc32c } from '../protocol/crc32c.ts';
import { type BlockEntry, type ByteTree, locateEntry } from './byte-tree.ts';
import type { MirrorAttribute } from './databases.ts';
import { checksumBytes } from './entry-checksum.ts';
import type { LmdbTrees, PackedEntry } from './lmdb-trees.ts';
import { NewKeys } from './new-keys.ts';
import type { Overlay } from './overlay.ts';

/** Entries of a tree: their blocks, and their places there in the order of their keys. */
interface Ordered {
  readonly blocks: readonly SharedArrayBuffer[];
  readonly entries: Int32Array;
}

/** What holds for a database besides its data once a batch is written. */
export interface BatchState {
  readonly attribute: MirrorAttribute | undefined;
  readonly applied: JournalPosition | undefined;
  readonly maximumBytes: number;
}

export interface Batch extends BatchState {
  /** Subtrees killed before anything was set. */
  readonly kills: Ordered;
  readonly sets: Ordered;
}

/** What a batch left behind, durable. */
export interface Written {
  /** RunningSum, encoded. */
  readonly sum: Uint8Array;
  readonly sizeBytes: number;
}

export function batchOf(overlay: Overlay, state: BatchState): Batch {
  return { ...state, kills: ordered(overlay.kills), sets: ordered(overlay.sets) };
}

function ordered(tree: ByteTree): Ordered {
  return { blocks: tree.blocks, entries: tree.inOrder() };
}

/** Returns when it is on the disk. @throws whatever LMDB throws; then nothing of it was written. */
export function writeBatch(trees: LmdbTrees, batch: Batch): Written {
  const { sum } = trees.state();
  trees.root.transactionSync(() => {
    carryOutKills(trees, batch.kills, sum);
    carryOutSets(trees, batch.sets, sum);
    const { attribute, applied, maximumBytes } = batch;
    trees.putState({ attribute, applied, maximumBytes, sum });
  });
  return { sum: sum.encode(), sizeBytes: trees.sizeBytes() };
}

type Sum = ReturnType<LmdbTrees['state']>['sum'];

function carryOutKills(trees: LmdbTrees, { blocks, entries }: Ordered, sum: Sum): void {
  const bytesOf = blocks.map((block) => new Uint8Array(block));
  const at: BlockEntry = { block: 0, keyStart: 0, keyEnd: 0, valueEnd: 0 };
  for (const entry of entries) {
    locateEntry(bytesOf, entry, at);
    trees.kill(Buffer.from(bytesOf[at.block]!.subarray(at.keyStart, at.keyEnd)), sum);
  }
}

/** Entries are copied to where LMDB takes them from, the value's checksum behind it. */
const packed: PackedEntry = Object.assign(
  Buffer.allocUnsafeSlow(globalKeyBytesMax + globalValueBytesMax + checksumBytes),
  { start: 0, end: 0 },
);

function carryOutSets(trees: LmdbTrees, { blocks, entries }: Ordered, sum: Sum): void {
  const bytesOf = blocks.map((block) => new Uint8Array(block));
  const at: BlockEntry = { block: 0, keyStart: 0, keyEnd: 0, valueEnd: 0 };
  const newKeys = new NewKeys((key) => trees.keyFrom(key));
  for (const entry of entries) {
    locateEntry(bytesOf, entry, at);
    const { keyStart, keyEnd, valueEnd } = at;
    const length = valueEnd - keyStart;
    const checksum = copyWithCrc32c(packed, 0, bytesOf[at.block]!, keyStart, valueEnd, 0);
    packed.writeUInt32LE(checksum, length);
    packed.start = keyEnd - keyStart;
    packed.end = length + checksumBytes;
    if (newKeys.has(packed, packed.start)) trees.add(packed, sum, newKeys.isBehindAll);
    else trees.set(packed, sum);
  }
}
