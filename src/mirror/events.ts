/** Every fact that can reach a member. Time is `nowMs`: monotonic, ms, of this machine; wall clocks decide nothing. */
import type { EpochBeginning, JournalPosition } from './journal-position.ts';
import type { MemberRecord } from './member-record.ts';
import type { AgentAnswer, DataMessage, Envelope, FromArbiter } from './messages.ts';
import type { MirrorSet } from './mirror-set.ts';
import type { FailoverMembers, JournalPlace, MemberName } from './terms.ts';

export interface MemberSettings {
  readonly qosTimeoutMs: number;
  /** Is an arbiter configured (and this a failover member)? */
  readonly arbiter: boolean;
  /** The other failover member, or null when there is none (FO-063). */
  readonly partner: MemberName | null;
  /** On an async: the failover members, in the order in which they are tried. */
  readonly failoverMembers: readonly MemberName[];
  /** All members of the mirror that are or may become failover members. */
  readonly members?: readonly MemberName[];
  /** The reporting asyncs. */
  readonly reporting?: readonly MemberName[];
  /** What all this was read from. */
  readonly mirrorSet?: MirrorSet;
  /** The list that the mirror set stands for, since the first promotion or demotion. */
  readonly listed?: FailoverMembers;
}

export type OperatorCommand =
  /** Stop the process; an active backup is asked to take over unless `noFailover` (FO-008, FO-073). */
  | { readonly command: 'stop-instance'; readonly noFailover: boolean }
  | { readonly command: 'stop-mirror' }
  | { readonly command: 'start-mirror' }
  | { readonly command: 'change-no-failover'; readonly set: boolean }
  | { readonly command: 'become-primary' }
  /** On the primary: take another member out of the mirror (CFG-069), whose databases keep their mirror attribute or lose it. */
  | { readonly command: 'remove-member'; readonly member: MemberName; readonly removeAttribute: boolean }
  /** On the primary, which has just written down and told a new mirror set: does a takeover keep it? */
  | { readonly command: 'keep-mirror-set' }
  /**
   * FO-077..082, on an async. `partner`: null = chosen automatically, `none` = without one. `hold` = no failover is set, so that it
   * stops just before it becomes primary. `acceptLossUpTo`: refused where somebody is found to have more that would be lost. The rest
   * as in `force-primary`.
   */
  | {
      readonly command: 'promote';
      readonly partner: MemberName | 'none' | null;
      readonly hold: boolean;
      readonly acceptLossUpTo?: JournalPlace;
      readonly lineage: string;
      readonly atMs: number;
      readonly evidence: string;
    }
  /** FO-087: this backup, or (on the primary) the other failover member. */
  | { readonly command: 'demote' }
  | { readonly command: 'demote-other' }
  /** FO-076: go on as primary out of trouble without a time limit. Fields as in `force-primary`. */
  | { readonly command: 'resume-primary'; readonly lineage: string; readonly atMs: number; readonly evidence: string }
  /** `lineage` is a fresh random id, `atMs` the wall clock, `evidence` what the operator was shown. */
  | { readonly command: 'force-primary'; readonly lineage: string; readonly atMs: number; readonly evidence: string };

export type MemberEvent = { readonly nowMs: number } & (
  | {
      readonly type: 'started';
      readonly record: MemberRecord;
      readonly settings: MemberSettings;
      readonly journalEnd: JournalPosition;
      readonly history: readonly EpochBeginning[];
      /** What every activated database holds at least. */
      readonly applied: JournalPosition;
      /** The furthest that any database holds. */
      readonly appliedFurthest: JournalPosition;
      /** Fresh random id, for the first epoch of a new mirror. */
      readonly lineage: string;
    }
  | { readonly type: 'settings-changed'; readonly settings: MemberSettings }
  | { readonly type: 'woke' }
  /** The process stood still for longer than a keep-alive period; messages that waited come before the next `woke`. */
  | { readonly type: 'stalled'; readonly gapMs: number }

  // Data channel. `connection` numbers are given by the network and never used again.
  | { readonly type: 'dialled'; readonly to: MemberName; readonly connection: number }
  /** `noMember`: an instance answers there, and it is in this mirror no more. */
  | { readonly type: 'dial-failed'; readonly to: MemberName; readonly reason: string; readonly noMember?: true }
  | {
      readonly type: 'message';
      readonly connection: number;
      readonly envelope: Envelope;
      readonly message: DataMessage;
    }
  | { readonly type: 'closed'; readonly connection: number; readonly reason: string }

  /** This member was removed from the mirror: whoever says so has a newer mirror set; or its operator lets it leave. */
  | { readonly type: 'removed'; readonly by: MemberName; readonly removeAttribute: boolean }

  // Arbiter.
  | { readonly type: 'arbiter-opened'; readonly session: number }
  | { readonly type: 'arbiter-closed'; readonly reason: string }
  | { readonly type: 'arbiter-message'; readonly message: FromArbiter }

  // Agent of the other failover member.
  | { readonly type: 'agent-answered'; readonly request: number; readonly answer: AgentAnswer }
  /** What journal the agent could hand out. */
  | {
      readonly type: 'journal-offered';
      readonly request: number;
      readonly history: readonly EpochBeginning[];
      readonly end: JournalPosition;
      /** As its record says now. */
      readonly failoverMembers?: FailoverMembers | null;
      /** An instance that was asked itself, and is connected with this primary or is it. */
      readonly primary?: MemberName | null;
    }
  /** A part of it is stored and flushed; after every part, so that the rules know the journal's end when the rest never comes. */
  | {
      readonly type: 'fetch-progressed';
      readonly end: JournalPosition;
      readonly history: readonly EpochBeginning[];
    }
  /** All of it is stored and flushed. */
  | {
      readonly type: 'journal-fetched';
      readonly request: number;
      readonly end: JournalPosition;
      readonly history: readonly EpochBeginning[];
    }
  | { readonly type: 'fetch-failed'; readonly request: number; readonly reason: string }

  // Own journal and databases.
  | { readonly type: 'journal-appended'; readonly to: JournalPosition }
  | {
      readonly type: 'journal-flushed';
      readonly to: JournalPosition;
    }
  | {
      readonly type: 'journal-shipped';
      readonly connection: number;
      readonly to: JournalPosition;
      readonly bytes: number;
    }
  | { readonly type: 'ship-failed'; readonly connection: number; readonly reason: string }
  | {
      readonly type: 'store-failed';
      readonly connection: number;
      readonly reason: string;
      readonly end: JournalPosition;
    }
  /** The answer to `cut-journal`; `records` were taken away (0 = nothing to cut) and lie in `keptIn`. */
  | {
      readonly type: 'journal-cut';
      readonly end: JournalPosition;
      readonly history: readonly EpochBeginning[];
      readonly records: number;
      readonly keptIn: string;
    }
  /** The oldest files were removed: where the oldest epoch begins now (SYN-026). */
  | { readonly type: 'journal-purged'; readonly history: readonly EpochBeginning[] }
  /** A flush met a full disk and is tried again; ends with the next `journal-flushed`. */
  | { readonly type: 'journal-frozen'; readonly reason: string }
  | { readonly type: 'databases-applied'; readonly to: JournalPosition }
  /** The answer to `ask-site`: may this member go on becoming primary? `spec` is the rule that forbids it. */
  | {
      readonly type: 'site-answered';
      readonly request: number;
      readonly allowed: boolean;
      readonly spec: 'FO-004' | 'FO-067' | 'FO-068';
      readonly because: string;
    }
  | { readonly type: 'file-started'; readonly end: JournalPosition; readonly history: readonly EpochBeginning[] }
  | { readonly type: 'operator'; readonly request: number; readonly order: OperatorCommand }
);
