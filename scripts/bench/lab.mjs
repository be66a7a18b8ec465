/**
 * What the mirror does on this machine: durable SETs a second with an active backup, the import of the cities, the
 * catch-up of a backup that was away, and the time of a takeover. In a lab, so with its cable, its arbiter and a DR async; the
 * lab is temporary and is removed.
 */

import { CITIES, loadCities, loadClientLibrary, run, TemporaryLab } from '../lab-tools.mjs';
import { atInterrupt } from './interrupt.mjs';

let library;
let lab;
let measureMs;
let results;
const add = (name, value, unit, more = {}) => results.push({ name, value, unit, ...more });

/** @returns [{ name, value, unit, p50Ms?, p99Ms? }] */
export async function measureLab(seconds) {
  measureMs = seconds * 1000;
  results = [];
  library = await loadClientLibrary();
  lab = new TemporaryLab();
  const isDown = atInterrupt(async () => lab.close());
  try {
    await lab.up();
    for (const inFlight of [1, 64, 1024]) await measureSets(inFlight);
    await measureImport();
    await measureCatchUp();
    await measureTakeover();
  } finally {
    isDown();
    lab.close();
  }
  return results;
}

export function printLab(rows) {
  const lines = rows.map(({ name, value, unit, p50Ms, p99Ms }) => {
    const latency = p50Ms === undefined ? '' : `   p50 ${p50Ms} ms, p99 ${p99Ms} ms`;
    return `${name.padEnd(46)}${String(value).padStart(9)} ${unit}${latency}`;
  });
  const headline = rows.find(({ name }) => name.includes('1024'));
  return [...lines, '', `${rows.length} measurements; ${headline.value} durable SETs a second at 1024 in flight`].join(
    '\n',
  );
}

async function connect() {
  return await library.connectToMirror({ targets: lab.target.addresses, mirror: lab.target.mirror });
}

/** Every answer means: fsynced on the primary and on the active backup. */
async function measureSets(inFlight) {
  const client = await connect();
  const latencies = [];
  const value = Buffer.alloc(50, 0x76);
  const stream = client.stream({ inFlight, onAcknowledged: (_record, ms) => latencies.push(ms) });
  const beganMs = performance.now();
  for (let i = 0; performance.now() - beganMs < measureMs; i += 1) {
    const wait = stream.write(library.encodeKey('BENCH', [String(inFlight), String(i)]), value);
    if (wait !== undefined) await wait;
  }
  await stream.end();
  const seconds = (performance.now() - beganMs) / 1000;
  client.close();
  latencies.sort((a, b) => a - b);
  const at = (share) => Number(latencies[Math.floor((latencies.length - 1) * share)].toFixed(3));
  add(`durable SETs, active backup, ${inFlight} in flight`, Math.round(latencies.length / seconds), 'SETs/s', {
    p50Ms: at(0.5),
    p99Ms: at(0.99),
  });
}

async function measureImport() {
  const client = await connect();
  const records = loadCities().map(({ subscripts, value }) => ({
    key: library.encodeKey('CITY', subscripts),
    value: Buffer.from(value),
  }));
  const beganMs = performance.now();
  await write(client, records);
  add(`import of ${CITIES} cities`, Math.round(CITIES / ((performance.now() - beganMs) / 1000)), 'records/s');
  client.close();
}

async function write(client, records) {
  const stream = client.stream();
  for (const { key, value } of records) {
    const wait = stream.write(key, value);
    if (wait !== undefined) await wait;
  }
  await stream.end();
}

/** From the start of the backup's process until it is active again and has applied everything. */
async function measureCatchUp() {
  const backup = await lab.labelOf('Backup');
  await lab.on(backup, ['instance', 'stop', backup]);
  const client = await connect();
  const count = 300_000;
  const value = Buffer.alloc(50, 0x77);
  const records = Array.from({ length: count }, (_, i) => ({ key: library.encodeKey('AWAY', [String(i)]), value }));
  await write(client, records);
  client.close();
  const beganMs = performance.now();
  await lab.on(backup, ['instance', 'start', backup]);
  await lab.on(backup, ['wait', backup, '--for', 'active', '--timeout', '120s']);
  await lab.on(backup, ['wait', backup, '--for', 'caught-up', '--timeout', '120s']);
  const seconds = (performance.now() - beganMs) / 1000;
  add(`catch-up of a backup, ${count} records, with its start`, Math.round(count / seconds), 'records/s');
}

/** SIGKILL of the primary until the next write is acknowledged. */
async function measureTakeover() {
  await run(['lab', 'up', '--home', lab.home]);
  const primary = await lab.labelOf('Primary');
  const pid = await lab.pidOf(primary);
  const client = await connect();
  await client.set(library.encodeKey('TAKEOVER', ['0']), Buffer.from('before'));
  process.kill(pid, 'SIGKILL');
  const beganMs = performance.now();
  const stream = client.stream();
  stream.write(library.encodeKey('TAKEOVER', ['1']), Buffer.from('after'));
  await stream.end();
  add('takeover: SIGKILL to the next durable SET', Math.round(performance.now() - beganMs), 'ms');
  client.close();
}
