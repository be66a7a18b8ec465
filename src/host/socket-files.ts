/** What local sockets need from the file system: a directory only its owner can enter, and no stale socket in it. */
import { lstatSync, mkdirSync, type Stats, unlinkSync } from 'node:fs';

/** Make the directory with mode 0700. @throws when it is there and others may enter it, or it is not ours. */
export function makePrivateDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  const own = process.getuid?.();
  if (!found.isDirectory()) throw new Error(`${path} is not a directory; remove it`);
  if (own !== undefined && found.uid !== own) {
    throw new Error(`${path} belongs to another user (uid ${found.uid}); remove it or change its owner`);
  }
  if ((found.mode & 0o077) !== 0) throw new Error(`${path} is open to other users; run chmod 700 on it`);
}

/** Remove a socket's file; a missing one is no fault. @throws when something else than a socket is there. */
export function removeSocket(path: string): void {
  let found: Stats;
  try {
    found = lstatSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (!found.isSocket()) throw new Error(`${path} is there and is no socket; move it away`);
  unlinkSync(path);
}
