/**
 * Is this the key of a node? The same answer as decodeKey (global-key.ts) gives, without making texts of it: a primary asks
 * for every update. What is rare (bytes above ASCII, texts that look like numbers) is left to decodeKey.
 */
import { globalKeyBytesMax } from '../mirror/limits.ts';
import { decodeKey, GlobalKeyError } from './global-key.ts';

const globalNameLengthMax = 31;
const NOT_A_KEY = -1;
/** Only decoding tells. */
const DECODE = -2;

/** What a byte may be: in a global name, and at its ends. */
const IN_NAME = 1;
const BEGINS_NAME = 2;
const ENDS_NAME = 4;
const nameBytes = makeNameBytes();

function makeNameBytes(): Uint8Array {
  const all = new Uint8Array(256);
  for (let byte = 0; byte < 128; byte += 1) {
    const text = String.fromCharCode(byte);
    if (/[A-Za-z]/.test(text)) all[byte] = IN_NAME | BEGINS_NAME | ENDS_NAME;
    else if (/[0-9]/.test(text)) all[byte] = IN_NAME | ENDS_NAME;
    else if (text === '.') all[byte] = IN_NAME;
    else if (text === '%') all[byte] = BEGINS_NAME;
  }
  return all;
}

/** Is bytes[begin, end) a node's key, as encodeKey writes it? */
export function isKey(bytes: Uint8Array, begin = 0, end = bytes.length): boolean {
  if (end - begin > globalKeyBytesMax) return false;
  let at = endOfName(bytes, begin, end);
  while (at >= 0 && at < end) at = endOfSubscript(bytes, at, end);
  return at === DECODE ? decodes(bytes.subarray(begin, end)) : at === end;
}

function decodes(bytes: Uint8Array): boolean {
  try {
    decodeKey(bytes);
    return true;
  } catch (error) {
    if (error instanceof GlobalKeyError) return false;
    throw error;
  }
}

/** First byte after the name and its 00. */
function endOfName(bytes: Uint8Array, begin: number, end: number): number {
  if (begin >= end || (nameBytes[bytes[begin]!]! & BEGINS_NAME) === 0) return NOT_A_KEY;
  let at = begin + 1;
  while (at < end && (nameBytes[bytes[at]!]! & IN_NAME) !== 0) at += 1;
  if (at - begin > globalNameLengthMax || at >= end || bytes[at] !== 0) return NOT_A_KEY;
  return at === begin + 1 || (nameBytes[bytes[at - 1]!]! & ENDS_NAME) !== 0 ? at + 1 : NOT_A_KEY;
}

/** First byte after the subscript that begins at `at`, or one of the two answers above. */
function endOfSubscript(bytes: Uint8Array, at: number, end: number): number {
  switch (bytes[at]) {
    case 0x20:
      return at + 1;
    case 0x30:
      return endOfNumber(bytes, at, end, 0);
    case 0x10:
      return endOfNumber(bytes, at, end, 0xff);
    case 0x40:
      return endOfString(bytes, at + 1, end);
    default:
      return NOT_A_KEY;
  }
}

/** `flip` complements the bytes of a negative number. Pairs of digits are 1 to 100; the first has no zero in front, the last is not 00. */
function endOfNumber(bytes: Uint8Array, begin: number, end: number, flip: 0 | 0xff): number {
  const exponentIsZero = bytes[begin + 1] === flip && bytes[begin + 2] === flip;
  const mantissa = begin + 3;
  let at = mantissa;
  for (; at < end && bytes[at] !== flip; at += 1) {
    if ((bytes[at]! ^ flip) > 100) return NOT_A_KEY;
  }
  if (at >= end || at === mantissa || exponentIsZero) return NOT_A_KEY;
  const first = bytes[mantissa]! ^ flip;
  const last = bytes[at - 1]! ^ flip;
  return first > 10 && last !== 1 ? at + 1 : NOT_A_KEY;
}

/** Text of ASCII without escapes that no number begins with; everything else is decoded. */
function endOfString(bytes: Uint8Array, begin: number, end: number): number {
  if (begin >= end) return NOT_A_KEY;
  const first = bytes[begin]!;
  if (first <= 57 && (first >= 48 || first === 45 || first === 46)) return DECODE;
  let at = begin;
  for (; at < end && bytes[at] !== 0; at += 1) {
    const byte = bytes[at]!;
    if (byte === 1 || byte > 0x7f) return DECODE;
  }
  return at >= end || at === begin ? NOT_A_KEY : at + 1;
}
