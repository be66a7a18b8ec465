/** `caretmirror journal` on the files of an instance that is down. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { findInstance } from '../../src/commands/instances.ts';
import { journalReader } from '../../src/commands/journal-pages.ts';
import { realSurroundings } from '../../src/commands/real-surroundings.ts';
import type { Streams } from '../../src/commands/surroundings.ts';
import { openConfiguration } from '../../src/host/configuration-file.ts';
import { type InstancePaths, instancePaths, mirrorJournalLogPath } from '../../src/host/home.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { makePrivateDirectory, removeSocket } from '../../src/host/socket-files.ts';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import { defaultSettings } from '../../src/mirror/mirror-set.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import type { JournalPlace } from '../../src/terminal/journal-reader.ts';
import { CommandLine } from './command-line.ts';

let line: CommandLine;
let paths: InstancePaths;
const minute = 60_000;
const atMs = Date.parse('2026-01-31T12:00:00.000Z');
const names = ['001', '002', '003'].map((day) => `MIRROR-DEMO-20260131.${day}`);

/** Three files of epoch 1, a minute apart: ^X(1) to ^X(3) in each, and a kill of ^X in the second. */
beforeEach(async () => {
  line = new CommandLine();
  await line.run(['instance', 'create', 'A']);
  paths = instancePaths(line.home, 'A');
  const lock = nodeHost.processes.acquireLock(paths.lock, 'instance');
  const configuration = await openConfiguration(paths.configuration, lock);
  const mirrorSet = { name: 'DEMO', epoch: 1, revision: 1, settings: defaultSettings, members: [], databases: [] };
  configuration.set({ ...configuration.get(), member: 'A', memberType: 'Failover', mirrorSet });
  lock.release();
  const journal = openDiskJournal({
    files: nodeHost.files,
    directory: paths.journal,
    mirror: 'DEMO',
    logPath: mirrorJournalLogPath(line.home, 'A', 'DEMO'),
    lostAndFoundDirectory: paths.lostAndFound,
  });
  for (const [index, word] of ['one', 'two', 'three'].entries()) {
    const nowMs = atMs + index * minute;
    journal.startFile({ number: 1, owner: 'A', lineage: 'x' }, nowMs);
    const set = (n: number) => ({
      kind: 'set' as const,
      database: 'DATA',
      key: encodeKey('X', [String(n)]),
      value: Buffer.from(`${word} ${n}`),
    });
    journal.append([set(1), set(2), set(3)], nowMs);
    if (index === 1)
      journal.append([{ kind: 'kill', database: 'DATA', key: encodeKey('X', []), value: Buffer.alloc(0) }], nowMs);
    journal.flush();
  }
  journal.close();
});
afterEach(() => line.remove());

const records = (text: string): readonly { readonly [field: string]: unknown }[] => JSON.parse(text);
const flip = (name: string, offset: number): void => {
  const path = join(paths.journal, name);
  const bytes = readFileSync(path);
  bytes[offset]! ^= 4;
  writeFileSync(path, bytes);
};

test('SYN-001: files are listed with their times, records and bytes', async () => {
  const { code, out } = await line.run(['journal', 'list', 'A', '--json']);
  const { running, files } = JSON.parse(out);
  expect([code, running]).toEqual([0, false]);
  expect(files.map((file: { name: string }) => file.name)).toEqual(names);
  expect(files[1]).toMatchObject({ first: 4, last: 7, epoch: 1, owner: 'A', begun: '2026-01-31T12:01:00.000Z' });
  expect((await line.run(['journal', 'list', 'A'])).out).toContain('8-10');
});

test('SYN-001: records are shown from an offset on, and no more than asked for', async () => {
  const { out, err } = await line.run(['journal', 'view', 'A', names[1]!, '--limit', '2', '--json']);
  expect(records(out).map(({ reference, value }) => [reference, value])).toEqual([
    ['^X(1)', 'two 1'],
    ['^X(2)', 'two 2'],
  ]);
  expect(err).toContain('there are more');
  const offset = String(records(out)[1]!.offset);
  const rest = await line.run(['journal', 'view', 'A', names[1]!, '--offset', offset]);
  expect(rest.out.split('\n')[0]).toMatch(/ {2}5 {2}2026-01-31T12:01:00\.000Z {2}set {2}DATA {2}\^X\(2\) = "two 2"$/);
  expect((await line.run(['journal', 'view', 'A', 'MIRROR-DEMO-20200101.001'])).code).toBe(1);
});

test('SYN-001: records are found by global, with the kill of a node above, by value and by time', async () => {
  const search = async (...options: readonly string[]) =>
    records((await line.run(['journal', 'search', 'A', '--json', ...options])).out).map(({ sequence }) => sequence);
  expect(await search('--global', '^X(2)')).toEqual([2, 5, 7, 9]);
  expect(await search('--value', 'three')).toEqual([8, 9, 10]);
  expect(await search('--from', '2026-01-31T12:00:30Z', '--to', '2026-01-31T12:01:30Z')).toEqual([4, 5, 6, 7]);
  expect(await search('--database', 'OTHER')).toEqual([]);
  expect((await line.run(['journal', 'search', 'A', '--database', 'OTHER'])).err).toContain('no record was found');
  expect((await line.run(['journal', 'search', 'A', '--from', 'yesterday'])).code).toBe(2);
});

test('SYN-001: a flipped bit is found by check, with file and offset, and is mended with a copy from another member', async () => {
  const other = join(line.home, 'journal-of-another');
  mkdirSync(other);
  for (const name of names) copyFileSync(join(paths.journal, name), join(other, name));
  expect((await line.run(['journal', 'check', 'A'])).out).toBe('3 files with 10 records were read, 0 are damaged\n');
  flip(names[1]!, 300);
  const found = await line.run(['journal', 'check', 'A']);
  expect(found.code).toBe(1);
  expect(found.err).toContain(`${join(paths.journal, names[1]!)} is damaged at offset 300`);
  const good = readFileSync(join(other, names[1]!));
  for (const wrong of [
    [names[1]!, '--from', join(other, names[0]!)],
    [names[1]!, '--from', join(paths.journal, names[1]!)],
    [names[2]!, '--from', other],
    [names[1]!, '--from', join(other, 'missing')],
  ]) {
    expect((await line.run(['journal', 'repair', 'A', ...wrong])).code).toBe(1);
  }
  expect((await line.run(['journal', 'repair', 'A', names[1]!, '--from', other])).code).toBe(0);
  expect(readFileSync(join(paths.journal, names[1]!))).toEqual(good);
  expect((await line.run(['journal', 'check', 'A'])).code).toBe(0);
  // A header that cannot be read is mended too.
  flip(names[0]!, 20);
  expect((await line.run(['journal', 'check', 'A'])).code).toBe(1);
  expect((await line.run(['journal', 'repair', 'A', names[0]!, '--from', join(other, names[0]!)])).code).toBe(0);
  expect((await line.run(['journal', 'check', 'A'])).code).toBe(0);
});

test('SYN-001: ^JOURNAL reads the same files page by page, each record once, and only those looked for', async () => {
  const streams = { input: process.stdin, output: process.stdout, errors: process.stderr, env: {} };
  const adapters = async () => ({
    host: nodeHost,
    network: createTcpNetwork({ files: { makePrivateDirectory, removeSocket } }),
  });
  const here = await realSurroundings(line.home, streams as unknown as Streams, adapters, () => {});
  const reader = journalReader(here, findInstance(here, 'A'), { mirror: undefined });
  const all = { file: null, global: '', value: '', database: '', from: '', to: '' };
  expect((await reader.files()).map(({ name, records }) => [name, records])).toEqual([
    [names[0], '1-3'],
    [names[1], '4-7'],
    [names[2], '8-10'],
  ]);
  const seen: string[] = [];
  let pages = 0;
  for (let from: JournalPlace | null = null; ; pages += 1) {
    const page = await reader.page(all, from, 4);
    seen.push(...page.lines);
    if (page.next === null) break;
    from = page.next;
  }
  expect(pages).toBe(2);
  expect(seen.map((each) => each.split('  ')[1])).toEqual(Array.from({ length: 10 }, (_, n) => String(n + 1)));
  const found = await reader.page({ ...all, global: '^X(2)', value: 'two' }, null, 10);
  expect(found.lines).toEqual([expect.stringContaining('^X(2) = "two 2"')]);
  expect((await reader.page({ ...all, file: names[2] ?? '' }, null, 10)).lines).toHaveLength(3);
  expect(reader.problemOf({ ...all, global: 'X(' })).not.toBeNull();
  expect(reader.problemOf({ ...all, from: '2026-02-01', to: '2026-01-01' })).toBe('--from is after --to');
  expect(reader.problemOf(all)).toBeNull();
});
