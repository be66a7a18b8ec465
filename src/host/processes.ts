/** Other processes of this machine: locks by which they are known, their end, and the start of daemons. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { type DaemonFailed, DaemonFailedError, type DaemonReady, type DaemonStart, type Processes } from './host.ts';
import { acquireLock, describeLock } from './lock-file.ts';
import { forceDown, isAlive, selfRef, signal, waitUntilGone } from './process-table.ts';

export const nodeProcesses: Processes = {
  self: selfRef(),
  acquireLock,
  describeLock,
  isAlive,
  askToEnd: (process) => signal(process, 'SIGTERM'),
  forceDown,
  waitUntilGone,
  startDaemon,
};

/** A session of its own, so that neither the terminal's end nor its signals reach it. */
async function startDaemon(start: DaemonStart): Promise<{ pid: number; ready: DaemonReady }> {
  const log = openSync(start.logPath, 'a', 0o600);
  const child = spawn(start.program, start.args, {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
    env: { ...process.env, ...start.env },
    ...(start.cwd === undefined ? {} : { cwd: start.cwd }),
  });
  closeSync(log);
  try {
    const pid = child.pid ?? null;
    const word = await firstWord(child, start.timeoutMs);
    if (word === 'silent') {
      throw new DaemonFailedError(
        'timed-out',
        pid,
        `not ready after ${start.timeoutMs} ms, and still starting; see ${start.logPath}`,
      );
    }
    if (typeof word === 'string' || pid === null) {
      throw new DaemonFailedError('ended', pid, `${word}; see ${start.logPath}`);
    }
    if (!word.ready) throw new DaemonFailedError('failed', pid, word.failed);
    return { pid, ready: word };
  } finally {
    // From here on each of the two may end without the other.
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** What the daemon says; 'silent' when it says nothing in time, a sentence when it ends without a word. */
async function firstWord(child: ChildProcess, timeoutMs: number): Promise<DaemonReady | DaemonFailed | string> {
  return await new Promise((resolve) => {
    const deadline = setTimeout(() => resolve('silent'), timeoutMs);
    const settle = (word: DaemonReady | DaemonFailed | string): void => {
      clearTimeout(deadline);
      resolve(word);
    };
    child.once('message', (word) => settle(word as unknown as DaemonReady | DaemonFailed));
    child.once('exit', (code, signal) => {
      const ended = `it ended at once, ${signal ?? `with code ${code}`}`;
      // Its last word may still be in the channel, which then closes behind it.
      if (child.connected) child.once('disconnect', () => settle(ended));
      else settle(ended);
    });
    child.once('error', (error) => settle(`it could not be started: ${error.message}`));
  });
}
