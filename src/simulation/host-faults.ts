/** Faults of processes, machines, the arbiter, disks and clocks. */
import { type Fault, failoverMember, victim } from './fault.ts';
import type { MemberHost } from './member-host.ts';
import type { Chance } from './random.ts';
import type { World } from './world.ts';

/** `0.1 to 120 s`, more often short than long. */
const standstill = (chance: Chance): number => 100 * 1200 ** (chance.next() ** 2);

function startAgain(host: MemberHost): () => void {
  return () => host.start();
}

export const processFaults: readonly Fault[] = [
  {
    name: 'process killed',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (host.process === null) return null;
      world.fault(`the process of ${host.name} is killed`, name);
      host.kill();
      return startAgain(host);
    },
  },
  {
    name: 'process killed and started at once',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (host.process === null) return null;
      world.fault(`the process of ${host.name} is killed and started`, name);
      host.kill();
      host.start();
      return null;
    },
  },
  {
    name: 'killed between two effects',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (host.process === null) return null;
      const effect = 1 + chance.below(25);
      world.fault(`the process of ${host.name} will die before its effect ${effect} from now`, name);
      host.process.dieAtEffect = effect;
      return startAgain(host);
    },
  },
  {
    name: 'SIGSTOP',
    lastsMs: standstill,
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (host.process === null) return null;
      world.fault(`the process of ${host.name} stands still`, name);
      host.process.freeze();
      // Its agent may have forced it down meanwhile.
      return () => {
        world.thaw(host.name);
        host.start();
      };
    },
  },
  {
    name: 'event loop blocked',
    lastsMs: (chance, qos) => chance.between(10, 0.9 * qos),
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (host.process === null) return null;
      world.fault(`the event loop of ${host.name} is blocked`, name);
      host.process.freeze();
      return () => {
        world.thaw(host.name);
        host.start();
      };
    },
  },
  {
    name: 'started twice',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (host.process === null) return null;
      world.fault(`a second process of ${host.name} is started, and its lock refuses it`, name);
      const { process, disk } = host;
      const { incarnation } = disk.record;
      host.start();
      if (host.process !== process || disk.record.incarnation !== incarnation)
        world.checkers.complain('bug', `${host.name} runs twice`);
      return null;
    },
  },
];

/** Every process of a machine stands still, and so may its clock. */
function suspend(world: World, host: MemberHost): () => void {
  host.process?.freeze();
  host.agent.freeze();
  return () => {
    host.letClockRun();
    world.thaw(host.name);
    host.start();
  };
}

export const hostFaults: readonly Fault[] = [
  {
    name: 'power cut',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (!host.up) return null;
      world.fault(`the power of ${host.name} is cut; what was not synced may be lost`, name);
      host.crash();
      const agentFirst = chance.happens(0.5);
      return () => {
        host.boot();
        if (!agentFirst) host.start();
        else world.later(world.options.qosTimeoutMs * chance.between(0.1, 3), startAgain(host));
      };
    },
  },
  {
    name: 'agent dead, instance lives',
    strike: (world, chance, name) => {
      const host = failoverMember(world, chance);
      if (!host.agent.alive || host.process === null) return null;
      world.fault(`the agent of ${host.name} is killed`, name);
      host.agent.die();
      return () => {
        host.agent.alive = host.up;
      };
    },
  },
  {
    name: 'agent dead, instance dead, host up',
    strike: (world, chance, name) => {
      const host = world.primary?.failoverMember ? world.primary : failoverMember(world, chance);
      if (!host.agent.alive || host.process === null) return null;
      world.fault(`agent and process of ${host.name} are killed`, name);
      host.agent.die();
      host.kill();
      return () => {
        host.agent.alive = host.up;
        host.start();
      };
    },
  },
  {
    name: 'host stands still',
    lastsMs: standstill,
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (!host.up) return null;
      world.fault(`the host of ${host.name} stands still; its clock goes on`, name);
      return suspend(world, host);
    },
  },
  {
    name: 'slow processor',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (!host.up) return null;
      world.fault(`the processor of ${host.name} is busy`, name);
      host.slowCpuMs = chance.happens(0.8)
        ? chance.between(1, 30)
        : chance.between(30, 0.4 * world.options.qosTimeoutMs);
      return () => {
        host.slowCpuMs = 0;
      };
    },
  },
];

export const arbiterFaults: readonly Fault[] = [
  {
    name: 'arbiter off',
    strike: (world, chance, name) => {
      if (world.arbiter.process === null) return null;
      world.fault('the arbiter is killed', name);
      world.arbiter.kill(chance.happens(0.4));
      return () => world.arbiter.start();
    },
  },
  {
    name: 'arbiter restarts and forgets',
    strike: (world, _chance, name) => {
      if (world.arbiter.process === null) return null;
      world.fault('the arbiter is restarted', name);
      world.arbiter.kill(false);
      world.arbiter.start();
      return null;
    },
  },
  {
    name: 'arbiter stands still',
    lastsMs: standstill,
    strike: (world, _chance, name) => {
      const { process } = world.arbiter;
      if (process === null) return null;
      world.fault('the arbiter stands still', name);
      process.freeze();
      return () => process.thaw();
    },
  },
  {
    name: 'arbiter slow',
    strike: (world, chance, name) => {
      if (world.arbiter.process === null) return null;
      world.fault('the arbiter answers late', name);
      const latencyMs = chance.between(0.1, 0.8) * world.options.qosTimeoutMs;
      for (const host of ['A', 'B']) world.network.slowDown(host, 'X', latencyMs);
      return () => {
        for (const host of ['A', 'B']) world.network.slowDown(host, 'X', 0);
      };
    },
  },
];

/** Which members there are and which places they have, by the newest of all disks. */
function membersOf({ set, members }: World): string {
  const lists = members.map(({ disk }) => disk.record.failoverMembers?.number ?? 0);
  return JSON.stringify([set.epoch, set.revision, Math.max(...lists)]);
}

export const diskFaults: readonly Fault[] = [
  {
    name: 'disk set back',
    setsBack: true,
    lastsMs: (chance, qos) => qos * chance.between(0.3, 12),
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      const { state } = host.disk;
      const ackedThen = world.checkers.acked.length;
      const members = membersOf(world);
      if (state.set === null) return null;
      world.tell('!!', `a snapshot is taken of the machine of ${host.name}`);
      const offForMs = world.options.qosTimeoutMs * chance.between(0.1, 3);
      return () => {
        // One that was a member of another mirror then may take itself for the only one (docs/decisions/0049).
        if (host.disk.set === null || membersOf(world) !== members) return;
        world.fault(`the disk of ${host.name} is set back to the snapshot`, name);
        host.setBack(state, ackedThen);
        host.boot();
        world.later(offForMs, startAgain(host));
      };
    },
  },
  {
    name: 'disk 100 times slower',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      world.fault(`the disk of ${host.name} is slow`, name);
      host.slowDiskMs = chance.happens(0.7) ? 300 : chance.between(0.3, 2.5) * world.options.qosTimeoutMs;
      return () => {
        host.slowDiskMs = 0;
      };
    },
  },
  {
    name: 'fsync hangs',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      world.fault(`an fsync of ${host.name} does not come back`, name);
      host.diskHangs = true;
      return () => {
        host.diskHangs = false;
      };
    },
  },
  {
    name: 'disk full',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      world.fault(`the disk of ${host.name} has no room for the journal`, name);
      host.diskFails = true;
      return () => {
        host.diskFails = false;
      };
    },
  },
  {
    name: 'fsync fails',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (host.process === null) return null;
      world.fault(`the next fsync of ${host.name} fails`, name);
      host.diskErrs = true;
      return () => {
        host.diskErrs = false;
        host.start();
      };
    },
  },
  {
    name: 'record unreadable',
    needsClocks: true,
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      if (!host.disk.readable) return null;
      world.fault(`the disk of ${host.name} cannot be read, and its process dies`, name);
      host.disk.readable = false;
      host.kill();
      return () => {
        host.disk.readable = true;
        host.start();
      };
    },
  },
];

/**
 * What a monotonic clock may do is bounded: two of them differ by less than `clockDriftShare` within a trouble timeout. A
 * machine whose monotonic clock stands still for longer while the world goes on breaks that bound; the rules need it in one
 * case only, where a record cannot be read (FO-023), so the two are not drawn together (story-plan.ts).
 */
export const clockFaults: readonly Fault[] = [
  {
    name: 'clock drifts',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      const rate = chance.between(0.99, 1.01);
      world.fault(`the clock of ${host.name} runs at ${rate.toFixed(4)}`, name);
      host.setClockRate(rate);
      return null;
    },
  },
  {
    name: 'wall clock jumps',
    strike: (world, chance, name) => {
      const host = victim(world, chance);
      const byMs = Math.round(chance.between(-1, 1) * 10 ** chance.between(3, 11.5));
      world.fault(`the wall clock of ${host.name} jumps by ${byMs} ms`, name);
      host.wallClockOffByMs += byMs;
      return null;
    },
  },
  {
    name: 'monotonic clock stands still',
    lastsMs: standstill,
    strike: (world, chance, name, lastingMs) => {
      const host = victim(world, chance);
      if (!host.up) return null;
      world.fault(`the host of ${host.name} is suspended, and its clock with it`, name);
      host.standClockStill(lastingMs);
      return suspend(world, host);
    },
  },
];
