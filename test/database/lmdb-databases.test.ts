/** What only real files can show: kill -9, damaged files, all-or-nothing batches, speed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { open } from 'lmdb';
import type { Database, Update } from '../../src/database/databases.ts';
import { DATABASE_FILE, LmdbDatabaseStore } from '../../src/database/lmdb-databases.ts';
import { encodeKey, WHOLE_DATABASE } from '../../src/protocol/global-key.ts';
import { DatabaseTestFiles } from '../fixtures/database-files.ts';
import { buildProgram, databaseThread } from '../fixtures/database-thread.ts';

const at = (sequence: number) => ({ epoch: 1, file: 1, offset: sequence * 10, sequence });
const attribute = { mirror: 'M', database: 'D', addedAt: at(0), fromEmpty: true, activated: true } as const;

let scratch: string;
let files: DatabaseTestFiles;
let store: LmdbDatabaseStore;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'caretmirror-lmdb-'));
  files = new DatabaseTestFiles();
  store = new LmdbDatabaseStore(files);
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

async function mirrored(name: string): Promise<Database> {
  const database = await store.create(join(scratch, name));
  await database.setAttribute(attribute, at(0));
  return database;
}

describe('kill -9', () => {
  /** The child is killed as soon as it has printed `lines` positions; resolves with the last one printed. */
  async function killAfter(child: ChildProcess, lines: number): Promise<number> {
    let printed = '';
    let errors = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      printed += text;
      if (printed.split('\n').length > lines) child.kill('SIGKILL');
    });
    const signal = await new Promise((done) => child.on('close', (_code, name) => done(name)));
    expect([signal, errors]).toEqual(['SIGKILL', '']);
    return Number(printed.slice(0, printed.lastIndexOf('\n')).split('\n').at(-1));
  }

  test.each(['own thread', 'threads that write'])(
    'data, applied position and sum agree, and nothing that was stored is missing: %s',
    async (how) => {
      const script = await buildProgram('test/fixtures/apply-in-a-loop.ts');
      const thread = await buildProgram(databaseThread);
      const directory = join(scratch, 'killed');
      try {
        let reached = 0;
        for (const [round, lines] of [3, 40, 150].entries()) {
          const args = [script.path, directory, round === 0 ? 'create' : 'open'];
          const child = spawn(process.execPath, how === 'own thread' ? args : [...args, thread.path]);
          const printed = await killAfter(child, lines);
          expect(printed).toBeGreaterThan(reached);
          const database = await store.open(directory);
          reached = database.applied?.sequence ?? 0;
          expect(reached).toBeGreaterThanOrEqual(printed);
          expect(database.stored).toEqual(database.applied);
          const values = [...database.entries(WHOLE_DATABASE)].map(({ value }) => Buffer.from(value).toString());
          expect([...new Set(values)]).toEqual([String(reached)]);
          expect(values).toHaveLength(201);
          const content = database.contentSum();
          expect(content).toMatchObject({ position: database.applied, keys: 201 });
          expect(await database.check(() => undefined)).toEqual({ ok: true, content });
          await database.close();
        }
      } finally {
        script.remove();
        thread.remove();
      }
    },
  );
});

function digest(database: Database): string {
  const hash = createHash('sha256');
  for (const { key, value } of database.entries(WHOLE_DATABASE)) hash.update(key).update(value);
  return hash.digest('hex');
}

describe('damaged files', () => {
  async function filled(): Promise<string> {
    const database = await mirrored('good');
    const updates = Array.from({ length: 20_000 }, (_, i): Update => {
      return { kind: 'set', key: encodeKey('A', [String(i)]), value: Buffer.alloc(50, 1) };
    });
    await database.apply(updates, at(1));
    await database.close();
    return join(scratch, 'good', DATABASE_FILE);
  }

  test('are recognised before they are opened, and the message says which file and what to do', async () => {
    const good = await filled();
    const damages: Record<string, (path: string) => void> = {
      'cut-to-a-page': (path) => truncateSync(path, 4096),
      'cut-to-half': (path) => truncateSync(path, files.sizeOf(good)! / 2),
      'cut-by-ten-pages': (path) => truncateSync(path, files.sizeOf(good)! - 40_960),
      'cut-to-a-few-bytes': (path) => truncateSync(path, 10),
      zeros: (path) => writeFileSync(path, Buffer.alloc(100_000)),
      text: (path) => writeFileSync(path, 'this is not a database\n'.repeat(5000)),
      'second-page': (path) => {
        const bytes = readFileSync(path);
        writeFileSync(path, bytes.fill(0xee, 4096, 8192));
      },
    };
    for (const [name, damage] of Object.entries(damages)) {
      const directory = join(scratch, name);
      const path = join(directory, DATABASE_FILE);
      mkdirSync(directory);
      copyFileSync(good, path);
      damage(path);
      const failure = await store.open(directory).then(
        () => 'opened',
        (error) => [error.code, error.message.includes(path), /restore a backup/.test(error.message)],
      );
      expect([name, failure]).toEqual([name, ['database-damaged', true, true]]);
    }
    const database = await store.open(join(scratch, 'good'));
    expect(database.count(WHOLE_DATABASE)).toBe(20_000);
    await database.close();
  });

  test('a healthy file is never taken for a damaged one, though freed pages were never written at its end', async () => {
    let database = await mirrored('busy');
    const path = join(scratch, 'busy', DATABASE_FILE);
    let shorter = 0;
    for (let round = 1; round <= 8; round += 1) {
      const updates = Array.from({ length: 3000 }, (_, i): Update => {
        const key = encodeKey('A', [String(round % 3), String((i * 7919 * round) % 10_007)]);
        return { kind: 'set', key, value: Buffer.alloc((i * 37) % 300, 1) };
      });
      const kill: Update = { kind: 'kill', key: encodeKey('A', [String(round % 2)]), value: Buffer.alloc(0) };
      await database.apply(round % 2 === 0 ? [kill, ...updates] : updates, at(2 * round - 1));
      await database.flushed();
      await database.apply(round % 2 === 0 ? [] : [kill], at(2 * round));
      const expected = digest(database);
      await database.close();
      const before = files.sizeOf(path)!;
      database = await store.open(join(scratch, 'busy'));
      if (files.sizeOf(path)! > before) shorter += 1;
      expect(database.applied).toEqual(at(2 * round));
      expect(digest(database)).toBe(expected);
    }
    expect(shorter).toBeGreaterThan(0);
    await database.close();
  });

  test('a creation that was cut off is begun again', async () => {
    mkdirSync(join(scratch, 'begun'));
    writeFileSync(join(scratch, 'begun', DATABASE_FILE), '');
    expect(store.holds(join(scratch, 'begun'))).toBe(false);
    const database = await store.create(join(scratch, 'begun'));
    expect(database.count(WHOLE_DATABASE)).toBe(0);
    await database.close();
  });
});

test('what a loss of power left of a creation is put aside by the next one; a larger file never is', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cm-unfinished-'));
  const path = join(directory, DATABASE_FILE);
  try {
    const store = new LmdbDatabaseStore(new DatabaseTestFiles());
    writeFileSync(path, Buffer.alloc(8192));
    await (await store.create(directory)).close();
    await (await store.open(directory)).close();
    expect(readFileSync(`${path}.unfinished`)).toEqual(Buffer.alloc(8192));
    writeFileSync(path, Buffer.alloc(200_000));
    await expect(store.create(directory)).rejects.toMatchObject({ code: 'database-exists' });
    expect(readFileSync(path)).toEqual(Buffer.alloc(200_000));
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('why batches are synchronous transactions: a throw in an asynchronous one leaves its first half behind', async () => {
  const tree = open<Buffer, Buffer>({ path: join(scratch, 'plain.mdb'), keyEncoding: 'binary', encoding: 'binary' });
  const half = (n: string) => () => {
    tree.putSync(Buffer.from(n), Buffer.from('half'));
    throw new Error('bad update');
  };
  await expect(tree.transaction(half('asynchronous'))).rejects.toThrow('bad update');
  expect(() => tree.transactionSync(half('synchronous'))).toThrow('bad update');
  expect(['asynchronous', 'synchronous'].map((n) => tree.doesExist(Buffer.from(n)))).toEqual([true, false]);
  await tree.close();
});

test('a large scattered batch needs more room than the reserve', async () => {
  const database = await mirrored('large');
  const random = (n: number) => encodeKey('A', [String((n * 2_654_435_761) % 4_294_967_296)]);
  const batch = (from: number) =>
    Array.from(
      { length: 20_000 },
      (_, i): Update => ({ kind: 'set', key: random(from + i), value: Buffer.alloc(200, 1) }),
    );
  await database.apply(batch(0), at(1));
  await database.flushed();
  files.free = 17 * 1024 * 1024;
  await database.apply(batch(0).slice(0, 50), at(2));
  await expect(database.apply(batch(20_000), at(3))).rejects.toMatchObject({ code: 'database-full' });
  expect(database.applied).toEqual(at(2));
  await database.close();
});

test('what gathers is bounded: more waits until a batch is written, in order and whole', async () => {
  const others = await Promise.all(Array.from({ length: 63 }, (_, i) => mirrored(`other-${i}`)));
  const database = await mirrored('bounded');
  const key = (n: number) => encodeKey('A', [String((n * 7919) % 1_000_003)]);
  const batches = Array.from({ length: 12 }, (_, round) =>
    Array.from({ length: 2000 }, (_unused, i): Update => {
      return { kind: 'set', key: key(round * 2000 + i), value: Buffer.from(String(round)) };
    }),
  );
  let ready = 0;
  const applying = batches.map((updates, round) => {
    const done = database.apply(updates, at(round + 1));
    if (database.applied?.sequence === round + 1) ready += 1;
    return done;
  });
  // With 64 databases 8192 updates, and the batch that passes this, are one generation: one is written, one gathers.
  expect(ready).toBe(10);
  await Promise.all(applying);
  expect(database.applied).toEqual(at(12));
  await database.flushed();
  expect([database.stored, database.count(WHOLE_DATABASE)]).toEqual([at(12), 24_000]);
  expect(await database.check(() => undefined)).toMatchObject({ ok: true });
  for (const each of [database, ...others]) await each.close();
});

test('long bursts use the same shared memory again, which V8 does not count as garbage (decision 0030)', async () => {
  const thread = await buildProgram(databaseThread);
  const Ordinary = globalThis.SharedArrayBuffer;
  let madeBytes = 0;
  try {
    globalThis.SharedArrayBuffer = class extends Ordinary {
      constructor(length = 0) {
        super(length);
        madeBytes += length;
      }
    };
    const database = await new LmdbDatabaseStore(files, thread.url).create(join(scratch, 'burst'));
    await database.setAttribute(attribute, at(0));
    const generation = (round: number) =>
      Array.from({ length: 4000 }, (_, i): Update => {
        return { kind: 'set', key: encodeKey('A', [String(i)]), value: Buffer.alloc(1000, round) };
      });
    const rounds = 24;
    for (let round = 1; round <= rounds; round += 1) {
      await database.apply(generation(round), at(round));
      await database.flushed();
    }
    // 96 MB were written, 4 at a time.
    expect(madeBytes).toBeLessThan(12 * 1024 * 1024);
    expect([...database.entries(WHOLE_DATABASE)].every(({ value }) => value[999] === rounds)).toBe(true);
    expect(await database.check(() => undefined)).toMatchObject({ ok: true });
    await database.close();
  } finally {
    globalThis.SharedArrayBuffer = Ordinary;
    thread.remove();
  }
}, 60_000);

test('speed (printed, not judged): 100,000 nodes', async () => {
  const database = await mirrored('speed');
  const count = 100_000;
  const rates: string[] = [];
  let sequence = 0;
  const measure = async (what: string, work: () => Promise<void> | void) => {
    const begin = performance.now();
    await work();
    rates.push(`${what} ${Math.round(count / (performance.now() - begin))}k/s`);
  };
  for (const [what, step] of [
    ['ordered', 1],
    ['random', 61_681],
  ] as const) {
    const global = what === 'ordered' ? 'O' : 'R';
    const updates = Array.from({ length: count }, (_, i): Update => {
      return { kind: 'set', key: encodeKey(global, [String((i * step) % count)]), value: Buffer.alloc(50, 66) };
    });
    await measure(`${what} puts`, async () => {
      const waiting: Promise<void>[] = [];
      for (let i = 0; i < count; i += 1000) {
        sequence += 1;
        waiting.push(database.apply(updates.slice(i, i + 1000), at(sequence)));
        if (waiting.length > 2) await waiting.shift();
      }
      await Promise.all(waiting);
      await database.flushed();
    });
    await measure(`${what} gets`, () => {
      for (const { key } of updates) database.get(key);
    });
  }
  let seen = 0;
  await measure('entries (2x)', () => {
    for (const _ of database.entries(WHOLE_DATABASE)) seen += 1;
  });
  await measure('count (2x)', () => {
    expect(database.count(WHOLE_DATABASE)).toBe(2 * count);
  });
  const kill: Update = { kind: 'kill', key: encodeKey('O', []), value: Buffer.alloc(0) };
  await measure('kill', () => database.apply([kill], at(sequence + 1)));
  expect([seen, database.count(WHOLE_DATABASE)]).toEqual([2 * count, count]);
  process.stdout.write(`database: ${rates.join(', ')}\n`);
  await database.close();
}, 60_000);
