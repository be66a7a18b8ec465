/** An async that is promoted and made another kind of async at the same time, on hosts with real files: one of both is refused, whichever comes first. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { isFlagCleared } from '../../src/database/databases.ts';
import type { Outcome } from '../../src/protocol/control-commands.ts';
import { startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let c: WholeHost;

const create = (host: WholeHost) => host.control.perform('create-database', { database: 'D1', mirrored: 'D1' });
const promote = () => c.control.perform('promote', {});
const clear = () => c.control.perform('edit-async', { type: 'Read-Only Reporting', clearFailoverDb: true });
const says = (outcome: Outcome) => (outcome.ok ? 'done' : outcome.refusal.reason);

beforeAll(async () => {
  [a, c] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('GAMMA')]);
  for (const host of [a, c]) await host.control.perform('enable-mirror-service', {});
  await a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A' });
  const agent = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
  await c.control.perform('join-mirror', { mirror: 'DEMO', type: 'Disaster Recovery', member: 'C', ...agent });
  for (const host of [a, c]) expect(await create(host)).toMatchObject({ ok: true });
}, 60_000);

afterAll(async () => {
  for (const host of [c, a]) await host?.close();
}, 30_000);

test.each([
  ['promoted first', () => Promise.all([promote(), clear()])],
  [
    'made another kind first',
    () => Promise.all([clear(), promote()]).then(([cleared, promoted]) => [promoted, cleared]),
  ],
] as const)('FO-077 CFG-050 DB-039 DB-042: %s', async (_, both) => {
  const [promoted, cleared] = (await both()) as [Outcome, Outcome];
  const isCleared = isFlagCleared(c.instance.catalog.find('D1')?.attribute);
  expect([says(promoted), says(cleared)].filter((said) => said === 'done')).toHaveLength(1);
  const report = await c.reach(({ type }) => type === (promoted.ok ? 'Failover' : 'Read-Only Reporting'));
  expect(isCleared).toBe(!promoted.ok);
  await a.reach(({ members }) => members.some(({ name, type }) => name === 'C' && type === report.type));
  if (!promoted.ok) return;
  await c.reach(({ status }) => status === 'Backup');
  expect(says(await c.control.perform('demote', {}))).toBe('done');
  await c.reach(({ type }) => type === 'Disaster Recovery');
});

test('DB-042 FO-077: with the flag cleared it is promoted neither as a reporting async nor after that', async () => {
  await c.reach(({ type, status }) => type === 'Disaster Recovery' || status === 'Connected');
  if ((await c.control.status()).type === 'Disaster Recovery') expect(says(await clear())).toBe('done');
  expect(says(await promote())).toBe('not-dr');
  expect(says(await c.control.perform('edit-async', { type: 'Disaster Recovery' }))).toBe('flag-cleared');
});
