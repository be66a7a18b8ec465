/**
 * Startup negotiation (FO-061..FO-064): a total outage, after which each host comes back with its agent, its instance, both or
 * neither. The last primary may have data that the other lacks. Either the right one becomes primary, or nobody does.
 */
import { describe, expect, test } from '@jest/globals';
import { type MirrorSet, withoutMember } from '../../src/mirror/mirror-set.ts';
import type { World } from '../../src/simulation/world.ts';
import { acked, keepsAll, mirror, qosTimeoutMs, recovers, role, serves, stays } from './scenes.ts';

type Up = { readonly instance: boolean; readonly agent: boolean };

const all: readonly Up[] = [
  { instance: true, agent: true },
  { instance: true, agent: false },
  { instance: false, agent: true },
  { instance: false, agent: false },
];
const said = ({ instance, agent }: Up): string =>
  `${instance ? 'instance' : 'no instance'} and ${agent ? 'agent' : 'no agent'}`;

/** A was primary. B was lost before it, so that A served on alone and only A has everything; or both at once. */
const outages = { 'one after the other': true, 'at once': false } as const;
type Outage = keyof typeof outages;

function afterTotalOutage(outage: Outage): World {
  const world = mirror({ arbiter: false, asyncs: 0 });
  world.crashHost('B');
  if (outages[outage]) serves(world, 'A');
  world.crashHost('A');
  world.run(qosTimeoutMs);
  return world;
}

/** The host with what is up on it; a host on which nothing is up stays away. */
function comesUp(world: World, name: string, { instance, agent }: Up): void {
  if (!instance && !agent) return;
  const host = world.member(name);
  host.boot();
  host.agent.alive = agent;
  if (instance) host.start();
}

/** Who must become primary: A has everything; B needs A's agent, and A down. */
function primaryOf(last: Up, other: Up): 'A' | 'B' | null {
  // A hears that B is not primary: from B, whose hello is a promise, or from its agent, that B is down.
  if (last.instance && (other.instance || other.agent)) return 'A';
  if (other.instance && !last.instance && last.agent) return 'B';
  return null;
}

const combinations = all.flatMap((last) => all.map((other) => ({ last, other, primary: primaryOf(last, other) })));

describe.each(Object.keys(outages) as Outage[])('FO-061 FO-062 FO-064: after a total outage, %s', (outage) => {
  const settled = combinations.filter(({ primary }) => primary !== null);
  const waiting = combinations.filter(({ primary }) => primary === null);

  test.each(settled.map((entry) => [said(entry.last), said(entry.other), entry.primary, entry] as const))(
    'FO-061 FO-064: of the last primary %s, of the other %s: %s becomes primary, and nothing is lost',
    (_last, _other, primary, { last, other }) => {
      const world = afterTotalOutage(outage);
      const before = acked(world);
      comesUp(world, 'B', other);
      comesUp(world, 'A', last);
      serves(world, primary as string);
      expect(acked(world)).toBeGreaterThan(before);
      recovers(world);
    },
  );

  test.each(waiting.map((entry) => [said(entry.last), said(entry.other), entry] as const))(
    'FO-062: of the last primary %s, of the other %s: nobody becomes primary, and a person or the rest settles it',
    (_last, _other, { last, other }) => {
      const world = afterTotalOutage(outage);
      comesUp(world, 'B', other);
      comesUp(world, 'A', last);
      const expected = (up: Up): string => (up.instance ? 'seeking' : 'no process');
      const isSo = (): boolean => role(world, 'A') === expected(last) && role(world, 'B') === expected(other);
      stays(world, 'nobody is primary', isSo, qosTimeoutMs * 20);
      recovers(world);
    },
  );

  test('all combinations are told', () => {
    expect(settled.length + waiting.length).toBe(16);
    expect(settled.length).toBe(8);
  });
});

test('FO-063: the other failover member was demoted while both were down: the primary starts alone', () => {
  const world = afterTotalOutage('one after the other');
  const host = world.member('A');
  host.disk.set = withoutMember(host.disk.set as MirrorSet, { name: 'B', removeAttribute: false });
  comesUp(world, 'A', { instance: true, agent: false });
  serves(world, 'A', qosTimeoutMs * 2);
  keepsAll(world);
});
