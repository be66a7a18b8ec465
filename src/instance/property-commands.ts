/**
 * Properties of a database, changed by an operator. Those of a mirrored one that follow the primary (DB-044) are changed there;
 * on another member they may be typed too, and become what they should be at once (PROC-052).
 */
import { checkDatabaseMegabytes, checkResourceName } from '../mirror/mirror-set.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { addOne, refusalToAdd } from './adding-databases.ts';
import {
  done,
  notPrimaryAnyMore,
  type Progress,
  refusal,
  refused,
  refusedWith,
  whenKeptIfPrimary,
} from './command-outcome.ts';
import { followPrimary, publishProperties } from './followed-properties.ts';
import { mirrorNameOf, mustBeJournaled } from './mirrored-databases.ts';
import { noDatabase } from './missing-database.ts';
import type { CatalogEntry, ChangeableProperties, InstanceDaemon } from './parts.ts';

type Properties = Omit<CommandArguments['edit-database'], 'database' | 'mirrored'>;

/** Null = they may be set so, as far as their values say. */
export function refusalOfProperties(name: string, given: Properties, isMirrored: boolean): Refusal | null {
  const { journaled, maximumMegabytes, expansionMegabytes, resource } = given;
  if (journaled === false && isMirrored) {
    return refusal('mirrored', `database ${name} is mirrored, and ${mustBeJournaled.toLowerCase()}`, 'DB-002');
  }
  const checks = [
    maximumMegabytes === undefined ? null : checkDatabaseMegabytes(maximumMegabytes, 'a maximum size'),
    expansionMegabytes === undefined ? null : checkDatabaseMegabytes(expansionMegabytes, 'an expansion size'),
    resource === undefined ? null : checkResourceName(resource),
  ];
  const no = checks.find((each) => each?.ok === false);
  return no?.ok === false ? refusal('bad-value', no.text) : null;
}

/** FO-004, DB-002, DB-044, DB-060, SYN-017. */
export async function editDatabase(
  daemon: InstanceDaemon,
  { database, mirrored, ...given }: CommandArguments['edit-database'],
  progress: Progress,
): Promise<Outcome> {
  const entry = daemon.catalog.find(database);
  if (entry === undefined) return noDatabase(daemon, database);
  const { name } = entry.configuration;
  if (mirrored === undefined) return await changeProperties(daemon, entry, given);
  // Both or neither, as far as can be told before.
  const why =
    refusalOfProperties(name, given, true) ?? refusalToAdd(daemon, entry, mirrored.toUpperCase(), given.journaled);
  if (why !== null) return refusedWith(why);
  const changed = isNothing(given) ? null : await changeProperties(daemon, entry, given);
  if (changed?.ok === false) return changed;
  const added = await addOne(daemon, name, mirrored.toUpperCase(), progress);
  return added.ok && changed !== null ? done(`${changed.text}; ${added.text}`) : added;
}

function isNothing(given: Properties): boolean {
  return Object.values(given).every((value) => value === undefined);
}

async function changeProperties(daemon: InstanceDaemon, entry: CatalogEntry, given: Properties): Promise<Outcome> {
  const { catalog, member } = daemon;
  const { name } = entry.configuration;
  if (isNothing(given)) {
    const text = `nothing of database ${name} is to be changed; say what, e.g. --mount-required yes`;
    return refused('nothing-to-do', text);
  }
  const why = refusalOfProperties(name, given, mirrorNameOf(entry) !== null);
  if (why !== null) return refusedWith(why);
  const { maximumMegabytes } = given;
  const isSo = isAsWished(entry, given);
  if (maximumMegabytes !== undefined) {
    if (entry.database === null) return refused('dismounted', `database ${name} is dismounted; mount it first`);
    await entry.database.setMaximumBytes(maximumMegabytes * 1_000_000);
  }
  catalog.change(name, configured(given));
  if (member?.state.role === 'primary') {
    if (!publishProperties(daemon, name)) return notPrimaryAnyMore;
  } else await followPrimary(daemon);
  const isStopped = entry.status === 'Dejournaling Stopped';
  const next = maximumMegabytes !== undefined && isStopped ? '; it has stopped dejournaling, so catch it up now' : '';
  const words = wordsFor(given).join(', and ');
  const text = isSo ? `is so already: it ${words}` : `${words}${whatHolds(daemon, name, given)}${next}`;
  return await whenKeptIfPrimary(daemon, `database ${name} ${text}`);
}

function isAsWished({ configuration, database }: CatalogEntry, given: Properties): boolean {
  const wanted = Object.entries(configured(given));
  const { maximumMegabytes } = given;
  return (
    wanted.every(([key, value]) => configuration[key as keyof ChangeableProperties] === value) &&
    (maximumMegabytes === undefined || database?.maximumBytes === maximumMegabytes * 1_000_000)
  );
}

function configured({ mountRequired, journaled, expansionMegabytes, resource }: Properties): ChangeableProperties {
  return {
    ...(mountRequired === undefined ? {} : { mountRequiredAtStartup: mountRequired }),
    ...(journaled === undefined ? {} : { journaled }),
    ...(expansionMegabytes === undefined ? {} : { expansionMegabytes }),
    ...(resource === undefined ? {} : { resource: resource.toUpperCase() }),
  };
}

function wordsFor(given: Properties): readonly string[] {
  const { mountRequired, journaled, maximumMegabytes, expansionMegabytes, resource } = given;
  const says: string[] = [];
  if (mountRequired !== undefined) {
    const blocks = ': while it is not mounted and caught up, this member does not become primary';
    says.push(`is ${mountRequired ? 'required' : 'not required'} at startup${mountRequired ? blocks : ''}`);
  }
  if (journaled !== undefined) says.push(journaled ? 'is journaled' : 'is not journaled, so it cannot be mirrored');
  if (maximumMegabytes !== undefined) says.push(atMost(maximumMegabytes));
  if (expansionMegabytes !== undefined) {
    says.push(
      expansionMegabytes === 0 ? 'grows as the system chooses' : `has an expansion size of ${expansionMegabytes} MB`,
    );
  }
  if (resource !== undefined) says.push(`has the resource ${resource.toUpperCase()}`);
  return says;
}

function atMost(megabytes: number): string {
  return megabytes === 0 ? 'has no maximum size' : `may have ${megabytes} MB at most`;
}

/** PROC-052: what was typed here and is not what the primary's database demands of this copy. */
function whatHolds({ catalog }: InstanceDaemon, name: string, given: Properties): string {
  const entry = catalog.find(name);
  if (entry?.database == null) return '';
  const now = presentProperties(entry);
  const others = (['maximumMegabytes', 'expansionMegabytes', 'resource'] as const).filter(
    (field) => given[field] !== undefined && String(given[field]).toUpperCase() !== String(now[field]),
  );
  if (others.length === 0) return '';
  const held = wordsFor(Object.fromEntries(others.map((field) => [field, now[field]])));
  return `; but this copy follows the database of the primary, so it ${held.join(', and ')} as before: change it on the primary`;
}

function presentProperties({
  database,
  configuration,
}: CatalogEntry): Required<Pick<Properties, 'maximumMegabytes' | 'expansionMegabytes' | 'resource'>> {
  return {
    maximumMegabytes: (database?.maximumBytes ?? 0) / 1_000_000,
    expansionMegabytes: configuration.expansionMegabytes,
    resource: configuration.resource,
  };
}
