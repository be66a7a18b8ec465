/**
 * The field's words for members, roles, statuses and modes, and which of them go together.
 * Meanings: docs/spec/00-glossary.md; statuses: docs/spec/05-monitoring.md (MON-001, MON-002).
 */

/** Name of a mirror, 1-15 upper-case alphanumerics (CFG-017). */
export type MirrorName = string;

/** Name of a member inside its mirror, upper case (CFG-022, CFG-035). */
export type MemberName = string;

/** Name of a database inside its mirror, compared case-insensitively, kept in upper case (DB-009, DB-010). */
export type MirrorDatabaseName = string;

export type MemberType = 'Failover' | 'Disaster Recovery' | 'Read-Only Reporting' | 'Read-Write Reporting';

/** What the Status column shows (MON-001, MON-002). */
export type MemberStatus =
  | 'Primary'
  | 'Backup'
  | 'In Trouble'
  | 'Connected'
  | 'Transition'
  | 'Synchronizing'
  | 'Waiting'
  | 'Stopped'
  | 'Crashed'
  | 'Error'
  | 'Down'
  | 'Not Initialized';

export type FailoverMode = 'Arbiter Controlled' | 'Agent Controlled';

/** In the order in which they are offered. */
export const memberTypes: readonly MemberType[] = [
  'Failover',
  'Disaster Recovery',
  'Read-Only Reporting',
  'Read-Write Reporting',
];

/** The two types that hold any part of the mirror's databases, and are never made failover members. */
export function isReporting(type: MemberType): boolean {
  return type === 'Read-Only Reporting' || type === 'Read-Write Reporting';
}

/** Why a member may become primary: FO-007, the start-up rules, or a person (`force`, `resume`). */
export type Right = 'agent-down' | 'licence' | 'take-over' | 'consent' | 'alone' | 'force' | 'resume';

/** How much of the arbiter a member knows of (MON-019). */
export type ArbiterConnection =
  | 'Both failover members are connected to the arbiter'
  | 'Only this member is connected to the arbiter'
  | 'This member is not connected to the arbiter';

/** Status of one mirrored database copy on one member (MON-010). */
export type DatabaseStatus =
  | 'Normal'
  | 'Dejournaling'
  | 'Needs Catchup'
  | 'Needs Activation'
  | 'Catchup Running'
  | 'Dejournaling Stopped'
  | 'Database Dismounted'
  | 'Orphaned'
  | 'Obsolete';

/**
 * One reign of one primary. `number` grows by one each time a member becomes primary; `owner` is that member; `lineage` is a random
 * mark, so that two reigns of one number can be told apart: one that a person forced, or one that its owner has forgotten with its disk.
 */
export interface Epoch {
  readonly number: number;
  readonly owner: MemberName;
  readonly lineage: string;
}

export const NO_EPOCH: Epoch = { number: 0, owner: '', lineage: '' };

export function sameEpoch(a: Epoch, b: Epoch): boolean {
  return a.number === b.number && a.owner === b.owner && a.lineage === b.lineage;
}

/** A place in the journal, without the file. */
export interface JournalPlace {
  readonly epoch: number;
  readonly sequence: number;
}

/** What was known to be lost when a person promoted a member though journal data may be missing, as far as anybody could be asked. */
export interface ReportedLoss {
  /** The promoted member. */
  readonly by: MemberName;
  /** Up to here it has everything; what others have behind it is lost. */
  readonly from: JournalPlace;
  /** End of the furthest journal that was found; not behind `from` = none has more. */
  readonly upTo: JournalPlace;
  readonly records: number;
  /** What these have nobody knows. */
  readonly notReached: readonly MemberName[];
}

/** Who the failover members are since the last promotion or demotion (failover-members.ts). */
export interface FailoverMembers {
  /** Epoch of the primary that stands for this list: whoever becomes primary puts its own. */
  readonly epoch: number;
  /** Rises with each promotion and demotion. */
  readonly number: number;
  /** One or two. */
  readonly names: readonly MemberName[];
  /**
   * A person promoted though updates may be lost (FO-081, FO-082): the first reign of this list has this lineage, and a number
   * not below this one, whichever of the two has it.
   */
  readonly forced?: {
    readonly number: number;
    readonly lineage: string;
    readonly atMs: number;
    readonly evidence: string;
  };
  /** What the last promotion by force was reported to lose: whoever comes back with what was lost compares it. */
  readonly reported?: ReportedLoss;
}
