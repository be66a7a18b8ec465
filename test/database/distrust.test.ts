/** A disk that is not to be trusted: damaged values, lost and moved entries, and databases of another format. */
import { Buffer } from 'node:buffer';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { open } from 'lmdb';
import type { Database, Update } from '../../src/database/databases.ts';
import { checksumOf, isIntact, RunningSum, withChecksum } from '../../src/database/entry-checksum.ts';
import { DATABASE_FILE, LmdbDatabaseStore } from '../../src/database/lmdb-databases.ts';
import { encodeKey, WHOLE_DATABASE } from '../../src/protocol/global-key.ts';
import { DatabaseTestFiles } from '../fixtures/database-files.ts';
import { type BuiltProgram, buildProgram, databaseThread } from '../fixtures/database-thread.ts';

const at = (sequence: number) => ({ epoch: 1, file: 1, offset: sequence * 10, sequence });
const attribute = { mirror: 'M', database: 'D', addedAt: at(0), fromEmpty: true, activated: true } as const;
const key = (city: string) => encodeKey('CITY', ['FR', 75, city].map(String));
const set = (city: string, value: string): Update => ({ kind: 'set', key: key(city), value: Buffer.from(value) });

let thread: BuiltProgram;
beforeAll(async () => {
  thread = await buildProgram(databaseThread);
});
afterAll(() => thread.remove());

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'caretmirror-distrust-'));
  path = join(directory, DATABASE_FILE);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Both who write on their own thread and who have threads for it. */
const stores: Record<string, () => LmdbDatabaseStore> = {
  'own thread': () => new LmdbDatabaseStore(new DatabaseTestFiles()),
  'threads that write': () => new LmdbDatabaseStore(new DatabaseTestFiles(), thread.url),
};

async function fill(store: LmdbDatabaseStore): Promise<void> {
  const database = await store.create(directory);
  await database.setAttribute(attribute, at(0));
  await database.apply(
    ['Lyon', 'Nice', 'Paris', 'Tours'].map((city) => set(city, `value of ${city}`)),
    at(1),
  );
  await database.close();
}

/** Takes place in the stopped database. */
function flipBitOf(text: string): void {
  const bytes = readFileSync(path);
  const found = bytes.lastIndexOf(text);
  expect(found).toBeGreaterThan(0);
  for (let place = bytes.indexOf(text); place >= 0; place = bytes.indexOf(text, place + 1)) {
    bytes[place + 3] = (bytes[place + 3] as number) ^ 0x10;
  }
  writeFileSync(path, bytes);
}

async function inLmdb(change: (globals: ReturnType<typeof globalsOf>) => void): Promise<void> {
  const root = open<Buffer, Buffer>({ path, noSubdir: true, maxDbs: 2, keyEncoding: 'binary', encoding: 'binary' });
  const globals = globalsOf(root);
  root.transactionSync(() => change(globals));
  await root.close();
}

const globalsOf = (root: ReturnType<typeof open<Buffer, Buffer>>) =>
  root.openDB<Buffer, Buffer>({ name: 'globals', keyEncoding: 'binary', encoding: 'binary' });

const textOf = (database: Database, city: string) => Buffer.from(database.get(key(city)) ?? []).toString();

describe.each(Object.keys(stores))('%s', (how) => {
  test('a flipped bit is found before the value is used, and the text names database, global and what to do', async () => {
    const store = stores[how]!();
    await fill(store);
    flipBitOf('value of Paris');
    const database = await store.open(directory);
    const text = /^database .*: the value of \^CITY\("FR",75,"Paris"\) is damaged in .*database\.mdb.*restore a backup/;
    expect(() => database.get(key('Paris'))).toThrow(text);
    expect(() => [...database.entries(WHOLE_DATABASE)]).toThrow(text);
    expect(textOf(database, 'Nice')).toBe('value of Nice');
    const found = await database.check(() => undefined);
    expect(found).toMatchObject({ ok: false, text: expect.stringMatching(text) });
    expect(Buffer.from((found as { readonly key: Uint8Array }).key)).toEqual(key('Paris'));
    await database.apply([set('Paris', 'a new value')], at(2));
    await database.flushed();
    expect(textOf(database, 'Paris')).toBe('a new value');
    expect(await database.check(() => undefined)).toMatchObject({ ok: true, content: { keys: 4 } });
    await database.close();
  });

  test('an entry that is lost, and a value that lies under another key, are found by a check', async () => {
    const store = stores[how]!();
    await fill(store);
    await inLmdb((globals) => globals.removeSync(key('Nice')));
    let database = await store.open(directory);
    expect(await database.check(() => undefined)).toMatchObject({
      ok: false,
      key: null,
      content: { position: at(1), keys: 4 },
      found: { keys: 3 },
      text: expect.stringMatching(/lost, doubled or moved .*3 entries are there instead of 4/),
    });
    await database.close();
    await inLmdb((globals) => {
      globals.putSync(key('Nice'), globals.get(key('Tours')) as Buffer);
    });
    database = await store.open(directory);
    expect(() => database.get(key('Nice'))).toThrow(/the value of \^CITY\("FR",75,"Nice"\) is damaged/);
    expect(await database.check(() => undefined)).toMatchObject({ ok: false, key: expect.anything() });
    await database.close();
  });

  test('a check looks at one state while updates go on', async () => {
    const store = stores[how]!();
    await fill(store);
    const database = await store.open(directory);
    let checked = false;
    const checking = database
      .check(() => undefined)
      .finally(() => {
        checked = true;
      });
    for (let sequence = 2; !checked; sequence += 1) {
      await database.apply([set('Paris', String(sequence)), set(String(sequence), 'x')], at(sequence));
      await database.flushed();
    }
    expect(await checking).toMatchObject({ ok: true });
    expect(await database.check(() => undefined)).toEqual({ ok: true, content: database.contentSum() });
    await database.close();
  });
});

test('a database whose values have no checksums is refused and not touched', async () => {
  mkdirSync(directory, { recursive: true });
  const root = open<Buffer, Buffer>({ path, noSubdir: true, maxDbs: 2, keyEncoding: 'binary', encoding: 'binary' });
  root
    .openDB({ name: 'mirror', keyEncoding: 'binary', encoding: 'binary' })
    .putSync(Buffer.from('applied'), Buffer.alloc(32));
  globalsOf(root).putSync(key('Paris'), Buffer.from('2138551'));
  await root.close();
  const before = readFileSync(path);
  await expect(stores['own thread']!().open(directory)).rejects.toMatchObject({
    code: 'database-damaged',
    message: expect.stringMatching(/has format 1, this program reads 2: its values carry no checksums; export it/),
  });
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('the sum does not depend on the order, and a checksum does not fit another key', () => {
  const entries = Array.from(
    { length: 500 },
    (_, i) => [Buffer.from(`key ${i}`), Buffer.from(`value ${i * i}`)] as const,
  );
  const forward = new RunningSum();
  const backward = new RunningSum();
  const put = (sum: RunningSum, [name, value]: readonly [Buffer, Buffer]) =>
    sum.add(checksumOf(withChecksum(name, value)), name.length, value.length);
  for (const entry of entries) put(forward, entry);
  for (const entry of [...entries].reverse()) put(backward, entry);
  expect(backward.hex).toBe(forward.hex);
  expect(RunningSum.decode(forward.encode()).equals(backward)).toBe(true);
  for (const [name, value] of entries.slice(1)) {
    backward.subtract(checksumOf(withChecksum(name, value)), name.length, value.length);
  }
  const single = new RunningSum();
  put(single, entries[0]!);
  expect([backward.hex, backward.keys]).toEqual([single.hex, 1]);
  const stored = withChecksum(entries[1]![0], entries[1]![1]);
  expect([isIntact(entries[1]![0], stored), isIntact(entries[2]![0], stored)]).toEqual([true, false]);
  expect(isIntact(entries[1]![0], stored.subarray(0, 3))).toBe(false);
});
