import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { refOf } from '../../src/host/process-table.ts';
import { nodeProcesses } from '../../src/host/processes.ts';
import { askAgent } from '../../src/network/agent-client.ts';
import { makeOpen } from '../../src/protocol/opening.ts';
import { makeProgram } from '../host/program.ts';
import { caught, freePort, network } from './host.ts';

let directory: string;
let program: string;
const children: ChildProcess[] = [];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-iscagent-'));
  program = makeProgram(
    directory,
    'iscagent',
    "import { main } from 'src/agent/main.ts'; process.exitCode = await main(process.argv.slice(2));",
  );
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

function start(home: string, ...args: string[]): ReturnType<typeof nodeProcesses.startDaemon> {
  return nodeProcesses.startDaemon({
    program: process.execPath,
    args: [program, '--home', home, ...args],
    logPath: join(directory, 'iscagent.log'),
    timeoutMs: 10_000,
  });
}

const ask = (port: number) =>
  askAgent(
    network,
    { host: '127.0.0.1', port, timeoutMs: 5000, open: makeOpen({ channel: 'agent' }) },
    { type: 'status' },
  );

describe('the program caretmirror-iscagent', () => {
  test('AGT-008, AGT-011: serves as iscagent.conf says, alone on its host, and leaves nothing behind', async () => {
    const home = mkdtempSync(join(directory, 'home-'));
    const port = await freePort();
    const conf = `application_server.port=${port}\napplication_server.interface_address=127.0.0.1\nstrange=1\n`;
    writeFileSync(join(home, 'iscagent.conf'), conf);
    const { pid, ready } = await start(home);
    const agent = refOf(pid)!;
    try {
      expect(ready).toEqual({ ready: true, address: '127.0.0.1', port });
      expect(await ask(port)).toMatchObject({ pid, port, version: expect.any(String), instances: [], arbiterFor: [] });
      const lock = nodeProcesses.describeLock(join(home, 'iscagent.status'));
      expect(lock).toMatchObject({ state: 'held', by: { pid, kind: 'agent', about: { address: '127.0.0.1', port } } });
      const second = await caught(start(home, '--port', String(await freePort())));
      expect(second.message).toMatch(new RegExp(`^an ISCAgent serves this host already: .*pid ${pid}`));
      const other = mkdtempSync(join(directory, 'home-'));
      const taken = await caught(start(other, '--address', '127.0.0.1', '--port', String(port)));
      expect(taken.message).toBe(`127.0.0.1:${port} is in use by another program; stop it or choose another port`);
      expect(existsSync(join(other, 'iscagent.status'))).toBe(false);
    } finally {
      nodeProcesses.askToEnd(agent);
      expect(await nodeProcesses.waitUntilGone(agent, 5000)).toBe('gone');
    }
    expect(existsSync(join(home, 'iscagent.status'))).toBe(false);
    const log = readFileSync(join(directory, 'iscagent.log'), 'utf8');
    const line = '^[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d ISCAgent';
    for (const text of [
      'Starting',
      `Starting ApplicationServer on 127.0.0.1:${port}`,
      '.*"strange" is not known and is ignored',
      'Stopping: SIGTERM',
    ]) {
      expect(log).toMatch(new RegExp(`${line}\\[${pid}\\]: ${text}$`, 'm'));
    }
  });

  test('AGT-012: less severe lines are left out; a fault ends it with code 1, misuse with 2, in one line each', async () => {
    const home = mkdtempSync(join(directory, 'home-'));
    writeFileSync(join(home, 'iscagent.conf'), 'logging.minimum_severity = 2\napplication_server.port = none\n');
    expect(await run('--home', home)).toEqual({ code: 1, lines: [expect.stringContaining('line 2')] });
    writeFileSync(join(home, 'iscagent.conf'), 'logging.minimum_severity = 2\n');
    const elsewhere = ['--address', '192.0.2.1', '--port', '2188'];
    expect(await run('--home', home, ...elsewhere)).toEqual({
      code: 1,
      lines: [expect.stringContaining('this host does not have the address')],
    });
    expect(await run('--port', '0')).toEqual({ code: 2, lines: [expect.stringContaining('1 to 65535')] });
    expect(await run('--strange')).toEqual({ code: 2, lines: [expect.stringContaining('--home DIR')] });
  });

  test('AGT-012: as a service its lines go to the system log with their severity, and only where that is its output', async () => {
    const path = join(directory, 'journal');
    const home = mkdtempSync(join(directory, 'home-'));
    const conf = 'application_server.port=2188\napplication_server.interface_address=192.0.2.1\nstrange=1\n';
    writeFileSync(join(home, 'iscagent.conf'), conf);
    const journal = openSync(path, 'a');
    const { dev, ino } = fstatSync(journal, { bigint: true });
    for (const stream of [`${dev}:${ino}`, `${dev}:${ino + 1n}`]) {
      const env = { ...process.env, JOURNAL_STREAM: stream };
      const child = spawn(process.execPath, [program, '--home', home], { stdio: ['ignore', journal, 'inherit'], env });
      children.push(child);
      expect(await once(child, 'close')).toEqual([1, null]);
    }
    closeSync(journal);
    expect(readFileSync(path, 'utf8').trimEnd().split('\n')).toEqual([
      '<6>Starting',
      expect.stringMatching(/^<4>.*"strange" is not known and is ignored$/),
      '<6>Starting ApplicationServer on 192.0.2.1:2188',
      expect.stringMatching(/^<2>.*this host does not have the address/),
      expect.stringMatching(/ ISCAgent\[\d+\]: Starting$/),
      ...Array.from({ length: 3 }, () => expect.stringMatching(/ ISCAgent\[\d+\]: /)),
    ]);
  });
});

async function run(...args: string[]): Promise<{ code: number; lines: readonly string[] }> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [code] = (await once(child, 'close')) as [number];
  return { code, lines: text.split('\n').filter((line) => line !== '' && !line.endsWith(': Starting')) };
}
