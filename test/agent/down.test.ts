import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Processes } from '../../src/host/host.ts';
import { nodeProcesses } from '../../src/host/processes.ts';
import { downRecord, fenced } from '../../src/mirror/agent.ts';
import { caught, epochOf, isAlive, makeInstanceProgram, record, TestHost } from './host.ts';

let directory: string;
let program: string;
let host: TestHost;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-agent-program-'));
  program = makeInstanceProgram(directory);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));
afterEach(() => host.close());

async function openHost(processes: Partial<Processes> = {}): Promise<TestHost> {
  host = await new TestHost(program).open(processes);
  return host;
}

const down = { says: 'down', record: downRecord(record) };

describe('what an instance is found to be', () => {
  test('FO-022: a primary that serves is running, and nothing is written or killed', async () => {
    await openHost();
    const child = await host.startInstance('Primary');
    expect(await host.askDown('confirm-down', 3)).toEqual({ says: 'running', primary: true, epoch: epochOf(3) });
    expect(isAlive(child)).toBe(true);
    expect(host.readRecord()).toEqual(record);
  });

  test('FO-022: a primary in trouble still operates as primary; its epoch is that of its report', async () => {
    await openHost();
    await host.startInstance('In Trouble', 4);
    expect(await host.askDown('confirm-down', 4)).toEqual({
      says: 'running',
      primary: true,
      epoch: { number: 4, owner: '', lineage: '' },
    });
  });

  test('FO-064: one that serves otherwise is left to settle its role', async () => {
    await openHost();
    const child = await host.startInstance('Waiting');
    expect(await host.askDown('force-down', 9)).toMatchObject({ says: 'running', primary: false });
    expect(isAlive(child)).toBe(true);
  });

  test('a process that has no socket yet serves: it has no rights before it has negotiated', async () => {
    await openHost();
    const child = await host.startInstance('without-socket');
    expect(await host.askDown('confirm-down', 9)).toMatchObject({ says: 'running', primary: false });
    expect(isAlive(child)).toBe(true);
  });

  test('a process that ends while it is asked about is dead, not hung', async () => {
    await openHost();
    const child = await host.startInstance('without-socket');
    const answer = host.askDown('confirm-down', 3);
    setImmediate(() => child.kill('SIGTERM'));
    expect(await answer).toEqual(down);
    expect(host.logged.join('\n')).not.toContain('Forcing');
  });

  test('AGT-002: an instance that is not here, and a mirror that it is not in, are named', async () => {
    await openHost();
    const about = { requester: 'BETA', epoch: epochOf(1), type: 'confirm-down' } as const;
    const none = await caught(host.ask({ ...about, instance: 'OTHER', mirror: 'DEMO' }));
    expect(none).toMatchObject({ code: 'agent-refused', reason: 'no-instance' });
    expect(none.message).toContain('it has IRIS');
    const wrong = await caught(host.ask({ ...about, instance: 'IRIS', mirror: 'OTHER' }));
    expect(wrong).toMatchObject({ code: 'agent-refused', reason: 'no-mirror' });
    expect(wrong.message).toContain('in mirror DEMO, not in OTHER');
    expect(host.readRecord()).toEqual(record);
  });
});

describe('down', () => {
  test('AGT-003: a dead instance is down, and the fence is on disk', async () => {
    await openHost();
    await host.kill(await host.startInstance('Primary'));
    expect(await host.askDown('confirm-down', 3)).toEqual(down);
    expect(host.readRecord()).toEqual(fenced(record, 'BETA', { number: 3, owner: 'BETA', lineage: 'x' }));
    expect(nodeProcesses.describeLock(host.paths.lock)).toEqual({ state: 'free' });
    expect(host.logged.join('\n')).toMatch(/IRIS is down, incarnation 5: told BETA \(AGT-003\)/);
  });

  test('FO-026: a hung instance is killed first, once for two who ask at the same time', async () => {
    await openHost();
    const child = await host.startInstance('Primary');
    child.kill('SIGSTOP');
    const answers = await Promise.all([host.askDown('confirm-down', 3), host.askDown('confirm-down', 3)]);
    expect(answers).toEqual([down, down]);
    expect(isAlive(child)).toBe(false);
    expect(host.logged.filter((line) => line.includes('Forcing IRIS down'))).toEqual([
      expect.stringContaining('FO-026'),
    ]);
  });

  test('FO-026: one that takes the call and gives no answer is hung too', async () => {
    await openHost();
    const child = await host.startInstance('silent');
    expect(await host.askDown('confirm-down', 3)).toEqual(down);
    expect(isAlive(child)).toBe(false);
  });

  test('FO-009, FO-039: a primary of an older epoch is killed; forced down by a newer one only', async () => {
    await openHost();
    const child = await host.startInstance('Primary');
    expect(await host.askDown('force-down', 3)).toMatchObject({ says: 'running', primary: true });
    expect(isAlive(child)).toBe(true);
    expect(await host.askDown('force-down', 4)).toEqual(down);
    expect(isAlive(child)).toBe(false);
    expect(host.readRecord()?.fence).toEqual({ requester: 'BETA', epoch: { number: 5, owner: 'BETA', lineage: 'x' } });
    const second = await host.startInstance('Primary', 3);
    expect(await host.askDown('confirm-down', 4)).toEqual(down);
    expect(isAlive(second)).toBe(false);
  });

  test('AGT-003: nothing is concluded of a process that cannot be killed', async () => {
    await openHost({ forceDown: async () => 'unkillable' });
    (await host.startInstance('silent')).kill('SIGSTOP');
    expect(await host.askDown('confirm-down', 3)).toEqual({ says: 'unkillable' });
    expect(host.readRecord()).toEqual(record);
  });

  test('AGT-003: one that is started between its end and the answer is running', async () => {
    await openHost({
      forceDown: async (target, timeoutMs) => {
        const end = await nodeProcesses.forceDown(target, timeoutMs);
        await host.startInstance('Waiting');
        return end;
      },
    });
    await host.startInstance('silent');
    expect(await host.askDown('confirm-down', 3)).toEqual({ says: 'running', primary: false, epoch: epochOf(3) });
    expect(host.readRecord()).toEqual(record);
  });

  test('FO-023: a record that cannot be read is said to be so, and stays as it is', async () => {
    await openHost();
    writeFileSync(host.paths.member, '{"checksum":"0","value":{}}');
    expect(await host.askDown('confirm-down', 3)).toEqual({ says: 'down', record: null });
    expect(host.readRecord()).toBeNull();
  });

  test('a damaged configuration does not stop the answer', async () => {
    await openHost();
    writeFileSync(host.paths.configuration, '{');
    expect(await host.askDown('confirm-down', 3)).toEqual(down);
  });

  test('AGT-003, FO-084: a member that a promotion has replaced gets the new list, and ValidatedMember 0, into its record', async () => {
    await openHost();
    const list = { epoch: record.epoch.number, number: 7, names: ['GAMMA', 'BETA'] };
    const about = { instance: 'iris', mirror: 'DEMO', requester: 'BETA', epoch: epochOf(3), failoverMembers: list };
    await host.ask({ ...about, type: 'look-down' });
    expect(host.readRecord()).toEqual(record);
    expect(await host.ask({ ...about, type: 'confirm-down' })).toMatchObject({
      says: 'down',
      record: { failoverMembers: list },
    });
    const replaced = { ...record, failoverMembers: list, validatedMember: false, wasActive: null };
    expect(host.readRecord()).toEqual(fenced(replaced, 'BETA', epochOf(3)));
    const again = { ...list, number: 8, names: ['ALPHA', 'BETA'] };
    await host.ask({ ...about, type: 'confirm-down', failoverMembers: again });
    expect(host.readRecord()).toMatchObject({ failoverMembers: again, validatedMember: true });
  });

  test('AGT-003: a fence that cannot be written is no "down"', async () => {
    await openHost({
      acquireLock: () => {
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      },
    });
    expect(await host.askDown('confirm-down', 3)).toMatchObject({
      says: 'nothing',
      reason: expect.stringContaining('ENOSPC'),
    });
  });
});

describe('a member that was removed', () => {
  const about = { instance: 'iris', mirror: 'DEMO' } as const;
  const question = { ...about, requester: 'BETA', epoch: epochOf(9) } as const;

  test('CFG-069: is told so, may have nothing forced down, and gets no journal', async () => {
    await openHost();
    const child = await host.startInstance('Primary');
    for (const type of ['confirm-down', 'force-down'] as const) {
      const answer = await host.askKnowing(0, { ...question, type });
      expect(answer).toEqual({ says: 'removed', removeAttribute: true });
    }
    expect(isAlive(child)).toBe(true);
    await host.kill(child);
    expect(await host.askKnowing(0, { ...question, type: 'confirm-down' })).toMatchObject({ says: 'removed' });
    expect(host.readRecord()).toEqual(record);
    const offer = host.askKnowing(0, { ...about, type: 'offer-journal', incarnation: 5 });
    expect(await caught(offer)).toMatchObject({ code: 'agent-refused', reason: 'removed' });
  });

  test('CFG-069: one that has joined again since knows a newer set, and is answered', async () => {
    await openHost();
    expect(await host.askKnowing(1, { ...question, type: 'confirm-down' })).toEqual(down);
  });
});
