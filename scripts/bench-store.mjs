/**
 * What the store does in one process, without network: SETs through journal and database of a primary without backup, reads
 * of the full store, dejournaling, and opening; plain LMDB in durable batches of 1000 beside it. Prints a table and the
 * machine; --json one document. --records N (3,000,000), --only NAME (a part of a row's name), --directory DIR.
 *
 * Not counted: making the keys' bytes. Counted: everything from the record to the durable journal and the reader who sees it;
 * "sustained" also waits until the database's disk has everything.
 */
import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { open } from 'lmdb';

const root = fileURLToPath(new URL('..', import.meta.url));
const option = (name, fallback) => {
  const at = process.argv.indexOf(name);
  return at < 0 ? fallback : process.argv[at + 1];
};
const asJson = process.argv.includes('--json');
const records = Number(option('--records', 3_000_000));
const smaller = Math.min(records, 1_000_000);
const only = option('--only', '');
const batchRecords = 1000;
const database = 'BENCH';
const value = Buffer.alloc(50, 0x76);
const epoch = { number: 1, owner: 'A', lineage: 'bench' };
const nothing = { databases: [] };

// A process of its own that is killed while it applies: see `measureRecovery`.
const victim = option('--victim', '');
const { store, bundle } = await loadStore();
const scratch = victim === '' ? mkdtempSync(join(option('--directory', tmpdir()), 'caretmirror-bench-store-')) : '';
const results = [];
let failed = false;
if (victim !== '') await applyUntilKilled(victim);
try {
  for (const order of ['ordered', 'random']) await measurePrimary(order);
  for (const order of ['ordered', 'random']) await measureDejournal(order);
  await measureOpening();
  report();
} catch (error) {
  failed = true;
  console.error(error);
} finally {
  rmSync(scratch, { recursive: true, force: true });
  bundle.remove();
}
process.exit(failed ? 1 : 0);

/** The house's own journal, databases and catalog, bundled from the sources. */
async function loadStore() {
  const directory = resolve(root, 'node_modules/.cache', `bench-store-${process.pid}`);
  mkdirSync(directory, { recursive: true });
  await build({
    stdin: {
      contents: `
        export { LmdbDatabaseStore } from './src/database/lmdb-databases.ts';
        export { openDiskJournal } from './src/journal/disk-journal.ts';
        export { readParts } from './src/journal/read-records.ts';
        export { Catalog } from './src/instance/catalog.ts';
        export { encodeKey, WHOLE_DATABASE } from './src/protocol/global-key.ts';
        export { nodeFileOperations } from './src/host/node-files.ts';`,
      resolveDir: root,
      loader: 'ts',
    },
    outfile: join(directory, 'store.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['lmdb'],
  });
  await build({
    entryPoints: [join(root, 'src/database/lmdb-writer-thread.ts')],
    outfile: join(directory, 'thread.mjs'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    external: ['lmdb'],
  });
  return {
    store: {
      ...(await import(pathToFileURL(join(directory, 'store.mjs')))),
      thread: pathToFileURL(join(directory, 'thread.mjs')),
    },
    bundle: { remove: () => rmSync(directory, { recursive: true, force: true }) },
  };
}

function add(name, value, unit, more = {}) {
  results.push({ name, value: Math.round(value * 10) / 10, unit, ...more });
  if (!asJson)
    console.log(`${name.padEnd(58)}${String(Math.round(value * 10) / 10).padStart(12)} ${unit}${more.note ?? ''}`);
}

/** Numbers 0 to count - 1, in order or each once in a fixed disorder. */
function numbers(order, count) {
  const all = new Uint32Array(count);
  for (let i = 0; i < count; i += 1) all[i] = i;
  if (order === 'ordered') return all;
  let seed = 777;
  const below = (limit) => {
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    return (seed >>> 0) % limit;
  };
  for (let i = count - 1; i > 0; i -= 1) {
    const j = below(i + 1);
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}

/** Keys of ^ACCT(n) with n of eight digits, cut from one block as a journal or a socket gives them. */
function keysOf(order, count) {
  const block = Buffer.alloc(count * 16);
  const ends = new Uint32Array(count + 1);
  numbers(order, count).forEach((number, i) => {
    ends[i + 1] = ends[i] + store.encodeKey('ACCT', [String(10_000_000 + number)]).copy(block, ends[i]);
  });
  return (i) => block.subarray(ends[i], ends[i + 1]);
}

/** A journal, and a catalog with one mirrored database that follows it, in a directory. */
async function openMember(directory, threads = true) {
  const files = store.nodeFileOperations;
  const journal = store.openDiskJournal({
    files,
    directory: join(directory, 'journal'),
    mirror: 'BENCH',
    logPath: join(directory, 'mirrorjrn.log'),
    lostAndFoundDirectory: join(directory, 'lost+found'),
  });
  if (journal.end.epoch === 0) journal.startFile(epoch, Date.now());
  let configuration = nothing;
  const databases = new store.LmdbDatabaseStore(files, threads ? store.thread : undefined);
  const place = join(directory, 'database');
  const isThere = databases.holds(place);
  if (isThere) {
    const configured = { name: database, directory: place, mounted: true, mirrorDatabase: database };
    configuration = { databases: [{ ...configured, mountRequiredAtStartup: false }] };
  }
  const catalog = new store.Catalog({
    store: databases,
    files,
    configuration: {
      get: () => configuration,
      set: (next) => {
        configuration = next;
      },
    },
    readParts: store.readParts,
    log: (severity, _category, text) => {
      if (severity > 0) throw new Error(text);
    },
    isPrimary: () => true,
    wait: () => new Promise((done) => setTimeout(done, 10)),
    nowMs: () => performance.now(),
    turn: () => new Promise((done) => setImmediate(done)),
  });
  await catalog.open();
  if (!isThere) {
    await catalog.create(database, place);
    const addedAt = journal.end;
    const attribute = { mirror: 'BENCH', database, addedAt, fromEmpty: true, activated: true };
    await catalog.addToMirror(database, attribute, addedAt);
  }
  const { applied } = catalog.dejournaling.follow(journal);
  return { journal, catalog, applied, database: catalog.mirrored(database) };
}

async function closeMember({ catalog, journal }) {
  await catalog.close();
  journal.close();
}

function journalBatch(journal, keys, from, count) {
  const batch = [];
  for (let i = from; i < from + count; i += 1) batch.push({ kind: 'set', database, key: keys(i), value });
  journal.append(batch, Date.now());
  return journal.flush();
}

function rate(count, beganMs) {
  return count / ((performance.now() - beganMs) / 1000);
}

async function measurePrimary(order) {
  if (!`primary ${order} get scan`.includes(only)) return;
  const directory = join(scratch, `primary-${order}`);
  mkdirSync(directory);
  const member = await openMember(directory);
  const keys = keysOf(order, records);
  const plain = order === 'random' ? plainLmdb(keys) : null;
  let beganMs = performance.now();
  for (let at = 0; at < records; at += batchRecords) {
    await member.catalog.dejournaling.apply(journalBatch(member.journal, keys, at, batchRecords));
  }
  const shown = rate(records, beganMs);
  await member.database.flushed();
  const sustained = rate(records, beganMs);
  const ratio =
    plain === null
      ? {}
      : {
          plainLmdb: Math.round(plain),
          note: `   ${(sustained / plain).toFixed(2)} x plain LMDB (${Math.round(plain)}/s)`,
        };
  add(`SETs, ${order} keys, sustained, ${records} records`, sustained, '/s', ratio);
  add(`  the same until a reader sees the last one`, shown, '/s', {
    peakRssMb: Math.round(process.memoryUsage().rss / 1e6),
    note: `   RSS ${Math.round(process.memoryUsage().rss / 1e6)} MB`,
  });
  if (order === 'random') {
    const count = Math.min(records, 1_000_000);
    beganMs = performance.now();
    for (let i = 0; i < count; i += 1) {
      if (member.database.get(keys((i * 7919) % records)) === undefined) throw new Error('a key is missing');
    }
    add(`get, random stride, store of ${records}`, rate(count, beganMs), '/s');
    beganMs = performance.now();
    let seen = 0;
    for (const { value: found } of member.database.entries(store.WHOLE_DATABASE)) seen += found.length > 0 ? 1 : 0;
    if (seen !== records) throw new Error(`${seen} of ${records} records`);
    add(`scan in order, keys and values, store of ${records}`, rate(records, beganMs), '/s');
  }
  await closeMember(member);
  rmSync(directory, { recursive: true, force: true });
}

/** Durable batches of 1000 in one tree, until it has 500,000 keys; /s. */
function plainLmdb(keys) {
  const directory = join(scratch, 'plain');
  const tree = open({ path: directory, keyEncoding: 'binary', encoding: 'binary' });
  const count = Math.min(records, 500_000);
  const beganMs = performance.now();
  for (let at = 0; at < count; at += batchRecords) {
    tree.transactionSync(() => {
      for (let i = at; i < at + batchRecords; i += 1) tree.putSync(keys(i), value);
    });
  }
  const plain = rate(count, beganMs);
  void tree.close().then(() => rmSync(directory, { recursive: true, force: true }));
  add(`plain LMDB, durable batches of ${batchRecords}, random keys, ${count} records`, plain, '/s');
  return plain;
}

async function measureDejournal(order) {
  if (!`dejournal ${order}`.includes(only)) return;
  const directory = join(scratch, `dejournal-${order}`);
  mkdirSync(directory);
  const member = await openMember(directory);
  const keys = keysOf(order, smaller);
  for (let at = 0; at < smaller; at += 10_000) journalBatch(member.journal, keys, at, 10_000);
  const beganMs = performance.now();
  await member.catalog.dejournaling.apply(member.journal.end);
  const shown = rate(smaller, beganMs);
  await member.database.flushed();
  add(`dejournal, ${order} keys, ${smaller} records`, shown, '/s');
  add('  the same until the disk has it', rate(smaller, beganMs), '/s');
  await closeMember(member);
  rmSync(directory, { recursive: true, force: true });
}

async function measureOpening() {
  if (!'opening recovery'.includes(only)) return;
  const directory = join(scratch, 'opening');
  mkdirSync(directory);
  const member = await openMember(directory);
  const keys = keysOf('random', smaller);
  for (let at = 0; at < smaller; at += 10_000)
    await member.catalog.dejournaling.apply(journalBatch(member.journal, keys, at, 10_000));
  await closeMember(member);
  const beganMs = performance.now();
  const again = await openMember(directory);
  again.database.get(keys(1));
  add(`opening after a clean stop, ${smaller} records, first read`, performance.now() - beganMs, 'ms');
  await closeMember(again);
  rmSync(directory, { recursive: true, force: true });
  await measureRecovery();
}

/** A process journals and applies the records and is killed at once; the next one opens and applies what its disk lacks. */
async function measureRecovery() {
  const directory = join(scratch, 'recovery');
  mkdirSync(directory);
  const child = fork(fileURLToPath(import.meta.url), ['--victim', directory, '--records', String(smaller)]);
  await new Promise((done) => child.once('message', done));
  child.kill('SIGKILL');
  await new Promise((done) => child.once('close', done));
  const beganMs = performance.now();
  const member = await openMember(directory);
  const openedMs = performance.now() - beganMs;
  const lacked = member.journal.end.sequence - member.applied.sequence;
  await member.catalog.dejournaling.apply(member.journal.end);
  const tookMs = performance.now() - beganMs;
  if (member.database.count(store.WHOLE_DATABASE) !== smaller) throw new Error('records are missing after the crash');
  add(`opening after kill -9, ${smaller} records`, openedMs, 'ms');
  add(`  and until all is applied: ${lacked} records`, tookMs, 'ms', {
    lacked,
    note: `   ${Math.round(lacked / (tookMs / 1000))}/s`,
  });
  await closeMember(member);
}

async function applyUntilKilled(directory) {
  const member = await openMember(directory);
  const keys = keysOf('random', smaller);
  for (let at = 0; at < smaller; at += 10_000)
    await member.catalog.dejournaling.apply(journalBatch(member.journal, keys, at, 10_000));
  bundle.remove();
  process.send('applied');
  await new Promise(() => setInterval(() => undefined, 1000));
}

function report() {
  const machine = `${cpus().length} x ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, load ${loadavg()[0].toFixed(1)}`;
  if (asJson) console.log(JSON.stringify({ machine, results }));
  else console.log(`\n${machine}\n${results.length} measurements`);
}
