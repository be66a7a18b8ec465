/** Copies on members that are processes of their own: a restore that is killed and repeated, and a file copied with cp. */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type FreshLab, FreshPrograms, freshLab } from '../fixtures/fresh-programs.ts';

const programs = new FreshPrograms();
let lab: FreshLab;
let exports = 0;

beforeAll(async () => {
  await programs.build();
  lab = await freshLab(programs, 8000);
}, 120_000);

afterAll(async () => {
  await lab?.close();
  programs.remove();
}, 60_000);

type Label = 'A' | 'B' | 'C';
const database = (label: Label, word: string, ...args: string[]) =>
  programs.run(['database', word, label, ...args, '--home', lab.homeOf(label)]);
const directoryOn = (label: Label) => join(lab.homeOf(label), 'instances', label, 'databases', 'WORLD');

async function exported(label: Label): Promise<string> {
  const path = join(programs.directory, `export-${label}-${++exports}`);
  // What the backup has acknowledged, its databases may have a moment later.
  if (label !== 'A') await programs.runWell('wait', label, '--for', 'caught-up', '--home', lab.homeOf(label));
  const place = ['--output', path, '--home', lab.homeOf(label)];
  await programs.runWell('global', label, 'export', '--database', 'WORLD', ...place);
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

test('PROC-005 DB-021 DB-022: a restore whose instance is killed in the middle changes nothing, and repeated it succeeds', async () => {
  const backup = join(programs.directory, 'backup');
  const records = join(programs.directory, 'records.jsonl');
  const lines = Array.from({ length: 60 }, (_, n) =>
    JSON.stringify({ global: 'CITY', subscripts: [n], value: `${n} ${'x'.repeat(500_000)}` }),
  );
  writeFileSync(records, `${lines.join('\n')}\n`);
  expect(await database('A', 'create', 'WORLD')).toMatchObject({ code: 0 });
  await programs.runWell('global', 'A', 'import', records, '--database', 'WORLD', '--home', lab.homeOf('A'));
  expect(await database('A', 'add', 'WORLD')).toMatchObject({ code: 0 });
  expect(await database('A', 'backup', 'WORLD', '--to', backup)).toMatchObject({ code: 0 });

  const listedInstances = await programs.runWell('instance', 'list', '--json', '--home', lab.homeOf('B'));
  const [{ pid }] = JSON.parse(listedInstances);
  const restoring = database('B', 'restore', '--from', backup);
  const deadlineMs = performance.now() + 30_000;
  while (!existsSync(join(directoryOn('B'), 'restoring', 'database.mdb'))) {
    if (performance.now() > deadlineMs) throw new Error('the restore did not begin');
    await wait(1);
  }
  // At once: a program that did it would come too late.
  process.kill(pid, 'SIGKILL');
  expect((await restoring).code).toBe(5);
  await programs.runWell('lab', 'up', '--home', lab.home);
  // Whatever was half copied is gone before it is repeated, and that is said.
  expect(existsSync(join(directoryOn('B'), 'restoring'))).toBe(false);
  expect(readFileSync(join(lab.homeOf('B'), 'instances', 'B', 'messages.log'), 'utf8')).toMatch(
    /Removed .*WORLD\/restoring: a restore was cut off there/,
  );
  // Copied, perhaps, and in no place yet: what is configured is a whole database or none.
  const { out } = await database('B', 'list', '--json');
  const listed = JSON.parse(out).filter(({ name }: { name: string }) => name === 'WORLD');
  expect(listed.every(({ status }: { status: string }) => status === 'Needs Activation')).toBe(true);
  for (const label of ['B', 'C'] as const) {
    expect(await database(label, 'restore', '--from', backup)).toMatchObject({
      code: 0,
      out: 'WORLD restored, activated and caught up\n',
    });
    expect(readdirSync(directoryOn(label))).not.toContain('restoring');
    expect(await exported(label)).toBe(await exported('A'));
  }
}, 120_000);

test('PROC-005 DB-027 DB-031: a file copied with cp while both are dismounted needs activation, and is level after it', async () => {
  for (const label of ['B', 'C'] as const)
    expect(await database(label, 'dismount', 'WORLD')).toMatchObject({ code: 0 });
  copyFileSync(join(directoryOn('C'), 'database.mdb'), join(directoryOn('B'), 'database.mdb'));
  const target = ['global', 'A', 'set', '^CITY(1)', 'Paris', '--database', 'WORLD', '--home', lab.homeOf('A')];
  await programs.runWell(...target);
  expect((await database('B', 'mount', 'WORLD')).out).toBe(
    'database WORLD is mounted; its status is Needs Activation\n',
  );
  expect((await database('B', 'activate', 'WORLD')).out).toBe('database WORLD is activated and caught up\n');
  expect((await database('C', 'mount', 'WORLD')).out).toBe('database WORLD is mounted and caught up\n');
  for (const label of ['B', 'C'] as const) expect(await exported(label)).toBe(await exported('A'));
}, 60_000);
