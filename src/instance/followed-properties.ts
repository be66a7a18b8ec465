/** Carries out src/mirror/database-properties.ts: what of a database follows the primary's (DB-044..046, PROC-052). */
import type { Database } from '../database/databases.ts';
import type { ConfigurationStore, DatabaseConfiguration } from '../host/host.ts';
import { type DatabaseProperties, followed, isSameProperties } from '../mirror/database-properties.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import { type MirrorDatabaseDefinition, memberNamed } from '../mirror/mirror-set.ts';
import { changeMirrorSet } from './command-outcome.ts';
import type { CatalogEntry, DatabaseCatalog, InstanceDaemon } from './parts.ts';

interface FollowParts {
  readonly catalog: DatabaseCatalog;
  readonly configuration: ConfigurationStore;
  readonly log: WriteLog;
}

export function propertiesOf(
  { maximumBytes }: Pick<Database, 'maximumBytes'>,
  { expansionMegabytes, resource }: Pick<DatabaseConfiguration, 'expansionMegabytes' | 'resource'>,
): DatabaseProperties {
  return { maximumBytes, expansionMegabytes, resource };
}

/**
 * Each mounted copy gets what it should have. Changes take their place among the updates of a database in the turn in which
 * this is called, so that journal data that came after a larger maximum size find it.
 */
export async function followPrimary(parts: FollowParts): Promise<void> {
  await Promise.all(parts.catalog.entries().map((entry) => followOne(parts, entry)));
}

async function followOne(parts: FollowParts, entry: CatalogEntry): Promise<void> {
  const { catalog, configuration } = parts;
  const { database } = entry;
  const { mirrorSet, member, memberType } = configuration.get();
  const type = (mirrorSet && member && memberNamed(mirrorSet, member)?.type) || memberType;
  const primarys = mirrorSet?.databases.find(({ name }) => name === entry.attribute?.database)?.properties;
  if (database === null || type === null || primarys === undefined) return;
  const own = propertiesOf(database, entry.configuration);
  const should = followed(own, primarys, type);
  if (isSameProperties(own, should)) return;
  const { name } = entry.configuration;
  const { maximumBytes, expansionMegabytes, resource } = should;
  const inFile = maximumBytes === own.maximumBytes ? undefined : database.setMaximumBytes(maximumBytes);
  if (expansionMegabytes !== own.expansionMegabytes || resource !== own.resource) {
    catalog.change(name, { expansionMegabytes, resource });
  }
  await inFile;
  const has = `${describeSize(maximumBytes)}, expansion size ${expansionMegabytes} MB, resource ${resource}`;
  parts.log('follows-primary', { database: name, properties: has });
}

function describeSize(bytes: number): string {
  return bytes === 0 ? 'no maximum size' : `maximum size ${bytes / 1_000_000} MB`;
}

/** On the primary, what its database has is what all follow. False = it is not primary any more. */
export function publishProperties(daemon: InstanceDaemon, name: string): boolean {
  const entry = daemon.catalog.find(name);
  const mirrorDatabase = entry?.attribute?.database;
  if (entry?.database == null || mirrorDatabase === undefined) return true;
  const properties = propertiesOf(entry.database, entry.configuration);
  const publish = (each: MirrorDatabaseDefinition): MirrorDatabaseDefinition =>
    each.name === mirrorDatabase ? { ...each, properties } : each;
  return changeMirrorSet(daemon, (set) => ({ ...set, databases: set.databases.map(publish) }));
}
