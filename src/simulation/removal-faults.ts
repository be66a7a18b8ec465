/** People take members out of the mirror, or let them leave, while other things happen, and take them in again (docs/decisions/0025). */
import type { End, Fault } from './fault.ts';
import type { MemberHost } from './member-host.ts';
import { backupOr, bringBack, promote } from './operator-faults.ts';
import type { Chance } from './random.ts';
import type { World } from './world.ts';

/** Its instance is restarted, as the answer to the removal says, and joins again as soon as there is a primary. */
export function comeBack(world: World, host: MemberHost): void {
  if (host.disk.record.removed !== null) host.kill(true);
  host.start();
  if (host.disk.set === null) host.membership.join();
  else if (host.process?.state.role === 'stopped') host.order({ command: 'start-mirror' });
  world.tell(host.name, 'a person has looked after it');
}

/** Mostly the backup: all depends on its rights. */
function target(world: World, chance: Chance): MemberHost | undefined {
  const { primary } = world;
  const others = world.members.filter((host) => host !== primary && host.disk.set !== null);
  const backup = backupOr(world, chance);
  return chance.happens(0.6) && others.includes(backup)
    ? backup
    : others.length === 0
      ? undefined
      : chance.pick(others);
}

/** One that stands still may have been told to leave already: a mirror that all have left who could lead it is none. */
function couldLead({ disk, process, kind, failoverMember }: MemberHost): boolean {
  if (disk.set === null || disk.record.removed !== null || disk.flagCleared || process?.frozen !== false) return false;
  return process.state.role !== 'halted' && (failoverMember || !kind.isReporting);
}

function remove(world: World, primary: MemberHost, host: MemberHost): void {
  world.tell(primary.name, `an operator removes ${host.name}`);
  primary.membership.remove(host.name, () => {});
}

/** `more` happens besides; what it gives ends it. */
function removal(
  what: string,
  more: (world: World, chance: Chance, primary: MemberHost, host: MemberHost, lastingMs: number) => End,
): Fault['strike'] {
  return (world, chance, name, lastingMs) => {
    const { primary } = world;
    const host = target(world, chance);
    if (primary === undefined || host === undefined) return null;
    world.fault(`${primary.name} removes ${host.name}${what}`, name);
    const end = more(world, chance, primary, host, lastingMs);
    return () => {
      end?.();
      bringBack(primary);
      comeBack(world, host);
    };
  };
}

function die(chance: Chance, host: MemberHost): void {
  if (host.process !== null) host.process.dieAtEffect = 1 + chance.below(12);
}

export const removalFaults: readonly Fault[] = [
  {
    name: 'a member is removed',
    strike: removal('', (world, _chance, primary, host) => {
      remove(world, primary, host);
      return null;
    }),
  },
  {
    name: 'a member is removed, and a process dies on the way',
    strike: removal(', and a process dies on the way', (world, chance, primary, host) => {
      const dying = chance.pick([primary, host]);
      const backMs = chance.between(0, 2) * world.options.qosTimeoutMs;
      remove(world, primary, host);
      world.later(chance.between(0, 4), () => die(chance, dying));
      if (chance.happens(0.5)) world.later(backMs, () => dying.start());
      return () => dying.start();
    }),
  },
  {
    name: 'a member is removed while it is away',
    strike: removal(', which is cut off or down', (world, chance, primary, host, lastingMs) => {
      const isDown = chance.happens(0.5);
      if (isDown) host.kill();
      else world.isolateQuietly(host.name);
      world.later(lastingMs * chance.between(0, 0.6), () => remove(world, world.primary ?? primary, host));
      // It comes back in its ignorance, perhaps when the primary is gone.
      if (chance.happens(0.5)) world.later(lastingMs * chance.between(0.6, 0.9), () => primary.kill());
      if (isDown) world.later(lastingMs * chance.between(0.6, 1), () => host.start());
      return () => {
        if (!isDown) for (const other of world.hosts) if (other !== host.name) world.heal(host.name, other);
      };
    }),
    lastsMs: (chance, qos) => qos * chance.between(0.5, 8),
  },
  {
    name: 'a member is removed, and the link breaks',
    strike: removal(', and the link breaks', (world, chance, primary, host) => {
      const [from, to] = chance.happens(0.5) ? [primary.name, host.name] : [host.name, primary.name];
      if (chance.happens(0.5)) world.network.slowDown(from, to, world.options.qosTimeoutMs * 0.3);
      remove(world, primary, host);
      const breaks = chance.pick([
        () => world.network.cutOneWay(from, to),
        () => world.cutQuietly(from, to),
        () => world.isolateQuietly(from),
        () => void world.network.reset(from, to),
        () => void world.network.blackHole(from, to, chance.below(3)),
      ]);
      world.later(chance.between(0, 6), breaks);
      return () => {
        world.network.slowDown(from, to, 0);
        for (const other of world.hosts) if (other !== from) world.heal(from, other);
      };
    }),
  },
  {
    name: 'a member is removed, and the primary is lost',
    strike: removal(', and is lost', (world, chance, primary, host, lastingMs) => {
      remove(world, primary, host);
      const lose = chance.pick([
        () => primary.kill(),
        () => primary.crash(),
        () => primary.order({ command: 'stop-instance', noFailover: false }),
        () => world.isolateQuietly(primary.name),
      ]);
      world.later(chance.between(0, 10), lose);
      // The removed one is restarted first, or not.
      if (chance.happens(0.3)) world.later(lastingMs * 0.5, () => comeBack(world, host));
      return () => {
        primary.boot();
        for (const other of world.hosts) if (other !== primary.name) world.heal(primary.name, other);
      };
    }),
  },
  {
    name: 'a member leaves',
    strike: (world, chance, name) => {
      const host = target(world, chance);
      if (host === undefined || host.process === null) return null;
      world.fault(`an operator lets ${host.name} leave`, name);
      host.membership.leave();
      return () => comeBack(world, host);
    },
  },
  {
    name: 'a member is removed while places change',
    strike: removal(' while the failover members change', (world, chance, primary, host) => {
      const asyncs = world.members.filter((each) => !each.failoverMember && each.process !== null);
      const changes = [
        () => void (asyncs.length > 0 && promote(chance, chance.pick(asyncs))),
        () => primary.order({ command: 'demote-other' }),
        () => backupOr(world, chance).order({ command: 'demote' }),
      ];
      const change = chance.pick(changes);
      const [first, then] = chance.happens(0.5) ? [change, null] : [null, change];
      first?.();
      world.later(chance.between(0, 8), () => remove(world, primary, host));
      if (then !== null) world.later(chance.between(0, 8), then);
      if (chance.happens(0.3)) world.later(chance.between(0, 12), () => die(chance, chance.pick(world.members)));
      return () => {
        for (const member of world.members) if (member !== host) bringBack(member);
      };
    }),
  },
  {
    name: 'a member that was removed is forced',
    byForce: true,
    strike: (world, chance, name, lastingMs) => {
      const { primary } = world;
      const host = target(world, chance);
      if (primary === undefined || host === undefined) return null;
      world.fault(`${primary.name} removes ${host.name}, which is cut off, and an operator forces that`, name);
      world.isolateQuietly(host.name);
      world.later(lastingMs * 0.4, () => remove(world, world.primary ?? primary, host));
      world.later(lastingMs * chance.between(0.5, 0.9), () => host.overrule('force-primary'));
      return () => {
        for (const other of world.hosts) if (other !== host.name) world.heal(host.name, other);
        bringBack(primary);
        world.later(world.options.qosTimeoutMs, () => comeBack(world, host));
      };
    },
  },
  {
    name: 'a member leaves without its primary',
    byForce: true,
    strike: (world, chance, name) => {
      const host = target(world, chance);
      const isLast = world.members.every((each) => each === host || !couldLead(each));
      if (host?.process == null || !host.membership.mayLeave || isLast) return null;
      world.fault(`an operator lets ${host.name} leave without asking the primary`, name);
      host.process.post({ type: 'removed', by: 'its operator', removeAttribute: false });
      world.later(chance.between(0, 2) * world.options.qosTimeoutMs, () => {
        const { primary } = world;
        if (primary !== undefined && chance.happens(0.5)) remove(world, primary, host);
      });
      return () => comeBack(world, host);
    },
  },
];
