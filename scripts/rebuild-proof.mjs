/**
 * A member is rebuilt while applications write, and source and target are killed again and again in the middle (FO-089): a lab of
 * real processes whose former primary and its async have diverged after a force. What was there before must be readable until
 * the new data are verified, afterwards lie beside them; hardly anything may be sent twice; in the end all members are equal
 * and hold what was acknowledged. Options: --megabytes N (of data, 160), --kills N (of each side, 1), --seed N, --json. Exit 0 only if
 * every check passed.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { importTypeScript } from './import-typescript.mjs';
import { exportOf, loadClientLibrary, optionNumber, Proof, requireBuilt, start, withLab } from './lab-tools.mjs';

const megabytes = optionNumber('--megabytes', 160);
const kills = optionNumber('--kills', 1);
const seed = optionNumber('--seed', Math.floor(Math.random() * 1_000_000));
/** Of the bytes of the copy. */
const sentTwiceMax = 0.1;
const valueBytes = 4000;
const commandMs = 600_000;

const random = randomFrom(seed);
const proof = new Proof(process.argv.includes('--json'));

requireBuilt();
const library = await loadClientLibrary();
const { LmdbDatabaseStore } = await importTypeScript('src/database/lmdb-databases.ts');
const { nodeHost } = await importTypeScript('src/host/node-host.ts');
proof.end({ megabytes, kills, seed }, await withLab(prove));

async function prove(lab) {
  proof.say(`seed ${seed}; a lab in ${lab.home}`);
  await lab.up();
  await load(lab);
  await diverge(lab);
  const writer = await startWriter(lab);
  const rebuilt = await rebuildWithKills(lab, writer);
  await whatWasBefore(lab);
  // The async followed the primary that was lost; it is rebuilt from the member that has just been.
  await lab.on('C', ['mirror', 'rebuild', 'C', '--confirm', 'C', '--from', 'A', '--timeout', '300s']);
  const written = await writer.stop();
  await compare(lab, written);
  return { ...rebuilt, 'updates acknowledged meanwhile': written.size };
}

/** Values that no compression makes smaller. */
async function load(lab) {
  const count = Math.ceil((megabytes * 1e6) / valueBytes);
  const client = await library.connectToMirror({ targets: lab.target.addresses, mirror: lab.target.mirror });
  const stream = client.stream();
  for (let number = 1; number <= count; number += 1) {
    const pause = stream.write(library.encodeKey('BASE', [String(number)]), randomBytes(valueBytes));
    if (pause !== undefined) await pause;
  }
  await stream.end();
  client.close();
  proof.say(`${count} records of ${valueBytes} bytes are acknowledged`);
  await lab.up(['--timeout', '300s']);
}

/** A, alone, takes updates that B never hears of; B is forced. What A applied then is nothing that the mirror has. */
async function diverge(lab) {
  await lab.on('B', ['instance', 'stop', 'B']);
  await lab.on('A', ['global', 'A', 'set', '^ALONE', 'here']);
  // An orderly stop puts on the disk what is in memory.
  await lab.on('A', ['instance', 'stop', 'A', '--nofailover', '--timeout', '120s']);
  await lab.on('A', ['agent', 'stop']);
  await lab.tryOn('B', ['instance', 'start', 'B', '--timeout', '5s']);
  await lab.on('B', ['mirror', 'force-primary', 'B', '--confirm', 'B']);
  await lab.on('B', ['mirror', 'no-failover', 'B', 'off']);
  await lab.on('B', ['wait', 'B', '--for', 'primary']);
  await lab.on('A', ['agent', 'start']);
  await lab.tryOn('A', ['instance', 'start', 'A', '--timeout', '5s']);
  await until('A has halted', async () => (await statusOf(lab, 'A')) === 'Crashed');
  proof.say('B was forced to become primary; A has data that the mirror lacks, and halted');
}

async function statusOf(lab, label) {
  return (await lab.status()).members.find((member) => member.label === label)?.status;
}

/** One update after the other, through the mirror's addresses, whoever is killed. */
async function startWriter(lab) {
  const { addresses: targets, mirror } = lab.target;
  const client = await library.connectToMirror({ targets, mirror, timeoutMs: 300_000 });
  const acknowledged = new Set();
  const stream = client.stream({ onAcknowledged: (record) => acknowledged.add(String(record)) });
  let isOver = false;
  const ended = (async () => {
    for (let number = 1; !isOver; number += 1) {
      const pause = stream.write(library.encodeKey('WRITTEN', [String(number)]), Buffer.from(String(number)));
      await (pause ?? wait(10));
    }
    await stream.end();
    client.close();
  })();
  return {
    get count() {
      return acknowledged.size;
    },
    async stop() {
      isOver = true;
      await ended;
      return acknowledged;
    },
  };
}

async function rebuildWithKills(lab, writer) {
  const plan = killPlan();
  const before = await carried(lab);
  let bytes = 0;
  let seconds = 0;
  for (let number = 0; ; number += 1) {
    const [killing, writtenBefore, sinceMs] = [plan[number], writer.count, performance.now()];
    const rebuilding = start(
      ['mirror', 'rebuild', 'A', '--confirm', 'A', '--timeout', '300s'],
      lab.hosts.get('A').home,
    );
    if (killing !== undefined) {
      bytes = await killAt(lab, killing, rebuilding);
      const { exitCode } = await rebuilding;
      proof.check(exitCode !== 0, `killed ${number + 1}: the command says that it is not done`);
      await startAgain(lab, killing.victim);
      proof.check((await aloneOnA(lab)) === 'here', `killed ${number + 1}: the old data of A are in use`);
      continue;
    }
    const { exitCode, stderr, stdout } = await rebuilding;
    seconds = (performance.now() - sinceMs) / 1000;
    proof.check(
      exitCode === 0,
      `the rebuild ends well: ${exitCode === 0 ? stdout : stderr.split('\n').slice(-2).join(' ')}`,
    );
    proof.check(writer.count > writtenBefore, 'updates were acknowledged during the rebuild');
    break;
  }
  if (bytes === 0) return { kills: 'none', 'last try': `${seconds.toFixed(1)} s` };
  const sent = (await carried(lab)) - before;
  proof.check(
    sent < bytes * (1 + sentTwiceMax),
    `sent ${mb(sent)} for a copy of ${mb(bytes)}: less than a tenth twice`,
  );
  return {
    copy: mb(bytes),
    sent: `${mb(sent)}, ${((sent / bytes - 1) * 100).toFixed(1)} % more (journal data of the updates meanwhile included)`,
    kills:
      plan.map(({ victim, at }) => `${victim} at ${at > 1 ? 'verifying' : `${Math.round(at * 100)} %`}`).join(', ') ||
      'none',
    'last try': `${seconds.toFixed(1)} s`,
  };
}

/** A primary that is started waits for a failover member that has halted, until that one is known to be down. */
async function startAgain(lab, victim) {
  if (victim === 'B') {
    await lab.on('A', ['instance', 'stop', 'A']);
    await lab.on('B', ['instance', 'start', 'B', '--timeout', '60s']);
    await until('B is primary', async () => (await statusOf(lab, 'B')) === 'Primary');
  }
  await lab.tryOn('A', ['instance', 'start', 'A', '--timeout', '2s']);
  await until('A has halted', async () => (await statusOf(lab, 'A')) === 'Crashed');
}

/** Source and target in random order, each at a random share of the bytes; above 1 = while they are verified. */
function killPlan() {
  const victims = [...Array(kills).fill('A'), ...Array(kills).fill('B')];
  const shares = victims.map(() => 0.02 + random() * 1.08).sort((a, b) => a - b);
  return shares.map((at) => ({ at, victim: victims.splice(Math.floor(random() * victims.length), 1)[0] }));
}

/** The size of the copy. */
async function killAt(lab, { victim, at }, rebuilding) {
  const pid = await lab.pidOf(victim);
  const fetched = join(lab.hosts.get('A').home, 'instances', 'A', 'download', 'DATA', 'database.mdb');
  const copies = join(lab.hosts.get('B').home, 'instances', 'B', 'copies');
  let isOver = false;
  let isVerifying = false;
  rebuilding.finally(() => {
    isOver = true;
  });
  rebuilding.stderr.on('data', (text) => {
    isVerifying ||= /verified|read/.test(String(text));
  });
  let size = 0;
  await until(`${Math.round(at * 100)} % have come`, async () => {
    size = Math.max(size, ...existing(copies).map((name) => sizeOf(join(copies, name, 'DATA', 'database.mdb'))));
    const has = sizeOf(fetched);
    return isOver || (at > 1 ? isVerifying || (size > 0 && has >= size) : has > 0 && has >= at * size);
  });
  proof.check(!isOver, `${victim} is killed while the rebuild runs`);
  const has = sizeOf(fetched);
  process.kill(pid, 'SIGKILL');
  proof.say(`killed ${victim === 'A' ? 'the target A' : 'the source B'} when ${mb(has)} of ${mb(size)} had come`);
  await rebuilding;
  proof.check(sizeOf(fetched) >= has, 'what had come is kept');
  return size;
}

function existing(path) {
  return existsSync(path) ? readdirSync(path) : [];
}

/** 0 where there is none; copies go away while they are looked at. */
function sizeOf(path) {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

async function carried(lab) {
  const { carried: all } = await lab.status();
  return all.find(({ from, to }) => from === 'B' && to === 'A')?.bytes ?? 0;
}

async function aloneOnA(lab) {
  return JSON.parse(await lab.on('A', ['global', 'A', 'get', '^ALONE', '--json'])).value;
}

/** The old database opens and holds what it held; the new one has none of it. */
async function whatWasBefore(lab) {
  const replaced = join(lab.hosts.get('A').home, 'instances', 'A', 'replaced');
  const names = existing(replaced);
  proof.check(names.length === 1, 'one set of old data lies beside the new');
  const store = new LmdbDatabaseStore(nodeHost.files);
  const database = await store.open(join(replaced, names[0] ?? '', 'DATA'));
  const found = database.get(library.encodeKey('ALONE', []));
  proof.check(
    found !== undefined && Buffer.from(found).toString() === 'here',
    'the old data open and hold what A had alone',
  );
  await database.close();
  await store.close?.();
  proof.check((await aloneOnA(lab)) === null, 'the rebuilt A does not have it');
}

async function compare(lab, written) {
  await lab.up(['--timeout', '300s']);
  const hashes = new Map();
  for (const label of ['A', 'B', 'C']) {
    const lacking = new Set(written);
    const hash = await exportOf(lab, label, (line) => {
      const { global, subscripts } = JSON.parse(line);
      if (global === 'WRITTEN') lacking.delete(String(subscripts[0]));
    });
    hashes.set(label, hash);
    proof.check(lacking.size === 0, `${label} holds all ${written.size} acknowledged updates`);
  }
  proof.check(new Set(hashes.values()).size === 1, 'all members are equal, byte for byte');
}

async function until(what, isSo) {
  const deadlineMs = performance.now() + commandMs;
  while (!(await isSo())) {
    if (performance.now() > deadlineMs) throw new Error(`waited in vain: ${what}`);
    await wait(2);
  }
}

function mb(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** The same plan for the same seed. */
function randomFrom(start) {
  let state = start >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
