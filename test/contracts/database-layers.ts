/**
 * What readers see of a database is the same whether it is on the disk, being written or only taken: random updates and
 * random reads in both directions against a sorted model, while batches are written in between.
 */
import { Buffer } from 'node:buffer';
import { expect } from '@jest/globals';
import fc from 'fast-check';
import type { Database, KeyRange, Update } from '../../src/database/databases.ts';
import { checksumOf, RunningSum, withChecksum } from '../../src/database/entry-checksum.ts';
import type { JournalPosition } from '../../src/mirror/journal-position.ts';
import { subtreeEnd, WHOLE_DATABASE } from '../../src/protocol/global-key.ts';

const byte = fc.integer({ min: 1, max: 4 });
const bytes = fc.array(byte, { minLength: 1, maxLength: 4 }).map((list) => Buffer.from(list));
const update = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('set' as const), key: bytes, value: fc.string({ maxLength: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('kill' as const), key: bytes, value: fc.constant('') }) },
);
const step = fc.record({
  updates: fc.array(update, { maxLength: 12 }),
  /** What happens to what was taken until now, before the reads. */
  next: fc.constantFrom('stays', 'is being written', 'is written', 'is sealed', 'is read a turn later'),
  from: bytes,
  until: fc.option(bytes),
  reverse: fc.boolean(),
  limit: fc.option(fc.integer({ min: 0, max: 30 })),
});

export async function readsSeeEveryLayer(
  database: Database,
  at: (sequence: number) => JournalPosition,
  numRuns: number,
): Promise<void> {
  const model = new Map<string, string>();
  let sequence = database.applied?.sequence ?? 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      for (const { updates, next, ...read } of steps) {
        sequence += 1;
        void database.apply(updates.map(updateOf), at(sequence));
        for (const each of updates) change(model, each);
        checkReads(database, model, read);
        if (next === 'is being written') void database.flushed();
        if (next === 'is sealed') void database.barrier();
        if (next === 'is written') await database.flushed();
        if (next === 'is read a turn later') await new Promise((resolve) => setImmediate(resolve));
        checkReads(database, model, read);
      }
      const content = await database.barrier();
      expect(content).toEqual({ position: at(sequence), ...sumOf(model) });
      expect(await database.check(() => undefined)).toEqual({ ok: true, content });
    }),
    { numRuns },
  );
}

type Change = { readonly kind: 'set' | 'kill'; readonly key: Buffer; readonly value: string };

function updateOf({ kind, key, value }: Change): Update {
  return { kind, key, value: Buffer.from(value) };
}

function change(model: Map<string, string>, { kind, key, value }: Change): void {
  const [from, until] = [key.toString('hex'), subtreeEnd(key).toString('hex')];
  if (kind === 'set') model.set(from, value);
  else for (const each of model.keys()) if (each >= from && each < until) model.delete(each);
}

function checkReads(
  database: Database,
  model: Map<string, string>,
  { from, until, reverse, limit }: Omit<typeof step extends fc.Arbitrary<infer T> ? T : never, 'updates' | 'next'>,
): void {
  const [first, end] = [from.toString('hex'), until?.toString('hex')];
  const inside = [...model.keys()].filter((key) => key >= first && (end === undefined || key < end)).sort();
  if (reverse) inside.reverse();
  const expected = inside.slice(0, limit ?? undefined);
  const range: KeyRange = { from, reverse, ...(until && { until }), ...(limit !== null && { limit }) };
  const hex = (key: Uint8Array): string => Buffer.from(key).toString('hex');
  expect([...database.keys(range)].map(hex)).toEqual(expected);
  const entries = [...database.entries(range)].map(({ key, value }) => [hex(key), Buffer.from(value).toString()]);
  expect(entries).toEqual(expected.map((key) => [key, model.get(key)]));
  expect(database.count(range)).toBe(expected.length);
  const value = database.get(from);
  expect(value && Buffer.from(value).toString()).toBe(model.get(first));
  expect(database.count(WHOLE_DATABASE)).toBe(model.size);
}

function sumOf(model: Map<string, string>): { readonly sum: string; readonly keys: number } {
  const sum = new RunningSum();
  for (const [hex, text] of model) {
    const [key, value] = [Buffer.from(hex, 'hex'), Buffer.from(text)];
    sum.add(checksumOf(withChecksum(key, value)), key.length, value.length);
  }
  return { sum: sum.hex, keys: sum.keys };
}
