/** The program of a thread that writes batches into databases, or checks one (lmdb-writer.ts). It opens each one for itself. */
import { parentPort, workerData } from 'node:worker_threads';
import { writeBatch } from './lmdb-batch.ts';
import { checkTrees } from './lmdb-check.ts';
import { LmdbTrees } from './lmdb-trees.ts';
import type { CheckAnswer, CheckOrder, Place, ThreadAnswer, ThreadOrder } from './lmdb-writer.ts';

const port = parentPort as NonNullable<typeof parentPort>;
const open = new Map<string, LmdbTrees>();

if (workerData?.check !== undefined) void check((workerData as CheckOrder).check);
else port.on('message', follow);

function follow(order: ThreadOrder): void {
  if (order.order === 'end') {
    void Promise.all([...open.values()].map((trees) => trees.root.close())).then(() => port.close());
    return;
  }
  const { job } = order;
  const answer = (say: ThreadAnswer): void => port.postMessage(say);
  carryOut(order).then(
    (written) => answer({ job, written }),
    (error: Error) => answer({ job, failed: error.message }),
  );
}

async function check(place: Place): Promise<void> {
  const answer = (say: CheckAnswer): void => port.postMessage(say);
  const trees = new LmdbTrees(place.directory, place.path);
  try {
    answer({ found: await checkTrees(trees, (keysDone) => answer({ keysDone })) });
  } catch (error) {
    answer({ failed: (error as Error).message });
  } finally {
    await trees.root.close();
  }
}

async function carryOut(order: ThreadOrder & { order: 'write' | 'close' }) {
  if (order.order === 'write') return writeBatch(treesOf(order.place), order.batch);
  const trees = open.get(order.place.path);
  open.delete(order.place.path);
  await trees?.root.close();
  return null;
}

function treesOf({ directory, path }: Place): LmdbTrees {
  let trees = open.get(path);
  if (trees === undefined) {
    trees = new LmdbTrees(directory, path);
    open.set(path, trees);
  }
  return trees;
}
