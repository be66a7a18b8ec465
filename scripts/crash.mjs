/**
 * The crash proof: small workloads, and at every system call of them a crash, a torn, failed or short write, a full disk, lost and
 * reordered unsynced data; what is opened again is compared with what was acknowledged.
 *   --only states,databases,kills   a part of it
 *   --quick                         fewer workloads, for the tests (of states and databases)
 *   --state ID                      one state again, as a violation printed it
 *   --mutants [--only NAME]         the code without one of its safeguards: each must be noticed
 * The last line is `N passed, N failed`; ends with 1 when a promise was broken.
 */
import { parseArgs } from 'node:util';
import { tryDatabases } from './crash/databases.mjs';
import { killOne, killPrimaries } from './crash/kills.mjs';
import { mutants } from './crash/mutants.mjs';
import { tryState, tryStates } from './crash/states.mjs';
import { requireBuilt } from './lab-tools.mjs';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    state: { type: 'string' },
    mutants: { type: 'boolean', default: false },
  },
});

/** Those in which the proof once found something, and one of each subject. */
const quickWorkloads = [
  'journal: append, append 6 and flush',
  'journal: cut 2, cut 2',
  'journal: reopen',
  'member record: save a long one',
  'configuration: set, set many databases',
  'first configuration: create, set',
  'links: write',
  'events: append',
];
const quickDatabases = ['mirrored, apply long, copy', 'ordinary, change kill'];
const kills = { one: 30, primaries: 6 };
/** Disks that are drawn of each database workload, beside those of every call. */
const databaseStates = 40;
const isQuick = (name) => quickWorkloads.includes(name);

/** What one whole run has to reach. */
const statesGoal = 20_000;
/** Violations that are printed, of each kind. */
const printedMax = 5;

const sum = { passed: 0, failed: 0 };
const parts = { states: proveStates, databases: proveDatabases, kills: proveKills };

if (values.state !== undefined) await again(values.state);
else if (values.mutants) await killMutants();
else
  for (const name of (values.only ?? Object.keys(parts).join(',')).split(','))
    await (parts[name] ?? unknownPart(name))();
console.log(`${sum.passed} passed, ${sum.failed} failed`);
process.exitCode = sum.failed === 0 && sum.passed > 0 ? 0 : 1;

function unknownPart(name) {
  throw new Error(`there is no part "${name}"; the parts are ${Object.keys(parts).join(', ')}`);
}

async function proveStates() {
  const beganMs = performance.now();
  const { states, rows, violations } = await tryStates({ wanted: values.quick ? isQuick : () => true });
  printRows(rows);
  printViolations(violations);
  console.log(`${states} distinct crash states of ${rows.length} workloads in ${seconds(beganMs)}`);
  sum.passed += states - new Set(violations.map(({ id }) => id)).size;
  sum.failed += violations.length;
  if (!values.quick && states < statesGoal) {
    console.log(`missed: ${statesGoal} states`);
    sum.failed += 1;
  }
}

async function proveDatabases() {
  const beganMs = performance.now();
  const wanted = (name) => !values.quick || quickDatabases.includes(name);
  const { skipped, states, rows, violations } = await tryDatabases({ perWorkload: databaseStates, wanted });
  if (skipped !== undefined) return console.log(`databases: skipped, ${skipped}`);
  printRows(rows);
  printViolations(violations);
  console.log(`${states} distinct crash states of ${rows.length} database workloads in ${seconds(beganMs)}`);
  sum.passed += states - violations.length;
  sum.failed += violations.length;
}

async function proveKills() {
  requireBuilt();
  const beganMs = performance.now();
  const say = (text) => console.log(`  ${text}`);
  const results = [...(await killOne(kills.one, say)), ...(await killPrimaries(kills.primaries, say))];
  const failed = results.filter((wrong) => wrong.length > 0).length;
  console.log(`${results.length} processes were killed, or their disks failed, in ${seconds(beganMs)}`);
  sum.passed += results.length - failed;
  sum.failed += failed;
}

function printRows(rows) {
  const kinds = ['crash', 'killed', 'EIO', 'ENOSPC', 'short'];
  const line = (cells) => cells.map((cell, at) => (at === 0 ? cell.padEnd(52) : String(cell).padStart(8))).join('');
  console.log(line(['distinct crash states by workload and fault', ...kinds, 'broken']));
  for (const { name, byFault, failed } of rows.sort((a, b) => (a.name < b.name ? -1 : 1)))
    console.log(line([name, ...kinds.map((kind) => byFault[kind] ?? 0), failed]));
}

function printViolations(violations) {
  const kinds = grouped(violations);
  for (const [kind, found] of kinds) {
    console.log(`\nBROKEN ${found.length} times: ${kind}`);
    for (const { id } of found.slice(0, printedMax)) console.log(`  npm run crash -- --state '${id}'`);
  }
}

function grouped(violations) {
  const kinds = new Map();
  for (const each of violations) kinds.set(kindOf(each), [...(kinds.get(kindOf(each)) ?? []), each]);
  return kinds;
}

function kindOf({ text }) {
  return text.split('\n')[0].slice(0, 300);
}

async function again(id) {
  const [workload] = id.split(' / ');
  const inDatabase = /^database: (.*)/.exec(workload)?.[1];
  const wanted = (name) => name === inDatabase;
  const { violations } =
    inDatabase === undefined
      ? { violations: await tryState(id) }
      : await tryDatabases({ perWorkload: databaseStates, wanted, only: id });
  for (const { text } of violations) console.log(text);
  sum.failed += violations.length;
  sum.passed += violations.length === 0 ? 1 : 0;
}

async function killMutants() {
  for (const { name, changes, workloads, databases, survives } of mutants) {
    if (values.only !== undefined && values.only !== name) continue;
    const wanted = (workload) => workloads === undefined || workloads.test(workload);
    const { violations } = databases
      ? await tryDatabases({ perWorkload: databaseStates, changes, wanted })
      : await tryStates({ changes, wanted, stopAtFirst: true });
    const [first] = violations;
    if (first !== undefined && survives === undefined) {
      console.log(`caught ${name}: ${kindOf(first).slice(0, 160)}`);
      sum.passed += 1;
    } else if (first === undefined && survives !== undefined) {
      console.log(`survives as expected: ${name} (${survives})`);
      sum.passed += 1;
    } else {
      console.log(first === undefined ? `MISSED ${name}` : `caught against expectation: ${name}`);
      sum.failed += 1;
    }
  }
}

function seconds(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(0)} s`;
}
