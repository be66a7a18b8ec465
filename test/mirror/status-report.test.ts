/** From states of members to the report of the Status Monitor. */
import { describe, expect, test } from '@jest/globals';
import {
  type Becoming,
  initialState,
  type MemberState,
  noSeeking,
  noServing,
  type Served,
} from '../../src/mirror/member-state.ts';
import { defaultSettings, type MemberDefinition, type MirrorSet } from '../../src/mirror/mirror-set.ts';
import type { MemberReport } from '../../src/mirror/status.ts';
import { type DatabaseFacts, reportStatus, type StatusFacts } from '../../src/mirror/status-report.ts';
import type { MemberType } from '../../src/mirror/terms.ts';

const at = (sequence: number) => ({ epoch: 1, file: 1, offset: sequence * 10, sequence });
const epoch = { number: 1, owner: 'A', lineage: 'x' };

function definition(name: string, type: MemberType): MemberDefinition {
  return {
    name,
    type,
    instance: 'IRIS',
    instanceDirectory: `/srv/${name}`,
    superserver: { host: name, port: 1972 },
    privateAddress: null,
    agent: { host: name, port: 2188 },
  };
}

const mirrorSet: MirrorSet = {
  name: 'DEMO',
  epoch: 1,
  revision: 1,
  settings: { ...defaultSettings, arbiter: { host: 'X', port: 2188 } },
  members: [
    definition('A', 'Failover'),
    definition('B', 'Failover'),
    definition('C', 'Disaster Recovery'),
    definition('D', 'Disaster Recovery'),
  ],
  databases: [],
};

function state(self: string, changes: Partial<MemberState>): MemberState {
  const fresh = initialState(self, 'DEMO', self === 'A' || self === 'B');
  const partner = self === 'A' ? 'B' : 'A';
  return {
    ...fresh,
    settings: { qosTimeoutMs: 8000, arbiter: true, partner, failoverMembers: ['A', 'B'] },
    record: { ...fresh.record, epoch },
    journal: {
      ...fresh.journal,
      appended: at(100),
      flushed: at(100),
      durable: at(100),
      applied: at(100),
    },
    ...changes,
  };
}

function facts(of: MemberState | null, changes: Partial<StatusFacts> = {}): StatusFacts {
  return {
    instance: 'IRIS',
    pid: 42,
    state: of,
    mirrorSet,
    member: of?.self ?? null,
    joinMirror: true,
    notReached: null,
    databases: [],
    rowsTold: null,
    rowsHeard: null,
    journalEnd: of === null ? null : of.journal.flushed,
    fileNameOf: (file) => `MIRROR-DEMO-20261122.00${file}`,
    received: { networkBytes: 1, journalBytes: 2 },
    dejournalStopped: null,
    dejournalFilter: null,
    nowMs: 100_000,
    wallMs: 1_000_000,
    isoOf: (ms) => `iso ${ms}`,
    printedOf: (ms) => `printed ${ms}`,
    recordMsAfter: (position) => (position.sequence < 100 ? 1_000_000 - (100 - position.sequence) * 1000 : null),
    lostMsOf: () => null,
    ...changes,
  };
}

function served(name: string, changes: Partial<Served> = {}): Served {
  return {
    name,
    failoverMember: name === 'B',
    connection: 7,
    lastHeardMs: 0,
    keepAliveAtMs: 0,
    number: 0,
    echo: 0,
    session: 0,
    sentTo: at(100),
    ackedTo: at(100),
    applied: at(100),
    inFlight: [],
    roundMs: 0,
    shipping: false,
    durableTold: at(100),
    setHeard: null,
    ...changes,
  };
}

function primary(members: readonly Served[], changes: Partial<MemberState['serving']> = {}): MemberState {
  return state('A', {
    role: 'primary',
    serving: { ...noServing, members: new Map(members.map((each) => [each.name, each])), ...changes },
  });
}

const attachment = {
  to: 'A',
  connection: 3,
  lastHeardMs: 0,
  keepAliveAtMs: 0,
  number: 0,
  sentAtMs: [],
  echo: 0,
  durableTo: at(100),
  activating: null,
  mode: 'agent',
  modeTerm: 0,
  windowAllowed: false,
  asking: false,
  history: [],
} as const;

const counted = { member: 'B', term: 1, confirmed: true };
const rowOf = (of: StatusFacts, name: string) => reportStatus(of).members.find((row) => row.name === name);

describe('on the primary', () => {
  test('MON-004 MON-005 MON-006 MON-015 SYN-027: all configured members, in the order of the mirror set', () => {
    const report = reportStatus(
      facts(primary([served('C', { ackedTo: at(97), applied: at(90) }), served('B')], { counted })),
    );
    expect(
      report.members.map(({ name, status, journalTransfer, dejournaling }) => [
        name,
        status,
        journalTransfer,
        dejournaling,
      ]),
    ).toEqual([
      ['A', 'Primary', 'N/A', 'N/A'],
      ['B', 'Backup', 'Active', 'Caught up'],
      ['C', 'Connected', '3 seconds behind', '7 seconds behind'],
      ['D', 'Down', 'Disconnected', 'Disconnected'],
    ]);
    expect(report).toMatchObject({ status: 'Primary', primary: 'A', waitingFor: null, incoming: null });
    expect(report.members[2]).toMatchObject({ transferLagMs: 3000, dejournalLagMs: 7000 });
    expect(report.members[2]).toMatchObject({
      transferBehind: { records: 3, bytes: 30 },
      dejournalBehind: { records: 7, bytes: 70 },
    });
    expect(report.members[1]).not.toHaveProperty('transferBehind');
  });

  test('MON-007: a member that was lost since', () => {
    const lost = facts(primary([]), { lostMsOf: (name) => (name === 'B' ? 777 : null) });
    expect(rowOf(lost, 'B')).toMatchObject({ status: 'Down', journalTransfer: 'Disconnected on printed 777' });
  });

  test('MON-002 MON-006: a backup that is not counted yet is Synchronizing until it has everything', () => {
    expect(rowOf(facts(primary([served('B', { sentTo: null })])), 'B')).toMatchObject({ status: 'Synchronizing' });
    expect(rowOf(facts(primary([served('B', { ackedTo: at(40) })])), 'B')).toMatchObject({
      status: 'Synchronizing',
      journalTransfer: '60 seconds behind',
    });
    expect(rowOf(facts(primary([served('B')])), 'B')).toMatchObject({ status: 'Backup', journalTransfer: 'Caught up' });
    const unconfirmed = primary([served('B')], { counted: { ...counted, confirmed: false } });
    expect(rowOf(facts(unconfirmed), 'B')).toMatchObject({ journalTransfer: 'Caught up' });
  });

  test('MON-001: trouble is shown with what it waits for, without and with a limit', () => {
    const kind = { sinceMs: 90_000, spec: 'FO-036', because: 'alone', says: 'silent', askedSession: 0 } as const;
    const endless = reportStatus(facts(primary([], { trouble: { ...kind, kind: 'arbiter', untilMs: null } })));
    expect(endless.status).toBe('In Trouble');
    expect(endless.waitingFor).toMatch(/since iso 990000: alone; updates wait without a time limit/);
    const timed = reportStatus(facts(primary([], { trouble: { ...kind, kind: 'timed', untilMs: 106_000 } })));
    expect(timed.waitingFor).toMatch(/updates wait until iso 1006000 at the latest/);
  });

  test('MON-018 MON-019: failover mode and connection with the arbiter', () => {
    const arbiter = { ...state('A', {}).arbiter, state: 'open' as const };
    const alone = { ...primary([]), arbiter };
    const both = { ...primary([], { mode: 'arbiter' }), arbiter: { ...arbiter, otherConnected: true } };
    const entering = { ...primary([], { mode: 'entering' }), arbiter: { ...arbiter, state: 'opening' as const } };
    expect(reportStatus(facts(alone))).toMatchObject({
      failoverMode: 'Agent Controlled',
      arbiter: { address: 'X|2188', connection: 'Only this member is connected to the arbiter' },
    });
    expect(reportStatus(facts(both))).toMatchObject({
      failoverMode: 'Arbiter Controlled',
      arbiter: { connection: 'Both failover members are connected to the arbiter' },
    });
    expect(reportStatus(facts(entering))).toMatchObject({
      failoverMode: 'Agent Controlled',
      arbiter: { connection: 'This member is not connected to the arbiter' },
    });
  });

  test('MON-011: a Normal database has no next record; another has', () => {
    const normal: DatabaseFacts = {
      name: 'P',
      localName: 'P',
      directory: '/p',
      status: 'Normal',
      failoverDb: true,
      applied: at(100),
    };
    const { databases } = reportStatus(
      facts(primary([]), { databases: [normal, { ...normal, name: 'Q', status: 'Needs Catchup', applied: at(95) }] }),
    );
    expect(databases[0]?.nextRecord).toBeNull();
    expect(databases[1]?.nextRecord).toEqual({ time: 'iso 995000', file: 'MIRROR-DEMO-20261122.001', offset: 950 });
  });
});

describe('on a backup', () => {
  const told = reportStatus(facts(primary([served('B'), served('C')]))).members;
  const backup = (changes: Partial<MemberState> = {}) => state('B', { role: 'attached', attachment, ...changes });
  const isActive = { record: { ...state('B', {}).record, wasActive: { epoch, term: 1 } } };

  test('MON-015: its own row, and of the others what the primary told', () => {
    const report = reportStatus(facts(backup(isActive), { rowsTold: told }));
    expect(report.members.map(({ name, status, journalTransfer }) => [name, status, journalTransfer])).toEqual([
      ['A', 'Primary', 'N/A'],
      ['B', 'Backup', 'Active'],
      ['C', 'Connected', 'Caught up'],
      ['D', 'Down', 'Disconnected'],
    ]);
    expect(report).toMatchObject({ status: 'Backup', primary: 'A', incoming: { journalBytes: 2, atMs: 1_000_000 } });
  });

  test('MON-002: Synchronizing until the primary has told that it keeps up', () => {
    const before = reportStatus(facts(backup({ attachment: { ...attachment, durableTo: at(300) } })));
    expect(before).toMatchObject({ status: 'Synchronizing', catchUp: { recordsDone: 100, recordsToDo: 300 } });
    expect(rowOf(facts(backup()), 'B')?.journalTransfer).not.toBe('Caught up');
    const joining = told.map((row): MemberReport => (row.name === 'B' ? { ...row, status: 'Synchronizing' } : row));
    expect(reportStatus(facts(backup(), { rowsTold: joining })).status).toBe('Synchronizing');
    expect(reportStatus(facts(backup(), { rowsTold: told }))).toMatchObject({ status: 'Backup', catchUp: null });
    expect(rowOf(facts(backup(), { rowsTold: told }), 'B')?.journalTransfer).toBe('Caught up');
  });

  test('MON-002 MON-007: a lost primary is Down, and nothing told before counts any more', () => {
    const seeking = state('B', {
      role: 'seeking',
      roleSinceMs: 70_000,
      seeking: { ...noSeeking, sinceMs: 70_000, lastFailure: 'no agent' },
    });
    const report = reportStatus(facts(seeking, { rowsTold: told }));
    expect(report.members.map(({ name, status, journalTransfer }) => [name, status, journalTransfer])).toEqual([
      ['A', 'Down', 'Disconnected on printed 970000'],
      ['B', 'Waiting', 'Disconnected on printed 970000'],
      ['C', 'Error', 'N/A'],
      ['D', 'Error', 'N/A'],
    ]);
    expect(report.primary).toBeNull();
    expect(report.waitingFor).toMatch(/no primary since iso 970000, and A or its agent must answer first \(no agent\)/);
    const early = reportStatus(facts({ ...seeking, roleSinceMs: 99_000 }));
    expect(early.status).toBe('Transition');
    expect(early.waitingFor).not.toBeNull();
  });

  test('MON-002: one that takes no part knows of the others only what it was told, and does not call them down', () => {
    const heard = told.map((row) => ({ ...row, ageMs: 12_000 }));
    for (const role of ['halted', 'stopped', 'down'] as const) {
      const alone = state('B', { role, roleSinceMs: 70_000 });
      const { members } = reportStatus(facts(alone, { rowsTold: told, rowsHeard: heard }));
      const disconnected = { status: 'Error', journalTransfer: 'Disconnected on printed 970000' };
      expect(members.filter(({ name }) => name !== 'B')).toMatchObject([
        { name: 'A', ...disconnected, lastHeard: { status: 'Primary', ageMs: 12_000 } },
        { name: 'C', ...disconnected, lastHeard: { status: 'Connected', ageMs: 12_000 } },
        { name: 'D', ...disconnected, lastHeard: { status: 'Down', ageMs: 12_000 } },
      ]);
      expect(rowOf(facts(alone), 'A')).not.toHaveProperty('lastHeard');
    }
  });

  test('MON-008 MON-009: it may be Active with dejournaling behind; databases that need a person come first', () => {
    const behind = backup({ ...isActive, journal: { ...state('B', {}).journal, applied: at(80) } });
    expect(rowOf(facts(behind), 'B')).toMatchObject({ journalTransfer: 'Active', dejournaling: '20 seconds behind' });
    const database: DatabaseFacts = {
      name: 'P',
      localName: 'P',
      directory: '/p',
      status: 'Needs Catchup',
      failoverDb: null,
      applied: null,
    };
    const good: DatabaseFacts = { ...database, name: 'Q', status: 'Dejournaling' };
    expect(rowOf(facts(behind, { databases: [database, good] }), 'B')?.dejournaling).toBe(
      'Warning! Some databases need attention.',
    );
    const stopped: DatabaseFacts = { ...database, status: 'Dejournaling Stopped' };
    expect(rowOf(facts(behind, { databases: [stopped] }), 'B')?.dejournaling).toBe('Warning! Dejournaling is stopped.');
  });
});

test('MON-014: each row says how old it is: since a member was last heard, or as old as the primary told, and none without a link', () => {
  const now = facts(primary([served('B', { lastHeardMs: 98_800 })]));
  expect(reportStatus(now).members.map(({ name, ageMs }) => [name, ageMs])).toEqual([
    ['A', 0],
    ['B', 1200],
    ['C', undefined],
    ['D', undefined],
  ]);
  const told = reportStatus(now).members.map((row) => ({ ...row, ageMs: 1500 }));
  const record = { ...state('B', {}).record, wasActive: { epoch, term: 1 } };
  const active = reportStatus(facts(state('B', { role: 'attached', attachment, record }), { rowsTold: told }));
  expect(active.members.map(({ name, ageMs }) => [name, ageMs])).toEqual([
    ['A', 1500],
    ['B', 0],
    ['C', 1500],
    ['D', 1500],
  ]);
  // How far the primary is beyond one that is not active, only the primary knows.
  const waiting = facts(state('B', { role: 'attached', attachment }), { rowsTold: told });
  expect(rowOf(waiting, 'B')?.ageMs).toBe(1500);
});

test('MON-015: an async shows the failover members and itself, no arbiter, and its dejournal process', () => {
  const told = reportStatus(facts(primary([served('C')]))).members;
  const report = reportStatus(facts(state('C', { role: 'attached', attachment }), { rowsTold: told }));
  expect(report.members.map((row) => row.name)).toEqual(['A', 'B', 'C']);
  expect(report).toMatchObject({
    status: 'Connected',
    failoverMode: null,
    arbiter: null,
    dejournalProcess: { running: true, pid: 42 },
  });
  const stopped = reportStatus(facts(state('C', { role: 'stopped' })));
  expect(stopped).toMatchObject({ status: 'Stopped', dejournalProcess: { running: false } });
  expect(stopped.waitingFor).toMatch(/stopped on this member by its operator/);
});

test('MON-001 MON-002: one status for each role, and a sentence wherever there is no primary', () => {
  const words = {
    starting: 'Transition',
    becoming: 'Transition',
    'handing-over': 'Transition',
    halted: 'Crashed',
    down: 'Down',
  } as const;
  for (const [role, status] of Object.entries(words)) {
    const becoming = {
      phase: 'applying',
      spec: '',
      because: '',
      lineage: null,
      request: null,
      retryAtMs: 0,
      refusal: null,
    };
    const report = reportStatus(
      facts(state('A', { role: role as keyof typeof words, becoming: becoming as Becoming })),
    );
    expect([role, report.status]).toEqual([role, status]);
    expect(report.waitingFor).toMatch(/since iso/);
  }
});

test('MON-003: in no mirror', () => {
  const report = reportStatus(facts(null, { mirrorSet: null, member: null }));
  expect(report).toMatchObject({ mirror: null, type: null, status: 'Not Initialized', waitingFor: null, members: [] });
});
