/** Bundles the simulation, tells stories in two threads and says what they did: what `simulate` and `soak` share. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';

const dayMs = 86_400_000;

/** What one run in CI has to reach. */
const goalsOfMost = {
  seeds: 2000,
  virtualMs: 365 * dayMs,
  takeoversAcknowledged: 10_000,
  faults: 100_000,
  eachFault: 200,
  eachPromotion: null,
  row: (stories, name) => (stories.rowsExcused.some(([row]) => row === name) ? null : 50),
};

/** And one of stories in which persons force. */
const goalsOfForce = {
  seeds: 600,
  virtualMs: null,
  takeoversAcknowledged: 4000,
  faults: 30_000,
  eachFault: 50,
  eachPromotion: 50,
  row: (stories, name) => stories.rowsOfForce.find(([row]) => name.startsWith(row))?.[1] ?? null,
};

/** A counter around `decide`, so that the product carries none. */
const countingRows = {
  name: 'count the rows that fire',
  setup(builder) {
    builder.onLoad({ filter: /src\/mirror\/failover-table\.ts$/ }, ({ path }) => {
      const source = readFileSync(path, 'utf8');
      const contents = source.replace('export function decide<', 'function rowOf<');
      if (contents === source) throw new Error('decide is not found in failover-table.ts; follow its change');
      const counter = `
        export const rowsFired = new Map();
        export function decide(table, facts) {
          const row = rowOf(table, facts);
          rowsFired.set(row, (rowsFired.get(row) ?? 0) + 1);
          return row;
        }`;
      return { contents: contents + counter, loader: 'ts' };
    });
  },
};

/** Runs `use` with the bundled simulation and the place it lies at. */
export async function withStories(use) {
  const directory = mkdtempSync(join(tmpdir(), 'caretmirror-simulate-'));
  try {
    const outfile = join(directory, 'stories.mjs');
    const entryPoints = ['scripts/story-worker.mjs'];
    const format = { bundle: true, format: 'esm', platform: 'node', logLevel: 'warning' };
    await build({ entryPoints, outfile, ...format, plugins: [countingRows] });
    return await use(await import(pathToFileURL(outfile).href), outfile);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Seeds from `first` on, until there are `count` or it is `untilMs` by the clock. Resolves with the sum and the failures. */
export async function tellMany(stories, outfile, { first, count, untilMs, onProgress = () => {} }) {
  const total = stories.emptyTally();
  const failures = [];
  let next = first;
  const takeSeed = () => (next < first + count && Date.now() < untilMs ? next++ : null);
  const work = () =>
    new Promise((resolve, reject) => {
      const worker = new Worker(outfile);
      const give = () => {
        const seed = takeSeed();
        if (seed === null) worker.terminate().then(resolve, reject);
        else worker.postMessage(seed);
      };
      worker.on('error', reject);
      worker.on('message', ({ tally, failure }) => {
        stories.addTally(total, tally);
        if (failure !== undefined) {
          failures.push(failure);
          console.log(`seed ${failure.seed}: ${failure.text.slice(0, 400)}`);
        }
        onProgress(total, failures);
        give();
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, work));
  return { total, failures };
}

/** A readable account of one failure, shrunk as far as it went. */
export function printFailure({ seed, text, again, timeline, faults = [], ended = null }) {
  console.log(`\n--- seed ${seed}: ${text}`);
  const why = ended === null ? 'none of them can be left out' : `${ended}, so some may not be needed`;
  console.log(`    ${faults.length} faults; ${why}`);
  for (const { number, name, atMs, lastsMs } of faults)
    console.log(`    fault ${number} at ${atMs.toFixed(0)} ms for ${lastsMs.toFixed(0)} ms: ${name}`);
  console.log(timeline.slice(-150).join('\n'));
  console.log(`again with: ${again}`);
}

/** The tables of a run that begins with this seed, and how many goals it reached. */
export function printRun(stories, total, { first, withGoals }) {
  const goals = first < stories.forcesFromSeed ? goalsOfMost : goalsOfForce;
  const missed = [];
  let reached = 0;
  const line = (what, value, shown, goal, goalShown = goal) => {
    const mark =
      !withGoals || goal === null
        ? ''
        : value >= goal
          ? `  (at least ${goalShown})`
          : `  MISSED: at least ${goalShown}`;
    if (withGoals && goal !== null && value < goal) missed.push(what);
    else if (goal !== null) reached += 1;
    console.log(`${what.padEnd(78)} ${String(shown).padStart(9)}${mark}`);
  };
  const sum = (counts) => Object.values(counts).reduce((all, one) => all + one, 0);
  line('seeds', total.seeds, total.seeds, goals.seeds);
  line('virtual time, days', total.virtualMs, (total.virtualMs / dayMs).toFixed(1), goals.virtualMs, 365);
  line('updates acknowledged', total.acknowledged, total.acknowledged, null);
  line('times a member became primary', total.takeovers, total.takeovers, null);
  for (const [right, times] of Object.entries(total.takeoversBy)) line(`  by ${right}`, times, times, null);
  const proven = total.takeoversAcknowledged;
  line('  after which it acknowledged an update', proven, proven, goals.takeoversAcknowledged);
  for (const [what, times] of Object.entries(total.promotions)) line(what, times, times, goals.eachPromotion);
  line('faults', sum(total.faults), sum(total.faults), goals.faults);
  for (const name of stories.faultNames) {
    const goal = stories.seldomFaults.includes(name) ? goals.eachFault / 5 : goals.eachFault;
    line(`  ${name}`, total.faults[name] ?? 0, total.faults[name] ?? 0, goal);
  }
  console.log('rows of decision tables that fired');
  for (const name of stories.rowNames.values()) {
    const times = total.rows[name] ?? 0;
    const why = stories.rowsExcused.find(([row]) => row === name)?.[1];
    line(`  ${name}`, times, times, goals.row(stories, name));
    if (goals === goalsOfMost && why !== undefined) console.log(`      need not be reached: ${why}`);
  }
  console.log(`a healed core recovered within ${total.recoveryInQosMax.toFixed(1)} QoS timeouts`);
  return { missed, reached };
}
