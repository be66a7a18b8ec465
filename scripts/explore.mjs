/**
 * Explicit-state search over the rules of src/mirror (docs/FAILOVER.md): every configuration to its fixpoint or to the end of its
 * time, then every mutant of scripts/mutants/list.mjs, on two cores. `--minutes N` for the search (default 5), `--config NAME`
 * and `--mutant NAME` for one (a part of the name is enough), `--no-mutants`, `--list`. Ends with 1 when a promise is broken, a
 * world gets stuck, a mutant survives unexpectedly or is caught unexpectedly.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { mutants } from './mutants/list.mjs';
import { importMutated } from './mutants/mutated-bundle.mjs';

const entryPoint = 'src/simulation/explorer/explore.ts';
const workers = 2;
const mutantSeconds = 20;
const livenessSample = 4000;

if (isMainThread) await main();
else parentPort.on('message', async (job) => parentPort.postMessage(await perform(job)));

async function main() {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '5' },
      config: { type: 'string' },
      mutant: { type: 'string' },
      'no-mutants': { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
    },
  });
  const { configurations } = await importMutated(entryPoint, 'none');
  if (values.list) return list(configurations);
  const names = Object.keys(configurations).filter((name) => configurations[name].mutantsOnly !== true);
  const wanted = values.mutant !== undefined ? [] : names.filter((name) => name.includes(values.config ?? ''));
  const inMs = performance.now();
  const endsMs = inMs + Number(values.minutes) * 60_000;
  const searches = wanted.map((configuration) => ({ configuration, mutant: null, endsMs }));
  const chosen = values['no-mutants'] || values.config !== undefined ? [] : mutants;
  const hunts = chosen
    .filter(({ name, far }) => name.includes(values.mutant ?? '') && (far === undefined || values.mutant !== undefined))
    .map((mutant) => ({ configuration: mutant.config, mutant }));
  const reports = await inTwo(shared(searches), tellSearch);
  if (reports.length > 0) tellCoverage(reports);
  const verdicts = await inTwo(hunts, tellMutant);
  for (const { name, far } of values.mutant === undefined ? chosen : [])
    if (far !== undefined) console.log(`not hunted: ${name} (${far})`);
  const results = [...reports.map(isGood), ...verdicts.map(isGood)];
  const failed = results.filter((good) => !good).length;
  console.log(`${results.length - failed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

/** What is left of the time is shared by what is left to do. */
function shared(searches) {
  const until = searches[0]?.endsMs ?? 0;
  return searches.map((search, index) => ({ ...search, until, left: Math.ceil((searches.length - index) / workers) }));
}

async function inTwo(jobs, tell) {
  const waiting = [...jobs];
  const reports = [];
  const one = async () => {
    const worker = new Worker(fileURLToPath(import.meta.url));
    try {
      for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
        const lastsMs =
          job.mutant === null ? Math.max(5000, (job.until - performance.now()) / job.left) : mutantSeconds * 1000;
        const report = await ask(worker, { ...job, lastsMs });
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
    statesMax: 20_000_000,
    nowMs: () => performance.now(),
    lastsMs,
    livenessSample: mutant === null ? livenessSample : 0,
  });
  return { ...report, mutant };
}

function isGood({ broken, stuck, mutant }) {
  if (mutant === null) return broken === null && stuck === null;
  return (broken !== null) === (mutant.survives === undefined);
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
    const unexpected = mutant.survives === undefined ? 'killed' : 'UNEXPECTEDLY KILLED';
    console.log(`${unexpected} ${mutant.name}: ${steps} steps, ${broken.promises[0].slice(0, 110)} (${how})`);
    if (process.env.TRACE) console.log(broken.trace.join('\n'));
  } else if (mutant.survives !== undefined)
    console.log(`survives as expected: ${mutant.name} (${mutant.survives}; ${how}, ${bound ?? 'fixpoint'})`);
  else console.log(`MISSED ${mutant.name} (${how}, ${bound ?? 'fixpoint'})`);
}

function list(configurations) {
  for (const [name, { about, budget, updates }] of Object.entries(configurations))
    console.log(`${name}: ${about}; ${budget} faults, ${updates} updates`);
  for (const { name, config, survives } of mutants)
    console.log(`mutant ${name}: ${config}${survives === undefined ? '' : `; survives: ${survives}`}`);
}
