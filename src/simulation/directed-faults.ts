/** Faults in an order that chance rarely finds: each leads to rows of the decision tables that need two or three things at once. */
import type { Fault } from './fault.ts';
import type { MemberHost } from './member-host.ts';
import { backupOr, bringBack, order, primaryOr } from './operator-faults.ts';
import type { World } from './world.ts';

/** As soon as it is so, if that is within this time. */
function asSoonAs(world: World, isSo: () => boolean, withinMs: number, then: () => void): void {
  if (isSo()) return then();
  const everyMs = world.options.qosTimeoutMs / 50;
  if (withinMs > 0) world.later(everyMs, () => asSoonAs(world, isSo, withinMs - everyMs, then));
}

/** How a primary and a backup that is not active lose each other, or the primary its disk. */
const losses: readonly ((world: World, primary: MemberHost, backup: MemberHost) => void)[] = [
  (world) => world.network.silence('A', 'B'),
  (_world, primary) => primary.order({ command: 'stop-instance', noFailover: false }),
  (_world, primary) => primary.order({ command: 'stop-instance', noFailover: true }),
  (_world, primary) => {
    primary.diskHangs = true;
  },
  (_world, primary) => {
    primary.order({ command: 'change-no-failover', set: true });
    primary.diskHangs = true;
  },
];

export const directedFaults: readonly Fault[] = [
  {
    name: 'no failover set, then the disk hangs',
    lastsMs: (chance, qos) => qos * chance.between(1.2, 4),
    strike: (world, chance, name) => {
      const host = primaryOr(world, chance);
      const other = backupOr(world, chance);
      if (host.process === null) return null;
      order(world, name, host, { command: 'change-no-failover', set: true });
      if (chance.happens(0.5)) other.kill();
      world.later(chance.between(5, 100), () => {
        host.diskHangs = true;
      });
      return () => {
        host.diskHangs = false;
        bringBack(host);
        bringBack(other);
        for (const member of [host, other]) member.order({ command: 'change-no-failover', set: false });
      };
    },
  },
  {
    name: 'a backup that is not active is lost',
    lastsMs: (chance, qos) => qos * chance.between(4, 7),
    strike: (world, chance, name) => {
      const host = primaryOr(world, chance);
      const other = backupOr(world, chance);
      if (host === other || host.process === null) return null;
      world.fault(`${other.name} is lost, comes back with a disk that hangs, and is lost before it is active`, name);
      const { qosTimeoutMs } = world.options;
      const lose = chance.pick(losses);
      // By then the primary goes on alone and has data that its backup lacks.
      const backInMs = qosTimeoutMs * chance.between(0.5, 2.4);
      other.kill();
      world.later(backInMs, () => {
        other.diskHangs = true;
        other.start();
      });
      world.later(backInMs + qosTimeoutMs * chance.between(0.1, 0.5), () => lose(world, host, other));
      return () => {
        world.network.speakAgain('A', 'B');
        for (const member of [host, other]) {
          member.diskHangs = false;
          bringBack(member);
          member.order({ command: 'change-no-failover', set: false });
        }
      };
    },
  },
  {
    name: 'a backup leaves as soon as it came',
    lastsMs: (chance, qos) => qos * chance.between(4, 7),
    strike: (world, chance, name) => {
      const host = primaryOr(world, chance);
      const other = backupOr(world, chance);
      if (host === other || host.process === null) return null;
      world.fault(`${other.name} comes back over a slow link, and is lost before ${host.name} counts it`, name);
      const { qosTimeoutMs } = world.options;
      world.network.slowDown('A', 'B', qosTimeoutMs * chance.between(0.1, 0.3));
      other.kill();
      // By then the primary goes on alone and has data that its backup lacks.
      world.later(qosTimeoutMs * chance.between(0.5, 2.4), () => other.start());
      const saysGoodbye = chance.happens(0.5);
      const isTakenIn = (): boolean => {
        const serving = host.process?.state.serving;
        return serving?.members.has(other.name) === true && serving.counted === null;
      };
      const isSo = saysGoodbye ? () => other.process?.state.role === 'attached' : isTakenIn;
      world.later(qosTimeoutMs * 0.5, () =>
        asSoonAs(world, isSo, qosTimeoutMs * 4, () => {
          if (saysGoodbye) other.order({ command: 'stop-mirror' });
          else world.network.silence('A', 'B');
        }),
      );
      return () => {
        world.network.slowDown('A', 'B', 0);
        world.network.speakAgain('A', 'B');
        bringBack(other);
      };
    },
  },
  {
    name: 'the pair is cut on the way into arbiter mode',
    lastsMs: (chance, qos) => qos * chance.between(3, 5),
    strike: (world, chance, name) => {
      if (world.arbiter.process === null || !world.options.arbiter) return null;
      world.fault('the arbiter is restarted, and the pair loses each other while it enters the mode again', name);
      const { qosTimeoutMs } = world.options;
      const latencyMs = qosTimeoutMs * chance.between(0.05, 0.2);
      const resetsInMs = latencyMs * chance.between(0, 2);
      const links = [['A', 'B'], ['A', 'X'], ['B', 'X']] as const; // biome-ignore format: three links
      for (const [a, b] of links) world.network.slowDown(a, b, latencyMs);
      world.arbiter.kill(false);
      world.arbiter.start();
      const isEntering = () => world.primary?.process?.state.serving.mode === 'entering';
      asSoonAs(world, isEntering, qosTimeoutMs * 3, () => world.later(resetsInMs, () => world.network.reset('A', 'B')));
      return () => {
        for (const [a, b] of links) world.network.slowDown(a, b, 0);
      };
    },
  },
  {
    name: 'without an arbiter the primary dies, and its disk cannot be read',
    needsClocks: true,
    lastsMs: (chance, qos) => qos * chance.between(2, 5),
    strike: (world, chance, name) => {
      const host = primaryOr(world, chance);
      if (host.process === null || !host.disk.readable) return null;
      world.fault(`the arbiter is killed; then ${host.name} dies, and its disk cannot be read`, name);
      const { qosTimeoutMs } = world.options;
      world.arbiter.kill(false);
      const isAgentMode = (): boolean => {
        const serving = host.process?.state.serving;
        return serving?.mode === 'agent' && serving.counted?.confirmed === true;
      };
      // A keep-alive or two later the window of the backup is open.
      const strikeMs = qosTimeoutMs * chance.between(0.3, 0.8);
      asSoonAs(world, isAgentMode, qosTimeoutMs * 2, () =>
        world.later(strikeMs, () => {
          host.disk.readable = false;
          host.kill();
        }),
      );
      return () => {
        host.disk.readable = true;
        host.start();
        if (world.options.arbiter) world.arbiter.start();
      };
    },
  },
  {
    name: 'both are forced, and the site keeps one of them back',
    byForce: true,
    lastsMs: (chance, qos) => qos * chance.between(7, 9),
    strike: (world, chance, name) => {
      const [first, late] = chance.happens(0.5) ? ['A', 'B'] : ['B', 'A'];
      const [one, other] = [world.member(first), world.member(late)];
      if (!one.up || !other.up) return null;
      world.fault(`A and B are forced alone, and ^ZMIRROR of ${late} lets it not open; then they meet`, name);
      const { qosTimeoutMs } = world.options;
      world.isolateQuietly('A');
      world.isolateQuietly('B');
      other.siteRefuses = 'CheckBecomePrimaryOK';
      for (const host of [one, other]) {
        host.kill();
        host.start();
        world.later(qosTimeoutMs * 2.5, () => host.overrule('force-primary'));
      }
      const isBoth = () => one.process?.state.role === 'primary' && other.process?.state.becoming?.phase === 'checking';
      asSoonAs(world, isBoth, qosTimeoutMs * 6, () => {
        one.kill();
        world.heal('A', 'B');
        one.start();
      });
      return () => {
        other.siteRefuses = null;
        for (const host of ['A', 'B']) for (const peer of world.hosts) if (peer !== host) world.heal(host, peer);
      };
    },
  },
  {
    name: 'the site keeps one from becoming primary, and the other is forced',
    byForce: true,
    lastsMs: (chance, qos) => qos * chance.between(4, 7),
    strike: (world, chance, name) => {
      const [last, other] = [primaryOr(world, chance), backupOr(world, chance)];
      if (last === other || last.process === null || !other.up) return null;
      const [kept, forced] = chance.happens(0.6) ? [other, last] : [last, other];
      const { qosTimeoutMs } = world.options;
      world.fault(`${last.name} dies; ^ZMIRROR keeps ${kept.name} from leading, and ${forced.name} is forced`, name);
      kept.siteRefuses = 'CanNodeStartToBecomePrimary';
      forced.kill();
      if (kept === last) {
        kept.kill();
        kept.start();
      }
      const isKept = () => kept.process?.state.becoming?.phase === 'permission';
      asSoonAs(world, isKept, qosTimeoutMs * 3, () => {
        forced.start();
        world.later(qosTimeoutMs * chance.between(0.1, 1), () => forced.overrule('force-primary'));
      });
      return () => {
        kept.siteRefuses = null;
        for (const host of [last, other]) bringBack(host);
      };
    },
  },
];
