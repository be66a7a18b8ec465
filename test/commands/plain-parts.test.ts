import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { printRecord, readRecord } from '../../src/commands/global-records.ts';
import { searchPlace } from '../../src/commands/global-target.ts';
import { missing, typesNow } from '../../src/commands/lab-building.ts';
import {
  addressesOf,
  asyncsOf,
  hostLabelled,
  planBlock,
  planPorts,
  printPlan,
  readPlan,
  wirePlans,
} from '../../src/commands/lab-plan.ts';
import { hasActiveBackup, isCaughtUp } from '../../src/commands/status.ts';
import { parseDuration, parseTarget, printMirrorTarget } from '../../src/commands/target.ts';
import type { MemberReport, StatusReport } from '../../src/mirror/status.ts';

describe('records', () => {
  const subscript = fc.oneof(
    fc.integer().map(String),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e9, max: 1e9 }).map(String),
    fc.string({ minLength: 1, maxLength: 20, unit: 'binary' }),
  );

  test('what is written is read again as the same key and bytes', () => {
    fc.assert(
      fc.property(fc.array(subscript, { maxLength: 4 }), fc.uint8Array({ maxLength: 30 }), (subscripts, value) => {
        const first = readRecord(
          JSON.stringify({ global: 'X', subscripts, value: { base64: Buffer.from(value).toString('base64') } }),
        );
        if (!first.ok) return;
        const again = readRecord(printRecord(first.record.key, first.record.value));
        expect(again.ok && Buffer.from(again.record.key).equals(first.record.key)).toBe(true);
        expect(again.ok && Buffer.from(again.record.value).equals(value)).toBe(true);
      }),
    );
  });

  test('a canonical number is a JSON number while that is exactly it; other bytes are base64', () => {
    const printed = (value: string | Buffer) => {
      const read = readRecord('{"global":"X","subscripts":[75,"075"],"value":"1"}');
      return read.ok ? printRecord(read.record.key, Buffer.from(value as string)) : '';
    };
    const head = '{"global":"X","subscripts":[75,"075"],"value":';
    expect(printed('2138551')).toBe(`${head}2138551}`);
    expect(printed('.5')).toBe(`${head}0.5}`);
    expect(printed('12345678901234567890')).toBe(`${head}"12345678901234567890"}`);
    expect(printed('1.50')).toBe(`${head}"1.50"}`);
    expect(printed(Buffer.of(0xff, 0))).toBe(`${head}{"base64":"/wA="}}`);
  });
});

describe('what is typed', () => {
  test('a target is an instance or the members of a mirror', () => {
    expect(parseTarget('IRIS')).toEqual({ kind: 'instance', name: 'IRIS' });
    const typed = 'mirror://127.0.0.11:1972,[::1]:5/LAB';
    const addresses = [
      { host: '127.0.0.11', port: 1972 },
      { host: '::1', port: 5 },
    ];
    expect(parseTarget(typed)).toEqual({ kind: 'mirror', addresses, mirror: 'LAB' });
    expect(parseTarget(printMirrorTarget(addresses, 'LAB'))).toEqual(parseTarget(typed));
    for (const bad of [
      'mirror://',
      'mirror://h:1',
      'mirror://h:1/',
      'mirror://h:0/M',
      'mirror://h:1/M/x',
      'mirror://h:1,/M',
    ]) {
      expect(() => parseTarget(bad)).toThrow('is no target');
    }
  });

  test('times', () => {
    expect(['60s', '2', '1.5s', '250ms', '2m'].map(parseDuration)).toEqual([60_000, 2000, 1500, 250, 120_000]);
    for (const bad of ['', 's', '-1s', '1h', 'soon']) expect(() => parseDuration(bad)).toThrow('is no time');
  });

  test('a place to search from may end with an empty subscript', () => {
    expect(searchPlace('^')).toEqual({ global: '', subscripts: [] });
    expect(searchPlace('^X("")')).toEqual({ global: 'X', subscripts: [''] });
    expect(searchPlace('^X("a",  "" )')).toEqual({ global: 'X', subscripts: ['a', ''] });
    expect(searchPlace('^X("a,""")')).toEqual({ global: 'X', subscripts: ['a,"'] });
    expect(() => searchPlace('^X("","a")')).toThrow();
  });
});

describe('lab', () => {
  const lab = planBlock('/home/lab', 7, 2000);

  test('four hosts in one block with the default ports; the arbiter has an agent only', () => {
    expect(lab.hosts.map(({ label, type, agent }) => [label, type, agent.host])).toEqual([
      ['A', 'Failover', '127.7.0.11'],
      ['B', 'Failover', '127.7.0.12'],
      ['C', 'Disaster Recovery', '127.7.0.13'],
      ['X', 'Arbiter', '127.7.0.14'],
    ]);
    expect(lab.hosts.flatMap(addressesOf).map(({ port }) => port)).toEqual([1972, 2188, 1972, 2188, 1972, 2188, 2188]);
    expect(hostLabelled(lab, 'x').superserver).toBeNull();
    expect(() => hostLabelled(lab, 'Q')).toThrow('A, B, C, X');
  });

  test('more asyncs leave the addresses of A, B, C and X as they are, up to sixteen members', () => {
    const big = planBlock('/home/lab', 7, 2000, { dr: 3, reporting: 2 });
    const labels = big.hosts.map(({ label }) => label);
    expect(labels).toEqual(['A', 'B', 'C', 'X', 'C2', 'C3', 'R', 'R2']);
    expect(big.hosts.slice(0, 4)).toEqual(lab.hosts);
    expect(asyncsOf(big)).toEqual({ dr: 3, reporting: 2 });
    const most = planPorts('/home/lab', 20_000, 2000, { dr: 7, reporting: 7 }).hosts;
    expect(new Set(most.flatMap(addressesOf).map(({ port }) => port)).size).toBe(33);
    const none = planBlock('/home/lab', 7, 2000, { dr: 0, reporting: 1 });
    expect(none.hosts.map(({ label }) => label)).toEqual(['A', 'B', 'X', 'R']);
  });

  test('where there is one loopback address, every listener has a port of its own', () => {
    const listeners = planPorts('/home/lab', 20_000, 2000).hosts.flatMap(addressesOf);
    expect(new Set(listeners.map(({ port }) => port)).size).toBe(7);
  });

  test('wires lead from every host to every address of every other', () => {
    const wires = wirePlans(lab);
    // To A, B and C two addresses from three hosts each; to X one from three.
    expect(wires).toHaveLength(21);
    expect(wires.every(({ from, to }) => from !== to)).toBe(true);
    expect(new Set(wires.map(({ from, target }) => `${from}>${target.host}:${target.port}`)).size).toBe(21);
  });

  test('lab.json is read as it was written, with the homes beside it', () => {
    expect(readPlan('/home/lab', printPlan(lab))).toEqual(lab);
    expect(readPlan('/moved', printPlan(lab)).hosts[0]!.home).toBe('/moved/A');
    expect(() => readPlan('/home/lab', '{"mirror":1}')).toThrow('remove /home/lab');
  });
});

describe('what a report says', () => {
  const member = (name: string, type: MemberReport['type'], journalTransfer: string, dejournaling = 'Caught up') =>
    ({ name, type, status: 'Backup', journalTransfer, dejournaling, transferLagMs: 0, dejournalLagMs: 0 }) as const;
  const members = [
    member('A', 'Failover', 'N/A', 'N/A'),
    member('B', 'Failover', 'Active'),
    member('C', 'Disaster Recovery', 'Caught up'),
  ];
  const report = (fields: Partial<StatusReport>) =>
    ({
      members,
      databases: [],
      type: 'Failover',
      failoverMode: 'Arbiter Controlled',
      ...fields,
    }) as unknown as StatusReport;
  const a = report({ member: 'A', status: 'Primary' });
  const b = report({ member: 'B', status: 'Backup' });
  const c = report({ member: 'C', status: 'Connected', type: 'Disaster Recovery', failoverMode: null });

  test('active is true of the mirror, whichever member is asked; caught up of the member itself', () => {
    expect([a, b, c].map(hasActiveBackup)).toEqual([true, true, true]);
    expect([a, b, c].map(isCaughtUp)).toEqual([true, true, true]);
    const behind = report({
      member: 'C',
      status: 'Connected',
      members: [member('C', 'Disaster Recovery', '00:00:10 behind')],
    });
    expect(isCaughtUp(behind)).toBe(false);
    expect(isCaughtUp({ ...c, databases: [{ status: 'Needs Catchup' }] } as unknown as StatusReport)).toBe(false);
  });

  test('a lab is whole with primary, active backup, arbiter control and every async caught up', () => {
    const mapOf = (reports: readonly StatusReport[]) => new Map(reports.map((each) => [each.member ?? '', each]));
    const of = (...reports: StatusReport[]) => missing(mapOf(reports), ['C'], null);
    expect(of(a, b, c)).toBeNull();
    expect(of(b, c)).toBe('a primary');
    expect(of(a, c)).toBe('an active backup');
    expect(of(a, { ...b, failoverMode: 'Agent Controlled' }, c)).toBe('arbiter control');
    expect(missing(mapOf([a, b]), [], null)).toBeNull();
    expect(missing(mapOf([a, b, c]), ['C', 'R'], null)).toBe('async R connected and caught up');
    expect(of(a, b)).toBe('async C connected and caught up');
    // Under steady writes it is whole when the async has what was there when that was asked.
    const behind = {
      ...c,
      position: { file: 'F', offset: 0, sequence: 70 },
      databases: [{ status: 'Dejournaling' }],
      members: [member('C', 'Disaster Recovery', '1 second behind')],
    } as unknown as StatusReport;
    expect([60, 70, 71].map((goal) => missing(mapOf([a, b, behind]), ['C'], goal))).toEqual([
      null,
      null,
      'async C connected and caught up',
    ]);
    const needs = { ...behind, databases: [{ status: 'Needs Catchup' }] } as unknown as StatusReport;
    expect(missing(mapOf([a, b, needs]), ['C'], 60)).toBe('async C connected and caught up');
  });

  test('FO-083: what a member of a lab is now, the primary says, whatever it was made as', () => {
    const lab = planBlock('/lab', 1, 2000);
    const promoted = { ...a, members: [member('A', 'Failover', 'N/A'), member('C', 'Failover', 'Active')] };
    const demoted = { ...b, status: 'Connected', type: 'Disaster Recovery' } as StatusReport;
    const types = typesNow(lab, new Map(Object.entries({ A: promoted, B: demoted })));
    expect(['A', 'B', 'C', 'X'].map((label) => types.get(label))).toEqual([
      'Failover',
      'Disaster Recovery',
      'Failover',
      'Arbiter',
    ]);
    expect(typesNow(lab, new Map()).get('C')).toBe('Disaster Recovery');
  });
});
