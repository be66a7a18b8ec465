import { expect, test } from '@jest/globals';
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
