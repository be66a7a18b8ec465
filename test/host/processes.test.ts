import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { refOf } from '../../src/host/process-table.ts';
import { nodeProcesses } from '../../src/host/processes.ts';
import { makeProgram } from './program.ts';

let directory: string;
let daemon: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-processes-'));
  daemon = makeProgram(
    directory,
    'daemon',
    `import { sayFailed, sayReady } from 'src/host/daemon-word.ts';
     const how = process.argv[2];
     console.log('daemon', how, process.env.CM_WORD);
     if (how === 'ready') { process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); await sayReady({ port: 7 }); }
     if (how === 'failed') { await sayFailed('port 7 is in use'); process.exit(1); }
     if (how === 'ended') process.exit(3);
     if (how === 'silent') setInterval(() => {}, 1000);`,
  );
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function start(how: string, timeoutMs = 10_000): ReturnType<typeof nodeProcesses.startDaemon> {
  const logPath = join(directory, `${how}.log`);
  const env = { CM_WORD: 'hello' };
  return nodeProcesses.startDaemon({ program: process.execPath, args: [daemon, how], logPath, env, timeoutMs });
}

describe('processes', () => {
  test('a process is alive as long as it is the same one', () => {
    expect(nodeProcesses.isAlive(nodeProcesses.self)).toBe(true);
    expect(nodeProcesses.isAlive({ ...nodeProcesses.self, startTicks: nodeProcesses.self.startTicks! + 1 })).toBe(
      false,
    );
    expect(nodeProcesses.isAlive({ pid: 0, startTicks: null })).toBe(false);
  });

  test('a zombie is not alive', async () => {
    // perl never waits for a child unless it is told to; a shell may, between any two of its commands.
    const program = '$| = 1; my $child = fork(); exit unless $child; print "$child\\n"; sleep 60';
    const parent = spawn('perl', ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(parent.stdout, 'data')) as [Buffer];
    const zombie = { pid: Number(line.toString()), startTicks: null };
    expect(await nodeProcesses.waitUntilGone(zombie, 5000)).toBe('gone');
    expect(readFileSync(`/proc/${zombie.pid}/stat`, 'utf8')).toMatch(/\) Z /);
    expect(nodeProcesses.isAlive(zombie)).toBe(false);
    expect(refOf(zombie.pid)).toBeNull();
    parent.kill('SIGKILL');
  });

  test('AGT-003: forced down although it is stopped and hears no SIGTERM; a second time is no fault', async () => {
    const child = spawn(process.execPath, [
      '-e',
      "process.on('SIGTERM',()=>{});process.stdout.write('up');setInterval(()=>{},1e3)",
    ]);
    await once(child.stdout, 'data');
    const ref = refOf(child.pid!)!;
    expect(nodeProcesses.askToEnd(ref)).toBe(true);
    expect(await nodeProcesses.waitUntilGone(ref, 50)).toBe('alive');
    child.kill('SIGSTOP');
    expect(await nodeProcesses.forceDown(ref, 5000)).toBe('down');
    expect(nodeProcesses.isAlive(ref)).toBe(false);
    expect(await nodeProcesses.forceDown(ref, 5000)).toBe('down');
    expect(nodeProcesses.askToEnd(ref)).toBe(false);
  });

  test('a process that only has the pid of another is not touched', async () => {
    const child = spawn('sleep', ['60']);
    const ref = refOf(child.pid!)!;
    expect(await nodeProcesses.forceDown({ ...ref, startTicks: ref.startTicks! - 1 }, 100)).toBe('down');
    expect(nodeProcesses.isAlive(ref)).toBe(true);
    child.kill('SIGKILL');
  });
});

describe('a daemon', () => {
  test('is ready, in a session of its own, and writes to its log', async () => {
    const { pid, ready } = await start('ready');
    const ref = refOf(pid)!;
    try {
      expect(ready).toMatchObject({ ready: true, port: 7 });
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ');
      expect(Number(fields[3])).toBe(pid);
      expect(readFileSync(join(directory, 'ready.log'), 'utf8')).toContain('daemon ready hello');
    } finally {
      expect(await nodeProcesses.forceDown(ref, 5000)).toBe('down');
    }
  });

  test('that fails says why', async () => {
    await expect(start('failed')).rejects.toMatchObject({
      code: 'daemon-failed',
      how: 'failed',
      message: 'port 7 is in use',
    });
  });

  test('that ends without a word is reported with its code and its log', async () => {
    await expect(start('ended')).rejects.toMatchObject({
      how: 'ended',
      message: expect.stringMatching(/with code 3; see .*ended\.log/),
    });
  });

  test('that is silent goes on, and the caller knows its pid', async () => {
    const error = await start('silent', 300).catch((caught) => caught);
    expect(error).toMatchObject({ how: 'timed-out' });
    expect(await nodeProcesses.forceDown(refOf(error.pid)!, 5000)).toBe('down');
  });

  test('that cannot be started is reported', async () => {
    const logPath = join(directory, 'none.log');
    await expect(
      nodeProcesses.startDaemon({ program: '/no/such/program', args: [], logPath, timeoutMs: 5000 }),
    ).rejects.toMatchObject({ how: 'ended', pid: null });
  });
});
