/**
 * What a member keeps on disk about its own role: one file, replaced whole, fsynced before the effect that relies on it.
 * A crash between any two writes leaves a record that is safe to start from (docs/FAILOVER.md, "The durable record").
 */
import { type Epoch, type FailoverMembers, type MemberName, NO_EPOCH } from './terms.ts';

export interface MemberRecord {
  readonly format: 1;
  /** Raised at every process start, before any message leaves. */
  readonly incarnation: number;
  /** Highest epoch adopted. On disk before its first record, and on a backup before anything is cut or stored. */
  readonly epoch: Epoch;
  /** Was this member the primary of that epoch? */
  readonly primaryOfEpoch: boolean;
  /** On a primary: the backup whose acknowledgement it waits for. Cleared on disk before anything is acknowledged without it. */
  readonly activeBackup: { readonly member: MemberName; readonly term: number } | null;
  /** On a backup: since when it may count itself as active. Cleared before it says that it is not. */
  readonly wasActive: { readonly epoch: Epoch; readonly term: number } | null;
  /** FO-072. */
  readonly noFailover: boolean;
  /**
   * Number of the newest epoch that was known when an operator cleared no failover here while the primary could not be asked;
   * what the record of a primary says of it counts only for later epochs. 0 = nobody did.
   */
  readonly noFailoverClearedIn: number;
  /** SYN-022: mirroring was stopped by an operator and stays stopped until started. */
  readonly stoppedByOperator: boolean;
  /** 0 (false) = this former failover member must ask the mirror for its role (FO-084). */
  readonly validatedMember: boolean;
  /** CFG-071. */
  readonly joinMirror: boolean;
  /**
   * Highest epoch an agent has answered "down" to: no start may skip the question while it is above `epoch`. Written by the agent.
   * `requester`: who was told, or 'several members', which can be no member's name (CFG-022).
   */
  readonly fence: { readonly epoch: Epoch; readonly requester: MemberName } | null;
  /** CFG-069: this member was removed from the mirror, by whom, and what becomes of its databases at the next start. */
  readonly removed: { readonly by: MemberName; readonly removeAttribute: boolean } | null;
  /**
   * The epoch in which it met another history: as primary one of the same number, or one that its databases are beyond (FO-088). While it is the
   * present one, a person has not chosen yet, and this member's data are no part of that reign. A failover member that is the only one has
   * nobody to meet again and would go on after a restart.
   */
  readonly splitIn: Epoch | null;
  /**
   * FO-038: number of the epoch because of which it stopped as a primary; 0 = none. Its next reign is above that, also where nobody tells it
   * again: who follows that epoch may not even be in its mirror set.
   */
  readonly stoppedForEpoch: number;
  /** The last takeover that a person forced: what was shown, and when (wall clock ms). */
  readonly forced: Forced | null;
  /** The newest list that this member knows; null = none was promoted or demoted. Written by the agent, too (FO-078, FO-084). */
  readonly failoverMembers: FailoverMembers | null;
}

export interface Forced {
  readonly epoch: Epoch;
  readonly atMs: number;
  readonly evidence: string;
  /** By a promotion: former failover members that were not reached have to be told (FO-084). */
  readonly byPromotion?: true;
}

export const firstRecord: MemberRecord = {
  format: 1,
  incarnation: 0,
  epoch: NO_EPOCH,
  primaryOfEpoch: false,
  activeBackup: null,
  wasActive: null,
  noFailover: false,
  noFailoverClearedIn: 0,
  stoppedByOperator: false,
  validatedMember: true,
  joinMirror: true,
  fence: null,
  removed: null,
  splitIn: null,
  stoppedForEpoch: 0,
  forced: null,
  failoverMembers: null,
};

/** May `a` rely on its own journal against `b`? Only the primary of record of the newer epoch may. */
export function isNewerThan(
  a: { readonly epoch: Epoch; readonly primaryOfEpoch: boolean },
  b: { readonly epoch: Epoch; readonly primaryOfEpoch: boolean },
): boolean {
  if (!a.primaryOfEpoch) return false;
  return a.epoch.number > b.epoch.number || (a.epoch.number === b.epoch.number && !b.primaryOfEpoch);
}

/** Is the next reign of this member one that a person has accepted losses for (FO-081, FO-082)? */
export function promotedByForce({ failoverMembers }: MemberRecord): NonNullable<FailoverMembers['forced']> | null {
  return failoverMembers?.forced ?? null;
}
