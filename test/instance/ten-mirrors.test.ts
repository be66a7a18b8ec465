/** The limit of mirrors that a reporting async may be in, with ten primaries on hosts of their own in this process. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Outcome } from '../../src/protocol/control-commands.ts';
import { startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

const count = 11;
const mirrorOf = (index: number) => `M${index + 1}`;
const primaries: WholeHost[] = [];
let r: WholeHost;
let c: WholeHost;

const reason = (outcome: Outcome) => (outcome.ok ? 'done' : outcome.refusal.reason);
const spec = (outcome: Outcome) => (outcome.ok ? null : outcome.refusal.spec);

function joinNth(host: WholeHost, index: number, type: 'Read-Only Reporting' | 'Disaster Recovery') {
  return host.control.perform('join-mirror', {
    mirror: mirrorOf(index),
    type,
    otherAgentAddress: '127.0.0.1',
    otherAgentPort: primaries[index]?.agentPort ?? 0,
    otherInstance: `P${index + 1}`,
    ...(index === 0 ? { member: type === 'Disaster Recovery' ? 'C' : 'R' } : {}),
  });
}

beforeAll(async () => {
  for (let index = 0; index < count; index += 1) {
    const host = await startWholeHost(`P${index + 1}`);
    primaries.push(host);
    await host.control.perform('enable-mirror-service', {});
    await host.control.perform('create-mirror', { mirror: mirrorOf(index), member: 'P' });
  }
  [r, c] = [await startWholeHost('RHO'), await startWholeHost('GAMMA')];
  for (const host of [r, c]) await host.control.perform('enable-mirror-service', {});
}, 120_000);

afterAll(async () => {
  for (const host of [r, c, ...primaries]) await host?.close();
}, 60_000);

test('PROC-003 CFG-008: ten mirrors are joined under one name and one type, an eleventh is refused, and all are there after a restart', async () => {
  for (let index = 0; index < count - 1; index += 1) {
    expect(reason(await joinNth(r, index, 'Read-Only Reporting'))).toBe('done');
  }
  const eleventh = await joinNth(r, count - 1, 'Read-Only Reporting');
  expect([reason(eleventh), spec(eleventh)]).toEqual(['mirrors-full', 'CFG-008']);
  expect((await r.control.describe()).commands['join-mirror']).toMatchObject({ reason: 'mirrors-full' });
  const ten = Array.from({ length: count - 1 }, (_, index) => mirrorOf(index));
  expect((await r.control.describe()).mirrors).toEqual(ten);
  await r.restart();
  for (const mirror of ten) {
    r.control.mirror = mirror;
    const report = await r.reach(({ status }) => status === 'Connected');
    expect(report).toMatchObject({ mirror, member: 'R', type: 'Read-Only Reporting' });
  }
  r.control.mirror = undefined;
}, 120_000);

test('PROC-003 CFG-008 CFG-075: a DR async is refused a second mirror', async () => {
  expect(reason(await joinNth(c, 0, 'Disaster Recovery'))).toBe('done');
  const second = await joinNth(c, 1, 'Disaster Recovery');
  expect([reason(second), spec(second)]).toEqual(['in-a-mirror', 'CFG-075']);
}, 60_000);
