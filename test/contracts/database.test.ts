/** The promises of the database door, kept by the real databases and by their simulated twin alike. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Database, DatabaseStore, KeyRange, Update } from '../../src/database/databases.ts';
import { LmdbDatabaseStore } from '../../src/database/lmdb-databases.ts';
import type { JournalPosition } from '../../src/mirror/journal-position.ts';
import { encodeKey, subtreeEnd, WHOLE_DATABASE } from '../../src/protocol/global-key.ts';
import { SimulatedDatabaseStore } from '../../src/simulation/simulated-databases.ts';
import { DatabaseTestFiles, plentyBytes } from '../fixtures/database-files.ts';
import { type BuiltProgram, buildProgram, databaseThread } from '../fixtures/database-thread.ts';
import { readsSeeEveryLayer } from './database-layers.ts';

interface Twin {
  readonly store: DatabaseStore;
  readonly directory: string;
  setFreeBytes(bytes: number): void;
}

let thread: BuiltProgram;
beforeAll(async () => {
  thread = await buildProgram(databaseThread);
});
afterAll(() => thread.remove());

function real(directory: string, program?: URL): Twin {
  const files = new DatabaseTestFiles();
  return {
    store: new LmdbDatabaseStore(files, program),
    directory,
    setFreeBytes: (bytes) => {
      files.free = bytes;
    },
  };
}

const twins: Record<string, (directory: string) => Twin> = {
  'lmdb-databases': (directory) => real(directory),
  'lmdb-databases with threads that write': (directory) => real(directory, thread.url),
  'simulated-databases': (directory) => {
    const store = new SimulatedDatabaseStore();
    return {
      store,
      directory,
      setFreeBytes: (bytes) => {
        store.freeBytes = bytes;
      },
    };
  },
};

const at = (sequence: number, epoch = 1): JournalPosition => ({ epoch, file: 1, offset: sequence * 10, sequence });
const key = (...subscripts: string[]) => encodeKey('A', subscripts);
const set = (where: Uint8Array, value: string): Update => ({ kind: 'set', key: where, value: Buffer.from(value) });
const kill = (where: Uint8Array): Update => ({ kind: 'kill', key: where, value: Buffer.alloc(0) });
const text = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString();
const all = (database: Database, range: Partial<KeyRange> = {}) =>
  [...database.entries({ ...WHOLE_DATABASE, ...range })].map((e) => [
    Buffer.from(e.key).toString('hex'),
    text(e.value),
  ]);
const attribute = { mirror: 'M', database: 'D', addedAt: at(0), fromEmpty: true, activated: true } as const;
const code = (promise: Promise<unknown>) =>
  promise.then(
    () => 'done',
    (error) => error.code ?? error.message,
  );

describe.each(Object.keys(twins))('%s', (which) => {
  let scratch: string;
  let twin: Twin;
  let database: Database;

  beforeEach(async () => {
    scratch = mkdtempSync(join(tmpdir(), 'caretmirror-database-'));
    twin = twins[which]!(join(scratch, 'one'));
    database = await twin.store.create(twin.directory);
    await database.setAttribute(attribute, at(0));
  });
  afterEach(async () => {
    await database.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  test('a directory holds a database once it was created', async () => {
    expect(twin.store.holds(twin.directory)).toBe(true);
    expect(twin.store.holds(join(scratch, 'two'))).toBe(false);
    expect(await code(twin.store.create(twin.directory))).toBe('database-exists');
    expect(await code(twin.store.open(join(scratch, 'two')))).toBe('database-missing');
    expect(await code(twin.store.open(twin.directory))).toMatch(/^assertion: .* is open already/);
  });

  test('attribute, applied position and data are there again after closing and opening', async () => {
    await database.apply([set(key('1'), 'one'), set(key('2'), '')], at(7));
    await database.close();
    database = await twin.store.open(twin.directory);
    expect(database.attribute).toEqual(attribute);
    expect(database.applied).toEqual(at(7));
    expect(text(database.get(key('1')))).toBe('one');
    expect(text(database.get(key('2')))).toBe('');
    await database.setAttribute(undefined, undefined);
    await database.close();
    database = await twin.store.open(twin.directory);
    expect([database.attribute, database.applied]).toEqual([undefined, undefined]);
    await database.change([set(key('3'), 'three')]);
    expect(text(database.get(key('3')))).toBe('three');
  });

  test('DB-039: a copy whose FailoverDB flag is cleared takes changes in order with the journal, and keeps flag and position', async () => {
    await database.apply([set(key('1'), 'journal'), set(key('2'), 'journal')], at(7));
    await expect(database.change([set(key('1'), 'own')])).rejects.toThrow(/only apply may change it/);
    await database.clearFailoverDb();
    expect(database.attribute).toEqual({ ...attribute, failoverDb: false });
    expect(database.applied).toEqual(at(7));
    await Promise.all([
      database.change([set(key('1'), 'own'), set(key('3'), 'own')]),
      database.apply([set(key('3'), 'journal')], at(8)),
      database.change([set(key('2'), 'own')]),
      database.apply([kill(key('1'))], at(9)),
    ]);
    const shown = [undefined, 'own', 'journal'];
    expect(['1', '2', '3'].map((name) => text(database.get(key(name))))).toEqual(shown);
    expect(database.applied).toEqual(at(9));
    await database.close();
    database = await twin.store.open(twin.directory);
    expect(['1', '2', '3'].map((name) => text(database.get(key(name))))).toEqual(shown);
    expect([database.attribute, database.applied]).toEqual([{ ...attribute, failoverDb: false }, at(9)]);
    expect(await database.check(() => undefined)).toMatchObject({ ok: true });
    await database.setAttribute(undefined, undefined);
    await expect(database.clearFailoverDb()).rejects.toThrow(/is not mirrored/);
  });

  test('a copy is a database of its own, whole and with its attribute and position, taken while updates go on', async () => {
    const copied = join(scratch, 'copies', 'one');
    const count = 2000;
    await database.apply(
      Array.from({ length: count }, (_, n) => set(key(String(n)), 'v'.repeat(200))),
      at(1),
    );
    const copying = database.copyTo(copied);
    for (let n = 2; n < 50; n++) await database.apply([set(key('later', String(n)), 'x'), kill(key(String(n)))], at(n));
    await copying;
    const copy = await twin.store.open(copied);
    const { applied } = copy;
    expect(copy.attribute).toEqual(attribute);
    const later = (applied?.sequence ?? 0) - 1;
    expect(applied).toEqual(at(later + 1));
    expect(later).toBeGreaterThanOrEqual(0);
    expect(copy.count(WHOLE_DATABASE)).toBe(count);
    expect(copy.count({ from: key('later'), until: subtreeEnd(key('later')) })).toBe(later);
    await copy.apply([set(key('own'), 'copy')], at(100));
    expect([text(database.get(key('own'))), database.applied]).toEqual([undefined, at(49)]);
    await copy.close();
  });

  test('a copy is refused where there is a database or no room, and leaves nothing behind', async () => {
    const copied = join(scratch, 'copies', 'one');
    await database.apply([set(key('1'), 'one')], at(1));
    twin.setFreeBytes(1000);
    expect(await code(database.copyTo(copied))).toBe('database-full');
    expect(twin.store.holds(copied)).toBe(false);
    twin.setFreeBytes(plentyBytes);
    await database.copyTo(copied);
    await database.apply([set(key('1'), 'two')], at(2));
    expect(await code(database.copyTo(copied))).toBe('database-exists');
    const copy = await twin.store.open(copied);
    expect(text(copy.get(key('1')))).toBe('one');
    await copy.close();
  });

  test('a copy takes the place of another database in one step, and only while both are closed', async () => {
    const copied = join(scratch, 'copies', 'one');
    await database.apply([set(key('1'), 'one')], at(1));
    await database.copyTo(copied);
    await database.apply([set(key('1'), 'two')], at(2));
    expect(() => twin.store.replace(twin.directory, copied)).toThrow(/^assertion: .* is open/);
    await database.close();
    expect(() => twin.store.replace(twin.directory, join(scratch, 'nothing'))).toThrow(/database/);
    twin.store.replace(twin.directory, copied);
    expect(twin.store.holds(copied)).toBe(false);
    database = await twin.store.open(twin.directory);
    expect([text(database.get(key('1'))), database.applied]).toEqual(['one', at(1)]);
  });

  test('a closed database is verified whole, and says what it is', async () => {
    const copied = join(scratch, 'copies', 'one');
    await database.apply([set(key('1'), 'one'), set(key('2'), 'two')], at(2));
    await database.copyTo(copied);
    expect(await twin.store.inspect(copied, () => {})).toEqual({ attribute, applied: at(2) });
    expect(await code(twin.store.inspect(join(scratch, 'nothing'), () => {}))).toBe('database-missing');
    const copy = await twin.store.open(copied);
    expect(text(copy.get(key('2')))).toBe('two');
    await copy.close();
  });

  test('closing waits for a copy under way', async () => {
    const copied = join(scratch, 'copies', 'one');
    await database.apply([set(key('1'), 'one')], at(1));
    const copying = database.copyTo(copied);
    await database.close();
    await copying;
    expect(twin.store.holds(copied)).toBe(true);
    database = await twin.store.open(twin.directory);
  });

  test('an update is applied exactly once, in the order of the calls', async () => {
    await Promise.all([
      database.apply([set(key('x'), 'first')], at(1)),
      database.apply([set(key('x'), 'second')], at(2)),
      database.apply([set(key('x'), 'late')], at(1)),
      database.apply([set(key('x'), 'again')], at(2)),
    ]);
    expect(text(database.get(key('x')))).toBe('second');
    await database.apply([set(key('x'), 'same')], at(2));
    expect(text(database.get(key('x')))).toBe('second');
    expect(database.applied).toEqual(at(2));
    await database.apply([set(key('x'), 'new epoch')], at(1, 2));
    expect([text(database.get(key('x'))), database.applied]).toEqual(['new epoch', at(1, 2)]);
    await database.apply([], at(5, 2));
    expect(database.applied).toEqual(at(5, 2));
  });

  test('a kill takes the node and everything below it, and nothing else', async () => {
    const updates = ['1', '10', '2', 'a', 'ab'].flatMap((s) => [
      set(key(s), s),
      set(key(s, 'x'), s),
      set(key(s, 'x', '5'), s),
    ]);
    const crowd = Array.from({ length: 2500 }, (_, i) => set(key('a', 'crowd', String(i)), 'c'));
    await database.apply([...updates, ...crowd, set(encodeKey('AB', []), 'other')], at(1));
    await database.apply(
      [kill(key('1')), kill(key('a')), kill(key('2', 'x')), kill(key('none')), set(key('a'), 'back')],
      at(2),
    );
    expect([...database.entries(WHOLE_DATABASE)].map((e) => text(e.value))).toEqual([
      '2',
      '10',
      '10',
      '10',
      'back',
      'ab',
      'ab',
      'ab',
      'other',
    ]);
    await database.apply([set(key('1'), 'x'), kill(encodeKey('A', []))], at(3));
    expect(database.count(WHOLE_DATABASE)).toBe(1);
  });

  test('a batch with a bad update in the middle leaves nothing behind, and nothing overtakes it', async () => {
    await database.apply([set(key('kept'), 'kept'), set(key('below', 'it'), '1')], at(1));
    const before = all(database);
    const bad = set(Buffer.alloc(600, 65), 'bad');
    const results = await Promise.all([
      code(database.apply([set(key('ok'), 'ok')], at(2))),
      code(
        database.apply(
          [set(key('half'), 'x'), kill(key('below')), set(key('kept'), 'lost'), bad, set(key('z'), 'x')],
          at(3),
        ),
      ),
      code(database.apply([set(key('behind'), 'x')], at(4))),
      code(database.apply([set(Buffer.alloc(0), 'x')], at(5))),
    ]);
    expect(results).toEqual(['done', 'database-update', 'database-update', 'database-update']);
    expect(database.applied).toEqual(at(2));
    expect(all(database)).toEqual([...before, [key('ok').toString('hex'), 'ok']].sort());
    await database.apply([set(key('half'), 'again')], at(3));
    expect([text(database.get(key('half'))), database.applied]).toEqual(['again', at(3)]);
  });

  test('a disk without room is refused before anything is written, and used again when there is room', async () => {
    await database.apply([set(key('1'), 'one')], at(1));
    twin.setFreeBytes(1024 * 1024);
    const refused = [database.apply([set(key('2'), 'x')], at(2)), database.apply([], at(3))];
    expect(await Promise.all(refused.map(code))).toEqual(['database-full', 'database-full']);
    expect(await code(twin.store.create(join(scratch, 'two')))).toBe('database-full');
    expect([text(database.get(key('1'))), database.get(key('2')), database.applied]).toEqual(['one', undefined, at(1)]);
    twin.setFreeBytes(plentyBytes);
    await database.apply([set(key('2'), 'x')], at(2));
    expect(database.applied).toEqual(at(2));
  });

  test('a value that was read stays as it is', async () => {
    await database.apply([set(key('1'), 'one'), set(key('2'), 'two'), set(key('3'), 'L'.repeat(100_000))], at(1));
    const [one, three] = [database.get(key('1')), database.get(key('3'))];
    const listed = [...database.entries(WHOLE_DATABASE)];
    database.get(key('2'));
    await database.apply([set(key('1'), 'ONE'), set(key('3'), 'M'.repeat(100_000))], at(2));
    database.get(key('3'));
    expect([text(one), text(listed[0]?.value), text(listed[1]?.value)]).toEqual(['one', 'one', 'two']);
    expect(new Set(three)).toEqual(new Set([76]));
    expect(new Set(listed[2]?.value)).toEqual(new Set([76]));
  });

  test('an iterator may be left, and may live through changes', async () => {
    const many = Array.from({ length: 3000 }, (_, i) => set(key(String(i)), String(i)));
    await database.apply(many, at(1));
    for (const { value } of database.entries(WHOLE_DATABASE)) if (text(value) === '5') break;
    const slow = database.keys(WHOLE_DATABASE)[Symbol.iterator]();
    slow.next();
    await database.apply([kill(key('2999')), set(key('0'), 'new')], at(2));
    let count = 1;
    while (!slow.next().done) count += 1;
    expect([2999, 3000]).toContain(count);
    expect(database.count(WHOLE_DATABASE)).toBe(2999);
  });

  test('ranges hold the first key and leave out the end, in both directions', async () => {
    const byte = fc.integer({ min: 1, max: 3 });
    const bytes = fc.array(byte, { minLength: 1, maxLength: 3 }).map((list) => Buffer.from(list));
    let sequence = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(bytes, { maxLength: 40 }),
        fc.record({ from: bytes, reverse: fc.boolean() }),
        fc.option(bytes),
        fc.option(fc.integer({ min: 0, max: 30 })),
        async (present, partial, until, limit) => {
          sequence += 1;
          const old = [...database.keys({ from: Buffer.of(0) })].map(kill);
          await database.apply([...old, ...present.map((k) => set(k, 'v'))], at(sequence));
          const range = { ...partial, ...(until && { until }), ...(limit !== null && { limit }) };
          const unique = [...new Set(present.map((k) => k.toString('hex')))].sort();
          const inside = unique.filter(
            (k) => k >= range.from.toString('hex') && (until === null || k < until.toString('hex')),
          );
          const expected = (range.reverse ? inside.reverse() : inside).slice(0, limit ?? undefined);
          expect([...database.keys(range)].map((k) => Buffer.from(k).toString('hex'))).toEqual(expected);
          expect(all(database, { ...range, until: until ?? Buffer.of(9) }).map(([k]) => k)).toEqual(expected);
          expect(database.count(range)).toBe(expected.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('reads see what is taken, what is being written and what is written alike', async () => {
    await readsSeeEveryLayer(database, at, 25);
  }, 120_000);

  test('what is applied shows before the call returns, and is stored later', async () => {
    await database.ready();
    void database.apply([set(key('1'), 'one')], at(1));
    expect([database.applied, database.stored, text(database.get(key('1')))]).toEqual([at(1), at(0), 'one']);
    await database.flushed();
    expect([database.applied, database.stored]).toEqual([at(1), at(1)]);
  });

  test('a barrier gives the sum of exactly what was applied before it, although more is applied meanwhile', async () => {
    await database.apply([set(key('1'), 'one'), set(key('2'), 'two')], at(1));
    const first = database.barrier();
    await database.apply([set(key('1'), 'other'), kill(key('2'))], at(2));
    const second = database.barrier();
    await database.apply([set(key('1'), 'one'), set(key('2'), 'two')], at(3));
    const [one, two, three] = [await first, await second, await database.barrier()];
    expect([one.position, two.position, three.position]).toEqual([at(1), at(2), at(3)]);
    expect([one.keys, two.keys, three.keys]).toEqual([2, 1, 2]);
    expect(three.sum).toBe(one.sum);
    expect(two.sum).not.toBe(one.sum);
    expect(one.sum).toMatch(/^[0-9a-f]{16}$/);
    expect(database.contentSum()).toEqual(three);
    await database.close();
    database = await twin.store.open(twin.directory);
    expect(database.contentSum()).toEqual(three);
    await database.apply([kill(encodeKey('A', []))], at(4));
    expect(await database.barrier()).toEqual({ position: at(4), sum: '0'.repeat(16), keys: 0 });
  });

  test('a change of an ordinary database is durable and counts in its sum', async () => {
    await database.setAttribute(undefined, undefined);
    await Promise.all([database.change([set(key('1'), 'one')]), database.change([set(key('2'), 'two')])]);
    expect(database.contentSum()).toMatchObject({ position: undefined, keys: 2 });
    await database.setAttribute(attribute, at(5));
    expect(database.contentSum()).toMatchObject({ position: at(5), keys: 2 });
  });

  test('SYN-017: a database does not grow beyond its maximum size; kills make room', async () => {
    await database.setMaximumBytes(1024 * 1024);
    const value = 'x'.repeat(10_000);
    let sequence = 0;
    let refused = '';
    while (refused === '') {
      sequence += 1;
      const updates = [set(key(String(sequence)), value)];
      refused = await database.apply(updates, at(sequence)).then(
        () => '',
        (error) => `${error.code} ${error.message}`,
      );
      expect(sequence).toBeLessThan(200);
    }
    expect(refused).toMatch(/^database-full .*at most/);
    expect([database.applied, database.maximumBytes]).toEqual([at(sequence - 1), 1024 * 1024]);
    expect(sequence).toBeGreaterThan(40);
    expect(database.isFull).toBe(true);
    await database.apply([set(key(String(sequence)), value)], at(sequence), 'waived');
    sequence += 1;
    await database.apply([kill(encodeKey('A', []))], at(sequence));
    await database.barrier();
    expect(database.isFull).toBe(false);
    await database.apply([set(key('1'), value)], at(sequence + 1));
    await database.close();
    database = await twin.store.open(twin.directory);
    expect([database.count(WHOLE_DATABASE), database.maximumBytes]).toEqual([1, 1024 * 1024]);
  });

  test('the order of a database is the order of references', async () => {
    const subscripts = ['-5', '-.5', '0', '.5', '3', '20', '100', '1000000000000000000', '007', 'A', 'a', 'é'];
    const shuffled = [...subscripts].reverse().flatMap((s) => [set(key(s, 'below'), s), set(key(s), s)]);
    await database.apply(shuffled, at(1));
    expect(all(database).map(([, value]) => value)).toEqual(subscripts.flatMap((s) => [s, s]));
    expect(all(database, { reverse: true }).map(([, value]) => value)).toEqual(
      [...subscripts].reverse().flatMap((s) => [s, s]),
    );
    expect(all(database, { from: key('20'), until: subtreeEnd(key('20')) })).toHaveLength(2);
  });
});

describe('simulated-databases: a disk that damages', () => {
  test('is found by reads and by a check', async () => {
    const store = new SimulatedDatabaseStore();
    const database = await store.create('/db');
    await database.change([set(key('1'), 'one'), set(key('2'), 'two'), set(key('3'), 'three')]);
    store.lose('/db', key('3'));
    expect(await database.check(() => undefined)).toMatchObject({ ok: false, key: null, found: { keys: 2 } });
    store.damage('/db', key('2'));
    expect(await database.check(() => undefined)).toMatchObject({ ok: false, key: Uint8Array.from(key('2')) });
    expect(() => database.get(key('2'))).toThrow(/damaged/);
    expect(() => [...database.entries(WHOLE_DATABASE)]).toThrow(/damaged/);
    expect(text(database.get(key('1')))).toBe('one');
  });
});

describe('simulated-databases: a machine that crashes', () => {
  test.each([
    [0, 2],
    [1, 3],
    [9, 5],
  ])('with %d unwritten updates kept, the database stands at position %d', async (kept, sequence) => {
    const store = new SimulatedDatabaseStore();
    const database = await store.create('/db');
    await database.setAttribute(attribute, at(0));
    await database.apply([set(key('1', 'x'), 'old'), set(key('2'), 'old')], at(1));
    const states = [[], all(database)];
    await database.apply([set(key('3'), 'flushed')], at(2));
    await database.flushed();
    states.push(all(database));
    await database.apply([kill(key('1')), set(key('2'), 'new'), kill(key('2')), set(key('1'), 'again')], at(3));
    states.push(all(database));
    await database.apply([set(key('2'), 'newer'), kill(key('1'))], at(4));
    states.push(all(database));
    await database.apply([set(key('9'), 'last')], at(5));
    states.push(all(database));
    expect([database.applied, database.stored]).toEqual([at(5), at(2)]);
    store.crash(kept);
    const reopened = await store.open('/db');
    expect([reopened.applied, reopened.stored, all(reopened)]).toEqual([at(sequence), at(sequence), states[sequence]]);
    expect(await reopened.check(() => undefined)).toEqual({ ok: true, content: reopened.contentSum() });
    expect(() => database.get(key('1'))).toThrow(/closed/);
  });
});
