/** FO-076 with real processes: the way out for a primary that lost its backup and its arbiter in one moment. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readEvents } from '../../src/host/events-log.ts';
import { homePaths, instancePaths } from '../../src/host/home.ts';
import { nodeProcesses } from '../../src/host/processes.ts';
import { NO_EPOCH } from '../../src/mirror/terms.ts';
import { acceptChannel } from '../../src/network/opening-exchange.ts';
import { decodeAgentRequest, encodeAgentAnswer } from '../../src/protocol/agent-channel.ts';
import type { Assessment } from '../../src/protocol/assessment.ts';
import { agree } from '../../src/protocol/opening.ts';
import { type FreshLab, FreshPrograms, freshLab } from '../fixtures/fresh-programs.ts';
import { network } from '../fixtures/whole-host.ts';

const programs = new FreshPrograms();
let lab: FreshLab;

beforeAll(async () => {
  await programs.build();
  lab = await freshLab(programs, 2000);
}, 120_000);

afterAll(async () => {
  await lab?.close();
  programs.remove();
}, 60_000);

const onA = (...args: readonly string[]) => programs.run([...args, '--home', lab.homeOf('A')]);

async function statusOfA(): Promise<string> {
  return JSON.parse((await onA('status', 'A', '--json')).out).status;
}

/** Entered by rules that know of both losses; until then the arbiter may still be asked. */
async function untilInTrouble(): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while ((await statusOfA()) !== 'In Trouble' || !(await assessed()).trouble?.spec.includes('FO-036')) {
    if (performance.now() > deadlineMs) throw new Error(`A is ${await statusOfA()}, not in trouble`);
  }
}

async function assessed(): Promise<Assessment> {
  return JSON.parse((await onA('mirror', 'resume', 'A', '--dry-run', '--json')).out);
}

async function kill(path: string): Promise<void> {
  const lock = nodeProcesses.describeLock(path);
  if (lock.state !== 'held') throw new Error(`nobody holds ${path}`);
  await nodeProcesses.forceDown(lock.by, 5000);
}

/** An ISCAgent on the host of B that says of B that it runs as primary. */
async function lyingAgent(): Promise<{ close(): Promise<void> }> {
  const { members } = JSON.parse((await onA('mirror', 'show', 'A', '--json')).out);
  const mirrorSet = JSON.parse((await onA('mirror', 'show', 'A', '--json')).out);
  const { agent } = members.find((each: { name: string }) => each.name === 'B');
  const instances = [{ name: 'B', state: 'up', pid: 1 }];
  const status = { version: '0', pid: 1, address: agent.host, port: agent.port, instances, arbiterFor: [] } as const;
  const ours = {
    channels: ['agent'] as const,
    mirror: null,
    member: '',
    instance: '',
    epoch: NO_EPOCH,
    requireTls: false,
  };
  return await network.listen(agent.host, agent.port, async (connection) => {
    const accepted = await acceptChannel(connection, (open) => agree(open, ours), 5000);
    if (accepted.state !== 'opened') return;
    connection.onFrames((frames) => {
      for (const request of frames.map(decodeAgentRequest)) {
        const answer = request.type === 'status' ? status : { mirrorSet, member: 'B', primary: 'B' };
        const { kind, body } = encodeAgentAnswer({ number: request.number, answer } as never);
        connection.send(kind, body);
      }
    });
  });
}

test('FO-076: a primary that is not in such a state has nothing to resume from', async () => {
  expect(await onA('mirror', 'resume', 'A', '--confirm', 'A')).toMatchObject({
    code: 1,
    err: expect.stringContaining('not a primary in trouble state without a time limit'),
  });
});

test('FO-036 FO-058 FO-076: without --confirm it says what is known, and what the operator vouches for', async () => {
  const [b, x] = [instancePaths(lab.homeOf('B'), 'B').lock, homePaths(lab.homeOf('X')).agentStatus];
  await Promise.all([kill(b), kill(x)]);
  await untilInTrouble();
  const { code, out, err } = await onA('mirror', 'resume', 'A');
  expect(out).toMatch(/^In trouble state since: +\d{4}-\d\d-\d\dT/);
  expect(out).toMatch(/^Because: +.*\(FO-036 FO-048\)$/m);
  expect(out).toMatch(/^ISCAgent of B: +says that its instance is down$/m);
  expect(out).toMatch(/^Arbiter: +does not answer$/m);
  expect(out).toMatch(/^In file: +.*MIRROR-LAB-\d{8}\.\d{3}$/m);
  expect(out).toMatch(
    /vouches that B\n {2}is down,\n {2}never became primary, and\n {2}created no later mirror journal file\.\n/,
  );
  expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining('give --confirm A') });
  expect(await onA('mirror', 'resume', 'A', '--confirm', 'B')).toMatchObject({ code: 2 });
  expect(await statusOfA()).toBe('In Trouble');
}, 60_000);

test('FO-036 DB-001: which databases the mirror has is not changed meanwhile: it would wait without a time limit', async () => {
  expect(await onA('database', 'create', 'A', 'PLAIN')).toMatchObject({ code: 0 });
  for (const words of [
    ['create', 'A', 'NEW', '--mirrored', 'NEW'],
    ['add', 'A', 'PLAIN'],
    ['remove', 'A', 'DATA'],
  ]) {
    expect(await onA('database', ...words)).toMatchObject({
      code: 1,
      err: expect.stringContaining('in trouble state'),
    });
  }
  expect((await onA('database', 'list', 'A')).out).not.toMatch(/^NEW/m);
}, 30_000);

test('FO-076: refused when the agent of the other says that it runs as primary', async () => {
  await kill(homePaths(lab.homeOf('B')).agentStatus);
  const liar = await lyingAgent();
  try {
    expect((await assessed()).trouble).toMatchObject({ other: 'B', agentSays: 'is-primary' });
    expect(await onA('mirror', 'resume', 'A', '--confirm', 'A')).toMatchObject({
      code: 1,
      err: expect.stringContaining('B is running as primary; shut this one down'),
    });
  } finally {
    await liar.close();
  }
  expect(await statusOfA()).toBe('In Trouble');
}, 60_000);

test('FO-076 PROC-030: it resumes with a new epoch, takes updates, and the other comes back as its backup', async () => {
  const now = await assessed();
  expect(now).toMatchObject({ refusal: null, trouble: { agentSays: 'no-answer', arbiterSays: 'no-answer' } });
  expect(await onA('mirror', 'resume', 'A', '--confirm', 'A', '--situation', String(now.situation + 1))).toMatchObject({
    code: 1,
    err: expect.stringMatching(/the situation has changed since it was shown: its number is of no .*; see --dry-run/),
  });
  expect(await onA('mirror', 'resume', 'A', '--confirm', 'a', '--situation', String(now.situation))).toMatchObject({
    code: 0,
  });
  expect(await statusOfA()).toBe('Primary');
  expect(await onA('global', 'A', 'set', '^AFTER(1)', 'x')).toMatchObject({ code: 0 });
  const took = readEvents(join(instancePaths(lab.homeOf('A'), 'A').events), 0).findLast(
    ({ what }) => what === 'takes over',
  );
  expect(took).toMatchObject({
    rules: ['FO-076'],
    facts: { evidence: expect.stringContaining('it was confirmed that B is down, never became primary') },
  });
  await programs.runWell('lab', 'up', '--home', lab.home);
  expect(JSON.parse(await programs.runWell('status', 'B', '--json', '--home', lab.homeOf('B'))).status).toBe('Backup');
}, 90_000);
