/**
 * Each promise about speed beside what people use today: ours and the peer's run take turns (A B A B ...), and what counts is
 * the median of the ratios of neighbours, since a machine changes its speed within minutes. Peers that are not installed are
 * named and left out.
 */
import { Environment } from './environment.mjs';
import { describeMachine, installPackages, machine, packageVersion } from './machine.mjs';
import { bulkRows, writeRows } from './mirrored-rows.mjs';
import { operatorRows } from './operator-rows.mjs';
import { startRows, storeRows } from './process-rows.mjs';
import { goalText, ratios, reaches, spread, summary } from './statistics.mjs';

/** Rows of a group share what is brought up for them. */
const groups = [startRows, operatorRows, storeRows, writeRows, bulkRows];
const packages = { redis: 'redis-server', postgresql: 'postgresql-15', gtm: 'fis-gtm' };

/** @returns what --json prints */
export async function comparePeers({ peer, only, seconds, alternations, install, tell }) {
  const chosen = groups.map((rows) => rows.filter((row) => isWanted(row, peer, only)));
  if (chosen.every((rows) => rows.length === 0))
    throw new Error(`no row ${only ?? ''} with peer ${peer ?? 'any'}; rows: ${rowNames()}`);
  const needed = [...new Set(chosen.flat().map((row) => packages[row.peer]))].filter((name) => name !== undefined);
  const missing = needed.filter((name) => packageVersion(name) === null);
  if (install && missing.length > 0) installPackages(missing);
  const before = machine();
  const versions = Object.fromEntries(needed.map((name) => [name, packageVersion(name)]));
  const rows = [];
  for (const group of chosen) {
    if (group.length === 0) continue;
    const environment = new Environment(seconds);
    try {
      for (const row of group) {
        const result = await measure(environment, row, alternations, versions, tell);
        rows.push(result);
        tell(describeRow(result));
      }
    } finally {
      await environment.close();
    }
  }
  return { machine: before, loadAfter: machine().load, versions, seconds, alternations, rows };
}

export function rowNames() {
  return groups
    .flat()
    .map(({ name }) => name)
    .join(', ');
}

function isWanted(row, peer, only) {
  return (peer === undefined || row.peer === peer) && (only === undefined || only.split(',').includes(row.name));
}

async function measure(environment, row, alternations, versions, tell) {
  const { name, what, peerIs, unit, goal, limit } = row;
  const base = { name, what, peer: peerIs ?? null, unit, goal, limit };
  const needed = packages[row.peer];
  if (needed !== undefined && versions[needed] === null) return { ...base, state: `peer not installed: ${needed}` };
  const ours = [];
  const peers = [];
  try {
    // The first turn brings up what is missing and warms it; it does not count.
    for (let turn = 0; turn <= alternations; turn += 1) {
      tell(`${name}: turn ${turn} of ${alternations}`, true);
      const own = await row.ours(environment);
      const other = row.other === undefined ? null : await row.other(environment);
      if (turn === 0) continue;
      ours.push(own);
      if (other !== null) peers.push(other);
    }
  } catch (error) {
    return { ...base, state: `failed: ${failureOf(error)}` };
  }
  const ratio = row.other === undefined ? null : ratios(ours, peers);
  const counts = ratio?.median ?? summary(ours).median;
  const state = reaches(goal, counts) ? 'reached' : 'below its goal';
  return { ...base, state, ours: summary(ours), theirs: ratio === null ? null : summary(peers), ratio };
}

/** Of a program that failed: the error it printed, else how it ended. */
function failureOf(error) {
  return (
    /^\w*Error: .*$/m.exec(error.stderr ?? '')?.[0] ??
    (error.shortMessage ?? error.message).split('\n')[0].slice(0, 200)
  );
}

function describeRow({ name, state, ours, theirs, ratio, goal, unit }) {
  if (ours === undefined) return `${name}: ${state}`;
  const wanted = `goal ${goalText(goal, ratio === null ? unit : 'x')}`;
  const counted = ratio === null ? '' : `, peer ${spread(theirs)}${unit}, ratio ${spread(ratio)}`;
  return `${name}: ours ${spread(ours)}${unit}${counted}; ${wanted}: ${state}`;
}

/** The table of docs/BENCHMARKS.md. */
export function printTable({ machine: where, loadAfter, versions, alternations, rows }) {
  const lines = [
    describeMachine(where),
    `load afterwards ${loadAfter.join(' ')}; ${alternations} alternations; ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version ?? 'not installed'}`)
      .join(', ')}`,
    '',
    '| Row | What | Beside | Goal | Ours | Peer | Ratio | Physical limit |',
    '|---|---|---|---|---|---|---|---|',
  ];
  for (const row of rows) {
    const { name, what, peer, goal, unit, state, ours, theirs, ratio, limit } = row;
    const goalIs = goalText(goal, peer === null ? unit : 'x');
    const cells =
      ours === undefined
        ? [state, '', '']
        : [
            `${spread(ours)}${unit}`,
            theirs === null ? '' : `${spread(theirs)}${unit}`,
            `${ratio === null ? '' : spread(ratio)} ${state}`,
          ];
    lines.push(`| ${[name, what, peer ?? '-', goalIs, ...cells, limit].join(' | ')} |`);
  }
  return lines.join('\n');
}
