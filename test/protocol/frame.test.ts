import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  encodeFrame,
  encodeFrameHeader,
  type Frame,
  FrameDecoder,
  jsonBody,
  parseJsonBody,
} from '../../src/protocol/frame.ts';

const frames = fc.array(
  fc.record({ kind: fc.integer({ min: 0, max: 255 }), body: fc.uint8Array({ maxLength: 300 }) }),
  { maxLength: 20 },
);

/** Cut `bytes` at the given places and feed the pieces. */
function feedCut(decoder: FrameDecoder, bytes: Buffer, cuts: readonly number[]): Frame[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).flatMap((to, i) => [...decoder.feed(bytes.subarray(places[i], to))]);
}

describe('frames', () => {
  test('come out whole and in order, however the stream is cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 40 }), (sent, cuts) => {
        const decoder = new FrameDecoder();
        const stream = Buffer.concat(sent.map(({ kind, body }) => encodeFrame(kind, body)));
        const got = feedCut(decoder, stream, cuts);
        expect(got.map(({ kind, body }) => [kind, [...body]])).toEqual(sent.map(({ kind, body }) => [kind, [...body]]));
        expect(decoder.fault).toBeNull();
        expect(decoder.heldBytes).toBe(0);
      }),
    );
  });

  test('a body in parts has the frame of its concatenation', () => {
    const parts = [Buffer.from('ab'), Buffer.alloc(0), Buffer.from('cde')];
    const whole = encodeFrame(20, Buffer.from('abcde'));
    expect(Buffer.concat([encodeFrameHeader(20, parts), ...parts])).toEqual(whole);
  });

  test('the bytes of a frame are those of the description', () => {
    // Checksum by an implementation of CRC-32C of another hand, over 10 68 65 6c 6c 6f.
    expect(encodeFrame(16, Buffer.from('hello')).toString('hex')).toBe('05000000cd81254810007eca68656c6c6f');
  });

  test('one changed bit anywhere is never taken for a frame', () => {
    const stream = encodeFrame(17, Buffer.from('every bit of this counts'));
    for (let bit = 0; bit < stream.length * 8; bit += 1) {
      const changed = Buffer.from(stream);
      changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
      expect(new FrameDecoder().feed(changed)).toEqual([]);
    }
  });

  test('of a body whose end carries checksums of its own only the beginning is covered; in header and beginning no bit may change', () => {
    const parts = [Buffer.from('a head of 21 bytes...'), Buffer.alloc(300, 7)];
    const stream = Buffer.concat([encodeFrameHeader(17, parts, parts[0]!.length), ...parts]);
    const body = Buffer.concat(parts);
    expect(new FrameDecoder().feed(stream)).toEqual([{ kind: 17, body }]);
    // The mark, or a length that is not there yet, or the checksum: nothing comes out. 24 bytes are covered.
    for (let bit = 0; bit < (12 + 24) * 8; bit += 1) {
      const changed = Buffer.from(stream);
      changed[bit >> 3] = changed[bit >> 3]! ^ (1 << (bit & 7));
      const frames = new FrameDecoder().feed(changed);
      // A shorter length ends the body early: whoever takes what is not covered must see that its end is missing.
      if (bit >= 32) expect(frames).toEqual([]);
      else for (const frame of frames) expect(frame.body.length).toBeLessThan(body.length);
    }
    const behind = Buffer.from(stream);
    behind[12 + 24] = 8;
    expect(new FrameDecoder().feed(behind)[0]?.body).toEqual(behind.subarray(12));
  });

  test('a body that is covered whole is told so, however much was asked for', () => {
    const body = [Buffer.from('abcdefgh'), Buffer.from('ijklmnop')];
    const whole = encodeFrameHeader(3, body);
    for (const asked of [9, 16, 17, 5000, Infinity]) expect(encodeFrameHeader(3, body, asked)).toEqual(whole);
    const long = [Buffer.alloc(4000, 1)];
    expect(encodeFrameHeader(3, long, 2041)).toEqual(encodeFrameHeader(3, long));
    expect(encodeFrameHeader(3, long, 2040)[9]).toBe(255);
  });

  test('frames before a faulty one still come out, none after it', () => {
    const good = encodeFrame(16, Buffer.from('good'));
    const bad = Buffer.from(good);
    bad[13] = 0;
    const decoder = new FrameDecoder();
    expect(decoder.feed(Buffer.concat([good, good, bad, good]))).toHaveLength(2);
    expect(decoder.fault?.reason).toBe('checksum');
    expect(decoder.feed(good)).toEqual([]);
  });

  test('a stray connection is refused at its first bytes', () => {
    const decoder = new FrameDecoder();
    expect(decoder.feed(Buffer.from('GET / HTTP/1.1\r\n'))).toEqual([]);
    expect(decoder.fault?.reason).toBe('mark');
  });

  test('a length above the limit is refused before any of it is awaited', () => {
    const decoder = new FrameDecoder(1000);
    decoder.feed(encodeFrame(16, Buffer.alloc(1001)).subarray(0, 12));
    expect(decoder.fault?.reason).toBe('length');
    expect(new FrameDecoder(1000).feed(encodeFrame(16, Buffer.alloc(1000)))).toHaveLength(1);
  });

  test('an announced length sets aside little memory', () => {
    const header = encodeFrameHeader(16, [Buffer.alloc(60 * 1024 * 1024)]);
    const before = process.memoryUsage().arrayBuffers;
    const decoders = Array.from({ length: 20 }, () => new FrameDecoder());
    for (const decoder of decoders) decoder.feed(Buffer.concat([header, Buffer.alloc(10)]));
    expect(decoders[0]!.heldBytes).toBe(22);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
  });

  test('a large frame in small pieces comes out whole', () => {
    const body = Buffer.alloc(5_000_000, 'abcdefg');
    const stream = encodeFrame(33, body);
    const decoder = new FrameDecoder();
    const got: Frame[] = [];
    for (let at = 0; at < stream.length; at += 7001) got.push(...decoder.feed(stream.subarray(at, at + 7001)));
    expect(got).toHaveLength(1);
    expect(got[0]!.body.equals(body)).toBe(true);
  });

  test('random bytes never crash or hold more than arrived', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
        const decoder = new FrameDecoder();
        let fed = 0;
        for (const chunk of chunks) {
          decoder.feed(chunk);
          fed += chunk.length;
          expect(decoder.heldBytes).toBeLessThanOrEqual(fed);
        }
      }),
    );
  });

  test('damage in a stream of good frames ends it without an exception', () => {
    fc.assert(
      fc.property(frames, fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 20 }), (sent, place, damage) => {
        const stream = Buffer.concat(sent.map(({ kind, body }) => encodeFrame(kind, body)));
        const at = place % (stream.length + 1);
        const decoder = new FrameDecoder();
        const damaged = Buffer.concat([stream.subarray(0, at), damage, stream.subarray(at)]);
        expect(decoder.feed(damaged).length).toBeLessThanOrEqual(sent.length + 1);
      }),
    );
  });

  test('a body that is not JSON is a FrameError', () => {
    expect(parseJsonBody({ kind: 16, body: jsonBody({ a: [1, null] }) })).toEqual({ a: [1, null] });
    expect(() => parseJsonBody({ kind: 16, body: Buffer.from('{') })).toThrow(
      expect.objectContaining({ code: 'frame', reason: 'json' }),
    );
  });
});
