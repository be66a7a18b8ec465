import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { instancePaths, mirrorJournalLogPath } from '../../src/host/home.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { CommandLine } from './command-line.ts';

let line: CommandLine;
beforeEach(() => {
  line = new CommandLine();
});
afterEach(() => line.remove());

const epoch = (number: number) => ({ number, owner: 'A', lineage: 'x' });

/** A journal of two files with four sets, cut after the first. */
function cutJournal(): void {
  const paths = instancePaths(line.home, 'A');
  const wallMs = () => Date.parse('2026-01-31T12:00:09.000Z');
  const journal = openDiskJournal({
    files: nodeHost.files,
    directory: paths.journal,
    mirror: 'DEMO',
    logPath: mirrorJournalLogPath(line.home, 'A', 'DEMO'),
    lostAndFoundDirectory: paths.lostAndFound,
    wallMs,
  });
  const atMs = Date.parse('2026-01-31T12:00:00.000Z');
  const set = (subscript: string, value: string) =>
    journal.append(
      [{ kind: 'set', database: 'DATA', key: encodeKey('X', [subscript]), value: Buffer.from(value) }],
      atMs,
    );
  journal.startFile(epoch(1), atMs);
  const kept = set('1', 'stays');
  set('2', 'is lost');
  journal.startFile(epoch(2), atMs);
  set('3', '7');
  set('a', 'is lost too');
  journal.flush();
  journal.truncateTo(kept, 'the mirror does not have it (FO-088)');
  journal.close();
}

test('FO-088: what was cut is listed with the reason and the time, and shown record by record', async () => {
  await line.run(['instance', 'create', 'A']);
  expect(await line.run(['lost', 'list', 'A'])).toMatchObject({
    code: 0,
    out: '',
    err: expect.stringContaining('lost nothing'),
  });
  const nothing = { code: 0, err: expect.stringContaining('lost nothing') };
  expect(await line.run(['lost', 'show', 'A'])).toMatchObject({ ...nothing, out: '' });
  expect(await line.run(['lost', 'show', 'A', '--json'])).toMatchObject({ ...nothing, out: '[]\n' });
  cutJournal();
  const listed = JSON.parse((await line.run(['lost', 'list', 'A', '--json'])).out);
  const because = expect.stringContaining('the mirror does not have it (FO-088)');
  const common = {
    mirror: 'DEMO',
    because,
    cutAt: '2026-01-31T12:00:09.000Z',
    newestRecordAt: '2026-01-31T12:00:00.000Z',
  };
  expect(listed).toEqual([
    expect.objectContaining({
      ...common,
      epoch: { number: 1, owner: 'A' },
      afterSequence: 1,
      toSequence: 2,
      records: 1,
    }),
    expect.objectContaining({
      ...common,
      epoch: { number: 2, owner: 'A' },
      afterSequence: 2,
      toSequence: 4,
      records: 2,
    }),
  ]);
  expect((await line.run(['lost', 'list', 'A'])).out).toMatch(/1\/2 +1\/2 .*FO-088/);
  const shown = await line.run(['lost', 'show', 'A', '--json']);
  expect(JSON.parse(shown.out)).toMatchObject([
    { sequence: 2, kind: 'set', database: 'DATA', reference: '^X(2)', value: 'is lost' },
    { sequence: 3, reference: '^X(3)', value: 7 },
    { sequence: 4, reference: '^X("a")', value: 'is lost too' },
  ]);
  const one = await line.run(['lost', 'show', 'A', listed[0].file]);
  expect(one.out).toBe('2  2026-01-31T12:00:00.000Z  set  DATA  ^X(2) = "is lost"\n');
  expect(await line.run(['lost', 'show', 'A', 'else'])).toMatchObject({
    code: 1,
    err: expect.stringContaining(listed[0].file),
  });
});

test('FO-088: a file without a report tells what it can, and a damaged one what is whole', async () => {
  await line.run(['instance', 'create', 'A']);
  cutJournal();
  const directory = instancePaths(line.home, 'A').lostAndFound;
  const [first, second] = JSON.parse((await line.run(['lost', 'list', 'A', '--json'])).out);
  nodeHost.files.remove(join(directory, `${first.file}.report.json`));
  const { because: _, cutAt: __, ...rest } = first;
  const [again] = JSON.parse((await line.run(['lost', 'list', 'A', '--json'])).out);
  expect(again).toEqual({ ...rest, because: null, cutAt: null });
  const path = join(directory, second.file);
  const handle = nodeHost.files.open(path, 'update');
  nodeHost.files.truncate(handle, nodeHost.files.size(handle) - 3);
  nodeHost.files.close(handle);
  const shown = await line.run(['lost', 'show', 'A', second.file]);
  expect(shown.out).toContain('^X(3) = 7');
  expect(shown.out).not.toContain('is lost too');
  expect(shown.err).toContain('is damaged');
});
