/** The way to being primary in the order of FO-065, and the site's word in it. */
import { describe, expect, test } from '@jest/globals';
import { epochsLeftOutByForce, siteRetryMs } from '../../src/mirror/limits.ts';
import { nextWakeMs } from '../../src/mirror/member.ts';
import { at, Bench, beginning, epochOf, qosTimeoutMs } from './bench.ts';

const entries = (bench: Bench): string[] =>
  bench.effects.flatMap((effect) => (effect.type === 'ask-site' || effect.type === 'tell-site' ? [effect.entry] : []));

function answer(bench: Bench, allowed: boolean, spec: 'FO-004' | 'FO-067' | 'FO-068' = 'FO-067'): Bench {
  const request = bench.state.becoming?.request as number;
  return bench.post({ type: 'site-answered', request, allowed, spec, because: allowed ? '' : 'the site says no' });
}

/** An active backup whose primary is confirmed down; its site has not answered. */
function asked(): Bench {
  const bench = new Bench().active();
  bench.site = null;
  bench.post({ type: 'closed', connection: 3, reason: 'test' }).woke();
  const request = bench.effect('ask-agent')?.request as number;
  const record = {
    incarnation: 1,
    epoch: epochOf(1, 'A'),
    primaryOfEpoch: true,
    activeBackup: { member: 'B', term: 1 },
    noFailover: false,
    stoppedByOperator: false,
  };
  return bench.post({ type: 'agent-answered', request, answer: { says: 'down', record } });
}

function applied(bench: Bench): Bench {
  const { epoch } = bench.state.record;
  const end = at(epoch.number, 5);
  bench.post({ type: 'file-started', end, history: [beginning(epochOf(1, 'A'), 0), beginning(epoch, 5)] });
  return bench.post({ type: 'databases-applied', to: end });
}

describe('FO-065 FO-071: the order', () => {
  test('FO-065: permission, epoch, journal, check, door, notice', () => {
    const bench = asked();
    expect(entries(bench)).toEqual(['CanNodeStartToBecomePrimary']);
    expect(bench.effect('save-record')).toBeUndefined();
    answer(bench, true);
    expect(bench.effects.map(({ type }) => type)).toEqual(['save-record', 'start-file']);
    applied(bench);
    expect(entries(bench)).toEqual(['CheckBecomePrimaryOK']);
    expect(bench.effect('admit-updates')).toBeUndefined();
    answer(bench, true);
    expect(bench.state.role).toBe('primary');
    expect(bench.effect('admit-updates')).toBeDefined();
    expect(entries(bench)).toEqual(['NotifyBecomePrimary']);
  });

  test('FO-065: databases that hold the old end do not open the door before the new file stands', () => {
    const bench = answer(asked(), true);
    bench.post({ type: 'databases-applied', to: at(1, 5) });
    expect(bench.state.becoming?.phase).toBe('applying');
  });

  test('FO-066: what the site writes while it checks is in the databases before the door opens', () => {
    const bench = applied(answer(asked(), true));
    bench.post({ type: 'journal-appended', to: at(2, 6) }).post({ type: 'journal-flushed', to: at(2, 6) });
    answer(bench, true);
    expect(bench.state.role).toBe('becoming');
    bench.post({ type: 'databases-applied', to: at(2, 6) });
    expect(bench.state.role).toBe('primary');
  });
});

test('PROC-026 PROC-035: its journal, copied in by a person, is of a later reign than its record: the new epoch is above both', () => {
  const bench = new Bench();
  const history = [beginning(epochOf(1, 'A'), 0), beginning(epochOf(3, 'A'), 5)];
  const record = { epoch: epochOf(1, 'A') };
  bench.started({ record, end: at(3, 9), history, settings: { partner: null } }).woke();
  expect(bench.effect('start-file')).toMatchObject({ epoch: { number: 4 } });
});

/** Another member was promoted by force, and its list reaches this one. */
function replaced(bench: Bench): Bench {
  const { settings } = bench.state;
  const listed = { epoch: 9, number: 1, names: ['C'] };
  return bench.post({ type: 'settings-changed', settings: { ...settings, partner: null, listed } });
}

test('FO-083: who hears on its way that others are the failover members gives up, and ends when its epoch is written', () => {
  expect(replaced(asked()).state).toMatchObject({ role: 'seeking', failoverMember: false });
  const waiting = answer(applied(answer(asked(), true)), false, 'FO-068');
  expect(replaced(waiting).effect('end-process')).toBeDefined();
  expect(waiting.state.role).toBe('down');
});

describe('FO-067 FO-068 FO-070: the site says no', () => {
  test('FO-067: nothing is written, the right is held, and the site is asked again after 30 s', () => {
    const bench = answer(asked(), false);
    expect(bench.state).toMatchObject({ role: 'becoming', right: 'agent-down' });
    expect(bench.effect('save-record')).toBeUndefined();
    expect(nextWakeMs(bench.state)).toBe(bench.nowMs + siteRetryMs);
    bench.woke(siteRetryMs);
    const request = bench.effect('ask-agent')?.request as number;
    bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'no host' } });
    expect(entries(bench)).toEqual(['CanNodeStartToBecomePrimary']);
    expect(answer(bench, true).effect('start-file')).toBeDefined();
  });

  test('FO-067: an agent that does not answer does not stop the asking', () => {
    const bench = answer(asked(), false).woke(siteRetryMs);
    bench.woke(qosTimeoutMs);
    expect(entries(bench)).toEqual(['CanNodeStartToBecomePrimary']);
  });

  test('FO-067: the other has become primary meanwhile: the right is dropped, this member looks for it', () => {
    const bench = answer(asked(), false).woke(siteRetryMs);
    const request = bench.effect('ask-agent')?.request as number;
    bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch: epochOf(2, 'A') } });
    expect(bench.state).toMatchObject({ role: 'seeking', right: null, becoming: null });
  });

  test('FO-067: a hello of a higher epoch ends the right, and a late answer of the site is not used', () => {
    const bench = answer(asked(), false).woke(siteRetryMs).woke(qosTimeoutMs);
    const request = bench.state.becoming?.request as number;
    const hello = {
      type: 'hello',
      failoverMember: true,
      primaryOfEpoch: true,
      hello: 1,
      journalEnd: at(2, 9),
    } as const;
    bench.from('A', 9, epochOf(2, 'A', 'forced'), hello);
    expect(bench.state.role).toBe('seeking');
    bench.post({ type: 'site-answered', request, allowed: true, spec: 'FO-067', because: '' });
    expect(bench.state.role).toBe('seeking');
  });

  test('FO-068: CheckBecomePrimaryOK is asked again, the door stays shut', () => {
    const bench = answer(applied(answer(asked(), true)), false, 'FO-068');
    expect(bench.state.becoming?.phase).toBe('checking');
    bench.woke(siteRetryMs).woke(qosTimeoutMs);
    expect(entries(bench)).toEqual(['CheckBecomePrimaryOK']);
    expect(answer(bench, true).state.role).toBe('primary');
  });

  test('FO-004: a required database keeps a member from becoming primary, and is looked at again soon', () => {
    const bench = answer(asked(), false, 'FO-004');
    expect(nextWakeMs(bench.state)).toBeLessThan(bench.nowMs + qosTimeoutMs);
    expect(bench.state.becoming?.refusal?.spec).toBe('FO-004');
  });

  test('FO-070: NotifyBecomePrimaryFailed once for each incident, armed again by a primary', () => {
    const bench = answer(asked(), false);
    expect(entries(bench)).toEqual(['NotifyBecomePrimaryFailed']);
    bench.woke(siteRetryMs).woke(qosTimeoutMs);
    expect(entries(answer(bench, false))).toEqual([]);
    bench.woke(siteRetryMs).woke(qosTimeoutMs);
    applied(answer(bench, true));
    answer(bench, true);
    expect(bench.state.failureTold).toBe(false);
  });

  test('FO-067 FO-074: a person can force a member that its site keeps from it; only that entry point is left out', () => {
    const bench = answer(asked(), false);
    const order = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
    bench.post({ type: 'operator', request: 1, order }).woke();
    const request = bench.effect('ask-agent')?.request as number;
    bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'no host' } });
    expect(bench.effect('ask-site')).toMatchObject({ entry: 'CanNodeStartToBecomePrimary', right: 'force' });
    answer(bench, false, 'FO-004');
    expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'failed', spec: 'FO-004' });
    expect(bench.state.role).toBe('seeking');
  });
});

describe('FO-084: ValidatedMember = 0', () => {
  const lone = { record: { validatedMember: false, epoch: epochOf(1, 'B'), primaryOfEpoch: true } };

  test('FO-084: neither alone, nor by consent, nor after its agent', () => {
    const alone = new Bench().started({ ...lone, settings: { partner: null } }).woke();
    expect(alone.state.role).toBe('seeking');
    const bench = new Bench().started(lone).woke();
    bench.from('A', 5, epochOf(0, ''), {
      type: 'hello',
      failoverMember: true,
      primaryOfEpoch: false,
      hello: 1,
      journalEnd: at(0, 0),
    });
    expect(bench.state.role).toBe('seeking');
    const request = bench.state.seeking.request as number;
    bench.post({ type: 'agent-answered', request, answer: { says: 'down', record: null } });
    expect(bench.state.role).toBe('seeking');
    expect(bench.rules).toContain('FO-084');
  });

  test('FO-084: a primary that takes it in gives it back its place', () => {
    const bench = new Bench().started({ record: { validatedMember: false } });
    bench.woke();
    const request = bench.effect('ask-agent')?.request as number;
    const primary = epochOf(1, 'A');
    bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch: primary } });
    bench.woke().post({ type: 'dialled', to: 'A', connection: 3 });
    bench.from('A', 3, primary, { type: 'welcome', history: [], end: at(1, 0), noFailover: false });
    expect(bench.state.record.validatedMember).toBe(true);
  });
});

describe('FO-076: resume out of trouble without a time limit', () => {
  const order = { command: 'resume-primary', lineage: 'resumed', atMs: 0, evidence: 'three times yes' } as const;

  function inTrouble(): Bench {
    const bench = new Bench('A').primaryWithArbiter().post({ type: 'journal-appended', to: at(1, 1) });
    bench.post({ type: 'arbiter-closed', reason: 'test' });
    return bench.post({ type: 'closed', connection: 7, reason: 'test' });
  }

  test('FO-076: a new epoch and lineage, no backup counted, and what waited is answered', () => {
    const bench = inTrouble();
    expect(bench.state.serving.trouble?.untilMs).toBeNull();
    bench.post({ type: 'operator', request: 1, order });
    expect(bench.state.record).toMatchObject({
      epoch: { number: 2, owner: 'A', lineage: 'resumed' },
      activeBackup: null,
      forced: { evidence: 'three times yes' },
    });
    expect(bench.effect('ask-site')).toBeUndefined();
    bench.post({ type: 'file-started', end: at(2, 1), history: [beginning(bench.state.record.epoch, 1)] });
    bench.post({ type: 'databases-applied', to: at(2, 1) });
    expect(bench.effect('answer-clients')?.to).toEqual(at(2, 1));
    expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'done' });
    expect(bench.state.serving.fencing).not.toBeNull();
  });

  test('FO-076: refused where the trouble has a time limit, or there is none', () => {
    const timed = new Bench('A').primaryWithActiveBackup().post({ type: 'closed', connection: 7, reason: 'test' });
    for (const bench of [timed, new Bench('A').primary()]) {
      bench.post({ type: 'operator', request: 1, order });
      expect(bench.effect('answer-operator')).toMatchObject({ outcome: 'refused', reason: 'not-in-trouble' });
    }
  });
});

test('FO-074: word of an older fetch does not make a forced member become primary a second time', () => {
  const bench = new Bench().started().woke();
  const order = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
  bench.post({ type: 'operator', request: 1, order }).woke();
  const request = bench.effect('ask-agent')?.request as number;
  bench.post({ type: 'agent-answered', request, answer: { says: 'nothing', reason: 'no host' } });
  expect(bench.state.record.epoch.number).toBe(1 + epochsLeftOutByForce);
  bench.post({ type: 'fetch-failed', request: request - 1, reason: 'late' });
  expect(bench.effects).toEqual([]);
});

test('FO-074 FO-088: of two histories a person chooses this one: it goes on without the data of the other', () => {
  const mine = epochOf(2, 'B', 'mine');
  const history = [beginning(epochOf(1, 'A'), 0), beginning(mine, 5)];
  const bench = new Bench().started({ record: { epoch: mine, primaryOfEpoch: true }, end: at(2, 8), history }).woke();
  const order = { command: 'force-primary', lineage: 'forced', atMs: 0, evidence: 'none' } as const;
  bench.post({ type: 'operator', request: 1, order }).woke();
  const theirs = epochOf(2, 'A', 'theirs');
  const record = {
    incarnation: 1,
    epoch: theirs,
    primaryOfEpoch: true,
    activeBackup: null,
    noFailover: false,
    stoppedByOperator: false,
  };
  const asked = bench.effect('ask-agent')?.request as number;
  bench.post({ type: 'agent-answered', request: asked, answer: { says: 'down', record } });
  const request = bench.effect('ask-journal')?.request as number;
  const offered = [beginning(epochOf(1, 'A'), 0), beginning(theirs, 5)];
  bench.post({ type: 'journal-offered', request, history: offered, end: at(2, 9) });
  expect(bench.state).toMatchObject({ role: 'becoming', right: 'force' });
  expect(bench.state.record.epoch).toEqual({ number: 3 + epochsLeftOutByForce, owner: 'B', lineage: 'forced' });
});

test('FO-088: what was acknowledged in a reign beside the other is not cut, though no database holds it yet: a person chooses', () => {
  const mine = epochOf(2, 'B', 'mine');
  const theirs = epochOf(2, 'A', 'theirs');
  const history = [beginning(epochOf(1, 'A'), 0), beginning(mine, 5)];
  const bench = new Bench().started({ record: { epoch: mine, primaryOfEpoch: true }, end: at(2, 8), history }).woke();
  bench.state = { ...bench.state, journal: { ...bench.state.journal, appliedFurthest: at(1, 5) } };
  const asked = bench.effect('ask-agent')?.request as number;
  const down = { incarnation: 1, epoch: theirs, primaryOfEpoch: true, activeBackup: null };
  const record = { ...down, noFailover: false, stoppedByOperator: false };
  bench.post({ type: 'agent-answered', request: asked, answer: { says: 'down', record } });
  const request = bench.effect('ask-journal')?.request as number;
  const offered = [beginning(epochOf(1, 'A'), 0), beginning(theirs, 5)];
  bench.post({ type: 'journal-offered', request, history: offered, end: at(2, 9) });
  expect(bench.effect('cut-journal')).toBeUndefined();
  expect(bench.state).toMatchObject({ role: 'halted', haltedSpec: 'FO-088' });
});

describe('FO-061: the last primary comes back, the other is down and its record cannot be read', () => {
  const mine = epochOf(1, 'B');

  /** B was primary of epoch 1 and went on alone up to 1/8; the other's journal ends before. */
  function offered(history: ReturnType<typeof beginning>[], end: number): Bench {
    const record = { epoch: mine, primaryOfEpoch: true };
    const bench = new Bench().started({ record, end: at(1, 8), history: [beginning(mine, 0)] }).woke();
    const asked = bench.effect('ask-agent')?.request as number;
    bench.post({ type: 'agent-answered', request: asked, answer: { says: 'down', record: null } });
    const request = bench.effect('ask-journal')?.request as number;
    const newest = history.at(-1)?.epoch ?? 0;
    return bench.post({ type: 'journal-offered', request, history, end: at(newest, end) });
  }

  test('FO-061: its journal shows no later reign: this member goes on with its own, an epoch number left out', () => {
    const bench = offered([beginning(mine, 0)], 5);
    expect(bench.state.record.epoch).toMatchObject({ number: 3, owner: 'B' });
    expect(bench.effect('cut-journal')).toBeUndefined();
  });

  test('FO-088: another history of the same number is not passed over', () => {
    expect(offered([beginning(epochOf(1, 'A', 'forced'), 0)], 5).state.role).toBe('halted');
  });

  test('FO-061: a later reign is fetched', () => {
    const bench = offered([beginning(mine, 0), beginning(epochOf(2, 'A'), 8)], 9);
    expect(bench.effect('fetch-journal')).toBeDefined();
  });

  test('FO-025: the record may hold an epoch that began no file: whoever fetches its journal leaves that number out', () => {
    const history = [beginning(mine, 0), beginning(epochOf(2, 'A'), 8)];
    const bench = offered(history, 9);
    const request = bench.effect('fetch-journal')?.request as number;
    bench.post({ type: 'journal-fetched', request, end: at(2, 9), history });
    expect(bench.state.record.epoch).toMatchObject({ number: 4, owner: 'B' });
  });
});
