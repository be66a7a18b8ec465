/** Network addresses: who may change which, and how the others learn of it, over real sockets. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { CommandArguments, Outcome } from '../../src/protocol/control-commands.ts';
import { freePort, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let b: WholeHost;
let c: WholeHost;

beforeAll(async () => {
  [a, b, c] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('BETA'), startWholeHost('GAMMA')]);
  for (const host of [a, b, c]) await done(host.control.perform('enable-mirror-service', {}));
  await done(a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A', qosTimeoutMs: 2000 }));
  const other = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
  await done(b.control.perform('join-mirror', { mirror: 'DEMO', type: 'Failover', member: 'B', ...other }));
  await done(c.control.perform('join-mirror', { mirror: 'DEMO', type: 'Disaster Recovery', member: 'C', ...other }));
}, 30_000);

afterAll(async () => {
  for (const host of [c, b, a]) await host?.close();
}, 20_000);

async function done(work: Promise<Outcome>): Promise<string> {
  const outcome = await work;
  if (!outcome.ok) throw new Error(`${outcome.outcome}: ${outcome.refusal.text}`);
  return outcome.text;
}

const edit = (host: WholeHost, given: CommandArguments['edit-addresses']) =>
  host.control.perform('edit-addresses', given);

async function refusal(work: Promise<Outcome>): Promise<string> {
  const outcome = await work;
  return outcome.ok ? `done: ${outcome.text}` : `${outcome.refusal.reason} ${outcome.refusal.spec}`;
}

const definition = (host: WholeHost, name: string) =>
  host.instance.configuration.get().mirrorSet?.members.find((member) => member.name === name);

describe('on the primary', () => {
  test('CFG-056: addresses of any member are changed there and told to the others at once', async () => {
    const text = await done(edit(a, { member: 'C', privateAddress: 'localhost' }));
    expect(text).toMatch(/mirror private address localhost, .*the other members are told/);
    for (const host of [b, c]) await host.reach(() => definition(host, 'C')?.privateAddress === 'localhost');
    await done(edit(a, { agentAddress: 'localhost' }));
    for (const host of [b, c]) await host.reach(() => definition(host, 'A')?.agent.host === 'localhost');
    expect(await done(edit(a, { agentAddress: 'localhost' }))).toMatch(/nothing was changed/);
    await done(edit(a, { member: 'C', privateAddress: null }));
    await c.reach(() => definition(c, 'C')?.privateAddress === null);
  });

  test('CFG-057 AGT-015: what is refused there changes nothing', async () => {
    const before = a.instance.configuration.get().mirrorSet?.revision;
    expect(await refusal(edit(a, { member: 'B', superserverPort: 4711 }))).toBe('not-here CFG-057');
    expect(await refusal(edit(a, { member: 'NOBODY', agentPort: 1 }))).toBe('no-member CFG-056');
    expect(await refusal(edit(a, { member: 'B' }))).toBe('nothing-to-do CFG-056');
    expect(await refusal(edit(a, { superserverPort: b.superserverPort }))).toBe('address-taken CFG-065');
    const arbiter = { host: '127.0.0.9', port: 2188 };
    await done(a.control.perform('edit-mirror', { arbiter }));
    const onArbiter = edit(a, { member: 'C', agentAddress: arbiter.host, agentPort: arbiter.port });
    expect(await refusal(onArbiter)).toBe('arbiter-on-member AGT-015');
    await done(a.control.perform('edit-mirror', { arbiter: null }));
    expect(a.instance.configuration.get().mirrorSet?.revision).toBe((before ?? 0) + 2);
  });

  test('CFG-012: an address at which nothing answers is told of', async () => {
    const port = await freePort();
    const text = await done(edit(a, { member: 'C', agentPort: port }));
    expect(text).toMatch(new RegExp(`nothing answers now at agent 127.0.0.1:${port}$`));
    expect(await done(edit(a, { member: 'C', agentPort: c.agentPort }))).not.toMatch(/nothing answers/);
  });
});

describe('on another member', () => {
  test('CFG-058: while it is connected, nothing but its own superserver port', async () => {
    for (const host of [b, c]) {
      await host.reach(({ primary }) => primary === 'A');
      expect(await refusal(edit(host, { agentPort: 4711 }))).toBe('not-primary CFG-058');
      expect(await refusal(edit(host, { member: 'A', privateAddress: 'localhost' }))).toBe('not-primary CFG-058');
    }
  });

  test('CFG-057: its superserver port is changed there, at once, and all others learn of it', async () => {
    const taken = await refusal(edit(b, { superserverPort: a.agentPort }));
    expect(taken).toBe('port-not-free CFG-057');
    const port = await freePort();
    await done(edit(b, { superserverPort: port }));
    for (const host of [a, c]) await host.reach(() => definition(host, 'B')?.superserver.port === port);
    await b.restart();
    expect(b.instance.configuration.get().superserver.port).toBe(port);
    await b.reach(({ status }) => status === 'Backup');
  }, 20_000);

  test('CFG-057: one that changed it while no primary was there tells it at the next contact', async () => {
    await done(c.control.perform('stop-mirror', {}));
    const port = await freePort();
    expect(await done(edit(c, { superserverPort: port }))).toMatch(/the primary is told when it is met/);
    expect(definition(a, 'C')?.superserver.port).not.toBe(port);
    await done(c.control.perform('start-mirror', {}));
    await a.reach(() => definition(a, 'C')?.superserver.port === port);
    await c.reach(() => definition(c, 'C')?.superserver.port === port);
  }, 20_000);

  test('CFG-059 CFG-060: without a primary its recorded addresses are corrected, until the primary says what is right', async () => {
    for (const host of [b, c]) await done(host.control.perform('stop-mirror', {}));
    expect(await refusal(edit(c, { member: 'C', agentAddress: 'localhost' }))).toBe('not-here CFG-059');
    for (const host of [b, c]) {
      await done(edit(host, { member: 'A', privateAddress: 'localhost' }));
      expect(definition(host, 'A')?.privateAddress).toBe('localhost');
    }
    await done(edit(b, { member: 'C', agentAddress: 'localhost' }));
    for (const host of [b, c]) await done(host.control.perform('start-mirror', {}));
    for (const host of [b, c]) await host.reach(() => definition(host, 'A')?.privateAddress !== 'localhost');
    await b.reach(() => definition(b, 'C')?.agent.host !== 'localhost');
  }, 20_000);

  test('CFG-061: an async falls back to the superserver address, a would-be backup waits for the private one', async () => {
    for (const host of [b, c]) await done(host.control.perform('stop-mirror', {}));
    const silent = '127.0.0.66';
    expect(await done(edit(a, { privateAddress: silent }))).toMatch(/nothing answers now at mirror private address/);
    for (const host of [b, c]) {
      await done(edit(host, { member: 'A', privateAddress: silent }));
      await done(host.control.perform('start-mirror', {}));
    }
    await c.reach(({ status, primary }) => status === 'Connected' && primary === 'A');
    const waits = await b.reach(({ waitingFor }) => waitingFor?.includes(silent) === true);
    expect(waits.status).not.toBe('Backup');
    // What has to be corrected on it, too, since nobody can tell it.
    await done(edit(a, { privateAddress: null }));
    await done(edit(b, { member: 'A', privateAddress: null }));
    await b.reach(({ status }) => status === 'Backup');
    await c.reach(() => definition(c, 'A')?.privateAddress === null);
  }, 30_000);

  test('CFG-060: what a failover member corrected is handed out once it is primary', async () => {
    await done(b.control.perform('stop-mirror', {}));
    await done(edit(b, { member: 'C', agentAddress: 'localhost' }));
    await a.stopAgent();
    await a.instance.member?.order({ command: 'stop-instance', noFailover: true });
    await a.instance.ended;
    await done(b.control.perform('start-mirror', {}));
    await done(b.control.perform('force-primary', {}));
    await c.reach(({ primary }) => primary === 'B');
    await c.reach(() => definition(c, 'C')?.agent.host === 'localhost');
  }, 30_000);
});
