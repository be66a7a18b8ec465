/**
 * Reads a whole database as it stood at one moment: is each entry what was stored under its key, and are as many there, with
 * the same sum, as were put there? LMDB itself recognises only the worst damage.
 */
import type { JournalPosition } from '../mirror/journal-position.ts';
import { WHOLE_DATABASE } from '../protocol/global-key.ts';
import type { CheckResult, ContentSum } from './databases.ts';
import { checksumBytes, checksumOf, isIntact, RunningSum } from './entry-checksum.ts';
import { restOf } from './lmdb-ranges.ts';
import { type LmdbTrees, printKey } from './lmdb-trees.ts';
import type { Place } from './lmdb-writer.ts';

/** Sums as RunningSum encodes them. */
export interface Found {
  readonly position: JournalPosition | undefined;
  readonly expected: Uint8Array;
  readonly found: Uint8Array;
  /** Key of the first entry that is not what was stored; null = none. */
  readonly damagedKey: Uint8Array | null;
}

const entriesAtATime = 2000;
const tellEveryMs = 200;

/** `onProgress` hears how many entries were read. Lets the event loop turn now and then. */
export async function checkTrees(trees: LmdbTrees, onProgress: (keysDone: number) => void): Promise<Found> {
  const snapshot = trees.root.useReadTransaction();
  try {
    const { applied, sum: expected } = trees.state({ transaction: snapshot });
    const sum = new RunningSum();
    let range = { from: WHOLE_DATABASE.from } as Parameters<LmdbTrees['storedEntries']>[0];
    let damagedKey: Uint8Array | null = null;
    let toldMs = performance.now();
    for (let isMore = true; isMore && damagedKey === null; ) {
      let count = 0;
      let last = range.from;
      for (const { key, value: stored } of trees.storedEntries(range, entriesAtATime, { transaction: snapshot })) {
        count += 1;
        last = key;
        if (!isIntact(key, stored)) {
          damagedKey = key;
          break;
        }
        sum.add(checksumOf(stored), key.length, stored.length - checksumBytes);
      }
      isMore = count === entriesAtATime;
      range = restOf(range, last);
      if (performance.now() - toldMs < tellEveryMs) continue;
      toldMs = performance.now();
      onProgress(sum.keys);
      await new Promise((resolve) => setImmediate(resolve));
    }
    return { position: applied, expected: expected.encode(), found: sum.encode(), damagedKey };
  } finally {
    snapshot.done();
  }
}

export function resultOf({ directory, path }: Place, checked: Found): CheckResult {
  const { position, damagedKey } = checked;
  const contentOf = (sum: RunningSum): ContentSum => ({ position, sum: sum.hex, keys: sum.keys });
  const content = contentOf(RunningSum.decode(checked.expected));
  const found = contentOf(RunningSum.decode(checked.found));
  const advice = 'restore a backup, or delete the copy and build it anew';
  if (damagedKey !== null) {
    const text = `database ${directory}: the value of ${printKey(damagedKey)} is damaged in ${path}: its checksum is wrong; ${advice}`;
    return { ok: false, key: damagedKey, content, found, text };
  }
  if (content.sum === found.sum && content.keys === found.keys) return { ok: true, content };
  const what =
    content.keys === found.keys
      ? `${found.keys} entries are intact, but they are not the ones that were put there`
      : `${found.keys} entries are there instead of ${content.keys}`;
  const text = `database ${directory}: entries were lost, doubled or moved in ${path}: ${what}; ${advice}`;
  return { ok: false, key: null, content, found, text };
}
