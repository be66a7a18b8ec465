/**
 * A process of applications: `clients` connections with `depth` SETs under way each, every answer "durable"; with a write `level`
 * SETs of that level and GETs, half each. Started by the bench with its plan as JSON in the first argument; prints one line of JSON.
 */
import { pathToFileURL } from 'node:url';

const plan = JSON.parse(process.argv[2]);
const { library, target, clients, depth, seconds, count = Infinity, valueBytes = 50, first = 0 } = plan;
const { connectToMirror, encodeKey } = await import(pathToFileURL(library));

const value = Buffer.alloc(valueBytes, 0x41);
/** A database for each SET in turn; left out: the only one. */
const databases = plan.databases ?? [''];
const latencies = [];
let next = first;
let acknowledged = 0;
const connections = [];
for (let i = 0; i < clients; i += 1)
  connections.push(
    await connectToMirror({ targets: target.addresses, mirror: target.mirror, window: Math.max(depth, 1) }),
  );

const key =
  plan.random === undefined
    ? () => encodeKey('acct', ['c', String(100_000_000 + next)])
    : () => encodeKey('acct', ['c', String(100_000_000 + Math.floor(Math.random() * plan.random))]);

const cpuBefore = process.cpuUsage();
const beganMs = performance.now();
const endMs = beganMs + seconds * 1000;
const isOver = () => performance.now() >= endMs || next - first >= count;
await Promise.all(connections.map((client) => load(client)));
const endedAt = Date.now();
const elapsedS = (performance.now() - beganMs) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
for (const client of connections) client.close();
latencies.sort((a, b) => a - b);
const at = (share) => latencies[Math.floor((latencies.length - 1) * share)];
console.log(
  JSON.stringify({
    rate: acknowledged / elapsedS,
    count: acknowledged,
    seconds: elapsedS,
    endedAt,
    ...(latencies.length > 0 ? { p50Ms: at(0.5), p99Ms: at(0.99) } : {}),
    cpuUs: user + system,
  }),
);

async function load(client) {
  if (plan.level !== undefined) return await Promise.all(Array.from({ length: depth }, () => setAndGet(client)));
  // With many under way a clock for each would be a good part of what is measured.
  const clock = depth === 1 ? { onAcknowledged: (_record, ms) => latencies.push(ms) } : {};
  const stream = client.stream({ inFlight: depth, ...clock });
  while (!isOver()) {
    const wait = stream.write(key(), value, databases[next % databases.length]);
    next += 1;
    if (wait !== undefined) await wait;
  }
  await stream.end();
  acknowledged += stream.acknowledged;
}

/** One SET of that write level and one GET of the same key, one after the other. */
async function setAndGet(client) {
  if (client.transaction === undefined) throw new Error('this build has no write levels');
  while (!isOver()) {
    const at = key();
    next += 1;
    await client.set(at, value, { level: plan.level });
    await client.get(at);
    acknowledged += 2;
  }
}
