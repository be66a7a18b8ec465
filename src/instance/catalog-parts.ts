/** What the catalog of databases (catalog.ts) needs of the instance around it, and what a database is at first. */
import type { Database, DatabaseStore, Maximum } from '../database/databases.ts';
import type { ConfigurationStore, DatabaseConfiguration, FileOperations } from '../host/host.ts';
import type { PlacedRecord, ReadParts } from '../journal/journal.ts';
import { isAdmittedByPrimary } from '../mirror/database-properties.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import type { DatabaseSettings } from './database-settings.ts';
import type { CatchUpCourse } from './dejournaling.ts';
import { CatalogRefusal } from './parts.ts';

export interface CatalogParts {
  readonly store: DatabaseStore;
  readonly files: Pick<FileOperations, 'removeTree'>;
  readonly configuration: ConfigurationStore;
  /** Is there a database of that name on the instance, in whatever mirror? */
  readonly isNameTaken: (name: string) => boolean;
  readonly readParts: ReadParts;
  readonly log: WriteLog;
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

/** A database that is open. */
export interface Mounted {
  readonly database: Database;
  /** In step with the others: `apply` brings it forward. Otherwise it needs activation or catchup. */
  inStep: boolean;
  catchingUp: boolean;
  /** Its part in the mirror is being changed: until then. */
  moving: Promise<void> | null;
  /** Of the catchup under way. */
  progress: CatchUpCourse | null;
  /** Why it fell out of step; empty = nothing happened. */
  fault: string;
}

export function freshlyMounted(database: Database): Mounted {
  return { database, inStep: false, catchingUp: false, moving: null, progress: null, fault: '' };
}

/** @throws CatalogRefusal when it is dismounted or unknown. */
export function mountedOne(mounted: ReadonlyMap<string, Mounted>, settings: DatabaseSettings, name: string): Mounted {
  const one = mounted.get(settings.of(name).name);
  if (one === undefined) throw new CatalogRefusal('not-mounted', `database ${name} is dismounted; mount it first`);
  return one;
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
