/** Databases from another member, on members that are processes of their own: either side is killed in the middle. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type FreshLab, FreshPrograms, freshLab } from '../fixtures/fresh-programs.ts';

type Label = 'A' | 'B' | 'C';

const programs = new FreshPrograms();
let lab: FreshLab;
let exports = 0;
const databaseBytes = 48_000_000;

beforeAll(async () => {
  await programs.build();
  lab = await freshLab(programs, 8000);
  const records = join(programs.directory, 'records.jsonl');
  const lines = Array.from({ length: databaseBytes / 500_000 }, (_, n) =>
    JSON.stringify({ global: 'CITY', subscripts: [n], value: `${n} ${'x'.repeat(500_000)}` }),
  );
  writeFileSync(records, `${lines.join('\n')}\n`);
  await database('A', 'create', 'WORLD');
  await programs.runWell('global', 'A', 'import', records, '--database', 'WORLD', '--home', lab.homeOf('A'));
  expect(await database('A', 'add', 'WORLD')).toMatchObject({ code: 0 });
}, 180_000);

afterAll(async () => {
  await lab?.close();
  programs.remove();
}, 60_000);

const database = (label: Label, word: string, ...args: string[]) =>
  programs.run(['database', word, label, ...args, '--home', lab.homeOf(label)]);
const fetchedFile = (label: Label) => join(lab.homeOf(label), 'instances', label, 'download', 'WORLD', 'database.mdb');

async function exported(label: Label): Promise<string> {
  const path = join(programs.directory, `export-${label}-${++exports}`);
  if (label !== 'A') await programs.runWell('wait', label, '--for', 'caught-up', '--home', lab.homeOf(label));
  const place = ['--output', path, '--home', lab.homeOf(label)];
  await programs.runWell('global', label, 'export', '--database', 'WORLD', ...place);
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

async function pidOf(label: Label): Promise<number> {
  const [{ pid }] = JSON.parse(await programs.runWell('instance', 'list', '--json', '--home', lab.homeOf(label)));
  return pid;
}

/** Begin a download and kill an instance as soon as some bytes have come; how many there were. */
async function killedIn(target: Label, victim: Label, ...args: string[]): Promise<number> {
  const pid = await pidOf(victim);
  const before = bytesFetched(target);
  const downloading = database(target, 'download', 'WORLD', ...args);
  const deadlineMs = performance.now() + 60_000;
  // Between the first piece and the last there are some hundred of them.
  while (bytesFetched(target) <= before) {
    if (performance.now() > deadlineMs) throw new Error('the download did not begin');
    await wait(1);
  }
  process.kill(pid, 'SIGKILL');
  expect((await downloading).code).not.toBe(0);
  const kept = bytesFetched(target);
  await programs.runWell('lab', 'up', '--home', lab.home);
  return kept;
}

const bytesFetched = (label: Label) => statSync(fetchedFile(label), { throwIfNoEntry: false })?.size ?? 0;

test('DB-029: a download whose own instance is killed goes on where it was, and ends with the same data', async () => {
  const kept = await killedIn('C', 'C');
  expect(kept).toBeGreaterThan(0);
  const done = await database('C', 'download', 'WORLD');
  expect(done).toMatchObject({ code: 0, out: 'WORLD restored, activated and caught up\n' });
  // All that had come was kept: none of it was sent twice.
  expect(done.err).toContain(`database WORLD: ${(kept / 1_000_000).toFixed(1)} MB are here already`);
  expect(await exported('C')).toBe(await exported('A'));
}, 120_000);

test('DB-025 DB-029: a download whose source is killed goes on when the source is back, from any member that is caught up', async () => {
  const kept = await killedIn('B', 'C', '--from', 'C');
  const elsewhere = await database('B', 'download', 'WORLD', '--from', 'NOBODY');
  expect(elsewhere).toMatchObject({ code: 1 });
  expect(elsewhere.err).toContain('there is no other member NOBODY');
  const done = await database('B', 'download', 'WORLD', '--from', 'C');
  expect(done).toMatchObject({ code: 0, out: 'WORLD restored, activated and caught up\n' });
  expect(done.err).toContain(`database WORLD: ${(kept / 1_000_000).toFixed(1)} MB are here already`);
  expect(await exported('B')).toBe(await exported('A'));
}, 120_000);

test('DB-029 DB-030: present data are replaced only where that is said, and a copy that is behind is no source', async () => {
  const refused = await database('B', 'download', 'WORLD');
  expect(refused).toMatchObject({ code: 2 });
  expect(refused.err).toContain('the present data of WORLD would be replaced: give --replace');
  await programs.runWell('database', 'pause', 'C', 'WORLD', '--home', lab.homeOf('C'));
  const behind = await database('B', 'download', 'WORLD', '--replace', '--from', 'C');
  expect(behind).toMatchObject({ code: 1 });
  expect(behind.err).toContain('is a copy that is not caught up');
  expect(await database('B', 'download', 'WORLD', '--replace')).toMatchObject({ code: 0 });
  expect(await exported('B')).toBe(await exported('A'));
}, 120_000);
