/** Rows about the mirror itself: durable SETs, bulk, lag, catch-up, and what the mirror costs. */
import { setTimeout as pause } from 'node:timers/promises';

const burst = 1_000_000;

function sets(clients, goal) {
  return {
    name: `sets-${clients}`,
    what: `durable SETs, active backup, ${clients} ${clients === 1 ? 'client' : 'clients'}`,
    peer: 'redis',
    peerIs: 'Redis, AOF always, WAIT 1',
    unit: '/s',
    goal: { atLeast: goal },
    limit: clients === 1 ? 'one fdatasync and four messages' : 'CPU: a read and a write of a socket for each SET',
    ours: async (env) => (await env.load(await env.ours(2), { clients, depth: 1 })).rate,
    other: async (env) =>
      await (await env.redis()).sets({ clients, depth: 1, seconds: env.seconds, first: env.newKeys(burst * 10) }),
  };
}

function costOfMirror(name, plan, goal, what) {
  return {
    name,
    what: `cost of the mirror: ${what}, mirrored / unmirrored`,
    peer: 'own',
    peerIs: 'own rate without a backup',
    unit: '/s',
    goal: { atLeast: goal },
    limit: 'both members share one disk and two processors here',
    ours: async (env) => (await env.load(await env.ours(2), plan)).rate,
    other: async (env) => (await env.load(await env.ours(1), plan)).rate,
  };
}

const bulkPlan = { clients: 1, depth: 2000, count: 300_000 };

export const writeRows = [
  sets(1, 1),
  sets(8, 1.3),
  sets(64, 1.3),
  {
    ...sets(64, 2.5),
    name: 'sets-64-postgresql',
    peer: 'postgresql',
    peerIs: 'PostgreSQL 15, synchronous standby, single-row inserts',
    other: async (env) => await (await env.postgresql()).inserts({ clients: 64, seconds: env.seconds }),
  },
  {
    name: 'pipelined',
    what: 'durable SETs, active backup, 8 clients with 64 under way each',
    peer: 'redis',
    peerIs: 'Redis, AOF always, WAIT 1',
    unit: '/s',
    goal: { atLeast: 2 },
    limit: 'CPU of three processes on two processors',
    ours: async (env) => (await env.load(await env.ours(2), { clients: 8, depth: 64 })).rate,
    other: async (env) =>
      await (await env.redis()).sets({ clients: 8, depth: 64, seconds: env.seconds, first: env.newKeys(burst * 10) }),
  },
  costOfMirror('mirror-cost-1', { clients: 1, depth: 1 }, 0.45, '1 client'),
  costOfMirror('mirror-cost-64', { clients: 64, depth: 1 }, 0.6, '64 clients'),
  costOfMirror('mirror-cost-bulk', bulkPlan, 0.8, 'bulk'),
];

export const bulkRows = [
  {
    name: 'bulk',
    what: 'bulk SETs in key order, mirrored, about 1000 to a flush, over the superserver',
    peer: 'gtm',
    peerIs: 'GT.M in process, 1000 SETs to a hardened transaction, not mirrored',
    unit: '/s',
    goal: { atLeast: 0.6 },
    limit: 'CPU: GT.M has no client, no second member and no message',
    ours: async (env) => (await env.load(await env.ours(2), bulkPlan)).rate,
    other: async (env) => {
      const gtm = await env.gtm();
      await gtm.create('bulk', 'journaled');
      return await gtm.sets('bulk', burst, 'bulk');
    },
  },
  {
    name: 'catch-up-gtm',
    what: 'catch-up and dejournaling of 1,000,000 ordered records, start of the backup included',
    peer: 'gtm',
    peerIs: 'GT.M receiver, its start included',
    unit: '/s',
    goal: { atLeast: 1 },
    limit: 'reading, checking, sending, storing and applying each record once',
    ours: ownCatchUp,
    other: async (env) => await (await env.replicatedGtm()).catchUp(burst, env.newKeys(burst)),
  },
  {
    name: 'catch-up-postgresql',
    what: 'the same',
    peer: 'postgresql',
    peerIs: 'PostgreSQL standby, its start included',
    unit: '/s',
    goal: { atLeast: 2 },
    limit: 'as above',
    ours: ownCatchUp,
    other: async (env) => await (await env.postgresql()).catchUp(burst, env.newKeys(burst)),
  },
  {
    name: 'catch-up-redis',
    what: 'the same',
    peer: 'redis',
    peerIs: 'Redis partial resync, up to 1 s until it reconnects included',
    unit: '/s',
    goal: { atLeast: 2 },
    limit: 'as above',
    ours: ownCatchUp,
    other: async (env) => await (await env.redis()).catchUp(burst / 2, env.newKeys(burst)),
  },
  {
    name: 'recovery',
    what: 'a member without a partner after a SIGKILL at the end of 1,000,000 SETs: from its start until a reader sees the last',
    peer: 'own',
    peerIs: 'own catch-up of 1,000,000 records',
    unit: '/s',
    goal: { atLeast: 1 },
    limit: 'reading and checking the newest journal file, applying what was not stored',
    ours: ownRecovery,
    other: ownCatchUp,
  },
  {
    name: 'lag',
    what: 'lag of the backup at the end of a burst of 1,000,000 SETs',
    peer: 'gtm',
    peerIs: 'GT.M receiver after 1,000,000 SETs',
    unit: ' ms',
    goal: { atMost: 1 },
    limit: 'a round trip and one fdatasync',
    ours: ownLag,
    other: async (env) => Math.max(1, await (await env.replicatedGtm()).lagMs(burst, env.newKeys(burst))),
  },
];

/** Records a second from the start of the backup's process until a reader there sees the last of those written without it. */
async function ownCatchUp(env) {
  const pair = await env.ours(2);
  await pair.on('B', ['instance', 'stop', 'B', '--timeout', '60s']);
  const first = env.newKeys(burst);
  await env.load(pair, { clients: 4, depth: 1000, count: burst, first });
  const beganMs = performance.now();
  await pair.on('B', ['instance', 'start', 'B', '--timeout', '120s']);
  await seenOn(env, pair, 'B', first + burst - 1, () => false);
  const rate = burst / ((performance.now() - beganMs) / 1000);
  await pair.on('A', ['wait', 'A', '--for', 'active', '--timeout', '120s']);
  return rate;
}

/** Records a second from the start of a process whose predecessor was killed until a reader sees the last of those it took. */
async function ownRecovery(env) {
  const pair = await env.ours(1);
  // The newest journal file holds what comes now.
  await pair.on('A', ['journal', 'switch', 'A']);
  const first = env.newKeys(burst);
  await env.load(pair, { clients: 4, depth: 1000, count: burst, first });
  await killed(await pair.pidOf('A'));
  const beganMs = performance.now();
  await pair.on('A', ['instance', 'start', 'A', '--timeout', '120s']);
  await seenOn(env, pair, 'A', first + burst - 1, () => false);
  return burst / ((performance.now() - beganMs) / 1000);
}

async function killed(pid) {
  process.kill(pid, 'SIGKILL');
  for (;;) {
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
    await pause(5);
  }
}

/** From the last acknowledgement of the burst until a reader on the backup sees its last record, ms. */
async function ownLag(env) {
  const pair = await env.ours(2);
  const first = env.newKeys(burst);
  let isOver = false;
  const seen = seenOn(env, pair, 'B', first + burst - 1, () => !isOver);
  const { endedAt } = await env.load(pair, { clients: 4, depth: 1000, count: burst, first }).finally(() => {
    isOver = true;
  });
  return Math.max(1, (await seen) - endedAt);
}

/** When a reader on that member saw the record; asked every 2 ms, and for a minute after `isExpected` says no more. */
async function seenOn(env, pair, label, record, isExpected) {
  const { client, key } = await env.readerOn(pair, label, record);
  let endMs = Number.POSITIVE_INFINITY;
  try {
    while ((await client.get(key)) === null) {
      if (!isExpected() && endMs === Number.POSITIVE_INFINITY) endMs = performance.now() + 60_000;
      if (performance.now() > endMs) throw new Error(`record ${record} does not come to ${label}`);
      await pause(2);
    }
    return Date.now();
  } finally {
    client.close();
  }
}
