/**
 * Tells the stories of the seeds it is sent and posts what they did; bundled and run by story-runs.mjs. No member may read a
 * clock or draw chance of its own (I9): here both are traps.
 */
import { parentPort } from 'node:worker_threads';
import * as agent from '../src/mirror/agent.ts';
import * as tables from '../src/mirror/failover-table.ts';
import { faults } from '../src/simulation/faults.ts';
import { tell } from '../src/simulation/random-story.ts';
import { replayCommand, shrink } from '../src/simulation/shrinking.ts';
import { tallyOf } from '../src/simulation/tally.ts';

export { addTally, emptyTally } from '../src/simulation/tally.ts';
export { replayCommand };

/** Shrinking tells a story many times, so only the first failures of a worker are shrunk. */
const shrinksMax = 2;
let shrinks = 0;

export { tell };
export const faultNames = faults.map(({ name }) => name);

/** Every row of every decision table that a run may reach, by a name to print. */
export const rowNames = new Map();
for (const [name, table] of Object.entries({ ...tables, agentTable: agent.agentTable })) {
  if (!name.endsWith('Table')) continue;
  for (const { outcome, spec, because, ...facts } of table) {
    const row = table.find((candidate) => Object.entries(facts).every(([column, fact]) => candidate[column] === fact));
    if (outcome !== 'impossible') rowNames.set(row, `${name}: ${Object.values(facts).join(', ')} -> ${outcome}`);
  }
}

/** Rows that no story reaches, and why. */
export const rowsNotReached = [];

export function setTraps() {
  const trap = (what) => () => {
    throw new Error(`I9: a member reads ${what}`);
  };
  Date.now = trap('the wall clock');
  performance.now = trap('a clock of its own');
  Math.random = trap('chance of its own');
}

/** The rows that fired since the last call. */
export function takeRows() {
  const counts = {};
  for (const [row, times] of tables.rowsFired) counts[rowNames.get(row) ?? 'a row of no table'] = times;
  tables.rowsFired.clear();
  return counts;
}

export function told(seed) {
  const result = tell(seed);
  const tally = { ...tallyOf(result), rows: takeRows() };
  if (result.failures.length === 0) return { seed, tally };
  const failure = { seed, text: result.failures[0], again: `npm run simulate -- --seed ${seed}`, timeline: [] };
  if (shrinks < shrinksMax) {
    shrinks += 1;
    const shrunk = shrink(result);
    takeRows();
    failure.again = replayCommand(seed, shrunk);
    failure.text = shrunk.result.failures[0];
    failure.timeline = shrunk.result.world.timeline;
    failure.faults = shrunk.result.plan.faults.filter(({ number }) => shrunk.keep.includes(number));
  }
  return { seed, tally, failure };
}

if (parentPort !== null) {
  setTraps();
  parentPort.on('message', (seed) => parentPort.postMessage(told(seed)));
}
