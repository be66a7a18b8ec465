/** How long the room for the journal lasts. */
import { expect, test } from '@jest/globals';
import { fullInMs, printSpan, type RoomSample, withSample } from '../../src/mirror/journal-room.ts';

const minute = 60_000;
const gib = 1024 ** 3;
const sampled = (...free: readonly number[]): readonly RoomSample[] =>
  free.reduce<readonly RoomSample[]>(
    (samples, gibs, index) => withSample(samples, { atMs: index * minute, freeBytes: gibs * gib }),
    [],
  );

test('SYN-003: what was taken in the last minutes tells when nothing is left above the reserve', () => {
  expect(fullInMs(sampled(21, 20, 19), gib)).toBe(18 * minute);
  expect(fullInMs(sampled(3, 2, 1), gib)).toBe(0);
});

test('SYN-003: a disk that does not get fuller, or is watched for less than a minute, is never full', () => {
  expect(fullInMs(sampled(5, 5, 5), gib)).toBeNull();
  expect(fullInMs(sampled(5, 4, 6), gib)).toBeNull();
  expect(fullInMs(sampled(5), gib)).toBeNull();
  expect(fullInMs([], gib)).toBeNull();
});

test('SYN-003: an hour ago does not count', () => {
  const old = withSample([], { atMs: 0, freeBytes: 100 * gib });
  const now = withSample(withSample(old, { atMs: 60 * minute, freeBytes: 10 * gib }), {
    atMs: 62 * minute,
    freeBytes: 9 * gib,
  });
  expect(fullInMs(now, gib)).toBe(16 * minute);
});

test('a span in words', () => {
  expect([30_000, 25 * minute, 180 * minute, 160 * minute].map(printSpan)).toEqual([
    'less than a minute',
    '25 min',
    '3 h',
    '2 h 40 min',
  ]);
});
