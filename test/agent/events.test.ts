import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { openEventsLog } from '../../src/host/events-log.ts';
import { nodeHost } from '../../src/host/node-host.ts';
import { fetchEvents } from '../../src/network/agent-client.ts';
import { eventsToldMax } from '../../src/protocol/agent-channel.ts';
import { caught, makeInstanceProgram, network, TestHost } from './host.ts';

let directory: string;
let program: string;
let host: TestHost;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-agent-program-'));
  program = makeInstanceProgram(directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => host.close());

const noted = () => host.events.after(0).map(({ what, rules, facts }) => ({ what, rules, facts }));

describe('what an agent decides about its instance', () => {
  test('FO-022, AGT-003: "it runs" is noted once however often it is asked, then that it was called down, and how', async () => {
    host = await new TestHost(program).open();
    const child = await host.startInstance('Primary');
    for (let count = 0; count < 3; count += 1) await host.askDown('confirm-down', 3);
    expect(noted()).toEqual([
      {
        what: 'did not call IRIS down: it runs',
        rules: ['FO-022'],
        facts: expect.objectContaining({
          mirror: 'DEMO',
          requester: 'BETA',
          saw: 'serves-as-primary',
          pid: child.pid,
          epoch: 3,
        }),
      },
    ]);
    await host.kill(child);
    await host.askDown('confirm-down', 3);
    const facts = { saw: 'dead', pid: null, waitedFor: 'BETA', fenced: true, because: 'its process does not exist' };
    expect(noted()[1]).toEqual({ what: 'called IRIS down', rules: ['AGT-003'], facts: expect.objectContaining(facts) });
  });

  test('FO-009: one that is killed, and one that cannot be', async () => {
    host = await new TestHost(program).open();
    await host.startInstance('Primary', 2);
    await host.askDown('force-down', 3);
    expect(noted().map(({ what, rules }) => [what, ...rules])).toEqual([
      ['forced IRIS down', 'FO-039'],
      ['called IRIS down', 'FO-039'],
    ]);
    await host.close();
    host = await new TestHost(program).open({ forceDown: async () => 'unkillable' });
    await host.startInstance('Primary', 2);
    await host.askDown('force-down', 3);
    expect(noted().map(({ what }) => what)).toEqual(['did not call IRIS down: it cannot be killed']);
  });
});

describe('events over the agent', () => {
  const fetch = (instance: string, mirror = 'DEMO', after = 0) =>
    fetchEvents(network, host.call, { instance, mirror, after }, nodeHost.clock);

  test('an instance that is down tells all it noted, in answers of limited length, and what time it is there', async () => {
    host = await new TestHost(program).open();
    const events = openEventsLog(host.paths.events);
    const count = 2 * eventsToldMax + 5;
    const facts = { because: 'a test' };
    for (let number = 1; number <= count; number += 1) {
      events.append({
        at: '2026-01-31T12:00:00.000Z',
        member: 'ALPHA',
        what: `event ${number}`,
        rules: ['FO-001'],
        facts,
      });
    }
    events.close();
    const told = await fetch('iris');
    expect(told.events.map(({ number }) => number)).toEqual(Array.from({ length: count }, (_, index) => index + 1));
    expect(Math.abs(told.clock.offsetMs)).toBeLessThanOrEqual(told.clock.uncertaintyMs);
    expect((await fetch('IRIS', 'DEMO', count - 1)).events).toHaveLength(1);
    const one = await host.ask({ type: 'tell-events', instance: 'IRIS', mirror: 'DEMO', after: 0, countMax: 1e6 });
    expect(one).toMatchObject({ more: true });
    expect(one.events).toHaveLength(eventsToldMax);
  });

  test('the clock of a host that is wrong is found out', async () => {
    host = await new TestHost(program).open();
    const clock = { nowMs: nodeHost.clock.nowMs, wallMs: () => nodeHost.clock.wallMs() + 3_600_000 };
    const about = { instance: '', mirror: 'DEMO', after: 0 };
    const { clock: offset } = await fetchEvents(network, host.call, about, clock);
    expect(Math.abs(offset.offsetMs + 3_600_000)).toBeLessThanOrEqual(offset.uncertaintyMs);
  });

  test('of its own the agent tells only what concerns the mirror; an instance of another mirror tells nothing', async () => {
    host = await new TestHost(program).open();
    await host.askDown('confirm-down', 3);
    expect((await fetch('', 'demo')).events.map(({ what }) => what)).toEqual(['called IRIS down']);
    expect((await fetch('', 'OTHER')).events).toEqual([]);
    expect(await caught(fetch('IRIS', 'OTHER'))).toMatchObject({ reason: 'no-mirror' });
    expect(await caught(fetch('ELSE'))).toMatchObject({ reason: 'no-instance' });
  });
});
