/** What people do: operators, the site's ^ZMIRROR, and clients that set much or nothing. */
import type { OperatorCommand } from '../mirror/events.ts';
import { type End, type Fault, failoverMember, victim } from './fault.ts';
import type { MemberHost } from './member-host.ts';
import type { Chance } from './random.ts';
import type { World } from './world.ts';

export function order(world: World, name: string, host: MemberHost, command: OperatorCommand): End {
  if (host.process === null) return null;
  world.fault(`an operator at ${host.name}`, name);
  host.order(command);
  return () => bringBack(host);
}

/** An operator starts again what an operator stopped. */
export function bringBack(host: MemberHost): void {
  host.start();
  if (host.process?.state.role === 'stopped') host.order({ command: 'start-mirror' });
}

export const primaryOr = (world: World, chance: Chance): MemberHost =>
  world.primary?.failoverMember ? world.primary : failoverMember(world, chance);

export function backupOr(world: World, chance: Chance): MemberHost {
  const { primary } = world;
  const other = world.failoverMembers.find((host) => host !== primary);
  return primary === undefined || other === undefined ? failoverMember(world, chance) : other;
}

export const operatorFaults: readonly Fault[] = [
  {
    name: 'planned stop',
    strike: (world, chance, name) =>
      order(world, name, primaryOr(world, chance), { command: 'stop-instance', noFailover: false }),
  },
  {
    name: 'stop of any member',
    strike: (world, chance, name) =>
      order(world, name, victim(world, chance), { command: 'stop-instance', noFailover: false }),
  },
  {
    name: 'planned stop, killed on the way',
    strike: (world, chance, name) => {
      const host = primaryOr(world, chance);
      const other = backupOr(world, chance);
      if (host.process === null) return null;
      (chance.happens(0.5) ? host.process : (other.process ?? host.process)).dieAtEffect = 1 + chance.below(30);
      host.order({ command: 'stop-instance', noFailover: false });
      world.fault(`an operator stops ${host.name}, and a process dies on the way`, name);
      return () => {
        bringBack(host);
        bringBack(other);
      };
    },
  },
  {
    name: 'stop with no failover',
    strike: (world, chance, name) =>
      order(world, name, primaryOr(world, chance), { command: 'stop-instance', noFailover: true }),
  },
  {
    name: 'become primary',
    strike: (world, chance, name) => order(world, name, backupOr(world, chance), { command: 'become-primary' }),
  },
  {
    name: 'mirroring stopped',
    strike: (world, chance, name) => order(world, name, backupOr(world, chance), { command: 'stop-mirror' }),
  },
  {
    name: 'no failover set',
    strike: (world, chance, name) => {
      const host = failoverMember(world, chance);
      if (host.process === null) return null;
      order(world, name, host, { command: 'change-no-failover', set: true });
      return () => host.order({ command: 'change-no-failover', set: false });
    },
  },
  {
    name: 'no failover set, then the primary crashes',
    strike: (world, chance, name) => {
      const host = primaryOr(world, chance);
      if (host.process === null) return null;
      order(world, name, host, { command: 'change-no-failover', set: true });
      world.later(chance.between(0, 0.2) * world.options.qosTimeoutMs, () => host.kill());
      return () => {
        bringBack(host);
        for (const member of world.failoverMembers) member.order({ command: 'change-no-failover', set: false });
      };
    },
  },
  {
    name: 'no failover cleared',
    strike: (world, chance, name) =>
      order(world, name, failoverMember(world, chance), { command: 'change-no-failover', set: false }),
  },
  {
    name: 'no disk of the pair answers',
    lastsMs: (chance, qos) => qos * chance.between(1, 8),
    strike: (world, chance, name) => {
      const pair = [primaryOr(world, chance), backupOr(world, chance)];
      world.fault('no fsync of the pair comes back', name);
      for (const host of pair) host.diskHangs = true;
      return () => {
        for (const host of pair) host.diskHangs = false;
      };
    },
  },
  {
    name: 'two operators at once',
    strike: (world, chance, name) => {
      const orders: OperatorCommand[] = [
        { command: 'become-primary' },
        { command: 'change-no-failover', set: false },
        { command: 'stop-instance', noFailover: false },
        { command: 'stop-mirror' },
      ];
      world.fault('operators at A and at B', name);
      const hosts = [world.member('A'), world.member('B')];
      for (const host of hosts) host.order(chance.pick(orders));
      return () => {
        for (const host of hosts) bringBack(host);
      };
    },
  },
  {
    name: 'arbiter taken out of the configuration',
    strike: (world, _chance, name) => {
      if (!world.options.arbiter) return null;
      world.fault('no arbiter is configured any more', name);
      world.configureArbiter(false);
      return () => world.configureArbiter(true);
    },
  },
  {
    name: 'the site says no before',
    strike: (world, chance, name) => refuse(world, chance, name, 'CanNodeStartToBecomePrimary'),
  },
  {
    name: 'the site says no at the end',
    strike: (world, chance, name) => refuse(world, chance, name, 'CheckBecomePrimaryOK'),
  },
  {
    name: 'force',
    byForce: true,
    strike: (world, chance, name) => {
      const host = failoverMember(world, chance);
      if (host.process === null) return null;
      world.fault(`an operator forces ${host.name}`, name);
      host.overrule('force-primary');
      return null;
    },
  },
  {
    name: 'the primary is lost, and the backup is forced',
    byForce: true,
    strike: (world, chance, name, lastingMs) => {
      const lost = primaryOr(world, chance);
      const taker = backupOr(world, chance);
      if (taker.process === null || lost === taker) return null;
      world.fault(`${lost.name} is isolated, and an operator forces ${taker.name}`, name);
      world.isolateQuietly(lost.name);
      world.later(lastingMs * chance.between(0.2, 0.9), () => taker.overrule('force-primary'));
      return () => {
        for (const other of world.hosts) if (other !== lost.name) world.heal(lost.name, other);
      };
    },
  },
  {
    name: 'both are forced',
    byForce: true,
    strike: (world, chance, name) => {
      world.fault('operators force A and B', name);
      if (chance.happens(0.6)) world.cutQuietly('A', 'B');
      for (const host of ['A', 'B'])
        world.later(chance.between(0, 1) * world.options.qosTimeoutMs, () =>
          world.member(host).overrule('force-primary'),
        );
      return () => world.heal('A', 'B');
    },
  },
  {
    name: 'resume in trouble',
    byForce: true,
    strike: (world, chance, name, lastingMs) => {
      const host = primaryOr(world, chance);
      if (host.process === null) return null;
      world.fault(`${host.name} is isolated, and an operator lets it go on`, name);
      world.isolateQuietly(host.name);
      world.later(lastingMs * chance.between(0.2, 0.9), () => host.overrule('resume-primary'));
      return () => {
        for (const other of world.hosts) if (other !== host.name) world.heal(host.name, other);
      };
    },
  },
];

/** An async is promoted; `partner`: null = chosen by the rules. */
export function promote(chance: Chance, host: MemberHost, partner: string | null = null): void {
  const lineage = `promoted-${host.name}-${chance.below(1e9)}`;
  host.kind.promote({ command: 'promote', partner, hold: chance.happens(0.2), lineage, atMs: 0, evidence: 'none' });
}

export function asyncMember(world: World, chance: Chance): MemberHost | undefined {
  const asyncs = world.members.filter((host) => !host.failoverMember && host.process !== null);
  // Mostly one that can be promoted.
  const able = asyncs.filter(({ kind }) => kind.type === 'Disaster Recovery');
  const among = able.length > 0 && chance.happens(0.85) ? able : asyncs;
  return among.length === 0 ? undefined : chance.pick(among);
}

/** The pair goes down, and a person orders it at some moment of that. */
export function promoteWithoutPair(world: World, chance: Chance, host: MemberHost): End {
  const pair = [...world.failoverMembers];
  for (const member of pair)
    if (chance.happens(0.5)) member.kill();
    else member.order({ command: 'stop-instance', noFailover: true });
  world.later(chance.between(0, 3) * world.options.qosTimeoutMs, () => promote(chance, host));
  return () => {
    for (const member of pair) bringBack(member);
  };
}

export const membershipFaults: readonly Fault[] = [
  {
    name: 'an async is promoted',
    strike: (world, chance, name) => {
      const host = asyncMember(world, chance);
      if (host === undefined) return null;
      world.fault(`an operator promotes ${host.name}`, name);
      promote(chance, host);
      return null;
    },
  },
  {
    name: 'an async is promoted, and a process dies on the way',
    strike: (world, chance, name) => {
      const host = asyncMember(world, chance);
      const dying = chance.pick(world.members);
      if (host === undefined || dying.process === null) return null;
      world.fault(`an operator promotes ${host.name}, and ${dying.name} dies on the way`, name);
      promote(chance, host);
      world.later(chance.between(0, 30), () => {
        if (dying.process !== null) dying.process.dieAtEffect = 1 + chance.below(20);
      });
      return () => bringBack(dying);
    },
  },
  {
    name: 'the pair goes down, and an async is promoted',
    strike: (world, chance, name) => {
      const host = asyncMember(world, chance);
      if (host === undefined) return null;
      world.fault(`the pair goes down, and an operator promotes ${host.name}`, name);
      return promoteWithoutPair(world, chance, host);
    },
  },
  {
    name: 'two asyncs are promoted at once',
    strike: (world, chance, name) => {
      const asyncs = world.members.filter((host) => !host.failoverMember);
      if (asyncs.length < 2) return null;
      world.fault('operators promote two members', name);
      if (chance.happens(0.5)) for (const member of world.failoverMembers) member.kill();
      for (const host of asyncs)
        world.later(chance.between(0, 0.5) * world.options.qosTimeoutMs, () => promote(chance, host));
      return () => {
        for (const member of world.members) bringBack(member);
      };
    },
  },
  {
    name: 'the backup is demoted',
    strike: (world, chance, name) => order(world, name, backupOr(world, chance), { command: 'demote' }),
  },
  {
    name: 'the other failover member is demoted',
    strike: (world, chance, name) => order(world, name, primaryOr(world, chance), { command: 'demote-other' }),
  },
  {
    name: 'an async is promoted by force',
    byForce: true,
    strike: (world, chance, name) => {
      const host = asyncMember(world, chance);
      if (host === undefined) return null;
      const pair = [...world.failoverMembers];
      world.fault(`the pair is lost, and an operator promotes ${host.name} by force`, name);
      // Half of the time their agents are left to say that they are down.
      const killOnly = chance.happens(0.5);
      for (const member of pair) {
        const kind = killOnly ? 1 : chance.next();
        if (kind < 0.4) member.crash();
        else if (kind < 0.7) world.isolateQuietly(member.name);
        else member.kill();
      }
      const wish = chance.next();
      const partner = wish < 0.45 ? 'none' : wish < 0.8 ? chance.pick(pair).name : null;
      // Refused while it hears of a primary still: the person asks again.
      for (const qos of [chance.between(0, 3), chance.between(3, 6), chance.between(6, 9)])
        world.later(qos * world.options.qosTimeoutMs, () => promote(chance, host, partner));
      return () => {
        for (const member of pair) {
          for (const other of world.hosts) if (other !== member.name) world.heal(member.name, other);
          member.boot();
          bringBack(member);
        }
      };
    },
  },
];

function refuse(
  world: World,
  chance: Chance,
  name: string,
  entry: 'CanNodeStartToBecomePrimary' | 'CheckBecomePrimaryOK',
): End {
  const host = backupOr(world, chance);
  world.fault(`^ZMIRROR of ${host.name} says no to ${entry}`, name);
  host.siteRefuses = entry;
  return () => {
    host.siteRefuses = null;
  };
}

export const loadFaults: readonly Fault[] = [
  {
    name: 'burst of updates',
    strike: (world, chance, name) => {
      world.fault('the clients set much', name);
      world.load(chance.between(1, 6));
      world.later(chance.between(50, 600), () => world.loadAsPlanned());
      return null;
    },
  },
  {
    name: 'clients idle',
    strike: (world, _chance, name) => {
      if (world.updateEveryMs === null) return null;
      world.fault('the clients set nothing', name);
      world.load(null);
      return () => world.loadAsPlanned();
    },
  },
];
