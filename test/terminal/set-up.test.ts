/** A mirror from nothing through the menus, on a terminal and from pipes; recorded and replayed. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { programPath, type Ran, runProgram, runWell } from '../fixtures/program.ts';
import { lacks, Screen } from './screen.ts';

const whyNot = lacks('tmux');
const testTmux = whyNot === null ? test : test.skip;
const homes: string[] = [];
let hosts = 0;

/** With an address, an agent and a running instance. */
interface Host {
  readonly home: string;
  readonly address: string;
}

async function host(name: string): Promise<Host> {
  hosts += 1;
  const address = `127.252.${process.pid % 250}.${hosts}`;
  const home = mkdtempSync(join(tmpdir(), 'caretmirror-terminal-'));
  homes.push(home);
  await runWell(['instance', 'create', name, '--address', address, '--home', home]);
  await runWell(['agent', 'start', '--address', address, '--home', home]);
  await runWell(['instance', 'start', name, '--home', home]);
  return { home, address };
}

afterAll(async () => {
  for (const home of homes) {
    for (const name of ['ONE', 'TWO']) await runProgram(['instance', 'force', name, '--home', home]);
    await runProgram(['agent', 'stop', '--home', home]);
    rmSync(home, { recursive: true, force: true });
  }
});

const enable = ['1', 'y'];
/** Create: name, TLS, arbiter, VIP, compressions, member, address, agent port, QoS, parallel, private and agent address. */
const create = ['1', 'DEMO', '', '', '', '', '', 'ONE', '', '', '2000', '', '', '', 'y'];

async function statusOf(home: string): Promise<Record<string, unknown>> {
  return JSON.parse((await runWell(['status', '--json', '--home', home])).out);
}

testTmux('CFG-004, CFG-024, PROC-001: a mirror is created from nothing, and joined from a second host', async () => {
  const [first, second] = [await host('ONE'), await host('TWO')];
  const screen = new Screen(['--home', first.home]);
  try {
    await screen.answerAll([...enable, ...create]);
    await screen.until(/mirror DEMO is created/i);
    await runWell(['wait', '--for', 'primary', '--home', first.home]);
  } finally {
    screen.close();
  }
  const other = new Screen(['--home', second.home]);
  try {
    const join = ['2', 'DEMO', first.address, '', 'ONE', 'TWO', '', '', '', '', 'y'];
    await other.answerAll([...enable, ...join]);
    await other.until(/in mirror DEMO|joined mirror DEMO/);
  } finally {
    other.close();
  }
  await runWell(['wait', '--for', 'active', '--home', first.home]);
  expect(await statusOf(second.home)).toMatchObject({
    mirror: 'DEMO',
    member: 'TWO',
    status: 'Backup',
    primary: 'ONE',
  });
});

testTmux('in an empty home it offers an instance, starts it and its agent, and opens the mirror menus', async () => {
  hosts += 1;
  const address = `127.252.${process.pid % 250}.${hosts}`;
  const home = mkdtempSync(join(tmpdir(), 'caretmirror-terminal-'));
  homes.push(home);
  const screen = new Screen(['--home', home]);
  try {
    await screen.untilPrompt('Option?');
    screen.answer('1');
    await screen.until(/Instance Name\? <IRIS>\s*$/);
    screen.answer('^');
    await screen.until(/Nothing was changed[\s\S]*Option\?\s*$/);
    screen.answer('Create');
    await screen.until(/Instance Name\? <IRIS>\s*$/);
    screen.answer('one');
    await screen.until(/Address of this host\? <[^>]+>\s*$/);
    screen.answer(address);
    await screen.until(/instance ONE is up[\s\S]*1\) Enable Mirror Service[\s\S]*Option\?\s*$/, 60_000);
    screen.answer('');
    await screen.until('--- exit 0');
  } finally {
    screen.close();
  }
  expect(await statusOf(home)).toMatchObject({ instance: 'ONE', mirror: null });
  expect(JSON.parse((await runWell(['agent', 'status', '--json', '--home', home])).out)).toMatchObject({ address });
});

describe('from a pipe', () => {
  const answers = [...enable, ...create, ''].join('\n');
  for (const [how, chunks] of [
    ['in one chunk', [`${answers}\n`]],
    ['byte by byte', [...`${answers}\n`]],
    ['with CR and LF', [`${answers}\n`.replaceAll('\n', '\r\n')]],
    ['without a final newline', [answers]],
  ] as const) {
    test(`all answers arrive ${how}`, async () => {
      const { home } = await host('ONE');
      const ran = await piped(['--home', home], chunks);
      expect(ran).toMatchObject({ code: 0, err: '' });
      expect(ran.out).toMatch(/mirror DEMO is created/i);
      expect(ran.out).not.toContain('\x1b');
      expect(await statusOf(home)).toMatchObject({ mirror: 'DEMO', member: 'ONE' });
    });
  }

  test('answers that end within an action abandon it: exit 3, nothing changed', async () => {
    const { home } = await host('ONE');
    const ran = await piped(['--home', home], [[...enable, ...create.slice(0, -1)].join('\n')]);
    expect(ran.code).toBe(3);
    expect(ran.err.trim().split('\n')).toHaveLength(1);
    expect(await statusOf(home)).toMatchObject({ mirror: null });
  });

  test('a recorded session is replayed on another host', async () => {
    const [first, second] = [await host('ONE'), await host('ONE')];
    const file = join(first.home, 'answers.txt');
    expect(
      (await piped(['session', 'ONE', 'MIRROR', '--record', file, '--home', first.home], [`${answers}\n`])).code,
    ).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/# .*Mirror Name\?/);
    const replayed = await runProgram(['session', 'ONE', 'MIRROR', '--answers', file, '--home', second.home]);
    expect(replayed).toMatchObject({ code: 0, err: '' });
    expect(replayed.out).toMatch(/mirror DEMO is created/i);
  });
});

test('the command lines that the menus print make the same pair on other hosts, and change nothing when they are given again', async () => {
  const [first, second] = [await host('ONE'), await host('TWO')];
  const join = ['2', 'DEMO', first.address, '', 'ONE', 'TWO', '', '', '', '', 'y'];
  const adjust = ['3', 'Adjust', '2500', 'y', '', '2', 'Change No', 'yes'];
  const lines: string[] = [];
  for (const [home, answers] of [
    [first.home, [...enable, ...create]],
    [second.home, [...enable, ...join]],
    [first.home, adjust],
  ] as const) {
    const ran = await piped(['--home', home], [answers.map((each) => `${each}\n`).join('')]);
    expect(ran).toMatchObject({ code: 0, err: '' });
    lines.push(...[...ran.out.matchAll(/^Command line: caretmirror (.*)$/gm)].map(([, line]) => line ?? ''));
  }
  expect(lines).toHaveLength(6);

  const [third, fourth] = [await host('ONE'), await host('TWO')];
  const swap = (text: string, from: readonly Host[], to: readonly Host[]): string =>
    from.reduce((done, { home, address }, index) => {
      return done.replaceAll(home, to[index]?.home ?? '').replaceAll(address, to[index]?.address ?? '');
    }, text);
  const run = (line: string): Ran => {
    const program = `'${process.execPath}' '${programPath()}' ${swap(line, [first, second], [third, fourth])}`;
    const { status, stdout, stderr } = spawnSync('sh', ['-c', program], { encoding: 'utf8', timeout: 100_000 });
    return { code: status ?? -1, out: stdout, err: stderr };
  };
  for (const line of lines) expect({ line, ...run(line) }).toMatchObject({ line, code: 0 });
  const shown = async (home: string): Promise<string> =>
    (await runWell(['mirror', 'show', '--json', '--home', home, 'ONE'])).out;
  const made = await shown(third.home);
  const whole = (text: string): unknown => ({ ...JSON.parse(text), epoch: null, revision: null });
  expect(whole(swap(made, [third, fourth], [first, second]))).toEqual(whole(await shown(first.home)));
  expect(await statusOf(third.home)).toMatchObject({
    mirror: 'DEMO',
    member: 'ONE',
    noFailover: true,
    qosTimeoutMs: 2500,
  });
  const again = lines.map((line) => run(line));
  expect(again.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0, 0]);
  expect(again.map(({ out, err }) => out + err).join('')).toMatch(/already[\s\S]*already[\s\S]*already[\s\S]*already/);
  expect(await shown(third.home)).toBe(made);
});

/** Each chunk is written when the one before has left. */
async function piped(args: readonly string[], chunks: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [programPath(), ...args], { env: { ...process.env, NODE_OPTIONS: '' } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ended = new Promise<number>((resolve) => child.on('close', (code) => resolve(code ?? -1)));
  for (const chunk of chunks) await new Promise((resolve) => child.stdin.write(chunk, resolve));
  child.stdin.end();
  return { code: await ended, out, err };
}
