/**
 * A lab with many asyncs while all cities are loaded: every member, whatever its type, must have caught up when the load is over
 * and be equal to the primary, byte for byte. One DR async is stopped (SIGSTOP) until half of the load is acknowledged: nothing waits
 * for it, and it catches up from the journal files. Options: --dr N (2), --reporting N (2), --json. Exit 0 only if every check passed.
 */
import { readFileSync } from 'node:fs';
import {
  CITIES,
  encodedCities,
  exportOf,
  loadClientLibrary,
  optionNumber,
  Proof,
  requireBuilt,
  withLab,
} from './lab-tools.mjs';

const asyncs = { dr: optionNumber('--dr', 2), reporting: optionNumber('--reporting', 2) };
const stopped = 'C';

const proof = new Proof(process.argv.includes('--json'));

requireBuilt();
const library = await loadClientLibrary();
const cities = encodedCities(library);
proof.end(asyncs, await withLab(demonstrate));

async function demonstrate(lab) {
  await lab.up(['--dr', String(asyncs.dr), '--reporting', String(asyncs.reporting), '--timeout', '300s']);
  const labels = [...lab.hosts.values()].filter(({ instance }) => instance !== null).map(({ label }) => label);
  proof.say(`${labels.length} members are up: ${labels.join(', ')}`);
  const pids = new Map();
  for (const label of labels) pids.set(label, await lab.pidOf(label));
  const loaded = await load(lab, pids);
  proof.say(`all ${loaded.acknowledged} records are acknowledged`);
  proof.check(loaded.acknowledged === CITIES, `all ${CITIES} records are acknowledged while ${stopped} is stopped`);
  proof.check(loaded.goneOnAt !== null, `half of the load was acknowledged while ${stopped} stood still`);
  const sinceMs = performance.now();
  await lab.up(['--timeout', '300s']);
  const caughtUpSeconds = (performance.now() - sinceMs) / 1000;
  proof.say('every async is caught up');
  await compare(lab, labels);
  const rss = labels.map((label) => `${label} ${Math.round(rssOf(pids.get(label)))}`).join(', ');
  return {
    members: labels.length,
    load: `${loaded.seconds.toFixed(1)} s, ${Math.round(CITIES / loaded.seconds)}/s`,
    'all caught up': `${caughtUpSeconds.toFixed(1)} s after it`,
    'RSS in MiB': rss,
  };
}

/** Resolves when every record is acknowledged. */
async function load(lab, pids) {
  const client = await library.connectToMirror({ targets: lab.target.addresses, mirror: lab.target.mirror });
  const [sinceMs, pid] = [performance.now(), pids.get(stopped)];
  let goneOnAt = null;
  process.kill(pid, 'SIGSTOP');
  try {
    const stream = client.stream({
      onAcknowledged: (record) => {
        if (goneOnAt !== null || record < CITIES / 2) return;
        goneOnAt = record;
        process.kill(pid, 'SIGCONT');
        proof.say(`${record} records are acknowledged; ${stopped} goes on`);
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
    proof.check(count === CITIES, `${label} has all ${CITIES} records`);
  }
  proof.check(new Set(hashes.values()).size === 1, 'all members are equal, byte for byte');
}

function rssOf(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}
