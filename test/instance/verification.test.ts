/** Members of a real mirror compare their databases: equal ones under writes, changed ones, and ones that have lost entries. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { open } from 'lmdb';
import { type Client, connect } from '../../src/client/client.ts';
import type { Database } from '../../src/database/databases.ts';
import type { CopyReport, VerificationReport } from '../../src/mirror/status.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let b: WholeHost;
let client: Client;
/** Those to be closed at the end. */
const running: WholeHost[] = [];
const withinMs = 60_000;
const key = (number: number): Buffer => encodeKey('CITY', [String(number)]);

beforeAll(async () => {
  [a, b] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('BETA')]);
  running.push(b, a);
  for (const host of [a, b]) await host.control.perform('enable-mirror-service', {});
  await a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A', qosTimeoutMs: 4000 });
  await b.control.perform('join-mirror', {
    mirror: 'DEMO',
    type: 'Disaster Recovery',
    otherAgentAddress: '127.0.0.1',
    otherAgentPort: a.agentPort,
    otherInstance: 'ALPHA',
    member: 'B',
  });
  await a.control.perform('create-database', { database: 'CITIES', mirrored: 'CITIES' });
  await b.reach(() => b.instance.configuration.get().mirrorSet?.databases.length === 1);
  await b.control.perform('create-database', { database: 'CITIES', mirrored: 'CITIES' });
  await b.reach(({ databases }) => databases[0]?.status === 'Dejournaling');
  const target = { host: '127.0.0.1', port: a.superserverPort };
  client = await connect({ network, targets: [target], mirror: 'DEMO', database: 'CITIES' });
  await Promise.all(Array.from({ length: 9000 }, (_, index) => client.set(key(index), Buffer.from(`town ${index}`))));
}, 40_000);

afterAll(async () => {
  await client?.close();
  for (const host of running.splice(0)) await host.close();
}, 20_000);

function databaseOf(host: WholeHost): Database {
  const found = host.instance.catalog.find('CITIES')?.database;
  if (found == null) throw new Error('CITIES is not mounted');
  return found;
}

function copyOf(report: VerificationReport, member: string): CopyReport | undefined {
  return report.members.find((each) => each.member === member)?.databases[0];
}

/** As no journal says: the copy is taken out of the mirror for a moment, with its sum kept right. */
async function changeAlone(host: WholeHost, changed: Buffer, value: string | null): Promise<void> {
  const database = databaseOf(host);
  const { attribute, applied } = database;
  await database.setAttribute(undefined, undefined);
  const update =
    value === null
      ? { kind: 'kill' as const, value: Buffer.alloc(0) }
      : { kind: 'set' as const, value: Buffer.from(value) };
  await database.change([{ ...update, key: changed }]);
  await database.setAttribute(attribute, applied);
}

/** What a bad disk does: the entry is gone, and nothing else is changed. */
function loseEntry(host: WholeHost, lost: Buffer): void {
  const directory = host.instance.configuration.get().databases[0]?.directory ?? '';
  const file = readdirSync(directory).find((name) => name.endsWith('.mdb')) ?? '';
  const bytes = { keyEncoding: 'binary', encoding: 'binary' } as const;
  const root = open({ path: join(directory, file), noSubdir: true, maxDbs: 2, ...bytes });
  expect(root.openDB<Buffer, Buffer>({ name: 'globals', ...bytes }).removeSync(lost)).toBe(true);
  void root.close();
}

const messagesOf = (host: WholeHost): string =>
  Buffer.from(host.instance.host.files.readWhole(host.instance.paths.messages) ?? []).toString();

describe('verification', () => {
  test('equal copies are identical up to one position while writes go on, and the status says so', async () => {
    let stop = false;
    let written = 0;
    const writer = (async () => {
      for (; !stop; written += 50) {
        const numbers = Array.from({ length: 50 }, (_, index) => written + index);
        await Promise.all(numbers.map((number) => client.set(key(number % 9000), Buffer.from(`again ${number}`))));
      }
    })();
    const told: string[] = [];
    const reports: VerificationReport[] = [];
    try {
      for (const quick of [false, true]) {
        reports.push(await a.control.verify(quick, withinMs, (text) => told.push(text)));
      }
    } finally {
      stop = true;
      await writer;
    }
    expect(written).toBeGreaterThan(0);
    for (const [index, report] of reports.entries()) {
      expect(report).toMatchObject({ mirror: 'DEMO', identical: true, allRead: index === 0 });
      for (const member of ['A', 'B'])
        expect(copyOf(report, member)).toMatchObject({ database: 'CITIES', result: 'identical', keys: 9000 });
      expect(report.position).toMatch(/^1\/\d+$/);
    }
    expect(told).toContain('comparing the running checksums of A, B');
    const { verified } = await b.reach((status) => status.verified?.[0]?.identical?.position === reports[1]?.position);
    expect(verified).toMatchObject([{ database: 'CITIES', difference: null }]);
    expect((await a.control.status()).verified?.[0]?.identical?.position).toBe(reports[1]?.position);
  }, 30_000);

  test('on another member than the primary it is refused, and the primary is named', async () => {
    await expect(b.control.verify(true, withinMs)).rejects.toThrow(/only on the primary; that is A/);
  });

  test('MON-010: a barrier leaves a database current that had no records of its own', async () => {
    await a.control.verify(true, withinMs);
    await b.reach(({ databases }) => databases[0]?.nextRecord?.time === 'Current');
  });

  test('a changed copy is found by its running sum, with global and first key, and is marked until it is mended', async () => {
    await changeAlone(b, key(7000), 'changed');
    await changeAlone(b, key(8000), null);
    const report = await a.control.verify(true, withinMs);
    expect(report.identical).toBe(false);
    expect(copyOf(report, 'A')).toMatchObject({ result: 'identical' });
    expect(copyOf(report, 'B')).toMatchObject({
      result: 'differs',
      reference: '^CITY(7000)',
      text: expect.stringContaining('^CITY(7000) has another value here'),
    });
    const isMarked = ({ verified }: { verified?: readonly { difference: unknown }[] }) =>
      verified?.[0]?.difference !== null;
    await b.reach(isMarked);
    expect(messagesOf(b)).toMatch(/ 2 \[Utility\.Event\] Verification: database CITIES at 1\/\d+: /);
    expect(messagesOf(a)).toMatch(/ 2 \[Utility\.Event\] Verification: database CITIES of B at 1\/\d+: /);
    await b.restart();
    expect(b.instance.member?.comparison.differenceOf('CITIES')).toMatch(/CITY\(7000\)/);
    const to = join(b.home, 'never-made');
    expect(await b.control.perform('backup-databases', { databases: ['CITIES'], to })).toMatchObject({
      ok: false,
      refusal: { reason: 'differs', text: expect.stringContaining('CITY(7000)') },
    });
    await a.reach(({ members }) => members.some(({ name, status }) => name === 'B' && status === 'Connected'));
    // Written again by an application, it is mended on all; the other difference is then the first.
    await client.set(key(7000), Buffer.from('new'));
    expect(copyOf(await a.control.verify(false, withinMs), 'B')).toMatchObject({
      reference: '^CITY(8000)',
      text: expect.stringContaining('^CITY(8000) is missing here'),
    });
    await client.set(key(8000), Buffer.from('new'));
    await b.reach(() => databaseOf(b).get(key(8000)) !== undefined);
    expect(await a.control.verify(false, withinMs)).toMatchObject({ identical: true });
    await b.reach((status) => !isMarked(status));
    expect(messagesOf(b)).toMatch(/is as the primary's again/);
  }, 40_000);

  test('an entry that a disk has lost is found by reading, and named; the running sums alone do not clear it', async () => {
    await b.restart(() => loseEntry(b, key(4321)));
    await a.reach(({ members }) => members.some(({ name, status }) => name === 'B' && status === 'Connected'));
    const report = await a.control.verify(false, withinMs);
    expect(copyOf(report, 'B')).toMatchObject({
      result: 'damaged',
      reference: '^CITY(4321)',
      text: expect.stringMatching(/lost.*first difference: \^CITY\(4321\) is missing here/),
    });
    expect(databaseOf(a).get(key(4321))).toBeDefined();
    const quick = await a.control.verify(true, withinMs);
    expect(quick.identical).toBe(false);
    expect(copyOf(quick, 'B')).toMatchObject({ result: 'differs', text: expect.stringContaining('found before') });
  }, 40_000);

  test("the primary's own loss is found, and named from the other copy", async () => {
    await a.restart(() => loseEntry(a, key(1234)));
    await a.reach(({ status }) => status === 'Primary');
    await a.reach(({ members }) => members.some(({ name, status }) => name === 'B' && status === 'Connected'));
    const report = await a.control.verify(false, withinMs);
    expect(copyOf(report, 'A')).toMatchObject({ result: 'damaged', text: expect.stringMatching(/lost/) });
    expect(a.instance.member?.comparison.differenceOf('CITIES')).toMatch(/lost/);
  }, 40_000);

  test('a member that is away is said to be not compared', async () => {
    running.splice(running.indexOf(b), 1);
    await b.close();
    await a.reach(({ members }) => members.some(({ name, status }) => name === 'B' && status === 'Down'));
    const report = await a.control.verify(true, withinMs);
    expect(report.identical).toBe(false);
    expect(report.members.find(({ member }) => member === 'B')).toEqual({
      member: 'B',
      databases: [],
      notCompared: 'not connected',
    });
  }, 20_000);
});
