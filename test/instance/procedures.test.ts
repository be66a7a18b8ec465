/** Procedures of docs/spec/08 and addresses of docs/spec/01 with whole hosts: real files, sockets, agents; no arbiter runs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from '@jest/globals';
import { connect } from '../../src/client/client.ts';
import { mirrorJournalLogPath } from '../../src/host/home.ts';
import type { CommandArguments } from '../../src/protocol/control-commands.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { freePort, network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

const hosts: WholeHost[] = [];
afterEach(async () => {
  for (const host of hosts.splice(0).reverse()) await host.close();
}, 20_000);

type Create = Partial<CommandArguments['create-mirror']>;

async function createMirror(settings: Create = {}): Promise<WholeHost> {
  const host = await startWholeHost('ALPHA');
  hosts.push(host);
  await host.control.perform('enable-mirror-service', {});
  const created = await host.control.perform('create-mirror', { mirror: 'DEMO', member: 'A', ...settings });
  expect(created).toMatchObject({ ok: true });
  return host;
}

async function joined(a: WholeHost, member: 'B' | 'C', type: 'Failover' | 'Disaster Recovery'): Promise<WholeHost> {
  const host = await startWholeHost(member === 'B' ? 'BETA' : 'GAMMA');
  hosts.push(host);
  await host.control.perform('enable-mirror-service', {});
  const agent = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
  expect(await host.control.perform('join-mirror', { mirror: 'DEMO', type, member, ...agent })).toMatchObject({
    ok: true,
  });
  return host;
}

const isActive = (host: WholeHost, name: string) =>
  host.reach((report) => report.members.some((row) => row.name === name && row.journalTransfer === 'Active'));

const key = (name: string) => encodeKey('CITY', [name]);

async function clientOf(host: WholeHost, mirror = 'DEMO') {
  return await connect({
    network,
    targets: [{ host: '127.0.0.1', port: host.superserverPort }],
    mirror,
    database: 'CITIES',
  });
}

async function readsOn(host: WholeHost, name: string): Promise<string | null> {
  const value = host.instance.catalog.find('CITIES')?.database?.get(key(name));
  return value === undefined ? null : Buffer.from(value).toString();
}

test('PROC-004 SYN-002: created on A, B and C, updates arrive, copies refuse writes, and files and log are the same', async () => {
  const a = await createMirror();
  const b = await joined(a, 'B', 'Failover');
  const c = await joined(a, 'C', 'Disaster Recovery');
  await isActive(b, 'B');
  for (const host of [a, b, c]) {
    expect(await host.control.perform('create-database', { database: 'CITIES', mirrored: 'CITIES' })).toMatchObject({
      ok: true,
    });
  }
  const client = await clientOf(a);
  await client.set(key('first'), Buffer.from('1'));
  expect(await a.control.perform('switch-journal', {})).toMatchObject({ ok: true });
  await client.set(key('second'), Buffer.from('2'));
  await client.close();
  for (const host of [b, c]) {
    await host.reach(() => host.instance.catalog.find('CITIES')?.database?.get(key('second')) !== undefined);
    expect([await readsOn(host, 'first'), await readsOn(host, 'second')]).toEqual(['1', '2']);
    const local = await clientOf(host, '');
    await expect(local.set(key('third'), Buffer.from('3'))).rejects.toThrow(/not the primary/);
    await local.close();
  }
  const files = a.instance.member?.journal.files ?? [];
  expect(files.length).toBe(2);
  const logOf = (host: WholeHost) => {
    const { instance } = host.instance.configuration.get();
    return readFileSync(mirrorJournalLogPath(host.home, instance, 'DEMO'), 'utf8');
  };
  for (const host of [b, c]) {
    await host.reach(() => host.instance.member?.journal.end.sequence === a.instance.member?.journal.end.sequence);
    for (const { name } of files) {
      const [theirs, own] = [host, a].map((each) => readFileSync(join(each.instance.paths.journal, name)));
      expect(theirs?.equals(own ?? Buffer.alloc(0))).toBe(true);
    }
    await host.reach(() => files.every(({ name }) => logOf(host).includes(name)));
  }
}, 40_000);

test('PROC-044: mirroring that was stopped on an async stays stopped over a restart, until it is started', async () => {
  const a = await createMirror();
  const c = await joined(a, 'C', 'Disaster Recovery');
  await c.reach((report) => report.status === 'Connected');
  expect(await c.control.perform('stop-mirror', {})).toMatchObject({ ok: true });
  await c.restart();
  expect((await c.control.status()).status).toBe('Stopped');
  const present = await a.reach((report) => report.members.some((row) => row.name === 'C' && row.status === 'Down'));
  // It stays so: it is the primary's row that would change next, and it hears of every contact.
  expect(present.members.find(({ name }) => name === 'C')?.journalTransfer).toMatch(/^Disconnected/);
  expect((await c.control.status()).status).toBe('Stopped');
  expect(await c.control.perform('start-mirror', {})).toMatchObject({ ok: true });
  await c.reach((report) => report.status === 'Connected');
}, 30_000);

test('CFG-006: one failover member with an async: it is primary and takes updates, and nobody takes over when it is gone', async () => {
  const a = await createMirror({ qosTimeoutMs: 400 });
  const c = await joined(a, 'C', 'Disaster Recovery');
  for (const host of [a, c]) {
    expect(await host.control.perform('create-database', { database: 'CITIES', mirrored: 'CITIES' })).toMatchObject({
      ok: true,
    });
  }
  const client = await clientOf(a);
  await client.set(key('alone'), Buffer.from('yes'));
  await client.close();
  await c.reach(() => c.instance.catalog.find('CITIES')?.database?.get(key('alone')) !== undefined);
  const epoch = (await a.control.status()).epoch;
  await a.restart(async () => {
    await c.reach((report) => report.primary === null);
    expect((await c.control.status()).status).not.toBe('Primary');
  });
  const again = await a.reach((report) => report.status === 'Primary');
  expect(again.epoch).toBe(epoch + 1);
  await c.reach((report) => report.status === 'Connected' && report.primary === 'A');
}, 30_000);

test('PROC-055 AGT-018 CFG-010 CFG-062: with a wrong arbiter port and a wrong agent address it works, agent controlled, and fails over; the role stays where it went', async () => {
  const nobody = { host: '127.0.0.1', port: await freePort() };
  const a = await createMirror({ qosTimeoutMs: 1000, arbiter: nobody });
  const b = await joined(a, 'B', 'Failover');
  const wrong = { member: 'A', agentAddress: '127.0.0.99' };
  expect(await a.control.perform('edit-addresses', wrong)).toMatchObject({ ok: true });
  await isActive(b, 'B');
  const report = await a.control.status();
  expect([report.failoverMode, report.arbiter?.address]).toEqual(['Agent Controlled', `127.0.0.1|${nobody.port}`]);
  expect(report.arbiter?.connection).toBe('This member is not connected to the arbiter');
  for (const host of [a, b]) {
    expect(await host.control.perform('create-database', { database: 'CITIES', mirrored: 'CITIES' })).toMatchObject({
      ok: true,
    });
  }
  const client = await clientOf(a);
  await client.set(key('kept'), Buffer.from('yes'));
  await client.close();
  // The process of A ends without a hand-over. Its agent answers only at the superserver's address.
  await a.restart(async () => {
    await b.reach((now) => now.status === 'Primary');
    expect(await readsOn(b, 'kept')).toBe('yes');
  });
  await isActive(a, 'A');
  // Nothing brings the role back to the member that had it first, also after both begin again.
  expect((await b.control.status()).status).toBe('Primary');
  const settings = Object.keys((await b.control.describe()).mirrorSet?.settings ?? {});
  expect(settings.filter((name) => /prefer|priority|weight/i.test(name))).toEqual([]);
}, 40_000);
