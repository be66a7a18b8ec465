import { describe, expect, test } from '@jest/globals';
import { fenced as agentFenced } from '../../src/mirror/agent.ts';
import type { JournalPosition } from '../../src/mirror/journal-position.ts';
import type { DataMessage } from '../../src/mirror/messages.ts';
import type { Epoch } from '../../src/mirror/terms.ts';
import { at, Bench, beginning, epochOf } from './bench.ts';

function fetching(): Bench {
  const bench = new Bench().started().woke();
  const request = bench.effect('ask-agent')?.request as number;
  const record = {
    incarnation: 4,
    epoch: epochOf(1, 'A'),
    primaryOfEpoch: true,
    activeBackup: null,
    noFailover: false,
    stoppedByOperator: false,
  };
  bench.post({ type: 'agent-answered', request, answer: { says: 'down', record } });
  const asked = bench.effect('ask-journal')?.request as number;
  return bench.post({
    type: 'journal-offered',
    request: asked,
    history: [beginning(epochOf(1, 'A'), 0)],
    end: at(1, 9),
  });
}

test('FO-025: what was fetched before a fetch failed is part of the journal from then on', () => {
  const bench = fetching();
  const { request } = bench.effect('fetch-journal') as { request: number };
  bench.post({ type: 'fetch-progressed', end: at(1, 4), history: [beginning(epochOf(1, 'A'), 0)] });
  bench.post({ type: 'fetch-failed', request, reason: 'test' });
  expect(bench.state.journal).toMatchObject({ appended: at(1, 4), flushed: at(1, 4) });
});

test('FO-061: an async that never answers does not keep a failover member from calling the other one', () => {
  const bench = new Bench().started({ settings: { members: ['A', 'B', 'C'] } });
  // The turn of the async has come.
  bench.state = { ...bench.state, inquired: ['C'], seeking: { ...bench.state.seeking, turn: 3 } };
  const dialled: string[] = [];
  for (let round = 0; round < 40; round += 1) {
    const to = bench.woke(1000).effect('dial')?.to;
    if (to !== undefined) dialled.push(to);
    const request = bench.effect('ask-agent')?.request;
    // The agent of the other is dead too, and says so at once.
    if (request !== undefined)
      bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'refused' } });
    const again = bench.effect('dial')?.to;
    if (again !== undefined && again !== to) dialled.push(again);
  }
  expect(dialled.slice(-8)).toContain('A');
});

test('FO-075: an active backup whose primary and its agent are lost stays active however long it waits: it says hello to no async', () => {
  const bench = new Bench().active();
  const settings = { ...bench.state.settings, members: ['A', 'B', 'C'] };
  bench.post({ type: 'settings-changed', settings }).post({ type: 'closed', connection: 3, reason: 'test' });
  const dialled = new Set<string>();
  for (let round = 0; round < 40; round += 1) {
    const to = bench.woke(1000).effect('dial')?.to;
    if (to !== undefined) {
      dialled.add(to);
      bench.post({ type: 'dial-failed', to, reason: 'timeout' });
    }
    const request = bench.effect('ask-agent')?.request;
    if (request !== undefined)
      bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'refused' } });
  }
  expect(dialled).toEqual(new Set(['A']));
  expect(bench.state).toMatchObject({ role: 'seeking', record: { wasActive: { term: 1 } } });
});

describe('FO-090: a disk was set back to an older state', () => {
  /** B, started with this record of epoch 2 and a journal up to 2/5, hears A say hello. */
  function hears(
    primaryOfEpoch: boolean,
    { epoch: epochOfA, end, ...said }: { epoch: Epoch; primaryOfEpoch: boolean; end: JournalPosition; heard?: number },
    splitIn: Epoch | null = null,
  ): Bench {
    const epoch = epochOf(2, primaryOfEpoch ? 'B' : 'A');
    const history = [beginning(epochOf(1, 'A'), 0), beginning(epoch, 4)];
    const bench = new Bench().started({ record: { epoch, primaryOfEpoch, splitIn }, end: at(2, 5), history }).woke();
    return bench.from('A', 8, epochOfA, { type: 'hello', failoverMember: true, hello: 1, journalEnd: end, ...said });
  }

  test.each([
    ['has less of its reign', { epoch: epochOf(2, 'A'), end: at(2, 4) }, '2/4'],
    ['has heard of its reign and lost it', { epoch: epochOf(1, 'A'), end: at(1, 4), heard: 2 }, '1/4'],
  ])('FO-090: whoever followed a primary that %s goes first, and tells', (_, said, own) => {
    const bench = hears(false, { ...said, primaryOfEpoch: true });
    expect(bench.state).toMatchObject({ role: 'becoming', right: 'consent' });
    expect(bench.effects).toContainEqual({
      type: 'log',
      message: 'lacks-of-own-reign',
      facts: { owner: 'A', epoch: 2, own, other: 'B', theirs: '2/5' },
    });
  });

  test('FO-088, FO-090: but not one whose data are no part of that reign, and which halted when it met it', () => {
    const said = { epoch: epochOf(1, 'A'), primaryOfEpoch: true, end: at(1, 4), heard: 2 };
    expect(hears(false, said, epochOf(2, 'A')).state.role).toBe('seeking');
    expect(hears(false, said, epochOf(1, 'A')).state.role).toBe('becoming');
  });

  test('FO-090: a hello of before that reign, which comes late, gives no right', () => {
    const bench = hears(false, { epoch: epochOf(1, 'A'), primaryOfEpoch: true, end: at(1, 4) });
    expect(bench.state.role).toBe('seeking');
    expect(hears(false, { epoch: epochOf(1, 'A'), primaryOfEpoch: true, end: at(1, 4), heard: 1 }).state.role).toBe(
      'seeking',
    );
  });

  test('FO-090: whoever has as much of it does not', () => {
    const bench = hears(false, { epoch: epochOf(2, 'A'), primaryOfEpoch: true, end: at(2, 5) });
    expect(bench.state.role).toBe('seeking');
  });

  test('FO-090: nor does one that has stored more and not flushed it', () => {
    const epoch = epochOf(1, 'A');
    const bench = new Bench().attached();
    bench.from('A', 3, epoch, { type: 'data', from: at(0, 0), to: at(1, 5), durableTo: at(1, 0) });
    bench.post({ type: 'closed', connection: 3, reason: 'test' }).woke();
    const journalEnd = at(1, 3);
    const hello = { type: 'hello', failoverMember: true, primaryOfEpoch: true, hello: 1, journalEnd } as const;
    expect(bench.state.journal.appended).toEqual(at(1, 5));
    expect(bench.from('A', 8, epoch, hello).state.role).toBe('seeking');
    bench.post({ type: 'journal-flushed', to: at(1, 5) });
    expect(bench.from('A', 9, epoch, { ...hello, hello: 2 }).state.role).toBe('becoming');
  });

  test('FO-090: the last primary lets the one go first that has more of its reign', () => {
    const bench = hears(true, { epoch: epochOf(2, 'B'), primaryOfEpoch: false, end: at(2, 6) });
    expect(bench.state.role).toBe('seeking');
    expect(bench.sent('refuse')).toMatchObject({ reason: 'not-primary' });
  });

  test('FO-090: told that the primary has heard of a later life, a member goes on as one above it', () => {
    const primary = new Bench('A').primary();
    const hello = (incarnation: number, number: number) =>
      primary.from(
        'B',
        6 + number,
        epochOf(0, ''),
        { type: 'hello', failoverMember: true, primaryOfEpoch: false, hello: number, journalEnd: at(0, 0) },
        incarnation,
      );
    hello(7, 1);
    const refusal = hello(5, 2).sent('refuse');
    expect(refusal).toMatchObject({ reason: 'older-hello', incarnation: 7 });

    const bench = new Bench().started({ record: { incarnation: 4 } }).woke();
    const request = bench.effect('ask-agent')?.request as number;
    const { epoch } = primary.state.record;
    bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch } }).woke();
    bench.post({ type: 'dialled', to: 'A', connection: 9 });
    expect(bench.state.record.incarnation).toBe(5);
    bench.from('A', 9, epoch, refusal as DataMessage);
    expect(bench.effect('save-record')?.record.incarnation).toBe(8);
    expect(bench.state.role).toBe('seeking');
    expect(hello(8, 1).sent('welcome')).toBeDefined();
  });
});

test('FO-022 FO-083: an active backup that loses its primary keeps its right: it asks no async first, and says hello to none', () => {
  const bench = new Bench().active();
  bench.post({ type: 'settings-changed', settings: { ...bench.state.settings, members: ['A', 'B', 'C'] } });
  bench.post({ type: 'closed', connection: 3, reason: 'test' }).woke();
  expect(bench.effect('dial')).toBeUndefined();
  expect(bench.effect('ask-agent')?.of).toBe('A');
  expect(bench.state.record.wasActive).not.toBeNull();
});

test('FO-074: a person who forces chooses between two lists of failover members of which none is newer', () => {
  const failoverMembers = { epoch: 2, number: 0, names: ['A', 'B'] };
  const epoch = epochOf(2, 'B', 'forced-B');
  const history = [beginning(epochOf(1, 'A'), 0), beginning(epoch, 5)];
  const record = { epoch, primaryOfEpoch: true, failoverMembers };
  const bench = new Bench().started({ record, end: at(2, 5), history }).woke();
  const order = { command: 'force-primary', lineage: 'chosen', atMs: 0, evidence: 'none' } as const;
  bench.post({ type: 'operator', request: 1, order }).woke();
  const request = bench.effect('ask-agent')?.request as number;
  const others = {
    incarnation: 4,
    epoch: epochOf(2, 'A', 'forced-A'),
    primaryOfEpoch: true,
    activeBackup: null,
    noFailover: false,
    stoppedByOperator: false,
    failoverMembers: { ...failoverMembers, names: ['A'] },
  };
  bench.post({ type: 'agent-answered', request, answer: { says: 'down', record: others } });
  expect(bench.state).toMatchObject({ role: 'becoming', right: 'force', record: { epoch: { lineage: 'chosen' } } });
});

test.each([
  ['is none before a person has chosen one of them', undefined, 'seeking'],
  [
    'is one when a person has promoted it by force',
    { number: 9, lineage: 'chosen', atMs: 1, evidence: 'none' },
    'becoming',
  ],
] as const)(
  'FO-063 FO-082 FO-088: the only failover member, in whose last epoch another history was met, %s',
  (_, forced, role) => {
    const epoch = epochOf(8, 'B');
    const failoverMembers = { epoch: 8, number: 2, names: ['B'], ...(forced === undefined ? {} : { forced }) };
    const record = { epoch, splitIn: epoch, primaryOfEpoch: true, failoverMembers };
    const settings = { members: ['B'], failoverMembers: ['B'], partner: null };
    const bench = new Bench().started({ record, settings, end: at(8, 9), history: [beginning(epoch, 0)] }).woke(5000);
    expect(bench.state.role).toBe(role);
  },
);

describe('FO-063: its agent called it down for somebody who became nothing', () => {
  const own = epochOf(8, 'B');
  const failoverMembers = { epoch: 8, number: 2, names: ['B'] };
  const hello = { type: 'hello', failoverMember: true, primaryOfEpoch: false, hello: 1, journalEnd: at(8, 9) } as const;

  /** The only failover member, and a fence that D had put up while this member was down. */
  function fenced(requester = 'D'): Bench {
    const fence = { epoch: epochOf(9, 'D'), requester };
    const record = { epoch: own, primaryOfEpoch: true, failoverMembers, fence };
    const settings = { members: ['B', 'D'], failoverMembers: ['B'], partner: null };
    const bench = new Bench().started({ record, settings, end: at(8, 9), history: [beginning(own, 0)] });
    bench.woke().post({ type: 'dial-failed', to: 'D', reason: 'down' }).woke(1);
    expect(bench.state).toMatchObject({ role: 'seeking', seeking: { lastFailure: expect.stringContaining('fence') } });
    return bench;
  }

  test('FO-063: the one that had it called down says hello, and was never primary: it goes on alone', () => {
    const bench = fenced().from('D', 9, own, hello);
    expect(bench.effect('save-record')?.record.fence).toBeNull();
    expect(bench.woke().state).toMatchObject({ role: 'becoming', right: 'alone' });
  });

  test.each([
    ['from one that has been primary since', 'D', epochOf(9, 'D'), true],
    ['from one that was taken in by a primary of a later epoch', 'D', epochOf(9, 'C'), false],
    ['of another history', 'D', epochOf(8, 'D', 'forced'), false],
    ['of somebody else', 'C', own, false],
  ])('FO-063: not a hello %s', (_what, from, epoch, primaryOfEpoch) => {
    const bench = fenced()
      .from(from, 9, epoch, { ...hello, primaryOfEpoch })
      .woke(5000);
    expect(bench.state.role).toBe('seeking');
    expect(bench.state.record.fence).not.toBeNull();
  });

  test('FO-063: of two that had it called down the word of the later one is not enough', () => {
    const first = fenced('C').state.record;
    const { fence } = agentFenced(first, 'D', own);
    expect(fenced(fence?.requester).from('D', 9, own, hello).woke(5000).state.role).toBe('seeking');
    expect(agentFenced({ ...first, fence: null }, 'D', own).fence?.requester).toBe('D');
  });
});
