/** What a fault is: a name that is counted, and what it does to a world. The lists stand in faults.ts. */
import type { MemberHost } from './member-host.ts';
import type { Chance } from './random.ts';
import type { World } from './world.ts';

/** How a fault ends; null = by itself, or not before everything is healed. */
export type End = (() => void) | null;

export interface Fault {
  readonly name: string;
  /** Most seeds have nothing that a person forces: data may be lost by his order, and less can be promised. */
  readonly byForce?: true;
  /** A person restores an older state of a disk: in few seeds, for the same reason. */
  readonly setsBack?: true;
  /** Leaves a record that cannot be read, the one case in which a bound on clocks is needed: see `clockFaults`. */
  readonly needsClocks?: true;
  /** How long it lasts, where that differs from other faults. */
  readonly lastsMs?: (chance: Chance, qosTimeoutMs: number) => number;
  /** Counts itself (`World.fault`) if it found something to strike. */
  readonly strike: (world: World, chance: Chance, name: string, lastingMs: number) => End;
}

/** Mostly a failover member, and often by its role, so that roles move. */
export function victim(world: World, chance: Chance): MemberHost {
  const { primary } = world;
  const kind = chance.next();
  if (primary?.failoverMember && kind < 0.5) return primary;
  const other = world.members.find((host) => host.failoverMember && host !== primary);
  if (primary !== undefined && other !== undefined && kind < 0.7) return other;
  return kind < 0.93 ? failoverMember(world, chance) : chance.pick(world.members);
}

export function failoverMember(world: World, chance: Chance): MemberHost {
  return chance.pick(world.failoverMembers);
}

/** Hosts with a link between them: those of the pair and the arbiter, and sometimes of an async. */
export function link(world: World, chance: Chance): [string, string] {
  const links: [string, string][] = [
    ['A', 'B'],
    ['A', 'B'],
    ['A', 'X'],
    ['B', 'X'],
  ];
  for (const async of world.members.slice(2)) links.push([chance.pick(['A', 'B']), async.name]);
  return chance.pick(links);
}
