/**
 * Channel 'journal': another member that is promoted asks this one what it has of the journal, and reads it (FO-082). In the words of
 * the agent channel, since whoever asks goes on with the ISCAgent of this host where the instance is not reached.
 */
import { handOut } from '../journal/journal.ts';
import type { MemberState } from '../mirror/member-state.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { Connection } from '../network/network.ts';
import {
  AGENT,
  type AgentAnswerFrame,
  type AgentRequest,
  decodeAgentRequest,
  encodeAgentAnswer,
  encodeJournalChunk,
} from '../protocol/agent-channel.ts';
import type { Frame } from '../protocol/frame.ts';
import type { InstanceDaemon } from './parts.ts';

/** A connection whose opening with channel 'journal' was accepted. */
export function serveJournal(daemon: InstanceDaemon, connection: Connection): void {
  connection.onFrames((frames) => {
    for (const frame of frames) answer(daemon, connection, frame);
  });
}

function answer(daemon: InstanceDaemon, connection: Connection, frame: Frame): void {
  const request = decodeAgentRequest(frame);
  const { number } = request;
  try {
    carryOut(daemon, connection, request);
  } catch (error) {
    send(connection, { number, error: { reason: 'no-journal', text: (error as Error).message } });
  }
}

/** Only what is flushed: the rest may be gone after a crash here. */
function carryOut(daemon: InstanceDaemon, connection: Connection, request: AgentRequest): void {
  const { member } = daemon;
  const { number } = request;
  if (member === null) throw new Error(`instance ${daemon.configuration.get().instance} takes no part in its mirror`);
  const { journal, state } = member;
  const end = journal.flushed;
  if (request.type === 'offer-journal') {
    const history = journal.history.filter(({ epoch }) => epoch <= end.epoch);
    const { failoverMembers } = state.record;
    const list = failoverMembers === null ? {} : { failoverMembers };
    const { mirrorSet } = daemon.configuration.get();
    const known = mirrorSet === null ? {} : { mirrorSet };
    return send(connection, { number, answer: { history, end, primary: primaryOf(state), ...list, ...known } });
  }
  if (request.type !== 'read-journal') throw new Error(`channel 'journal' has no request ${request.type}`);
  const { from, bytesMax } = request;
  const { bytes, ...head } = handOut(journal, from, end, bytesMax);
  connection.send(AGENT.journalChunk, encodeJournalChunk({ number, ...head }, bytes));
}

/** Is there a primary, as far as this member knows at first hand? */
function primaryOf({ role, self, attachment }: MemberState): MemberName | null {
  if (role === 'primary' || role === 'handing-over') return self;
  return role === 'attached' && attachment?.asking === false ? attachment.to : null;
}

function send(connection: Connection, said: AgentAnswerFrame): void {
  const { kind, body } = encodeAgentAnswer(said);
  connection.send(kind, body);
}
