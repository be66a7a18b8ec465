/**
 * A node as newline JSON: {"global":"CITY","subscripts":["FR",75,"Paris"],"value":"2138551"}. Read by `global import`,
 * written by `global export`; both sides here, so that what is exported can be imported. Nothing is sent from here.
 */
import { canonicalNumber, isCanonicalNumber } from '../protocol/decimal.ts';
import { decodeKey, encodeKey, GlobalKeyError } from '../protocol/global-key.ts';

export interface GlobalRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Null = where references without a database go. */
  readonly database: string | null;
}

/** What an import has read of its source at once. */
export interface Piece {
  readonly records: readonly GlobalRecord[];
  /** Byte of the source behind the last one; between two records, or two blocks. */
  readonly offset: number;
  /** Why nothing more can be read behind them, naming the place; else null. */
  readonly bad: string | null;
}

export type ReadRecord =
  | { readonly ok: true; readonly record: GlobalRecord }
  | { readonly ok: false; readonly text: string };

/** A value as JSON shows it: text, a number that is exactly it, or other bytes. */
export type JsonValue = string | number | { readonly base64: string };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** One line of an import, or in one sentence why it is none. */
export function readRecord(line: string): ReadRecord {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return refuse('it is not JSON');
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed)) return refuse('it is not a JSON object');
  const { global, subscripts, value, database } = parsed as Record<string, unknown>;
  if (typeof global !== 'string') return refuse('"global" is missing or no string');
  if (subscripts !== undefined && !Array.isArray(subscripts)) return refuse('"subscripts" is no array');
  if (database !== undefined && typeof database !== 'string') return refuse('"database" is no string');
  const texts: string[] = [];
  for (const [index, subscript] of (subscripts ?? []).entries()) {
    const text = textOf(subscript);
    if (text === null) return refuse(`subscript ${index + 1} is neither a string nor an exact number`);
    texts.push(text);
  }
  const bytes = bytesOf(value);
  if (bytes === null) return refuse('"value" is neither a string nor an exact number');
  try {
    return { ok: true, record: { key: encodeKey(global, texts), value: bytes, database: database ?? null } };
  } catch (error) {
    if (error instanceof GlobalKeyError) return refuse(error.message);
    throw error;
  }
}

function refuse(text: string): ReadRecord {
  return { ok: false, text };
}

/** Null for what is no string and no number, and for integers that JSON has already rounded. */
function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value !== 'number' || (Number.isInteger(value) && !Number.isSafeInteger(value))) return null;
  return canonicalNumber(value);
}

function bytesOf(value: unknown): Uint8Array | null {
  const text = textOf(value);
  if (text !== null) return Buffer.from(text);
  if (value === null || typeof value !== 'object') return null;
  const { base64, ...rest } = value as Record<string, unknown>;
  if (typeof base64 !== 'string' || Object.keys(rest).length > 0) return null;
  return Buffer.from(base64, 'base64');
}

/** The line of an export, without its newline. */
export function printRecord(key: Uint8Array, value: Uint8Array): string {
  const { global, subscripts } = decodeKey(key);
  return JSON.stringify({ global, subscripts: subscripts.map(jsonText), value: jsonValue(value) });
}

export function jsonValue(value: Uint8Array): JsonValue {
  let text: string;
  try {
    text = decoder.decode(value);
  } catch {
    return { base64: Buffer.from(value).toString('base64') };
  }
  return jsonText(text);
}

/** A canonical number becomes a JSON number while that is exactly it. */
export function jsonText(text: string): string | number {
  if (!isCanonicalNumber(text)) return text;
  const number = Number(text);
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) return text;
  return canonicalNumber(number) === text ? number : text;
}
