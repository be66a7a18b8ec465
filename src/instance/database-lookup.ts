/** Which database a request of an application means. */
import type { Database } from '../database/databases.ts';
import type { DatabaseConfiguration } from '../host/host.ts';
import type { ClientRefusal } from '../protocol/client-channel.ts';
import type { CatalogEntry } from './parts.ts';

export interface FoundDatabase {
  readonly database: Database;
  /** Its name in the mirror; null for an ordinary one, and for a copy that is changed here alone. */
  readonly mirrored: string | null;
  /** Its name on this instance. */
  readonly name: string;
  /** What changes it is looked at when this has ended (CatalogEntry). */
  readonly moving: Promise<void> | null;
  /** DB-033: a copy that lacks journal data takes no updates on top, even on the primary. Null = it takes them. */
  readonly noUpdates: ClientRefusal | null;
  /** SYN-017: it has its maximum size; kills are taken and make room. Null = there is room. */
  readonly noSets: ClientRefusal | null;
}

/** `:mirror:MIRROR:NAME`, as it is called over all mirrors. */
const fullName = /^:MIRROR:([A-Z0-9]+):(.+)$/;

/**
 * Databases by the names that may mean them: an update in one of many does not look through all. Good for one state of the
 * configuration, whose list never changes.
 */
export class DatabaseNames {
  readonly databases: readonly DatabaseConfiguration[];
  readonly #called = new Map<string, DatabaseConfiguration[]>();

  constructor(databases: readonly DatabaseConfiguration[]) {
    this.databases = databases;
    for (const configuration of databases) {
      const { name, mirrorDatabase } = configuration;
      // The empty name means the only mirrored one.
      const names = mirrorDatabase === null ? [name] : new Set([name, mirrorDatabase, '']);
      for (const each of names) this.#add(each, configuration);
    }
  }

  #add(name: string, configuration: DatabaseConfiguration): void {
    const present = this.#called.get(name);
    if (present === undefined) this.#called.set(name, [configuration]);
    else present.push(configuration);
  }

  /** All that `findDatabase` may find under this name, in the order of the configuration. */
  called(name: string): readonly DatabaseConfiguration[] {
    const wanted = name.toUpperCase();
    return this.#called.get(fullName.exec(wanted)?.[2] ?? wanted) ?? [];
  }
}

/**
 * By mirror database name, else by local name; empty = the only mirrored one. `entries` are those called so. Two mirrors of a reporting async may have databases
 * of one name: then the local name tells, or the mirror.
 */
export function findDatabase(entries: readonly CatalogEntry[], name: string): FoundDatabase | ClientRefusal {
  const wanted = name.toUpperCase();
  const candidates = candidatesFor(entries, wanted);
  const entry =
    (candidates.length > 1 ? candidates.find(({ configuration }) => configuration.name === wanted) : candidates[0]) ??
    entries.find(({ configuration }) => configuration.name === wanted);
  if (candidates.length > 1 && (wanted === '' || entry === undefined)) {
    const [first] = candidates;
    const isOneName = candidates.every(
      (each) => each.configuration.mirrorDatabase === first?.configuration.mirrorDatabase,
    );
    const names = candidates.map(({ configuration: { mirrorDatabase }, attribute }) =>
      isOneName ? `:mirror:${attribute?.mirror}:${mirrorDatabase}` : mirrorDatabase,
    );
    return refusalOf('which-database', `there are several mirrored databases: say which of ${names.join(', ')}`);
  }
  if (entry === undefined) {
    const text =
      wanted === '' ? 'there is no mirrored database here; create one first' : `there is no database ${wanted} here`;
    return refusalOf('no-database', text);
  }
  const { configuration, database } = entry;
  if (database === null) return refusalOf('no-database', `database ${configuration.name} is dismounted`);
  const { name: localName, mirrorDatabase } = configuration;
  const { moving } = entry;
  const noUpdates = moving === null ? refusalOfUpdates(entry) : refusalForNow(localName);
  const noSets = refusalOfSets(localName, database);
  // What is changed in a copy of its own is no update of the mirror, whatever this member is doing in it (DB-038).
  if (entry.isWritable) return { database, mirrored: null, name: localName, moving, noUpdates: null, noSets };
  return { database, mirrored: mirrorDatabase, name: localName, moving, noUpdates, noSets };
}

function candidatesFor(entries: readonly CatalogEntry[], wanted: string): readonly CatalogEntry[] {
  if (wanted === '') return entries.filter(({ configuration }) => configuration.mirrorDatabase !== null);
  const [, mirror, database] = fullName.exec(wanted) ?? [];
  if (mirror !== undefined) {
    return entries.filter(
      ({ configuration, attribute }) => configuration.mirrorDatabase === database && attribute?.mirror === mirror,
    );
  }
  return entries.filter(({ configuration }) => (configuration.mirrorDatabase ?? configuration.name) === wanted);
}

function refusalOfSets(name: string, { isFull, sizeBytes, maximumBytes }: Database): ClientRefusal | null {
  if (!isFull) return null;
  const megabytes = (bytes: number): string => (bytes / 1_000_000).toFixed(1);
  const text = `<FILEFULL> database ${name} has ${megabytes(sizeBytes)} MB and may have ${megabytes(maximumBytes)} MB at most; kill data, or give it a larger maximum size`;
  return refusalOf('database-full', text);
}

/** DB-001, DB-047: it takes some milliseconds. */
function refusalForNow(name: string): ClientRefusal {
  const text = `database ${name} is just becoming part of the mirror, or leaving it; try again`;
  return refusalOf('frozen', text);
}

function refusalOfUpdates({ configuration, status }: CatalogEntry): ClientRefusal | null {
  if (status === 'Normal' || status === 'Local') return null;
  const text = `database ${configuration.name} cannot be changed, its status is ${status}; an operator resumes it or catches it up`;
  return refusalOf('frozen', text);
}

/** A refusal that is the same wherever the request is sent. */
export function refusalOf(code: ClientRefusal['code'], text: string): ClientRefusal {
  return { code, text, retry: false, primary: null };
}
