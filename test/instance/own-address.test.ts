/** A member that is not reached at its own addresses, mostly a copy of one, stays out of the mirror (CFG-063, CFG-064). */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from '../../src/client/client.ts';
import { instancePaths } from '../../src/host/home.ts';
import type { CommandArguments, Outcome } from '../../src/protocol/control-commands.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { freePort, network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let b: WholeHost;
let copy: WholeHost | null = null;
let image: string;

beforeAll(async () => {
  [a, b] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('BETA')]);
  for (const host of [a, b]) await done(host.control.perform('enable-mirror-service', {}));
  await done(a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A', qosTimeoutMs: 2000 }));
  const other = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
  await done(b.control.perform('join-mirror', { mirror: 'DEMO', type: 'Failover', member: 'B', ...other }));
  for (const host of [a, b])
    await done(host.control.perform('create-database', { database: 'DATA', mirrored: 'DATA' }));
  await set('early', 'before the copy');
  await b.reach(() => valueAt(b, 'early') === 'before the copy');
  image = mkdtempSync(join(tmpdir(), 'cm-image-'));
  await b.restart(() => cpSync(instancePaths(b.home, 'BETA').directory, image, { recursive: true }));
  await b.reach(({ status }) => status === 'Backup');
}, 30_000);

afterAll(async () => {
  for (const host of [copy, b, a]) await host?.close();
  rmSync(image, { recursive: true, force: true });
}, 20_000);

async function done(work: Promise<Outcome>): Promise<string> {
  const outcome = await work;
  if (!outcome.ok) throw new Error(`${outcome.outcome}: ${outcome.refusal.text}`);
  return outcome.text;
}

async function refusal(work: Promise<Outcome>): Promise<string> {
  const outcome = await work;
  return outcome.ok ? `done: ${outcome.text}` : `${outcome.refusal.reason} ${outcome.refusal.spec}`;
}

async function set(name: string, value: string): Promise<void> {
  const targets = [{ host: '127.0.0.1', port: a.superserverPort }];
  const client = await connect({ network, targets, mirror: 'DEMO', database: 'DATA' });
  try {
    await client.set(encodeKey(name, []), Buffer.from(value));
  } finally {
    await client.close();
  }
}

const valueAt = (host: WholeHost, name: string): string => {
  const found = host.instance.catalog.find('DATA')?.database?.get(encodeKey(name, []));
  return found === undefined ? '' : Buffer.from(found).toString();
};

const members = () => a.instance.configuration.get().mirrorSet?.members.map(({ name, type }) => `${name} ${type}`);

/** As after cloning a machine: the copy has an address of its own, and the configuration, record, journal and databases of B. */
async function startCopy(): Promise<WholeHost> {
  const host = await startWholeHost('BETA');
  await putImage(host, await freePort());
  return host;
}

async function putImage(host: WholeHost, port: number): Promise<void> {
  await host.restart(() => {
    const { directory, configuration } = instancePaths(host.home, 'BETA');
    for (const name of ['member.json', 'journal', 'databases']) {
      rmSync(join(directory, name), { recursive: true, force: true });
      cpSync(join(image, name), join(directory, name), { recursive: true });
    }
    // On the same host, so that its configuration names the places of the original.
    const text = readFileSync(join(image, 'configuration.json'), 'utf8');
    const { checksum: _, ...copied } = JSON.parse(text);
    writeFileSync(configuration, JSON.stringify({ ...copied, superserver: { host: '127.0.0.1', port } }));
  });
}

test('PROC-045 CFG-063: a copy does not join while another instance answers at its address', async () => {
  copy = await startCopy();
  const report = await copy.control.status();
  expect(report).toMatchObject({ member: 'B', status: 'Error' });
  const { directory } = instancePaths(copy.home, 'BETA');
  expect(copy.instance.catalog.find('DATA')?.database?.directory).toBe(join(directory, 'databases', 'DATA'));
  expect(copy.instance.configuration.get().directory).toBe(directory);
  expect(report.waitingFor).toMatch(/another instance answers at 127.0.0.1:\d+, the address of member B: .*copy/);
  expect(copy.instance.member).toBeNull();
  expect((await copy.control.describe()).commands['force-primary']).toMatchObject({ spec: 'CFG-063' });
  expect(await b.control.status()).toMatchObject({ status: 'Backup' });
}, 20_000);

test('CFG-064: nor when nothing answers there, which is told apart; its configuration can be removed without the mirror', async () => {
  await done(b.control.perform('edit-addresses', { superserverPort: await freePort() }));
  const report = await (copy as WholeHost).reach(({ waitingFor }) =>
    /nothing answers at the addresses/.test(waitingFor ?? ''),
  );
  expect(report.waitingFor).toMatch(/Remove the local mirror configuration .* join as a new member, .* do nothing yet/);
  const { removal } = await (copy as WholeHost).control.assess('remove-mirror');
  expect(removal).toMatchObject({ step: 'erase', member: 'B', isLast: false });
  const { rebuild } = instancePaths((copy as WholeHost).home, 'BETA');
  mkdirSync(rebuild);
  await done((copy as WholeHost).control.perform('remove-mirror', {}));
  // What waited for a start as a member of that mirror would take places in the next one.
  expect(existsSync(rebuild)).toBe(false);
  expect(await (copy as WholeHost).control.status()).toMatchObject({ mirror: null, status: 'Not Initialized' });
  expect(a.instance.configuration.get().mirrorSet?.members.map(({ name }) => name)).toEqual(['A', 'B']);
  await b.reach(({ status }) => status === 'Backup');
}, 20_000);

describe('joining as a new member', () => {
  let port: number;

  test('CFG-064: is refused to a member that is not kept out, under the name of the original, and at addresses of others', async () => {
    const joinAsNew = (host: WholeHost, given: CommandArguments['join-as-new-member']) =>
      refusal(host.control.perform('join-as-new-member', given));
    expect(await joinAsNew(b, { member: 'C' })).toBe('not-kept-out CFG-064');
    port = await freePort();
    await putImage(copy as WholeHost, port);
    const { directory } = instancePaths((copy as WholeHost).home, 'BETA');
    const before = readFileSync(join(directory, 'configuration.json'), 'utf8');
    expect(await joinAsNew(copy as WholeHost, { member: 'b' })).toBe('name-taken CFG-064');
    expect(await joinAsNew(copy as WholeHost, { member: 'A' })).toBe('name-taken CFG-022');
    expect(await joinAsNew(copy as WholeHost, { member: 'C', superserverAddress: '127.0.0.99' })).toBe(
      'not-reached CFG-063',
    );
    expect(await joinAsNew(copy as WholeHost, { member: 'C', type: 'Failover' })).toBe('failover-members-full CFG-033');
    expect(readFileSync(join(directory, 'configuration.json'), 'utf8')).toBe(before);
    expect(members()).toEqual(['A Failover', 'B Failover']);
  }, 20_000);

  test('CFG-064: is one step; its copies are activated and caught up, and the original goes on', async () => {
    const c = copy as WholeHost;
    expect((await c.control.describe()).defaults.asyncMemberName).not.toBe('B');
    await set('late', 'after the copy');
    const text = await done(c.control.perform('join-as-new-member', { member: 'C' }));
    expect(text).toMatch(/^C has joined mirror DEMO .*; activate and catch up its databases DATA$/);
    expect(members()).toEqual(['A Failover', 'B Failover', 'C Disaster Recovery']);
    await c.reach(({ status, waitingFor }) => status === 'Connected' && waitingFor === null);
    expect(c.instance.catalog.find('DATA')?.status).toBe('Needs Activation');
    await done(c.control.perform('catch-up-databases', { databases: ['DATA'] }));
    await c.reach(() => valueAt(c, 'late') === 'after the copy' && valueAt(c, 'early') === 'before the copy');
    await b.reach(({ members: rows }) =>
      rows.some(({ name, journalTransfer }) => name === 'B' && journalTransfer === 'Active'),
    );
    await c.restart();
    await c.reach(({ status, member }) => status === 'Connected' && member === 'C');
  }, 30_000);

  test('CFG-064: cut off behind the word of the primary it is repeated', async () => {
    // As if the instance had been killed before it wrote what the primary has written.
    await putImage(copy as WholeHost, port);
    expect(await (copy as WholeHost).control.status()).toMatchObject({ member: 'B', status: 'Error' });
    await done((copy as WholeHost).control.perform('join-as-new-member', { member: 'C' }));
    await (copy as WholeHost).reach(({ status, member }) => status === 'Connected' && member === 'C');
    expect(members()).toEqual(['A Failover', 'B Failover', 'C Disaster Recovery']);
  }, 20_000);

  test('CFG-064: a look at its former addresses that ends after it has joined says nothing any more', async () => {
    await putImage(copy as WholeHost, port);
    const { instance, control } = copy as WholeHost;
    const membership = instance.first;
    const look = membership.reachedAt.bind(membership);
    let letEnd = (): void => undefined;
    const joined = new Promise<void>((resolve) => {
      letEnd = resolve;
    });
    const underWay = new Promise<void>((resolve) => {
      membership.reachedAt = async (mirror, self) => {
        const found = await look(mirror, self);
        if (self.name !== 'B') return found;
        resolve();
        await joined;
        return found;
      };
    });
    await underWay;
    await done(control.perform('join-as-new-member', { member: 'C' }));
    letEnd();
    await new Promise((resolve) => setImmediate(resolve));
    expect(membership.notReached).toBeNull();
    await (copy as WholeHost).reach(({ status, member }) => status === 'Connected' && member === 'C');
  }, 20_000);
});
