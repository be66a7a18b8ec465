/** Databases of this instance: made, mounted, dismounted, deleted, caught up. What changes the mirror is in mirrored-databases.ts. */
import { isAbsolute } from 'node:path';
import { databaseDirectory } from '../host/home.ts';
import { checkMirrorDatabaseName } from '../mirror/mirror-set.ts';
import type { CommandArguments, Outcome } from '../protocol/control-channel.ts';
import { done, type Progress, refused, refusedWith } from './command-outcome.ts';
import { catchUp, createMirrored, mirrorNameOf, noDatabase } from './mirrored-databases.ts';
import { refusalOf } from './offered-commands.ts';
import type { InstanceDaemon } from './parts.ts';

export async function createDatabase(
  daemon: InstanceDaemon,
  given: CommandArguments['create-database'],
  progress: Progress,
): Promise<Outcome> {
  const { database, mountRequired } = given;
  const outcome = await create(daemon, given, progress);
  if (!outcome.ok || mountRequired === undefined) return outcome;
  daemon.catalog.requireAtStartup(database, mountRequired);
  return done(`${outcome.text}; ${wordFor(mountRequired)} at startup`);
}

async function create(
  daemon: InstanceDaemon,
  given: CommandArguments['create-database'],
  progress: Progress,
): Promise<Outcome> {
  const named = checkMirrorDatabaseName(given.database);
  if (!named.ok) return refused('bad-name', named.text.replace('mirror database', 'database'), 'DB-009');
  const name = named.value;
  const { home, configuration, catalog } = daemon;
  const directory = given.directory ?? databaseDirectory(home.home, configuration.get().instance, name);
  if (!isAbsolute(directory)) {
    return refused('bad-directory', `directory "${directory}" is not an absolute path; give one that begins with /`);
  }
  if (given.mirrored != null) return await createMirrored(daemon, name, directory, given.mirrored, progress);
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

/** FO-004. */
export function editDatabase(
  { catalog }: InstanceDaemon,
  { database, mountRequired }: CommandArguments['edit-database'],
): Outcome {
  const entry = catalog.find(database);
  if (entry === undefined) return noDatabase(database);
  const { name, mountRequiredAtStartup } = entry.configuration;
  if (mountRequired === undefined) {
    return refused(
      'nothing-to-do',
      `nothing of database ${name} is to be changed; say what, e.g. --mount-required yes`,
    );
  }
  if (mountRequired === mountRequiredAtStartup)
    return done(`database ${name} is ${wordFor(mountRequired)} at startup already`);
  catalog.requireAtStartup(name, mountRequired);
  return done(
    `database ${name} is ${wordFor(mountRequired)} at startup${mountRequired ? ': while it is not mounted and caught up, this member does not become primary' : ''}`,
  );
}

function wordFor(mountRequired: boolean): string {
  return mountRequired ? 'required' : 'not required';
}

/** DB-031. */
export async function catchUpDatabase(daemon: InstanceDaemon, typed: string, progress: Progress): Promise<Outcome> {
  const why = refusalOf(daemon, 'catch-up-database', true);
  if (why !== null) return refusedWith(why);
  const entry = daemon.catalog.find(typed);
  if (entry === undefined) return noDatabase(typed);
  const { name } = entry.configuration;
  if (mirrorNameOf(entry) === null) return refused('not-mirrored', `database ${name} is not in the mirror`, 'DB-031');
  if (entry.database === null) return refused('dismounted', `database ${name} is dismounted; mount it first`, 'DB-036');
  if (entry.status === 'Catchup Running') return done(`catchup of database ${name} is running already`);
  if (entry.status === 'Dejournaling') return done(`database ${name} is caught up already`);
  await catchUp(daemon, name, progress);
  return done(`database ${name} is activated and caught up`);
}

export async function mountDatabase(daemon: InstanceDaemon, typed: string): Promise<Outcome> {
  const entry = daemon.catalog.find(typed);
  if (entry === undefined) return noDatabase(typed);
  const { name } = entry.configuration;
  if (entry.database !== null) return done(`database ${name} is mounted already`);
  await daemon.catalog.mount(name);
  const mirrored = daemon.catalog.find(name)?.attribute !== undefined && daemon.member !== null;
  return done(`database ${name} is mounted${mirrored ? '; activate or catch it up if its status says so' : ''}`);
}

export async function dismountDatabase(daemon: InstanceDaemon, typed: string): Promise<Outcome> {
  const entry = daemon.catalog.find(typed);
  if (entry === undefined) return noDatabase(typed);
  const { name } = entry.configuration;
  if (entry.database === null) return done(`database ${name} is dismounted already`);
  await daemon.catalog.dismount(name);
  return done(`database ${name} is dismounted`);
}

/** DB-051. */
export async function deleteDatabase(daemon: InstanceDaemon, typed: string): Promise<Outcome> {
  const entry = daemon.catalog.find(typed);
  if (entry === undefined) return noDatabase(typed);
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
