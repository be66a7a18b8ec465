/** A database leaves the mirror or becomes part of it while applications write into it (DB-001, DB-047). */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Client, connect, type RequestRefusedError } from '../../src/client/client.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let client: Client;
const value = Buffer.alloc(500, 'x');
const key = (number: number) => encodeKey('X', [String(number)]);

beforeAll(async () => {
  a = await startWholeHost('ALPHA');
  await a.control.perform('enable-mirror-service', {});
  await a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A' });
  await a.control.perform('create-database', { database: 'DATA', mirrored: 'DATA' });
  const targets = [{ host: '127.0.0.1', port: a.superserverPort }];
  client = await connect({ network, targets, mirror: 'DEMO', database: 'DATA' });
}, 30_000);

afterAll(async () => {
  await client.close();
  await a.close();
}, 20_000);

test('DB-001 DB-047: every update that was acknowledged is there, and none is refused', async () => {
  const acknowledged: number[] = [];
  let next = 0;
  let isOver = false;
  const writes = Array.from({ length: 500 }, async () => {
    while (!isOver) {
      const number = next;
      next += 1;
      await client.set(key(number), value);
      acknowledged.push(number);
    }
  });
  const written = async (count: number) => {
    while (acknowledged.length < count) await new Promise((resolve) => setImmediate(resolve));
  };
  for (let round = 1; round <= 3; round += 1) {
    await written(acknowledged.length + 5000);
    expect(await a.control.perform('remove-database', { database: 'DATA' })).toMatchObject({ ok: true });
    await written(acknowledged.length + 1000);
    expect(await a.control.perform('add-databases', { databases: ['DATA'] })).toMatchObject({ ok: true });
  }
  isOver = true;
  await Promise.all(writes);
  const database = a.instance.catalog.find('DATA')?.database;
  await a.reach(() => database?.get(key(next - 1)) !== undefined);
  expect(acknowledged.filter((number) => database?.get(key(number)) === undefined)).toEqual([]);
}, 60_000);

test('DB-001 DB-047: $INCREMENT counts on, MERGE copies all, and a transaction is whole or rolled back', async () => {
  let isOver = false;
  let increments = 0;
  const whole: Uint8Array[] = [];
  await client.set(encodeKey('From', ['x']), value);
  const increment = async () => {
    for (; !isOver; increments += 1) await client.increment(encodeKey('N', []), '1');
  };
  const merge = async () => {
    for (let number = 0; !isOver; number += 1) {
      await client.merge(encodeKey('To', [String(number)]), encodeKey('From', []));
      whole.push(encodeKey('To', [String(number), 'x']));
    }
  };
  const commit = async () => {
    const session = await client.session();
    for (let number = 0; !isOver; number += 1) {
      const keys = ['a', 'b'].map((part) => encodeKey('T', [String(number), part]));
      await session.begin();
      for (const each of keys) await session.set(each, value);
      const rolledBack = await session.commit().then(
        () => false,
        (error: RequestRefusedError) => error.refusal.code === 'rolled-back',
      );
      if (!rolledBack) whole.push(...keys);
    }
    session.close();
  };
  const work = [increment(), increment(), merge(), commit()];
  for (let round = 1; round <= 10; round += 1) {
    const many = whole.length + 10;
    while (whole.length < many) await new Promise((resolve) => setImmediate(resolve));
    expect(await a.control.perform('remove-database', { database: 'DATA' })).toMatchObject({ ok: true });
    expect(await a.control.perform('add-databases', { databases: ['DATA'] })).toMatchObject({ ok: true });
  }
  isOver = true;
  await Promise.all(work);
  expect(Buffer.from((await client.get(encodeKey('N', []))) as Uint8Array).toString()).toBe(String(increments));
  const missing = await Promise.all(whole.map(async (each) => (await client.get(each)) === null));
  expect(missing).not.toContain(true);
}, 60_000);
