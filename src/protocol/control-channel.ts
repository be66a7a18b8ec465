/**
 * Terminal or command to the instance on its local control socket. After the opening (channel 'control') both sides send
 * JSON frames: requests with a number, then any number of progress frames, then one answer with the same number.
 */
import type { CompressionMode, MirrorSet, ParallelDejournaling } from '../mirror/mirror-set.ts';
import type { StatusReport, VerificationReport } from '../mirror/status.ts';
import type { JournalPlace, MemberType } from '../mirror/terms.ts';

/** Frame kinds. */
export const CONTROL = { request: 16, answer: 17, progress: 18 } as const;

/** Arguments of each command an operator can give, by its name. Fields left out take the default shown by `describe`. */
export interface CommandArguments {
  'enable-mirror-service': Record<string, never>;
  'create-mirror': {
    readonly mirror: string;
    readonly member?: string;
    readonly requireTls?: boolean;
    readonly arbiter?: { readonly host: string; readonly port: number } | null;
    readonly compressionFailover?: CompressionMode;
    readonly compressionAsync?: CompressionMode;
    readonly superserverAddress?: string;
    readonly agentPort?: number;
    readonly qosTimeoutMs?: number;
    readonly parallelDejournaling?: ParallelDejournaling;
    readonly privateAddress?: string;
    readonly agentAddress?: string;
  };
  'join-mirror': {
    readonly mirror: string;
    readonly type: MemberType;
    /** Agent of a failover member, and that member's instance (CFG-027, CFG-034). */
    readonly otherAgentAddress: string;
    readonly otherAgentPort?: number;
    readonly otherInstance: string;
    readonly member?: string;
    readonly superserverAddress?: string;
    readonly agentPort?: number;
    readonly privateAddress?: string;
    readonly agentAddress?: string;
  };
  /**
   * CFG-064: a member that is kept out because of its addresses becomes a new one of its mirror; without `type` an async stays what it is,
   * and a failover member becomes a DR async.
   */
  'join-as-new-member': {
    readonly type?: MemberType;
    readonly member?: string;
    readonly superserverAddress?: string;
    readonly agentPort?: number;
    readonly privateAddress?: string;
    readonly agentAddress?: string;
  };
  /** On the primary only (CFG-043, CFG-045). */
  'edit-mirror': {
    readonly qosTimeoutMs?: number;
    readonly arbiter?: { readonly host: string; readonly port: number } | null;
    readonly keepDays?: number;
    /** Null = without a limit. */
    readonly limitMegabytes?: number | null;
    readonly limitDays?: number | null;
    readonly switchDaily?: boolean;
    readonly compressionFailover?: CompressionMode;
    readonly compressionAsync?: CompressionMode;
    /** 0 = never. */
    readonly verifyEveryMinutes?: number;
    readonly parallelDejournaling?: ParallelDejournaling;
  };
  /** CFG-056..CFG-060: of this member unless `member` is given; the private address null = that of the superserver. */
  'edit-addresses': {
    readonly member?: string;
    readonly superserverAddress?: string;
    readonly superserverPort?: number;
    readonly privateAddress?: string | null;
    readonly agentAddress?: string;
    readonly agentPort?: number;
  };
  /** CFG-069: take another member out; its databases keep their mirror attribute unless `removeAttribute`. */
  'remove-member': { readonly member: string; readonly removeAttribute?: boolean };
  /** CFG-066, CFG-067, CFG-071: this instance leaves its mirror; `withoutPrimary`: also while no primary answers. */
  'remove-mirror': { readonly removeAttribute?: boolean; readonly withoutPrimary?: boolean };
  /** On the primary: begin a new mirror journal file. */
  'switch-journal': Record<string, never>;
  /** Remove now what nobody needs (SYN-026). */
  'purge-journal': Record<string, never>;
  /** Of this instance; the alternate directory counts from the next start on. */
  'edit-journal': { readonly alternateDirectory?: string | null; readonly purgeAtOnce?: boolean };
  /** FO-072; `set` absent = the other state than now. */
  'change-no-failover': { readonly set?: boolean };
  'become-primary': Record<string, never>;
  /**
   * FO-077..082. `partner`: left out = chosen automatically, `none`, or a member's name. `hold` = no failover is set, so that it stops just
   * before it becomes primary. Refused where more is known to exist than up to `acceptLossUpTo`.
   */
  promote: {
    readonly partner?: string;
    readonly hold?: boolean;
    /** EPOCH/SEQUENCE. */
    readonly acceptLossUpTo?: string;
  };
  /** FO-087: this backup; on the primary the other failover member. */
  demote: Record<string, never>;
  'demote-other': Record<string, never>;
  'force-primary': Record<string, never>;
  /** On a primary in trouble state without a time limit (FO-076). */
  'resume-primary': Record<string, never>;
  'start-mirror': Record<string, never>;
  'stop-mirror': Record<string, never>;
  /** Make a database; `mirrored` = its mirror database name, null = ordinary. */
  'create-database': {
    readonly database: string;
    readonly directory?: string;
    readonly mirrored?: string | null;
    readonly mountRequired?: boolean;
    readonly journaled?: boolean;
    readonly maximumMegabytes?: number;
    readonly expansionMegabytes?: number;
    readonly resource?: string;
  };
  /** Mount Required at Startup (FO-004), Global Journal State (DB-002, DB-056). */
  'edit-database': {
    readonly database: string;
    readonly mountRequired?: boolean;
    readonly journaled?: boolean;
    /** Maximum size in MB (1,000,000 bytes); 0 = none. */
    readonly maximumMegabytes?: number;
    /** In MB; 0 = as the system chooses. */
    readonly expansionMegabytes?: number;
    /** DB-046. */
    readonly resource?: string;
    /** DB-060: on the primary it joins the mirror under this name. */
    readonly mirrored?: string;
  };
  /**
   * DB-019: on the primary ordinary databases join the mirror, under the names given in the same order or under their own; in the
   * background if wanted, and always when there are many.
   */
  'add-databases': {
    readonly databases: readonly string[];
    readonly mirrorDatabases?: readonly string[];
    readonly background?: boolean;
  };
  /** DB-047..049; `onlyHere` = this copy of a backup goes although the mirror still has the database. */
  'remove-database': { readonly database: string; readonly onlyHere?: boolean };
  /** DB-031, DB-032: activate and catch up; several run in the background unless `wait`. */
  'catch-up-databases': { readonly databases: readonly string[]; readonly wait?: boolean };
  /** SYN-020: dejournaling into single databases. */
  'pause-databases': { readonly databases: readonly string[] };
  'resume-databases': { readonly databases: readonly string[] };
  /** On an async: its own type, its FailoverDB flags, when its journal files are purged (CFG-050, CFG-051). */
  'edit-async': {
    readonly type?: MemberType;
    /** All flags; needs a reporting type. */
    readonly clearFailoverDb?: boolean;
    readonly purgeAtOnce?: boolean;
  };
  /** DB-040: on a reporting async; absent = of all copies. */
  'clear-failoverdb': { readonly databases?: readonly string[] };
  /** SYN-023: a module in the instance's directory; null = without one. */
  'set-dejournal-filter': { readonly module: string | null };
  /** SYN-020: dejournaling of all databases of an async. */
  'manage-dejournaling': { readonly paused: boolean };
  /** Hot copies into a new directory, with a manifest. */
  'backup-databases': { readonly databases: readonly string[]; readonly to: string };
  /**
   * DB-021, DB-022: copies of a backup take the places of databases here. `databases` as the backup names them, absent = all;
   * `as` = local name of a single one; `replace` = local names whose present data may go.
   */
  'restore-databases': {
    readonly from: string;
    readonly databases?: readonly string[];
    readonly as?: string;
    readonly replace?: readonly string[];
  };
  /**
   * DB-029: copies of another member's databases take their places here. `databases` = mirror database names, absent = all;
   * `from` = a member, absent = the primary; `replace` = local names whose present data may go.
   */
  'download-databases': {
    readonly databases?: readonly string[];
    readonly from?: string;
    /** Local name of a single one that is not here yet. */
    readonly as?: string;
    readonly replace?: readonly string[];
  };
  /** FO-089: all of this member's databases anew from another member; put in place by a restart. */
  'rebuild-member': { readonly from?: string };
  /** DB-035; a mirrored one is caught up unless `catchUp` is false. */
  'mount-database': { readonly database: string; readonly catchUp?: boolean };
  'dismount-database': { readonly database: string };
  'delete-database': { readonly database: string };
  /** DB-018: emptied, with name and properties kept. */
  'recreate-database': { readonly database: string };
  /** Stop the instance; an active backup takes over unless `noFailover` (FO-073). */
  'stop-instance': { readonly noFailover: boolean };
}

export type CommandName = keyof CommandArguments;

/** Why a command is not offered here and now; `reason` is stable, `text` is for people and says what to do. */
export interface Refusal {
  readonly reason: string;
  readonly text: string;
  /** Rule it comes from, e.g. CFG-004. */
  readonly spec: string | null;
}

/** Counted from where the catchup began. */
export interface CatchUpProgress {
  readonly recordsDone: number;
  readonly recordsToDo: number;
  readonly bytesDone: number;
  readonly bytesToDo: number;
  /** Since it began; 0 = not known yet. */
  readonly recordsPerSecond: number;
  readonly secondsLeft: number | null;
  /** Since it last came forward, ms. */
  readonly standsStillMs: number;
}

export interface DatabaseDescription {
  /** Local name. */
  readonly name: string;
  readonly directory: string;
  /** Mirror database name, or null for an ordinary database. */
  readonly mirrored: string | null;
  /** The mirror that its copy is of; null for an ordinary database. */
  readonly mirror: string | null;
  readonly mounted: boolean;
  /** Mount Required at Startup (FO-004). */
  readonly mountRequired: boolean;
  /** Global Journal State (DB-002). */
  readonly journaled: boolean;
  /** Bytes in use, and the most it may have (0 = no limit); null while it is dismounted. */
  readonly sizeBytes: number | null;
  readonly maximumBytes: number | null;
  /** Expansion Size in MB (0 = as the system chooses), and Resource Name. */
  readonly expansionMegabytes: number;
  readonly resource: string;
  /** Dejournaling into it was paused, it alone (SYN-020). */
  readonly paused: boolean;
  /** The FailoverDB flag of a mirrored copy (DB-061); null of an ordinary database, and while it is dismounted. */
  readonly failoverDb: boolean | null;
  /** While it is caught up. */
  readonly catchUp: CatchUpProgress | null;
  /** May it be added to the mirror (DB-019)? */
  readonly addable: boolean;
  /** Why it cannot be added where an operator can do something about it (DB-056); null = it can, or never can. */
  readonly notAddable: string | null;
  /** Activate and/or catch up would do something (DB-031). */
  readonly needsCatchUp: boolean;
  /** DatabaseStatus, or 'Local' for an ordinary one. */
  readonly status: string;
}

/** What an operator may do on this instance now, and the defaults the questions show. */
export interface Description {
  readonly instance: string;
  readonly home: string;
  readonly serviceEnabled: boolean;
  /** Null when the instance is in no mirror. */
  readonly mirrorSet: MirrorSet | null;
  readonly member: string | null;
  readonly isPrimary: boolean;
  /** Primary in indefinite trouble (FO-036), so that the routine can say so at once. */
  readonly indefiniteTrouble: boolean;
  /** Why this member is kept out of its mirror because of its addresses (CFG-063); null = it is not. */
  readonly keptOut: string | null;
  readonly noFailover: boolean;
  /** Dejournaling of all databases is paused on this member, by an operator or by an error (SYN-018, SYN-020). */
  readonly dejournalingPaused: boolean;
  /** File name of the dejournal filter; null = none (SYN-023). */
  readonly dejournalFilter: string | null;
  /** SYN-026. */
  readonly purgeAtOnce: boolean;
  /** Where journal files are begun while the journal directory has no room; null = nowhere. */
  readonly alternateJournal: string | null;
  readonly agentRunning: boolean;
  /** All mirrors that the instance is in; what stands here is of one of them, the databases of all unless one was asked for. */
  readonly mirrors: readonly string[];
  readonly databases: readonly DatabaseDescription[];
  /** Null = offered. */
  readonly commands: Readonly<Record<CommandName, Refusal | null>>;
  readonly defaults: {
    readonly memberName: string;
    readonly asyncMemberName: string;
    readonly superserverAddress: string;
    readonly agentPort: number;
    readonly agentAddress: string;
  };
}

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
}

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

export type ControlRequest =
  | { readonly type: 'status' }
  | { readonly type: 'describe' }
  /** Ask another host's agent about a mirror, before joining it (CFG-028). Answered with MirrorLookup. */
  | {
      readonly type: 'look-up-mirror';
      readonly mirror: string;
      readonly agentAddress: string;
      readonly agentPort: number;
      readonly instance: string;
    }
  | { readonly type: 'assess'; readonly command: CommandName }
  /** What a restore would do here; changes nothing. Answered with RestorePlan, or a refusal. */
  | {
      readonly type: 'plan-restore';
      readonly arguments: Pick<CommandArguments['restore-databases'], 'from' | 'databases' | 'as'>;
    }
  | {
      readonly [N in CommandName]: {
        readonly type: 'perform';
        readonly command: N;
        readonly arguments: CommandArguments[N];
        /** From an assessment; absent = the caller takes the situation as it is. */
        readonly situation?: number;
      };
    }[CommandName]
  /** Compare what the databases of all connected members hold, on the primary. Progress, then a VerificationReport. */
  | { readonly type: 'verify'; readonly quick: boolean; readonly withinMs: number }
  /** The newest events (role changes and decisions), oldest first. Answered with EventRecord[]. */
  | { readonly type: 'events'; readonly after: number };

export interface MirrorLookup {
  readonly mirrorSet: MirrorSet;
  /** Name of the member whose instance was asked. */
  readonly asked: string;
  readonly primary: string | null;
}

/** What a restore would do, for the operator to confirm. */
export interface RestorePlan {
  /** Where the backup was taken, and when (ISO 8601). */
  readonly instance: string;
  readonly mirror: string | null;
  readonly member: string | null;
  readonly takenAt: string;
  readonly steps: readonly RestoreStep[];
}

export interface RestoreStep {
  /** Its name in the backup. */
  readonly copy: string;
  /** Local name here, and where it is or will be. */
  readonly database: string;
  readonly directory: string;
  /** Null for an ordinary database. */
  readonly mirrorDatabase: string | null;
  /** It is made for the restore. */
  readonly isNew: boolean;
  /** There are data in it, which would be replaced. */
  readonly holdsData: boolean;
  /** Null = it would be done. */
  readonly refusal: Refusal | null;
}

/** One role change or decision, with the rules that fired and the facts they saw. */
export interface EventRecord {
  /** Rises by one with each event of this member. */
  readonly number: number;
  /** ISO 8601 with ms. */
  readonly at: string;
  readonly member: string;
  readonly what: string;
  readonly rules: readonly string[];
  readonly facts: Readonly<Record<string, string | number | boolean | null>>;
}

/** Answer to `perform`. `not-known` = it goes on, look at the messages log (FO-074). */
export type Outcome =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly outcome: 'refused' | 'failed' | 'not-known'; readonly refusal: Refusal };

export interface RequestFrame {
  readonly number: number;
  readonly request: ControlRequest;
  /** Which mirror is meant, of those that a reporting async is in (CFG-008). */
  readonly mirror?: string;
}

export interface AnswerFrame {
  readonly number: number;
  /** StatusReport, Description, Assessment, Outcome, MirrorLookup or EventRecord[], by the request. */
  readonly answer?: unknown;
  /** Instead of an answer: the request itself could not be carried out. */
  readonly refusal?: Refusal;
}

export interface ProgressFrame {
  readonly number: number;
  readonly text: string;
}

/** The answer's type by request type, for typed clients. */
export interface ControlAnswers {
  status: StatusReport;
  describe: Description;
  'look-up-mirror': MirrorLookup;
  assess: Assessment;
  'plan-restore': RestorePlan;
  perform: Outcome;
  verify: VerificationReport;
  events: readonly EventRecord[];
}
