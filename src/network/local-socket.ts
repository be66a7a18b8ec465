/**
 * Where a local socket really lies. A socket's path may have about a hundred bytes; a longer one is replaced by a short one,
 * made from its hash, in a directory of the same owner, and both ends find it in the same way. The directory does not depend
 * on the environment, which a daemon and a terminal may see differently.
 */
import { createHash } from 'node:crypto';
import { dirname, resolve } from 'node:path';

/** sun_path has 108 bytes on Linux and 104 on others, with a zero at the end. */
const PATH_BYTES_MAX = 100;

export interface LocalSocketPlace {
  readonly path: string;
  readonly directory: string;
  /** Is it the short path that stands for a longer one? */
  readonly replaced: boolean;
}

export function localSocketPlace(wanted: string): LocalSocketPlace {
  const path = resolve(wanted);
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) return { path, directory: dirname(path), replaced: false };
  const directory = `/tmp/caretmirror-${process.getuid?.() ?? 0}`;
  const hash = createHash('sha256').update(path).digest('hex').slice(0, 40);
  return { path: `${directory}/${hash}.sock`, directory, replaced: true };
}
