import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type ClockMeasurement, mergeTimeline, ownClock, type Source } from '../../src/commands/timeline.ts';
import type { EventRecord } from '../../src/protocol/control-channel.ts';

/** The true time of everything here, ms. */
const begin = Date.parse('2026-01-31T12:00:00.000Z');

function event(number: number, atMs: number, what: string, facts: EventRecord['facts'] = {}): EventRecord {
  return { number, at: new Date(atMs).toISOString(), member: 'M', what, rules: [], facts };
}

/** What a host notes whose clock is wrong by `offsetMs`. */
function host(
  name: string,
  offsetMs: number,
  ...noted: readonly (readonly [number, string, EventRecord['facts']?])[]
): Source {
  const events = noted.map(([afterMs, what, facts], index) =>
    event(index + 1, begin + afterMs + offsetMs, what, facts),
  );
  return { name, clock: name, events };
}

function measured(to: string, offsetMs: number, uncertaintyMs: number, atMs = begin): ClockMeasurement {
  return { from: ownClock, to, atMs, offsetMs, uncertaintyMs };
}

const offset = (of: string, offsetMs: number, uncertaintyMs = 2) => ({ of, offsetMs, uncertaintyMs });

describe('events of several hosts as one timeline', () => {
  test('FO-017, FO-021: hosts whose clocks are wrong by minutes are put in the order in which things happened', () => {
    const a = host('A', 120_000, [0, 'enters trouble state'], [4000, 'leaves trouble state']);
    const b = host('B', -60_000, [1000, 'lost the primary'], [2000, 'took nobody in']);
    const merged = mergeTimeline([a, b], [measured('A', 120_000, 3), measured('B', -60_000, 5)]);
    expect(merged.map(({ source, what }) => `${source} ${what}`)).toEqual([
      'A enters trouble state',
      'B lost the primary',
      'B took nobody in',
      'A leaves trouble state',
    ]);
    expect(merged[1]).toMatchObject({ at: '2026-01-31T11:59:01.000Z', correctedAt: '2026-01-31T12:00:01.000Z' });
  });

  test('a dead host is placed over the hosts that measured it while it lived', () => {
    const b = host('B', 5000, [0, 'clock offset', offset('A', 70_000)], [3000, 'takes over']);
    const a = host('A', 75_000, [1000, 'stops']);
    const merged = mergeTimeline([a, b], [measured('B', 5000, 1, begin + 76_000)]);
    expect(merged.map(({ what }) => what)).toEqual(['clock offset', 'stops', 'takes over']);
    expect(merged[1]).toMatchObject({ correctedAt: '2026-01-31T12:00:01.000Z', uncertaintyMs: 3 });
  });

  test('of two ways the surer one counts; a host that nobody measured says so', () => {
    const b = host('B', 0, [0, 'clock offset', offset('A', 40, 50)]);
    const c = host('C', 0, [0, 'clock offset', offset('A', 1000, 1)]);
    const a = host('A', 1000, [500, 'stops']);
    const x = host('X', 9000, [600, 'told B that the other member is gone']);
    const merged = mergeTimeline([a, b, c, x], [measured('B', 0, 1), measured('C', 0, 1)]);
    expect(merged.find(({ source }) => source === 'A')).toMatchObject({ correctedAt: '2026-01-31T12:00:00.500Z' });
    expect(merged.find(({ source }) => source === 'X')).toMatchObject({
      uncertaintyMs: null,
      correctedAt: '2026-01-31T12:00:09.600Z',
    });
  });

  test('a clock that was set: what came before is corrected by what was measured then', () => {
    const noted = [
      [0, 'clock offset', offset('A', 30_000)],
      [10_000, 'clock offset', offset('A', 0)],
    ] as const;
    const b = host('B', 0, ...noted);
    const a: Source = {
      name: 'A',
      clock: 'A',
      events: [event(1, begin + 35_000, 'early'), event(2, begin + 12_000, 'late')],
    };
    // Events that a clock went back over keep their order; the first of them is placed by the newest measurement before it.
    const merged = mergeTimeline([a, b], [measured('B', 0, 1)]);
    expect(merged.filter(({ source }) => source === 'A').map(({ what }) => what)).toEqual(['early', 'late']);
    expect(merged.at(-1)).toMatchObject({ what: 'late', correctedAt: '2026-01-31T12:00:12.000Z' });
  });

  test('whatever the clocks: nothing is lost, each source keeps its order, and a known clock puts all in order', () => {
    const hosts = fc.array(
      fc.record({ offsetMs: fc.integer({ min: -1e6, max: 1e6 }), spans: fc.array(fc.nat(5000)) }),
      {
        maxLength: 5,
      },
    );
    fc.assert(
      fc.property(hosts, (all) => {
        const sources = all.map(({ offsetMs, spans }, index) => {
          let afterMs = 0;
          const noted = spans.map((span) => {
            afterMs += span;
            return [afterMs, String(afterMs)] as const;
          });
          return host(`H${index}`, offsetMs, ...noted);
        });
        const merged = mergeTimeline(
          sources,
          all.map(({ offsetMs }, index) => measured(`H${index}`, offsetMs, 0)),
        );
        const times = merged.map(({ what }) => Number(what));
        expect(times).toEqual([...times].sort((a, b) => a - b));
        expect(merged.length).toBe(sources.reduce((count, { events }) => count + events.length, 0));
        for (const { name } of sources) {
          const numbers = merged.filter(({ source }) => source === name).map(({ number }) => number);
          expect(numbers).toEqual(numbers.map((_, index) => index + 1));
        }
      }),
    );
  });
});
