/**
 * Opens database directories that a crash left, with the real code, and says what they hold: for each line {directory} of standard
 * input a line {found} on standard output, 'absent', 'unfinished', a digest, or an error. Bundled and started by scripts/crash/databases.mjs.
 */
import { createInterface } from 'node:readline';
import type { Database, Update } from '../../src/database/databases.ts';
import { LmdbDatabaseStore } from '../../src/database/lmdb-databases.ts';
import { nodeFileOperations } from '../../src/host/node-files.ts';
import { encodeKey, WHOLE_DATABASE } from '../../src/protocol/global-key.ts';
import { digestOf, type Found } from './database-digest.ts';

const store = new LmdbDatabaseStore(nodeFileOperations);

function contentOf(database: Database): Found {
  const entries = [...database.entries(WHOLE_DATABASE)].map(
    ({ key, value }) => [Buffer.from(key).toString('hex'), value] as const,
  );
  return { entries, attribute: database.attribute, applied: database.applied };
}

/** Updates that need new pages and free old ones, as life goes on: pages that are free by mistake would be overwritten. */
async function goOn(database: Database, round: number): Promise<void> {
  const updates = Array.from({ length: 12 }, (_, at): Update => {
    const key = encodeKey('Z', [String(at)]);
    return at % 3 === round % 3
      ? { kind: 'kill', key, value: Buffer.alloc(0) }
      : { kind: 'set', key, value: Buffer.alloc(500 * at + 1, round) };
  });
  const { applied } = database;
  if (applied === undefined) return database.change(updates);
  await database.apply(updates, { ...applied, sequence: applied.sequence + 1, offset: applied.offset + 1 });
  await database.flushed();
}

const withoutLater = ({ entries, attribute }: Found): string =>
  digestOf({ entries: entries.filter(([key]) => !key.startsWith('5a00')), attribute, applied: undefined });

async function found(directory: string): Promise<string> {
  if (!store.holds(directory)) return 'absent';
  let database = await store.open(directory).catch(async (error: { code?: unknown }) => {
    // A creation that power cut off is no database; it must not be in the way of the next one.
    if (error.code !== 'database-damaged') throw error;
    await (await store.create(directory).catch(() => Promise.reject(error))).close();
    return null;
  });
  if (database === null) return 'unfinished';
  const first = contentOf(database);
  await database.close();
  database = await store.open(directory);
  const second = contentOf(database);
  if (digestOf(first) !== digestOf(second)) return `opened twice: ${digestOf(first)}, then ${digestOf(second)}`;
  for (let round = 1; round <= 3; round += 1) await goOn(database, round);
  await database.close();
  database = await store.open(directory);
  const later = contentOf(database);
  await database.close();
  if (withoutLater(later) !== withoutLater(first)) return `what was there has changed by updates of other keys`;
  return digestOf(first);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { directory } = JSON.parse(line) as { directory: string };
  const answer = await found(directory).catch((error: Error) => `error: ${error.message}`);
  process.stdout.write(`${JSON.stringify({ found: answer })}\n`);
}
