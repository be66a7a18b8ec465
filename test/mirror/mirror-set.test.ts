import { describe, expect, test } from '@jest/globals';
import * as limits from '../../src/mirror/limits.ts';
import {
  calledMember,
  checkMemberName,
  checkMirrorDatabaseName,
  checkMirrorName,
  checkPort,
  checkQosTimeout,
  defaultMemberName,
  defaultSettings,
  dejournalJobs,
  memberNamed,
  withMembers,
  withoutMember,
  withTold,
} from '../../src/mirror/mirror-set.ts';
import type { MemberType } from '../../src/mirror/terms.ts';
import { firstSet } from '../../src/simulation/membership.ts';

describe('CFG-017: the mirror name', () => {
  test.each([
    ['a', 'A'],
    ['Mirror1', 'MIRROR1'],
    ['123456789012345', '123456789012345'],
  ])('CFG-017: %s is taken as %s', (typed, value) => {
    expect(checkMirrorName(typed)).toEqual({ ok: true, value });
  });

  test.each(['', 'A B', 'A-B', 'A_B', 'ÄRGER', '1234567890123456'])('CFG-017: "%s" is refused', (typed) => {
    expect(checkMirrorName(typed).ok).toBe(false);
  });
});

describe('CFG-022: the name of a failover member', () => {
  test('CFG-022: is folded to upper case; 32 characters at most', () => {
    expect(checkMemberName('host.one$a', 'Failover', 'H/I')).toEqual({ ok: true, value: 'HOST.ONE$A' });
    expect(checkMemberName('A'.repeat(32), 'Failover', 'H/I').ok).toBe(true);
    expect(checkMemberName('A'.repeat(33), 'Failover', 'H/I').ok).toBe(false);
    expect(checkMemberName('', 'Failover', 'H/I').ok).toBe(false);
  });

  test.each([...': []#;/*=^~,', '\t', ' '])('CFG-022: no "%s" in it', (character) => {
    expect(checkMemberName(`A${character}B`, 'Failover', 'H/I').ok).toBe(false);
  });

  test('CFG-022: the default is host and instance, and is taken as it is', () => {
    const name = defaultMemberName('node1', 'iris', 'Failover');
    expect(name).toBe('NODE1/IRIS');
    expect(checkMemberName(name, 'Failover', name)).toEqual({ ok: true, value: name });
  });
});

describe('CFG-035: the name of an async member', () => {
  test.each(['DR_1', 'a-b', 'X9'])('CFG-035: %s is taken', (typed) => {
    expect(checkMemberName(typed, 'Disaster Recovery', 'H_I').ok).toBe(true);
  });

  test.each(['A.B', 'A$B', 'A/B', 'A B'])('CFG-035: %s is refused', (typed) => {
    expect(checkMemberName(typed, 'Read-Only Reporting', 'H_I').ok).toBe(false);
  });

  test('CFG-035: the default has only letters, digits, underscore and hyphen', () => {
    const name = defaultMemberName('node1.example.org', 'iris', 'Disaster Recovery');
    expect(name).toMatch(/^[A-Z0-9_-]{1,32}$/);
    expect(checkMemberName(name, 'Disaster Recovery', '').ok).toBe(true);
  });
});

test('DB-009: a mirror database name begins with a letter or underscore', () => {
  expect(checkMirrorDatabaseName('_data-1')).toEqual({ ok: true, value: '_DATA-1' });
  for (const typed of ['', '1DATA', '-DATA', 'DA TA', 'DATA.X', 'A'.repeat(65)]) {
    expect(checkMirrorDatabaseName(typed).ok).toBe(false);
  }
});

test('DB-010: names that differ only in case are one name', () => {
  expect(checkMirrorDatabaseName('Sales')).toEqual(checkMirrorDatabaseName('SALES'));
});

test('CFG-048: the QoS timeout is a whole number of milliseconds, 8000 unless told', () => {
  expect(limits.qosTimeoutMs.default).toBe(8000);
  for (const ms of [limits.qosTimeoutMs.min - 1, limits.qosTimeoutMs.max + 1, 800.5, Number.NaN]) {
    expect(checkQosTimeout(ms).ok).toBe(false);
  }
  expect(checkQosTimeout(8000)).toEqual({ ok: true, value: 8000 });
});

test('AGT-001: a port is a whole number from 1 to 65535', () => {
  for (const port of [0, 65_536, 1.5, -1]) expect(checkPort(port).ok).toBe(false);
  expect(checkPort(2188)).toEqual({ ok: true, value: 2188 });
});

test('FO-010: silence is acted on between QoS/2 and QoS, and a keep-alive comes in time', () => {
  expect(limits.silenceShareOfQos).toBeGreaterThanOrEqual(0.5);
  expect(limits.silenceShareOfQos).toBeLessThan(1);
  expect(limits.keepAliveShareOfQos * 2).toBeLessThan(0.5);
});

test('CFG-049: who dejournals in parallel; failover members can never be excluded', () => {
  const settings = ['Failover Members', 'Failover Members and DR', 'All Members'] as const;
  const jobs = (type: MemberType) => settings.map((setting) => dejournalJobs(setting, type));
  expect(jobs('Failover')).toEqual([16, 16, 16]);
  expect(jobs('Disaster Recovery')).toEqual([1, 16, 16]);
  expect(jobs('Read-Only Reporting')).toEqual([1, 1, 16]);
  expect(jobs('Read-Write Reporting')).toEqual([1, 1, 16]);
  expect(defaultSettings.parallelDejournaling).toBe('Failover Members and DR');
});

test('CFG-069: the set keeps where a removed member is reached until it knows, and forgets it when it joins again', () => {
  const set = firstSet(1000, [
    ['A', 'Failover'],
    ['B', 'Failover'],
    ['C', 'Disaster Recovery'],
  ]);
  const without = withoutMember(set, { name: 'C', removeAttribute: true });
  expect(memberNamed(without, 'C')).toBeUndefined();
  expect(calledMember(without, 'C')).toEqual(memberNamed(set, 'C'));
  const told = withTold(without, 'C');
  expect(calledMember(told, 'C')).toBeUndefined();
  expect(told).toMatchObject({ revision: without.revision, removed: [{ name: 'C', removeAttribute: true }] });
  const joined = withMembers(without, set.members, 'C');
  expect(joined).toMatchObject({ removed: [], untold: [], members: set.members });
  expect(withMembers(set, set.members, 'C')).toEqual(set);
});

test('CFG-069: of more removed members than are remembered the oldest is called no more', () => {
  const names = Array.from({ length: limits.removedMembersRemembered + 1 }, (_, n) => `M${n}`);
  let set = firstSet(1000, [['A', 'Failover'], ...names.map((name) => [name, 'Disaster Recovery'] as const)]);
  for (const name of names) set = withoutMember(set, { name, removeAttribute: false });
  expect(set.untold?.map(({ name }) => name)).toEqual(names.slice(1));
});
