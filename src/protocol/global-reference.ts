/**
 * A global reference as people write it: ^CITY("FR",75,"Paris"). Numbers stand without quotation marks, strings with them, and
 * a quotation mark inside is doubled. Bytes and order are in global-key.ts.
 */
import type { Checked } from '../mirror/mirror-set.ts';
import { canonicalLiteral, isCanonicalNumber, NumberRangeError } from './decimal.ts';
import { encodeKey, GlobalKeyError, type GlobalReference } from './global-key.ts';

export function printReference(global: string, subscripts: readonly string[]): string {
  if (subscripts.length === 0) return `^${global}`;
  return `^${global}(${subscripts.map(printSubscript).join(',')})`;
}

function printSubscript(subscript: string): string {
  return isCanonicalNumber(subscript) ? subscript : `"${subscript.replaceAll('"', '""')}"`;
}

/** A reference to a node, or in one sentence why the text is none. Number literals are made canonical: 075 is 75. */
export function parseReference(typed: string): Checked<GlobalReference> {
  const text = typed.trim();
  const refuse = (why: string): Checked<GlobalReference> => ({
    ok: false,
    text: `"${text.slice(0, 60)}" is not a global reference: ${why}`,
  });
  if (!text.startsWith('^')) return refuse('it begins with ^, as in ^CITY("FR",75)');
  const open = text.indexOf('(');
  const global = open < 0 ? text.slice(1) : text.slice(1, open);
  const subscripts: string[] = [];
  if (open >= 0) {
    if (!text.endsWith(')')) return refuse('the closing parenthesis is missing');
    const why = readSubscripts(text.slice(open + 1, -1), subscripts);
    if (why !== null) return refuse(why);
  }
  try {
    encodeKey(global, subscripts);
  } catch (error) {
    if (error instanceof GlobalKeyError) return refuse(error.message);
    throw error;
  }
  return { ok: true, value: { global, subscripts } };
}

/** Where $ORDER and $QUERY begin: the last subscript may be "", and ^ alone stands before the first global. */
export function parseSearchReference(typed: string): Checked<GlobalReference> {
  const text = typed.trim();
  if (text === '^') return { ok: true, value: { global: '', subscripts: [] } };
  const match = /^(.*?)([,(])\s*""\s*\)$/s.exec(text);
  if (match === null) return parseReference(text);
  const level = parseReference(match[2] === '(' ? (match[1] ?? '') : `${match[1]})`);
  if (!level.ok) return level;
  const { global, subscripts } = level.value;
  return { ok: true, value: { global, subscripts: [...subscripts, ''] } };
}

/** Fills `subscripts` from the text between the parentheses; the answer is what is wrong, or null. */
function readSubscripts(list: string, subscripts: string[]): string | null {
  const piece = /\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(,|$)/y;
  let at = 0;
  for (;;) {
    piece.lastIndex = at;
    const match = piece.exec(list);
    if (match === null) {
      return `subscript ${subscripts.length + 1} is neither a number nor a string in quotation marks`;
    }
    const [all, quoted, bare = '', separator] = match;
    const subscript = quoted === undefined ? numberOf(bare) : quoted.replaceAll('""', '"');
    if (subscript === null) return `${bare.slice(0, 40)} is not a number; a string needs quotation marks`;
    subscripts.push(subscript);
    at += all.length;
    if (separator === '') return null;
  }
}

function numberOf(bare: string): string | null {
  try {
    return canonicalLiteral(bare);
  } catch (error) {
    if (error instanceof NumberRangeError) return null;
    throw error;
  }
}
