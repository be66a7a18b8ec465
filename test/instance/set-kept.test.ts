/** A change of the mirror set is answered when the backup has it, too: over real sockets, read at the moment of the answer. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { MirrorSet } from '../../src/mirror/mirror-set.ts';
import type { CommandArguments, CommandName } from '../../src/protocol/control-commands.ts';
import { startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let b: WholeHost;
let c: WholeHost;

beforeAll(async () => {
  [a, b, c] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('BETA'), startWholeHost('GAMMA')]);
  for (const host of [a, b, c]) await done(host, 'enable-mirror-service', {});
  await done(a, 'create-mirror', { mirror: 'DEMO', member: 'A', qosTimeoutMs: 2000 });
  const other = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
  await done(b, 'join-mirror', { mirror: 'DEMO', type: 'Failover', member: 'B', ...other });
  await done(c, 'join-mirror', { mirror: 'DEMO', type: 'Disaster Recovery', member: 'C', ...other });
  await a.reach(({ members }) => members.some((row) => row.name === 'B' && row.journalTransfer === 'Active'));
}, 30_000);

afterAll(async () => {
  for (const host of [c, b, a]) await host?.close();
}, 20_000);

async function done<C extends CommandName>(host: WholeHost, command: C, given: CommandArguments[C]): Promise<void> {
  const outcome = await host.control.perform(command, given);
  if (!outcome.ok) throw new Error(`${command}: ${outcome.outcome}: ${outcome.refusal.text}`);
}

/** What the backup has on its disk now. */
const setOfBackup = (): MirrorSet => b.instance.configuration.get().mirrorSet as MirrorSet;
const memberC = () => setOfBackup().members.find(({ name }) => name === 'C');
const database = (name: string) => setOfBackup().databases.find((each) => each.name === name);

test('CFG-043: settings of the mirror', async () => {
  await done(a, 'edit-mirror', { qosTimeoutMs: 3000 });
  expect(setOfBackup().settings.qosTimeoutMs).toBe(3000);
});

test('CFG-056: an address of a member', async () => {
  await done(a, 'edit-addresses', { member: 'C', privateAddress: 'localhost' });
  expect(memberC()?.privateAddress).toBe('localhost');
});

test('CFG-050: the type of an async, which it changes itself', async () => {
  await done(c, 'edit-async', { type: 'Read-Only Reporting' });
  expect(memberC()?.type).toBe('Read-Only Reporting');
});

test('DB-011 DB-019 DB-044 DB-047: a database that is created, added, edited, taken out', async () => {
  await done(a, 'create-database', { database: 'NEW', mirrored: 'NEW' });
  expect(database('NEW')).toBeDefined();
  await done(a, 'create-database', { database: 'OLD' });
  await done(a, 'add-databases', { databases: ['OLD'] });
  expect(database('OLD')).toBeDefined();
  await done(a, 'edit-database', { database: 'OLD', maximumMegabytes: 50 });
  expect(database('OLD')?.properties?.maximumBytes).toBe(50_000_000);
  await done(a, 'remove-database', { database: 'OLD' });
  expect(database('OLD')).toBeUndefined();
});
