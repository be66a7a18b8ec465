/** I8: no state without an exit. Whatever a member waits for, its status says since when and what is to be done. */
import { expect, test } from '@jest/globals';
import type { Becoming, MemberRole, MemberState, Seeking, Trouble } from '../../src/mirror/member-state.ts';
import { defaultSettings, type MirrorSet } from '../../src/mirror/mirror-set.ts';
import type { StatusFacts } from '../../src/mirror/status-report.ts';
import { waitingFor } from '../../src/mirror/waiting-for.ts';
import { Bench } from './bench.ts';

const nowMs = 100_000;
const mirrorSet: MirrorSet = {
  name: 'MIRROR',
  epoch: 1,
  revision: 1,
  settings: defaultSettings,
  members: [],
  databases: [],
};

function said(state: MemberState | null): string | null {
  const facts = {
    state,
    mirrorSet,
    joinMirror: true,
    notReached: null,
    nowMs,
    wallMs: 1_000_000,
    isoOf: (ms: number) => `iso ${ms}`,
  };
  return waitingFor(facts as unknown as StatusFacts);
}

/** A member in one role, with what is given changed. */
function member(role: MemberRole, changes: Partial<MemberState> = {}): MemberState {
  const { state } = new Bench().started();
  return { ...state, role, roleSinceMs: 90_000, ...changes };
}

function seeking(changes: Partial<Seeking>, more: Partial<MemberState> = {}): MemberState {
  const { state } = new Bench().started();
  return member('seeking', { seeking: { ...state.seeking, sinceMs: 90_000, ...changes }, ...more });
}

function becoming(changes: Partial<Becoming>): MemberState {
  const first: Becoming = {
    phase: 'permission',
    spec: 'FO-023',
    because: '',
    lineage: null,
    request: null,
    retryAtMs: 0,
    refusal: null,
  };
  return member('becoming', { becoming: { ...first, ...changes } });
}

function trouble(changes: Partial<Trouble>): MemberState {
  const { state } = new Bench().primary();
  const first: Trouble = {
    kind: 'timed',
    sinceMs: 90_000,
    untilMs: 110_000,
    spec: 'FO-017',
    because: 'the backup is lost',
    says: 'silent',
    askedSession: 0,
  };
  return { ...state, serving: { ...state.serving, trouble: { ...first, ...changes } } };
}

function settings(changes: Partial<MemberState['settings']>): Pick<MemberState, 'settings'> {
  return { settings: { ...new Bench().started().state.settings, ...changes } };
}

function record(changes: Partial<MemberState['record']>): Pick<MemberState, 'record'> {
  return { record: { ...new Bench().started().state.record, ...changes } };
}

const asking = () => {
  const { state } = new Bench().attached();
  return { ...state, roleSinceMs: 90_000, attachment: { ...state.attachment, asking: true } } as MemberState;
};
const frozen = () => {
  const { state } = new Bench().primary();
  return { ...state, journal: { ...state.journal, frozen: 'the disk is full', unflushedSinceMs: 90_000 } };
};

/** What an operator can do, by the words that stand for it. */
const exits = {
  nothing: /nothing is to be done/,
  force: /Force this node to become the primary/,
  start: /start /,
  clear: /Change No Failover State/,
  mend: /mend the network/,
  room: /make room/,
  database: /mount or mend that database/,
  site: /zmirror\.mjs/,
  rebuild: /caretmirror mirror rebuild/,
  log: /see the messages log/,
} as const;

const cases: readonly (readonly [string, () => MemberState, keyof typeof exits])[] = [
  ['starting', () => member('starting'), 'log'],
  ['seeking: just begun', () => seeking({}, { roleSinceMs: nowMs - 10 }), 'nothing'],
  ['FO-027, FO-062 the agent does not answer', () => seeking({ lastFailure: 'no answer' }), 'force'],
  ['FO-026 the agent cannot kill', () => seeking({ lastFailure: 'the process of A cannot be killed' }), 'force'],
  [
    'FO-072 no failover is set',
    () => seeking({ lastFailure: 'no failover is set' }, record({ noFailover: true })),
    'clear',
  ],
  [
    'FO-084 ValidatedMember is 0',
    () => seeking({ lastFailure: 'ValidatedMember is 0' }, record({ validatedMember: false })),
    'start',
  ],
  [
    'FO-062 the record of the other is older',
    () => seeking({ lastFailure: 'the record of the other is older' }),
    'force',
  ],
  [
    'FO-024 journal data is fetched',
    () => seeking({ fetching: { request: 1, incarnation: 1, last: false } }),
    'nothing',
  ],
  ['FO-086 the other is primary and is not reached', () => seeking({ otherReigns: true }), 'mend'],
  ['FO-063 alone, and fenced', () => seeking({ lastFailure: 'fence' }, settings({ partner: null })), 'force'],
  [
    'FO-072 alone, and no failover',
    () => seeking({}, { ...settings({ partner: null }), ...record({ noFailover: true }) }),
    'force',
  ],
  ['an async without a primary', () => seeking({}, { failoverMember: false }), 'start'],
  ['FO-030 the arbiter is asked', asking, 'nothing'],
  ['FO-091 the site is asked', () => becoming({}), 'nothing'],
  ['FO-065 the journal is applied', () => becoming({ phase: 'applying' }), 'nothing'],
  ['FO-065 the door opens', () => becoming({ phase: 'opening' }), 'nothing'],
  ['FO-066 the site checks', () => becoming({ phase: 'checking' }), 'nothing'],
  [
    'FO-004 a required database',
    () => becoming({ refusal: { spec: 'FO-004', because: 'DATA is dismounted' } }),
    'database',
  ],
  [
    'FO-067 the site says no',
    () => becoming({ refusal: { spec: 'FO-067', because: '0' }, retryAtMs: 120_000 }),
    'site',
  ],
  [
    'FO-068 the check says no',
    () => becoming({ phase: 'checking', refusal: { spec: 'FO-068', because: '0' } }),
    'site',
  ],
  ['FO-017 timed trouble', () => trouble({}), 'nothing'],
  ['FO-036 trouble without a limit', () => trouble({ kind: 'arbiter', untilMs: null }), 'mend'],
  ['the disk of the journal is full', frozen, 'room'],
  ['FO-008 handing over', () => member('handing-over'), 'nothing'],
  ['SYN-022 stopped', () => member('stopped'), 'start'],
  ['FO-088 halted', () => member('halted', { haltedBecause: 'two histories' }), 'rebuild'],
  ['FO-088 halted, and its data is the right one', () => member('halted', { haltedBecause: 'two histories' }), 'force'],
  ['down', () => member('down'), 'start'],
];

test.each(cases)('I8, FO-062: %s: since when, and what is to be done', (_, make, exit) => {
  const sentence = said(make());
  expect(sentence).toMatch(exits[exit]);
  expect(sentence).toMatch(/since iso \d+/);
  expect(sentence).toMatch(/iso (990000|999990)/);
});

test('I8: every role has a case, or waits for nothing', () => {
  const roles: Readonly<Record<MemberRole, 'waits' | 'may wait'>> = {
    starting: 'waits',
    seeking: 'waits',
    attached: 'may wait',
    becoming: 'waits',
    primary: 'may wait',
    'handing-over': 'waits',
    stopped: 'waits',
    halted: 'waits',
    down: 'waits',
  };
  const seen = new Set(cases.map(([, make]) => make().role));
  expect([...seen].sort()).toEqual(Object.keys(roles).sort());
  expect(said(null)).toMatch(/is starting; see the messages log/);
  expect(said(new Bench('A').primary().state)).toBeNull();
  expect(said(new Bench().attached().state)).toBeNull();
});
