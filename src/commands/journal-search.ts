/** What `caretmirror journal search` looks for, from its options, and whether a record is it. Pure. */
import type { InspectedRecord } from '../journal/journal-inspection.ts';
import { encodeKey, subtreeEnd } from '../protocol/global-key.ts';
import { parseReference } from '../protocol/global-reference.ts';
import { usage } from './failures.ts';

export interface SearchOptions {
  readonly global?: string;
  readonly value?: string;
  readonly database?: string;
  readonly from?: string;
  readonly to?: string;
}

export interface Wanted {
  /** Keys from the first on and before the second; null = all. */
  readonly keys: { readonly from: Uint8Array; readonly until: Uint8Array } | null;
  readonly value: Buffer | null;
  readonly database: string | null;
  readonly fromMs: number;
  readonly toMs: number;
}

/** @throws CommandFailure (usage) */
export function wantedOf({ global, value, database, from, to }: SearchOptions): Wanted {
  const wanted = {
    keys: global === undefined ? null : keysOf(global),
    value: value === undefined ? null : Buffer.from(value),
    database: database === undefined ? null : database.toUpperCase(),
    fromMs: from === undefined ? Number.NEGATIVE_INFINITY : moment(from, '--from'),
    toMs: to === undefined ? Number.POSITIVE_INFINITY : moment(to, '--to'),
  };
  if (wanted.fromMs > wanted.toMs) throw usage('--from is after --to');
  return wanted;
}

export function isWanted(record: InspectedRecord, { keys, value, database, fromMs, toMs }: Wanted): boolean {
  if (record.timeMs < fromMs || record.timeMs > toMs) return false;
  if (database !== null && record.database !== database) return false;
  if (keys !== null && !touches(record, keys)) return false;
  return value === null || (record.kind === 'set' && Buffer.from(record.value).includes(value));
}

/** Of a node below, or a kill of a node above: that changes what is looked for too. */
function touches({ kind, key }: InspectedRecord, { from, until }: NonNullable<Wanted['keys']>): boolean {
  if (key.length === 0) return false;
  if (Buffer.compare(key, from) >= 0 && Buffer.compare(key, until) < 0) return true;
  return kind === 'kill' && Buffer.compare(key, from) <= 0 && Buffer.compare(from, subtreeEnd(key)) < 0;
}

function keysOf(typed: string): NonNullable<Wanted['keys']> {
  const parsed = parseReference(typed.startsWith('^') ? typed : `^${typed}`);
  if (!parsed.ok) throw usage(parsed.text);
  const from = encodeKey(parsed.value.global, parsed.value.subscripts);
  return { from, until: subtreeEnd(from) };
}

function moment(typed: string, what: string): number {
  const ms = Date.parse(typed);
  if (Number.isNaN(ms)) throw usage(`${what} "${typed}" is no time: 2026-01-31T12:00:00Z`);
  return ms;
}
