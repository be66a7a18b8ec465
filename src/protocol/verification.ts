/**
 * How members compare what their databases hold. The primary puts a barrier into the journal; every member looks at its copies
 * when they stand exactly there, so that all look at the same moment although writes go on. Here are the contents of the barrier
 * records and the words between the members; who says what when is in src/instance/verification.ts and verifier.ts.
 *
 * Keys travel as base64. What comes from another member is checked before it is used.
 */
import { Buffer } from 'node:buffer';
import type { MemberName, MirrorDatabaseName } from '../mirror/terms.ts';

/** Value of a `barrier` record. */
export type BarrierOrder =
  /** Note the running sum of every copy; the primary's follow in a `barrier-sums` record. */
  | { readonly what: 'sums' }
  /** Tell the digest of each piece: piece n goes from `pieces[n]` to the next one, the last one to `until` (null = the end). */
  | {
      readonly what: 'pieces';
      /** The member that is compared with the primary; the others go on. */
      readonly of: MemberName;
      readonly database: MirrorDatabaseName;
      readonly pieces: readonly string[];
      readonly until: string | null;
    }
  /** Tell each key of the range, with the digest of its value. */
  | {
      readonly what: 'keys';
      readonly of: MemberName;
      readonly database: MirrorDatabaseName;
      readonly from: string;
      readonly until: string | null;
    };

export interface ComparedCopy extends CopySum {
  readonly same: boolean;
  /** What is known against this copy from an earlier look at its entries; null = nothing. */
  readonly known: string | null;
}

export interface CopySum {
  readonly database: MirrorDatabaseName;
  /** Equal where the content is; 16 hex digits. */
  readonly sum: string;
  readonly keys: number;
}

/** Value of a `barrier-sums` record: what the primary's copies held at the barrier, given as `epoch/sequence`. */
export interface BarrierSums {
  readonly barrier: string;
  readonly sums: readonly CopySum[];
}

export type RangeAnswer =
  /** As many digests as there are pieces. */
  | { readonly digests: readonly string[] }
  | { readonly keys: readonly { readonly key: string; readonly digest: string }[] }
  /** An entry there cannot be read; the text names database, global and key. */
  | { readonly damaged: string };

/** From a member to the primary, and two from the primary to a member. */
export type VerificationWord =
  /** What a member's copies held at the barrier, and whether that is what the primary's did. */
  | {
      readonly says: 'compared';
      readonly barrier: string;
      readonly copies: readonly ComparedCopy[];
    }
  | { readonly says: 'range'; readonly barrier: string; readonly answer: RangeAnswer }
  | {
      readonly says: 'checking';
      readonly check: number;
      readonly database: MirrorDatabaseName;
      readonly done: number;
      readonly of: number;
    }
  | { readonly says: 'checked'; readonly check: number; readonly copies: readonly CheckedCopy[] }
  /** The primary asks for a check of every copy. */
  | { readonly says: 'check'; readonly check: number }
  /** The primary tells what came out for one copy: null = it is as the primary's. */
  | {
      readonly says: 'found';
      readonly database: MirrorDatabaseName;
      readonly position: string;
      readonly difference: string | null;
    };

/** What reading a whole copy has found; `fault` null = nothing. `place` is the printed reference of the entry, where it is one. */
export interface CheckedCopy {
  readonly database: MirrorDatabaseName;
  readonly fault: string | null;
  readonly place: string | null;
}

export function encodeBarrier(value: BarrierOrder | BarrierSums): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** Null where it is none that this version knows. */
export function readBarrierOrder(value: Uint8Array): BarrierOrder | null {
  const said = parsed(value);
  if (said?.what === 'sums') return { what: 'sums' };
  if (said?.what !== 'pieces' && said?.what !== 'keys') return null;
  const { database, of, until } = said;
  if (!isText(database) || !isText(of) || (typeof until !== 'string' && until !== null)) return null;
  if (said.what === 'keys') return isText(said.from) ? { what: 'keys', of, database, from: said.from, until } : null;
  const { pieces } = said;
  return Array.isArray(pieces) && pieces.every(isText) ? { what: 'pieces', of, database, pieces, until } : null;
}

export function readBarrierSums(value: Uint8Array): BarrierSums | null {
  const said = parsed(value);
  if (said === null || typeof said.barrier !== 'string' || !Array.isArray(said.sums)) return null;
  return said.sums.every(isCopySum) ? { barrier: said.barrier, sums: said.sums } : null;
}

/** Null where it is none that this version knows. */
export function readVerificationWord(said: unknown): VerificationWord | null {
  if (!isFields(said)) return null;
  const isKnown = wordChecks[String(said.says) as VerificationWord['says']]?.(said) ?? false;
  return isKnown ? (said as unknown as VerificationWord) : null;
}

type Fields = Readonly<Partial<Record<string, unknown>>>;

const wordChecks: Readonly<Record<VerificationWord['says'], (said: Fields) => boolean>> = {
  compared: ({ barrier, copies }) => isText(barrier) && isList(copies, isComparedCopy),
  range: ({ barrier, answer }) => isText(barrier) && isFields(answer) && isRangeAnswer(answer),
  checking: ({ check, database, done, of }) => isCount(check) && isText(database) && isCount(done) && isCount(of),
  checked: ({ check, copies }) => isCount(check) && isList(copies, isCheckedCopy),
  check: ({ check }) => isCount(check),
  found: ({ database, position, difference }) => isText(database) && isText(position) && isTextOrNull(difference),
};

function isRangeAnswer({ digests, keys, damaged }: Fields): boolean {
  const isEntry = (entry: unknown): boolean => isFields(entry) && isText(entry.key) && isText(entry.digest);
  return isText(damaged) || isList(digests, isText) || isList(keys, isEntry);
}

function isCopySum(said: unknown): said is CopySum {
  return isFields(said) && isText(said.database) && isText(said.sum) && isCount(said.keys);
}

function isComparedCopy(said: unknown): boolean {
  return isFields(said) && isCopySum(said) && typeof said.same === 'boolean' && isTextOrNull(said.known);
}

function isCheckedCopy(said: unknown): boolean {
  return isFields(said) && isText(said.database) && isTextOrNull(said.fault) && isTextOrNull(said.place);
}

function isList(said: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(said) && said.every(isOne);
}

function isFields(said: unknown): said is Fields {
  return typeof said === 'object' && said !== null && !Array.isArray(said);
}

function isText(said: unknown): said is string {
  return typeof said === 'string';
}

function isTextOrNull(said: unknown): boolean {
  return said === null || isText(said);
}

function isCount(said: unknown): said is number {
  return Number.isSafeInteger(said) && (said as number) >= 0;
}

function parsed(value: Uint8Array): Fields | null {
  try {
    const said: unknown = JSON.parse(Buffer.from(value).toString('utf8'));
    return isFields(said) ? said : null;
  } catch {
    return null;
  }
}
