/** A hello of the other failover member, in every role. */
import { expect } from '@jest/globals';
import { type HelloFacts, helloTable } from '../../../src/mirror/failover-table.ts';
import type { MemberRecord } from '../../../src/mirror/member-record.ts';
import type { MemberRole } from '../../../src/mirror/member-state.ts';
import type { Refusal } from '../../../src/mirror/messages.ts';
import { at, Bench, beginning, epochOf } from '../bench.ts';
import { neverAsked, played, tableTest } from './row-play.ts';

type Newer = HelloFacts['newer'];

type Said = Pick<MemberRecord, 'epoch' | 'primaryOfEpoch'>;

/** What A says of itself so that, beside this record of B, it is as the column says. */
function saysOfItself(newer: Newer, own: Said): Said {
  const { epoch } = own;
  const next = epochOf(epoch.number + 1, 'A');
  switch (newer) {
    case 'ours':
      return { epoch: epochOf(epoch.number - 1, 'A'), primaryOfEpoch: true };
    case 'theirs':
      return { epoch: own.primaryOfEpoch ? next : epoch, primaryOfEpoch: true };
    case 'neither':
      return { epoch: own.primaryOfEpoch ? next : epoch, primaryOfEpoch: false };
    case 'split':
      return { epoch: { ...epoch, lineage: 'forced' }, primaryOfEpoch: true };
  }
}

/** A says hello to B over connection 8; a person may force A. */
function hello(bench: Bench, newer: Newer, forced: { readonly forced?: true } = {}): Bench {
  const { epoch, primaryOfEpoch } = saysOfItself(newer, bench.state.record);
  return bench.from('A', 8, epoch, {
    type: 'hello',
    failoverMember: true,
    primaryOfEpoch,
    hello: 1,
    journalEnd: at(epoch.number, 99),
    heard: newer === 'ours' ? bench.state.record.epoch.number : 0,
    ...forced,
  });
}

function started(record: Partial<MemberRecord>): Bench {
  const history = [beginning(epochOf(1, 'A'), 0), beginning(epochOf(2, record.epoch?.owner ?? 'A'), 5)];
  return new Bench('B').started({ record, end: at(2, 5), history }).woke();
}

/** B, with a record of epoch 2: its own epoch, or A's. */
const seeking = (primaryOfEpoch: boolean): Bench =>
  started({ epoch: epochOf(2, primaryOfEpoch ? 'B' : 'A'), primaryOfEpoch });
const stopped = (primaryOfEpoch: boolean): Bench =>
  started({ epoch: epochOf(2, primaryOfEpoch ? 'B' : 'A'), primaryOfEpoch, stoppedByOperator: true });

const removed = (primaryOfEpoch: boolean): Bench =>
  started({
    epoch: epochOf(2, primaryOfEpoch ? 'B' : 'A'),
    primaryOfEpoch,
    removed: { by: 'A', removeAttribute: false },
  });

/** B was active under A and takes over. Before its site has allowed it, its record is still the one of A's epoch 1. */
function mayBecome(site: Bench['site']): Bench {
  const bench = new Bench('B').active().post({ type: 'closed', connection: 3, reason: 'test' }).woke();
  const request = bench.effect('ask-agent')?.request as number;
  const activeBackup = { member: 'B', term: 1 };
  const record = { incarnation: 3, epoch: epochOf(1, 'A'), activeBackup, noFailover: false, stoppedByOperator: false };
  bench.site = site;
  bench.post({
    type: 'agent-answered',
    request,
    answer: { says: 'down', record: { ...record, primaryOfEpoch: true } },
  });
  expect(bench.state.role).toBe('becoming');
  return bench;
}

/** Its site has said no. In the record of its own reign it was started again, or it was active under A. */
function kept(bench: Bench): Bench {
  const request = bench.state.becoming?.request as number;
  bench.post({ type: 'site-answered', request, allowed: false, spec: 'FO-067', because: 'no' });
  expect(bench.state).toMatchObject({ role: 'becoming', becoming: { phase: 'permission' } });
  return bench;
}

function keptLastPrimary(): Bench {
  const bench = seeking(true);
  bench.site = null;
  return kept(hello(bench, 'ours'));
}

const asksSite = (): Bench => mayBecome(null);

/** Epoch 2 is its own, and the door is not open yet. */
function becoming(): Bench {
  const bench = mayBecome('allows');
  expect(bench.state.record).toMatchObject({ epoch: epochOf(2, 'B'), primaryOfEpoch: true });
  return bench;
}

function primary(): Bench {
  const bench = becoming().post({ type: 'file-started', end: at(2, 5), history: [beginning(epochOf(2, 'B'), 5)] });
  bench.post({ type: 'databases-applied', to: at(2, 5) });
  expect(bench.state.role).toBe('primary');
  return bench;
}

/** B has A, primary of epoch 2, as its primary. */
function attached(bench = seeking(false)): Bench {
  const request = bench.effect('ask-agent')?.request as number;
  const epoch = epochOf(2, 'A');
  bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch } }).woke();
  bench.post({ type: 'dialled', to: 'A', connection: 3 });
  const { history } = bench.state.journal;
  bench.from('A', 3, epoch, { type: 'welcome', history, end: at(2, 5), noFailover: false });
  expect(bench.state.role).toBe('attached');
  return bench;
}

/** Turned away with this word; role and epoch stay, nothing is begun. */
function refuses(bench: Bench, newer: Newer, reason: Refusal, forced: { readonly forced?: true } = {}): void {
  const { role, record, attachment } = bench.state;
  hello(bench, newer, forced);
  expect(bench.sent('refuse')).toEqual({ type: 'refuse', reason, primary: attachment?.to ?? null });
  const deeds = bench.effects.map((effect) => effect.type).filter((type) => type !== 'note' && type !== 'log');
  expect(deeds).toEqual(['send', 'close']);
  expect(bench.effect('close')?.connection).toBe(8);
  expect(bench.state).toMatchObject({ role, record, attachment });
}

const becomingRefuses = (newer: Newer, from: () => Bench) => played(() => refuses(from(), newer, 'becoming-primary'));
const idleRefuses = (newer: Newer) => played(() => refuses(stopped(newer === 'ours'), newer, 'stopped'));
const closedRefuses = (newer: Newer) => played(() => refuses(removed(newer === 'ours'), newer, 'not-a-member'));
const keptRefuses = (newer: Newer, from: () => Bench) =>
  played(() => refuses(from(), newer, 'becoming-primary', { forced: true }));

/** It has no right on its disk, says so, and stays what it is. */
function givesWay(bench: Bench, role: MemberRole, forced: { readonly forced?: true } = {}): void {
  hello(bench, 'theirs', forced);
  expect(bench.sent('refuse')).toMatchObject({ reason: 'gives-way' });
  expect(bench.effect('close')?.connection).toBe(8);
  expect(bench.state).toMatchObject({ role, right: null, record: { wasActive: null } });
}

export const helloRows = tableTest<HelloFacts>(
  helloTable,
  {
    role: ['primary', 'becoming', 'kept', 'seeking', 'attached', 'idle', 'closed'],
    newer: ['ours', 'theirs', 'neither', 'split'],
  },
  {
    'primary ours': played(() => {
      const bench = hello(primary(), 'ours');
      expect(bench.sent('welcome')).toMatchObject({ end: at(2, 5) });
      expect(bench.state.role).toBe('primary');
      expect(bench.state.serving.members.get('A')).toMatchObject({ connection: 8, failoverMember: true });
    }),
    'primary theirs': neverAsked('whatever names a higher epoch ends a primary before it is looked into', () => {
      const bench = hello(primary(), 'theirs');
      expect(bench.state.role).toBe('down');
      expect(bench.rules).toContain('FO-038');
      expect(bench.effect('end-process')).toBeDefined();
    }),
    'primary split': played(() => {
      const bench = hello(primary(), 'split');
      expect(bench.sent('refuse')).toMatchObject({ reason: 'diverged' });
      expect(bench.sent('welcome')).toBeUndefined();
      expect(bench.effect('refuse-updates')).toBeDefined();
      expect(bench.state.role).toBe('halted');
    }),
    'becoming ours': becomingRefuses('ours', becoming),
    'becoming theirs': becomingRefuses('theirs', asksSite),
    'becoming neither': becomingRefuses('neither', asksSite),
    'becoming split': becomingRefuses('split', becoming),
    'kept ours': keptRefuses('ours', keptLastPrimary),
    'kept theirs': played(() => {
      const bench = kept(asksSite());
      refuses(bench, 'theirs', 'kept-by-site');
      givesWay(bench, 'seeking', { forced: true });
    }),
    'kept neither': keptRefuses('neither', () => kept(asksSite())),
    'kept split': keptRefuses('split', keptLastPrimary),
    'seeking ours': played(() => {
      const bench = hello(seeking(true), 'ours');
      expect(bench.sent('refuse')).toMatchObject({ reason: 'becoming-primary' });
      expect(bench.state).toMatchObject({ role: 'becoming', right: 'consent', record: { epoch: epochOf(3, 'B') } });
      expect(bench.effect('start-file')).toBeDefined();
    }),
    'seeking theirs': played(() => {
      refuses(seeking(false), 'theirs', 'not-primary');
      // A member that becomes primary gives that up for a higher epoch, and is one that seeks (FO-067, FO-068).
      const bench = hello(becoming(), 'theirs');
      expect(bench.sent('refuse')).toMatchObject({ reason: 'not-primary' });
      expect(bench.state).toMatchObject({ role: 'seeking', right: null });
    }),
    'seeking neither': played(() => refuses(seeking(false), 'neither', 'not-primary')),
    'seeking split': played(() => refuses(seeking(true), 'split', 'not-primary')),
    // FO-090: its primary has lost this reign with its disk, and it has not noticed yet that it is gone.
    'attached ours': played(() => refuses(attached(), 'ours', 'not-primary')),
    'attached theirs': played(() => refuses(attached(), 'theirs', 'not-primary')),
    'attached neither': played(() => refuses(attached(), 'neither', 'not-primary')),
    'attached split': played(() => refuses(attached(), 'split', 'not-primary')),
    'idle ours': idleRefuses('ours'),
    'idle theirs': played(() => givesWay(stopped(false), 'stopped')),
    'idle neither': idleRefuses('neither'),
    'idle split': idleRefuses('split'),
    'closed ours': closedRefuses('ours'),
    'closed theirs': closedRefuses('theirs'),
    'closed neither': closedRefuses('neither'),
    'closed split': closedRefuses('split'),
  },
);
