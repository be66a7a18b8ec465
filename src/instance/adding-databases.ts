/** Existing databases of the primary become part of the mirror (DB-019, DB-020, DB-060): all are checked before the first is added. */
import { addInBackgroundFrom } from '../mirror/limits.ts';
import { printPlace } from '../mirror/loss-report.ts';
import { checkMirrorDatabaseName } from '../mirror/mirror-set.ts';
import type { Finding } from '../protocol/assessment.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import {
  done,
  failed,
  type Progress,
  refusal,
  refusalInTrouble,
  refusalUnlessPrimary,
  refusedWith,
  whenKeptIfPrimary,
} from './command-outcome.ts';
import {
  definitionOf,
  isNeverMirrored,
  joinMirrorWith,
  mirrorNameOf,
  mustBeJournaled,
  refusalOfOtherMirror,
  takenInMirror,
} from './mirrored-databases.ts';
import { databaseMissing, noDatabase } from './missing-database.ts';
import type { CatalogEntry, InstanceDaemon } from './parts.ts';

/** A local database, and its name in the mirror. */
interface Addition {
  readonly name: string;
  readonly mirrorDatabase: string;
}

const needsCopies =
  'data of before are not in the mirror journal, so each other member needs a copy taken from now on: back it up here, restore it there, then activate and catch it up';

/** All that is checked before the first is added. */
function planAdditions(
  daemon: InstanceDaemon,
  { databases, mirrorDatabases = databases }: CommandArguments['add-databases'],
): readonly Addition[] | Refusal {
  const elsewhere = refusalToAddHere(daemon);
  if (elsewhere !== null) return elsewhere;
  if (mirrorDatabases.length !== databases.length) {
    return refusal('bad-names', `${databases.length} databases have ${mirrorDatabases.length} mirror database names`);
  }
  const additions: Addition[] = [];
  for (const [index, typed] of databases.entries()) {
    const entry = daemon.catalog.find(typed);
    if (entry === undefined) return databaseMissing(daemon, typed);
    const { name } = entry.configuration;
    const mirrorDatabase = (mirrorDatabases[index] ?? name).toUpperCase();
    const why = refusalToAdd(daemon, entry, mirrorDatabase);
    if (why !== null) return why;
    if (additions.some((each) => each.name === name || each.mirrorDatabase === mirrorDatabase)) {
      return refusal('name-taken', `database ${name} or the name ${mirrorDatabase} is given twice`, 'DB-011');
    }
    additions.push({ name, mirrorDatabase });
  }
  return additions;
}

const inBackground = (additions: readonly Addition[], background: boolean | undefined): boolean =>
  background === true || additions.length >= addInBackgroundFrom;

/** From where on the mirror has them, and who needs a copy then (preflight.ts). */
export function lookBeforeAdding(
  daemon: InstanceDaemon,
  given: CommandArguments['add-databases'],
): Refusal | readonly Finding[] {
  const additions = planAdditions(daemon, given);
  if ('reason' in additions) return additions;
  const { member, configuration } = daemon;
  const { mirrorSet, member: self } = configuration.get();
  const others = mirrorSet?.members.map(({ name }) => name).filter((name) => name !== self) ?? [];
  const from = member === null ? '' : printPlace(member.journal.end);
  return [
    ...additions.map(({ name, mirrorDatabase }) => ({ says: 'adds', facts: { name, mirrorDatabase } }) as const),
    others.length === 0
      ? { says: 'added-alone', facts: { from } }
      : { says: 'added-from', facts: { from, members: others.join(', ') } },
    ...(inBackground(additions, given.background) ? [{ says: 'background', facts: {} } as const] : []),
  ];
}

export async function addDatabases(
  daemon: InstanceDaemon,
  given: CommandArguments['add-databases'],
  progress: Progress,
): Promise<Outcome> {
  const additions = planAdditions(daemon, given);
  if ('reason' in additions) return refusedWith(additions);
  const names = additions.map(({ name }) => name).join(', ');
  if (!inBackground(additions, given.background)) return await addAll(daemon, additions, progress);
  // How each ends is in the messages log.
  void addAll(daemon, additions, () => undefined).then((outcome) => {
    daemon.log(outcome.ok ? 'adding-ended' : 'adding-failed', { databases: names, outcome: textOf(outcome) });
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
  if (entry === undefined) return noDatabase(daemon, name);
  const why = refusalToAdd(daemon, entry, mirrorDatabase);
  if (why !== null) return refusedWith(why);
  const { member } = daemon;
  const isThere = mirrorNameOf(entry) === mirrorDatabase && definitionOf(daemon, mirrorDatabase) !== undefined;
  if (isThere)
    return await whenKeptIfPrimary(daemon, `database ${name} is in the mirror already, as ${mirrorDatabase}`);
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
  return (
    refusalUnlessPrimary(daemon, 'databases are added to the mirror', 'DB-001') ??
    refusalInTrouble(daemon, 'no database is added to the mirror now')
  );
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
