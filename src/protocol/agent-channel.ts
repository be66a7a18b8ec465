/**
 * Requests to an ISCAgent after an opening with channel 'agent', and a failover member's session with it as arbiter after
 * an opening with channel 'arbiter'. All bodies are JSON but `journalChunk`: u32 length of the JSON head, head, bytes.
 */
import { Buffer } from 'node:buffer';
import type { EpochBeginning, JournalPosition } from '../mirror/journal-position.ts';
import type { AgentAnswer, FromArbiter, StateQuestion, ToArbiter } from '../mirror/messages.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { Epoch, FailoverMembers, JournalPlace, MemberName, MirrorName } from '../mirror/terms.ts';
import type { ClockWord } from './clock-offset.ts';
import type { EventRecord } from './control-channel.ts';
import { type Frame, FrameError, jsonBody, parseJsonBody } from './frame.ts';

/** Frame kinds. */
export const AGENT = { request: 16, answer: 17, journalChunk: 18 } as const;
/** ToArbiter and FromArbiter as JSON; `session` is the arbiter's first message: JSON {session}; `clock` a ClockWord, which the rules never see. */
export const ARBITER = { toArbiter: 16, fromArbiter: 17, session: 18, clock: 19 } as const;

interface AboutInstance {
  readonly number: number;
  readonly instance: string;
  readonly mirror: MirrorName;
}

export type AgentRequest =
  | (AboutInstance & {
      readonly type: StateQuestion;
      readonly requester: MemberName;
      readonly epoch: Epoch;
      /** Taken into the record of an instance that is down, where it is newer than what is there (FO-083, FO-084). */
      readonly failoverMembers?: FailoverMembers;
    })
  /** What journal is here of the incarnation called down? Answered with JournalOffer. */
  | (AboutInstance & { readonly type: 'offer-journal'; readonly incarnation: number })
  /** The next piece behind `from`; answered with `journalChunk`, an empty one at the end. */
  | (AboutInstance & {
      readonly type: 'read-journal';
      readonly incarnation: number;
      readonly from: JournalPosition;
      readonly bytesMax: number;
    })
  /** For a member that wants to join (CFG-028). Answered with MirrorInformation. */
  | (AboutInstance & { readonly type: 'tell-mirror' })
  /**
   * What an instance noted, or (empty name) the agent itself about this mirror, also as its arbiter. `countMax` 0 asks for the
   * clock alone. Answered with EventsTold.
   */
  | (AboutInstance & { readonly type: 'tell-events'; readonly after: number; readonly countMax: number })
  | { readonly number: number; readonly type: 'status' };

/** More are not told at once. */
export const eventsToldMax = 1000;

export interface EventsTold {
  /** The oldest of those with a number above the one asked for. */
  readonly events: readonly EventRecord[];
  readonly more: boolean;
  /** The wall clock of this host at the answer, ms. */
  readonly wallMs: number;
}

export interface JournalOffer {
  readonly history: readonly EpochBeginning[];
  readonly end: JournalPosition;
  /** As the record of the instance says; left out before the first promotion or demotion, or where it cannot be read. */
  readonly failoverMembers?: FailoverMembers;
  /** What is known there of the mirror, for whoever goes on with this journal (docs/decisions/0058); left out where it cannot be read. */
  readonly mirrorSet?: MirrorSet;
  /** Of an instance that is asked itself: the primary that it is connected with, itself where it is primary, or null. */
  readonly primary?: MemberName | null;
}

export interface MirrorInformation {
  readonly mirrorSet: MirrorSet;
  /** Name of the member whose instance was asked about. */
  readonly member: MemberName;
  readonly primary: MemberName | null;
}

export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  readonly address: string;
  readonly port: number;
  readonly instances: readonly {
    readonly name: string;
    readonly state: 'up' | 'hung' | 'down';
    readonly pid: number | null;
  }[];
  /** Mirrors that use this agent as arbiter, and their members connected. */
  readonly arbiterFor: readonly { readonly mirror: MirrorName; readonly members: readonly MemberName[] }[];
}

export interface AgentAnswerFrame {
  readonly number: number;
  /** AgentAnswer, JournalOffer, MirrorInformation, EventsTold or AgentStatus, by the request. */
  readonly answer?: AgentAnswer | JournalOffer | MirrorInformation | EventsTold | AgentStatus;
  readonly error?: AgentError;
}

export interface AgentError {
  readonly reason:
    | 'no-instance'
    | 'no-mirror'
    | 'wrong-incarnation'
    | 'no-journal'
    | 'no-events'
    | 'removed'
    | 'not-understood';
  /** One line: what, which, what to do. */
  readonly text: string;
}

/** The answer's type by request type; `read-journal` is answered with chunks. */
export interface AgentAnswers {
  'confirm-down': AgentAnswer;
  'force-down': AgentAnswer;
  'look-down': AgentAnswer;
  'offer-journal': JournalOffer;
  'tell-mirror': MirrorInformation;
  'tell-events': EventsTold;
  status: AgentStatus;
}

/** Head of a `journalChunk`; the fields of a JournalChunk but its bytes. Zero bytes = nothing follows. */
export interface JournalChunkHead {
  readonly number: number;
  readonly file: number;
  readonly fileName: string;
  readonly offset: number;
  readonly from: JournalPosition;
  readonly to: JournalPosition;
  readonly timeMs: number;
}

/** A piece of another member's journal as the agent handed it out; fits the journal room's JournalChunk. */
export type FetchedChunk = Omit<JournalChunkHead, 'number'> & { readonly bytes: Uint8Array };

export function encodeAgentRequest(request: AgentRequest): Frame {
  return { kind: AGENT.request, body: jsonBody(request) };
}

/** @throws FrameError when it is no request. */
export function decodeAgentRequest(frame: Frame): AgentRequest {
  const said = expect(frame, AGENT.request);
  const number = whole(frame, said, 'number');
  const type = text(frame, said, 'type');
  if (type === 'status') return { type, number };
  const about = { number, instance: text(frame, said, 'instance'), mirror: text(frame, said, 'mirror') };
  switch (type) {
    case 'confirm-down':
    case 'force-down':
    case 'look-down': {
      const asked = { ...about, type, requester: text(frame, said, 'requester'), epoch: epochOf(frame, said, 'epoch') };
      return said.failoverMembers === undefined
        ? asked
        : { ...asked, failoverMembers: listOf(frame, said, 'failoverMembers') };
    }
    case 'offer-journal':
      return { ...about, type, incarnation: whole(frame, said, 'incarnation') };
    case 'read-journal':
      return {
        ...about,
        type,
        incarnation: whole(frame, said, 'incarnation'),
        from: positionOf(frame, said, 'from'),
        bytesMax: whole(frame, said, 'bytesMax'),
      };
    case 'tell-mirror':
      return { ...about, type };
    case 'tell-events':
      return { ...about, type, after: whole(frame, said, 'after'), countMax: whole(frame, said, 'countMax') };
    default:
      throw wrong(frame, 'type');
  }
}

/** The number of a request that is otherwise not understood; 0 when it has none. */
export function numberOfRequest(frame: Frame): number {
  try {
    return whole(frame, fields(frame, parseJsonBody(frame)), 'number');
  } catch (error) {
    if (error instanceof FrameError) return 0;
    throw error;
  }
}

export function encodeAgentAnswer(answer: AgentAnswerFrame): Frame {
  return { kind: AGENT.answer, body: jsonBody(answer) };
}

export type NumberedAnswer<T extends keyof AgentAnswers> =
  | { readonly number: number; readonly answer: AgentAnswers[T] }
  | { readonly number: number; readonly error: AgentError };

/** The answer to a request of type `type`. @throws FrameError when it is none. */
export function decodeAgentAnswer<T extends keyof AgentAnswers>(frame: Frame, type: T): NumberedAnswer<T> {
  const said = expect(frame, AGENT.answer);
  const number = whole(frame, said, 'number');
  if (said.error !== undefined) return { number, error: errorOf(frame, said) };
  const answer = inner(frame, said, 'answer');
  answerChecks[type](frame, answer);
  return { number, answer: answer as unknown as AgentAnswers[T] };
}

/** Only what decisions rest on is checked field by field; the rest is for people. */
const answerChecks: Readonly<Record<keyof AgentAnswers, (frame: Frame, said: Fields) => void>> = {
  'confirm-down': checkStateAnswer,
  'force-down': checkStateAnswer,
  'look-down': checkStateAnswer,
  'offer-journal': (frame, said) => {
    positionOf(frame, said, 'end');
    if (said.primary != null) text(frame, said, 'primary');
    if (said.failoverMembers !== undefined) listOf(frame, said, 'failoverMembers');
    if (said.mirrorSet !== undefined) checkSet(frame, said);
    for (const entry of list(frame, said, 'history')) {
      whole(frame, entry, 'epoch');
      text(frame, entry, 'owner');
      text(frame, entry, 'lineage');
      positionOf(frame, entry, 'begin');
    }
  },
  'tell-mirror': (frame, said) => {
    checkSet(frame, said);
    text(frame, said, 'member');
    if (said.primary !== null) text(frame, said, 'primary');
  },
  'tell-events': (frame, said) => {
    flag(frame, said, 'more');
    whole(frame, said, 'wallMs');
    for (const event of list(frame, said, 'events')) {
      whole(frame, event, 'number');
      for (const name of ['at', 'member', 'what']) text(frame, event, name);
      if (!Array.isArray(event.rules)) throw wrong(frame, 'rules');
      inner(frame, event, 'facts');
    }
  },
  status: (frame, said) => {
    list(frame, said, 'instances');
    list(frame, said, 'arbiterFor');
  },
};

function checkSet(frame: Frame, said: Fields): void {
  const set = inner(frame, said, 'mirrorSet');
  text(frame, set, 'name');
  whole(frame, set, 'epoch');
  whole(frame, set, 'revision');
  inner(frame, set, 'settings');
  list(frame, set, 'members');
  list(frame, set, 'databases');
}

function checkStateAnswer(frame: Frame, said: Fields): void {
  switch (said.says) {
    case 'running':
      flag(frame, said, 'primary');
      epochOf(frame, said, 'epoch');
      return;
    case 'down': {
      if (said.record === null) return;
      const record = inner(frame, said, 'record');
      whole(frame, record, 'incarnation');
      epochOf(frame, record, 'epoch');
      for (const name of ['primaryOfEpoch', 'noFailover', 'stoppedByOperator']) flag(frame, record, name);
      if (record.failoverMembers !== undefined) listOf(frame, record, 'failoverMembers');
      if (record.listed !== undefined) texts(frame, record, 'listed');
      if (record.activeBackup === null) return;
      const backup = inner(frame, record, 'activeBackup');
      text(frame, backup, 'member');
      whole(frame, backup, 'term');
      return;
    }
    case 'unkillable':
      return;
    case 'removed':
      flag(frame, said, 'removeAttribute');
      return;
    case 'nothing':
      text(frame, said, 'reason');
      return;
    default:
      throw wrong(frame, 'says');
  }
}

function errorOf(frame: Frame, said: Fields): AgentError {
  const error = inner(frame, said, 'error');
  return { reason: text(frame, error, 'reason') as AgentError['reason'], text: text(frame, error, 'text') };
}

/** As parts, so that the bytes are not copied. */
export function encodeJournalChunk(head: JournalChunkHead, bytes: Uint8Array): readonly Uint8Array[] {
  const json = jsonBody(head);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  return [length, json, bytes];
}

/** @throws FrameError when it is no chunk. Its bytes share memory with the frame. */
export function decodeJournalChunk(frame: Frame): { readonly number: number; readonly chunk: FetchedChunk } {
  const { kind, body } = frame;
  const headBytes = body.length < 4 ? Number.POSITIVE_INFINITY : body.readUInt32LE(0);
  if (kind !== AGENT.journalChunk || headBytes > body.length - 4) throw wrong(frame, 'head');
  const said = fields(frame, parseJsonBody({ kind, body: body.subarray(4, 4 + headBytes) }));
  return {
    number: whole(frame, said, 'number'),
    chunk: {
      file: whole(frame, said, 'file'),
      fileName: text(frame, said, 'fileName'),
      offset: whole(frame, said, 'offset'),
      from: positionOf(frame, said, 'from'),
      to: positionOf(frame, said, 'to'),
      timeMs: whole(frame, said, 'timeMs'),
      bytes: body.subarray(4 + headBytes),
    },
  };
}

export function encodeToArbiter(message: ToArbiter): Frame {
  return { kind: ARBITER.toArbiter, body: jsonBody(message) };
}

/** @throws FrameError when it is no message to an arbiter. */
export function decodeToArbiter(frame: Frame): ToArbiter {
  const said = expect(frame, ARBITER.toArbiter);
  const type = text(frame, said, 'type');
  if (type === 'keep-alive') return { type };
  const about = { epoch: epochOf(frame, said, 'epoch'), term: whole(frame, said, 'term') };
  switch (type) {
    case 'enter':
      return {
        ...about,
        type,
        session: whole(frame, said, 'session'),
        otherSession: whole(frame, said, 'otherSession'),
      };
    case 'peer-lost':
    case 'here':
    case 'left-notice':
      return { ...about, type };
    default:
      throw wrong(frame, 'type');
  }
}

export function encodeFromArbiter(message: FromArbiter): Frame {
  return { kind: ARBITER.fromArbiter, body: jsonBody(message) };
}

/** @throws FrameError when it is no message of an arbiter. */
export function decodeFromArbiter(frame: Frame): FromArbiter {
  const said = expect(frame, ARBITER.fromArbiter);
  const type = text(frame, said, 'type');
  switch (type) {
    case 'keep-alive':
      return { type, otherConnected: flag(frame, said, 'otherConnected') };
    case 'call':
    case 'entered':
    case 'refused':
    case 'gone':
    case 'present':
    case 'taken':
    case 'never':
    case 'left-notice':
      return { type, epoch: epochOf(frame, said, 'epoch'), term: whole(frame, said, 'term') };
    default:
      throw wrong(frame, 'type');
  }
}

export function encodeArbiterSession(session: number): Frame {
  return { kind: ARBITER.session, body: jsonBody({ session }) };
}

/** @throws FrameError when it is not the arbiter's first message. */
export function decodeArbiterSession(frame: Frame): number {
  return whole(frame, expect(frame, ARBITER.session), 'session');
}

export function encodeClockWord(word: ClockWord): Frame {
  return { kind: ARBITER.clock, body: jsonBody(word) };
}

type Fields = Readonly<Partial<Record<string, unknown>>>;

function wrong(frame: Frame, field: string): FrameError {
  return new FrameError('message', `a frame of kind ${frame.kind} has no valid field "${field}"`);
}

function expect(frame: Frame, kind: number): Fields {
  if (frame.kind !== kind) {
    throw new FrameError('message', `a frame of kind ${frame.kind} came where one of kind ${kind} was due`);
  }
  return fields(frame, parseJsonBody(frame));
}

function fields(frame: Frame, value: unknown): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(frame, '');
  return value as Fields;
}

function inner(frame: Frame, said: Fields, name: string): Fields {
  const value = said[name];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(frame, name);
  return value as Fields;
}

function list(frame: Frame, said: Fields, name: string): readonly Fields[] {
  const value = said[name];
  if (!Array.isArray(value)) throw wrong(frame, name);
  return value.map((entry) => fields(frame, entry));
}

function text(frame: Frame, said: Fields, name: string): string {
  const value = said[name];
  if (typeof value !== 'string') throw wrong(frame, name);
  return value;
}

function flag(frame: Frame, said: Fields, name: string): boolean {
  const value = said[name];
  if (typeof value !== 'boolean') throw wrong(frame, name);
  return value;
}

function whole(frame: Frame, said: Fields, name: string): number {
  const value = said[name];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw wrong(frame, name);
  // JSON knows -0, which is written again as 0.
  return value + 0;
}

function epochOf(frame: Frame, said: Fields, name: string): Epoch {
  const value = inner(frame, said, name);
  return {
    number: whole(frame, value, 'number'),
    owner: text(frame, value, 'owner'),
    lineage: text(frame, value, 'lineage'),
  };
}

function listOf(frame: Frame, said: Fields, name: string): FailoverMembers {
  const value = inner(frame, said, name);
  const names = texts(frame, value, 'names');
  const reported = value.reported === undefined ? {} : { reported: lossOf(frame, value) };
  const list = { epoch: whole(frame, value, 'epoch'), number: whole(frame, value, 'number'), names, ...reported };
  if (value.forced === undefined) return list;
  const forced = inner(frame, value, 'forced');
  return {
    ...list,
    forced: {
      number: whole(frame, forced, 'number'),
      lineage: text(frame, forced, 'lineage'),
      atMs: whole(frame, forced, 'atMs'),
      evidence: text(frame, forced, 'evidence'),
    },
  };
}

function texts(frame: Frame, said: Fields, name: string): readonly string[] {
  const value = said[name];
  if (!Array.isArray(value) || !value.every((each) => typeof each === 'string')) throw wrong(frame, name);
  return value;
}

function lossOf(frame: Frame, said: Fields): NonNullable<FailoverMembers['reported']> {
  const value = inner(frame, said, 'reported');
  const notReached = texts(frame, value, 'notReached');
  const placeOf = (name: string): JournalPlace => {
    const place = inner(frame, value, name);
    return { epoch: whole(frame, place, 'epoch'), sequence: whole(frame, place, 'sequence') };
  };
  const [by, records] = [text(frame, value, 'by'), whole(frame, value, 'records')];
  return { by, from: placeOf('from'), upTo: placeOf('upTo'), records, notReached };
}

function positionOf(frame: Frame, said: Fields, name: string): JournalPosition {
  const value = inner(frame, said, name);
  return {
    epoch: whole(frame, value, 'epoch'),
    file: whole(frame, value, 'file'),
    offset: whole(frame, value, 'offset'),
    sequence: whole(frame, value, 'sequence'),
  };
}
