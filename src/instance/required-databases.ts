/** The databases that are required at startup: the gate before becoming primary (FO-004). */
import type { CatalogEntry } from './parts.ts';

/**
 * The first one that is not mounted or, where it is mirrored, not activated and in step, and why; null = none. What is in step
 * only lacks what becoming primary applies.
 */
export function missingAtStartup(entries: readonly CatalogEntry[]): string | null {
  for (const { configuration, database, status } of entries) {
    if (!configuration.mountRequiredAtStartup) continue;
    const why =
      database === null ? (configuration.mounted ? 'could not be mounted' : 'is dismounted') : faultOf[status];
    if (why !== null) return `database ${configuration.name} ${why} and is required at startup`;
  }
  return null;
}

/** What stands in the way of FO-004 where a mounted database has this status. */
const faultOf: Readonly<Record<CatalogEntry['status'], string | null>> = {
  Local: null,
  Normal: null,
  Dejournaling: null,
  'Needs Activation': 'is not activated',
  'Needs Catchup': 'is not caught up',
  'Catchup Running': 'is not caught up yet',
  'Dejournaling Stopped': 'could not be caught up because of an error in it',
  'Database Dismounted': 'is dismounted',
  Orphaned: null,
  Obsolete: null,
};
