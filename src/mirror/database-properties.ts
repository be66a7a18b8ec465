/**
 * Properties of a mirrored database that follow the primary's (DB-044). The primary keeps them in the mirror set, which goes
 * to each member when it connects and with each change: what was changed while a member was away is reconciled then. There
 * is one collation in this release, so it is none of them.
 */
import type { MirrorDatabaseDefinition } from './mirror-set.ts';
import type { MemberType } from './terms.ts';

export interface DatabaseProperties {
  /** 0 = no limit. */
  readonly maximumBytes: number;
  /** 0 = as the system chooses. */
  readonly expansionMegabytes: number;
  /** Who may use the database is said by this name (DB-046). */
  readonly resource: string;
}

/** What a copy on a member of this type should have, when it has `own`. */
export function followed(
  own: DatabaseProperties,
  primarys: DatabaseProperties | undefined,
  type: MemberType,
): DatabaseProperties {
  if (primarys === undefined) return own;
  if (type === 'Failover') return primarys;
  // DB-045: an async's sizes never shrink. DB-046: its resource is its own.
  return {
    maximumBytes: larger(own.maximumBytes, primarys.maximumBytes),
    expansionMegabytes: Math.max(own.expansionMegabytes, primarys.expansionMegabytes),
    resource: own.resource,
  };
}

/** No limit is the largest. */
function larger(a: number, b: number): number {
  return a === 0 || b === 0 ? 0 : Math.max(a, b);
}

export function isSameProperties(a: DatabaseProperties, b: DatabaseProperties): boolean {
  return (
    a.maximumBytes === b.maximumBytes && a.expansionMegabytes === b.expansionMegabytes && a.resource === b.resource
  );
}

/**
 * The primary takes an update only while there is room for it under its maximum. A copy that may have as much must not stop
 * for it, although its pages may be fuller, or its maximum was lowered before all that came earlier was applied.
 */
export function isAdmittedByPrimary(ownMaximumBytes: number, { properties }: MirrorDatabaseDefinition): boolean {
  if (properties === undefined) return false;
  return larger(ownMaximumBytes, properties.maximumBytes) === ownMaximumBytes;
}
