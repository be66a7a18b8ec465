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
import { forcesFromSeed } from '../src/simulation/story-plan.ts';
import { tallyOf } from '../src/simulation/tally.ts';

export { addTally, emptyTally } from '../src/simulation/tally.ts';
export { forcesFromSeed, replayCommand };

/** Shrinking tells a story many times, so only the first failures of a worker are shrunk, and not for long. */
const shrinksMax = 2;
const shrinkTellings = 80;
const shrinkMs = 60_000;
/** Not one of the traps below. */
const monotonicMs = performance.now.bind(performance);
let shrinks = 0;

export { tell };
export const faultNames = faults.map(({ name }) => name);
/** Those that few stories have at all (`setBackShare`): a fifth of what is asked of the others. */
export const seldomFaults = faults.filter(({ setsBack }) => setsBack).map(({ name }) => name);

/** Every row of every decision table that a run may reach, by a name to print. */
export const rowNames = new Map();
for (const [name, table] of Object.entries({ ...tables, agentTable: agent.agentTable })) {
  if (!name.endsWith('Table')) continue;
  for (const { outcome, spec, because, ...facts } of table) {
    const row = table.find((candidate) => Object.entries(facts).every(([column, fact]) => candidate[column] === fact));
    if (outcome !== 'impossible') rowNames.set(row, `${name}: ${Object.values(facts).join(', ')} -> ${outcome}`);
  }
}

const unasked = 'nobody asks while nothing is lost; the row completes the table';
const elsewhere =
  'needs a primary whose disk is set back over its whole reign and that is asked about before it starts; test/mirror plays it';
const noLongerActive =
  'who gives up being active closes the window, and no record names it any more; the row completes the table';
const seldomActive =
  'needs a backup that is active in its present life while its primary goes on without it and then dies: about forty in 2,000 stories; test/mirror plays it';
const neverBoth = 'an active backup is primary of no epoch; the row completes the table';
const connectionGone = 'the connection ended with the trouble; the row completes the table';
const byForce = 'needs two forced members in one order; test/mirror plays it';
const narrow =
  'needs a process that dies or stands still within the milliseconds of one question; test/mirror plays it';

/** Rows to which persons lead who force, and how often stories from `forcesFromSeed` on reach each at least (scripts/story-runs.mjs). */
export const rowsOfForce = [
  ['promotionTable: automatic, down, silent', 5],
  ['promotionTable: automatic, none, down', 5],
  ['promotionTable: chosen', 5],
  ['promotionTable: none', 5],
  ['agentTable: look-down, serves, lower', 5],
  ['helloTable: primary, split', 5],
  ['helloTable: attached, split', 5],
  ['helloTable: closed, split', 20],
  ['agentTable: force-down, serves-as-primary, not-lower', 20],
];

/** Rows of which no run has to show fifty, by the beginning of their name, and why. */
const excused = [
  ...rowsOfForce.map(([row]) => [row, 'persons lead to it who force: those stories have a goal for it']),
  ['agentTable: look-down, serves-as-primary, lower', byForce],
  ['agentTable: look-down, hung', narrow],
  ['arbiterTable: primary, connected, up, silent', unasked],
  ['arbiterTable: backup, connected, up, silent', unasked],
  ['arbiterTable: primary, lost, up, taken', 'the other was licensed only if this session had ended before'],
  ['arbiterTable: backup, lost, up, taken', 'the other was licensed only if this session had ended before'],
  ['downTable: true, mine-is-newer', neverBoth],
  ['downTable: true, other, open', 'while the window is open the primary still waits for this member'],
  ['downTable: true, other, closed', seldomActive],
  ['downTable: false, names-me, open', noLongerActive],
  ['downTable: false, mine-is-newer, open', noLongerActive],
  ['downTable: false, other, open', noLongerActive],
  ['downTable: false, unreadable, open', noLongerActive],
  ['downTable: true, older', elsewhere],
  ['downTable: false, older', elsewhere],
  ['helloTable: primary, theirs', 'a primary stops at the newer epoch before it looks at the hello'],
  ['helloTable: attached, ours', neverBoth],
  ['helloTable: kept, neither', byForce],
  ['helloTable: kept, split', byForce],
  ['troubleEndTable: timed, left-notice', 'the notice comes through the arbiter, and the trouble is not of its mode'],
  ['troubleEndTable: timed, goodbye', connectionGone],
  ['troubleEndTable: arbiter, goodbye', connectionGone],
  ['agentTable: confirm-down, serves-as-primary, lower', narrow],
  ['agentTable: confirm-down, hung, lower', narrow],
  ['agentTable: force-down, hung, not-lower', narrow],
  ['agentTable: force-down, dead, not-lower', narrow],
];

export const rowsExcused = [...rowNames.values()].flatMap((row) =>
  excused.filter(([beginning]) => row.startsWith(beginning)).map(([, why]) => [row, why]),
);

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
    const endsMs = monotonicMs() + shrinkMs;
    const shrunk = shrink(result, { tellings: shrinkTellings, isOver: () => monotonicMs() > endsMs });
    takeRows();
    failure.again = replayCommand(seed, shrunk);
    failure.text = shrunk.result.failures[0];
    failure.timeline = shrunk.result.world.timeline;
    failure.ended = shrunk.ended;
    failure.faults = shrunk.result.plan.faults.filter(({ number }) => shrunk.keep.includes(number));
  }
  return { seed, tally, failure };
}

if (parentPort !== null) {
  setTraps();
  parentPort.on('message', (seed) => parentPort.postMessage(told(seed)));
}
