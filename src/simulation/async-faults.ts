/** People change what kind of async a member is, clear FailoverDB flags, and try to promote what must not be promoted (CFG-050..053, DB-038..042, FO-077). */
import { isReporting, type MemberType, memberTypes } from '../mirror/terms.ts';
import type { End, Fault } from './fault.ts';
import type { MemberHost } from './member-host.ts';
import { asyncMember, backupOr, bringBack, primaryOr, promote, promoteWithoutPair } from './operator-faults.ts';
import type { Chance } from './random.ts';
import type { World } from './world.ts';

const asyncTypes = memberTypes.filter((type) => type !== 'Failover');
const reportingTypes = asyncTypes.filter(isReporting);

/** A DR async again, as far as it can be: with other copies where the flags are cleared. Mirrors without any would be dull. */
function backToDr(world: World, chance: Chance, host: MemberHost): void {
  if (!host.kind.isReporting || chance.happens(0.3)) return;
  if (host.disk.flagCleared && host.kind.type === 'Read-Write Reporting') host.kind.becomeType('Read-Only Reporting');
  world.later(world.options.qosTimeoutMs, () => {
    host.kind.replaceCopies();
    host.kind.becomeType('Disaster Recovery');
  });
}

/** A member that is no failover member, of these types where there is one; `then` says how it ends. */
function withAsync(
  isWanted: (host: MemberHost) => boolean,
  then: (world: World, chance: Chance, name: string, host: MemberHost, lastingMs: number) => End,
): Fault['strike'] {
  return (world, chance, name, lastingMs) => {
    const wanted = world.members.filter((each) => !each.failoverMember && each.process !== null && isWanted(each));
    const host = wanted.length > 0 ? chance.pick(wanted) : asyncMember(world, chance);
    if (host === undefined) return null;
    const end = then(world, chance, name, host, lastingMs);
    return () => {
      end?.();
      bringBack(host);
      backToDr(world, chance, host);
    };
  };
}

const anyAsync = (): boolean => true;
const isDr = ({ kind }: MemberHost): boolean => kind.type === 'Disaster Recovery';

function otherType(chance: Chance, { kind }: MemberHost): MemberType {
  return chance.pick(asyncTypes.filter((type) => type !== kind.type));
}

export const asyncFaults: readonly Fault[] = [
  {
    name: 'an async becomes another kind of async',
    strike: withAsync(anyAsync, (world, chance, name, host) => {
      const type = otherType(chance, host);
      world.fault(`${host.name} becomes ${type}`, name);
      host.kind.becomeType(type, isReporting(type) && chance.happens(0.4));
      return null;
    }),
  },
  {
    name: 'FailoverDB flags are cleared',
    strike: withAsync(
      ({ kind }) => kind.isReporting,
      (world, chance, name, host, lastingMs) => {
        world.fault(`FailoverDB flags of ${host.name} are cleared`, name);
        if (host.kind.isReporting) host.kind.clearFlags();
        else host.kind.becomeType(chance.pick(reportingTypes), true);
        // A person who does not know, or wants it back at once.
        if (chance.happens(0.5))
          world.later(chance.between(0, lastingMs), () => host.kind.becomeType('Disaster Recovery'));
        if (chance.happens(0.5)) world.later(chance.between(0, lastingMs), () => promote(chance, host));
        return null;
      },
    ),
  },
  {
    name: 'an async becomes another kind while it is promoted',
    strike: withAsync(isDr, (world, chance, name, host) => {
      const type = chance.pick(reportingTypes);
      const clears = chance.happens(0.7);
      world.fault(`${host.name} is promoted, and becomes ${type}${clears ? ' with cleared flags' : ''}`, name);
      const slow = chance.happens(0.5);
      const [from, to] = chance.happens(0.5)
        ? [host.name, primaryOr(world, chance).name]
        : [primaryOr(world, chance).name, backupOr(world, chance).name];
      if (slow && from !== to) world.network.slowDown(from, to, world.options.qosTimeoutMs * chance.between(0.02, 0.3));
      const orders = [() => promote(chance, host), () => host.kind.becomeType(type, clears)];
      if (chance.happens(0.5)) orders.reverse();
      for (const [index, order] of orders.entries()) world.later(index * chance.between(0, slow ? 200 : 8), order);
      if (chance.happens(0.3))
        world.later(chance.between(0, 12), () => {
          const dying = chance.pick(world.members).process;
          if (dying !== null) dying.dieAtEffect = 1 + chance.below(12);
        });
      return () => {
        world.network.slowDown(from, to, 0);
        for (const member of world.members) bringBack(member);
      };
    }),
  },
  {
    name: 'a reporting async is to be promoted while the pair is down',
    strike: withAsync(
      ({ kind }) => kind.isReporting,
      (world, chance, name, host) => {
        world.fault(`the pair goes down, and an operator wants ${host.name} (${host.kind.type}) promoted`, name);
        return promoteWithoutPair(world, chance, host);
      },
    ),
  },
];
