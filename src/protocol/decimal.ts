/**
 * Numbers as text, the way a global sees them: exact decimals of any length, never floating point. Used for the
 * collation of subscripts (global-key.ts), for $INCREMENT, and for importing JavaScript numbers. Not for arithmetic at large.
 *
 * A canonical number is the one text of its value: no plus sign, no leading zeros (not even before the point), no zeros at the
 * end of the fraction, no exponent, no minus sign on zero.
 */

/** Value = 0.digits x 10^exponent. Zero has no digits and exponent 0. */
export interface Decimal {
  readonly negative: boolean;
  /** Decimal digits without zeros at either end. */
  readonly digits: string;
  readonly exponent: number;
}

/** Most significant digits, and the largest power of ten, that arithmetic accepts (derived): keeps $INCREMENT cheap. */
const decimalDigitsMax = 1000;

export class NumberRangeError extends Error {
  readonly code = 'bad-value';
}

const ZERO: Decimal = { negative: false, digits: '', exponent: 0 };
const canonicalPattern = /^(?:0|-?(?:[1-9][0-9]*(?:\.[0-9]*[1-9])?|\.[0-9]*[1-9]))$/;

export function isCanonicalNumber(text: string): boolean {
  const first = text.charCodeAt(0);
  // Most texts are decided by their first character: a digit, a point or a minus sign may begin a number.
  return (first <= 57 && (first >= 48 || first === 45 || first === 46) && canonicalPattern.test(text)) || false;
}

/** Canonical text of a JavaScript number, in full digits; null when it is not finite. */
export function canonicalNumber(value: number): string | null {
  return Number.isFinite(value) ? printDecimal(leadingNumber(String(value))) : null;
}

/** The canonical text of a number literal such as 075, 1.0, +5 or 1E3; null when the text is not wholly a number. */
export function canonicalLiteral(literal: string): string | null {
  if (!/^[+-]*(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[Ee][+-]?[0-9]+)?$/.test(literal)) return null;
  return printDecimal(leadingNumber(literal));
}

/** Exact sum of two texts, each taken for its leading numeric part: "12abc" is 12, "" is 0. @throws NumberRangeError */
export function addDecimal(a: string, b: string): string {
  const left = leadingNumber(a);
  const right = leadingNumber(b);
  const scale = Math.min(left.exponent - left.digits.length, right.exponent - right.digits.length);
  const sum = scaled(left, scale) + scaled(right, scale);
  const magnitude = (sum < 0n ? -sum : sum).toString();
  return printDecimal(decimalOf(sum < 0n, magnitude, magnitude.length + scale));
}

/** What a text is worth as a number. @throws NumberRangeError */
function leadingNumber(text: string): Decimal {
  const match = /^([+-]*)([0-9]*)(?:\.([0-9]*))?/.exec(text);
  const [all, signs = '', whole = '', fraction = ''] = match ?? [''];
  if (whole.length + fraction.length === 0) return ZERO;
  const power = /^[Ee]([+-]?[0-9]+)/.exec(text.slice(all.length, all.length + 32))?.[1] ?? '0';
  const negative = signs.split('-').length % 2 === 0;
  const value = decimalOf(negative, whole + fraction, whole.length + Number(power));
  if (value.digits.length > decimalDigitsMax || Math.abs(value.exponent) > decimalDigitsMax) {
    throw new NumberRangeError(
      `number ${text.slice(0, 20)}... is out of range: at most ${decimalDigitsMax} digits and powers of ten up to ${decimalDigitsMax}`,
    );
  }
  return value;
}

/** Strip the zeros at both ends. */
function decimalOf(negative: boolean, digits: string, exponent: number): Decimal {
  let begin = 0;
  while (begin < digits.length && digits.charCodeAt(begin) === 48) begin += 1;
  let end = digits.length;
  while (end > begin && digits.charCodeAt(end - 1) === 48) end -= 1;
  return begin === end ? ZERO : { negative, digits: digits.slice(begin, end), exponent: exponent - begin };
}

function scaled(value: Decimal, scale: number): bigint {
  if (value.digits === '') return 0n;
  const magnitude = BigInt(value.digits) * 10n ** BigInt(value.exponent - value.digits.length - scale);
  return value.negative ? -magnitude : magnitude;
}

/** The parts of a text that is known to be a canonical number. */
export function decimalOfCanonical(text: string): Decimal {
  const negative = text.charCodeAt(0) === 45;
  if (!negative && text.length < 16) {
    let end = text.length;
    while (end > 1 && text.charCodeAt(end - 1) === 48) end -= 1;
    // A whole number that is short is its own digits.
    if (Number.isInteger(+text) && text !== '0') {
      return { negative, digits: end === text.length ? text : text.slice(0, end), exponent: text.length };
    }
  }
  const unsigned = negative ? text.slice(1) : text;
  const point = unsigned.indexOf('.');
  if (point < 0) return decimalOf(negative, unsigned, unsigned.length);
  return decimalOf(negative, unsigned.slice(0, point) + unsigned.slice(point + 1), point);
}

export function printDecimal({ negative, digits, exponent }: Decimal): string {
  if (digits === '') return '0';
  const sign = negative ? '-' : '';
  if (exponent <= 0) return `${sign}.${'0'.repeat(-exponent)}${digits}`;
  if (exponent >= digits.length) return sign + digits + '0'.repeat(exponent - digits.length);
  return `${sign}${digits.slice(0, exponent)}.${digits.slice(exponent)}`;
}
