/**
 * How long applications wait for a new primary, measured at the client: a lab of real processes with an arbiter, clients that
 * write, and a primary that is stopped, or killed, again and again. Between two takeovers the clients pause, the dead member is
 * started, and the mirror is as before. Options: --times N (kills in each row, 100), --stops N (20), --json. Exit 0 only if no
 * takeover was too slow and none lost an acknowledged write.
 */
import { cpus, totalmem } from 'node:os';
import { loadClientLibrary, optionNumber, requireBuilt, withLab } from './lab-tools.mjs';
import { Writer } from './takeover-writer.mjs';

const asJson = process.argv.includes('--json');
const kills = optionNumber('--times', 100);
const stops = optionNumber('--stops', 20);
const say = (text) => (asJson ? process.stderr : process.stdout).write(`${text}\n`);

/**
 * `limits`, ms: from the last write that the old primary acknowledged (a stop), from the kill, and from the moment when a
 * client saw its connection break, each to the first write that the new primary acknowledged.
 */
const rows = [
  { how: 'stop', qosMs: 2000, clients: 1, times: stops, limits: { fromLastWrite: 500 } },
  ...[1, 8].flatMap((clients) => [
    { how: 'kill', qosMs: 2000, clients, times: kills, limits: { fromKill: 2500, fromReset: 1500 } },
    { how: 'kill', qosMs: 500, clients, times: kills, limits: { fromKill: 1000, fromReset: 1000 } },
  ]),
];
const words = { fromLastWrite: 'pause', fromKill: 'since the kill', fromReset: 'since the reset' };

requireBuilt();

const library = await loadClientLibrary();
const results = [];
for (const qosMs of new Set(rows.map((row) => row.qosMs))) await measureAt(qosMs);

const machine = `${cpus().length} x ${cpus()[0].model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}, ${process.platform}`;
const failed = results.flatMap(({ takeovers }) => takeovers).filter(({ wrong }) => wrong.length > 0).length;
const passed = results.reduce((sum, { takeovers }) => sum + takeovers.length, 0) - failed;
if (asJson) console.log(JSON.stringify({ machine, results, passed, failed }));
else printTable();
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** One lab for all rows of a QoS timeout. */
async function measureAt(qosMs) {
  await withLab(async (lab) => {
    say(`bringing up a lab with a QoS timeout of ${qosMs} ms in ${lab.home}`);
    await lab.up(['--qos', String(qosMs)]);
    for (const row of rows.filter((each) => each.qosMs === qosMs && each.times > 0)) {
      say(`${row.times} x ${nameOf(row)}`);
      results.push({ ...row, takeovers: await measureRow(lab, row) });
    }
  });
}

async function measureRow(lab, row) {
  const writers = [];
  for (let number = 1; number <= row.clients; number += 1) writers.push(await startWriter(lab, row, number));
  const takeovers = [];
  try {
    for (let time = 1; time <= row.times; time += 1) {
      const taken = await takeOver(lab, row, writers);
      takeovers.push(taken);
      const pauses = Object.keys(row.limits).map((what) => `${words[what]} ${taken[what]} ms`);
      say(`  ${time}: ${pauses.join(', ')}${taken.wrong.map((text) => `; FAILED: ${text}`).join('')}`);
      // Starts what is down, and returns when all is well; a DR async that is written to without a pause may never be caught up.
      for (const writer of writers) writer.pause();
      await lab.up();
    }
  } finally {
    for (const writer of writers) takeovers.at(-1)?.wrong.push(...(await writer.stop()));
  }
  return takeovers;
}

async function takeOver(lab, row, writers) {
  const old = await presentPrimary(lab);
  const { address } = lab.hosts.get(old);
  for (const writer of writers) writer.goOn();
  await Promise.all(writers.map((writer) => writer.acknowledgedBy(address)));
  const watched = writers.map((writer) => writer.watch(address));
  let actedMs = performance.now();
  if (row.how === 'stop') await lab.on(old, ['instance', 'stop', old]);
  else {
    const pid = await lab.pidOf(old);
    actedMs = performance.now();
    process.kill(pid, 'SIGKILL');
  }
  const seen = await Promise.all(watched);
  const firstMs = Math.min(...seen.map((each) => each.firstAfterMs));
  const measured = {
    fromLastWrite: Math.round(firstMs - Math.max(...seen.map((each) => each.lastBeforeMs))),
    fromKill: Math.round(firstMs - actedMs),
    fromReset: Math.round(firstMs - Math.min(...seen.map((each) => each.brokenMs))),
    slowestClient: Math.round(Math.max(...seen.map((each) => each.firstAfterMs - each.lastBeforeMs))),
  };
  const wrong = Object.entries(row.limits)
    .filter(([what, limitMs]) => measured[what] > limitMs)
    .map(([what, limitMs]) => `${words[what]} more than ${limitMs} ms`);
  wrong.push(...(await Promise.all(seen.map((each) => each.lost()))).flat());
  return { ...measured, wrong };
}

/** On a busy machine the mirror may be in trouble for a moment after all was well. */
async function presentPrimary(lab) {
  for (let tries = 0; tries < 10; tries += 1) {
    const label = await lab.labelOf('Primary');
    if (label !== undefined) return label;
    await lab.up();
  }
  throw new Error(`the lab in ${lab.home} has no primary`);
}

async function startWriter(lab, row, number) {
  const client = await library.connectToMirror({ targets: lab.target.addresses, mirror: lab.target.mirror });
  return new Writer(library, client, row, number);
}

function nameOf({ how, qosMs, clients }) {
  const what = how === 'stop' ? 'planned stop' : 'SIGKILL';
  return `${what}, QoS timeout ${qosMs} ms, ${clients} client${clients === 1 ? '' : 's'}`;
}

function printTable() {
  console.log(`\n${machine}\n`);
  const line = (cells) => cells.map((cell, at) => (at === 0 ? cell.padEnd(64) : cell.padStart(9))).join('');
  console.log(line(['ms, seen by the clients', 'times', 'p50', 'p99', 'max', 'limit', 'failed']));
  for (const row of results) {
    const bad = row.takeovers.filter(({ wrong }) => wrong.length > 0).length;
    for (const what of row.how === 'stop' ? ['fromLastWrite'] : ['fromKill', 'fromReset']) {
      const sorted = row.takeovers.map((each) => each[what]).sort((a, b) => a - b);
      const at = (share) => String(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]);
      const cells = [
        String(sorted.length),
        at(0.5),
        at(0.99),
        String(sorted.at(-1)),
        String(row.limits[what]),
        String(bad),
      ];
      console.log(line([`${nameOf(row)}, ${words[what]}`, ...cells]));
    }
  }
  console.log(`\n${passed} passed, ${failed} failed`);
}
