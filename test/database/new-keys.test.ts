/** What is known of the keys of a batch before they are put. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NewKeys } from '../../src/database/new-keys.ts';

/** A tree of these keys that takes what is put into it, and counts how often it is asked. */
function treeOf(keys: readonly string[]) {
  const there = new Set(keys);
  let last = [...keys].sort().at(-1) ?? '';
  let looks = 0;
  const newKeys = new NewKeys((from) => {
    looks += 1;
    const wanted = Buffer.from(from).toString('latin1');
    const found = [...there].filter((key) => key >= wanted).sort()[0];
    return found === undefined ? null : Buffer.from(found, 'latin1');
  });
  return {
    there,
    looks: () => looks,
    put(key: string): boolean {
      // What lies behind the key does not count.
      const isNew = newKeys.has(Buffer.from(`${key}rest`, 'latin1'), key.length);
      if (isNew && there.has(key)) throw new Error(`${key} is there`);
      if (isNew && newKeys.isBehindAll && last >= key) throw new Error(`${last} is behind ${key}`);
      there.add(key);
      if (key > last) last = key;
      return isNew;
    },
  };
}

test('what counts as new is not there, and what counts as last has nothing behind it', () => {
  const key = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(key, { maxLength: 60 }), fc.uniqueArray(key, { maxLength: 400 }), (present, batch) => {
      const tree = treeOf(present);
      for (const each of batch.sort()) tree.put(each);
    }),
    { numRuns: 500 },
  );
});

test('a load in order is looked ahead for once, behind everything and between what is there', () => {
  for (const present of [[], ['zebra', 'zoo'], ['a'], ['a', 'n05', 'zoo']]) {
    const tree = treeOf(present);
    const batch = Array.from({ length: 5000 }, (_, number) => `n${String(number + 100_000)}`);
    const known = batch.filter((each) => tree.put(each)).length;
    expect(known).toBeGreaterThan(4900);
    expect(tree.looks()).toBeLessThan(4);
  }
});

test('where new keys stand between others, looking ahead is given up, and is taken up again', () => {
  const numbers = Array.from({ length: 20_000 }, (_, number) => String(number + 100_000));
  const tree = treeOf(numbers.filter((_, index) => index % 2 === 0));
  for (const each of numbers) if (!tree.there.has(each)) tree.put(each);
  expect(tree.looks()).toBeLessThan(20);
  const behind = Array.from({ length: 6000 }, (_, number) => `x${String(number + 100_000)}`);
  expect(behind.filter((each) => tree.put(each)).length).toBeGreaterThan(1500);
});
