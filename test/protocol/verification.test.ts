import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type BarrierOrder,
  type BarrierSums,
  encodeBarrier,
  readBarrierOrder,
  readBarrierSums,
  readVerificationWord,
  type VerificationWord,
} from '../../src/protocol/verification.ts';

const orders: readonly BarrierOrder[] = [
  { what: 'sums' },
  { what: 'pieces', of: 'B', database: 'CITIES', pieces: ['AQ==', 'Ag=='], until: null },
  { what: 'keys', of: 'B', database: 'CITIES', from: 'AQ==', until: 'Ag==' },
];
const sums: BarrierSums = { barrier: '1/7', sums: [{ database: 'CITIES', sum: '00ff', keys: 3 }] };
const copy = { database: 'CITIES', sum: '00ff', keys: 3, same: false, known: null };
const words: readonly VerificationWord[] = [
  { says: 'compared', barrier: '1/7', copies: [copy, { ...copy, known: 'a key is missing' }] },
  { says: 'range', barrier: '1/8', answer: { digests: ['a', 'b'] } },
  { says: 'range', barrier: '1/8', answer: { keys: [{ key: 'AQ==', digest: 'd' }] } },
  { says: 'range', barrier: '1/8', answer: { damaged: 'the value of ^A is damaged' } },
  { says: 'checking', check: 1, database: 'CITIES', done: 5, of: 10 },
  { says: 'checked', check: 1, copies: [{ database: 'CITIES', fault: null, place: null }] },
  { says: 'check', check: 2 },
  { says: 'found', database: 'CITIES', position: '1/7', difference: null },
];

describe('barriers and the words about them', () => {
  test('what is written is what is read', () => {
    for (const order of orders) expect(readBarrierOrder(encodeBarrier(order))).toEqual(order);
    expect(readBarrierSums(encodeBarrier(sums))).toEqual(sums);
    for (const word of words) expect(readVerificationWord(JSON.parse(JSON.stringify(word)))).toEqual(word);
  });

  test('what lacks a field, or has one of another type, is none', () => {
    for (const whole of [...words, ...orders]) {
      for (const field of Object.keys(whole)) {
        for (const value of [undefined, 7.5, [7], {}]) {
          const broken = { ...whole, [field]: value };
          const read =
            'says' in whole ? readVerificationWord(broken) : readBarrierOrder(Buffer.from(JSON.stringify(broken)));
          expect(read).toBeNull();
        }
      }
    }
  });

  test('any bytes and any words are read without a fault', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.anything(), (bytes, said) => {
        readBarrierOrder(bytes);
        readBarrierSums(bytes);
        readVerificationWord(said);
        readVerificationWord({ says: 'compared', barrier: said, copies: said });
      }),
    );
  });
});
