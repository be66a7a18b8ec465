/** A database with updates on top looks as if they were in it, to every kind of read. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Database } from '../../src/database/databases.ts';
import { EarlyUpdates } from '../../src/instance/early-updates.ts';
import { ChangedView, OrderedUpdates, type Readable } from '../../src/instance/ordered-updates.ts';
import { encodeKey, subtreeEnd } from '../../src/protocol/global-key.ts';
import { SetPacker } from '../../src/protocol/packed-sets.ts';

type Node = { readonly key: Uint8Array; readonly value: Uint8Array };

/** The whole content, in order: simple enough to be right. */
class Model implements Readable {
  nodes: Node[] = [];

  set(key: Uint8Array, value: Uint8Array): void {
    this.nodes = [...this.nodes.filter((each) => Buffer.compare(each.key, key) !== 0), { key, value }];
    this.nodes.sort((a, b) => Buffer.compare(a.key, b.key));
  }
  kill(key: Uint8Array): void {
    const until = subtreeEnd(key);
    this.nodes = this.nodes.filter((each) => Buffer.compare(each.key, key) < 0 || Buffer.compare(each.key, until) >= 0);
  }
  get(key: Uint8Array): Uint8Array | undefined {
    return this.nodes.find((each) => Buffer.compare(each.key, key) === 0)?.value;
  }
  entries({ from, until, reverse, limit }: Parameters<Readable['entries']>[0]): Node[] {
    const inside = this.nodes.filter(
      ({ key }) => Buffer.compare(key, from) >= 0 && (until === undefined || Buffer.compare(key, until) < 0),
    );
    return (reverse === true ? inside.reverse() : inside).slice(0, limit);
  }
  keys(range: Parameters<Readable['keys']>[0]): Uint8Array[] {
    return this.entries(range).map(({ key }) => key);
  }
  count(range: Parameters<Readable['count']>[0]): number {
    return this.entries(range).length;
  }
}

const anyKey = fc
  .array(fc.integer({ min: 1, max: 4 }), { maxLength: 3 })
  .map((subscripts) => encodeKey('X', subscripts.map(String)));
const anyUpdate = fc.record({
  kind: fc.constantFrom('set', 'set', 'kill'),
  key: anyKey,
  value: fc.uint8Array({ maxLength: 2 }),
});

function change(
  target: Pick<Model, 'set' | 'kill'>,
  update: { kind: string; key: Uint8Array; value: Uint8Array },
): void {
  if (update.kind === 'set') target.set(update.key, update.value);
  else target.kill(update.key);
}

test('SYN-005: whatever was set and killed below and on top, reads both ways see the sum of it', () => {
  fc.assert(
    fc.property(
      fc.array(anyUpdate, { maxLength: 30 }),
      fc.array(anyUpdate, { maxLength: 30 }),
      fc.array(anyUpdate, { maxLength: 10 }),
      fc.record({ from: anyKey, until: fc.option(anyKey), reverse: fc.boolean(), limit: fc.option(fc.nat(5)) }),
      (below, onTop, onTopOfThat, { from, until, reverse, limit }) => {
        const base = new Model();
        for (const update of below) change(base, update);
        const sum = new Model();
        sum.nodes = [...base.nodes];
        let view: Readable = base;
        for (const updates of [onTop, onTopOfThat]) {
          const changed = new OrderedUpdates();
          for (const update of updates) {
            change(changed, update);
            change(sum, update);
          }
          view = new ChangedView(view, changed);
        }
        const range = { from, ...(until === null ? {} : { until }), reverse, ...(limit === null ? {} : { limit }) };
        expect([...view.entries(range)]).toEqual(sum.entries(range));
        expect([...view.keys(range)]).toEqual(sum.keys(range));
        expect(view.count({ from })).toBe(sum.count({ from }));
        expect(view.get(from)).toEqual(sum.get(from));
      },
    ),
    { numRuns: 500 },
  );
});

test('SYN-005: many updates in any order come back in key order, and a kill takes the right ones of them', () => {
  const updates = new OrderedUpdates();
  const model = new Model();
  const step = 7919;
  for (let each = 0; each < 3000; each += 1) {
    const number = (each * step) % 3000;
    updates.set(encodeKey('X', [String(Math.floor(number / 100)), String(number)]), Buffer.of(number % 256));
  }
  updates.kill(encodeKey('X', ['7']));
  updates.kill(encodeKey('X', ['29']));
  const found = [...new ChangedView(model, updates).keys({ from: Buffer.of(1) })];
  expect(found).toHaveLength(2800);
  expect(found).toEqual([...found].sort(Buffer.compare));
  expect([...new ChangedView(model, updates).keys({ from: Buffer.of(1), reverse: true })]).toEqual(
    [...found].reverse(),
  );
});

/** Some updates, alone and many sets in one message, as a connection brings them. */
const anyMessages = fc.array(
  fc.oneof(
    anyUpdate.map((update) => [update]),
    fc.array(
      anyUpdate.map((update) => ({ ...update, kind: 'set' })),
      { minLength: 1, maxLength: 60 },
    ),
  ),
  { maxLength: 12 },
);

test('SYN-005: what was answered early is seen by key and in order, whatever is asked for in between', () => {
  fc.assert(
    fc.property(anyMessages, fc.array(anyKey, { maxLength: 4 }), fc.array(fc.boolean()), (messages, keys, looks) => {
      const early = new EarlyUpdates();
      const base = new Model() as unknown as Database;
      const model = new Model();
      let sequence = 0;
      for (const [index, updates] of messages.entries()) {
        const sets = new SetPacker(16);
        for (const update of updates) {
          change(model, update);
          sets.add(update.key, update.value);
        }
        sequence += updates.length;
        const [first] = updates;
        const kind = first?.kind === 'kill' ? 'kill' : 'set';
        if (updates.length > 1) early.add(base, { kind: 'sets', database: 'D', sets: sets.packed }, sequence);
        else if (first !== undefined) early.add(base, { ...first, kind, database: 'D' }, sequence);
        const view = early.view(base, base);
        for (const key of keys) expect(asArray(view.get(key))).toEqual(asArray(model.get(key)));
        const range = { from: Buffer.of(1) };
        if (looks[index] === true) expect([...view.entries(range)].map(asArrays)).toEqual(model.nodes.map(asArrays));
      }
      early.applied(sequence);
      early.applied(sequence);
      expect(early.view(base, base)).toBe(base);
    }),
    { numRuns: 300 },
  );
});

test('SYN-005: the newest of many early sets is found by its key, however many there are', () => {
  const early = new EarlyUpdates();
  const base = new Model() as unknown as Database;
  const keyOf = (number: number) => encodeKey('X', [String(number)]);
  for (let turn = 0; turn < 3; turn += 1) {
    for (let begin = 0; begin < 6000; begin += 500) {
      const sets = new SetPacker(64);
      for (let each = begin; each < begin + 500; each += 1) sets.add(keyOf(each), Buffer.from(`${each}.${turn}`));
      early.add(base, { kind: 'sets', database: 'D', sets: sets.packed }, 0);
    }
  }
  const view = early.view(base, base);
  for (let each = 0; each < 6000; each += 1) expect(String(view.get(keyOf(each)))).toBe(`${each}.2`);
  expect(view.get(keyOf(6000))).toBeUndefined();
});

function asArray(bytes: Uint8Array | undefined): readonly number[] | undefined {
  return bytes === undefined ? undefined : [...bytes];
}
function asArrays({ key, value }: Node) {
  return [asArray(key), asArray(value)];
}
