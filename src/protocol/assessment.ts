/** What an operator is shown before a risky command is confirmed: the instance looks, the terminal has the words. */
import type { JournalPlace } from '../mirror/terms.ts';
import type { Refusal } from './control-commands.ts';

/**
 * The situation of a risky command: what would happen, and the number to give to `perform`, which refuses with
 * `situation-changed` if a fact below has changed since.
 */
export interface Assessment {
  readonly situation: number;
  /** Why the command would be refused now; null = it would be started. */
  readonly refusal: Refusal | null;
  /** Present primary as far as known. */
  readonly primary: string | null;
  readonly wasActive: boolean;
  /** This member was the primary itself when it last was anything, as its record has it. */
  readonly wasPrimary: boolean;
  /** Newest journal data of this member, wall clock ISO 8601, and the path of its file (FO-075). */
  readonly newestJournalTime: string | null;
  readonly newestJournalFile: string | null;
  readonly noFailover: boolean;
  /** Does the other failover member, or its agent, answer now? Null = not asked. */
  readonly otherAnswers: boolean | null;
  /** Of `resume-primary`; null = not in that state, or another command. */
  readonly trouble: TroubleAssessment | null;
  /** Of `promote`; null = refused, or another command. */
  readonly promotion?: PromotionReport | null;
  /** Of `remove-mirror`; null = refused, or another command. */
  readonly removal: RemovalPlan | null;
  /** What was found, and what the command would do; of commands that are looked ahead of with their arguments (preflight.ts). */
  readonly findings?: readonly Finding[];
}

/** One sentence for the operator, of which the terminal has the words (menus/wording.ts). */
export interface Finding {
  readonly says: FindingName;
  readonly facts: Readonly<Record<string, string>>;
}

export type FindingName =
  | 'service'
  | 'agent'
  | 'superserver'
  | 'private-address'
  | 'no-leftover'
  | 'no-arbiter'
  | 'arbiter'
  | 'arbiter-silent'
  | 'ordinary'
  | 'begins-journal'
  | 'data-channel'
  | 'taken-in'
  | 'journal-kept'
  | 'copies'
  | 'marked'
  | 'removed-connected'
  | 'removed-away'
  | 'asks-primary'
  | 'without-primary'
  | 'adds'
  | 'added-from'
  | 'added-alone'
  | 'background'
  | 'copied'
  | 'put-aside'
  | 'copies-ready';

/** What a promotion of this member would meet now, and what might be lost by it. */
export interface PromotionReport {
  /** It is connected to this primary, which becomes its partner; nothing is lost then, and no agent is asked. */
  readonly primary: string | null;
  /** End of this member's journal, and of the furthest one that was found. */
  readonly own: { readonly epoch: number; readonly sequence: number };
  readonly newest: { readonly epoch: number; readonly sequence: number };
  /** Records between the two: fetched from the partner, or lost without it. */
  readonly records: number;
  /** The failover members, as their agents answer, and the other asyncs, as they answer themselves or their agents do. */
  readonly members: readonly MemberStanding[];
  /** Failover members of which nobody knows what they have; FO-084. */
  readonly unreachable: readonly string[];
  /** FO-082: without a partner it first fetches what this async has more; null = none has. */
  readonly gathered: { readonly from: string; readonly upTo: JournalPlace } | null;
  /** What would be lost without a partner; null = nothing that is known. */
  readonly loss: LossReport | null;
}

export interface LossReport {
  /** It begins behind this place. */
  readonly from: JournalPlace;
  readonly upTo: JournalPlace;
  readonly records: number;
  /** Who has the furthest journal. */
  readonly at: string;
  /** What these records are; null = the journal that holds them cannot be read. */
  readonly content: LostContent | null;
}

export interface LostContent {
  readonly transactions: number;
  /** Updates outside of transactions. */
  readonly singleUpdates: number;
  readonly databases: readonly { readonly name: string; readonly updates: number }[];
  /** False = it is so much that only its beginning was read. */
  readonly isWhole: boolean;
}

export interface MemberStanding {
  readonly name: string;
  /** `answers` and `has-primary`: the instance of an async itself. */
  readonly agentSays: 'down' | 'running' | 'is-primary' | 'no-answer' | 'answers' | 'has-primary';
  readonly wasPrimary: boolean;
  /** End of its journal, where its agent hands it out. */
  readonly end: { readonly epoch: number; readonly sequence: number } | null;
}

/** What removing the mirror configuration of this instance would do now. */
export interface RemovalPlan {
  /**
   * It leaves, and the others go on; or, as last member: the JoinMirror flag is cleared; or the configuration is erased, since no member
   * runs here; or only the restart is still lacking.
   */
  readonly step: 'leave' | 'clear-join-mirror' | 'erase' | 'restart-only';
  readonly mirror: string;
  readonly member: string;
  /** Is it the only member, so that the mirror ends with it (CFG-074)? */
  readonly isLast: boolean;
  /** Local names of its mirrored databases. */
  readonly databases: readonly string[];
}

/** A primary's trouble state without a time limit, and what is known of the other failover member now (FO-076). */
export interface TroubleAssessment {
  /** Wall clock, ISO 8601. */
  readonly since: string;
  /** The rule by which it was entered, and why. */
  readonly spec: string;
  readonly because: string;
  /** Name of the other failover member. */
  readonly other: string;
  /** The ISCAgent of its host, about its instance. */
  readonly agentSays: 'no-answer' | 'down' | 'hung' | 'running' | 'is-primary';
  /** The arbiter, about the other member; `licensed-other` = it was told before that it may take over. */
  readonly arbiterSays: 'not-configured' | 'no-answer' | 'other-not-connected' | 'other-connected' | 'licensed-other';
}
