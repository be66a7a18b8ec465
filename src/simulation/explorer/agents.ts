/** What the ISCAgents of a small mirror answer, by the rules of src/mirror/agent.ts: is an instance down, and what is in its journal. */
import { decideForAgent, downRecord, fenced, type InstanceState, withList } from '../../mirror/agent.ts';
import type { AgentAnswer } from '../../mirror/messages.ts';
import { type Call, countUpTo, historyOf, hostNames, positionAt, textOf, type Who } from './plain-world.ts';
import type { Play } from './play.ts';
import { learnSet, turnedAway } from './removals.ts';

export type JournalCall = Extract<Call, { kind: 'ask-journal' | 'fetch-journal' }>;

export function askAgent(play: Play, asker: Who, call: Extract<Call, { kind: 'question' }>): AgentAnswer {
  const { of } = call;
  const removed = turnedAway(play, asker, of);
  if (removed !== null) return removed;
  const { process, disk } = play.node(of);
  const own = process?.state.record.epoch ?? disk.record.epoch;
  const epoch = own.number < call.epoch.number ? 'lower' : 'not-lower';
  const verdict = decideForAgent({ question: call.question, instance: instanceOf(play, of), epoch });
  const role = process?.state.role;
  if (verdict.outcome === 'running')
    return { says: 'running', primary: role === 'primary' || role === 'handing-over', epoch: own };
  if (verdict.outcome === 'kill-then-down') {
    play.note(of, `is forced down by its agent [${verdict.spec}]`);
    play.die(of);
  }
  if (!disk.readable) return { says: 'down', record: null };
  const before = play.node(of).disk.record;
  if (call.question === 'look-down') return { says: 'down', record: downRecord(before) };
  const record = withList(fenced(before, hostNames[asker], call.epoch), call.failoverMembers, hostNames[of]);
  play.setDisk(of, { record });
  return { says: 'down', record: downRecord(record) };
}

function instanceOf(play: Play, of: Who): InstanceState {
  const { process } = play.node(of);
  if (process === null) return 'dead';
  if (process.hung) return 'hung';
  return process.state.role === 'primary' || process.state.role === 'handing-over' ? 'serves-as-primary' : 'serves';
}

export function askJournal(play: Play, who: Who, { of, request, incarnation }: JournalCall): void {
  play.dropCall(who, of);
  const { journal, record } = play.node(of).disk;
  if (!handsOut(play, who, of, incarnation))
    return play.run(who, { type: 'fetch-failed', request, reason: 'not to be had' });
  const end = positionAt(journal, journal.length);
  play.run(who, {
    type: 'journal-offered',
    request,
    history: historyOf(journal),
    end,
    failoverMembers: record.failoverMembers,
  });
}

/** One element after the other, so that the rest may never come. */
export function fetchJournal(play: Play, who: Who, call: JournalCall): void {
  const { of, request, incarnation } = call;
  play.dropCall(who, of);
  const theirs = play.node(of).disk.journal;
  const mine = play.node(who).disk.journal;
  if (!handsOut(play, who, of, incarnation))
    return play.run(who, { type: 'fetch-failed', request, reason: 'not to be had' });
  const next = theirs[countUpTo(theirs, positionAt(mine, mine.length))];
  const journal = next === undefined ? mine : [...mine, next];
  play.setDisk(who, { journal, flushed: journal.length });
  if (next !== undefined) {
    play.run(who, { type: 'fetch-progressed', end: next.position, history: historyOf(journal) });
  }
  const { end, history } = { end: positionAt(journal, journal.length), history: historyOf(journal) };
  if (play.process(who)?.state.seeking.fetching?.request !== request) return;
  if (textOf(journal) === textOf(theirs)) {
    learnSet(play, who, of);
    play.run(who, { type: 'journal-fetched', request, end, history });
  } else if (next === undefined)
    play.complain('driver', `${hostNames[who]} fetches behind the end of the other journal`);
  else play.setCall(who, call);
}

/** Can the agent of this host hand out the journal of that incarnation? */
function handsOut(play: Play, to: Who, of: Who, incarnation: number): boolean {
  const { process, disk } = play.node(of);
  if (process !== null || turnedAway(play, to, of) !== null) return false;
  return incarnation === 0 || (disk.readable && disk.record.incarnation === incarnation);
}
