/**
 * A lab with many asyncs while all cities are loaded: every member, whatever its type, must have caught up when the load is over
 * and be equal to the primary, byte for byte. One DR async is stopped (SIGSTOP) until half of the load is acknowledged: nothing waits
 * for it, and it catches up from the journal files. Options: --dr N (2), --reporting N (2), --json. Exit 0 only if every check passed.
 */
import { readFileSync } from 'node:fs';
import {
  CITIES,
  exportOf,
  loadCities,
  loadClientLibrary,
  optionNumber,
  requireBuilt,
  TemporaryLab,
} from './lab-tools.mjs';

const asJson = process.argv.includes('--json');
const asyncs = { dr: optionNumber('--dr', 2), reporting: optionNumber('--reporting', 2) };
const stopped = 'C';
const beganMs = performance.now();
const say = (text) => (asJson ? process.stderr : process.stdout).write(`${text}\n`);
const checks = [];
let present = null;

requireBuilt();
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    present?.close();
    process.exit(130);
  });
}

const library = await loadClientLibrary();
const cities = loadCities().map(({ subscripts, value }) => ({
  key: library.encodeKey('CITY', subscripts),
  value: Buffer.from(value),
}));
const measured = await demonstrate();
const failed = checks.filter(({ isGood }) => !isGood).length;
const passed = checks.length - failed;
if (asJson) console.log(JSON.stringify({ ...asyncs, measured, checks, passed, failed }));
else {
  for (const [what, value] of Object.entries(measured)) console.log(`${what}: ${value}`);
  console.log(`${passed} passed, ${failed} failed`);
}
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

async function demonstrate() {
  const lab = new TemporaryLab();
  present = lab;
  try {
    await lab.up(['--dr', String(asyncs.dr), '--reporting', String(asyncs.reporting), '--timeout', '300s']);
    const labels = [...lab.hosts.values()].filter(({ instance }) => instance !== null).map(({ label }) => label);
    say(`${clock()} ${labels.length} members are up: ${labels.join(', ')}`);
    const pids = new Map();
    for (const label of labels) pids.set(label, await lab.pidOf(label));
    const loaded = await load(pids);
    say(`${clock()} all ${loaded.acknowledged} records are acknowledged`);
    check(loaded.acknowledged === CITIES, `all ${CITIES} records are acknowledged while ${stopped} is stopped`);
    check(loaded.goneOnAt !== null, `half of the load was acknowledged while ${stopped} stood still`);
    const sinceMs = performance.now();
    await lab.up(['--timeout', '300s']);
    const caughtUpSeconds = (performance.now() - sinceMs) / 1000;
    say(`${clock()} every async is caught up`);
    await compare(lab, labels);
    const rss = labels.map((label) => `${label} ${Math.round(rssOf(pids.get(label)))}`).join(', ');
    return {
      members: labels.length,
      load: `${loaded.seconds.toFixed(1)} s, ${Math.round(CITIES / loaded.seconds)}/s`,
      'all caught up': `${caughtUpSeconds.toFixed(1)} s after it`,
      'RSS in MiB': rss,
    };
  } finally {
    lab.close();
    present = null;
  }
}

/** Resolves when every record is acknowledged. */
async function load(pids) {
  const client = await library.connectToMirror({ targets: present.target.addresses, mirror: present.target.mirror });
  const [sinceMs, pid] = [performance.now(), pids.get(stopped)];
  let goneOnAt = null;
  process.kill(pid, 'SIGSTOP');
  try {
    const stream = client.stream({
      onAcknowledged: (record) => {
        if (goneOnAt !== null || record < CITIES / 2) return;
        goneOnAt = record;
        process.kill(pid, 'SIGCONT');
        say(`${clock()} ${record} records are acknowledged; ${stopped} goes on`);
      },
    });
    for (const { key, value } of cities) {
      const pause = stream.write(key, value);
      if (pause !== undefined) await pause;
    }
    await stream.end();
    return { acknowledged: stream.acknowledged, seconds: (performance.now() - sinceMs) / 1000, goneOnAt };
  } finally {
    process.kill(pid, 'SIGCONT');
    client.close();
  }
}

/** Every member is read directly, whole. */
async function compare(lab, labels) {
  const hashes = new Map();
  for (const label of labels) {
    let count = 0;
    const hash = await exportOf(lab, label, () => {
      count += 1;
    });
    hashes.set(label, hash);
    check(count === CITIES, `${label} has all ${CITIES} records`);
  }
  check(new Set(hashes.values()).size === 1, 'all members are equal, byte for byte');
}

function rssOf(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

function check(isGood, what) {
  checks.push({ isGood, what });
  if (!isGood) say(`FAILED: ${what}`);
}

function clock() {
  return `${((performance.now() - beganMs) / 1000).toFixed(1).padStart(7)} s`;
}
