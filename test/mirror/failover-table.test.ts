/**
 * Every table decides every situation exactly once; what a row says is what a member does, and a row that said something
 * else would be noticed; primary and backup never decide against each other. The plays of the rows are in test/mirror/rows;
 * scripts/check-tables.mjs counts what is tested here.
 */
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { type ArbiterFacts, arbiterTable, decide, ImpossibleSituation } from '../../src/mirror/failover-table.ts';
import { filesBelow, textOf } from '../fixtures/project-files.ts';
import { tableTests } from './rows/all-rows.ts';
import { askedWhile, combinations, keyOf, type Row, type RowTest, thrownWith } from './rows/row-play.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('every decision table of src/mirror has tests of its rows', () => {
  const named = filesBelow(root, 'src/mirror').flatMap((path) =>
    [...textOf(root, path).matchAll(/^export const (\w+Table)\b/gm)].map((match) => match[1]),
  );
  expect(named.sort()).toEqual(Object.keys(tableTests).sort());
});

describe.each(Object.entries(tableTests))('%s', (name, { rows, columns, tests }) => {
  const all = combinations(columns);
  const outcomes = [...new Set([...rows.map((row) => row.outcome), 'impossible'])];
  const impossible = rows.filter((row) => row.outcome === 'impossible');
  const possible = rows.filter((row) => row.outcome !== 'impossible');
  const titleOf = (row: Row): string => `${row.spec} ${name} ${keyOf(columns, row)}`;
  const testOf = (row: Row): RowTest => tests[keyOf(columns, row)] as RowTest;
  const factsOf = (row: Row): Record<string, string | boolean> =>
    Object.fromEntries(Object.keys(columns).map((column) => [column, row[column] as string | boolean]));

  describe('as a whole', () => {
    test('has exactly one row for each combination, and no other row', () => {
      const matching = all.map((facts) => ({
        facts,
        rows: rows.filter((row) => Object.entries(facts).every(([column, value]) => row[column] === value)).length,
      }));
      expect(matching.filter((entry) => entry.rows !== 1)).toEqual([]);
      expect(rows).toHaveLength(all.length);
    });

    test('names a rule and a reason in each row', () => {
      for (const row of rows) {
        expect(row.spec).toMatch(/^[A-Z]{2,3}-\d{3}( [A-Z]{2,3}-\d{3})*$/);
        expect(row.because.length).toBeGreaterThan(5);
      }
    });

    test('has a test of each row that is possible, and of no other', () => {
      expect(Object.keys(tests).sort()).toEqual(possible.map((row) => keyOf(columns, row)).sort());
    });
  });

  const asked = possible.filter((row) => testOf(row)?.neverAsked === null);
  const neverAsked = possible.filter((row) => typeof testOf(row)?.neverAsked === 'string');

  if (asked.length > 0) {
    describe('played', () => {
      test.each(asked.map((row) => [titleOf(row), row] as const))('%s', (_title, row) => {
        const met = askedWhile(rows, testOf(row).play);
        expect(met).toContain(row);
        expect([...met].filter((other) => impossible.includes(other) || neverAsked.includes(other))).toEqual([]);
      });
    });

    const flips = asked.flatMap((row) =>
      outcomes.filter((outcome) => outcome !== row.outcome).map((outcome) => ({ row, outcome })),
    );
    const isSame = ({ row, outcome }: (typeof flips)[number]): boolean => outcome in testOf(row).same;
    const called = (flip: (typeof flips)[number]) => [`${titleOf(flip.row)}: not ${flip.outcome}`, flip] as const;

    describe('flipped', () => {
      test.each(flips.filter((flip) => !isSame(flip)).map(called))('%s', (_title, { row, outcome }) => {
        const thrown = thrownWith(row, outcome, testOf(row).play);
        expect(thrown).toBeInstanceOf(Error);
        if (outcome === 'impossible') expect(thrown).toBeInstanceOf(ImpossibleSituation);
      });
    });

    if (flips.some(isSame)) {
      // What the table says is not what decides there; a list that says so too often fails here.
      describe('flipped without effect', () => {
        test.each(flips.filter(isSame).map(called))('%s', (_title, { row, outcome }) => {
          expect(testOf(row).same[outcome]?.length).toBeGreaterThan(5);
          expect(thrownWith(row, outcome, testOf(row).play)).toBeNull();
        });
      });
    }
  }

  if (neverAsked.length > 0) {
    describe('never asked', () => {
      test.each(neverAsked.map((row) => [titleOf(row), row] as const))('%s', (_title, row) => {
        expect(testOf(row).neverAsked?.length).toBeGreaterThan(5);
        expect(askedWhile(rows, testOf(row).play)).not.toContain(row);
      });
    });
  }

  if (impossible.length > 0) {
    describe('impossible', () => {
      test.each(impossible.map((row) => [titleOf(row), row] as const))('%s', (_title, row) => {
        const ask = (): unknown => decide(rows as never, factsOf(row));
        expect(ask).toThrow(ImpossibleSituation);
        for (const outcome of outcomes.filter((other) => other !== 'impossible')) {
          const answered = thrownWith(row, outcome, () => expect(ask).toThrow(ImpossibleSituation));
          expect(answered).toBeInstanceOf(Error);
        }
      });
    });
  }
});

describe('the seven link losses, as primary and backup decide them together', () => {
  type Link = 'up' | 'lost';
  const links: Link[] = ['up', 'lost'];

  /** What each decides when links are as given and the arbiter answers truthfully; `licensed` was told "gone" before. */
  function together(pb: Link, pa: Link, ba: Link, licensed: 'nobody' | 'primary' | 'backup') {
    const other: ArbiterFacts['other'] = pb === 'up' ? 'connected' : 'lost';
    const one = (role: 'primary' | 'backup', own: Link, others: Link) => {
      let says: ArbiterFacts['says'] = 'silent';
      if (other === 'lost' && own === 'up') {
        if (licensed === role) says = 'gone';
        else if (licensed !== 'nobody') says = 'taken';
        else says = others === 'lost' ? 'gone' : 'present';
      }
      const facts: ArbiterFacts = { role, other, session: own, says };
      return decide(arbiterTable, facts);
    };
    return { primary: one('primary', pa, ba), backup: one('backup', ba, pa) };
  }

  const actsAsPrimary = ['stay', 'leave-together', 'continue-in-agent-mode', 'timed-trouble', 'take-over'];

  test('I1: never do both act as primary, whatever the arbiter has told one of them before', () => {
    const seen: string[] = [];
    for (const pb of links)
      for (const pa of links)
        for (const ba of links)
          for (const licensed of ['nobody', 'primary', 'backup'] as const) {
            // The arbiter licenses a member only while the members do not hear each other, and once (I5).
            if (licensed !== 'nobody' && pb === 'up') continue;
            const { primary, backup } = together(pb, pa, ba, licensed);
            const both = actsAsPrimary.includes(primary.outcome) && backup.outcome === 'take-over';
            if (both) seen.push(`${pb} ${pa} ${ba} ${licensed}: ${primary.spec} and ${backup.spec}`);
          }
    expect(seen).toEqual([]);
  });

  test.each([
    ['FO-042', 'up', 'up', 'lost', 'stay', 'leave-together'],
    ['FO-043', 'up', 'lost', 'up', 'leave-together', 'stay'],
    ['FO-044', 'lost', 'up', 'up', 'trouble-until-agreed', 'give-up-active'],
    ['FO-045', 'up', 'lost', 'lost', 'leave-together', 'leave-together'],
    ['FO-046', 'lost', 'up', 'lost', 'continue-in-agent-mode', 'ask-agent'],
    ['FO-047', 'lost', 'lost', 'up', 'trouble-indefinitely', 'take-over'],
    ['FO-048', 'lost', 'lost', 'lost', 'trouble-indefinitely', 'ask-agent'],
  ] as const)('%s: P-B %s, P-A %s, B-A %s: primary %s, backup %s', (_spec, pb, pa, ba, primary, backup) => {
    const decided = together(pb, pa, ba, 'nobody');
    expect([decided.primary.outcome, decided.backup.outcome]).toEqual([primary, backup]);
  });
});
