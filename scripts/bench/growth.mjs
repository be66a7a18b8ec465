/**
 * How the cost grows: with records, with the size of a value, with databases, and with the backlog of a backup that was away;
 * and how much memory the processes take meanwhile.
 */

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { bundleInProcess } from './in-process-bundle.mjs';
import { Pair } from './pair.mjs';
import { measureParts, printParts } from './parts.mjs';

const parts = { records: byRecords, values: byValues, databases: byDatabases, backlog: byBacklog, burst: byBurst };

/** Of each load. */
const seconds = 2;

export async function measureGrowth(options) {
  return await measureParts(parts, { ...options, seconds }, (part, environment) => part(environment));
}

export function printGrowth(result) {
  return printParts(result, (name) => `By ${name}`);
}

/** Journal and database in one process, keys in random and in key order; the process's own memory at its highest. */
async function* byRecords(environment) {
  const bundle = await bundleInProcess();
  try {
    for (const count of [1e4, 1e5, 1e6, 1e7]) {
      const random = await inProcess(environment, bundle, { task: 'random', count });
      const ordered = await inProcess(environment, bundle, { task: 'ordered', count });
      yield {
        records: count,
        'random SETs/s': random.rate,
        'ordered SETs/s': ordered.rate,
        'own memory MiB, random': random.ownMiB,
        'own memory MiB, ordered': ordered.ownMiB,
      };
    }
  } finally {
    await bundle.down();
  }
}

async function inProcess(environment, bundle, plan) {
  const directory = mkdtempSync(join(environment.directory, 'store-'));
  try {
    return JSON.parse((await execa(process.execPath, [bundle.path, JSON.stringify({ ...plan, directory })])).stdout);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Durable SETs with an active backup, 64 under way (fewer where they would be more than 16 MiB). */
async function* byValues(environment) {
  const pair = await Pair.up();
  try {
    for (const valueBytes of [10, 100, 1000, 10_000, 100_000, 1_000_000]) {
      const depth = Math.max(1, Math.min(64, Math.floor((16 * 2 ** 20) / valueBytes)));
      const { rate } = await environment.load(pair, { clients: 1, depth, valueBytes });
      yield {
        'value bytes': valueBytes,
        'under way': depth,
        'SETs/s': rate,
        'MB/s': (rate * valueBytes) / 1e6,
        ...(await memoryOf(pair)),
      };
    }
  } finally {
    await pair.down();
  }
}

/** One SET into each of many databases in turn, 64 under way. */
async function* byDatabases(environment) {
  const pair = await Pair.up();
  let present = 1;
  try {
    for (const databases of [1, 10, 50, 100, 200]) {
      for (; present < databases; present += 1) {
        for (const label of ['A', 'B'])
          await pair.on(label, ['database', 'create', label, `DATA${present}`, '--mirrored']);
      }
      const names = Array.from({ length: databases }, (_, index) => (index === 0 ? 'DATA' : `DATA${index}`));
      const { rate } = await environment.load(pair, { clients: 1, depth: 64, databases: names });
      yield { databases, 'SETs/s': rate, ...(await memoryOf(pair)) };
    }
  } finally {
    await pair.down();
  }
}

/** A backup that was away while so much journal was written: its catch-up, and the memory at the end of it. */
async function* byBacklog(environment) {
  const pair = await Pair.up();
  try {
    for (const megabytes of [10, 100, 1000, 5000]) {
      const valueBytes = 1000;
      const count = Math.ceil((megabytes * 1e6) / (valueBytes + 80));
      await pair.on('B', ['instance', 'stop', 'B', '--timeout', '60s']);
      await environment.load(pair, { clients: 4, depth: 250, count, valueBytes });
      const beganMs = performance.now();
      await pair.on('B', ['instance', 'start', 'B', '--timeout', '600s']);
      await pair.on('B', ['wait', 'B', '--for', 'active', '--timeout', '600s']);
      await pair.on('B', ['wait', 'B', '--for', 'caught-up', '--timeout', '600s']);
      const seconds = (performance.now() - beganMs) / 1000;
      yield {
        'backlog MB': megabytes,
        records: count,
        seconds,
        'records/s': count / seconds,
        'MB/s': megabytes / seconds,
        ...(await memoryOf(pair)),
      };
    }
  } finally {
    await pair.down();
  }
}

/**
 * SETs without a pause, of so many bytes in all: with an active backup, while it is away, and when it catches that up. The memory
 * is a process's own, without pages of files, at its highest.
 */
async function* byBurst(environment) {
  const pair = await Pair.up();
  const valueBytes = 1000;
  try {
    for (const megabytes of [500, 2000]) {
      const count = Math.ceil((megabytes * 1e6) / (valueBytes + 80));
      const load = () => environment.load(pair, { clients: 4, depth: 250, count, valueBytes });
      const burst = async (backup) => {
        const { result, ...memory } = await highest(pair, load);
        return { MB: megabytes, backup, 'SETs/s': result.rate, ...memory };
      };
      yield await burst('active');
      await pair.on('B', ['instance', 'stop', 'B', '--timeout', '60s']);
      yield await burst('away');
      const beganMs = performance.now();
      const { result: _, ...memory } = await highest(pair, async () => {
        await pair.on('B', ['instance', 'start', 'B', '--timeout', '600s']);
        await pair.on('B', ['wait', 'B', '--for', 'caught-up', '--timeout', '600s']);
      });
      yield {
        MB: megabytes,
        backup: 'catches up',
        'SETs/s': count / ((performance.now() - beganMs) / 1000),
        ...memory,
      };
    }
  } finally {
    await pair.down();
  }
}

/** What `work` resolves with, and the highest memory of both members' instances meanwhile, where they run. */
async function highest(pair, work) {
  const most = { A: 0, B: 0 };
  const pids = {};
  const look = setInterval(async () => {
    for (const label of Object.keys(most)) {
      try {
        const status = readFileSync(`/proc/${pids[label]}/status`, 'utf8');
        most[label] = Math.max(most[label], Number(/^RssAnon:\s+(\d+) kB/m.exec(status)[1]) / 1024);
      } catch {
        pids[label] = await pair.pidOf(label).catch(() => undefined);
      }
    }
  }, 200);
  try {
    const result = await work();
    return { result, 'own memory MiB, primary': most.A, 'own memory MiB, backup': most.B };
  } finally {
    clearInterval(look);
  }
}

/** Resident memory at its highest, MiB. */
async function memoryOf(pair) {
  const peak = (pid) => Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
  return { 'peak RSS MiB, primary': peak(await pair.pidOf('A')), 'peak RSS MiB, backup': peak(await pair.pidOf('B')) };
}
