/** Stories told with a whole simulated mirror, one for each outage that the rules name. */
import { describe, expect, test } from '@jest/globals';
import { withoutMember } from '../../src/mirror/mirror-set.ts';
import type { World } from '../../src/simulation/world.ts';
import {
  acked,
  isActive,
  mirror,
  qosTimeoutMs,
  reach,
  recovers,
  role,
  serves,
  servingMode,
  stays,
  trouble,
} from './scenes.ts';

test('FO-001 SYN-006: A crashes between shipping and flushing and returns: no database holds what the mirror lost', () => {
  for (let seed = 1; seed <= 12; seed += 1) {
    const world = mirror({ seed, updateEveryMs: 20 });
    world.member('A').slowDiskMs = 400;
    const shipped = world.member('B').disk.elements.length;
    reach(world, 'B holds more than A has flushed', () => {
      const { disk } = world.member('A');
      return world.member('B').disk.elements.length > shipped && disk.flushed < world.member('B').disk.elements.length;
    });
    world.crashHost('A');
    serves(world, 'B');
    recovers(world);
  }
});

describe('agent controlled mode', () => {
  test('FO-016: without an arbiter the mode is agent controlled', () => {
    const world = mirror({ arbiter: false });
    world.run(5 * qosTimeoutMs);
    expect(servingMode(world, 'A')).toBe('agent');
  });

  test('FO-017 FO-019: the primary loses the active backup, pauses for the trouble timeout of 2 x QoS and goes on', () => {
    const world = mirror({ arbiter: false });
    world.cut('A', 'B');
    reach(world, 'trouble', () => trouble(world, 'A') !== null, qosTimeoutMs * 1.1);
    const before = acked(world);
    stays(world, 'trouble', () => trouble(world, 'A') !== null, qosTimeoutMs * 1.9);
    expect(acked(world)).toBeLessThanOrEqual(before + 1);
    serves(world, 'A', qosTimeoutMs);
    recovers(world);
  });

  test('FO-018: the backup comes back during the trouble state and says that it is not active', () => {
    const world = mirror({ arbiter: false });
    world.freeze('B');
    reach(world, 'trouble', () => trouble(world, 'A') !== null, qosTimeoutMs * 1.1);
    world.thaw('B');
    serves(world, 'A', qosTimeoutMs / 2);
    recovers(world);
  });

  test('FO-020: losing a backup that is not active pauses nothing', () => {
    const world = mirror({ arbiter: false });
    world.cut('A', 'B');
    serves(world, 'A');
    world.heal('A', 'B');
    const serving = () => world.member('A').process?.state.serving;
    reach(world, 'A has taken B in', () => serving()?.members.has('B') === true && serving()?.counted === null);
    world.kill('B');
    stays(world, 'no trouble', () => trouble(world, 'A') === null, qosTimeoutMs);
    recovers(world);
  });

  test('FO-023: the agent confirms that the primary is down, and the active backup takes over at once', () => {
    const world = mirror({ arbiter: false });
    world.kill('A');
    reach(world, 'B primary', () => role(world, 'B') === 'primary', qosTimeoutMs / 2);
    expect(world.timeline.some((line) => line.includes('takes over [FO-023]'))).toBe(true);
    recovers(world);
  });

  test('FO-023: the same when the agent cannot read the record, within the trouble timeout', () => {
    const world = mirror({ arbiter: false });
    world.member('A').disk.readable = false;
    world.kill('A');
    reach(world, 'B primary', () => role(world, 'B') === 'primary', qosTimeoutMs);
    recovers(world);
  });

  test('FO-024: after the trouble timeout the backup takes over only with the journal data of the agent', () => {
    const world = mirror({ arbiter: false });
    world.cut('A', 'B');
    serves(world, 'A');
    world.kill('A');
    world.heal('A', 'B');
    serves(world, 'B');
    expect(world.timeline.some((line) => line.includes('fetches journal data from the agent [FO-024]'))).toBe(true);
    recovers(world);
  });

  test('FO-025: a backup that was not active takes over with the journal data of the agent', () => {
    const world = mirror({ arbiter: false });
    world.kill('B');
    serves(world, 'A');
    world.kill('A');
    world.restart('B');
    serves(world, 'B');
    expect(world.timeline.some((line) => line.includes('fetches journal data from the agent'))).toBe(true);
    recovers(world);
  });

  test('FO-026 FO-009: a hung primary is forced down by its agent; it stays down until somebody starts it', () => {
    const world = mirror({ arbiter: false });
    world.freeze('A');
    serves(world, 'B');
    expect(role(world, 'A')).toBe('no process');
    stays(world, 'A down', () => role(world, 'A') === 'no process', qosTimeoutMs * 3);
    recovers(world);
  });

  test('FO-027 FO-053 FO-054: the host of the primary is gone and there is no arbiter: B never takes over by itself', () => {
    const world = mirror({ arbiter: false });
    world.crashHost('A');
    stays(world, 'B waits', () => role(world, 'B') !== 'primary' && role(world, 'B') !== 'becoming', qosTimeoutMs * 20);
    recovers(world);
  });
});

describe('arbiter controlled mode', () => {
  test('FO-034 FO-046: the arbiter lost the backup too: the primary goes on in agent mode without waiting', () => {
    const world = mirror();
    world.crashHost('B');
    serves(world, 'A', qosTimeoutMs * 1.8);
    expect(servingMode(world, 'A')).toBe('agent');
    recovers(world);
  });

  for (const [lost, cut, spec] of [
    ['the link between the members is lost', (world: World) => world.cut('A', 'B'), 'B is no longer active [FO-018]'],
    ['A hears nothing of B', (world: World) => world.cutOneWay('B', 'A'), 'leaves trouble state [FO-035]'],
  ] as const)
    test(`FO-035 FO-040 FO-044: ${lost}: B gives up, A learns of it through the arbiter`, () => {
      const world = mirror();
      cut(world);
      serves(world, 'A', qosTimeoutMs * 2.5);
      expect(isActive(world, 'B')).toBe(false);
      expect(world.timeline.some((line) => line.includes(spec))).toBe(true);
      stays(
        world,
        'A stays primary',
        () => role(world, 'A') === 'primary' && role(world, 'B') !== 'primary',
        qosTimeoutMs * 5,
      );
      recovers(world);
    });

  test('FO-036 FO-039 FO-047 FO-038: the primary is isolated, B takes over, A stays in trouble and is stopped on return', () => {
    const world = mirror();
    world.isolate('A');
    serves(world, 'B', qosTimeoutMs * 3);
    expect(trouble(world, 'A')).toMatchObject({ kind: 'arbiter', untilMs: null });
    stays(world, 'trouble', () => trouble(world, 'A') !== null, qosTimeoutMs * 20);
    world.healAll();
    reach(world, 'A down', () => role(world, 'A') === 'no process', qosTimeoutMs * 4);
    recovers(world);
  });

  test('FO-036 FO-039 FO-040: the primary hears nobody and is heard by all: B takes over, whoever notices first', () => {
    for (let laterMs = 0; laterMs < qosTimeoutMs; laterMs += qosTimeoutMs / 16) {
      const world = mirror();
      world.run(laterMs);
      for (const other of ['B', 'X']) world.cutOneWay(other, 'A');
      serves(world, 'B', qosTimeoutMs * 3);
      world.healAll();
      reach(world, 'A down', () => role(world, 'A') === 'no process', qosTimeoutMs * 4);
      recovers(world);
    }
  });

  test('FO-037 FO-048: all links are lost: nobody is primary for clients; A resumes when B comes to it', () => {
    const world = mirror();
    world.cut('A', 'B');
    world.cut('A', 'X');
    world.cut('B', 'X');
    reach(world, 'trouble', () => trouble(world, 'A') !== null, qosTimeoutMs * 1.5);
    stays(world, 'no primary', () => trouble(world, 'A') !== null && role(world, 'B') === 'seeking', qosTimeoutMs * 20);
    world.heal('A', 'B');
    serves(world, 'A', qosTimeoutMs * 3);
    expect(world.timeline.some((line) => line.includes('leaves trouble state [FO-037]'))).toBe(true);
    recovers(world);
  });

  test.each([
    ['FO-042', [['B', 'X']]],
    ['FO-043', [['A', 'X']]],
    [
      'FO-045 FO-055',
      [
        ['A', 'X'],
        ['B', 'X'],
      ],
    ],
  ] as const)(
    '%s: only contacts with the arbiter are lost: agent mode, A stays primary, and back when they return',
    (_spec, links) => {
      const world = mirror();
      for (const [a, b] of links) world.cut(a, b);
      reach(world, 'agent mode', () => servingMode(world, 'A') === 'agent', qosTimeoutMs * 2);
      stays(
        world,
        'A primary, no trouble',
        () => role(world, 'A') === 'primary' && trouble(world, 'A') === null,
        qosTimeoutMs * 5,
      );
      serves(world, 'A');
      for (const [a, b] of links) world.heal(a, b);
      reach(world, 'arbiter mode', () => servingMode(world, 'A') === 'arbiter', qosTimeoutMs * 4);
      recovers(world);
    },
  );

  test('FO-041: B lost primary and arbiter but hears the agent: with the primary killed it takes over', () => {
    const world = mirror();
    world.cut('B', 'X');
    world.kill('A');
    serves(world, 'B');
    recovers(world);
  });

  test('FO-051: the primary is killed: the backup takes over by the word of the arbiter, well within the QoS timeout', () => {
    const world = mirror();
    world.kill('A');
    serves(world, 'B', qosTimeoutMs);
    recovers(world);
  });

  test('FO-057: primary host and arbiter are lost together: B waits', () => {
    const world = mirror();
    world.crashHost('A');
    world.arbiter.kill(true);
    stays(world, 'B waits', () => role(world, 'B') !== 'primary', qosTimeoutMs * 15);
    recovers(world);
  });

  test('FO-058: backup host and arbiter are lost together: A is in trouble until B returns', () => {
    const world = mirror();
    world.crashHost('B');
    world.arbiter.kill(true);
    reach(world, 'trouble', () => trouble(world, 'A') !== null);
    stays(world, 'trouble', () => trouble(world, 'A') !== null, qosTimeoutMs * 15);
    world.restart('B');
    serves(world, 'A');
    recovers(world);
  });

  test.each([
    ['arbiter first', true],
    ['backup first', false],
  ])('FO-059 FO-032: backup and arbiter are lost one after the other (%s): A goes on', (_order, arbiterFirst) => {
    const world = mirror();
    if (arbiterFirst) world.arbiter.kill(false);
    else world.crashHost('B');
    serves(world, 'A', qosTimeoutMs * 5);
    world.run(qosTimeoutMs * 2);
    if (arbiterFirst) world.crashHost('B');
    else world.arbiter.kill(false);
    serves(world, 'A', qosTimeoutMs * 5);
    recovers(world);
  });
});

describe('stopping and starting', () => {
  const stop = (world: World, noFailover = false) => world.member('A').order({ command: 'stop-instance', noFailover });

  test('FO-049 FO-007: a planned stop asks the active backup to take over', () => {
    const world = mirror();
    stop(world);
    serves(world, 'B', qosTimeoutMs);
    expect(world.timeline.some((line) => line.includes('{"right":"take-over"'))).toBe(true);
    expect(role(world, 'A')).toBe('no process');
    recovers(world);
  });

  test('FO-049: a planned stop with a backup that is not active: it takes over with the data of the agent', () => {
    const world = mirror({ arbiter: false });
    world.kill('B');
    serves(world, 'A');
    stop(world);
    world.restart('B');
    serves(world, 'B');
    recovers(world);
  });

  test('FO-073: a stop with no failover is followed by no takeover; the state ends when the primary starts again', () => {
    const world = mirror();
    stop(world, true);
    stays(world, 'B does not take over', () => role(world, 'B') !== 'primary', qosTimeoutMs * 10);
    world.restart('A');
    serves(world, 'A');
    expect(world.member('A').disk.record.noFailover).toBe(false);
    reach(world, 'cleared on B', () => !world.member('B').disk.record.noFailover);
    recovers(world);
  });

  test.each(['A', 'B'])('FO-072: no failover, set on %s, blocks a takeover when the primary fails', (where) => {
    const world = mirror();
    world.member(where).order({ command: 'change-no-failover', set: true });
    reach(world, 'set on both', () => ['A', 'B'].every((name) => world.member(name).disk.record.noFailover));
    world.kill('A');
    stays(world, 'B does not take over', () => role(world, 'B') !== 'primary', qosTimeoutMs * 10);
    world.restart('A');
    serves(world, 'A');
    recovers(world);
  });

  test('FO-072: set by a primary in an epoch that the backup has not seen, it is cleared on the backup all the same', () => {
    const world = mirror({ arbiter: false });
    world.kill('B');
    serves(world, 'A');
    world.kill('A');
    world.restart('A');
    serves(world, 'A');
    world.member('A').order({ command: 'change-no-failover', set: true });
    reach(world, 'set', () => world.member('A').disk.record.noFailover);
    world.kill('A');
    world.restart('B');
    stays(world, 'B does not take over', () => role(world, 'B') !== 'primary', qosTimeoutMs * 3);
    world.member('B').order({ command: 'change-no-failover', set: false });
    serves(world, 'B');
    recovers(world);
  });

  test('FO-061: a restarted backup becomes backup; a restarted primary whose backup took over becomes backup', () => {
    const world = mirror();
    world.kill('B');
    world.run(qosTimeoutMs * 3);
    world.restart('B');
    reach(world, 'B active', () => isActive(world, 'B'));
    world.kill('A');
    serves(world, 'B');
    world.restart('A');
    reach(world, 'A active', () => isActive(world, 'A'));
    recovers(world);
  });

  test('FO-062: a member alone after a total outage waits while neither instance nor agent of the other answers', () => {
    const world = mirror();
    world.crashHost('A');
    world.crashHost('B');
    world.run(qosTimeoutMs);
    world.restart('B');
    stays(world, 'B waits', () => role(world, 'B') === 'seeking', qosTimeoutMs * 20);
    world.restart('A');
    recovers(world);
  });

  test('FO-063: a primary without a partner starts alone', () => {
    const world = mirror({ arbiter: false, asyncs: 0 });
    world.member('B').kill();
    serves(world, 'A');
    const host = world.member('A');
    host.membership.change((set) => withoutMember(set, { name: 'B', removeAttribute: false }));
    world.kill('A');
    world.restart('A');
    serves(world, 'A', qosTimeoutMs);
  });

  test('FO-064: both agents and one instance up are enough to settle the role without loss', () => {
    for (const last of ['A', 'B']) {
      const world = mirror({ arbiter: false });
      world.kill(last === 'A' ? 'B' : 'A');
      serves(world, last);
      world.kill(last);
      world.restart(last === 'A' ? 'B' : 'A');
      serves(world, last === 'A' ? 'B' : 'A');
      recovers(world);
    }
  });

  test('FO-074 FO-072: force overrides a host that does not answer, and a no failover state', () => {
    const world = mirror({ arbiter: false });
    world.member('A').order({ command: 'change-no-failover', set: true });
    world.run(100);
    world.crashHost('A');
    world.run(qosTimeoutMs * 2);
    world.member('B').order({ command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' });
    serves(world, 'B', qosTimeoutMs * 3);
  });

  test('FO-088: a returning former primary discards surplus journal data that no database holds', () => {
    const world = mirror({ updateEveryMs: 20 });
    world.isolate('A');
    serves(world, 'B');
    world.run(qosTimeoutMs * 2);
    recovers(world);
    expect(world.member('A').disk.keptAside.length).toBeGreaterThan(0);
    expect(world.timeline.some((line) => line.includes('discarded surplus journal data [FO-088]'))).toBe(true);
  });

  test('FO-088: with two histories, made by force, the member whose databases hold more than is shared halts', () => {
    const world = mirror({ arbiter: false });
    world.isolate('A');
    serves(world, 'A');
    world.member('B').order({ command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' });
    serves(world, 'B');
    world.kill('A');
    world.healAll();
    world.restart('A');
    reach(world, 'A halted', () => role(world, 'A') === 'halted');
    serves(world, 'B');
  });
});

test('FO-088 CFG-034: a member that was rebuilt is taken in by the primary that knew it before', () => {
  const world = mirror();
  world.kill('B');
  world.restart('B');
  reach(world, 'B attached', () => role(world, 'B') === 'attached' && isActive(world, 'B'));
  world.kill('B');
  // A primary in trouble takes nobody in.
  serves(world, 'A');
  // Its records begin anew, so its first hello looks older than the last one that the primary took.
  world.member('B').rebuild();
  reach(world, 'B attached', () => role(world, 'B') === 'attached');
});

/** A person forces both while they do not see each other, and both set something. */
function bothForced(): World {
  const world = mirror({ arbiter: false, asyncs: 0 });
  world.cut('A', 'B');
  world.kill('A');
  reach(world, 'B without a primary', () => role(world, 'B') === 'seeking');
  world.restart('A');
  reach(world, 'A without a primary', () => role(world, 'A') === 'seeking');
  for (const name of ['A', 'B']) world.member(name).overrule('force-primary');
  reach(world, 'two primaries', () => role(world, 'A') === 'primary' && role(world, 'B') === 'primary');
  world.run(qosTimeoutMs);
  return world;
}

test('FO-074 FO-088: of two members with two histories one can be forced while both agents answer', () => {
  const world = bothForced();
  for (const name of ['A', 'B']) world.kill(name);
  world.heal('A', 'B');
  world.restart('A');
  reach(world, 'A halted', () => role(world, 'A') === 'halted');
  world.member('A').overrule('force-primary');
  serves(world, 'A');
});

test.each([
  ['no agent answers', false],
  ['both agents answer', true],
])(
  'FO-038 FO-088: two forced primaries that see each other again both halt, and a person chooses: %s',
  (_what, agents) => {
    const world = bothForced();
    if (!agents) for (const name of ['A', 'B']) world.member(name).agent.die();
    world.heal('A', 'B');
    reach(world, 'both halted', () => role(world, 'A') === 'halted' && role(world, 'B') === 'halted');
    world.kill('B');
    world.member('A').overrule('force-primary');
    serves(world, 'A', 3 * qosTimeoutMs);
    world.restart('B');
    reach(world, 'B halted', () => role(world, 'B') === 'halted');
    world.member('B').rebuild();
    recovers(world);
  },
);
