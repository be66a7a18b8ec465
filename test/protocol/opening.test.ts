import { Buffer } from 'node:buffer';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonBody } from '../../src/protocol/frame.ts';
import {
  type Answerer,
  agree,
  isRefused,
  makeOpen,
  OPENING,
  PROTOCOL_VERSION,
  readOpen,
  readOpeningAnswer,
} from '../../src/protocol/opening.ts';

const epoch = { number: 3, owner: 'A', lineage: 'l' };
const ours: Answerer = {
  channels: ['data', 'member'],
  mirror: 'DEMO',
  member: 'A',
  instance: 'ONE',
  epoch,
  requireTls: false,
};
const open = makeOpen({ channel: 'data', mirror: 'DEMO', member: 'B', instance: 'TWO', incarnation: 7, epoch });

describe('opening', () => {
  test('what is said is what is read', () => {
    expect(readOpen({ kind: OPENING.open, body: jsonBody(open) })).toEqual(open);
  });

  test('a caller that fits is answered with who we are', () => {
    expect(agree(open, ours)).toEqual({
      version: PROTOCOL_VERSION,
      mirror: 'DEMO',
      member: 'A',
      instance: 'ONE',
      epoch,
    });
  });

  test('AGT-016: an arbiter takes the mirror the caller names', () => {
    expect(agree(open, { ...ours, mirror: null })).toMatchObject({ mirror: 'DEMO' });
  });

  test.each([
    ['version', { ...open, version: 0, versionMin: 0 }, ours],
    ['version', { ...open, version: PROTOCOL_VERSION + 5, versionMin: PROTOCOL_VERSION + 1 }, ours],
    ['channel', { ...open, channel: 'control' as const }, ours],
    ['tls', { ...open, tls: true }, ours],
    ['tls', open, { ...ours, requireTls: true }],
    ['mirror', { ...open, mirror: 'OTHER' }, ours],
  ])('a caller that does not fit is refused with the reason %s', (reason, said, answerer) => {
    const answer = agree(said, answerer);
    expect(isRefused(answer) && answer.reason).toBe(reason);
    expect(isRefused(answer) && answer.text).toMatch(/^[^\n]{10,}$/);
  });

  test('a newer caller that still speaks our version is taken', () => {
    expect(isRefused(agree({ ...open, version: PROTOCOL_VERSION + 5 }, ours))).toBe(false);
  });

  test('answers are read back', () => {
    const opened = agree(open, ours);
    expect(readOpeningAnswer({ kind: OPENING.opened, body: jsonBody(opened) })).toEqual(opened);
    const refused = { reason: 'not-primary', text: 'B is primary', primary: '10.0.0.2:1972' };
    expect(readOpeningAnswer({ kind: OPENING.refused, body: jsonBody(refused) })).toEqual(refused);
  });

  test('anything else than an opening is a FrameError, whatever it holds', () => {
    for (const body of ['null', '[]', '1', '"x"', '{"program":"other"}', '{']) {
      expect(() => readOpen({ kind: OPENING.open, body: Buffer.from(body) })).toThrow(
        expect.objectContaining({ code: 'frame' }),
      );
    }
    expect(() => readOpen({ kind: 16, body: jsonBody(open) })).toThrow(expect.objectContaining({ code: 'frame' }));
    expect(() => readOpeningAnswer({ kind: OPENING.open, body: jsonBody({}) })).toThrow(
      expect.objectContaining({ code: 'frame', reason: 'message' }),
    );
  });

  test('fields of the wrong type never get through', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(open)), fc.jsonValue()), (said) => {
        const read = readOpen({ kind: OPENING.open, body: jsonBody({ ...said, program: 'caretmirror' }) });
        expect(typeof read.mirror).toBe('string');
        expect(Number.isSafeInteger(read.incarnation)).toBe(true);
        expect(typeof read.epoch.owner).toBe('string');
      }),
    );
  });
});
