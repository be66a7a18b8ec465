/** An async is promoted while there is no primary: A was the last primary, B its backup, C asks their agents. */
import { expect } from '@jest/globals';
import { type PromotionFacts, promotionTable } from '../../../src/mirror/failover-table.ts';
import { JOURNAL_START } from '../../../src/mirror/journal-position.ts';
import type { AgentAnswer, DownRecord } from '../../../src/mirror/messages.ts';
import { Bench, epochOf } from '../bench.ts';
import { played, tableTest } from './row-play.ts';

const silent: AgentAnswer = { says: 'nothing', reason: 'timeout' };
const recordOf = (primaryOfEpoch: boolean): DownRecord => ({
  incarnation: 3,
  epoch: epochOf(4, 'A'),
  primaryOfEpoch,
  activeBackup: null,
  noFailover: false,
  stoppedByOperator: false,
});
const down = (primaryOfEpoch: boolean): AgentAnswer => ({ says: 'down', record: recordOf(primaryOfEpoch) });

interface Told {
  readonly bench: Bench;
  readonly names: readonly string[];
  readonly isForced: boolean;
}

/** The agents' answers, and then each that is down takes the list. */
function promote(partner: string | null, ofA: AgentAnswer, ofB: AgentAnswer): Told {
  const bench = new Bench('C', false).started({
    settings: { partner: null, failoverMembers: ['A', 'B'], members: ['A', 'B', 'C'] },
  });
  const order = { command: 'promote', partner, hold: false, lineage: 'chosen', atMs: 1, evidence: '' } as const;
  bench.post({ type: 'operator', request: 9, order });
  const asked = bench.effects.flatMap((effect) => (effect.type === 'ask-agent' ? [effect] : []));
  expect(asked.map(({ of, question }) => `${of} ${question}`)).toEqual(['A look-down', 'B look-down']);
  const offered: number[] = [];
  for (const { of, request } of asked) {
    bench.post({ type: 'agent-answered', request, answer: of === 'A' ? ofA : ofB });
    const wanted = bench.effect('ask-journal');
    if (wanted !== undefined) offered.push(wanted.request);
  }
  // Nobody has more than C, which has nothing.
  for (const request of offered) bench.post({ type: 'journal-offered', request, history: [], end: JOURNAL_START });
  const told = bench.effects.flatMap((effect) => (effect.type === 'ask-agent' ? [effect] : []));
  for (const { of, request, failoverMembers } of told) {
    const answer = { says: 'down', record: { ...recordOf(of === 'A'), failoverMembers } } as AgentAnswer;
    bench.post({ type: 'agent-answered', request, answer });
  }
  const list = bench.state.record.failoverMembers;
  return { bench, names: list?.names ?? [], isForced: list?.forced?.lineage === 'chosen' };
}

/** Nothing was changed, and the operator is asked for a partner, with the members that did not answer. */
function asks(told: Told, missing: string): void {
  expect(told.names).toEqual([]);
  expect(told.bench.state.failoverMember).toBe(false);
  expect(told.bench.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'choose-partner' });
  expect(told.bench.effect('answer-operator')?.text).toContain(missing);
}

function paired(told: Told, names: readonly string[], isForced: boolean): void {
  expect([...told.names].sort()).toEqual([...names].sort());
  expect(told.isForced).toBe(isForced);
  expect(told.bench.state.failoverMember).toBe(true);
  expect(told.bench.effect('answer-operator')).toMatchObject({ request: 9, outcome: 'done' });
}

/** A partner whose record is not known is no last primary, so losses are accepted in any case. */
const same = { pair: 'a pair with another than the last primary is one by force' };

export const promotionRows = tableTest<PromotionFacts>(
  promotionTable,
  { wish: ['automatic', 'chosen', 'none'], partner: ['down', 'silent', 'none'], others: ['down', 'silent'] },
  {
    'automatic down down': played(() => paired(promote(null, down(true), down(false)), ['A', 'C'], false)),
    'automatic down silent': played(() => asks(promote(null, down(true), silent), 'B')),
    'automatic none down': played(() => asks(promote(null, down(false), down(false)), 'no member')),
    'automatic none silent': played(() => asks(promote(null, silent, silent), 'A, B')),
    'chosen down down': played(() => {
      paired(promote('A', down(true), down(false)), ['A', 'C'], false);
      paired(promote('B', down(true), down(false)), ['B', 'C'], true);
    }),
    'chosen down silent': played(() => paired(promote('A', down(true), silent), ['A', 'C'], true)),
    'chosen silent down': played(() => paired(promote('A', silent, down(false)), ['A', 'C'], true), same),
    'chosen silent silent': played(() => paired(promote('A', silent, silent), ['A', 'C'], true), same),
    'none none down': played(() => paired(promote('none', down(true), down(false)), ['C'], true)),
    'none none silent': played(() => paired(promote('none', silent, silent), ['C'], true)),
  },
);
