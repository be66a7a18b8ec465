/** Every table decides every situation exactly once, and primary and backup never decide against each other. */
import { describe, expect, test } from '@jest/globals';
import { agentTable } from '../../src/mirror/agent.ts';
import {
  type ArbiterFacts,
  arbiterTable,
  decide,
  downTable,
  helloTable,
  ImpossibleSituation,
  lostBackupTable,
  stopTable,
  troubleEndTable,
} from '../../src/mirror/failover-table.ts';

const booleans = [true, false];

const tables: Record<string, { rows: readonly object[]; columns: Record<string, readonly (string | boolean)[]> }> = {
  'FO-028..048 the arbiter table': {
    rows: arbiterTable,
    columns: {
      role: ['primary', 'backup'],
      other: ['connected', 'lost'],
      session: ['up', 'lost'],
      says: ['silent', 'gone', 'present', 'taken', 'never'],
    },
  },
  'FO-017..020 the lost backup table': {
    rows: lostBackupTable,
    columns: { counted: booleans, how: ['closed', 'overdue', 'said-goodbye'] },
  },
  'FO-018..019 the trouble end table': {
    rows: troubleEndTable,
    columns: { kind: ['timed', 'arbiter'], end: ['hello', 'left-notice', 'goodbye', 'timeout', 'gone'] },
  },
  'FO-023..025 the down table': {
    rows: downTable,
    columns: {
      active: booleans,
      record: ['names-me', 'mine-is-newer', 'other', 'older', 'unreadable'],
      window: ['open', 'closed'],
    },
  },
  'FO-061..064 the hello table': {
    rows: helloTable,
    columns: {
      role: ['primary', 'becoming', 'seeking', 'attached', 'closed'],
      newer: ['ours', 'theirs', 'neither', 'split'],
    },
  },
  'FO-049 the stop table': {
    rows: stopTable,
    columns: { backup: ['active', 'not-active', 'none'], failoverWanted: booleans },
  },
  'AGT-003 the agent table': {
    rows: agentTable,
    columns: {
      question: ['confirm-down', 'force-down'],
      instance: ['serves-as-primary', 'serves', 'hung', 'dead'],
      epoch: ['lower', 'not-lower'],
    },
  },
};

function combinations(columns: Record<string, readonly (string | boolean)[]>): Record<string, string | boolean>[] {
  let all: Record<string, string | boolean>[] = [{}];
  for (const [name, values] of Object.entries(columns)) {
    all = all.flatMap((facts) => values.map((value) => ({ ...facts, [name]: value })));
  }
  return all;
}

describe.each(Object.entries(tables))('%s', (_name, { rows, columns }) => {
  const all = combinations(columns);

  test('has exactly one row for each combination, and no other row', () => {
    const matching = all.map((facts) => ({
      facts,
      rows: rows.filter((row) => Object.entries(facts).every(([name, value]) => Reflect.get(row, name) === value))
        .length,
    }));
    expect(matching.filter((entry) => entry.rows !== 1)).toEqual([]);
    expect(rows).toHaveLength(all.length);
  });

  test('names a rule and a reason in each row', () => {
    for (const row of rows) {
      expect(Reflect.get(row, 'spec')).toMatch(/^[A-Z]{2,3}-\d{3}( [A-Z]{2,3}-\d{3})*$/);
      expect(String(Reflect.get(row, 'because')).length).toBeGreaterThan(5);
    }
  });
});

test('I8: an impossible situation is said loudly', () => {
  const facts: ArbiterFacts = { role: 'primary', other: 'connected', session: 'up', says: 'gone' };
  expect(() => decide(arbiterTable, facts)).toThrow(ImpossibleSituation);
});

describe('the seven link losses, as primary and backup decide them together', () => {
  type Link = 'up' | 'lost';
  const links: Link[] = ['up', 'lost'];

  /** What each decides when links are as given and the arbiter answers truthfully; `licensed` was told "gone" before. */
  function together(pb: Link, pa: Link, ba: Link, licensed: 'nobody' | 'primary' | 'backup') {
    const other: ArbiterFacts['other'] = pb === 'up' ? 'connected' : 'lost';
    const one = (role: 'primary' | 'backup', own: Link, others: Link) => {
      let says: ArbiterFacts['says'] = 'silent';
      if (other === 'lost' && own === 'up') {
        if (licensed === role) says = 'gone';
        else if (licensed !== 'nobody') says = 'taken';
        else says = others === 'lost' ? 'gone' : 'present';
      }
      const facts: ArbiterFacts = { role, other, session: own, says };
      return decide(arbiterTable, facts);
    };
    return { primary: one('primary', pa, ba), backup: one('backup', ba, pa) };
  }

  const actsAsPrimary = ['stay', 'leave-together', 'continue-in-agent-mode', 'timed-trouble', 'take-over'];

  test('I1: never do both act as primary, whatever the arbiter has told one of them before', () => {
    const seen: string[] = [];
    for (const pb of links)
      for (const pa of links)
        for (const ba of links)
          for (const licensed of ['nobody', 'primary', 'backup'] as const) {
            // The arbiter licenses a member only while the members do not hear each other, and once (I5).
            if (licensed !== 'nobody' && pb === 'up') continue;
            const { primary, backup } = together(pb, pa, ba, licensed);
            const both = actsAsPrimary.includes(primary.outcome) && backup.outcome === 'take-over';
            if (both) seen.push(`${pb} ${pa} ${ba} ${licensed}: ${primary.spec} and ${backup.spec}`);
          }
    expect(seen).toEqual([]);
  });

  test.each([
    ['FO-042', 'up', 'up', 'lost', 'stay', 'leave-together'],
    ['FO-043', 'up', 'lost', 'up', 'leave-together', 'stay'],
    ['FO-044', 'lost', 'up', 'up', 'trouble-until-agreed', 'give-up-active'],
    ['FO-045', 'up', 'lost', 'lost', 'leave-together', 'leave-together'],
    ['FO-046', 'lost', 'up', 'lost', 'continue-in-agent-mode', 'ask-agent'],
    ['FO-047', 'lost', 'lost', 'up', 'trouble-indefinitely', 'take-over'],
    ['FO-048', 'lost', 'lost', 'lost', 'trouble-indefinitely', 'ask-agent'],
  ] as const)('%s: P-B %s, P-A %s, B-A %s: primary %s, backup %s', (_spec, pb, pa, ba, primary, backup) => {
    const decided = together(pb, pa, ba, 'nobody');
    expect([decided.primary.outcome, decided.backup.outcome]).toEqual([primary, backup]);
  });
});
