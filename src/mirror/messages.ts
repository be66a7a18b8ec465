/**
 * What members, agents and the arbiter say to each other, as values; src/protocol turns them into bytes. Names and fields
 * follow docs/FAILOVER.md. A message belongs to the connection it came over: one hello a connection, and nothing that an
 * older connection, session, term, epoch or incarnation said counts.
 */
import type { EpochBeginning, JournalPosition } from './journal-position.ts';
import type { MirrorSet } from './mirror-set.ts';
import type { Epoch, FailoverMembers, FailoverMode, MemberName } from './terms.ts';

/** Who speaks, in every message of the data channel. */
export interface Envelope {
  readonly from: MemberName;
  readonly incarnation: number;
  readonly epoch: Epoch;
}

/**
 * Why a hello is refused. `gives-way` is as good a promise as a hello: the sender is not active, has no right, and knows that the
 * receiver was the last primary. `kept-by-site`: it would give way to one that is forced.
 */
export type Refusal =
  | 'not-primary'
  | 'becoming-primary'
  | 'kept-by-site'
  | 'gives-way'
  | 'older-hello'
  | 'stopped'
  | 'halted'
  | 'not-a-member'
  | 'diverged';

/**
 * Data channel, opened by a member that is not primary. `term` is the number that the primary draws anew within its
 * epoch for each activation and for each proposal to enter arbiter controlled mode.
 */
export type DataMessage =
  /** A promise: the sender is not active, holds no licence and has thrown away every unfinished agent answer. */
  | {
      readonly type: 'hello';
      readonly failoverMember: boolean;
      readonly primaryOfEpoch: boolean;
      /** Rises with each hello of an incarnation. */
      readonly hello: number;
      readonly journalEnd: JournalPosition;
      /** Newest epoch that the sender has heard of, where that is not its own: a later reign of the sender has a higher number. */
      readonly heard?: number;
      readonly failoverMembers?: FailoverMembers;
      /** A person forces the sender. */
      readonly forced?: true;
    }
  /** The receiver is primary and takes the sender in. `history` tells where each epoch begins in its journal. */
  | {
      readonly type: 'welcome';
      readonly history: readonly EpochBeginning[];
      readonly end: JournalPosition;
      readonly noFailover: boolean;
      readonly failoverMembers?: FailoverMembers;
    }
  | {
      readonly type: 'refuse';
      readonly reason: Refusal;
      readonly primary: MemberName | null;
      /** With `older-hello`: the newest incarnation of the receiver that the sender has heard of. */
      readonly incarnation?: number;
      readonly failoverMembers?: FailoverMembers;
    }
  /** Journal bytes from..to travel beside the message. `durableTo` is what the databases may be given. */
  | {
      readonly type: 'data';
      readonly from: JournalPosition;
      readonly to: JournalPosition;
      readonly durableTo: JournalPosition;
    }
  /** Everything up to `to` is fsynced by the sender; `term` of its activation, 0 while it is not active. */
  | { readonly type: 'ack'; readonly to: JournalPosition; readonly applied: JournalPosition; readonly term: number }
  | { readonly type: 'durable-to'; readonly to: JournalPosition }
  /** Once everything up to `upTo` is fsynced, the receiver is active. */
  | { readonly type: 'set-active'; readonly term: number; readonly upTo: JournalPosition }
  | {
      readonly type: 'keep-alive';
      readonly number: number;
      /** Newest keep-alive number received from the other side. */
      readonly echo: number;
      readonly mode: FailoverMode;
      /** Term of the activation the sender counts on; 0 = none. */
      readonly term: number;
      /** The sender's session with the arbiter; 0 = none. */
      readonly session: number;
    }
  | { readonly type: 'enter-propose'; readonly term: number; readonly session: number }
  | { readonly type: 'enter-ready'; readonly term: number; readonly session: number }
  | { readonly type: 'leave'; readonly term: number }
  | { readonly type: 'left'; readonly term: number }
  | { readonly type: 'agent-mode-ok'; readonly term: number }
  /** The primary has stopped for good and asks the active backup to take over. */
  | { readonly type: 'take-over'; readonly final: JournalPosition }
  | { readonly type: 'take-over-seen' }
  /** The operator of the backup asks the primary to hand over. */
  | { readonly type: 'request-take-over' }
  /** The operator of the sender would like it promoted, or demoted (FO-078, FO-087). */
  | { readonly type: 'request-promotion' }
  | { readonly type: 'request-demotion' }
  | { readonly type: 'request-refused'; readonly reason: string; readonly text: string; readonly spec: string }
  /** From the primary: to the member that leaves the list before the primary takes it, to all others afterwards. */
  | { readonly type: 'failover-members'; readonly failoverMembers: FailoverMembers }
  /** The sender goes; from a backup it counts as "not active". */
  | { readonly type: 'going-down'; readonly noFailover: boolean }
  /** From a primary to one that is not connected: the envelope says who reigns (FO-038), the rest what the mirror looks like now. */
  | { readonly type: 'reign'; readonly failoverMembers?: FailoverMembers; readonly mirrorSet?: MirrorSet }
  /** The answer to a reign with that mirror set: it is on the sender's disk that it was removed from the mirror (CFG-069). */
  | { readonly type: 'removal-heard'; readonly epoch: number; readonly revision: number }
  /** From the backup: that mirror set, which the primary told, is on the sender's disk. */
  | { readonly type: 'mirror-set-heard'; readonly epoch: number; readonly revision: number }
  | { readonly type: 'no-failover'; readonly set: boolean }
  | { readonly type: 'no-failover-done'; readonly set: boolean }
  /** The primary takes the receiver out of the mirror; `going-down` is the answer, when it is on the receiver's disk (CFG-069). */
  | { readonly type: 'removed'; readonly removeAttribute: boolean };

/** Member to arbiter. Every message names the epoch and, but for keep-alives, a term of it. */
export type ToArbiter =
  | { readonly type: 'keep-alive' }
  | {
      readonly type: 'enter';
      readonly epoch: Epoch;
      readonly term: number;
      readonly session: number;
      readonly otherSession: number;
    }
  | { readonly type: 'peer-lost'; readonly epoch: Epoch; readonly term: number }
  /** The answer to a call: the sender hears this arbiter, too. */
  | { readonly type: 'here'; readonly epoch: Epoch; readonly term: number }
  /** "I am a backup, not active, and have no licence" - passed on to the other member. */
  | { readonly type: 'left-notice'; readonly epoch: Epoch; readonly term: number };

export type FromArbiter =
  | { readonly type: 'keep-alive'; readonly otherConnected: boolean }
  /** The other member has asked about the receiver, who answers `here` at once, whatever its role. */
  | { readonly type: 'call'; readonly epoch: Epoch; readonly term: number }
  | { readonly type: 'entered'; readonly epoch: Epoch; readonly term: number }
  | { readonly type: 'refused'; readonly epoch: Epoch; readonly term: number }
  /** The licence. */
  | { readonly type: 'gone'; readonly epoch: Epoch; readonly term: number }
  | { readonly type: 'present'; readonly epoch: Epoch; readonly term: number }
  | { readonly type: 'taken'; readonly epoch: Epoch; readonly term: number }
  | { readonly type: 'never'; readonly epoch: Epoch; readonly term: number }
  | { readonly type: 'left-notice'; readonly epoch: Epoch; readonly term: number };

/** What an arbiter says about a mode and who is in it. */
export type ArbiterWord = Exclude<FromArbiter, { readonly type: 'keep-alive' | 'call' }>;

/** `look-down` is a question alone: it keeps nobody from starting by himself, and brings no list. */
export type StateQuestion = 'confirm-down' | 'force-down' | 'look-down';

/** What an agent says of its instance (AGT-003). */
export type AgentAnswer =
  | { readonly says: 'running'; readonly primary: boolean; readonly epoch: Epoch }
  /** `record` is null where it could not be read. */
  | { readonly says: 'down'; readonly record: DownRecord | null }
  /** The process takes no signal; nothing may be concluded. */
  | { readonly says: 'unkillable' }
  /** The agent did not answer. */
  | { readonly says: 'nothing'; readonly reason: string }
  /** Nothing of its instance: the mirror set there, newer than the asker's, has the asker as removed (CFG-069). */
  | { readonly says: 'removed'; readonly removeAttribute: boolean };

/** What may decide about a takeover. */
export type AgentVerdict = Exclude<AgentAnswer, { readonly says: 'removed' }>;

/** The part of a member's durable record that an agent may vouch for. */
export interface DownRecord {
  readonly incarnation: number;
  readonly epoch: Epoch;
  readonly primaryOfEpoch: boolean;
  readonly activeBackup: { readonly member: MemberName; readonly term: number } | null;
  readonly noFailover: boolean;
  readonly stoppedByOperator: boolean;
  readonly failoverMembers?: FailoverMembers;
  /** Failover members by the mirror set on that disk, where it is newer than the asker's: he may not have heard of one of them. */
  readonly listed?: readonly MemberName[];
}
