/** A member that is not reached at its own addresses, mostly a copy of one, stays out of the mirror (CFG-063, CFG-064). */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { instancePaths } from '../../src/host/home.ts';
import type { Outcome } from '../../src/protocol/control-channel.ts';
import { freePort, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

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

/** As after cloning a machine: the copy has an address of its own, and the configuration and record of B. */
async function startCopy(): Promise<WholeHost> {
  const host = await startWholeHost('BETA');
  const port = await freePort();
  await host.restart(() => {
    const paths = instancePaths(host.home, 'BETA');
    for (const name of ['member.json', 'journal'])
      cpSync(join(image, name), join(paths.directory, name), { recursive: true });
    const { checksum: _, ...configuration } = JSON.parse(readFileSync(join(image, 'configuration.json'), 'utf8'));
    const moved = { ...configuration, directory: paths.directory, superserver: { host: '127.0.0.1', port } };
    writeFileSync(paths.configuration, JSON.stringify(moved));
  });
  return host;
}

test('PROC-045 CFG-063: a copy does not join while another instance answers at its address', async () => {
  copy = await startCopy();
  const report = await copy.control.status();
  expect(report).toMatchObject({ member: 'B', status: 'Error' });
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
  expect(report.waitingFor).toMatch(/Remove the local mirror configuration .* join as a new member .* do nothing yet/);
  const { removal } = await (copy as WholeHost).control.assess('remove-mirror');
  expect(removal).toMatchObject({ step: 'erase', member: 'B', isLast: false });
  await done((copy as WholeHost).control.perform('remove-mirror', {}));
  expect(await (copy as WholeHost).control.status()).toMatchObject({ mirror: null, status: 'Not Initialized' });
  expect(a.instance.configuration.get().mirrorSet?.members.map(({ name }) => name)).toEqual(['A', 'B']);
  await b.reach(({ status }) => status === 'Backup');
}, 20_000);
