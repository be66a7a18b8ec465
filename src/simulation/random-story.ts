/**
 * One seed = one story: a mirror of chance, faults of chance at times of chance, then everything healed and time to
 * recover. The story fails when a promise was violated, when the mirror does not recover, or when nothing was acknowledged.
 */
import type { OperatorCommand } from '../mirror/events.ts';
import type { Chance } from './random.ts';
import { World, type WorldOptions } from './world.ts';

export interface StoryResult {
  readonly seed: number;
  readonly world: World;
  readonly failures: readonly string[];
}

/** Fewer acknowledged updates than this, and the story was not about anything. */
const acknowledgedMin = 20;

export function optionsOf(seed: number, verbose = false): WorldOptions {
  return {
    seed,
    qosTimeoutMs: seed % 3 === 0 ? 2000 : 1000,
    arbiter: seed % 5 !== 0,
    asyncs: seed % 4 === 0 ? 2 : seed % 4 === 1 ? 1 : 0,
    updateEveryMs: 40 + (seed % 7) * 10,
    verbose,
  };
}

export function tell(seed: number, verbose = false): StoryResult {
  const world = new World(optionsOf(seed, verbose));
  const failures: string[] = [];
  try {
    play(world, failures);
  } catch (error) {
    const text = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
    world.tell('**', `a member fails: ${text}`);
    failures.push(`bug: ${text}`);
  }
  for (const { promise, text, atMs } of world.checkers.violations) {
    failures.push(`${promise} at ${atMs.toFixed(1)} ms: ${text}`);
  }
  return { seed, world, failures };
}

function play(world: World, failures: string[]): void {
  const { chance, options, checkers } = world;
  const qos = options.qosTimeoutMs;
  slowEverything(world);
  world.create();
  // Some begin on the way into arbiter controlled mode.
  const settled = chance.happens(isDuel(options.seed) ? 0.5 : 0.8);
  const beginning = settled ? qos * 3 : qos * chance.between(0.05, 1.5);
  world.run(beginning);
  const withForce = chance.happens(0.08);
  if (isDuel(options.seed)) duel(world);
  const events = isDuel(options.seed) ? 0 : 3 + chance.below(10);
  // Faults come in bunches: what one network event does, and what happens in the middle of the answer to another.
  for (let index = 0; index < events && checkers.violations.length === 0; index += 1) {
    strike(world, withForce);
    const pause = chance.next();
    if (pause < 0.35) world.run(chance.between(0, 60));
    else if (pause < 0.7) world.run(chance.between(0.02, 1) * qos);
    else world.run(chance.between(0.5, 6) * qos);
  }
  recover(world);
  if (checkers.violations.length > 0) return;
  const before = checkers.acked.length;
  if (checkers.forced) return;
  const isAtRest = () => checkers.atRest() === null && checkers.acked.length > before + 10;
  if (!world.runUntil(isAtRest, qos * 30) && checkers.violations.length === 0) {
    failures.push(`I8: does not recover: ${checkers.atRest() ?? 'no update is acknowledged'}`);
  }
  world.run(qos * 0.2);
  checkers.allKept();
  if (checkers.acked.length < acknowledgedMin) failures.push(`only ${checkers.acked.length} updates acknowledged`);
}

/** Two stories in ten have only faults of links, processes and arbiter, close together, with much under way. */
function isDuel(seed: number): boolean {
  return seed % 10 === 9 || seed % 10 === 5;
}

function duel(world: World): void {
  const { chance, options, checkers } = world;
  const faults: Strike[] = [cutLink, cutLink, cutOneWay, killNow, killInStep, arbiterDies, freeze, crashHost];
  if (chance.happens(0.3)) faults.push(recordUnreadable, recordUnreadable, recordUnreadable);
  for (let left = 4 + chance.below(7); left > 0 && checkers.violations.length === 0; left -= 1) {
    chance.pick(faults)(world, chance);
    world.run(chance.between(0, chance.happens(0.6) ? 0.25 : 1.5) * options.qosTimeoutMs);
  }
}

/** In some stories links and disks are slow from the beginning, so that much is under way when something breaks. */
function slowEverything(world: World): void {
  const { chance, options } = world;
  if (chance.happens(0.35) || isDuel(options.seed)) {
    for (const [a, b] of [
      ['A', 'B'],
      ['A', 'X'],
      ['B', 'X'],
    ] as const)
      if (chance.happens(0.6)) world.network.slowDown(a, b, chance.between(0, 0.35) * options.qosTimeoutMs);
  }
  if (chance.happens(0.25)) {
    for (const host of world.members) host.slowDiskMs = chance.between(0, 0.4) * options.qosTimeoutMs;
  }
}

/** All faults end, all processes run. */
function recover(world: World): void {
  world.healAll();
  world.arbiter.process?.thaw();
  if (world.options.arbiter) world.arbiter.start();
  for (const host of world.members) {
    host.slowDiskMs = 0;
    host.diskFails = false;
    host.disk.readable = true;
    host.agent.alive = true;
    if (host.process !== null) host.process.dieAtEffect = 0;
    for (const other of world.hosts) world.network.slowDown(host.name, other, 0);
    host.boot();
    world.thaw(host.name);
    host.start();
    if (host.process?.state.role === 'stopped') host.order({ command: 'start-mirror' });
  }
  // A process that was already ending, and one that an operator stopped meanwhile.
  world.run(world.options.qosTimeoutMs * 4);
  for (const host of world.members) {
    host.start();
    if (host.process?.state.role === 'stopped') host.order({ command: 'start-mirror' });
  }
}

type Strike = (world: World, chance: Chance) => void;

const soon = (world: World, action: () => void): void => {
  const qos = world.options.qosTimeoutMs;
  const { chance } = world;
  const kind = chance.next();
  const delayMs =
    kind < 0.3 ? chance.between(1, 50) : kind < 0.7 ? chance.between(0.05, 1) * qos : chance.between(1, 6) * qos;
  if (kind < 0.93) world.clock.after(delayMs, action);
};

const failoverMember = (chance: Chance): string => chance.pick(['A', 'B']);

function link(world: World): [string, string] {
  const async = world.members[2];
  const links: [string, string][] = [
    ['A', 'B'],
    ['A', 'B'],
    ['A', 'X'],
    ['B', 'X'],
  ];
  if (async !== undefined) links.push([failoverMember(world.chance), async.name]);
  return world.chance.pick(links);
}

const cutLink: Strike = (world) => {
  const [a, b] = link(world);
  world.cut(a, b);
  soon(world, () => world.heal(a, b));
};

const cutOneWay: Strike = (world, chance) => {
  const [a, b] = link(world);
  const [from, to] = chance.happens(0.5) ? [a, b] : [b, a];
  world.cutOneWay(from, to);
  soon(world, () => world.heal(a, b));
};

const isolate: Strike = (world, chance) => {
  const name = chance.pick(['A', 'B', 'X']);
  world.isolate(name);
  soon(world, () => {
    for (const other of world.hosts) if (other !== name) world.heal(name, other);
  });
};

const anyMember = (world: World, chance: Chance): string =>
  chance.happens(0.85) ? failoverMember(chance) : chance.pick(world.members).name;

const killNow: Strike = (world, chance) => {
  const name = anyMember(world, chance);
  world.kill(name);
  soon(world, () => world.member(name).start());
};

const killInStep: Strike = (world, chance) => {
  const name = anyMember(world, chance);
  world.killAtEffect(name, 1 + chance.below(25));
  soon(world, () => world.member(name).start());
};

const crashHost: Strike = (world, chance) => {
  const name = anyMember(world, chance);
  world.crashHost(name);
  soon(world, () => {
    world.member(name).boot();
    if (chance.happens(0.5)) world.member(name).start();
    else soon(world, () => world.member(name).start());
  });
};

const freeze: Strike = (world, chance) => {
  const name = anyMember(world, chance);
  if (chance.happens(0.7)) world.freeze(name);
  else world.freezeHost(name);
  soon(world, () => world.thaw(name));
};

const agentDies: Strike = (world, chance) => {
  const host = world.member(failoverMember(chance));
  world.fault(`the agent of ${host.name} is killed`);
  host.agent.die();
  soon(world, () => {
    if (host.up) host.agent.alive = true;
  });
};

const arbiterDies: Strike = (world, chance) => {
  if (chance.happens(0.4) && world.arbiter.process !== null) {
    const { process } = world.arbiter;
    world.fault('the arbiter stands still');
    process.freeze();
    soon(world, () => process.thaw());
    return;
  }
  world.fault('the arbiter is killed');
  world.arbiter.kill(chance.happens(0.3));
  soon(world, () => {
    if (world.options.arbiter) world.arbiter.start();
  });
};

const slowDisk: Strike = (world, chance) => {
  const host = world.member(anyMember(world, chance));
  world.fault(`the disk of ${host.name} is slow`);
  host.slowDiskMs = chance.between(0.1, 2.5) * world.options.qosTimeoutMs;
  soon(world, () => {
    host.slowDiskMs = 0;
  });
};

const diskFull: Strike = (world, chance) => {
  const host = world.member(anyMember(world, chance));
  world.fault(`the disk of ${host.name} takes no journal data`);
  host.diskFails = true;
  soon(world, () => {
    host.diskFails = false;
  });
};

const recordUnreadable: Strike = (world, chance) => {
  const host = world.member(failoverMember(chance));
  world.fault(`the disk of ${host.name} cannot be read, and its process dies`);
  host.disk.readable = false;
  host.kill();
  soon(world, () => {
    host.disk.readable = true;
    host.start();
  });
};

const slowLink: Strike = (world, chance) => {
  const [a, b] = link(world);
  world.fault(`link ${a}-${b} is slow`);
  world.network.slowDown(a, b, chance.between(5, 0.8 * world.options.qosTimeoutMs));
  soon(world, () => world.network.slowDown(a, b, 0));
};

const operate: Strike = (world, chance) => {
  const host = world.member(anyMember(world, chance));
  const orders: OperatorCommand[] = [
    { command: 'stop-instance', noFailover: false },
    { command: 'stop-instance', noFailover: false },
    { command: 'stop-instance', noFailover: true },
    { command: 'stop-mirror' },
    { command: 'start-mirror' },
    { command: 'change-no-failover', set: true },
    { command: 'change-no-failover', set: false },
    { command: 'become-primary' },
    { command: 'become-primary' },
  ];
  world.fault('an operator acts');
  host.order(chance.pick(orders));
  soon(world, () => {
    host.start();
    if (host.process?.state.role === 'stopped') host.order({ command: 'start-mirror' });
  });
};

const force: Strike = (world, chance) => {
  world.fault('an operator forces');
  const lineage = `forced-${chance.below(1e9)}`;
  world.member(failoverMember(chance)).order({ command: 'force-primary', lineage, atMs: 0, evidence: 'none' });
};

const strikes: readonly (readonly [number, Strike])[] = [
  [20, cutLink],
  [10, cutOneWay],
  [10, isolate],
  [16, killNow],
  [10, killInStep],
  [8, crashHost],
  [8, freeze],
  [5, agentDies],
  [8, arbiterDies],
  [4, slowDisk],
  [2, diskFull],
  [3, recordUnreadable],
  [4, slowLink],
  [10, operate],
];

function strike(world: World, withForce: boolean): void {
  const { chance } = world;
  if (withForce && chance.happens(0.15)) return force(world, chance);
  let left = chance.next() * strikes.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, run] of strikes) {
    left -= weight;
    if (left < 0) return run(world, chance);
  }
}
