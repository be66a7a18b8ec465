/**
 * Parts of a database's content in short, to find the place where two copies differ: digests of pieces of a range, and of single
 * entries. Everything here reads without a wait in between, so it is one state; a range is cut so small that this takes
 * some milliseconds at most.
 */
import { createHash } from 'node:crypto';
import { type Database, DatabaseDamagedError } from '../database/databases.ts';
import type { BarrierOrder, RangeAnswer } from '../protocol/verification.ts';

export interface Range {
  readonly from: Uint8Array;
  /** Null = to the end. */
  readonly until: Uint8Array | null;
}

export interface CutRange {
  /** Where each piece begins; the first is where the range does. */
  readonly pieces: readonly Uint8Array[];
  readonly until: Uint8Array | null;
}

const rangeKeysMax = 4096;
const rangeBytesMax = 2 * 1024 * 1024;
const pieceKeys = 64;
/** Another copy may hold more in a range than the one that cut it, but is not read for ever. */
const readKeysMax = 4 * rangeKeysMax;

/** The next range of a database, in pieces. @throws DatabaseDamagedError */
export function cutRange(database: Pick<Database, 'entries'>, from: Uint8Array): CutRange {
  const pieces: Uint8Array[] = [from];
  let keys = 0;
  let bytes = 0;
  for (const { key, value } of database.entries({ from, limit: rangeKeysMax + 1 })) {
    if (keys >= rangeKeysMax || bytes >= rangeBytesMax) return { pieces, until: Uint8Array.from(key) };
    if (keys > 0 && keys % pieceKeys === 0) pieces.push(Uint8Array.from(key));
    keys += 1;
    bytes += key.length + value.length;
  }
  return { pieces, until: null };
}

/** What a barrier asks of one copy. */
export function answerOrder(
  database: Pick<Database, 'entries'>,
  order: Exclude<BarrierOrder, { what: 'sums' }>,
): RangeAnswer {
  const until = order.until === null ? null : Buffer.from(order.until, 'base64');
  try {
    if (order.what === 'keys')
      return { keys: digestsOfKeys(database, { from: Buffer.from(order.from, 'base64'), until }) };
    const pieces = order.pieces.map((piece) => Buffer.from(piece, 'base64'));
    return { digests: pieces.map((from, index) => digestOf(database, { from, until: pieces[index + 1] ?? until })) };
  } catch (error) {
    if (error instanceof DatabaseDamagedError) return { damaged: error.message };
    throw error;
  }
}

function digestOf(database: Pick<Database, 'entries'>, range: Range): string {
  const hash = createHash('sha1');
  const lengths = Buffer.allocUnsafe(8);
  for (const { key, value } of entriesOf(database, range)) {
    lengths.writeUInt32LE(key.length, 0);
    lengths.writeUInt32LE(value.length, 4);
    hash.update(lengths).update(key).update(value);
  }
  return hash.digest('base64');
}

function digestsOfKeys(database: Pick<Database, 'entries'>, range: Range): { key: string; digest: string }[] {
  return [...entriesOf(database, range)].map(({ key, value }) => ({
    key: Buffer.from(key).toString('base64'),
    digest: createHash('sha1').update(value).digest('base64'),
  }));
}

function entriesOf(database: Pick<Database, 'entries'>, { from, until }: Range): ReturnType<Database['entries']> {
  return database.entries({ from, ...(until === null ? {} : { until }), limit: readKeysMax });
}

export interface KeyDifference {
  readonly key: Uint8Array;
  /** Seen from the copy that is compared with the primary's. */
  readonly is: 'missing' | 'surplus' | 'another value';
}

type KeyDigests = readonly { readonly key: string; readonly digest: string }[];

/** The first key in which two lists differ, both in order; null when they are equal. */
export function firstDifference(primary: KeyDigests, copy: KeyDigests): KeyDifference | null {
  for (let index = 0; index < Math.max(primary.length, copy.length); index += 1) {
    const [ours, theirs] = [primary[index], copy[index]];
    if (ours?.key === theirs?.key && ours?.digest === theirs?.digest) continue;
    const [a, b] = [ours, theirs].map((entry) => (entry === undefined ? null : Buffer.from(entry.key, 'base64')));
    if (a == null) return { key: b as Uint8Array, is: 'surplus' };
    if (b == null) return { key: a, is: 'missing' };
    const order = Buffer.compare(a, b);
    if (order === 0) return { key: a, is: 'another value' };
    return order < 0 ? { key: a, is: 'missing' } : { key: b, is: 'surplus' };
  }
  return null;
}
