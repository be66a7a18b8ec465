/** Whole stories of a simulated mirror, with every row of the decision tables watched: what is said to be never asked is not. */
import { expect, test } from '@jest/globals';
import { tell } from '../../src/simulation/random-story.ts';
import { tableTests } from './rows/all-rows.ts';
import { askedWhile, keyOf, type Row } from './rows/row-play.ts';

/** Each is some seconds of work; more of them are told by scripts/simulate.mjs. */
const stories = 8;

const titles = new Map<Row, string>();
const excluded = new Set<Row>();
for (const [name, { rows, columns, tests }] of Object.entries(tableTests)) {
  for (const row of rows) {
    const key = keyOf(columns, row);
    titles.set(row, `${name} ${key}`);
    if (row.outcome === 'impossible' || typeof tests[key]?.neverAsked === 'string') excluded.add(row);
  }
}

test(`I8: in ${stories} stories no row is asked that is called impossible or never asked`, () => {
  const asked = askedWhile([...titles.keys()], () => {
    for (let seed = 1; seed <= stories; seed += 1) tell(seed);
  });
  expect([...asked].filter((row) => excluded.has(row)).map((row) => titles.get(row))).toEqual([]);
  // Stories that ask little prove little.
  expect(asked.size).toBeGreaterThan(20);
}, 300_000);
