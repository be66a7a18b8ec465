/** Is a process alive, and is it still the same one? From /proc where there is one. Signals to it, and its end. */
import { existsSync, readFileSync } from 'node:fs';
import type { ProcessRef } from './host.ts';

/** Between two looks at a process whose end is awaited; its end gives no other sign to those who are not its parent. */
const LOOK_MS = 3;

const hasProc = existsSync('/proc/self/stat');

interface ProcessState {
  /** One letter; Z is a zombie, X is dead. */
  readonly state: string;
  readonly startTicks: number;
}

export function selfRef(): ProcessRef {
  return { pid: process.pid, startTicks: lookUp(process.pid)?.startTicks ?? null };
}

export function refOf(pid: number): ProcessRef | null {
  const found = lookUp(pid);
  if (hasProc) return found === null || isOver(found) ? null : { pid, startTicks: found.startTicks };
  return isSignallable(pid) ? { pid, startTicks: null } : null;
}

/** A zombie is dead, and so is a process whose pid now belongs to one that started at another time. */
export function isAlive({ pid, startTicks }: ProcessRef): boolean {
  if (!Number.isSafeInteger(pid) || pid <= 0) return false;
  if (!hasProc) return isSignallable(pid);
  const found = lookUp(pid);
  if (found === null || isOver(found)) return false;
  return startTicks === null || startTicks === found.startTicks;
}

/** False when the process is gone. @throws Node's EPERM when it is another user's. */
export function signal(target: ProcessRef, name: 'SIGTERM' | 'SIGKILL'): boolean {
  if (!isAlive(target)) return false;
  try {
    return process.kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    throw error;
  }
}

export async function forceDown(target: ProcessRef, timeoutMs: number): Promise<'down' | 'unkillable'> {
  try {
    if (!signal(target, 'SIGKILL')) return 'down';
  } catch {
    return 'unkillable';
  }
  return (await waitUntilGone(target, timeoutMs)) === 'gone' ? 'down' : 'unkillable';
}

export async function waitUntilGone(target: ProcessRef, timeoutMs: number): Promise<'gone' | 'alive'> {
  const deadlineMs = performance.now() + timeoutMs;
  while (isAlive(target)) {
    if (performance.now() >= deadlineMs) return 'alive';
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
  return 'gone';
}

function isOver({ state }: ProcessState): boolean {
  return state === 'Z' || state === 'X' || state === 'x';
}

function isSignallable(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Fields 3 (state) and 22 (start time) of /proc/PID/stat; the name before them may hold blanks and brackets. */
function lookUp(pid: number): ProcessState | null {
  if (!hasProc) return null;
  let line: string;
  try {
    line = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return null;
  }
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return { state: fields[0] ?? '', startTicks: Number(fields[19]) };
}
