/** Rows about a process: the store inside one, a superserver without durability, memory, and how fast things start. */

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { bundleInProcess } from './in-process-bundle.mjs';

const at = (name) => fileURLToPath(new URL(name, import.meta.url));
const rpc = at('../peers/node-rpc.mjs');
const lmdbLoad = at('../peers/lmdb-load.mjs');
const program = at('../../bin/caretmirror.js');
const keys = 1_000_000;

/** A task of in-process.mjs in a process of its own; its result. */
async function inProcess(env, task, more = {}) {
  const bundle = await env.process('in-process bundle', bundleInProcess);
  const plan = { task, directory: mkdtempSync(join(env.directory, 'store-')), count: keys, ...more };
  return JSON.parse((await execa(process.execPath, [bundle.path, JSON.stringify(plan)])).stdout);
}

/** GT.M with 1,000,000 keys and no journal; `random` makes them anew. */
async function plainGtm(env, random) {
  const gtm = await env.gtm();
  const fresh = async () => {
    await gtm.create('plain', 'plain');
    return { rate: await gtm.sets('plain', keys, random ? 'random' : 'ordered'), down: async () => {} };
  };
  return { gtm, rate: random ? (await fresh()).rate : (await env.process('gtm plain', fresh)).rate };
}

/** After a clean stop. */
function opening(what, field, limit) {
  return {
    name: `opening-${what}`,
    what: `opening the ${what} after a clean stop with 1,000,000 records`,
    peer: 'none',
    unit: ' ms',
    goal: { atMost: 50 },
    limit,
    ours: async (env) => (await inProcess(env, 'read'))[field],
  };
}

export const storeRows = [
  {
    name: 'random-gtm',
    what: 'SETs in random order, journal and database in one process, unmirrored',
    peer: 'gtm',
    peerIs: 'GT.M random SET, unjournaled',
    unit: '/s',
    goal: { atLeast: 0.8 },
    limit: 'cache misses, not the disk',
    ours: async (env) => (await inProcess(env, 'random')).rate,
    other: async (env) => (await plainGtm(env, true)).rate,
  },
  {
    name: 'random-lmdb',
    what: 'the same',
    peer: 'lmdb',
    peerIs: 'LMDB alone, durable transactions of 1000',
    unit: '/s',
    goal: { atLeast: 3 },
    limit: 'copy on write: a page for each key',
    ours: async (env) => (await inProcess(env, 'random')).rate,
    other: async (env) => {
      const plan = { directory: mkdtempSync(join(env.directory, 'lmdb-')), count: 200_000, keys: 1_000_003 };
      return JSON.parse((await execa(process.execPath, [lmdbLoad, JSON.stringify(plan)])).stdout).rate;
    },
  },
  {
    name: 'get',
    what: '$GET with a random stride in the process, 1,000,000 keys',
    peer: 'gtm',
    peerIs: 'GT.M $GET',
    unit: '/s',
    goal: { atLeast: 0.8 },
    limit: 'a search in a tree and its cache misses',
    ours: async (env) => (await inProcess(env, 'read')).gets,
    other: async (env) => await (await plainGtm(env, false)).gtm.gets('plain', keys),
  },
  {
    name: 'scan',
    what: 'ordered scan with values in the process',
    peer: 'gtm',
    peerIs: 'GT.M $ORDER and value',
    unit: '/s',
    goal: { atLeast: 0.6 },
    limit: 'two objects for each node',
    ours: async (env) => (await inProcess(env, 'read')).scan,
    other: async (env) => await (await plainGtm(env, false)).gtm.scan('plain'),
  },
  opening('database', 'databaseMs', 'mapping a file'),
  opening('journal', 'journalMs', 'reading the newest file up to its end'),
];

function superserver(name, clients, depth) {
  return {
    name,
    what: `superserver without durability (buffered SETs and GETs, half each), ${clients}x${depth}`,
    peer: 'node',
    peerIs: 'a bare RPC server in Node over a Map',
    unit: '/s',
    goal: { atLeast: 0.6 },
    limit: 'checks, order and a journal that a Map does not have',
    ours: async (env) => (await env.load(await env.ours(1), { clients, depth, level: 'buffered' })).rate,
    other: async (env) => {
      const { port } = await env.process('rpc server', startRpc);
      return JSON.parse(
        (await execa(process.execPath, [rpc, 'load', JSON.stringify({ port, clients, depth, seconds: env.seconds })]))
          .stdout,
      ).rate;
    },
  };
}

async function startRpc() {
  const child = spawn(process.execPath, [rpc, 'server'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise((resolve) => child.stdout.once('data', (text) => resolve(Number(text))));
  return { pid: child.pid, port, down: async () => void child.kill('SIGKILL') };
}

/** Resident memory of a process, MiB. */
function residentMiB(pid) {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;
}

export async function wallMs(file, args, options = {}) {
  const beganMs = performance.now();
  await execa(file, args, { stdin: 'ignore', ...options });
  return performance.now() - beganMs;
}

const nothing = async () => await wallMs(process.execPath, ['-e', '0']);

export const startRows = [
  superserver('superserver-1', 1, 1),
  superserver('superserver-pipelined', 8, 64),
  {
    name: 'memory',
    what: 'resident memory of an idle instance, a member with one database',
    peer: 'node',
    peerIs: 'a bare server of node:net',
    unit: ' MiB',
    goal: { atMost: 2 },
    limit: 'the heap of Node itself',
    ours: async (env) => {
      const pair = await env.idleInstance();
      return residentMiB(await pair.pidOf('A'));
    },
    other: async (env) => residentMiB((await env.process('idle rpc server', startRpc)).pid),
  },
  {
    name: 'version',
    what: 'caretmirror --version',
    peer: 'node',
    peerIs: 'node -e 0',
    unit: ' ms',
    goal: { atMost: 1.4 },
    limit: 'the start of Node',
    ours: async () => await wallMs(process.execPath, [program, '--version']),
    other: nothing,
  },
  {
    name: 'prompt',
    what: 'caretmirror: the first prompt of ^MIRROR on a running instance, left at once',
    peer: 'node',
    peerIs: 'node -e 0',
    unit: ' ms',
    goal: { atMost: 2 },
    limit: 'the start of Node and two round trips',
    ours: async (env) => {
      const pair = await env.idleInstance();
      return await wallMs(process.execPath, [program, 'session', 'A', '^MIRROR', '--home', pair.home('A')], {
        reject: false,
      });
    },
    other: nothing,
  },
];
