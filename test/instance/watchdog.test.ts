/** The watchdog of a primary: its count, and real processes whose event loops stand still. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { readEvents } from '../../src/host/events-log.ts';
import { homePaths, instancePaths } from '../../src/host/home.ts';
import { readMessageLine } from '../../src/host/messages-log.ts';
import { nodeProcesses } from '../../src/host/processes.ts';
import { isWatched, Standstill } from '../../src/instance/watchdog.ts';
import type { MemberState } from '../../src/mirror/member-state.ts';
import { type FreshLab, FreshPrograms, freshLab } from '../fixtures/fresh-programs.ts';

const root = process.cwd();
const qosTimeoutMs = 1000;
let directory: string;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'caretmirror-watchdog-'));
  await build({
    absWorkingDir: root,
    entryPoints: {
      'watched-loop': 'test/instance/watched-loop.ts',
      'caretmirror-watchdog': 'src/instance/watchdog-thread.ts',
    },
    outdir: directory,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  });
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the count', () => {
  const looks = (looked: readonly (readonly [atMs: number, turns: number, isArmed?: boolean])[]) => {
    const standstill = new Standstill(0);
    return looked.map(([atMs, turns, isArmed = true]) => standstill.look(atMs, { turns, isArmed, qosTimeoutMs: 1000 }));
  };
  const every100ms = (count: number, turns: (index: number) => number, from = 0) =>
    Array.from({ length: count }, (_, index) => [from + (index + 1) * 100, turns(index)] as const);

  test('FO-008: a loop that has not turned for the QoS timeout stands still', () => {
    // The first look only learns the number.
    expect(looks(every100ms(11, () => 7)).indexOf(true)).toBe(10);
  });

  test('FO-008: one turn within the QoS timeout is enough', () => {
    expect(looks(every100ms(40, (index) => Math.floor(index / 9)))).not.toContain(true);
  });

  test('FO-008: time in which the thread did not look either does not count', () => {
    const seen = looks([...every100ms(9, () => 7), [60_000, 7], ...every100ms(9, () => 7, 60_000)]);
    expect(seen).not.toContain(true);
    expect(looks([...every100ms(9, () => 7), [60_000, 7], ...every100ms(10, () => 7, 60_000)]).at(-1)).toBe(true);
  });

  test('FO-008: nothing is counted while it is not armed', () => {
    const unarmed = Array.from({ length: 30 }, (_, index) => [(index + 1) * 100, 7, false] as const);
    expect(looks(unarmed)).not.toContain(true);
  });
});

test('FO-008 FO-050 FO-072: watched is the primary that somebody could follow', () => {
  const state = (role: string, counted: string | null, noFailover = false) =>
    ({ role, serving: { counted: counted && { member: counted } }, record: { noFailover } }) as MemberState;
  expect(isWatched(state('primary', 'B'))).toBe(true);
  expect(isWatched(state('handing-over', 'B'))).toBe(true);
  expect(isWatched(state('primary', null))).toBe(false);
  expect(isWatched(state('primary', 'B', true))).toBe(false);
  for (const role of ['attached', 'seeking', 'becoming', 'stopped', 'halted', 'down'] as const) {
    expect(isWatched(state(role, 'B'))).toBe(false);
  }
});

describe('a process whose event loop stands still', () => {
  let child: ChildProcess;
  afterEach(() => {
    child.kill('SIGKILL');
  });

  async function start(role: string): Promise<{ readonly place: string; say(ms: number): Promise<unknown> }> {
    const place = mkdtempSync(join(directory, 'place-'));
    child = fork(join(directory, 'watched-loop.js'), [place, role, String(qosTimeoutMs)]);
    expect(await once(child, 'message')).toEqual(['ready', undefined]);
    const end = once(child, 'exit').then(([, signal]) => `ended by ${signal}`);
    const say = async (ms: number) => {
      child.send(ms);
      return await Promise.race([end, once(child, 'message').then(([word]) => word)]);
    };
    return { place, say };
  }

  test('FO-008 FO-009 FO-050: a primary is ended after the QoS timeout, and says why in both logs', async () => {
    const { place, say } = await start('primary');
    // A crash of the loop in the middle of an event.
    const cut = '{"number":8,"at":"2026-01-01T00:00:00.000Z","mem';
    writeFileSync(
      join(place, 'events.jsonl'),
      `{"number":7,"member":"A","what":"earlier","rules":[],"facts":{}}\n${cut}`,
    );
    const beganMs = performance.now();
    expect(await say(60_000)).toBe('ended by SIGKILL');
    const tookMs = performance.now() - beganMs;
    expect(tookMs).toBeGreaterThan(qosTimeoutMs);
    expect(tookMs).toBeLessThan(qosTimeoutMs * 5);
    const events = readEvents(join(place, 'events.jsonl'), 0);
    expect(events.map(({ number }) => number)).toEqual([7, 8]);
    expect(events[1]).toMatchObject({
      member: 'A',
      what: 'is ended: its event loop stands still',
      rules: ['FO-008', 'FO-050'],
      facts: { forMs: expect.any(Number) },
    });
    const lines = readFileSync(join(place, 'messages.log'), 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    const message = readMessageLine(lines[0] ?? '');
    expect(message).toMatchObject({ pid: child.pid, severity: 3, event: 'Generic.Event' });
    expect(message?.text).toMatch(
      /^The event loop has stood still for \d+ ms; this primary is ended \(FO-008, FO-050\)/,
    );
  });

  test('FO-008: a pause shorter than the QoS timeout harms nobody', async () => {
    const { place, say } = await start('primary');
    for (let time = 0; time < 3; time += 1) expect(await say(qosTimeoutMs * 0.6)).toBe('turns again');
    expect(existsSync(join(place, 'messages.log'))).toBe(false);
  });

  test('FO-008: a backup may stand still as long as it likes', async () => {
    const { say } = await start('attached');
    expect(await say(qosTimeoutMs * 2.5)).toBe('turns again');
  });

  test('FO-008: a process that was stopped and goes on is not ended for that time, and is watched as before', async () => {
    const { place, say } = await start('primary');
    expect(await say(1)).toBe('turns again');
    const pid = child.pid as number;
    process.kill(pid, 'SIGSTOP');
    await stopped(pid);
    // What is tested is that time passes while it stands.
    await new Promise((resolve) => setTimeout(resolve, qosTimeoutMs * 2.5));
    process.kill(pid, 'SIGCONT');
    expect(await say(qosTimeoutMs * 0.5)).toBe('turns again');
    expect(existsSync(join(place, 'messages.log'))).toBe(false);
    expect(await say(60_000)).toBe('ended by SIGKILL');
  });

  async function stopped(pid: number): Promise<void> {
    while (!/^State:\s+T/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
});

describe('a real primary', () => {
  const programs = new FreshPrograms(`--import ${pathToFileURL(join(root, 'test/fixtures/standing-still.mjs'))}`);
  let lab: FreshLab;

  beforeAll(async () => {
    await programs.build();
    lab = await freshLab(programs, qosTimeoutMs);
  }, 120_000);

  afterAll(async () => {
    await lab?.close();
    programs.remove();
  }, 60_000);

  test('FO-008 FO-009 FO-050: is ended by its own thread though nobody else could, its backup takes over, and it stays down', async () => {
    const paths = instancePaths(lab.homeOf('A'), 'A');
    // Without the agent of its host nobody can force it down.
    const agent = nodeProcesses.describeLock(homePaths(lab.homeOf('A')).agentStatus);
    const instance = nodeProcesses.describeLock(paths.lock);
    if (agent.state !== 'held' || instance.state !== 'held') throw new Error('A is not up');
    expect(await nodeProcesses.forceDown(agent.by, 5000)).toBe('down');
    while (!existsSync(`${paths.events}.watched`)) await new Promise((resolve) => setTimeout(resolve, 20));
    process.kill(instance.by.pid, 'SIGUSR2');
    expect(await nodeProcesses.waitUntilGone(instance.by, qosTimeoutMs * 5)).toBe('gone');
    expect(readEvents(paths.events, 0).at(-1)).toMatchObject({
      member: 'A',
      what: 'is ended: its event loop stands still',
      rules: ['FO-008', 'FO-050'],
    });
    expect(readFileSync(paths.messages, 'utf8')).toMatch(/\) 3 \[Generic\.Event\] The event loop has stood still for /);
    await programs.runWell('wait', 'B', '--for', 'primary', '--timeout', '30s', '--home', lab.homeOf('B'));
    expect(nodeProcesses.describeLock(paths.lock).state).toBe('free');
  }, 60_000);
});
