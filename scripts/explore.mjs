/**
 * Explicit-state search over the rules of src/mirror (docs/FAILOVER.md): every configuration to its fixpoint, or to a number of
 * states where it says why, then every mutant of scripts/mutants/list.mjs, on two cores. `--config NAME` and `--mutant NAME`
 * for one (a part of the name is enough), `--no-mutants`, `--mutants-only`, `--list`. Ends with 1 when a promise is broken, a world
 * gets stuck, a mutant survives unexpectedly or is caught unexpectedly, or the time is over before a search has ended: twenty
 * minutes are a safety net, and only who gives `--minutes N` has asked for less than the whole.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { mutants } from './mutants/list.mjs';
import { importMutated } from './mutants/mutated-bundle.mjs';

const entryPoint = 'src/simulation/explorer/explore.ts';
const workers = 2;
const minutes = 20;
const mutantStates = 300_000;
const livenessSample = 2000;

if (isMainThread) await main();
else parentPort.on('message', async (job) => parentPort.postMessage(await perform(job)));

async function main() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string' },
      config: { type: 'string' },
      mutant: { type: 'string' },
      'no-mutants': { type: 'boolean', default: false },
      'mutants-only': { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const { configurations } = await importMutated(entryPoint, 'none');
  if (values.list) return list(configurations);
  const names = Object.keys(configurations).filter((name) => configurations[name].mutantsOnly !== true);
  const noSearch = values.mutant !== undefined || values['mutants-only'];
  const wanted = noSearch ? [] : names.filter((name) => name.includes(values.config ?? ''));
  const mayEnd = values.minutes !== undefined;
  const endsMs = performance.now() + Number(values.minutes ?? minutes) * 60_000;
  const searches = wanted.map((configuration) => ({ configuration, mutant: null, endsMs }));
  const chosen = values['no-mutants'] || values.config !== undefined ? [] : mutants;
  const hunts = chosen
    .filter(({ name }) => name.includes(values.mutant ?? ''))
    .map((mutant) => ({ configuration: mutant.config, mutant, endsMs: endsMs + minutes * 60_000 }));
  const reports = await inTwo(searches, tellSearch);
  if (reports.length > 0) tellCoverage(reports);
  const verdicts = await inTwo(hunts, tellMutant);
  const results = [...reports, ...verdicts].map((report) => isGood(report, mayEnd));
  const failed = results.filter((good) => !good).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

async function inTwo(jobs, tell) {
  const waiting = [...jobs];
  const reports = [];
  const one = async () => {
    const worker = new Worker(fileURLToPath(import.meta.url));
    try {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        const report = await ask(worker, { ...job, lastsMs: job.endsMs - performance.now() });
        reports.push(report);
        tell(report);
      }
    } finally {
      await worker.terminate();
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, jobs.length) }, one));
  return reports;
}

function ask(worker, job) {
  return new Promise((resolve, reject) => {
    const settle = (finish) => (value) => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      finish(value);
    };
    const onMessage = settle(resolve);
    const onError = settle(reject);
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.postMessage(job);
  });
}

async function perform({ configuration, mutant, lastsMs }) {
  const changes = mutant?.changes ?? [];
  const { explore } = await importMutated(entryPoint, mutant?.name ?? 'none', changes);
  const report = explore({
    configuration,
    statesMax: mutant === null ? 20_000_000 : mutantStates,
    nowMs: () => performance.now(),
    lastsMs,
    livenessSample: mutant === null ? livenessSample : 0,
  });
  return { ...report, mutant };
}

/** A mutant survives only where there is nothing more to search. */
function isGood({ broken, stuck, bound, isOver, mutant }, mayEnd) {
  if (mutant !== null) return mutant.survives === undefined ? broken !== null : broken === null && bound === null;
  return broken === null && stuck === null && (!isOver || mayEnd);
}

function tellSearch(report) {
  const { configuration, states, moves, depth, bound, seconds, livelyFrom, broken, stuck } = report;
  const rate = Math.round(states / seconds);
  console.log(
    `${configuration}: ${states} states, ${moves} moves, depth ${depth}, ${bound ?? 'fixpoint'}, ${seconds.toFixed(1)} s (${rate} states/s); not stuck from ${livelyFrom}`,
  );
  if (broken !== null) console.log(`BROKEN ${broken.promises.join('\n       ')}\n${broken.trace.join('\n')}`);
  if (stuck !== null) console.log(`STUCK\n${stuck.slice(0, 40).join('\n')}`);
}

function tellCoverage(reports) {
  const rules = new Set(reports.flatMap((report) => report.rules));
  const rows = new Map();
  for (const { row, hit } of reports.flatMap((report) => report.rows)) rows.set(row, rows.get(row) === true || hit);
  const missed = [...rows].filter(([, hit]) => !hit).map(([row]) => row);
  const states = reports.reduce((sum, report) => sum + report.states, 0);
  const lively = reports.reduce((sum, report) => sum + report.livelyFrom, 0);
  console.log(`${states} distinct states in all; from ${lively} of them the way to a serving primary was walked`);
  console.log(`rules reached: ${[...rules].sort().join(' ')}`);
  console.log(`rows of the tables reached: ${rows.size - missed.length} of ${rows.size}`);
  for (const row of missed) console.log(`  not reached: ${row}`);
}

function tellMutant(report) {
  const { mutant, broken, states, bound, seconds } = report;
  const how = `${report.configuration}, ${states} states, ${seconds.toFixed(1)} s`;
  if (broken !== null) {
    const steps = broken.trace.filter((line) => /^ *[0-9]+ /.test(line)).length;
    const verdict = mutant.survives === undefined ? 'killed' : 'UNEXPECTEDLY KILLED';
    console.log(`${verdict} ${mutant.name}: ${steps} steps, ${broken.promises[0].slice(0, 110)} (${how})`);
    if (process.env.TRACE) console.log(broken.trace.join('\n'));
  } else if (mutant.survives !== undefined)
    console.log(
      `${bound === null ? 'survives as expected' : 'NO FIXPOINT'}: ${mutant.name} (${mutant.survives}; ${how})`,
    );
  else console.log(`MISSED ${mutant.name} (${how}, ${bound ?? 'fixpoint'})`);
}

function list(configurations) {
  for (const [name, { about, beginning, budget, updates }] of Object.entries(configurations))
    console.log(`${name}: ${about}; from ${beginning}, ${budget} faults, ${updates} updates`);
  for (const { name, config, survives } of mutants)
    console.log(`mutant ${name}: ${config}${survives === undefined ? '' : `; survives: ${survives}`}`);
}
