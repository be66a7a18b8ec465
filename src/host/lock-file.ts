/**
 * Lock files: one instance per directory, one agent per home (AGT-008). A lock says which process holds it; when that process
 * is gone the lock is stale and may be taken over, by exactly one of those who try.
 *
 * How one of two takers wins: a lock file is only ever made whole, by linking a finished file to its name. Each acquisition
 * has a nonce of its own. Who wants to succeed a stale lock first links `<lock>.after-<its nonce>`, which only one can, and
 * then looks whether the lock still is the stale one; only then is it replaced. A taker that died half-way is succeeded in the
 * same way, by its own nonce.
 */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { type HeldLock, LockHeldError, type LockHolder, type LockKind, type LockState } from './host.ts';
import { isAlive, selfRef } from './process-table.ts';

/** Each further try means that somebody else has moved on; so many in a row do not happen. */
const TRIES_MAX = 1000;

interface LockContent extends LockHolder {
  readonly nonce: string;
  /** Where it was made; absent in a lock of an earlier release. */
  readonly made?: Made;
}

interface Made {
  /** Number of the file in its file system. */
  readonly file: string;
  readonly directory: string;
}

export function acquireLock(
  path: string,
  kind: LockKind,
  about: Readonly<Record<string, string | number>> = {},
): HeldLock {
  const content: LockContent = {
    ...selfRef(),
    kind,
    at: new Date().toISOString(),
    about,
    nonce: randomBytes(12).toString('hex'),
  };
  const made = `${path}.${content.nonce}.new`;
  writeWhole(made, (file) => ({ ...content, made: { file, directory: directoryOf(path) } }));
  try {
    for (let tries = 0; tries < TRIES_MAX; tries += 1) {
      const present = readLock(path);
      if (present === null) {
        if (tryLink(made, path)) return heldLock(path, content);
      } else if (isHeld(present)) {
        throw new LockHeldError(path, present);
      } else if (succeed(path, made, present)) {
        return heldLock(path, content);
      }
    }
    throw new Error(`${path} changes all the time; see which programs start here again and again`);
  } finally {
    remove(made);
  }
}

export function describeLock(path: string): LockState {
  const present = readLock(path);
  if (present === null || !isHeld(present)) return { state: 'free' };
  const { nonce: _, made: __, ...by } = present;
  return { state: 'held', by };
}

/** Replace the stale lock by the file `made`; false when somebody else was faster and all must be looked at again. */
function succeed(path: string, made: string, stale: LockContent): boolean {
  const rights: string[] = [];
  let predecessor = stale;
  for (;;) {
    const right = `${path}.after-${predecessor.nonce}`;
    rights.push(right);
    if (tryLink(made, right)) break;
    const before = readLock(right);
    if (before === null) return false;
    if (isHeld(before)) throw new LockHeldError(path, before);
    // It won the right and died before it used it.
    predecessor = before;
  }
  if (readLock(path)?.nonce !== stale.nonce) {
    remove(rights.at(-1)!);
    return false;
  }
  // A second name for the file first: what is renamed is gone under its old name.
  const replacement = `${made}.taking`;
  linkSync(made, replacement);
  renameSync(replacement, path);
  for (const right of rights) remove(right);
  return true;
}

function heldLock(path: string, content: LockContent): HeldLock {
  const { nonce, ...holder } = content;
  const isHeld = (): boolean => readLock(path)?.nonce === nonce;
  return {
    holder,
    isHeld,
    release() {
      if (isHeld()) remove(path);
    },
  };
}

function isHeld(content: LockContent): boolean {
  return isAlive(content);
}

/** Null when there is no lock. One that cannot be read (a crash of the whole machine) belongs to nobody alive. */
function readLock(path: string): LockContent | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const content: LockContent = JSON.parse(text);
    if (typeof content.nonce === 'string' && /^[0-9a-f]+$/.test(content.nonce)) {
      return isCopy(path, content) ? { ...content, ...nobody } : content;
    }
  } catch {
    // Not JSON: the same as no nonce.
  }
  return { ...nobody, kind: 'instance', at: '', about: {}, nonce: 'unreadable' };
}

const nobody = { pid: 0, startTicks: null } as const;

/**
 * The lock of another directory, which was copied with it: its holder is at work there. Both signs are asked for: file systems are there
 * that change numbers of files, and one directory may be reached by two paths.
 */
function isCopy(path: string, { made }: LockContent): boolean {
  return made !== undefined && made.file !== fileNumber(path) && made.directory !== directoryOf(path);
}

function directoryOf(path: string): string {
  return realpathSync(dirname(path));
}

function fileNumber(of: string | number): string {
  const options = { bigint: true } as const;
  return String((typeof of === 'string' ? statSync(of, options) : fstatSync(of, options)).ino);
}

function writeWhole(path: string, contentOf: (file: string) => LockContent): void {
  const handle = openSync(path, 'wx', 0o600);
  try {
    writeSync(handle, `${JSON.stringify(contentOf(fileNumber(handle)))}\n`);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
