/** What an operator can order on the control socket: the arguments of each command, why it is refused, and how it ends. */
import type { CompressionMode, ParallelDejournaling } from '../mirror/mirror-set.ts';
import type { MemberType } from '../mirror/terms.ts';

/** Arguments of each command an operator can give, by its name. Fields left out take the default shown by `describe`. */
export interface CommandArguments {
  'enable-mirror-service': Record<string, never>;
  /** `enableService`: the mirror service is enabled with it, if it is not (CFG-001). */
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
    readonly enableService?: boolean;
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
    readonly enableService?: boolean;
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

/** Answer to `perform`. `not-known` = it goes on, look at the messages log (FO-074). */
export type Outcome =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly outcome: 'refused' | 'failed' | 'not-known'; readonly refusal: Refusal };
