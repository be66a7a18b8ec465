/** What the catalog of databases (catalog.ts) needs of the instance around it, and what a database is at first. */
import type { Database, DatabaseStore, Maximum } from '../database/databases.ts';
import type { ConfigurationStore, DatabaseConfiguration, FileOperations } from '../host/host.ts';
import type { PlacedRecord, ReadParts } from '../journal/journal.ts';
import { isAdmittedByPrimary } from '../mirror/database-properties.ts';

export interface CatalogParts {
  readonly store: DatabaseStore;
  readonly files: Pick<FileOperations, 'removeTree'>;
  readonly configuration: ConfigurationStore;
  /** Is there a database of that name on the instance, in whatever mirror? */
  readonly isNameTaken: (name: string) => boolean;
  readonly readParts: ReadParts;
  readonly log: (severity: 0 | 1 | 2, category: string, text: string) => void;
  /** Is this member primary? Its databases are Normal, and a fault in one of them holds the mirror up. */
  readonly isPrimary: () => boolean;
  readonly wait: (ms: number) => Promise<unknown>;
  /** Monotonic. */
  readonly nowMs: () => number;
  /** Lets the event loop turn: applying many blocks would hold up everything else. */
  readonly turn: () => Promise<unknown>;
  /** The databases given stand exactly at this record; what is applied next comes after this call. */
  readonly onBarrier: (barrier: PlacedRecord, databases: readonly Database[]) => void;
}

/** For whoever may use databases at all. */
const defaultResource = '%DB_%DEFAULT';

/** Mounted, and in no mirror. */
export function ordinaryDatabase(name: string, directory: string): DatabaseConfiguration {
  return {
    name,
    directory,
    mounted: true,
    mirrorDatabase: null,
    mountRequiredAtStartup: false,
    journaled: true,
    dejournalingPaused: false,
    expansionMegabytes: 0,
    resource: defaultResource,
  };
}

/** A primary asked for room before it took them (client-updates.ts); what may have as much as it takes them all (DB-044). */
export function maximumFor(
  { isPrimary, configuration }: Pick<CatalogParts, 'isPrimary' | 'configuration'>,
  { attribute, maximumBytes }: Database,
): Maximum {
  if (isPrimary()) return 'waived';
  const definition = configuration.get().mirrorSet?.databases.find(({ name }) => name === attribute?.database);
  return definition !== undefined && isAdmittedByPrimary(maximumBytes, definition) ? 'waived' : 'kept';
}
