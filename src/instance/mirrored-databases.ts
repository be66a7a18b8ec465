/**
 * Databases of the mirror: made, taken out (added: adding-databases.ts). On the primary what concerns the mirror is written in the order journal
 * record, own copy, mirror set: a command that is cut off has promised nothing to others, and repeated it goes on where it
 * stopped.
 */
import type { Database, MirrorAttribute } from '../database/databases.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { checkMirrorDatabaseName, type MirrorDatabaseDefinition } from '../mirror/mirror-set.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import {
  changeMirrorSet,
  done,
  notKnown,
  notPrimaryAnyMore,
  type Progress,
  refusal,
  refusalInTrouble,
  refused,
  refusedWith,
  whenKept,
  whenKeptIfPrimary,
  whyNotKept,
} from './command-outcome.ts';
import { followPrimary, propertiesOf } from './followed-properties.ts';
import { databaseStatus } from './instance-status.ts';
import { noDatabase } from './missing-database.ts';
import { flagOfNewCopy, ownType } from './own-type.ts';
import type { CatalogEntry, InstanceDaemon, MirrorMember } from './parts.ts';

const lookAgainMs = 50;

/** DB-004. */
const neverMirrored = 'IRISSYS IRISLIB IRISLOCALDATA IRISTEMP IRISAUDIT IRISSECURITY ENSLIB HSLIB'.split(' ');

export function isNeverMirrored(name: string): boolean {
  return neverMirrored.includes(name.toUpperCase());
}

/** DB-002, DB-056: the words of the original. */
export const mustBeJournaled = 'Databases must be journaled to be mirrored';

/** A new database of the mirror: on the primary first, then on the others (DB-014). */
export async function createMirrored(
  daemon: InstanceDaemon,
  name: string,
  directory: string,
  typed: string,
  progress: Progress,
): Promise<Outcome> {
  const named = checkMirrorDatabaseName(typed);
  if (!named.ok) return refused('bad-name', named.text, 'DB-009');
  const mirrorDatabase = named.value;
  const { member } = daemon;
  if (member === null) {
    return refused('not-a-member', 'this instance is in no mirror; create the database without mirroring it', 'DB-001');
  }
  if (isNeverMirrored(name) || isNeverMirrored(mirrorDatabase)) {
    return refused('never-mirrored', `database ${name} can never be mirrored; choose another name`, 'DB-004');
  }
  const why =
    refusalOfOtherMirror(member, daemon.catalog.find(name)) ?? refusalOfTaken(daemon, name, directory, mirrorDatabase);
  if (why !== null) return refusedWith(why);
  if (member.state.role === 'primary') return await createOnPrimary(daemon, member, name, directory, mirrorDatabase);
  if (['becoming', 'handing-over', 'starting', 'down'].includes(member.state.role)) {
    return refused(
      'in-transition',
      'this member is changing its role; try again when its status has settled',
      'DB-001',
    );
  }
  return await createOnOther(daemon, member, name, directory, mirrorDatabase, progress);
}

/** DB-010, DB-011; an own database that an earlier, cut off command left behind is not in the way. */
function refusalOfTaken(
  daemon: InstanceDaemon,
  name: string,
  directory: string,
  mirrorDatabase: string,
): Refusal | null {
  const other = daemon.catalog
    .entries()
    .find((entry) => entry.configuration.name !== name && mirrorNameOf(entry) === mirrorDatabase);
  if (other !== undefined) {
    const text = `local database ${other.configuration.name} is mirror database ${mirrorDatabase} already; choose another name`;
    return refusal('name-taken', text, 'DB-011');
  }
  const present = daemon.catalog.find(name);
  if (present === undefined) return null;
  if (present.database === null) return refusal('dismounted', `database ${name} is dismounted; mount it first`);
  const mirrorName = mirrorNameOf(present);
  const isLeftOver =
    present.configuration.directory === directory &&
    (mirrorName === null ? isEmpty(present.database) : mirrorName === mirrorDatabase);
  if (isLeftOver) return null;
  const where = `database ${name} exists already, in ${present.configuration.directory}`;
  const text =
    mirrorName === null ? `${where}; add it to the mirror on the primary instead` : `${where}, as ${mirrorName}`;
  return refusal('database-exists', text, 'DB-011');
}

export function takenInMirror(mirrorDatabase: string): Refusal {
  const text = `the mirror has a database ${mirrorDatabase} already; choose another mirror database name`;
  return refusal('name-taken', text, 'DB-011');
}

async function createOnPrimary(
  daemon: InstanceDaemon,
  member: MirrorMember,
  name: string,
  directory: string,
  mirrorDatabase: string,
): Promise<Outcome> {
  const inSet = definitionOf(daemon, mirrorDatabase) !== undefined;
  const present = daemon.catalog.find(name);
  if (inSet) {
    if (present?.attribute?.database === mirrorDatabase) {
      return await whenKeptIfPrimary(daemon, `database ${name} is in the mirror already`);
    }
    return refusedWith(takenInMirror(mirrorDatabase));
  }
  const inTrouble = refusalInTrouble(daemon, 'no mirrored database is created now');
  if (inTrouble !== null) return refusedWith(inTrouble);
  if (present === undefined) await daemon.catalog.create(name, directory);
  const why = await joinMirrorWith(daemon, member, name, mirrorDatabase, true);
  if (why !== null) return why;
  return done(
    `database ${name} is created in ${directory} and mirrored as ${mirrorDatabase}; now create it under that mirror database name on the backup and the asyncs, soon: later a copy has to be downloaded`,
  );
}

/**
 * The three steps of a primary. The record comes first because its position is where the copy's journal begins; the mirror
 * set comes last because from it others learn that they may make theirs.
 */
export async function joinMirrorWith(
  daemon: InstanceDaemon,
  member: MirrorMember,
  name: string,
  database: string,
  fromEmpty: boolean,
): Promise<Outcome | null> {
  const { catalog, configuration } = daemon;
  const attribute = await catalog.whileMoving(name, () => takeInto(daemon, member, name, database, fromEmpty));
  const { epoch, sequence } = attribute.addedAt;
  const present = catalog.find(name);
  const definition: MirrorDatabaseDefinition = {
    name: database,
    addedAt: { epoch, sequence },
    fromEmpty: attribute.fromEmpty,
    ...(present?.database == null ? {} : { properties: propertiesOf(present.database, present.configuration) }),
  };
  const isAdded = changeMirrorSet(daemon, (set) => ({
    ...set,
    databases: [...set.databases.filter((each) => each.name !== database), definition],
  }));
  if (isAdded) {
    const mirror = configuration.get().mirrorSet?.name ?? '';
    daemon.log('database-added', { database: name, mirror, mirrorDatabase: database });
    const why = await whyNotKept(daemon);
    return why === null ? null : notKnown(why.reason, why.text);
  }
  return notPrimaryAnyMore;
}

/** The database is marked, and stands where the journal does. */
async function takeInto(
  { catalog }: InstanceDaemon,
  member: MirrorMember,
  name: string,
  database: string,
  fromEmpty: boolean,
): Promise<MirrorAttribute> {
  const mirror = member.state.mirror;
  const before = catalog.find(name);
  let attribute = before?.attribute;
  if (attribute === undefined || attribute.mirror !== mirror || attribute.database !== database) {
    const addedAt = await member.changeDatabaseSet('database-added', database, fromEmpty);
    const present = catalog.find(name)?.database ?? null;
    // An application may have written into the new database before it was mirrored: then its journal cannot build a copy.
    const stillEmpty = fromEmpty && present !== null && isEmpty(present);
    attribute = { mirror, database, addedAt, fromEmpty: stillEmpty, activated: true, activatedOn: member.state.self };
    await catalog.addToMirror(name, attribute, addedAt);
  } else if (before?.configuration.mirrorDatabase !== database) {
    await catalog.addToMirror(name, attribute, before?.database?.applied ?? attribute.addedAt);
  }
  // The journal went on while the copy was marked.
  await catalog.dejournaling.catchUp(name, () => {});
  return attribute;
}

/** DB-012, DB-014..016. */
async function createOnOther(
  daemon: InstanceDaemon,
  member: MirrorMember,
  name: string,
  directory: string,
  mirrorDatabase: string,
  progress: Progress,
): Promise<Outcome> {
  const from = await beginningInTime(daemon, member, mirrorDatabase);
  const isCopy = daemon.catalog.find(name)?.attribute?.database === mirrorDatabase;
  if ('reason' in from && (!isCopy || from.reason === 'not-in-mirror')) return refusedWith(from);
  if (!isCopy && !('reason' in from)) {
    if (daemon.catalog.find(name) === undefined) await daemon.catalog.create(name, directory);
    const attribute = {
      mirror: member.state.mirror,
      database: mirrorDatabase,
      addedAt: from,
      fromEmpty: true,
      activated: true,
      activatedOn: member.state.self,
      ...flagOfNewCopy(daemon.configuration.get()),
    };
    await daemon.catalog.addToMirror(name, attribute, from);
    daemon.log('database-copied', { database: name, mirrorDatabase });
    await followPrimary(daemon);
  }
  if (daemon.catalog.find(name)?.status === 'Dejournaling Stopped') {
    return done(
      `database ${name} is created in ${directory} as a copy of ${mirrorDatabase}; dejournaling is paused here`,
    );
  }
  await catchUp(daemon, name, progress);
  return done(`database ${name} is created in ${directory} as a copy of ${mirrorDatabase} and follows the journal`);
}

/** What was just made on the primary is on its way here, so it is waited for as long as a message may take (DB-014). */
async function beginningInTime(
  daemon: InstanceDaemon,
  member: MirrorMember,
  mirrorDatabase: string,
): Promise<JournalPosition | Refusal> {
  const { clock } = daemon.host;
  const deadlineMs = clock.nowMs() + member.state.settings.qosTimeoutMs;
  for (;;) {
    const found = whereItBegins(daemon, member, mirrorDatabase);
    const mayStillCome = 'reason' in found && ['not-in-mirror', 'not-received'].includes(found.reason);
    if (!mayStillCome || clock.nowMs() >= deadlineMs) return found;
    await clock.wait(lookAgainMs);
  }
}

/** The place in the journal from which an empty copy can be built. */
export function whereItBegins(daemon: InstanceDaemon, member: MirrorMember, name: string): JournalPosition | Refusal {
  const definition = definitionOf(daemon, name);
  if (definition === undefined) {
    const text = `the mirror has no database ${name}; create it on the primary first, and use its mirror database name here`;
    return refusal('not-in-mirror', text, 'DB-012');
  }
  const { addedAt, fromEmpty } = definition;
  if (!fromEmpty) {
    const text = `database ${name} was added to the mirror with data in it, so the journal cannot build a copy; create it here anew, and one is downloaded, or restore a backup of the primary's database here`;
    return refusal('needs-copy', text, 'DB-015');
  }
  const located = member.journal.locate(addedAt.epoch, addedAt.sequence);
  if (located !== null) return located;
  if (member.journal.end.sequence < addedAt.sequence) {
    const text = `this member has not received the journal up to where ${name} was added; try again when it is caught up`;
    return refusal('not-received', text, 'DB-014');
  }
  const text = `the mirror journal file in which ${name} was added is not here any more; create it here anew, and a copy is downloaded, or restore a backup of the primary's database here`;
  return refusal('journal-gone', text, 'DB-016');
}

/** DB-047..050, DB-052, DB-054. */
export async function removeDatabase(
  daemon: InstanceDaemon,
  { database: typed, onlyHere }: CommandArguments['remove-database'],
): Promise<Outcome> {
  const { catalog, member } = daemon;
  const entry = catalog.find(typed);
  if (entry === undefined) return noDatabase(daemon, typed);
  const { name } = entry.configuration;
  const mirrorDatabase = mirrorNameOf(entry);
  if (mirrorDatabase === null) return await whenKeptIfPrimary(daemon, `database ${name} is out of the mirror already`);
  if (entry.database === null) return refused('dismounted', `database ${name} is dismounted; mount it first`, 'DB-047');
  if (member?.state.role !== 'primary') {
    const why = onlyHere === true ? null : refusalBeforePrimary(daemon, entry);
    if (why !== null) return refusedWith(why);
    await catalog.removeFromMirror(name);
    const others = member === null ? '' : '; the other members keep their copies';
    return done(`database ${name} is an ordinary database of this instance now${others}`);
  }
  // A mark that was kept from an earlier mirror says nothing about a database of this one.
  const isInMirror =
    entry.attribute?.mirror === member.state.mirror && definitionOf(daemon, mirrorDatabase) !== undefined;
  if (isInMirror) {
    const inTrouble = refusalInTrouble(daemon, `database ${name} is not removed from the mirror now`);
    if (inTrouble !== null) return refusedWith(inTrouble);
  }
  // What was taken before is in the database before it leaves, and what is taken afterwards is of an ordinary one.
  const notRemoved = await catalog.whileMoving(name, async () => {
    if (isInMirror && !(await takeOut(daemon, member, mirrorDatabase))) return notPrimaryAnyMore;
    await catalog.removeFromMirror(name);
    return null;
  });
  if (notRemoved !== null) return notRemoved;
  return await whenKept(
    daemon,
    `database ${name} is out of the mirror for good and an ordinary database here; now remove it on the backup, then on the asyncs`,
  );
}

async function takeOut(daemon: InstanceDaemon, member: MirrorMember, mirrorDatabase: string): Promise<boolean> {
  await member.changeDatabaseSet('database-removed', mirrorDatabase, false);
  return changeMirrorSet(daemon, (set) => ({
    ...set,
    databases: set.databases.filter((each) => each.name !== mirrorDatabase),
  }));
}

/**
 * DB-049: on the failover members a database goes on the primary first, so that no backup takes over without it. What the mirror has
 * no more, or has in a later life (Orphaned, Obsolete), goes here.
 */
function refusalBeforePrimary(daemon: InstanceDaemon, entry: CatalogEntry): Refusal | null {
  const { configuration, member } = daemon;
  if (member === null || ownType(configuration.get()) !== 'Failover') return null;
  if (['Orphaned', 'Obsolete'].includes(databaseStatus(daemon, entry))) return null;
  if (entry.attribute?.mirror !== member.state.mirror) return null;
  const { name } = entry.configuration;
  const text = `the mirror still has database ${name}; remove it on the primary first, then here, then on the asyncs. To make only this copy anew, replace it by a download or a restore, or remove it here alone: caretmirror database remove --only-here`;
  return refusal('primary-first', text, 'DB-049');
}

/** One line each second at most, so that a long catchup can be followed and a short one says nothing. */
export async function catchUp(daemon: InstanceDaemon, name: string, progress: Progress): Promise<void> {
  const { clock } = daemon.host;
  let toldMs = clock.nowMs();
  await daemon.catalog.dejournaling.catchUp(name, ({ recordsDone, recordsToDo, recordsPerSecond, secondsLeft }) => {
    if (clock.nowMs() - toldMs < 1000) return;
    toldMs = clock.nowMs();
    const left = secondsLeft === null ? '' : `, ${recordsPerSecond} a second, about ${secondsLeft} s left`;
    progress(`database ${name}: ${recordsDone} of ${recordsToDo} records applied${left}`);
  });
}

/** DB-051: a mark kept from an earlier mirror is taken away first, knowingly. */
export function refusalOfOtherMirror(member: MirrorMember, entry: CatalogEntry | undefined): Refusal | null {
  const mirror = entry?.attribute?.mirror;
  if (mirror === undefined || mirror === member.state.mirror) return null;
  const text = `database ${entry?.configuration.name} still belongs to mirror ${mirror}; remove it from that mirror first`;
  return refusal('other-mirror', text, 'DB-052');
}

/** The mark in the copy counts, and the configuration where the copy is dismounted. */
export function mirrorNameOf({ attribute, configuration }: CatalogEntry): string | null {
  return attribute?.database ?? configuration.mirrorDatabase;
}

export function definitionOf(daemon: InstanceDaemon, mirrorDatabase: string): MirrorDatabaseDefinition | undefined {
  return daemon.configuration.get().mirrorSet?.databases.find((each) => each.name.toUpperCase() === mirrorDatabase);
}

export function isEmpty(database: Database): boolean {
  for (const _key of database.keys({ from: new Uint8Array([0]), limit: 1 })) return false;
  return true;
}
