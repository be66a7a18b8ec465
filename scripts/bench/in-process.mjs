/**
 * Journal and database of a member without a mirror, in this process and through their doors: what an instance does with an
 * update, less the superserver. Bundled by in-process-bundle.mjs; the plan is JSON in the first argument, the result one line.
 *
 *   random    SETs of `count` records in random order, in batches of 1000, each flushed; until all is written into the store
 *   ordered   the same in key order
 *   read      a database of `count` records made in key order, closed in order and opened again: $GET, scan, opening
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LmdbDatabaseStore } from '../../src/database/lmdb-databases.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import { encodeKey, WHOLE_DATABASE } from '../../src/protocol/global-key.ts';

const { task, directory, count, valueBytes = 50, batch = 1000 } = JSON.parse(process.argv[2]);
const value = Buffer.alloc(valueBytes, 0x41);
const prime = 7919;
/** A prime above the number of records: each key comes once. */
const keysInAll = count > 1_000_000 ? 10_000_019 : 1_000_003;
const store = new LmdbDatabaseStore(nodeHost.files, new URL('./in-process-writer.js', import.meta.url));
const place = join(directory, 'database');

const keyOf = (number) => encodeKey('acct', ['c', String(100_000_000 + number)]);

function openJournal() {
  return openDiskJournal({
    files: nodeHost.files,
    directory: join(directory, 'journal'),
    mirror: 'BENCH',
    logPath: join(directory, 'mirrorjrn-BENCH.log'),
    lostAndFoundDirectory: join(directory, 'lost+found'),
  });
}

async function fill(database, isRandom) {
  const journal = openJournal();
  journal.startFile({ number: 1, owner: 'A', lineage: 'L' }, Date.now());
  const beganMs = performance.now();
  let ownMiB = 0;
  for (let i = 0; i < count; i += batch) {
    if ((i / batch) % looks === 0) ownMiB = Math.max(ownMiB, ownMemoryMiB());
    const records = [];
    for (let j = i; j < Math.min(i + batch, count); j += 1) {
      records.push({ kind: 'set', database: 'DATA', key: keyOf(isRandom ? (j * prime) % keysInAll : j), value });
    }
    journal.append(records, Date.now());
    await database.apply(records, journal.flush());
    // One batch is one turn of the event loop, as in an instance.
    await new Promise((resolve) => setImmediate(resolve));
  }
  const seconds = (performance.now() - beganMs) / 1000;
  await database.flushed();
  const storedSeconds = (performance.now() - beganMs) / 1000;
  journal.close();
  return { rate: count / seconds, sustained: count / storedSeconds, ownMiB: Math.max(ownMiB, ownMemoryMiB()) };
}

/** Batches between two looks at the memory. */
const looks = 10;

/** Of this process, without pages of files: those are the kernel's to drop. */
function ownMemoryMiB() {
  return Number(/^RssAnon:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]) / 1024;
}

async function made() {
  const database = await store.create(place);
  await database.setAttribute(
    { mirror: 'BENCH', database: 'DATA', addedAt: JOURNAL_START, fromEmpty: true, activated: true },
    JOURNAL_START,
  );
  return database;
}

async function readBack() {
  let database = await made();
  await fill(database, false);
  await database.close();
  let beganMs = performance.now();
  database = await store.open(place);
  const databaseMs = performance.now() - beganMs;
  beganMs = performance.now();
  openJournal().close();
  const journalMs = performance.now() - beganMs;
  const gets = rateOf(count, () => {
    for (let i = 0; i < count; i += 1) {
      if (database.get(keyOf((i * prime) % count)) === undefined) throw new Error(`record ${i} is not there`);
    }
  });
  beganMs = performance.now();
  let nodes = 0;
  for (const node of database.entries(WHOLE_DATABASE)) if (node.value.length > 0) nodes += 1;
  const scan = nodes / ((performance.now() - beganMs) / 1000);
  if (nodes !== count) throw new Error(`${nodes} nodes of ${count} were scanned`);
  await database.close();
  return { gets, scan, databaseMs, journalMs };
}

function rateOf(times, work) {
  const beganMs = performance.now();
  work();
  return times / ((performance.now() - beganMs) / 1000);
}

async function written(isRandom) {
  const database = await made();
  const result = await fill(database, isRandom);
  await database.close();
  // What the database is given is counted when it is stored: nothing is left for later.
  return { ...result, rate: result.sustained, taken: result.rate };
}

const result = task === 'read' ? await readBack() : await written(task === 'random');
console.log(JSON.stringify(result));
process.exit(0);
