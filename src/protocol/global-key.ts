/**
 * A global reference as bytes whose order is the order of the original: global names in byte order; at each level numbers
 * before strings, numbers by value, strings by their UTF-8 bytes; a node immediately before everything below it. Client,
 * instance and database share it. Not here: how references are written by people (global-reference.ts).
 *
 *   key       = name 00 subscript*
 *   subscript = 10 exponent mantissa      negative number, every byte after the tag complemented
 *             | 20                        zero
 *             | 30 exponent mantissa      positive number
 *             | 40 text 00                string: UTF-8 with 00 as 01 01 and 01 as 01 02
 *   exponent  = u16 big-endian, 32768 + e where the value is 0.d1d2d3... x 10^e
 *   mantissa  = (pair of digits + 1)* 00  no zeros at the end but one that fills the last pair
 *
 * No subscript's bytes begin with those of another one, so the keys that begin with a node's key are exactly the node and its
 * descendants. After a key only a tag can follow, which is less than FF: `key FF` ends the subtree.
 */
import { Buffer } from 'node:buffer';
import { globalKeyBytesMax } from '../mirror/limits.ts';
import { decimalOfCanonical, isCanonicalNumber, printDecimal } from './decimal.ts';

export interface GlobalReference {
  /** Without the circumflex. */
  readonly global: string;
  readonly subscripts: readonly string[];
}

/** First key wanted and first key not wanted any more; fits into the KeyRange of a database. */
export interface KeyBounds {
  readonly from: Buffer;
  readonly until: Buffer;
}

/** A reference that has no key, or bytes that are no key. */
export class GlobalKeyError extends Error {
  readonly code = 'bad-key';
}

const globalNameLengthMax = 31;

const TAG = { empty: 0x01, negative: 0x10, zero: 0x20, positive: 0x30, string: 0x40 } as const;
const EXPONENT_BIAS = 0x8000;
const namePattern = /^[A-Za-z%](?:[A-Za-z0-9.]*[A-Za-z0-9])?$/;

/** Every key of a database lies inside. */
export const WHOLE_DATABASE: KeyBounds = { from: Buffer.of(0x01), until: Buffer.of(0xff) };

/** @throws GlobalKeyError */
export function encodeKey(global: string, subscripts: readonly string[]): Buffer {
  if (global !== newestName && !isGlobalName(global)) {
    throw new GlobalKeyError(
      `global name "^${global.slice(0, 40)}" is not valid: a letter or % first, then letters, digits and points inside, ${globalNameLengthMax} characters at most`,
    );
  }
  newestName = global;
  let end = 0;
  for (; end < global.length; end += 1) scratch[end] = global.charCodeAt(end);
  scratch[end] = 0;
  end += 1;
  for (const subscript of subscripts) {
    end = putSubscript(end, subscript);
    // Before the next one: the scratch has room for one that is too long.
    if (end > globalKeyBytesMax) throw tooLong(global);
  }
  const key = Buffer.allocUnsafe(end);
  for (let i = 0; i < end; i += 1) key[i] = scratch[i]!;
  return key;
}

/** A key is made here and copied out. A subscript has at most 511 characters of three bytes each. */
const scratch = Buffer.alloc(8 * globalKeyBytesMax);

/** A valid name: most keys are of the same global as the one before. */
let newestName = 'A';

/**
 * A place to search from: like encodeKey, but the last subscript, or the global name when there are no subscripts, may be
 * empty, as in $ORDER(^CITY("")). Such a key names no node: it sorts before the first one of its level.
 */
export function encodeSearchKey(global: string, subscripts: readonly string[]): Buffer {
  if (global === '' && subscripts.length === 0) return Buffer.of(0);
  if (subscripts.at(-1) !== '') return encodeKey(global, subscripts);
  return Buffer.concat([encodeKey(global, subscripts.slice(0, -1)), Buffer.of(TAG.empty)]);
}

export function isGlobalName(name: string): boolean {
  return name.length <= globalNameLengthMax && namePattern.test(name);
}

function tooLong(global: string): GlobalKeyError {
  return new GlobalKeyError(
    `a reference to ^${global} is too long: its key may have ${globalKeyBytesMax} bytes; use shorter or fewer subscripts`,
  );
}

/** Writes it at `at`; returns its end. */
function putSubscript(at: number, subscript: string): number {
  if (subscript === '') throw new GlobalKeyError('a subscript is empty: give it at least one character');
  const first = subscript.charCodeAt(0);
  if (first > ZERO && subscript.length <= plainDigitsMax && isDigits(subscript)) return putPlainNumber(at, subscript);
  if (isCanonicalNumber(subscript)) return putNumber(at, subscript);
  return putString(at, subscript);
}

const ZERO = 0x30;
const NINE = 0x39;
const plainDigitsMax = 18;

function isDigits(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < ZERO || code > NINE) return false;
  }
  return true;
}

/** What most numeric subscripts are: digits that do not begin with 0. */
function putPlainNumber(at: number, digits: string): number {
  let count = digits.length;
  while (digits.charCodeAt(count - 1) === ZERO) count -= 1;
  return putScaled(at, digits, count, digits.length, 0);
}

function putNumber(at: number, canonical: string): number {
  const { negative, digits, exponent } = decimalOfCanonical(canonical);
  if (digits === '') {
    scratch[at] = TAG.zero;
    return at + 1;
  }
  if (digits.length > 2 * globalKeyBytesMax || Math.abs(exponent) >= EXPONENT_BIAS) {
    throw new GlobalKeyError(`number ${canonical.slice(0, 20)}... has too many digits for a subscript`);
  }
  return putScaled(at, digits, digits.length, exponent, negative ? 0xff : 0);
}

/** 0.d1d2... x 10^exponent of the first `count` digits; `flip` = FF complements it: it is negative. */
function putScaled(at: number, digits: string, count: number, exponent: number, flip: 0 | 0xff): number {
  const biased = exponent + EXPONENT_BIAS;
  scratch[at] = flip === 0 ? TAG.positive : TAG.negative;
  scratch[at + 1] = (biased >> 8) ^ flip;
  scratch[at + 2] = (biased & 0xff) ^ flip;
  let end = at + 3;
  for (let i = 0; i < count; i += 2, end += 1) {
    const low = i + 1 < count ? digits.charCodeAt(i + 1) - ZERO : 0;
    scratch[end] = ((digits.charCodeAt(i) - ZERO) * 10 + low + 1) ^ flip;
  }
  scratch[end] = flip;
  return end + 1;
}

function putString(at: number, text: string): number {
  if (text.length > globalKeyBytesMax) {
    throw new GlobalKeyError(
      `subscript "${text.slice(0, 20)}..." is too long: a key may have ${globalKeyBytesMax} bytes`,
    );
  }
  scratch[at] = TAG.string;
  let end = at + 1;
  for (let i = 0; i < text.length; i += 1, end += 1) {
    const code = text.charCodeAt(i);
    if (code <= 1 || code > 0x7f) return putUnicode(at, text);
    scratch[end] = code;
  }
  scratch[end] = 0;
  return end + 1;
}

function putUnicode(at: number, text: string): number {
  if (/\p{Surrogate}/u.test(text)) {
    throw new GlobalKeyError('a subscript is not valid Unicode: one half of a surrogate pair stands alone');
  }
  scratch[at] = TAG.string;
  let end = at + 1;
  for (const byte of Buffer.from(text, 'utf8')) {
    if (byte <= 1) {
      scratch[end] = 1;
      end += 1;
    }
    scratch[end] = byte <= 1 ? byte + 1 : byte;
    end += 1;
  }
  scratch[end] = 0;
  return end + 1;
}

/** The reference of a node's key, checked in every byte: what decodes is what encodeKey writes. @throws GlobalKeyError */
export function decodeKey(bytes: Uint8Array): GlobalReference {
  if (bytes.length > globalKeyBytesMax) throw new GlobalKeyError(`a key of ${bytes.length} bytes is too long`);
  const key = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = endOfName(key);
  const global = key.toString('latin1', 0, at - 1);
  if (!isGlobalName(global)) throw malformed(key);
  const subscripts: string[] = [];
  while (at < key.length) {
    const end = endOfSubscript(key, at);
    subscripts.push(decodeSubscript(key, at, end));
    at = end;
  }
  return { global, subscripts };
}

function malformed(key: Buffer): GlobalKeyError {
  return new GlobalKeyError(`bytes ${key.toString('hex', 0, 32)} are not the key of a global reference`);
}

/** First byte after the name's 00. */
function endOfName(key: Uint8Array): number {
  const end = key.indexOf(0);
  if (end < 0) throw malformed(Buffer.from(key));
  return end + 1;
}

/** First byte after the subscript that begins at `at`. */
function endOfSubscript(key: Uint8Array, at: number): number {
  const tag = key[at];
  if (tag === TAG.zero || tag === TAG.empty) return at + 1;
  let last = -1;
  if (tag === TAG.string) last = key.indexOf(0, at + 1);
  else if (tag === TAG.positive) last = key.indexOf(0, at + 3);
  else if (tag === TAG.negative) last = key.indexOf(0xff, at + 3);
  if (last < 0) throw malformed(Buffer.from(key));
  return last + 1;
}

function decodeSubscript(key: Buffer, begin: number, end: number): string {
  const tag = key[begin];
  if (tag === TAG.zero) return '0';
  if (tag === TAG.string) return decodeString(key, begin + 1, end - 1);
  if (tag !== TAG.positive && tag !== TAG.negative) throw malformed(key);
  const flip = tag === TAG.negative ? 0xff : 0;
  const exponent = (((key[begin + 1] ?? 0) ^ flip) << 8) + ((key[begin + 2] ?? 0) ^ flip) - EXPONENT_BIAS;
  let digits = '';
  for (let at = begin + 3; at < end - 1; at += 1) {
    const pair = ((key[at] ?? 0) ^ flip) - 1;
    if (pair > 99) throw malformed(key);
    digits += pair < 10 ? `0${pair}` : `${pair}`;
  }
  if (digits.startsWith('0') || digits.endsWith('00') || digits === '' || exponent === -EXPONENT_BIAS) {
    throw malformed(key);
  }
  if (digits.endsWith('0')) digits = digits.slice(0, -1);
  return printDecimal({ negative: flip !== 0, digits, exponent });
}

function decodeString(key: Buffer, begin: number, end: number): string {
  let raw = key.subarray(begin, end);
  if (raw.includes(1)) {
    const plain: number[] = [];
    for (let at = 0; at < raw.length; at += 1) {
      const byte = raw[at] ?? 0;
      if (byte !== 1) {
        plain.push(byte);
        continue;
      }
      at += 1;
      const escaped = raw[at];
      if (escaped !== 1 && escaped !== 2) throw malformed(key);
      plain.push(escaped - 1);
    }
    raw = Buffer.from(plain);
  }
  const text = raw.toString('utf8');
  // Invalid UTF-8 does not come back the same.
  if (text === '' || isCanonicalNumber(text) || !Buffer.from(text, 'utf8').equals(raw)) throw malformed(key);
  return text;
}

/** First key after the node and everything below it. */
export function subtreeEnd(key: Uint8Array): Buffer {
  return followedBy(key, 0xff);
}

function followedBy(key: Uint8Array, byte: number): Buffer {
  const longer = Buffer.allocUnsafe(key.length + 1);
  longer.set(key);
  longer[key.length] = byte;
  return longer;
}

/** Number of subscripts, an empty one at the end included. */
export function levelOf(key: Uint8Array): number {
  let at = endOfName(key);
  let level = 0;
  while (at < key.length) {
    at = endOfSubscript(key, at);
    level += 1;
  }
  return level;
}

/** The key's node or its ancestor with that many subscripts. */
export function ancestorAt(key: Uint8Array, level: number): Buffer {
  let at = endOfName(key);
  for (let i = 0; i < level; i += 1) at = endOfSubscript(key, at);
  return Buffer.from(key.subarray(0, at));
}

/** All descendants, without the node itself: what $DATA asks. */
export function descendants(key: Uint8Array): KeyBounds {
  return { from: followedBy(key, 0), until: subtreeEnd(key) };
}

/**
 * Where $ORDER looks: forward the first key inside, backward the last key inside belongs to the neighbour; `ancestorAt` with
 * this key's level gives the neighbour's own key. Takes node keys and search keys.
 */
export function siblingBounds(key: Uint8Array, direction: 1 | -1): KeyBounds {
  const level = levelOf(key);
  const around = level === 0 ? WHOLE_DATABASE : descendants(ancestorAt(key, level - 1));
  if (direction === 1) return { from: subtreeEnd(key), until: around.until };
  return { from: around.from, until: isSearchStart(key) ? around.until : Buffer.from(key) };
}

/** Where $QUERY looks, inside the key's global: forward the first key inside, backward the last one. */
export function queryBounds(key: Uint8Array, direction: 1 | -1): KeyBounds {
  const global = ancestorAt(key, 0);
  if (direction === 1) return { from: followedBy(key, 0), until: subtreeEnd(global) };
  const until = isSearchStart(key) ? subtreeEnd(ancestorAt(key, levelOf(key) - 1)) : Buffer.from(key);
  return { from: global, until };
}

/** Does the key end in an empty subscript, or is it the empty global name? */
function isSearchStart(key: Uint8Array): boolean {
  if (key.length === 1) return key[0] === 0;
  const level = levelOf(key);
  return level > 0 && key[key.length - 1] === TAG.empty && ancestorAt(key, level - 1).length === key.length - 1;
}
