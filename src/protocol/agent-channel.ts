/**
 * Requests to an ISCAgent after an opening with channel 'agent', and a failover member's session with it as arbiter after
 * an opening with channel 'arbiter'. All bodies are JSON but `journalChunk`: u32 length of the JSON head, head, bytes.
 */
import type { EpochBeginning, JournalPosition } from '../mirror/journal-position.ts';
import type { AgentAnswer } from '../mirror/messages.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { Epoch, MemberName, MirrorName } from '../mirror/terms.ts';

/** Frame kinds. */
export const AGENT = { request: 16, answer: 17, journalChunk: 18 } as const;
/** ToArbiter and FromArbiter as JSON; `session` is the arbiter's first message: JSON {session}. */
export const ARBITER = { toArbiter: 16, fromArbiter: 17, session: 18 } as const;

interface AboutInstance {
  readonly number: number;
  readonly instance: string;
  readonly mirror: MirrorName;
}

export type AgentRequest =
  | (AboutInstance & {
      readonly type: 'confirm-down' | 'force-down';
      readonly requester: MemberName;
      readonly epoch: Epoch;
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
  | { readonly number: number; readonly type: 'status' };

export interface JournalOffer {
  readonly history: readonly EpochBeginning[];
  readonly end: JournalPosition;
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
  /** AgentAnswer, JournalOffer, MirrorInformation or AgentStatus, by the request. */
  readonly answer?: AgentAnswer | JournalOffer | MirrorInformation | AgentStatus;
  readonly error?: {
    readonly reason: 'no-instance' | 'no-mirror' | 'wrong-incarnation' | 'no-journal' | 'not-understood';
    readonly text: string;
  };
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
