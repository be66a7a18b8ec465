/**
 * The asking side of the agent channel: one question on a connection of its own, or a journal fetched piece by piece over
 * one connection. What an answer means, and when to ask again, is decided by who asks.
 */
import type { JournalPosition } from '../mirror/journal-position.ts';
import { shipChunkBytes } from '../mirror/limits.ts';
import {
  AGENT,
  type AgentAnswers,
  type AgentError,
  type AgentRequest,
  decodeAgentAnswer,
  decodeJournalChunk,
  encodeAgentRequest,
  eventsToldMax,
  type FetchedChunk,
} from '../protocol/agent-channel.ts';
import { bestOffset, type ClockOffset, measureOffset } from '../protocol/clock-offset.ts';
import type { EventRecord } from '../protocol/control-channel.ts';
import { type Frame, FrameError } from '../protocol/frame.ts';
import type { Open, Refused } from '../protocol/opening.ts';
import { type Connection, type Network, type Timers, UnreachableError } from './network.ts';
import { openChannel, RefusedError } from './opening-exchange.ts';

export interface AgentCall {
  readonly host: string;
  /** Of the agent; with channel 'journal' of the superserver of an instance, which answers for its own journal. */
  readonly port: number;
  /** For dialling, opening and answer together; for a journal: for each piece. */
  readonly timeoutMs: number;
  /** Who calls: makeOpen({channel: 'agent', ...}). */
  readonly open: Open;
}

function whoIs({ host, port, open }: AgentCall): string {
  return `${open.channel === 'journal' ? 'The instance' : 'ISCAgent'} on ${host}:${port}`;
}

type Unnumbered<R> = R extends unknown ? Omit<R, 'number'> : never;
/** What one answer settles. */
export type AgentQuestion = Exclude<Unnumbered<AgentRequest>, { type: 'read-journal' }>;

/** The agent answered that it cannot. */
export class AgentRefusedError extends Error {
  readonly code = 'agent-refused';
  readonly reason: AgentError['reason'] | Refused['reason'];
  constructor(call: AgentCall, refusal: AgentError | Refused) {
    super(`${whoIs(call)}: ${refusal.text}`);
    this.name = 'AgentRefusedError';
    this.reason = refusal.reason;
  }
}

/** @throws UnreachableError: no agent there, silence, or the connection broke; AgentRefusedError. */
export async function askAgent<Q extends AgentQuestion>(
  network: Network,
  call: AgentCall,
  question: Q,
  timers: Timers = realTimers,
): Promise<AgentAnswers[Q['type']]> {
  const number = 1;
  const connection = await connect(network, call, timers);
  try {
    const frame = await exchange(connection, { ...question, number } as AgentRequest, connection.restMs(), timers);
    const said = understood(call, number, () => decodeAgentAnswer(frame, question.type as Q['type']));
    if ('error' in said) throw new AgentRefusedError(call, said.error);
    return said.answer;
  } finally {
    connection.line.destroy();
  }
}

export interface JournalOfInstance {
  readonly instance: string;
  readonly mirror: string;
  /** As in the agent's "down"; 0 where its record could not be read. */
  readonly incarnation: number;
}

/**
 * The journal behind `from`, chunk by chunk to its end. Each chunk follows the one before, or the position given to `next`.
 * Leaving the loop closes the connection. @throws as askAgent, at any chunk.
 */
export async function* fetchJournal(
  network: Network,
  call: AgentCall,
  about: JournalOfInstance,
  from: JournalPosition,
  bytesMax: number = shipChunkBytes,
  timers: Timers = realTimers,
): AsyncGenerator<FetchedChunk, void, JournalPosition | undefined> {
  const connection = await connect(network, call, timers);
  try {
    for (let number = 1; ; number += 1) {
      const request: AgentRequest = { ...about, number, type: 'read-journal', from, bytesMax };
      const frame = await exchange(connection, request, call.timeoutMs, timers);
      if (frame.kind === AGENT.answer) {
        const said = understood(call, number, () => decodeAgentAnswer(frame, 'status'));
        if ('error' in said) throw new AgentRefusedError(call, said.error);
      }
      const { chunk } = understood(call, number, () => decodeJournalChunk(frame));
      if (chunk.bytes.length === 0) return;
      from = (yield chunk) ?? chunk.to;
    }
  } finally {
    connection.line.destroy();
  }
}

export interface EventsFetched {
  readonly events: readonly EventRecord[];
  /** The other host's wall clock against the one of this host. */
  readonly clock: ClockOffset;
}

export interface OwnClock {
  nowMs(): number;
  wallMs(): number;
}

/** Short questions first: the shortest round trip says most about the clock. */
const clockQuestions = 3;

/** What an agent knows that an instance (empty name: the agent itself) noted after number `after`. @throws as askAgent. */
export async function fetchEvents(
  network: Network,
  call: AgentCall,
  about: { readonly instance: string; readonly mirror: string; readonly after: number },
  own: OwnClock,
  timers: Timers = realTimers,
): Promise<EventsFetched> {
  const connection = await connect(network, call, timers);
  try {
    const events: EventRecord[] = [];
    const clocks: ClockOffset[] = [];
    for (let number = 1; ; number += 1) {
      const countMax = number <= clockQuestions ? 0 : eventsToldMax;
      const after = events.at(-1)?.number ?? about.after;
      const askedMs = own.nowMs();
      const request: AgentRequest = { ...about, after, number, type: 'tell-events', countMax };
      const frame = await exchange(connection, request, call.timeoutMs, timers);
      const [answeredMs, ownWallMs] = [own.nowMs(), own.wallMs()];
      const said = understood(call, number, () => decodeAgentAnswer(frame, 'tell-events'));
      if ('error' in said) throw new AgentRefusedError(call, said.error);
      clocks.push(measureOffset(askedMs, answeredMs, said.answer.wallMs, ownWallMs));
      events.push(...said.answer.events);
      if (countMax > 0 && !said.answer.more) return { events, clock: bestOffset(clocks) as ClockOffset };
    }
  } finally {
    connection.line.destroy();
  }
}

const realTimers: Timers = {
  after(ms, handler) {
    const timer = setTimeout(handler, ms);
    return { cancel: () => clearTimeout(timer) };
  },
};

interface OpenCall {
  readonly line: Connection;
  /** Who was called, for messages. */
  readonly who: string;
  /** What is left of the time for the whole call. */
  restMs(): number;
  /** Set while an answer is due. */
  onLost: ((reason: string) => void) | null;
}

async function connect(network: Network, call: AgentCall, timers: Timers): Promise<OpenCall> {
  const endMs = performance.now() + call.timeoutMs;
  const restMs = (): number => Math.max(1, endMs - performance.now());
  const line = await network.dial(call.host, call.port, call.timeoutMs);
  try {
    await openChannel(line, call.open, restMs(), timers);
  } catch (error) {
    throw error instanceof RefusedError ? new AgentRefusedError(call, error.refused) : error;
  }
  const opened: OpenCall = { line, who: whoIs(call), restMs, onLost: null };
  line.onClosed((reason) => opened.onLost?.(reason));
  return opened;
}

async function exchange(opened: OpenCall, request: AgentRequest, timeoutMs: number, timers: Timers): Promise<Frame> {
  const { line, who } = opened;
  if (line.isClosed) throw new UnreachableError(`${who}: the connection is lost`);
  return await new Promise<Frame>((resolve, reject) => {
    const settle = (): void => {
      deadline.cancel();
      opened.onLost = null;
    };
    const deadline = timers.after(timeoutMs, () => {
      settle();
      reject(new UnreachableError(`${who} did not answer in ${Math.round(timeoutMs)} ms`));
      line.destroy();
    });
    opened.onLost = (reason) => {
      settle();
      reject(new UnreachableError(`${who}: ${reason} before it answered`));
    };
    line.onNextFrame((frame) => {
      settle();
      resolve(frame);
    });
    const { kind, body } = encodeAgentRequest(request);
    line.send(kind, body);
  });
}

/** An answer that is none is the same as no answer: nothing may be concluded from it. */
function understood<T extends { readonly number: number }>(call: AgentCall, number: number, decode: () => T): T {
  try {
    const said = decode();
    if (said.number !== number) throw new FrameError('message', `it answers request ${said.number}, not ${number}`);
    return said;
  } catch (cause) {
    if (!(cause instanceof FrameError)) throw cause;
    throw new UnreachableError(`${whoIs(call)} answers what is not understood: ${cause.message}`, { cause });
  }
}
