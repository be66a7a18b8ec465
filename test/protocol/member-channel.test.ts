import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { DataMessage, Envelope } from '../../src/mirror/messages.ts';
import { crc32c } from '../../src/protocol/crc32c.ts';
import { FrameError } from '../../src/protocol/frame.ts';
import { decodeData, decodeMessage, encodeData, encodeMessage, MEMBER } from '../../src/protocol/member-channel.ts';

const count = fc.maxSafeNat();
const name = fc.string({ maxLength: 40 });
const position = fc.record({ epoch: count, file: count, offset: count, sequence: count });
const envelope: fc.Arbitrary<Envelope> = fc.record({
  from: name,
  incarnation: count,
  epoch: fc.record({ number: count, owner: name, lineage: name }),
});
const message = fc.oneof(
  fc.record({ type: fc.constant('ack' as const), to: position, applied: position, term: count }),
  fc.record({ type: fc.constant('durable-to' as const), to: position }),
  fc.record({ type: fc.constant('set-active' as const), term: count, upTo: position }),
) as fc.Arbitrary<DataMessage>;
const data = fc.record({ type: fc.constant('data' as const), from: position, to: position, durableTo: position });
const place = fc.record({ file: count, fileName: name, offset: count, timeMs: fc.double({ noNaN: true }) });
const packed = fc.option(
  fc.record({ type: fc.constantFrom('zlib' as const, 'zstd' as const, 'lz4' as const), bytes: fc.nat(1000) }),
);

test('what members say is read as it was written, with its envelope', () => {
  fc.assert(
    fc.property(envelope, message, (sender, said) => {
      const { kind, body } = encodeMessage(sender, said);
      expect(decodeMessage({ kind, body: Buffer.from(body) })).toEqual({ envelope: sender, message: said });
    }),
  );
});

test('SYN-011: journal data are read as they were written, with place and packing', () => {
  fc.assert(
    fc.property(envelope, data, place, fc.uint8Array(), packed, (sender, said, where, bytes, how) => {
      const packing = how === null ? undefined : { ...how, checksum: crc32c(bytes) };
      const body = Buffer.concat(encodeData(sender, said, where, bytes, packing));
      const read = decodeData({ kind: MEMBER.data, body });
      expect(read.head).toEqual({ envelope: sender, message: said, place: where, ...(packing && { packing }) });
      expect(Buffer.compare(read.bytes, bytes)).toBe(0);
    }),
  );
});

test('a message that is cut short, or has a number that is no count, is no message', () => {
  const at = { epoch: 3, file: 1, offset: 300, sequence: 9 };
  const sender = { from: 'A', incarnation: 2, epoch: { number: 3, owner: 'A', lineage: 'x' } };
  const said = { type: 'ack', to: at, applied: at, term: 1 } as const;
  const { kind, body } = encodeMessage(sender, said);
  for (let length = 0; length < body.length; length += 1) {
    expect(() => decodeMessage({ kind, body: Buffer.from(body.subarray(0, length)) })).toThrow(FrameError);
  }
  for (const wrong of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    const { body: bad } = encodeMessage(sender, { ...said, to: { ...at, sequence: wrong } });
    expect(() => decodeMessage({ kind, body: Buffer.from(bad) })).toThrow(FrameError);
  }
  expect(() => decodeMessage({ kind: 21, body: Buffer.from(body) })).toThrow(FrameError);
});
