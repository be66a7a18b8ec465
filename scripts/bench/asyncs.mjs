/**
 * What asyncs cost the primary: its durable SETs while more and more of them are connected, each time beside the same with all of them
 * out of the mirror; its memory; and everybody's share of the processors. Then one that hangs while updates go on.
 *
 *   receivers   DR asyncs that store what they receive and apply nothing, kept out of the primary's way (below): what is left is what they cost it
 *   members     the same as they are
 *   idlers      no asyncs: two processes that only count, in the same way, once on the receivers' processor and once on all of them. What they take is
 *               what any work beside the primary takes on this machine, and no async can take less while it has work without a pause
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { Pair } from './pair.mjs';
import { measureParts, printParts } from './parts.mjs';
import { median } from './statistics.mjs';

const counts = [0, 1, 7, 14];
/** 512 updates under way: the processors are what is short, and not the disk. */
const load = { clients: 8, depth: 64 };
const waitMs = 120_000;
/** The first one: on most machines it is not the one that serves the disk. */
const receiversProcessor = '0';

const parts = { receivers: byReceivers, members: byMembers, idlers: byIdlers, hung: byHung };

export async function measureAsyncs({ turns, ...options }) {
  return await measureParts(parts, options, (part, environment) => part(environment, turns));
}

export function printAsyncs(result) {
  return printParts(result, (name) => `Asyncs: ${name}`);
}

async function* byReceivers(environment, turns) {
  yield* byCount(environment, turns, async (pair, label) => {
    await pair.on(label, ['database', 'pause', label, '--all']);
    await keepOutOfTheWay(await pair.pidOf(label), receiversProcessor);
  });
}

/**
 * All processors are the primary's whenever it wants them. Idle threads (SCHED_IDLE) only run where nothing else wants to, and a primary that wakes
 * need not wait for their turn to end. An instance has a session of its own: where Linux schedules by session (kernel.sched_autogroup_enabled
 * = 1) that counts only within it, and the rates are too low. And they stay on one processor: Linux hands a thread that waits to
 * another processor when that one has nothing to do at all, at any priority; beside idle threads everywhere it goes on waiting.
 */
async function keepOutOfTheWay(pid, processors) {
  await execa('chrt', ['--all-tasks', '--idle', '-p', '0', String(pid)]);
  await execa('taskset', ['--all-tasks', '--cpu-list', '-p', processors, String(pid)]);
}

async function* byMembers(environment, turns) {
  yield* byCount(environment, turns, async () => undefined);
}

async function* byIdlers(environment, turns) {
  const pair = await Pair.up();
  try {
    await environment.load(pair, load);
    for (const processors of [receiversProcessor, `0-${cpus().length - 1}`]) {
      const [beside, alone] = [[], []];
      for (let turn = 0; turn < turns; turn += 1) {
        beside.push(await rateBesideIdlers(environment, pair, processors));
        alone.push((await environment.load(pair, load)).rate);
      }
      const ratio = median(beside.map((rate, index) => rate / alone[index]));
      yield { 'two idlers on': processors, 'SETs/s': median(beside), 'SETs/s without them': median(alone), ratio };
    }
  } finally {
    await pair.down();
  }
}

async function rateBesideIdlers(environment, pair, processors) {
  const idlers = [1, 2].map(() => execa(process.execPath, ['--eval', 'for (;;);'], { reject: false }));
  try {
    for (const { pid } of idlers) await keepOutOfTheWay(pid, processors);
    return (await environment.load(pair, load)).rate;
  } finally {
    for (const each of idlers) each.kill('SIGKILL');
    await Promise.all(idlers);
  }
}

/** All of them join while there is little to fetch; the most are measured first, so that nobody has to catch up with what it missed for good. */
async function* byCount(environment, turns, prepare) {
  const pair = await Pair.up();
  try {
    const asyncs = [];
    for (let number = 1; number <= Math.max(...counts); number += 1) {
      const label = `C${number}`;
      await pair.addAsync(label);
      await prepare(pair, label);
      asyncs.push(label);
    }
    await untilReceived(pair, asyncs);
    await environment.load(pair, load);
    for (const count of counts.toReversed()) {
      const away = asyncs.splice(count);
      await Promise.all(away.map((label) => pair.on(label, ['mirror', 'stop', label])));
      await untilReceived(pair, asyncs);
      yield { asyncs: count, ...(await alternate(environment, pair, asyncs, turns)) };
    }
  } finally {
    await pair.down();
  }
}

/**
 * Connected, not; not, connected; ...: the disk and the neighbours of such a machine change within minutes, and whoever is measured second finds a
 * primary that is warm.
 */
async function alternate(environment, pair, asyncs, turns) {
  const measured = { withThem: [], without: [] };
  const each = async (verb) => await Promise.all(asyncs.map((label) => pair.on(label, ['mirror', verb, label])));
  const beside = async () => {
    await untilReceived(pair, asyncs);
    measured.withThem.push(await underLoad(environment, pair, asyncs));
  };
  const alone = async () => {
    await each('stop');
    measured.without.push(await underLoad(environment, pair, []));
    await each('start');
  };
  for (let turn = 0; turn < turns; turn += 1) {
    for (const measure of turn % 2 === 0 ? [beside, alone] : [alone, beside]) await measure();
  }
  const { withThem, without } = measured;
  const middle = (rows, name) => median(rows.map((row) => row[name]));
  return {
    'SETs/s': middle(withThem, 'rate'),
    'SETs/s without them': middle(without, 'rate'),
    ratio: median(withThem.map(({ rate }, index) => rate / without[index].rate)),
    'CPU primary': `${Math.round(middle(withThem, 'primary'))} %`,
    'CPU backup': `${Math.round(middle(withThem, 'backup'))} %`,
    'CPU each async': asyncs.length === 0 ? '' : `${middle(withThem, 'async').toFixed(1)} %`,
    'primary MiB': middle(withThem, 'primaryMiB'),
    'without them': middle(without, 'primaryMiB'),
  };
}

/** The rate, everybody's share of the processors in percent, and the memory of the primary. */
async function underLoad(environment, pair, asyncs) {
  const used = await usedBy(pair, asyncs);
  const beganMs = performance.now();
  const { rate } = await environment.load(pair, load);
  const ms = performance.now() - beganMs;
  const shares = sharesOf(used, await usedBy(pair, asyncs), ms);
  return { rate, ...shares, primaryMiB: residentMiB(await pair.pidOf('A')) };
}

/** Of all processors, in percent. */
function sharesOf(before, after, ms) {
  const share = (label) => ((after.get(label) - before.get(label)) / (ms * cpus().length)) * 100;
  const asyncs = [...after.keys()].filter((label) => label.startsWith('C'));
  const sum = asyncs.reduce((all, label) => all + share(label), 0);
  return { primary: share('A'), backup: share('B'), async: sum / Math.max(1, asyncs.length) };
}

/** Processor time of each member so far, ms. */
async function usedBy(pair, asyncs) {
  const used = new Map();
  for (const label of ['A', 'B', ...asyncs]) used.set(label, processorMs(await pair.pidOf(label)));
  return used;
}

/** A clock tick of Linux is 10 ms for programs that ask. */
function processorMs(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Everything that the primary has is in their journals; whether they apply it is another thing. */
async function untilReceived(pair, asyncs) {
  const { position } = await statusOf(pair, 'A');
  const deadlineMs = performance.now() + waitMs;
  for (const label of asyncs) {
    while (((await statusOf(pair, label)).position?.sequence ?? 0) < position.sequence) {
      if (performance.now() > deadlineMs) throw new Error(`${label} does not receive what the primary has`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function statusOf(pair, label) {
  return JSON.parse(await pair.on(label, ['status', label, '--json']));
}

/** The same updates without an async, with one that follows, and with one that stands still (SIGSTOP) for all of it. */
async function* byHung(environment) {
  const updates = { ...load, count: 500_000, valueBytes: 200 };
  for (const what of ['none', 'follows', 'hangs']) {
    const pair = await Pair.up();
    try {
      if (what !== 'none') await pair.addAsync('C1');
      const pid = what === 'hangs' ? await pair.pidOf('C1') : null;
      if (pid !== null) process.kill(pid, 'SIGSTOP');
      const { rate } = await environment.load(pair, updates);
      const primary = await pair.pidOf('A');
      const row = {
        async: what,
        updates: updates.count,
        'SETs/s': rate,
        ...memoryOf(primary),
        ...journalOf(pair, 'A'),
      };
      const beganMs = performance.now();
      if (pid !== null) process.kill(pid, 'SIGCONT');
      if (what !== 'none') await untilReceived(pair, ['C1']);
      yield {
        ...row,
        'received after': what === 'none' ? '' : `${((performance.now() - beganMs) / 1000).toFixed(1)} s`,
      };
    } finally {
      await pair.down();
    }
  }
}

function residentMiB(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

function memoryOf(pid) {
  const peak = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
  return { 'primary MiB, at most': peak };
}

function journalOf(pair, label) {
  const directory = join(pair.home(label), 'instances', label, 'journal');
  const bytes = readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  return { 'journal MB kept': bytes / 1e6 };
}
