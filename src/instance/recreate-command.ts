/**
 * Recreate a database: an empty one takes its place, with its name, directory and properties. A mirrored one is a new database
 * of the mirror afterwards, made first on the primary and then on each other member, whose copy is obsolete until then (DB-018).
 */
import type { Outcome } from '../protocol/control-commands.ts';
import { done, type Progress, refused, refusedWith } from './command-outcome.ts';
import { createMirrored, mirrorNameOf, removeDatabase, whereItBegins } from './mirrored-databases.ts';
import { noDatabase } from './missing-database.ts';
import type { CatalogEntry, InstanceDaemon } from './parts.ts';

export async function recreateDatabase(daemon: InstanceDaemon, typed: string, progress: Progress): Promise<Outcome> {
  const { catalog, member } = daemon;
  const entry = catalog.find(typed);
  if (entry === undefined) return noDatabase(daemon, typed);
  const { name, directory } = entry.configuration;
  if (entry.database === null) return refused('dismounted', `database ${name} is dismounted; mount it first`);
  const mirrorDatabase = mirrorNameOf(entry);
  if (mirrorDatabase === null) {
    await emptied(daemon, entry);
    return done(`database ${name} is recreated and empty`);
  }
  const no = refusalOfPlace(daemon, entry, mirrorDatabase);
  if (no !== null) return no;
  const removed = await removeDatabase(daemon, { database: name, onlyHere: true });
  if (!removed.ok) return removed;
  await emptied(daemon, entry);
  const created = await createMirrored(daemon, name, directory, mirrorDatabase, progress);
  if (!created.ok) return created;
  const next = 'now recreate it on the backup, then on the asyncs: until then their copies are obsolete';
  return member?.state.role === 'primary'
    ? done(`database ${name} is recreated, empty and mirrored as ${mirrorDatabase}; ${next}`)
    : done(`database ${name} is recreated as a copy of ${mirrorDatabase} and follows the journal`);
}

/** An ordinary database here; what it was told to be it is again. */
async function emptied({ catalog }: InstanceDaemon, { configuration, database }: CatalogEntry): Promise<void> {
  const { name, directory, mountRequiredAtStartup, journaled, expansionMegabytes, resource } = configuration;
  const maximumBytes = database?.maximumBytes ?? 0;
  await catalog.delete(name);
  await catalog.create(name, directory);
  if (maximumBytes > 0) await catalog.find(name)?.database?.setMaximumBytes(maximumBytes);
  catalog.change(name, { mountRequiredAtStartup, journaled, expansionMegabytes, resource });
}

/** The primary first: a copy that is still of the present database would only be thrown away and built again. */
function refusalOfPlace(
  daemon: InstanceDaemon,
  { attribute, configuration: { name } }: CatalogEntry,
  mirrorDatabase: string,
): Outcome | null {
  const { configuration, member } = daemon;
  if (member === null) {
    const text = `database ${name} is still marked as one of a mirror; remove it from the mirror first`;
    return refused('not-a-member', text, 'DB-052');
  }
  const { role } = member.state;
  if (role === 'primary') return null;
  if (['becoming', 'handing-over', 'starting', 'down'].includes(role)) {
    const text = 'this member is changing its role; try again when its status has settled';
    return refused('in-transition', text, 'DB-018');
  }
  const definition = configuration.get().mirrorSet?.databases.find((each) => each.name === mirrorDatabase);
  if (definition === undefined) {
    const text = `the mirror has no database ${mirrorDatabase} now, so it cannot be recreated here; remove it here, or recreate it on the primary first`;
    return refused('not-in-mirror', text, 'DB-018');
  }
  const { epoch, sequence } = definition.addedAt;
  if (attribute?.addedAt.epoch !== epoch || attribute.addedAt.sequence !== sequence) {
    const begins = whereItBegins(daemon, member, mirrorDatabase);
    return 'reason' in begins ? refusedWith(begins) : null;
  }
  const text = `database ${name} has not been recreated on the primary; do it there first, then here`;
  return refused('not-recreated', text, 'DB-018');
}
