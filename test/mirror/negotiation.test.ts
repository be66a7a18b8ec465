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
