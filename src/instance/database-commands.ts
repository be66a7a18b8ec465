/** Databases of this instance: made, mounted, dismounted, deleted, caught up. What changes the mirror is in mirrored-databases.ts. */
import { isAbsolute } from 'node:path';
import { databaseDirectory } from '../host/home.ts';
import { checkMirrorDatabaseName } from '../mirror/mirror-set.ts';
import type { CommandArguments, Outcome } from '../protocol/control-commands.ts';
import { catchUpAll } from './catch-up-commands.ts';
import { done, failed, type Progress, refused, refusedWith } from './command-outcome.ts';
import { downloadDatabases } from './download-command.ts';
import { followPrimary } from './followed-properties.ts';
import { createMirrored, isEmpty, mirrorNameOf } from './mirrored-databases.ts';
import { noDatabase, noDatabaseToDelete } from './missing-database.ts';
import type { InstanceDaemon } from './parts.ts';
import { editDatabase, refusalOfProperties } from './property-commands.ts';

/** What the journal cannot build is copied from another member (DB-029), for as long as that takes: other commands go on meanwhile. */
export async function createDatabase(
  daemon: InstanceDaemon,
  given: CommandArguments['create-database'],
  progress: Progress,
): Promise<Outcome> {
  const { database, directory: _, mirrored: __, ...properties } = given;
  const why = refusalOfProperties(database, properties, given.mirrored != null);
  if (why !== null) return refusedWith(why);
  const named = checkMirrorDatabaseName(database);
  if (!named.ok) return refused('bad-name', named.text.replace('mirror database', 'database'), 'DB-009');
  const name = named.value;
  const { home, configuration } = daemon;
  const directory = given.directory ?? databaseDirectory(home.home, configuration.get().instance, name);
  if (!isAbsolute(directory)) {
    return refused('bad-directory', `directory "${directory}" is not an absolute path; give one that begins with /`);
  }
  const mirrored = given.mirrored ?? null;
  const made = await daemon.turns.next(() => create(daemon, name, directory, mirrored, progress));
  const outcome =
    mirrored !== null && needsCopy(made) ? await createByDownload(daemon, name, directory, mirrored, progress) : made;
  if (!outcome.ok || Object.keys(properties).length === 0) return outcome;
  const edited = await daemon.turns.next(() => editDatabase(daemon, { database, ...properties }, progress));
  return edited.ok ? done(`${outcome.text}; ${edited.text.replace(/^database \S+ /, 'it ')}`) : edited;
}

async function create(
  daemon: InstanceDaemon,
  name: string,
  directory: string,
  mirrored: string | null,
  progress: Progress,
): Promise<Outcome> {
  const { catalog } = daemon;
  if (mirrored !== null) return await createMirrored(daemon, name, directory, mirrored, progress);
  const present = catalog.find(name);
  if (present !== undefined) {
    const isSame = present.configuration.directory === directory && present.attribute === undefined;
    return isSame
      ? done(`database ${name} is there already, in ${directory}`)
      : refused('database-exists', `database ${name} exists already, in ${present.configuration.directory}`);
  }
  await catalog.create(name, directory);
  return done(`database ${name} is created in ${directory}`);
}

function needsCopy(outcome: Outcome): boolean {
  return !outcome.ok && ['needs-copy', 'journal-gone'].includes(outcome.refusal.reason);
}

/** DB-029, DB-030: what the journal cannot build is copied from the primary. Where there is no source, nothing is left here. */
async function createByDownload(
  daemon: InstanceDaemon,
  name: string,
  directory: string,
  mirrored: string,
  progress: Progress,
): Promise<Outcome> {
  const { catalog } = daemon;
  const mirrorDatabase = mirrored.toUpperCase();
  progress(`the journal cannot build ${mirrorDatabase} here: a copy is downloaded`);
  // The empty database says where the copy belongs.
  const isNew = await daemon.turns.next(async () => {
    if (catalog.find(name) !== undefined) return false;
    await catalog.create(name, directory);
    return true;
  });
  const outcome = await downloadDatabases(daemon, { databases: [mirrorDatabase], as: name }, progress);
  if (outcome.ok)
    return done(`database ${name} is created in ${directory} as a copy of ${mirrorDatabase}; ${outcome.text}`);
  await daemon.turns.next(async () => {
    const entry = catalog.find(name);
    // An application may have written into it meanwhile.
    const isUnused = entry?.attribute === undefined && entry?.database != null && isEmpty(entry.database);
    if (isNew && isUnused) await catalog.delete(name);
  });
  return outcome;
}

/** DB-035, DB-036: the mirror brings it level, unless the operator does not want that now. */
export async function mountDatabase(
  daemon: InstanceDaemon,
  { database, catchUp }: CommandArguments['mount-database'],
  progress: Progress,
): Promise<Outcome> {
  const { catalog } = daemon;
  const entry = catalog.find(database);
  if (entry === undefined) return noDatabase(daemon, database);
  const { name } = entry.configuration;
  if (entry.database !== null) return done(`database ${name} is mounted already`);
  await catalog.mount(name);
  await followPrimary(daemon);
  const status = catalog.find(name)?.status;
  if (daemon.member === null || status === undefined || status === 'Local') return done(`database ${name} is mounted`);
  if (status !== 'Needs Catchup' || catchUp === false)
    return done(`database ${name} is mounted; its status is ${status}`);
  const [why] = await catchUpAll(daemon, [name], progress);
  if (why === undefined) return done(`database ${name} is mounted and caught up`);
  return failed('not-caught-up', `database ${name} is mounted, but not caught up: ${why.message}`);
}

export async function dismountDatabase(daemon: InstanceDaemon, typed: string): Promise<Outcome> {
  const entry = daemon.catalog.find(typed);
  if (entry === undefined) return noDatabase(daemon, typed);
  const { name } = entry.configuration;
  if (entry.database === null) return done(`database ${name} is dismounted already`);
  await daemon.catalog.dismount(name);
  return done(`database ${name} is dismounted`);
}

/** DB-051. */
export async function deleteDatabase(daemon: InstanceDaemon, typed: string): Promise<Outcome> {
  const entry = daemon.catalog.find(typed);
  if (entry === undefined) return noDatabaseToDelete(daemon, typed);
  const { name } = entry.configuration;
  if (mirrorNameOf(entry) !== null) {
    return refused(
      'mirrored',
      `database ${name} is mirrored and cannot be deleted; remove it from the mirror first`,
      'DB-051',
    );
  }
  await daemon.catalog.delete(name);
  return done(`database ${name} is deleted with its data`);
}
