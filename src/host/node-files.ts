/** The real file system behind FileOperations. */
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import type { FileOperations } from './host.ts';
import { copy, digest, flush } from './long-files.ts';

const HOW = { read: 'r', update: 'r+', create: 'wx+' } as const;

let temporaryFiles = 0;

export const nodeFileOperations: FileOperations = {
  makeDirectory(path) {
    const first = mkdirSync(path, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // Each directory that was made is an entry of its parent, which must be on disk too.
    for (let made = path; ; made = dirname(made)) {
      syncDirectory(dirname(made));
      if (made === first || made === dirname(made)) return;
    }
  },
  list: (path) => readdirSync(path).sort(),
  exists: existsSync,
  open: (path, how) => openSync(path, HOW[how], 0o600),
  close: closeSync,
  size: (handle) => fstatSync(handle).size,
  read: readAll,
  write: writeAll,
  sync: fdatasyncSync,
  truncate: ftruncateSync,
  flush,
  digest,
  copy,
  rename: renameSync,
  remove: (path) => absentIsFine(() => unlinkSync(path)),
  syncDirectory,
  replace,
  freeBytes(path) {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  },
  sizeOf: (path) => statSync(path, { throwIfNoEntry: false })?.size ?? null,
  readWhole: (path) => readFrom(path, Number.POSITIVE_INFINITY),
  readStart: readFrom,
  removeTree: (path) => rmSync(path, { recursive: true, force: true }),
};

function readAll(handle: number, into: Uint8Array, position: number): number {
  let done = 0;
  while (done < into.length) {
    const count = readSync(handle, into, done, into.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** A full disk first shows as a short count and only then as ENOSPC. */
function writeAll(handle: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(handle, bytes, done, bytes.length - done, position + done);
  }
}

function syncDirectory(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function replace(path: string, bytes: Uint8Array): void {
  temporaryFiles += 1;
  const temporary = `${path}.${process.pid}-${temporaryFiles}.new`;
  // Where pids repeat, as in a container, a process that was killed in here has left one of this name.
  const handle = openSync(temporary, 'w', 0o600);
  try {
    try {
      writeAll(handle, bytes, 0);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(temporary, path);
  } catch (error) {
    absentIsFine(() => unlinkSync(temporary));
    throw error;
  }
  try {
    syncDirectory(dirname(path));
  } catch (cause) {
    // The new one is in place, durable or not: a full disk here must not be taken for "nothing was done".
    throw Object.assign(new Error(`EIO: the directory of ${path} could not be synced`, { cause }), { code: 'EIO' });
  }
}

function readFrom(path: string, bytesMax: number): Uint8Array | null {
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
  try {
    const bytes = Buffer.alloc(Math.min(bytesMax, fstatSync(handle).size));
    return bytes.subarray(0, readAll(handle, bytes, 0));
  } finally {
    closeSync(handle);
  }
}

function absentIsFine(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}
