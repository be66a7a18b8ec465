/**
 * Every order a member can give. The driver carries the effects of one step out in order and finishes each synchronous
 * one before the next: `save-record` is on disk before the messages behind it leave; `hold-updates` is in force before
 * anything behind it. Effects marked (event) answer later with the event named.
 */
import type { JournalPosition } from './journal-position.ts';
import type { LogMessage } from './log-messages.ts';
import type { MemberRecord } from './member-record.ts';
import type { DataMessage, StateQuestion, ToArbiter } from './messages.ts';
import type { MirrorSet } from './mirror-set.ts';
import type { Epoch, FailoverMembers, JournalPlace, MemberName, Right } from './terms.ts';

export type Facts = Readonly<Record<string, string | number | boolean | null>>;

/** Entry points of the site's ^ZMIRROR that decide (FO-067, FO-068), and those that are only told (FO-069, FO-070). */
export type SiteQuestion = 'CanNodeStartToBecomePrimary' | 'CheckBecomePrimaryOK';
export type SiteNotice = 'NotifyBecomePrimary' | 'NotifyBecomePrimaryFailed';

export type MemberEffect =
  /** Write the record whole and durably. */
  | { readonly type: 'save-record'; readonly record: MemberRecord }

  /** Open a data channel to a member (event `dialled` or `dial-failed`). */
  | { readonly type: 'dial'; readonly to: MemberName }
  | { readonly type: 'send'; readonly connection: number; readonly message: DataMessage }
  | { readonly type: 'close'; readonly connection: number; readonly reason: string }

  /** Connect to the arbiter (event `arbiter-opened` or `arbiter-closed`). */
  | { readonly type: 'open-arbiter' }
  | { readonly type: 'close-arbiter' }
  | { readonly type: 'tell-arbiter'; readonly message: ToArbiter }

  /** The record has a new list of failover members: the types of the members follow (event `settings-changed` need not come). */
  | { readonly type: 'failover-members'; readonly failoverMembers: FailoverMembers }

  /** A primary has told a newer mirror set: keep it (event `settings-changed`). */
  | { readonly type: 'mirror-set'; readonly mirrorSet: MirrorSet }
  /** This member reigns and stands for its mirror set: a new revision of the same, newer than what any former primary wrote down. */
  | { readonly type: 'renew-mirror-set' }
  /** A member knows that it is out of the mirror: if the mirror set has it still, it is taken out; nobody calls it any more. */
  | { readonly type: 'removal-heard'; readonly member: MemberName }

  /** Ask the agent of a member (event `agent-answered`). Force-down kills an instance of a lower epoch whatever its state. */
  | {
      readonly type: 'ask-agent';
      readonly request: number;
      readonly question: StateQuestion;
      readonly of: MemberName;
      readonly epoch: Epoch;
      /** The agent takes a list that is newer than that of its record, before it answers "down". */
      readonly failoverMembers?: FailoverMembers;
    }
  /** Ask that agent what journal it has of the incarnation it called down (event `journal-offered` or `fetch-failed`). */
  | {
      readonly type: 'ask-journal';
      readonly request: number;
      readonly of: MemberName;
      readonly incarnation: number;
      /** Of an async: its instance is asked first, and its agent only where that is not reached (FO-082). */
      readonly ofInstance?: true;
    }
  /**
   * Fetch everything behind the own end, store and flush it (event `fetch-progressed` after each part, at last `journal-fetched`
   * or `fetch-failed`). Nothing more is stored once the state does not fetch by this request any more (`isFetching`).
   */
  | {
      readonly type: 'fetch-journal';
      readonly request: number;
      readonly of: MemberName;
      readonly incarnation: number;
      readonly ofInstance?: true;
    }

  /** Make the journal durable (event `journal-flushed`). */
  | { readonly type: 'flush-journal' }
  /** Read one chunk behind `from`, not beyond `to`, and send it (event `journal-shipped` or `ship-failed`). */
  | {
      readonly type: 'ship-journal';
      readonly connection: number;
      readonly from: JournalPosition;
      readonly to: JournalPosition;
      readonly durableTo: JournalPosition;
    }
  /** Store the bytes that came beside a data message, and flush (event `journal-flushed` or `store-failed`). */
  | {
      readonly type: 'store-journal';
      readonly connection: number;
      readonly from: JournalPosition;
      readonly to: JournalPosition;
    }
  /** Keep records up to this place, put what follows into lost+found, with the reason (event `journal-cut`, before the next effect). */
  | { readonly type: 'cut-journal'; readonly to: JournalPlace; readonly because: string }
  /** Begin a new file of this epoch (event `file-started`). */
  | { readonly type: 'start-file'; readonly epoch: Epoch }
  /** Bring every activated database up to there (event `databases-applied`). */
  | { readonly type: 'apply-journal'; readonly to: JournalPosition }

  /**
   * May this member go on (event `site-answered`)? With CanNodeStartToBecomePrimary the required databases are looked at first
   * (FO-004); a member that is forced is not asked for that entry point, which is there to leave the decision to a person.
   */
  | { readonly type: 'ask-site'; readonly request: number; readonly entry: SiteQuestion; readonly right: Right }
  /** Nobody waits for what the site does with it. */
  | { readonly type: 'tell-site'; readonly entry: SiteNotice }

  /** Updates come in and are appended. */
  | { readonly type: 'admit-updates' }
  /** Updates wait at the door (trouble, hand-over). */
  | { readonly type: 'hold-updates' }
  /** Updates are refused, those waiting too: this member is not primary. */
  | { readonly type: 'refuse-updates' }
  /** Every update at or below is durable: answer its client. It may reach the databases later (docs/decisions/0005). */
  | { readonly type: 'answer-clients'; readonly to: JournalPosition }
  | { readonly type: 'end-process'; readonly because: string }
  | { readonly type: 'log'; readonly message: LogMessage; readonly facts: Facts }
  /** A role change or a decision, with the rules that fired: goes to the events record. */
  | {
      readonly type: 'note';
      readonly what: string;
      readonly rules: readonly string[];
      readonly facts: Facts;
      /** One of a series of attempts that goes on until something changes: the record keeps the first of them. */
      readonly isAttempt: boolean;
    }
  /** An operator's command has come to its end, or to the answer it gets now. */
  | {
      readonly type: 'answer-operator';
      readonly request: number;
      readonly outcome: 'done' | 'refused' | 'failed' | 'not-known';
      readonly reason: string;
      readonly text: string;
      readonly spec: string | null;
    };
