/** Which changes make an assessment stale, and for which commands. */
import { describe, expect, test } from '@jest/globals';
import { SituationCount } from '../../src/instance/situation-count.ts';
import { initialState, type MemberState } from '../../src/mirror/member-state.ts';
import type { MirrorSet } from '../../src/mirror/mirror-set.ts';
import type { MemberType } from '../../src/mirror/terms.ts';
import type { CommandName } from '../../src/protocol/control-commands.ts';

type Members = Pick<MirrorSet, 'members'>;

function setOf(types: Readonly<Record<string, MemberType>>): Members {
  const address = { host: '10.0.0.1', port: 1972 };
  const rest = {
    instance: 'IRIS',
    instanceDirectory: '/srv',
    superserver: address,
    privateAddress: null,
    agent: address,
  };
  return { members: Object.entries(types).map(([name, type]) => ({ name, type, ...rest })) };
}

const three = setOf({ A: 'Failover', B: 'Failover', C: 'Disaster Recovery' });

function primary(changes: Partial<MemberState> = {}, incarnation = 2): MemberState {
  const state = initialState('A', 'DEMO', true);
  return {
    ...state,
    role: 'primary',
    record: { ...state.record, incarnation },
    settings: { ...state.settings, partner: 'B', failoverMembers: ['A', 'B'] },
    ...changes,
  };
}

/** Assessed in one situation; then it is another. */
function changed(to: MemberState, set: Members, command: CommandName, member?: string): readonly string[] {
  const count = new SituationCount();
  count.observe(primary(), three);
  const { number } = count;
  count.observe(to, set);
  return count.changesSince(number, command, member);
}

describe('FO-075 FO-087: what a command rests on', () => {
  const { record, settings, serving } = primary();
  const trouble = { kind: 'timed' } as NonNullable<typeof serving.trouble>;
  const attachment = { to: 'B', connection: 1, asking: false } as NonNullable<MemberState['attachment']>;
  test.each([
    ['role', { role: 'handing-over' }, 'this member hands over its role'],
    ['primary', { attachment }, 'the primary is B'],
    ['epoch', { record: { ...record, epoch: { ...record.epoch, number: 7 } } }, 'epoch 7 has begun'],
    ['active', { record: { ...record, wasActive: { term: 4 } } }, 'this member became an active backup'],
    ['no failover', { record: { ...record, noFailover: true } }, 'no failover is set'],
    ['removed', { record: { ...record, removed: { by: 'B', removeAttribute: false } } }, 'this member is removed'],
    ['trouble', { serving: { ...serving, trouble } }, 'the primary is now in trouble state'],
    ['partner', { settings: { ...settings, failoverMembers: ['A', 'C'] } }, 'the failover members are A and C'],
  ] as const)('%s', (_, changes, says) => {
    const now = primary(changes as unknown as Partial<MemberState>);
    for (const command of ['demote', 'demote-other', 'force-primary', 'promote'] as const) {
      expect(changed(now, three, command)).toEqual([expect.stringContaining(says)]);
    }
  });

  test('what comes and goes again has changed; what stays has not, however often it is looked at', () => {
    const count = new SituationCount();
    count.observe(primary(), three);
    const { number } = count;
    for (let times = 0; times < 3; times += 1) count.observe(primary(), three);
    expect(count.changesSince(number, 'demote-other')).toEqual([]);
    count.observe(primary({ record: { ...record, noFailover: true } }), three);
    count.observe(primary(), three);
    expect(count.changesSince(number, 'demote-other')).toEqual(['no failover is cleared']);
    expect(count.changesSince(count.number, 'demote-other')).toEqual([]);
  });
});

describe('CFG-069: a removal is about one member', () => {
  const asyncs = setOf({ A: 'Failover', B: 'Failover', C: 'Disaster Recovery', D: 'Disaster Recovery' });
  const moved = setOf({ A: 'Failover', B: 'Disaster Recovery', C: 'Disaster Recovery' });
  const gone = setOf({ A: 'Failover', C: 'Disaster Recovery' });

  test('others that join or leave do not matter', () => {
    expect(changed(primary(), asyncs, 'remove-member', 'C')).toEqual([]);
    expect(changed(primary(), gone, 'remove-member', 'C')).toEqual([]);
  });

  test('it has become something else', () => {
    expect(changed(primary(), moved, 'remove-member', 'B')).toEqual(['B is in the mirror as Disaster Recovery']);
  });

  test('that it is gone is what was wanted; that another has come under its name is not', () => {
    expect(changed(primary(), gone, 'remove-member', 'B')).toEqual([]);
    const count = new SituationCount();
    count.observe(primary(), three);
    const { number } = count;
    count.observe(primary(), gone);
    count.observe(primary(), three);
    expect(count.changesSince(number, 'remove-member', 'B')).toEqual(['B is in the mirror as Failover']);
  });

  test('CFG-074: whoever has become the last member ends the mirror by leaving', () => {
    expect(changed(primary(), gone, 'remove-mirror')).toEqual([]);
    expect(changed(primary(), setOf({ A: 'Failover' }), 'remove-mirror')).toEqual(['this is the only member']);
    expect(changed(primary(), setOf({ A: 'Failover' }), 'demote')).toEqual([]);
  });
});

test('CFG-068: whoever leaves is asked about the mirrored databases that were shown', () => {
  const count = new SituationCount();
  count.observe(primary(), three);
  count.observeDatabases(['DATA']);
  const { number } = count;
  count.observeDatabases(['DATA']);
  expect(count.changesSince(number, 'remove-mirror')).toEqual([]);
  count.observeDatabases(['DATA', 'NEW']);
  expect(count.changesSince(number, 'remove-mirror')).toEqual(['its mirrored databases are DATA, NEW']);
  expect(count.changesSince(number, 'demote')).toEqual([]);
  expect(count.changesSince(count.number, 'remove-mirror')).toEqual([]);
});

test('a number of an earlier life, or one that was never shown, is no number of this one', () => {
  const before = new SituationCount();
  for (const noFailover of [true, false, true]) {
    const state = primary();
    before.observe({ ...state, record: { ...state.record, noFailover } }, three);
  }
  const count = new SituationCount();
  count.observe(primary({}, 3), three);
  for (const number of [0, 1, before.number, count.number + 1]) {
    expect(count.changesSince(number, 'demote')).toEqual([
      'its number is of no situation since this member was started',
    ]);
  }
  expect(count.changesSince(count.number, 'demote')).toEqual([]);
});
