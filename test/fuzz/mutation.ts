/** Broken variants of valid inputs: bits flipped, pieces cut out, doubled and mixed, lengths at their extremes, JSON values changed. */
import type { Chance } from './chance.ts';

const lengthMax = 8192;
const extremes = [0, 1, 2, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];
const literals: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  2 ** 53,
  '',
  'x',
  '__proto__',
  '\u0000',
  [],
  {},
  [[]],
  { toString: 1 },
];

/** A copy of one of `valid` with one to three changes; now and then bytes that never were valid. */
export function mutated(valid: readonly Buffer[], chance: Chance): Buffer {
  if (chance.once(12)) return chance.bytes(chance.below(80));
  let bytes: Buffer = Buffer.from(chance.of(valid));
  for (let changes = 1 + chance.below(3); changes > 0; changes -= 1) {
    bytes = changed(bytes, valid, chance);
    if (bytes.length > lengthMax) bytes = bytes.subarray(0, lengthMax);
  }
  return bytes;
}

function changed(bytes: Buffer, valid: readonly Buffer[], chance: Chance): Buffer {
  const { length } = bytes;
  if (length === 0) return chance.bytes(chance.below(16));
  const at = chance.below(length);
  switch (chance.below(9)) {
    case 0:
      bytes[at] = bytes[at]! ^ (1 << chance.below(8));
      return bytes;
    case 1:
      bytes[at] = chance.below(256);
      return bytes;
    case 2:
      return bytes.subarray(0, at);
    case 3:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.min(length, at + 1 + chance.below(16)))]);
    case 4:
      return Buffer.concat([bytes.subarray(0, at), chance.bytes(1 + chance.below(8)), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes, bytes.subarray(at)]);
    case 6: {
      const other = chance.of(valid);
      return Buffer.concat([bytes.subarray(0, at), other.subarray(chance.below(other.length + 1))]);
    }
    default:
      return withExtreme(bytes, at, chance);
  }
}

/** A length field that says something else: at a place where one may be, in 1, 2, 4 or 8 bytes. */
function withExtreme(bytes: Buffer, at: number, chance: Chance): Buffer {
  const value = chance.once(3) ? bytes.length + chance.below(5) - 2 : chance.of(extremes);
  const from = chance.once(2) ? at & ~3 : at;
  const width = chance.of([1, 2, 4, 8]);
  if (from + width > bytes.length) return bytes;
  if (width === 8) bytes.writeDoubleLE(chance.once(4) ? Number.NaN : value, from);
  else for (let index = 0; index < width; index += 1) bytes[from + index] = (value >>> (8 * index)) & 255;
  return bytes;
}

/** Variants of JSON values in which one value or key is another: they stay JSON, so that what is behind JSON.parse is reached. */
export function jsonVariants(values: readonly unknown[], count: number, chance: Chance): readonly Buffer[] {
  const variants = values.map((value) => Buffer.from(JSON.stringify(value)));
  while (variants.length < count) {
    let value = structuredClone(chance.of(values));
    for (let changes = 1 + chance.below(2); changes > 0; changes -= 1) value = withOther(value, chance);
    const text = JSON.stringify(value);
    if (text !== undefined) variants.push(Buffer.from(text));
  }
  return variants;
}

function withOther(value: unknown, chance: Chance): unknown {
  if (typeof value !== 'object' || value === null || chance.once(8)) return structuredClone(chance.of(literals));
  const fields = value as Record<string, unknown>;
  const names = Object.keys(fields);
  if (names.length === 0) return structuredClone(chance.of(literals));
  const name = chance.of(names);
  const what = chance.below(8);
  if (what === 0) delete fields[name];
  else if (what === 1) fields[`${name}x`] = fields[name];
  else fields[name] = withOther(fields[name], chance);
  return value;
}
