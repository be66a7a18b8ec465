/** Existing databases of the primary become part of the mirror (DB-019, DB-020, DB-060): all are checked before the first is added. */
import { addInBackgroundFrom } from '../mirror/limits.ts';
import { checkMirrorDatabaseName } from '../mirror/mirror-set.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-channel.ts';
import { done, failed, type Progress, refusal, refusalUnlessPrimary, refused, refusedWith } from './command-outcome.ts';
import {
  definitionOf,
  isNeverMirrored,
  joinMirrorWith,
  mirrorNameOf,
  mustBeJournaled,
  noDatabase,
  refusalOfOtherMirror,
  takenInMirror,
} from './mirrored-databases.ts';
import type { CatalogEntry, InstanceDaemon } from './parts.ts';

/** A local database, and its name in the mirror. */
interface Addition {
  readonly name: string;
  readonly mirrorDatabase: string;
}

const needsCopies =
  'data of before are not in the mirror journal, so each other member needs a copy taken from now on: back it up here, restore it there, then activate and catch it up';

export async function addDatabases(
  daemon: InstanceDaemon,
  { databases, mirrorDatabases = databases, background }: CommandArguments['add-databases'],
  progress: Progress,
): Promise<Outcome> {
  const elsewhere = refusalToAddHere(daemon);
  if (elsewhere !== null) return refusedWith(elsewhere);
  if (mirrorDatabases.length !== databases.length) {
    return refused('bad-names', `${databases.length} databases have ${mirrorDatabases.length} mirror database names`);
  }
  const additions: Addition[] = [];
  for (const [index, typed] of databases.entries()) {
    const entry = daemon.catalog.find(typed);
    if (entry === undefined) return noDatabase(typed);
    const { name } = entry.configuration;
    const mirrorDatabase = (mirrorDatabases[index] ?? name).toUpperCase();
    const why = refusalToAdd(daemon, entry, mirrorDatabase);
    if (why !== null) return refusedWith(why);
    if (additions.some((each) => each.name === name || each.mirrorDatabase === mirrorDatabase)) {
      return refused('name-taken', `database ${name} or the name ${mirrorDatabase} is given twice`, 'DB-011');
    }
    additions.push({ name, mirrorDatabase });
  }
  const names = additions.map(({ name }) => name).join(', ');
  if (background !== true && additions.length < addInBackgroundFrom) return await addAll(daemon, additions, progress);
  // How each ends is in the messages log.
  void addAll(daemon, additions, () => undefined).then((outcome) => {
    daemon.log(outcome.ok ? 0 : 2, 'Utility.Event', `Adding ${names} to the mirror has ended: ${textOf(outcome)}`);
  });
  return done(`${names} are added to the mirror in the background; "database list" and the messages log show how far`);
}

function textOf(outcome: Outcome): string {
  return outcome.ok ? outcome.text : outcome.refusal.text;
}

/** One after the other, each in its turn among the commands; one that fails keeps none of the others back. */
async function addAll(daemon: InstanceDaemon, additions: readonly Addition[], progress: Progress): Promise<Outcome> {
  const ends: Outcome[] = [];
  for (const { name, mirrorDatabase } of additions) {
    const end = await daemon.turns
      .next(() => addOne(daemon, name, mirrorDatabase, progress))
      .catch((error: Error) => failed('not-added', `database ${name}: ${error.message}`));
    ends.push(end);
  }
  const [first] = ends;
  const notAdded = ends.filter(({ ok }) => !ok);
  if (ends.length === 1 && first !== undefined) return first;
  if (notAdded.length > 0) return failed('not-added', notAdded.map(textOf).join('; '));
  return done(
    `${additions.map(({ name, mirrorDatabase }) => `${name} as ${mirrorDatabase}`).join(', ')} are mirrored; their ${needsCopies}`,
  );
}

/** In the caller's turn. */
export async function addOne(
  daemon: InstanceDaemon,
  name: string,
  mirrorDatabase: string,
  progress: Progress,
): Promise<Outcome> {
  const entry = daemon.catalog.find(name);
  if (entry === undefined) return noDatabase(name);
  const why = refusalToAdd(daemon, entry, mirrorDatabase);
  if (why !== null) return refusedWith(why);
  const { member } = daemon;
  const isThere = mirrorNameOf(entry) === mirrorDatabase && definitionOf(daemon, mirrorDatabase) !== undefined;
  if (isThere) return done(`database ${name} is in the mirror already, as ${mirrorDatabase}`);
  if (member === null) return failed('not-primary', 'this instance left the mirror meanwhile');
  progress(`database ${name} is added to the mirror as ${mirrorDatabase}`);
  const notAdded = await joinMirrorWith(daemon, member, name, mirrorDatabase, false);
  return notAdded ?? done(`database ${name} is mirrored as ${mirrorDatabase}; its ${needsCopies}`);
}

/** Null also where it is in the mirror already, under this name. `journaled` = what its Global Journal State is about to be. */
export function refusalToAdd(
  daemon: InstanceDaemon,
  entry: CatalogEntry,
  mirrorDatabase: string,
  journaled = entry.configuration.journaled,
): Refusal | null {
  const { name } = entry.configuration;
  const elsewhere = refusalToAddHere(daemon);
  if (elsewhere !== null || daemon.member === null) return elsewhere;
  const named = checkMirrorDatabaseName(mirrorDatabase);
  if (!named.ok) return refusal('bad-name', named.text, 'DB-009');
  if (isNeverMirrored(name) || isNeverMirrored(named.value)) {
    return refusal('never-mirrored', `database ${name} can never be mirrored`, 'DB-004');
  }
  if (entry.database === null) return refusal('dismounted', `database ${name} is dismounted; mount it first`, 'DB-001');
  if (!journaled) {
    return refusal('not-journaled', `${mustBeJournaled}: set Global Journal State of ${name} to Yes first`, 'DB-002');
  }
  return refusalOfOtherMirror(daemon.member, entry) ?? refusalOfTaken(daemon, entry, named.value);
}

export function refusalToAddHere(daemon: InstanceDaemon): Refusal | null {
  return refusalUnlessPrimary(daemon, 'databases are added to the mirror', 'DB-001');
}

/** DB-010, DB-011. */
function refusalOfTaken(daemon: InstanceDaemon, entry: CatalogEntry, mirrorDatabase: string): Refusal | null {
  const { name } = entry.configuration;
  const own = mirrorNameOf(entry);
  if (own === mirrorDatabase) return null;
  if (own !== null) return refusal('already-mirrored', `database ${name} is mirrored already, as ${own}`, 'DB-019');
  const other = daemon.catalog
    .entries()
    .some((each) => mirrorNameOf(each) === mirrorDatabase && each.configuration.name !== name);
  if (!other && definitionOf(daemon, mirrorDatabase) === undefined) return null;
  return takenInMirror(mirrorDatabase);
}
