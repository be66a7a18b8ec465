/** What kind of member this instance is. The mirror set says it, which the primary may change; the configuration says what it was. */
import { isFlagCleared, type MirrorAttribute } from '../database/databases.ts';
import type { InstanceConfiguration } from '../host/host.ts';
import { dejournalJobsMax } from '../mirror/limits.ts';
import { dejournalJobs, type MirrorSet, memberNamed } from '../mirror/mirror-set.ts';
import { isReporting, type MemberType } from '../mirror/terms.ts';

type Known = Pick<InstanceConfiguration, 'mirrorSet' | 'member' | 'memberType'>;

/** Null in no mirror. */
export function ownType({ mirrorSet, member, memberType }: Known): MemberType | null {
  if (mirrorSet === null || member === null) return null;
  return memberNamed(mirrorSet, member)?.type ?? memberType;
}

/** Of a dejournaling operation on this instance (CFG-049). */
export function ownJobs(configuration: Known): number {
  const type = ownType(configuration);
  const { mirrorSet } = configuration;
  return mirrorSet === null || type === null
    ? dejournalJobsMax
    : dejournalJobs(mirrorSet.settings.parallelDejournaling, type);
}

export function isReportingAsync(configuration: Known): boolean {
  const type = ownType(configuration);
  return type !== null && isReporting(type);
}

/**
 * The configuration with a newer mirror set. What only a reporting async has goes where this instance is none any more (CFG-053),
 * however it learns of that.
 */
export function withMirrorSet(configuration: InstanceConfiguration, mirrorSet: MirrorSet): InstanceConfiguration {
  const next = { ...configuration, mirrorSet };
  const memberType = ownType(next);
  const kept = memberType !== null && isReporting(memberType) ? {} : { dejournalFilter: null, purgeAtOnce: false };
  return { ...next, memberType, ...kept };
}

/** A copy of a file that another member activated is not activated here. */
export function isActivatedHere(attribute: MirrorAttribute | undefined, configuration: Known): boolean {
  if (attribute?.activated !== true) return false;
  // DB-039: where the primary may come from, such a copy is none at all.
  if (isFlagCleared(attribute) && !isReportingAsync(configuration)) return false;
  return attribute.activatedOn === undefined || attribute.activatedOn === configuration.member;
}

/** DB-038: a copy that comes to a read-write reporting async is writable. Elsewhere the flag is as it is in the copy. */
export function flagOfNewCopy(configuration: Known): Pick<MirrorAttribute, 'failoverDb'> {
  return ownType(configuration) === 'Read-Write Reporting' ? { failoverDb: false } : {};
}
