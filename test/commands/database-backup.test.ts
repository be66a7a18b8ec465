/** `caretmirror database backup`, `restore` and `edit` against an instance with real files. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';
import { CommandLine } from './command-line.ts';

let host: WholeHost;
let line: CommandLine;

beforeAll(async () => {
  host = await startWholeHost('ALPHA');
  line = new CommandLine();
}, 20_000);

afterAll(async () => {
  line.remove();
  await host.close();
});

const run = (...args: string[]) => line.run(['--home', host.home, 'database', ...args]);
const global = (...args: string[]) =>
  line.run(['--home', host.home, 'global', 'ALPHA', ...args, '--database', 'CITIES']);

test('DB-021: a database is backed up, changed, and has its old data again only after --replace', async () => {
  const to = join(line.home, 'backup');
  expect(await run('create', 'ALPHA', 'cities')).toMatchObject({ code: 0 });
  expect(await global('set', '^CITY(1)', 'Paris')).toMatchObject({ code: 0 });
  expect(await run('backup', 'ALPHA', 'cities', '--to', to)).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^1 database backed up to .*backup, \d+\.\d MB\n$/),
    err: expect.stringMatching(/^database CITIES is copied, /),
  });
  await global('set', '^CITY(1)', 'Rome');
  expect(await run('backup', 'ALPHA', 'cities', '--to', to)).toMatchObject({
    code: 1,
    err: expect.stringContaining('is there already'),
  });
  const plan = await run('restore', 'ALPHA', '--from', to, '--dry-run');
  expect(plan).toMatchObject({ code: 0, out: expect.stringMatching(/CITIES +- +replaces its present data/) });
  expect(await run('restore', 'ALPHA', '--from', to)).toMatchObject({
    code: 2,
    err: expect.stringContaining('the present data of CITIES on ALPHA would be replaced'),
  });
  expect((await global('get', '^CITY(1)')).out).toBe('Rome\n');
  expect(await run('restore', 'ALPHA', '--from', to, '--replace')).toMatchObject({ code: 0, out: 'CITIES restored\n' });
  expect((await global('get', '^CITY(1)')).out).toBe('Paris\n');
  const twin = await run('restore', 'ALPHA', '--from', to, '--as', 'towns', '--json');
  expect(JSON.parse(twin.out)).toEqual({ ok: true, text: 'TOWNS restored' });
  expect(await run('restore', 'ALPHA', 'lakes', '--from', to)).toMatchObject({
    code: 1,
    err: expect.stringContaining('the backup holds no database LAKES; it holds CITIES'),
  });
  expect(existsSync(`${to}.unfinished`)).toBe(false);
});

test('DB-002 SYN-017: journal state and maximum size are edited, and shown', async () => {
  expect(await run('edit', 'ALPHA', 'cities')).toMatchObject({ code: 2 });
  expect(await run('edit', 'ALPHA', 'cities', '--max-size', '-1')).toMatchObject({ code: 2 });
  expect(await run('edit', 'ALPHA', 'cities', '--max-size', '500', '--journaled', 'no')).toMatchObject({
    code: 0,
    out: 'database CITIES is not journaled, so it cannot be mirrored, and may have 500 MB at most\n',
  });
  const list = await run('list', 'ALPHA');
  expect(list.out).toMatch(/CITIES .* of 500\.0 MB/);
  expect(JSON.parse((await run('list', 'ALPHA', '--json')).out)[0]).toMatchObject({
    journaled: false,
    maximumBytes: 500_000_000,
  });
  expect(await run('pause', 'ALPHA')).toMatchObject({ code: 2 });
  expect(await run('pause', 'ALPHA', 'cities')).toMatchObject({
    code: 1,
    err: expect.stringContaining('in no mirror'),
  });
});
