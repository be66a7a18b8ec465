import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { globalKeyBytesMax } from '../../src/mirror/limits.ts';
import { addDecimal, canonicalNumber, isCanonicalNumber } from '../../src/protocol/decimal.ts';
import {
  ancestorAt,
  decodeKey,
  descendants,
  encodeKey,
  encodeSearchKey,
  GlobalKeyError,
  isGlobalName,
  type KeyBounds,
  levelOf,
  queryBounds,
  siblingBounds,
  subtreeEnd,
} from '../../src/protocol/global-key.ts';
import { isKey } from '../../src/protocol/global-key-check.ts';

/** Order by value with whole-number arithmetic on the text itself, independent of the code under test. */
function compareNumbers(a: string, b: string): number {
  const fractionOf = (text: string) => text.split('.')[1] ?? '';
  const places = Math.max(fractionOf(a).length, fractionOf(b).length);
  const scaledUp = (text: string) => {
    const [whole = '', fraction = ''] = text.replace('-', '').split('.');
    const value = BigInt(`0${whole}${fraction.padEnd(places, '0')}`);
    return text.startsWith('-') ? -value : value;
  };
  const difference = scaledUp(a) - scaledUp(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** A second definition of canonical: strip everything a canonical number may not have and see whether anything changed. */
function looksCanonical(text: string): boolean {
  if (!/^-?[0-9]*\.?[0-9]*$/.test(text) || !/[0-9]/.test(text)) return false;
  let rest = text.replace(/^-/, '');
  if (rest.includes('.')) rest = rest.replace(/0+$/, '').replace(/\.$/, '');
  rest = rest.replace(/^0+/, '');
  if (rest === '') return text === '0';
  return text === (text.startsWith('-') ? `-${rest}` : rest);
}

function compareSubscripts(a: string, b: string): number {
  const [numberA, numberB] = [looksCanonical(a), looksCanonical(b)];
  if (numberA && numberB) return compareNumbers(a, b);
  if (numberA !== numberB) return numberA ? -1 : 1;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

interface Node {
  readonly global: string;
  readonly subscripts: readonly string[];
}

function compareNodes(a: Node, b: Node): number {
  const names = Buffer.compare(Buffer.from(a.global), Buffer.from(b.global));
  if (names !== 0) return names;
  for (let i = 0; i < Math.min(a.subscripts.length, b.subscripts.length); i += 1) {
    const difference = compareSubscripts(a.subscripts[i]!, b.subscripts[i]!);
    if (difference !== 0) return difference;
  }
  return a.subscripts.length - b.subscripts.length;
}

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 24 });
const numeric = fc
  .tuple(fc.constantFrom('', '-'), digits, fc.constantFrom('', '.'), digits)
  .map((parts) => parts.join(''))
  .filter((text) => text !== '');
const tricky = fc.constantFrom(
  ...['0', '-0', '075', '75', '1.0', '1E3', '+5', '.5', '-.5', '0.5', '5.', '-', '.', '-12.5', '1000000000000000000'],
  ...['1000000000000000001', '-1000000000000000000', '\u0000', '\u0001', 'a\u0000', 'a\u0001', 'a', 'ab', '\u{1F600}'],
  ...['\uFFFD', '\uE000', `.${'0'.repeat(30)}1`, `1${'0'.repeat(30)}`, '"', ' ', '10', '9', '100', '99'],
);
const subscript = fc.oneof(
  numeric,
  tricky,
  fc.string({ unit: 'binary', minLength: 1, maxLength: 12 }),
  fc.string({ unit: fc.constantFrom('\u0000', '\u0001', '\u0002', 'a', '0'), minLength: 1, maxLength: 5 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => canonicalNumber(value)!),
);
const name = fc.constantFrom('A', 'AB', 'A.B', 'B', '%Z', 'a', 'A1', 'CITY');
const node = fc
  .record({ global: name, subscripts: fc.array(subscript, { maxLength: 4 }) })
  .filter(({ subscripts }) => subscripts.every((text) => text.length < 60));
const encode = ({ global, subscripts }: Node) => encodeKey(global, subscripts);

describe('collation', () => {
  test('the order of keys is the order of references', () => {
    fc.assert(
      fc.property(node, node, (a, b) => {
        expect(Math.sign(Buffer.compare(encode(a), encode(b)))).toBe(Math.sign(compareNodes(a, b)));
      }),
      { numRuns: 2000 },
    );
  });

  test('the order of subscripts of one level', () => {
    fc.assert(
      fc.property(subscript, subscript, (a, b) => {
        const order = Buffer.compare(encodeKey('A', [a, 'x']), encodeKey('A', [b, 'x']));
        expect(Math.sign(order)).toBe(Math.sign(compareSubscripts(a, b)));
      }),
      { numRuns: 2000 },
    );
  });

  test('a list as the original sorts it', () => {
    const sorted = ['-1000', '-12.5', '-12', '-.5', '0', '.5', '.75', '1', '2', '10', '75', '1000000000000000000'];
    const strings = ['', '-0', '075', '1.0', '1E3', 'A', 'AB', 'Paris', 'a', 'é', '日本', '\u{1F600}'].slice(1);
    const all = [...sorted, ...strings].map((text) => encodeKey('C', [text]));
    expect([...all].reverse().sort(Buffer.compare)).toEqual(all);
  });

  test('a canonical number is the same node however it was given', () => {
    expect(isCanonicalNumber('75')).toBe(true);
    for (const text of ['075', '1.0', '-0', '1E3', '', '0.5', '5.', '.', '-', '+5', '00', '-.50', ' 1', '1\n']) {
      expect([text, isCanonicalNumber(text)]).toEqual([text, false]);
    }
    fc.assert(fc.property(subscript, (text) => expect(isCanonicalNumber(text)).toBe(looksCanonical(text))));
  });
});

describe('round trip and refusals', () => {
  test('a key decodes to its reference', () => {
    fc.assert(
      fc.property(node, (reference) => {
        const key = encode(reference);
        expect(decodeKey(key)).toEqual(reference);
        expect(levelOf(key)).toBe(reference.subscripts.length);
        expect(ancestorAt(key, 0)).toEqual(encodeKey(reference.global, []));
      }),
      { numRuns: 1500 },
    );
  });

  const changedKey = fc
    .tuple(node, fc.nat(), fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0, 1, 11, 100, 101, 254, 255)))
    .map(([reference, at, byte]) => {
      const key = encode(reference);
      key[at % key.length] = byte;
      return key;
    });
  const cutKey = fc.tuple(node, fc.nat()).map(([reference, at]) => {
    const key = encode(reference);
    return key.subarray(0, at % (key.length + 1));
  });
  const noise = fc.oneof(fc.uint8Array({ maxLength: 20 }), changedKey, cutKey, node.map(encode));

  test('what is checked without decoding is a key exactly when it decodes', () => {
    const decodes = (bytes: Uint8Array) => {
      try {
        decodeKey(bytes);
        return true;
      } catch {
        return false;
      }
    };
    fc.assert(
      fc.property(noise, (bytes) => {
        expect(isKey(bytes)).toBe(decodes(bytes));
      }),
      { numRuns: 6000 },
    );
    for (const length of [31, 32]) expect(isKey(Buffer.from(`${'a'.repeat(length)}\0`))).toBe(length === 31);
    expect(isKey(new Uint8Array(globalKeyBytesMax + 1))).toBe(false);
  });

  test('bytes decode only when encodeKey writes the same bytes', () => {
    fc.assert(
      fc.property(noise, (bytes) => {
        if (isKey(bytes)) expect(encode(decodeKey(bytes))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 2000 },
    );
    expect(isKey(Buffer.from('A'))).toBe(false);
    expect(isKey(encodeSearchKey('A', ['']))).toBe(false);
    expect(isKey(encodeSearchKey('', []))).toBe(false);
  });

  test('what has no key is refused in words', () => {
    expect(() => encodeKey('CITY', ['FR', ''])).toThrow(/subscript is empty/);
    expect(() => encodeKey('1A', [])).toThrow(/global name "\^1A" is not valid/);
    expect(() => encodeKey('A', ['x'.repeat(600)])).toThrow(/511 bytes/);
    expect(() => encodeKey('A', ['x'.repeat(300), 'y'.repeat(300)])).toThrow(/511 bytes/);
    expect(() => encodeKey('A', ['9'.repeat(5000)])).toThrow(GlobalKeyError);
    expect(() => encodeKey('A', ['\ud800'])).toThrow(/surrogate/);
    expect(encodeKey('A', ['x'.repeat(globalKeyBytesMax - 4)]).length).toBe(globalKeyBytesMax);
  });

  test('global names', () => {
    for (const good of ['A', '%', '%Z', 'a1', 'A.B', 'x'.repeat(31)])
      expect([good, isGlobalName(good)]).toEqual([good, true]);
    for (const bad of ['', '1', 'A.', '.A', 'A_B', 'A%', 'x'.repeat(32), 'É']) {
      expect([bad, isGlobalName(bad)]).toEqual([bad, false]);
    }
  });
});

describe('ranges', () => {
  const inside = (key: Buffer, { from, until }: KeyBounds) =>
    Buffer.compare(key, from) >= 0 && Buffer.compare(key, until) < 0;

  test('a node and everything below it are one range, the node first', () => {
    fc.assert(
      fc.property(node, node, (top, other) => {
        const key = encode(top);
        const below =
          other.global === top.global &&
          other.subscripts.length > top.subscripts.length &&
          top.subscripts.every((text, i) => other.subscripts[i] === text);
        const same = compareNodes(top, other) === 0;
        const where = encode(other);
        expect(inside(where, { from: key, until: subtreeEnd(key) })).toBe(below || same);
        expect(inside(where, descendants(key))).toBe(below);
      }),
      { numRuns: 2000 },
    );
  });

  const last = fc.oneof(subscript, fc.constant(''));
  const tree = fc.array(
    fc.record({
      global: fc.constantFrom('A', 'B'),
      subscripts: fc.array(fc.constantFrom('1', '2', 'x'), { maxLength: 3 }),
    }),
    { maxLength: 12 },
  );
  /** What a store does with bounds: the first key inside, or the last. */
  const search = (keys: readonly Buffer[], bounds: KeyBounds, direction: 1 | -1) =>
    (direction === 1 ? keys : [...keys].reverse()).find((key) => inside(key, bounds));

  test('$ORDER finds the neighbour on the same level, with or without a value of its own', () => {
    fc.assert(
      fc.property(
        tree,
        fc.constantFrom('A', 'B', ''),
        fc.array(fc.constantFrom('1', '2', 'x'), { maxLength: 2 }),
        last,
        (nodes, global, front, tail) => {
          const from = global === '' ? [] : tail.length > 20 ? front : [...front, tail];
          const keys = nodes.map(encode).sort(Buffer.compare);
          const start = encodeSearchKey(global, from);
          for (const direction of [1, -1] as const) {
            const level = from.length;
            const names = new Set(
              nodes
                .filter((n) => n.subscripts.length >= level && (level === 0 || n.global === global))
                .filter((n) => from.slice(0, -1).every((text, i) => n.subscripts[i] === text))
                .map((n) => (level === 0 ? n.global : n.subscripts[level - 1]!)),
            );
            const compare = level === 0 ? (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0) : compareSubscripts;
            const here = level === 0 ? global : from.at(-1)!;
            const candidates = [...names].sort(compare).filter((n) => here === '' || compare(n, here) * direction > 0);
            const expected = direction === 1 ? candidates[0] : candidates.at(-1);
            const found = search(keys, siblingBounds(start, direction), direction);
            const neighbour = found && decodeKey(ancestorAt(found, level));
            expect(level === 0 ? neighbour?.global : neighbour?.subscripts.at(-1)).toBe(expected);
          }
        },
      ),
      { numRuns: 1500 },
    );
  });

  test('$QUERY walks the nodes of one global in both directions', () => {
    fc.assert(
      fc.property(tree, node, (nodes, from) => {
        const start: Node = { global: 'A', subscripts: from.subscripts };
        const keys = nodes.map(encode).sort(Buffer.compare);
        const ordered = nodes.filter((n) => n.global === 'A').sort(compareNodes);
        const next = ordered.find((n) => compareNodes(n, start) > 0);
        const previous = ordered.filter((n) => compareNodes(n, start) < 0).at(-1);
        const find = (direction: 1 | -1) => {
          const found = search(keys, queryBounds(encode(start), direction), direction);
          return found && decodeKey(found);
        };
        expect(find(1)).toEqual(next);
        expect(find(-1)).toEqual(previous);
      }),
      { numRuns: 2000 },
    );
    const keys = [encodeKey('A', []), encodeKey('A', ['1', '2']), encodeKey('A', ['x']), encodeKey('B', [])];
    expect(search(keys, queryBounds(encodeSearchKey('A', ['']), -1), -1)).toEqual(keys[2]);
    expect(search(keys, queryBounds(encodeSearchKey('A', ['']), 1), 1)).toEqual(keys[1]);
  });
});

describe('numbers', () => {
  test('a JavaScript number in full digits', () => {
    const cases: [number, string | null][] = [
      [2138551, '2138551'],
      [0.5, '.5'],
      [-0.5, '-.5'],
      [-0, '0'],
      [1e21, '1000000000000000000000'],
      [1.5e-7, '.00000015'],
      [Number.NaN, null],
      [Number.POSITIVE_INFINITY, null],
    ];
    for (const [value, text] of cases) expect(canonicalNumber(value)).toBe(text);
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        const text = canonicalNumber(value)!;
        expect(looksCanonical(text)).toBe(true);
        expect(Number(text)).toBe(value === 0 ? 0 : value);
      }),
    );
  });

  test('$INCREMENT adds exactly and takes the leading numeric part of a text', () => {
    const cases: [string, string, string][] = [
      ['', '1', '1'],
      ['12abc', '1', '13'],
      ['abc', '-1', '-1'],
      ['.1', '.2', '.3'],
      ['999999999999999999999', '1', '1000000000000000000000'],
      ['-5', '5', '0'],
      ['1E3x', '.5', '1000.5'],
      ['--5', '1', '6'],
      ['+-5', '1', '-4'],
      ['1.50', '-.5', '1'],
    ];
    for (const [a, b, sum] of cases) expect([a, b, addDecimal(a, b)]).toEqual([a, b, sum]);
    fc.assert(
      fc.property(fc.bigInt(), fc.bigInt(), (a, b) => {
        expect(addDecimal(String(a), String(b))).toBe(String(a + b));
      }),
    );
    expect(() => addDecimal('1E999999999', '1')).toThrow(/out of range/);
    expect(() => addDecimal('9'.repeat(100_000), '1')).toThrow(/out of range/);
  });
});
