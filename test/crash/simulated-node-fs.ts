/**
 * Stands in for node:fs in the bundle of the crash proof: the calls that the project and its packages make, carried out on a
 * simulated disk. What is not here is the real one, which a proof must not reach: nothing else of it is called.
 */
import { posix } from 'node:path';
import { errorOf, SimulatedDisk } from './simulated-disk.ts';

let disk = new SimulatedDisk();

/** All calls from now on are about this disk. */
export function useDisk(next: SimulatedDisk): void {
  disk = next;
}

const real = process.getBuiltinModule('node:fs');

/** Where the next `writeSync` without a position goes; at the end of a file opened for appending. */
const offsets = new Map<number, number>();
const appending = new Set<number>();

export function openSync(path: string, flags: string | number = 'r'): number {
  if (typeof flags !== 'string') throw new Error(`the simulated openSync knows no flags ${flags}`);
  const create = /^[wa]/.test(flags);
  const handle = disk.open(path, { create, exclusive: flags.includes('x'), truncate: flags.startsWith('w') });
  if (flags.startsWith('a')) appending.add(handle);
  return handle;
}

export function closeSync(handle: number): void {
  offsets.delete(handle);
  appending.delete(handle);
  disk.close(handle);
}

/** Both forms: (handle, bytes, offset, length, position) and (handle, text, position, encoding). */
export function writeSync(
  handle: number,
  data: Uint8Array | string,
  offset?: number | null,
  length?: number | string | null,
  position?: number | null,
): number {
  const bytes =
    typeof data === 'string'
      ? Buffer.from(data, 'utf8')
      : data.subarray(offset ?? 0, (offset ?? 0) + (typeof length === 'number' ? length : data.length - (offset ?? 0)));
  const given = typeof data === 'string' ? offset : position;
  const at = given ?? (appending.has(handle) ? disk.size(handle) : (offsets.get(handle) ?? 0));
  const count = disk.write(handle, bytes, at);
  if (given === undefined || given === null) offsets.set(handle, at + count);
  return count;
}

export function readSync(
  handle: number,
  into: Uint8Array,
  offset: number,
  length: number,
  position: number | null,
): number {
  if (position === null) throw new Error('the simulated readSync wants a position');
  return disk.read(handle, into.subarray(offset, offset + length), position);
}

export const fsyncSync = (handle: number): void => disk.sync(handle);
export const fdatasyncSync = (handle: number): void => disk.sync(handle);
export const ftruncateSync = (handle: number, length = 0): void => disk.truncate(handle, length);
export const fstatSync = (handle: number) => ({ size: disk.size(handle) });
export const renameSync = (from: string, to: string): void => disk.rename(from, to);
export const linkSync = (from: string, to: string): void => disk.link(from, to);
export const unlinkSync = (path: string): void => disk.remove(path);
export const existsSync = (path: string): boolean => disk.has(path);
export const readdirSync = (path: string): string[] => [...disk.list(path)];
export const statfsSync = () => ({ bavail: 1 << 20, bsize: 4096 });
export const realpathSync = (path: string): string => {
  if (!disk.has(path)) throw errorOf('ENOENT', path);
  return path;
};
export const chmodSync = (): void => {};
export const chownSync = (): void => {};

export function statSync(path: string, options?: { readonly throwIfNoEntry?: boolean }) {
  if (!disk.has(path)) {
    if (options?.throwIfNoEntry === false) return undefined;
    throw errorOf('ENOENT', path);
  }
  const isDirectory = disk.isDirectory(path);
  const { uid, gid } = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const size = isDirectory ? 0 : disk.contentOf(path).length;
  return { size, mode: isDirectory ? 0o40700 : 0o100600, uid, gid, isDirectory: () => isDirectory };
}

/** The first directory that was made; undefined when all were there. */
export function mkdirSync(path: string, options?: { readonly recursive?: boolean }): string | undefined {
  if (disk.has(path) && options?.recursive === true) return undefined;
  const parent = posix.dirname(path);
  const first = options?.recursive === true ? mkdirSync(parent, options) : undefined;
  disk.makeDirectory(path);
  return first ?? path;
}

export function rmSync(path: string, options?: { readonly recursive?: boolean; readonly force?: boolean }): void {
  if (!disk.has(path) && options?.force === true) return;
  for (const name of disk.paths().toReversed()) {
    if (name === path || (options?.recursive === true && name.startsWith(`${path}/`))) disk.remove(name);
  }
}

export function readFileSync(path: string, options?: string | { readonly encoding?: string } | null): string | Buffer {
  const bytes = disk.contentOf(path);
  const encoding = typeof options === 'string' ? options : options?.encoding;
  return encoding === undefined ? Buffer.from(bytes) : bytes.toString('utf8');
}

export function writeFileSync(path: string, data: string | Uint8Array): void {
  const handle = openSync(path, 'w');
  try {
    const bytes = Buffer.from(data as string);
    for (let done = 0; done < bytes.length; ) done += disk.write(handle, bytes.subarray(done), done);
  } finally {
    closeSync(handle);
  }
}

/** Only called for files that a failed call left behind; what does not come from here is not waited for. */
export const unlink = (path: string, done: (error: Error | null) => void = () => {}): void => {
  try {
    unlinkSync(path);
    done(null);
  } catch (error) {
    done(error as Error);
  }
};

export const createWriteStream = real.createWriteStream;
export const promises = real.promises;

export default {
  ...real,
  openSync,
  closeSync,
  writeSync,
  readSync,
  fsyncSync,
  fdatasyncSync,
  ftruncateSync,
  fstatSync,
  renameSync,
  linkSync,
  unlinkSync,
  unlink,
  existsSync,
  readdirSync,
  statfsSync,
  statSync,
  realpathSync,
  chmodSync,
  chownSync,
  mkdirSync,
  rmSync,
  readFileSync,
  writeFileSync,
};
