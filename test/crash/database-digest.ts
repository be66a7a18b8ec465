/** One line that says what a database holds, so that what is found can be compared with what was expected. */
import { createHash } from 'node:crypto';
import type { MirrorAttribute } from '../../src/database/databases.ts';
import type { JournalPosition } from '../../src/mirror/journal-position.ts';

export interface Found {
  /** Keys in hex, in order. */
  readonly entries: readonly (readonly [string, Uint8Array])[];
  readonly attribute: MirrorAttribute | undefined;
  readonly applied: JournalPosition | undefined;
}

export function digestOf({ entries, attribute, applied }: Found): string {
  const hash = createHash('sha1');
  for (const [key, value] of entries) hash.update(`${key} ${Buffer.from(value).toString('hex')}\n`);
  hash.update(JSON.stringify([attribute ?? null, applied ?? null]));
  return hash.digest('hex');
}
