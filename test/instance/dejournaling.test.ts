/** Applying the journal to several databases: in one reading, in order, with its course, and one that is full. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Database } from '../../src/database/databases.ts';
import type { InstanceConfiguration } from '../../src/host/host.ts';
import { nodeFileOperations } from '../../src/host/node-files.ts';
import { Catalog } from '../../src/instance/catalog.ts';
import { CatchUpCourse, CatchUpRun } from '../../src/instance/dejournaling.ts';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { readParts } from '../../src/journal/read-records.ts';
import { WholeBlocks } from '../../src/journal/record-groups.ts';
import type { JournalPosition } from '../../src/mirror/journal-position.ts';
import { logLine } from '../../src/mirror/log-messages.ts';
import type { MirrorSet } from '../../src/mirror/mirror-set.ts';
import type { CatchUpProgress } from '../../src/protocol/control-channel.ts';
import { encodeKey, WHOLE_DATABASE } from '../../src/protocol/global-key.ts';
import { SimulatedDatabaseStore } from '../../src/simulation/simulated-databases.ts';

const names = ['ONE', 'TWO', 'THREE'];
const recordsEach = 12_000;

let scratch: string;
let journal: Journal;
let catalog: Catalog;
let begin: JournalPosition;
let reads: number;
let isPrimary: boolean;
let log: string[];
let waits: (() => void)[];
let configuration: InstanceConfiguration;

beforeEach(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'caretmirror-dejournaling-'));
  journal = openDiskJournal({
    files: nodeFileOperations,
    directory: join(scratch, 'journal'),
    mirror: 'M',
    logPath: join(scratch, 'mirrorjrn.log'),
    lostAndFoundDirectory: join(scratch, 'lost+found'),
  });
  journal.startFile({ number: 1, owner: 'A', lineage: 'l' }, 0);
  begin = journal.end;
  [reads, isPrimary, log, waits] = [0, false, [], []];
  configuration = { databases: [], mirrorSet: null, member: null } as never;
  catalog = new Catalog({
    store: new SimulatedDatabaseStore(),
    files: { removeTree: () => undefined },
    isNameTaken: () => false,
    configuration: {
      get: () => configuration,
      set: (next) => {
        configuration = next;
      },
    },
    readParts,
    log: (message, ...facts) => void log.push(logLine(message, ...facts).text),
    isPrimary: () => isPrimary,
    wait: () => new Promise<void>((resolve) => waits.push(resolve)),
    nowMs: () => reads * 100,
    onBarrier: () => {},
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  });
  for (const name of names) {
    await catalog.create(name, join(scratch, name));
    await catalog.addToMirror(name, attributeOf(name), begin);
  }
});
afterEach(async () => {
  await catalog.close();
  journal.close();
  rmSync(scratch, { recursive: true, force: true });
});

const attributeOf = (database: string) => ({
  mirror: 'M',
  database,
  addedAt: begin,
  fromEmpty: true,
  activated: true,
});

/** Counts how often it is read. */
function counted(of: Journal): Journal {
  return new Proxy(of, {
    get(target, name) {
      if (name === 'read') reads += 1;
      const found = Reflect.get(target, name, target);
      return typeof found === 'function' ? found.bind(target) : found;
    },
  });
}

/** Record n of each database sets ^N(n modulo 100) to n, the databases in turns. */
function fillJournal(): void {
  for (let from = 0; from < recordsEach; from += 1000) {
    const records = Array.from({ length: 1000 }, (_, i) => from + i).flatMap((n) =>
      names.map((database) => {
        const key = encodeKey('N', [String(n % 100)]);
        return { kind: 'set' as const, database, key, value: Buffer.from(`${database} ${n}`), continues: false };
      }),
    );
    journal.append(records, 1);
  }
  journal.flush();
}

const databaseOf = (name: string) => catalog.mirrored(name) as Database;

function expectAllApplied(name: string): void {
  const values = [...databaseOf(name).entries(WHOLE_DATABASE)].map(({ value }) => Buffer.from(value).toString());
  expect(values).toEqual(Array.from({ length: 100 }, (_, n) => `${name} ${recordsEach - 100 + n}`));
}

/** What it is given shows at once, and is answered when released. */
function holdBack(database: Database): () => void {
  const apply = database.apply.bind(database);
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  database.apply = async (...given) => {
    await apply(...given);
    await released;
  };
  return release;
}

test('DB-001: what the primary tells of the mirror while a database is made is not forgotten', async () => {
  const made = catalog.create('FOUR', join(scratch, 'FOUR'));
  const told = { name: 'M', epoch: 2, revision: 7 } as MirrorSet;
  configuration = { ...configuration, mirrorSet: told };
  await made;
  expect(configuration.databases.map(({ name }) => name)).toContain('FOUR');
  expect(configuration.mirrorSet).toBe(told);
});

test('SYN-015: what is applied stands in the order of the journal, and the event loop turns meanwhile', async () => {
  fillJournal();
  catalog.dejournaling.follow(journal);
  let turned = false;
  setImmediate(() => {
    turned = true;
  });
  await catalog.dejournaling.apply(journal.end);
  for (const name of names) expectAllApplied(name);
  expect(turned).toBe(true);
  expect(catalog.dejournaling.applied).toEqual(journal.end);
});

test('SYN-014 DB-034: databases that are caught up together read the journal once, and say how far they are', async () => {
  fillJournal();
  const readsOf = async (together: readonly string[]): Promise<number> => {
    reads = 0;
    const told = new Map<string, CatchUpProgress[]>(together.map((name) => [name, []]));
    await Promise.all(together.map((name) => catalog.dejournaling.catchUp(name, (at) => told.get(name)?.push(at))));
    for (const steps of told.values()) {
      const last = steps.at(-1) as CatchUpProgress;
      expect([last.recordsDone, last.bytesDone]).toEqual([last.recordsToDo, last.bytesToDo]);
      expect(last.recordsToDo).toBe(recordsEach * names.length);
      expect(steps.map(({ recordsDone }) => recordsDone)).toEqual(
        steps.map(({ recordsDone }) => recordsDone).sort((a, b) => a - b),
      );
      expect(new Set(steps.map(({ recordsDone }) => recordsDone)).size).toBeGreaterThan(2);
    }
    return reads;
  };
  catalog.dejournaling.follow(counted(journal));
  // Nothing is in step: the others stand at the end, as far as they are concerned.
  catalog.pauseAll(true);
  catalog.pauseAll(false);
  await catalog.dejournaling.apply(journal.end);
  const single = await readsOf(['ONE']);
  expect(await readsOf(['TWO', 'THREE'])).toBe(single);
  for (const name of names) expectAllApplied(name);
  expect(catalog.entries().map(({ status }) => status)).toEqual(['Dejournaling', 'Dejournaling', 'Dejournaling']);
});

test('SYN-014: a database that is caught up while a block is applied to the others misses nothing of it', async () => {
  fillJournal();
  catalog.dejournaling.follow(journal);
  catalog.pause('TWO');
  await catalog.dejournaling.apply(journal.end);
  catalog.unpause('TWO');
  const count = 20_000;
  for (let first = 0; first < count; first += 1000) {
    const keys = Array.from({ length: 1000 }, (_, index) => encodeKey('NEW', [String(first + index)]));
    const record = { kind: 'set', value: Buffer.from('x'), continues: false } as const;
    journal.append(
      keys.flatMap((key) => names.map((database) => ({ ...record, key, database }))),
      1,
    );
  }
  journal.flush();
  const release = holdBack(databaseOf('ONE'));
  const applying = catalog.dejournaling.apply(journal.end);
  const caughtUp = catalog.dejournaling.catchUp('TWO', () => undefined);
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  release();
  await Promise.all([applying, caughtUp]);
  await catalog.dejournaling.apply(journal.end);
  for (const name of names) expect([name, databaseOf(name).applied]).toEqual([name, journal.end]);
  expect(names.map((name) => [...databaseOf(name).keys(WHOLE_DATABASE)].length)).toEqual(names.map(() => 100 + count));
});

test('SYN-014 DB-014: a database that is let in while a block is applied which has its beginning catches up, too', async () => {
  fillJournal();
  await catalog.create('FOUR', join(scratch, 'FOUR'));
  catalog.dejournaling.follow(journal);
  const release = holdBack(databaseOf('ONE'));
  const applying = catalog.dejournaling.apply(journal.end);
  const [first] = journal.files;
  const within = journal.locate(1, (first?.sequenceBefore ?? 0) + 100) as JournalPosition;
  await catalog.addToMirror('FOUR', { ...attributeOf('FOUR'), addedAt: within }, within);
  expect(catalog.find('FOUR')?.status).toBe('Needs Catchup');
  release();
  await applying;
  await catalog.dejournaling.catchUp('FOUR', () => undefined);
  expect([databaseOf('FOUR').applied, catalog.find('FOUR')?.status]).toEqual([journal.end, 'Dejournaling']);
});

test.each([
  ['one after the other', 'on an async that is excluded', 1],
  ['side by side', 'elsewhere', 16],
])('CFG-049 SYN-014: databases are caught up %s %s', async (how, _, jobs) => {
  fillJournal();
  const run = new CatchUpRun({
    blocks: new WholeBlocks(journal, readParts, 64 * 1024),
    target: () => journal.end,
    filtering: catalog.dejournaling.filtering,
    jobsMax: () => jobs,
    maximumFor: () => 'kept',
    turn: () => new Promise((resolve) => setImmediate(resolve)),
  });
  const course: string[] = [];
  const joins = names.map((name) =>
    run.join(databaseOf(name), {
      onReached: ({ sequence }) => {
        if (sequence > begin.sequence && course.at(-1) !== name) course.push(name);
      },
      onThere: () => undefined,
    }),
  );
  await Promise.all(joins);
  if (how === 'one after the other') expect(course).toEqual(names);
  else expect(course.length).toBeGreaterThan(2 * names.length);
  for (const name of names) expectAllApplied(name);
});

test('SYN-017: a full database pauses only itself on a backup, and goes on by catchup when it has room', async () => {
  fillJournal();
  catalog.dejournaling.follow(journal);
  await databaseOf('TWO').setMaximumBytes(1000);
  await catalog.dejournaling.apply(journal.end);
  for (const name of ['ONE', 'THREE']) expectAllApplied(name);
  expect(catalog.find('TWO')?.status).toBe('Dejournaling Stopped');
  expect(log.filter((text) => /Dejournaling into TWO failed: database .*TWO: .*at most/.test(text))).toHaveLength(1);
  await expect(catalog.dejournaling.catchUp('TWO', () => undefined)).rejects.toMatchObject({ code: 'database-full' });
  await databaseOf('TWO').setMaximumBytes(0);
  await catalog.dejournaling.catchUp('TWO', () => undefined);
  expectAllApplied('TWO');
  expect(catalog.find('TWO')?.status).toBe('Dejournaling');
});

test('SYN-017: on a primary a full database takes what was durable before it was full', async () => {
  fillJournal();
  isPrimary = true;
  catalog.dejournaling.follow(journal);
  await databaseOf('TWO').setMaximumBytes(1000);
  await catalog.dejournaling.apply(journal.end);
  for (const name of names) expectAllApplied(name);
  expect([databaseOf('TWO').isFull, catalog.find('TWO')?.status]).toEqual([true, 'Normal']);
});

test('SYN-014: the course of a catchup says its rate, the time left, and since when it stands still', () => {
  const at = (sequence: number): JournalPosition => ({ epoch: 1, file: 1, offset: sequence * 100, sequence });
  const bytesBetween = (from: JournalPosition, to: JournalPosition) => to.offset - from.offset;
  const course = new CatchUpCourse(at(1000), at(5000), { bytesBetween }, 10_000);
  expect(course.report(10_000)).toEqual({
    recordsDone: 0,
    recordsToDo: 4000,
    bytesDone: 0,
    bytesToDo: 400_000,
    recordsPerSecond: 0,
    secondsLeft: null,
    standsStillMs: 0,
  });
  course.reached(at(2000), at(5000), 11_000);
  expect(course.report(12_000)).toMatchObject({ recordsDone: 1000, recordsPerSecond: 500, secondsLeft: 6 });
  course.reached(at(2000), at(6000), 14_000);
  expect(course.report(15_000)).toMatchObject({ recordsToDo: 5000, bytesDone: 100_000, standsStillMs: 4000 });
});
