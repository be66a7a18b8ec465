/** The agent of the other failover member says that its instance is down. */
import { expect } from '@jest/globals';
import { type DownFacts, downTable } from '../../../src/mirror/failover-table.ts';
import type { JournalPosition } from '../../../src/mirror/journal-position.ts';
import type { DownRecord } from '../../../src/mirror/messages.ts';
import { at, Bench, beginning, epochOf } from '../bench.ts';
import { neverAsked, played, tableTest } from './row-play.ts';

/** A's durable record as its agent reads it: primary of epoch 1, waiting for nobody. */
const other: DownRecord = {
  incarnation: 3,
  epoch: epochOf(1, 'A'),
  primaryOfEpoch: true,
  activeBackup: null,
  noFailover: false,
  stoppedByOperator: false,
};
const namesMe: DownRecord = { ...other, activeBackup: { member: 'B', term: 1 } };
const older: DownRecord = { ...other, epoch: epochOf(0, ''), primaryOfEpoch: false };

/** B lost its primary and has asked its agent. */
function asked(bench: Bench): Bench {
  bench.post({ type: 'closed', connection: 3, reason: 'test' }).woke();
  expect(bench.effect('ask-agent')).toMatchObject({ question: 'confirm-down', of: 'A' });
  return bench;
}

/** Active, and P has lately said that it counts on B. */
function windowOpen(): Bench {
  const bench = new Bench('B').active().woke();
  bench.from('A', 3, epochOf(1, 'A'), {
    type: 'keep-alive',
    number: 1,
    echo: 1,
    mode: 'Agent Controlled',
    term: 1,
    session: 0,
  });
  expect(bench.state.windowUntilMs).toBeGreaterThan(bench.nowMs);
  return asked(bench);
}

const active = (): Bench => asked(new Bench('B').active());
const notActive = (): Bench => asked(new Bench('B').attached());

function down(bench: Bench, record: DownRecord | null): Bench {
  const request = bench.effect('ask-agent')?.request as number;
  return bench.post({ type: 'agent-answered', request, answer: { says: 'down', record } });
}

function takesOver(bench: Bench, rule: string): void {
  expect(bench.state).toMatchObject({ role: 'becoming', right: 'agent-down' });
  expect(bench.rules).toContain(rule);
  const { epoch } = bench.effect('start-file') as { epoch: { number: number } };
  expect(bench.effect('save-record')?.record).toMatchObject({ epoch, primaryOfEpoch: true, wasActive: null });
  expect(bench.effect('ask-journal')).toBeUndefined();
}

/** No right before it has the journal that the agent hands out; with it, primary. */
function fetchesFirst(bench: Bench, rule: string): void {
  expect(bench.state.role).toBe('seeking');
  expect(bench.rules).toContain(rule);
  const request = bench.effect('ask-journal')?.request as number;
  const history = [beginning(epochOf(1, 'A'), 0)];
  bench.post({ type: 'journal-offered', request, history, end: at(1, 9) });
  expect(bench.effect('fetch-journal')).toMatchObject({ request, of: 'A' });
  expect(bench.state.role).toBe('seeking');
  bench.post({ type: 'journal-fetched', request, history, end: at(1, 9) });
  expect(bench.state).toMatchObject({ role: 'becoming', right: 'agent-down', journal: { flushed: at(1, 9) } });
}

/** Takes nothing of the other's journal and does not take over; it asks again. */
function waits(bench: Bench): void {
  expect(bench.state.role).toBe('seeking');
  expect(bench.rules).toContain('FO-062');
  expect(bench.effect('ask-journal')).toBeUndefined();
  expect(bench.effects).toContainEqual(expect.objectContaining({ type: 'log', message: 'did-not-take-over' }));
  bench.woke(1000);
  expect(bench.effect('ask-agent')).toMatchObject({ question: 'confirm-down' });
}

/** B was active by its disk, which may be an older one. */
function startedAgain(): Bench {
  const epoch = epochOf(1, 'A');
  const record = { epoch, wasActive: { epoch, term: 1 } };
  const bench = new Bench('B').started({ record, end: at(1, 5), history: [beginning(epoch, 0)] }).woke();
  expect(bench.effect('ask-agent')).toMatchObject({ question: 'confirm-down', of: 'A' });
  return bench;
}

/** B was the last primary and starts again. */
function lastPrimary(): Bench {
  const record = { epoch: epochOf(2, 'B'), primaryOfEpoch: true };
  const history = [beginning(epochOf(1, 'A'), 0), beginning(epochOf(2, 'B'), 5)];
  return new Bench('B').started({ record, end: at(2, 7), history }).woke();
}

function offered(bench: Bench, end: JournalPosition): Bench {
  expect(bench.state.role).toBe('seeking');
  expect(bench.rules).toContain('FO-061');
  const request = bench.effect('ask-journal')?.request as number;
  const history = bench.state.journal.history.filter(({ epoch }) => epoch <= end.epoch);
  return bench.post({ type: 'journal-offered', request, history, end });
}

/** The journal of the other has no more of B's reign, which goes on from its own. */
function comparesFirst(bench: Bench, end: JournalPosition): void {
  offered(bench, end);
  expect(bench.effect('fetch-journal')).toBeUndefined();
  expect(bench.effect('cut-journal')).toBeUndefined();
  expect(bench.state).toMatchObject({ role: 'becoming', right: 'agent-down', journal: { flushed: at(2, 7) } });
}

/** FO-090: it has more of it. */
function fetchesRest(bench: Bench, end: JournalPosition): void {
  offered(bench, end);
  const request = bench.effect('fetch-journal')?.request as number;
  expect(bench.state.role).toBe('seeking');
  expect(bench.effects).toContainEqual(expect.objectContaining({ type: 'log', message: 'lacks-of-own-reign' }));
  bench.post({ type: 'journal-fetched', request, history: bench.state.journal.history, end });
  expect(bench.state).toMatchObject({ role: 'becoming', right: 'agent-down', journal: { flushed: end } });
}

/** Active with an open window, B said hello: the promise that it is neither. The hello met nobody, and B asks again. */
function gaveUp(): Bench {
  const bench = windowOpen();
  const request = bench.effect('ask-agent')?.request as number;
  bench.post({ type: 'agent-answered', request, answer: { says: 'running', primary: true, epoch: epochOf(1, 'A') } });
  bench.woke().post({ type: 'dialled', to: 'A', connection: 4 });
  expect(bench.state).toMatchObject({ windowUntilMs: 0, record: { wasActive: null } });
  bench.post({ type: 'closed', connection: 4, reason: 'test' }).woke(200);
  expect(bench.effect('ask-agent')).toMatchObject({ question: 'confirm-down', of: 'A' });
  return bench;
}

const noWindow = (play: () => void) => neverAsked('the window closes when active status is given up', play);
const noPrimaryIsActive = neverAsked(
  'the primary of its own record is not active: each is cleared when the other is set',
  () => {
    expect(active().state.record).toMatchObject({ wasActive: { term: 1 }, primaryOfEpoch: false });
    const bench = down(active(), namesMe);
    expect(bench.state.record).toMatchObject({ wasActive: null, primaryOfEpoch: true });
  },
);

export const downRows = tableTest<DownFacts>(
  downTable,
  {
    active: [true, false],
    record: ['names-me', 'mine-is-newer', 'other', 'older', 'unreadable'],
    window: ['open', 'closed'],
  },
  {
    'active names-me open': played(() => takesOver(down(windowOpen(), namesMe), 'FO-023')),
    'active names-me closed': played(() => takesOver(down(active(), namesMe), 'FO-023')),
    'active mine-is-newer open': noPrimaryIsActive,
    'active mine-is-newer closed': noPrimaryIsActive,
    'active other open': played(() => fetchesFirst(down(windowOpen(), other), 'FO-024')),
    'active other closed': played(() => fetchesFirst(down(active(), other), 'FO-024')),
    'active unreadable open': played(() => takesOver(down(windowOpen(), null), 'FO-023')),
    'active unreadable closed': played(() => fetchesFirst(down(active(), null), 'FO-024')),
    'active older open': played(() => takesOver(down(windowOpen(), older), 'FO-023')),
    'active older closed': played(() => waits(down(active(), older))),
    'not-active names-me open': noWindow(() => fetchesFirst(down(gaveUp(), namesMe), 'FO-025')),
    'not-active names-me closed': played(() => fetchesFirst(down(startedAgain(), namesMe), 'FO-025')),
    'not-active mine-is-newer open': noWindow(() => expect(lastPrimary().state.windowUntilMs).toBe(0)),
    'not-active mine-is-newer closed': played(() => {
      comparesFirst(down(lastPrimary(), other), at(1, 9));
      const followed = { ...other, epoch: epochOf(2, 'B'), primaryOfEpoch: false };
      comparesFirst(down(lastPrimary(), followed), at(2, 7));
      fetchesRest(down(lastPrimary(), followed), at(2, 8));
    }),
    'not-active other open': noWindow(() => fetchesFirst(down(gaveUp(), other), 'FO-025')),
    'not-active other closed': played(() => fetchesFirst(down(notActive(), other), 'FO-025')),
    'not-active unreadable open': noWindow(() => fetchesFirst(down(gaveUp(), null), 'FO-025')),
    'not-active unreadable closed': played(() => fetchesFirst(down(notActive(), null), 'FO-025')),
    'not-active older open': noWindow(() => waits(down(gaveUp(), older))),
    'not-active older closed': played(() => waits(down(notActive(), older))),
  },
);
