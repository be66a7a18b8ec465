import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CLIENT_ANSWER, CLIENT_REQUEST } from '../../src/protocol/client-channel.ts';
import {
  type ClientAnswer,
  type ClientRequest,
  decodeAnswer,
  decodeDatabases,
  decodeRequest,
  type EncodedMessage,
  encodeAnswer,
  encodeDatabases,
  encodeDoneBody,
  encodeRequest,
  encodeSets,
  packedGetsMax,
} from '../../src/protocol/client-messages.ts';
import { PackedSets, packedSetsMax } from '../../src/protocol/packed-sets.ts';

/** As a connection sends it: parts one after the other. */
function whole(message: EncodedMessage): Buffer {
  return Buffer.concat(Array.isArray(message.body) ? message.body : [message.body as Uint8Array]);
}

/** Views of different buffers are equal when their bytes are. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, plain(field)]));
}

const number = fc.nat(0xffffffff);
const database = fc.oneof(fc.constant(''), fc.constantFrom('DATA', 'É_DB', 'X'.repeat(255)));
const head = { number, database };
const key = fc.uint8Array({ maxLength: 600 });
const value = fc.oneof(fc.uint8Array({ maxLength: 50 }), fc.uint8Array({ minLength: 4095, maxLength: 4100 }));
const direction = fc.constantFrom('forward' as const, 'backward' as const);

const level = fc.constantFrom('journaled' as const, 'buffered' as const);
const names = fc.array(fc.record({ key, shared: fc.boolean() }), { maxLength: 4 });

const request: fc.Arbitrary<ClientRequest> = fc.oneof(
  fc.record({ type: fc.constant('set' as const), ...head, key, value }),
  fc.record({ type: fc.constantFrom('kill', 'get', 'data', 'count' as const), ...head, key }),
  fc.record({ type: fc.constant('increment' as const), ...head, key, amount: fc.integer().map(String) }),
  fc.record({ type: fc.constantFrom('order', 'query' as const), ...head, key, direction }),
  fc.record({ type: fc.constant('scan' as const), ...head, key, after: key, limit: number }),
  fc.record({ type: fc.constantFrom('sync', 'databases' as const), ...head }),
  fc.record({ type: fc.constantFrom('begin', 'commit' as const), ...head }),
  fc.record({ type: fc.constant('set' as const), ...head, key, value, level }),
  fc
    .record({ type: fc.constantFrom('kill', 'commit' as const), ...head, level })
    .map((each) => (each.type === 'kill' ? { ...each, key: new Uint8Array(3) } : each)),
  fc.record({ type: fc.constant('rollback' as const), ...head, levels: fc.constantFrom(0, 1) }),
  fc.record({ type: fc.constant('lock' as const), ...head, replace: fc.boolean(), timeoutMs: number, names }),
  fc.record({ type: fc.constant('unlock' as const), ...head, names }),
  fc.record({ type: fc.constant('gets' as const), ...head, keys: fc.array(key, { minLength: 1, maxLength: 5 }) }),
  fc.record({ type: fc.constant('merge' as const), ...head, key, fromDatabase: database, fromKey: key }),
  fc.record({ type: fc.constant('merge' as const), ...head, key, fromDatabase: database, fromKey: key, level }),
) as fc.Arbitrary<ClientRequest>;

const refusal = fc.record({
  code: fc.constantFrom('not-primary' as const, 'in-trouble' as const),
  text: fc.string(),
  retry: fc.boolean(),
  primary: fc.option(fc.string()),
});
const answer: fc.Arbitrary<ClientAnswer> = fc.oneof(
  fc.record({ type: fc.constant('done' as const), number }),
  fc.record({ type: fc.constant('value' as const), number, value: fc.option(value) }),
  fc.record({ type: fc.constant('values' as const), number, values: fc.array(fc.option(value), { minLength: 1 }) }),
  fc.record({
    type: fc.constant('page' as const),
    number,
    nodes: fc.array(fc.record({ key, value }), { maxLength: 5 }),
    more: fc.boolean(),
  }),
  fc.record({ type: fc.constant('refused' as const), number, refusal }),
);

describe('client channel', () => {
  test('every request is read as it was written', () => {
    fc.assert(
      fc.property(request, (written) => {
        const message = encodeRequest(written);
        expect(plain(decodeRequest(message.kind, whole(message)))).toEqual(plain(written));
      }),
    );
  });

  test('every answer is read as it was written', () => {
    fc.assert(
      fc.property(answer, (written) => {
        const message = encodeAnswer(written);
        expect(plain(decodeAnswer(message.kind, whole(message)))).toEqual(plain(written));
      }),
    );
  });

  test('a done answer made on its own is the same bytes as any other', () => {
    fc.assert(
      fc.property(number, (each) => {
        expect(plain(encodeDoneBody(each))).toEqual(plain(whole(encodeAnswer({ type: 'done', number: each }))));
      }),
    );
  });

  test('the bytes of a set are those of the table', () => {
    const message = encodeRequest({
      type: 'set',
      number: 258,
      database: 'D',
      key: Buffer.from('kk'),
      value: Buffer.from('v'),
    });
    expect(message.kind).toBe(CLIENT_REQUEST.set);
    expect(whole(message).toString('hex')).toBe('0201000001440200' + '6b6b' + '76');
  });

  test('sets of one message come out as they went in, in order', () => {
    const several = fc.array(fc.record({ key, value }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(several, number, database, fc.option(level), (sets, first, name, asked) => {
        const message = encodeSets(sets, first, name, asked ?? 'durable');
        const read = decodeRequest(message.kind, whole(message));
        if (read.type !== 'sets') throw new Error(`it is read as ${read.type}`);
        expect([read.number, read.database, read.level ?? null]).toEqual([first, name, asked]);
        expect(plain([...read.sets])).toEqual(plain(sets));
        expect(read.sets.count).toBe(sets.length);
        const lengths = sets.map((each) => each.key.length + each.value.length);
        expect(read.sets.dataBytes).toBe(lengths.reduce((sum, length) => sum + length));
      }),
    );
  });

  test('a message has a bounded number of sets or gets, at least one, and each is whole', () => {
    const empty = (count: number, bytes: number) => Buffer.alloc(count * bytes);
    const refused = expect.objectContaining({ code: 'not-understood', number: 7 });
    expect(PackedSets.read(empty(packedSetsMax, 6), 0, 7).count).toBe(packedSetsMax);
    for (const count of [0, packedSetsMax + 1]) expect(() => PackedSets.read(empty(count, 6), 0, 7)).toThrow(refused);
    const gets = (count: number) =>
      decodeRequest(CLIENT_REQUEST.gets, Buffer.concat([Buffer.of(7, 0, 0, 0, 0), empty(count, 2)]));
    expect(gets(packedGetsMax)).toMatchObject({ type: 'gets', number: 7 });
    for (const count of [0, packedGetsMax + 1]) expect(() => gets(count)).toThrow(refused);
    const sets = whole(encodeSets([{ key: Buffer.from('kk'), value: Buffer.from('v') }], 7, ''));
    for (let length = 6; length < sets.length; length += 1) {
      expect(() => decodeRequest(CLIENT_REQUEST.sets, sets.subarray(0, length))).toThrow(refused);
    }
  });

  test('a list of databases travels as a value', () => {
    const list = { databases: [{ name: 'DATA', mirrored: true }] };
    const message = encodeDatabases(7, list);
    const read = decodeAnswer(message.kind, whole(message));
    expect(read.type === 'value' && read.value !== null && decodeDatabases(read.value)).toEqual(list);
    for (const text of ['{}', 'no JSON', '']) {
      const error = expect.objectContaining({ code: 'not-understood', message: 'answer holds no list of databases' });
      expect(() => decodeDatabases(Buffer.from(text))).toThrow(error);
    }
  });

  test('any bytes are read or refused with ClientMessageError, never anything else', () => {
    const kinds = fc.constantFrom(...Object.values(CLIENT_REQUEST), ...Object.values(CLIENT_ANSWER), 99);
    fc.assert(
      fc.property(kinds, fc.uint8Array({ maxLength: 40 }), (kind, bytes) => {
        for (const decode of [decodeRequest, decodeAnswer]) {
          try {
            decode(kind, Buffer.from(bytes));
          } catch (error) {
            expect((error as { code?: string }).code).toBe('not-understood');
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a request cut anywhere in its fixed fields is refused and names its number', () => {
    const message = encodeRequest({
      type: 'scan',
      number: 9,
      database: 'DB',
      key: Buffer.from('abc'),
      after: Buffer.alloc(0),
      limit: 5,
    });
    const bytes = whole(message);
    for (let cut = 4; cut < bytes.length; cut += 1) {
      expect(() => decodeRequest(message.kind, bytes.subarray(0, cut))).toThrow(expect.objectContaining({ number: 9 }));
    }
  });

  test('a key too long for its length field is refused when written', () => {
    const key = Buffer.alloc(65536);
    expect(() => encodeRequest({ type: 'set', number: 1, database: '', key, value: Buffer.alloc(0) })).toThrow(
      'too long',
    );
  });
});
