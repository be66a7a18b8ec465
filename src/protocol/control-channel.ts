/**
 * Terminal or command to the instance on its local control socket. After the opening (channel 'control') both sides send
 * JSON frames: requests with a number, then any number of progress frames, then one answer with the same number.
 */
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { StatusReport, VerificationReport } from '../mirror/status.ts';
import type { Assessment } from './assessment.ts';
import type { CommandArguments, CommandName, Outcome, Refusal } from './control-commands.ts';

/** Frame kinds. */
export const CONTROL = { request: 16, answer: 17, progress: 18 } as const;

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
  /** With arguments: what it would meet with them, and do (`findings`). Changes nothing. */
  | {
      readonly [N in CommandName]: {
        readonly type: 'assess';
        readonly command: N;
        readonly arguments?: CommandArguments[N];
      };
    }[CommandName]
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
