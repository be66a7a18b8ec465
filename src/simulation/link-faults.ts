/** Faults of links: between two hosts, one way or both, and in the shapes in which partitions come. */
import { type Fault, link } from './fault.ts';
import type { Chance } from './random.ts';
import type { World } from './world.ts';

type Link = readonly [string, string];

function cutAll(world: World, name: string, links: readonly Link[], text: string): () => void {
  world.fault(text, name);
  for (const [a, b] of links) world.cutQuietly(a, b);
  return () => {
    for (const [a, b] of links) world.heal(a, b);
  };
}

function toAllOthers(world: World, host: string): Link[] {
  return world.hosts.filter((other) => other !== host).map((other) => [host, other]);
}

/** Cut some, heal them in an order of chance. */
function cutAndHealInOtherOrder(world: World, chance: Chance, name: string, lastingMs: number): null {
  const links: Link[] = chance.happens(0.5) ? [['A', 'B'], ['A', 'X'], ['B', 'X']] : toAllOthers(world, 'B'); // biome-ignore format: three links
  world.fault(`links ${links.map(([a, b]) => `${a}-${b}`).join(', ')} are cut one after the other`, name);
  for (const [a, b] of links) {
    world.later(chance.between(0, 0.3) * lastingMs, () => world.cutQuietly(a, b));
    world.later(chance.between(0.3, 1) * lastingMs, () => world.heal(a, b));
  }
  return null;
}

function flap(world: World, chance: Chance, name: string, lastingMs: number): () => void {
  const [a, b] = link(world, chance);
  world.fault(`link ${a}-${b} comes and goes`, name);
  const endsAtMs = world.clock.nowMs + lastingMs;
  let over = false;
  const turn = (isUp: boolean): void => {
    if (over || world.clock.nowMs >= endsAtMs) return;
    if (isUp) world.cutQuietly(a, b);
    else world.heal(a, b);
    world.later(chance.between(0.1, 1) * chance.between(100, 10_000), () => turn(!isUp));
  };
  turn(true);
  return () => {
    over = true;
    world.heal(a, b);
  };
}

export const linkFaults: readonly Fault[] = [
  {
    name: 'cut both ways',
    strike: (world, chance, name) => {
      const [a, b] = link(world, chance);
      return cutAll(world, name, [[a, b]], `link ${a}-${b} is cut`);
    },
  },
  {
    name: 'cut one way',
    strike: (world, chance, name) => {
      const [a, b] = link(world, chance);
      const [from, to] = chance.happens(0.5) ? [a, b] : [b, a];
      world.fault(`link ${a}-${b} is cut from ${from} to ${to}`, name);
      world.network.cutOneWay(from, to);
      return () => world.heal(a, b);
    },
  },
  {
    name: 'slow link',
    strike: (world, chance, name) => {
      const [a, b] = link(world, chance);
      world.fault(`link ${a}-${b} is slow`, name);
      world.network.slowDown(a, b, chance.happens(0.2) ? chance.between(1000, 30_000) : chance.between(10, 800));
      return () => world.network.slowDown(a, b, 0);
    },
  },
  {
    name: 'little bandwidth',
    strike: (world, chance, name) => {
      const [a, b] = link(world, chance);
      world.fault(`link ${a}-${b} has little bandwidth`, name);
      world.network.slowDown(a, b, 5, chance.between(5, 100));
      return () => world.network.slowDown(a, b, 0);
    },
  },
  {
    name: 'connections reset',
    strike: (world, chance, name) => {
      const [a, b] = link(world, chance);
      if (world.network.reset(a, b) > 0) world.fault(`connections between ${a} and ${b} are reset`, name);
      return null;
    },
  },
  {
    name: 'half-open',
    strike: (world, chance, name) => {
      const [a, b] = link(world, chance);
      const text = `connections between ${a} and ${b} are half-open: nobody hears that they are gone`;
      if (world.network.blackHole(a, b, 0) > 0) world.fault(text, name);
      return null;
    },
  },
  {
    name: 'black hole after some messages',
    strike: (world, chance, name) => {
      const [a, b] = link(world, chance);
      const after = 1 + chance.below(12);
      const text = `after ${after} messages the connections between ${a} and ${b} lead nowhere`;
      if (world.network.blackHole(a, b, after) > 0) world.fault(text, name);
      return null;
    },
  },
  {
    name: 'accepts and is silent',
    strike: (world, chance, name) => {
      const [a, b] = link(world, chance);
      world.fault(`between ${a} and ${b} connections are accepted, and nothing is heard`, name);
      world.network.silence(a, b);
      return () => {
        world.tell('!!', `between ${a} and ${b} something is heard again`);
        world.network.speakAgain(a, b);
      };
    },
  },
  { name: 'flapping', strike: flap },
  { name: 'healed in other order', strike: cutAndHealInOtherOrder },
  {
    name: 'one isolated',
    strike: (world, chance, name) => {
      const host = chance.happens(0.6) ? (world.primary?.name ?? 'A') : chance.pick(['A', 'B', 'X']);
      return cutAll(world, name, toAllOthers(world, host), `${host} is isolated`);
    },
  },
  {
    name: 'halves',
    strike: (world, chance, name) => {
      const withX = chance.pick(['A', 'B']);
      const left = world.hosts.filter((host) => host === withX || host === 'X');
      const right = world.hosts.filter((host) => !left.includes(host));
      const links = left.flatMap((a) => right.map((b): Link => [a, b]));
      return cutAll(world, name, links, `${left.join(' ')} and ${right.join(' ')} do not see each other`);
    },
  },
  {
    name: 'all from all',
    strike: (world, _chance, name) => {
      const links = world.hosts.flatMap((a, index) => world.hosts.slice(index + 1).map((b): Link => [a, b]));
      return cutAll(world, name, links, 'nobody sees anybody');
    },
  },
  {
    name: 'bridge: A-B cut, both see the arbiter',
    strike: (world, _chance, name) =>
      cutAll(world, name, [['A', 'B']], 'A and B do not see each other, and both see X'),
  },
  {
    name: 'A-arbiter cut',
    strike: (world, _chance, name) => cutAll(world, name, [['A', 'X']], 'A and the arbiter do not see each other'),
  },
  {
    name: 'B-arbiter cut',
    strike: (world, _chance, name) => cutAll(world, name, [['B', 'X']], 'B and the arbiter do not see each other'),
  },
  {
    name: 'asyncs cut',
    strike: (world, _chance, name) => {
      const links = world.members.slice(2).flatMap((async) => toAllOthers(world, async.name));
      return links.length === 0 ? null : cutAll(world, name, links, 'the asyncs see nobody');
    },
  },
];
