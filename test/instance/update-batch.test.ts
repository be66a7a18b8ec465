/** What is taken and in no database yet, wherever in the journal it comes to stand. */
import { beforeEach, expect, test } from '@jest/globals';
import type { Database } from '../../src/database/databases.ts';
import type { ClientConnection, UpdateRun } from '../../src/instance/client-connection.ts';
import { UpdateBatch } from '../../src/instance/update-batch.ts';
import { openDiskJournal } from '../../src/journal/disk-journal.ts';
import type { Journal, JournalRecord } from '../../src/journal/journal.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { SimulatedDatabaseStore } from '../../src/simulation/simulated-databases.ts';
import { SimulatedFiles } from '../../src/simulation/simulated-files.ts';
import { epochOf, optionsAt } from '../contracts/journal-promises.ts';

let journal: Journal;
let database: Database;
let batch: UpdateBatch;

beforeEach(async () => {
  const files = new SimulatedFiles();
  files.makeDirectory('/host');
  journal = openDiskJournal(optionsAt({ files, root: '/host', remove: () => {} }));
  journal.startFile(epochOf(1), 0);
  database = await new SimulatedDatabaseStore().create('/D1');
  batch = new UpdateBatch(() => undefined);
  batch.use(journal);
});

const client = {
  expect: () => ({ count: 1, place: 0, level: 'durable', appendedAfter: () => undefined }) as unknown as UpdateRun,
} as unknown as ClientConnection;

const key = encodeKey('N', ['1']);
const below = encodeKey('N', ['1', '2']);

function take(kind: 'set' | 'kill', at: Uint8Array, value = ''): void {
  batch.add(client, database, { kind, database: 'D1', key: at, value: Buffer.from(value) }, 1, 'durable', null);
}

/** Of the primary itself, for which no client waits. */
function appendOwn(): number {
  const barrier: JournalRecord = { kind: 'barrier', database: '', key: new Uint8Array(0), value: Buffer.from('{}') };
  return journal.append([barrier], 0).sequence;
}

const newest = (at = key): string | null => {
  const found = batch.newest(database, 'D1', at);
  return found == null ? null : Buffer.from(found).toString();
};

test('an update is known until its own record is in the database, whatever came into the journal before it', () => {
  take('set', key, '1');
  batch.pending.applied(appendOwn());
  expect(newest()).toBe('1');
  const end = batch.append(0)?.end.sequence ?? 0;
  batch.pending.applied(end - 1);
  expect(newest()).toBe('1');
  take('set', key, '2');
  batch.pending.applied(end);
  expect([newest(), batch.pending.count]).toEqual(['2', 1]);
  batch.pending.applied(appendOwn());
  batch.pending.applied(batch.append(0)?.end.sequence ?? 0);
  expect([newest(), batch.pending.count]).toEqual([null, 0]);
});

test('the last of sets and kills counts, also across batches', () => {
  take('set', below, 'below');
  take('kill', key);
  expect(newest(below)).toBeNull();
  appendOwn();
  const first = batch.append(0)?.end.sequence ?? 0;
  take('set', below, 'again');
  expect([newest(below), newest(key)]).toEqual(['again', null]);
  batch.pending.applied(first);
  expect(newest(below)).toBe('again');
  take('kill', below);
  expect(newest(below)).toBeNull();
  batch.pending.applied(batch.append(0)?.end.sequence ?? 0);
  expect(batch.pending.count).toBe(0);
});
