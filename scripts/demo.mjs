/**
 * A failover with real data, judged from outside: a lab in a temporary home, all cities loaded through the superserver, the
 * primary killed at a random point of the load. The load must go on and end by itself, every acknowledged record must be
 * on the new primary and on the DR async, the old primary must come back as backup, and all three must be equal, byte for
 * byte. Options: --times N, --json. Exit 0 only if nothing was violated.
 */
import {
  CITIES,
  encodedCities,
  exportOf,
  loadCities,
  loadClientLibrary,
  optionNumber,
  requireBuilt,
  withLab,
} from './lab-tools.mjs';

const asJson = process.argv.includes('--json');
const times = optionNumber('--times', 1);
const say = (text) => (asJson ? process.stderr : process.stdout).write(`${text}\n`);

requireBuilt();

const library = await loadClientLibrary();
const cities = loadCities();
const encoded = encodedCities(library);
const expected = new Map(cities.map(({ subscripts, value }) => [subscripts.join('\u0000'), value]));
if (expected.size !== CITIES) throw new Error('the keys of the cities are not distinct');

const runs = [];
for (let number = 1; number <= times; number += 1) {
  if (times > 1) say(`--- run ${number} of ${times}`);
  runs.push(await withLab(demonstrate));
}
const violations = runs.flatMap((each) => each.violations);
const takeovers = runs.map((each) => each.takeoverMs).sort((a, b) => a - b);
const summary =
  `${runs.length} failover${runs.length === 1 ? '' : 's'} under load, ${CITIES} records each: ` +
  `${violations.length === 0 ? 'no acknowledged record lost, all members equal' : `${violations.length} VIOLATED`}; ` +
  `takeover ${takeovers.map((ms) => `${ms} ms`).join(', ')}`;
for (const violation of violations) say(`VIOLATED: ${violation}`);
if (asJson) console.log(JSON.stringify({ runs, violations: violations.length, summary }));
else console.log(summary);
process.exitCode = violations.length === 0 ? 0 : 1;

async function demonstrate(lab) {
  say(`bringing up a lab in ${lab.home}`);
  await lab.up();
  const old = await lab.labelOf('Primary');
  const loaded = await loadAndKill(lab, old);
  say(`all ${loaded.acknowledged} records acknowledged after ${loaded.seconds} s, ${loaded.reconnects} reconnect(s)`);
  const next = await lab.labelOf('Primary');
  const line = await timeline(lab, old, next, loaded);
  for (const { afterMs, what } of line.steps) say(`  ${String(afterMs).padStart(6)} ms  ${what}`);
  say(`starting ${old} again`);
  await lab.on(old, ['instance', 'start', old]);
  await lab.up();
  const violations = [...loaded.violations, ...line.violations];
  const after = await lab.status();
  const returned = after.members.find((member) => member.label === old).status;
  say(`${old} is ${returned}`);
  if (returned !== 'Backup') violations.push(`the old primary ${old} came back as ${returned}, not as Backup`);
  const hashes = await compareMembers(lab, violations);
  return { ...loaded, ...line, oldPrimary: old, newPrimary: next, returnedAs: returned, hashes, violations };
}

/** Resolves when every record is acknowledged, whichever member did it. */
async function loadAndKill(lab, label) {
  const pid = await lab.pidOf(label);
  const killAt = Math.floor(CITIES * (0.2 + Math.random() * 0.6));
  say(
    `loading; ${label} (pid ${pid}) will be killed after ${killAt} records (${((killAt / CITIES) * 100).toFixed(1)} %)`,
  );
  const client = await library.connectToMirror({ targets: lab.target.addresses, mirror: lab.target.mirror });
  const beganMs = Date.now();
  let killedMs = 0;
  let lastBeforeMs = 0;
  let firstAfterMs = 0;
  const stream = client.stream({
    onAcknowledged: (record) => {
      if (record === killAt) {
        process.kill(pid, 'SIGKILL');
        killedMs = Date.now();
      }
      if (killedMs === 0 || firstAfterMs !== 0) return;
      if (client.reconnects === 0) lastBeforeMs = Date.now();
      else firstAfterMs = Date.now();
    },
  });
  for (const { key, value } of encoded) {
    const wait = stream.write(key, value);
    if (wait !== undefined) await wait;
  }
  await stream.end();
  const { reconnects } = client;
  client.close();
  const violations = [];
  if (stream.acknowledged !== CITIES) violations.push(`${stream.acknowledged} records acknowledged, not ${CITIES}`);
  if (reconnects === 0) violations.push('the load never changed to another primary');
  const seconds = (Date.now() - beganMs) / 1000;
  return {
    killAt,
    killedMs,
    lastBeforeMs,
    firstAfterMs,
    takeoverMs: firstAfterMs - killedMs,
    acknowledged: stream.acknowledged,
    reconnects,
    seconds,
    violations,
  };
}

/** What the new primary did, from its own events, with the rules that fired. */
async function timeline(lab, old, next, { killedMs, firstAfterMs }) {
  const violations = [];
  if (next === undefined || next === old) violations.push(`${next ?? 'nobody'} is primary after the kill of ${old}`);
  const events = next === undefined ? [] : (await lab.eventsOf(next)).filter(({ at }) => Date.parse(at) >= killedMs);
  const steps = [{ afterMs: 0, what: `${old} killed (SIGKILL)` }];
  for (const { at, member, what, rules } of events) {
    const afterMs = Date.parse(at) - killedMs;
    if (afterMs <= firstAfterMs - killedMs) steps.push({ afterMs, what: `${member} ${what} (${rules.join(', ')})` });
  }
  steps.push({ afterMs: firstAfterMs - killedMs, what: `first write accepted by ${next}` });
  const find = (text) => events.find(({ what }) => what.startsWith(text));
  const [noticed, took] = [find('lost the primary'), find('takes over')];
  if (took === undefined) violations.push(`${next} has no event that says by which rule it took over`);
  return {
    steps,
    noticedMs: noticed === undefined ? null : Date.parse(noticed.at) - killedMs,
    rules: took?.rules ?? [],
    violations,
  };
}

/** Every member is read directly, whole; counts prove nothing. */
async function compareMembers(lab, violations) {
  const hashes = {};
  for (const label of ['A', 'B', 'C']) {
    await lab.on(label, ['wait', label, '--for', 'caught-up', '--timeout', '60s']);
    let count = 0;
    let wrong = 0;
    hashes[label] = await exportOf(lab, label, (text) => {
      const { global, subscripts, value } = JSON.parse(text);
      count += 1;
      if (global !== 'CITY' || expected.get(subscripts.map(String).join('\u0000')) !== String(value)) wrong += 1;
    });
    say(`${label}: ${count} records, sha256 ${hashes[label]}`);
    if (wrong > 0) violations.push(`${label} has ${wrong} records that are not those loaded`);
    if (count !== CITIES) violations.push(`${label} has ${count} records, ${CITIES} were acknowledged`);
  }
  if (new Set(Object.values(hashes)).size !== 1) violations.push('the members are not equal');
  return hashes;
}
