/** DB-029: copies that were downloaded take their places by being moved, and whatever is done twice moves or fetches none twice. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { connect } from '../../src/client/client.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let b: WholeHost;
const running = new Set<WholeHost>();
const names = ['ONE', 'TWO'] as const;
const key = encodeKey('CITY', ['1']);

beforeAll(async () => {
  [a, b] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('BETA')]);
  for (const host of [a, b]) running.add(host);
  for (const host of [a, b]) await host.control.perform('enable-mirror-service', {});
  await a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A' });
  const agent = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
  const joined = { mirror: 'DEMO', type: 'Disaster Recovery', member: 'B', ...agent } as const;
  expect(await b.control.perform('join-mirror', joined)).toMatchObject({ ok: true });
  for (const database of names) {
    expect(await a.control.perform('create-database', { database, mirrored: database })).toMatchObject({ ok: true });
    const targets = [{ host: '127.0.0.1', port: a.superserverPort }];
    const client = await connect({ network, targets, mirror: 'DEMO', database });
    await client.set(key, Buffer.alloc(100_000, database));
    await client.close();
  }
}, 60_000);

afterAll(async () => {
  for (const host of running) await host.close();
}, 30_000);

function valueHere(name: string): string | undefined {
  const value = b.instance.catalog.find(name)?.database?.get(key);
  return value === undefined ? undefined : Buffer.from(value).toString().slice(0, 3);
}

function fileOf(name: string): number {
  const { catalog } = b.instance;
  return statSync(catalog.fileOf(catalog.find(name)?.configuration.directory ?? '')).ino;
}

test('DB-029: interrupted between two databases and repeated after a restart, only the rest is put in place', async () => {
  const { catalog } = b.instance;
  const real = catalog.replace.bind(catalog);
  jest.spyOn(catalog, 'replace').mockImplementation(async (name, from) => {
    if (name === 'TWO') throw new Error('the machine stopped here');
    await real(name, from);
  });
  const interrupted = await b.control.perform('download-databases', {});
  expect(interrupted).toMatchObject({ refusal: { text: expect.stringContaining('only ONE restored') } });
  const placed = fileOf('ONE');
  await b.restart();
  await b.reach(({ status }) => status === 'Connected');
  const said: string[] = [];
  const done = await b.control.perform('download-databases', {}, undefined, (text) => said.push(text));
  expect(done).toMatchObject({ ok: true, text: 'ONE, TWO restored, activated and caught up' });
  expect(fileOf('ONE')).toBe(placed);
  expect(names.map(valueHere)).toEqual([...names]);
  expect(said.filter((text) => text.includes('ONE') && /downloaded|here already|copied/.test(text))).toEqual([]);
  expect(said.some((text) => text.startsWith('database TWO:') && text.includes('here already'))).toBe(true);
}, 60_000);

test('DB-015 DB-029 DB-030: a database that the journal cannot build is copied where it is created, into the directory that is given', async () => {
  await a.control.perform('create-database', { database: 'OLD' });
  const targets = [{ host: '127.0.0.1', port: a.superserverPort }];
  const client = await connect({ network, targets, database: 'OLD' });
  await client.set(key, Buffer.from('before it was mirrored'));
  await client.close();
  expect(await a.control.perform('add-databases', { databases: ['OLD'] })).toMatchObject({ ok: true });
  const isKnown = () => b.instance.configuration.get().mirrorSet?.databases.some(({ name }) => name === 'OLD') === true;
  await b.reach(isKnown);
  const directory = join(b.home, 'elsewhere');
  const created = { database: 'HERE', mirrored: 'OLD', directory, mountRequired: true };
  expect(await b.control.perform('create-database', created)).toMatchObject({
    ok: true,
    text: expect.stringContaining('HERE restored, activated and caught up'),
  });
  expect(existsSync(b.instance.catalog.fileOf(directory))).toBe(true);
  expect(b.instance.catalog.find('HERE')?.configuration).toMatchObject({
    mountRequiredAtStartup: true,
    mirrorDatabase: 'OLD',
  });
  expect(valueHere('HERE')).toBe('bef');
});

test('DB-030: with no source that answers nothing is created, and nothing is left', async () => {
  await b.control.perform('remove-database', { database: 'HERE' });
  await b.control.perform('delete-database', { database: 'HERE' });
  running.delete(a);
  await a.close();
  await b.reach(({ status }) => status !== 'Connected');
  const refused = await b.control.perform('create-database', { database: 'OLD', mirrored: 'OLD' });
  expect(refused).toMatchObject({ ok: false, refusal: { reason: 'no-source' } });
  expect(b.instance.catalog.find('OLD')).toBeUndefined();
  expect(existsSync(join(b.instance.paths.databases, 'OLD', 'database.mdb'))).toBe(false);
}, 60_000);
