import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { mirrorJournalLogPath } from '../../src/host/home.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { JOURNAL_START } from '../../src/mirror/journal-position.ts';
import { fetchJournal } from '../../src/network/agent-client.ts';
import { caught, epochOf, makeInstanceProgram, mirrorSet, network, record, TestHost } from './host.ts';

let directory: string;
let program: string;
let host: TestHost;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-agent-program-'));
  program = makeInstanceProgram(directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => host.close());

const atMs = Date.UTC(2026, 2, 14, 12);

/** The journal of the instance that died: two epochs, 60 records. */
function writeJournal(place: string): Journal {
  const { journal: at, lostAndFound } = host.paths;
  const journal = openDiskJournal({
    files: nodeHost.files,
    directory: place === '' ? at : join(place, 'journal'),
    mirror: 'DEMO',
    logPath: place === '' ? mirrorJournalLogPath(host.home, 'IRIS', 'DEMO') : join(place, 'mirrorjrn-DEMO.log'),
    lostAndFoundDirectory: place === '' ? lostAndFound : join(place, 'lost+found'),
  });
  if (place !== '') return journal;
  for (const number of [1, 3]) {
    journal.startFile(epochOf(number), atMs);
    const records = Array.from({ length: 30 }, (_, index) => ({
      kind: 'set' as const,
      database: 'USERS',
      key: Buffer.from(`key ${index}`),
      value: Buffer.alloc(200, index),
    }));
    journal.append(records, atMs);
    journal.flush();
  }
  return journal;
}

const about = { instance: 'IRIS', mirror: 'DEMO', incarnation: 5 };

describe('the journal of an instance that is down', () => {
  test('FO-024 SYN-009: is offered and fetched whole, chunk by chunk, and changes nothing there', async () => {
    host = await new TestHost(program).open();
    const journal = writeJournal('');
    const { history, end } = journal;
    journal.close();
    const before = readdirSync(host.paths.journal);
    expect(await host.ask({ type: 'offer-journal', ...about })).toEqual({ history, end, mirrorSet });
    const copy = writeJournal(join(host.home, 'copy'));
    let chunks = 0;
    for await (const chunk of fetchJournal(network, host.call, about, JOURNAL_START, 1000)) {
      expect(copy.store(chunk)).toEqual(chunk.to);
      chunks += 1;
    }
    expect(chunks).toBeGreaterThan(10);
    expect(copy.end).toEqual(end);
    expect(copy.history).toEqual(history);
    copy.close();
    expect(readdirSync(host.paths.journal)).toEqual(before);
    const middle = fetchJournal(network, host.call, about, JOURNAL_START, 1000);
    await middle.next();
    const next = await middle.next(history[1]!.begin);
    expect(next.value).toMatchObject({ file: 2, from: history[1]!.begin });
    await middle.return(undefined);
  });

  test('FO-025: one without a journal offers an empty one', async () => {
    host = await new TestHost(program).open();
    expect(await host.ask({ type: 'offer-journal', ...about })).toEqual({
      history: [],
      end: JOURNAL_START,
      mirrorSet,
    });
    for await (const chunk of fetchJournal(network, host.call, about, JOURNAL_START)) expect(chunk).toBeUndefined();
  });

  test('AGT-003: another incarnation is not served, but for one whose record could not be read', async () => {
    host = await new TestHost(program).open();
    writeJournal('').close();
    const wrong = await caught(host.ask({ type: 'offer-journal', ...about, incarnation: 4 }));
    expect(wrong).toMatchObject({ code: 'agent-refused', reason: 'wrong-incarnation' });
    expect(await host.ask({ type: 'offer-journal', ...about, incarnation: 0 })).toMatchObject({
      end: { sequence: expect.any(Number) },
    });
  });

  test('AGT-003: an instance that starts, and one that has started and ended since, end the fetch', async () => {
    host = await new TestHost(program).open();
    writeJournal('').close();
    const fetching = fetchJournal(network, host.call, about, JOURNAL_START, 1000);
    expect((await fetching.next()).done).toBe(false);
    const child = await host.startInstance('Waiting');
    expect(await caught(fetching.next())).toMatchObject({ code: 'agent-refused', reason: 'wrong-incarnation' });
    expect(await caught(host.ask({ type: 'offer-journal', ...about }))).toMatchObject({ reason: 'wrong-incarnation' });
    host.saveRecord({ ...record, incarnation: 6 });
    await host.kill(child);
    expect(await caught(host.ask({ type: 'offer-journal', ...about }))).toMatchObject({ reason: 'wrong-incarnation' });
    expect(await host.ask({ type: 'offer-journal', ...about, incarnation: 6 })).toMatchObject({ history: [{}, {}] });
  });

  test('a place that is not in the journal is refused in one line', async () => {
    host = await new TestHost(program).open();
    writeJournal('').close();
    const from = { epoch: 9, file: 9, offset: 900, sequence: 9 };
    const refused = await caught(fetchJournal(network, host.call, about, from).next());
    expect(refused).toMatchObject({ code: 'agent-refused', reason: 'no-journal' });
    expect(refused.message).not.toContain('\n');
  });
});

describe('questions about a host', () => {
  test('CFG-028: a mirror is told to one that wants to join, with its primary where that is known', async () => {
    host = await new TestHost(program).open();
    const question = { type: 'tell-mirror', instance: 'iris', mirror: 'demo' } as const;
    expect(await host.ask(question)).toEqual({ mirrorSet, member: 'ALPHA', primary: null });
    await host.startInstance('Backup');
    expect(await host.ask(question)).toEqual({ mirrorSet, member: 'ALPHA', primary: 'ALPHA' });
    expect(await caught(host.ask({ ...question, mirror: 'OTHER' }))).toMatchObject({ reason: 'no-mirror' });
  });

  test('AGT-002: the status names instances and their processes', async () => {
    host = await new TestHost(program).open();
    const down = { name: 'IRIS', state: 'down', pid: null };
    expect(await host.ask({ type: 'status' })).toMatchObject({
      version: '1.2.3',
      pid: process.pid,
      address: '127.0.0.1',
      port: host.port,
      instances: [down],
      arbiterFor: [],
    });
    const child = await host.startInstance('Backup');
    const up = { name: 'IRIS', state: 'up', pid: child.pid };
    expect(await host.ask({ type: 'status' })).toMatchObject({ instances: [up] });
    child.kill('SIGSTOP');
    expect(await host.ask({ type: 'status' })).toMatchObject({ instances: [{ ...up, state: 'hung' }] });
  });

  test('a host without an agent is unreachable', async () => {
    host = await new TestHost(program).open();
    const { call } = host;
    await host.close();
    expect(await caught(fetchJournal(network, call, about, JOURNAL_START).next())).toMatchObject({
      code: 'unreachable',
    });
  });
});
