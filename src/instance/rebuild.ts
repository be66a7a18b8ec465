/**
 * `mirror rebuild`: a member that has diverged, or whose next journal data is gone, gets the databases of another one and
 * follows the mirror again (FO-089). In two halves, so that a kill at any moment leaves the old data or the new:
 *
 *   while it runs   copies of all its databases are downloaded and every value verified; then one rename makes them `rebuild/`
 *   at its start    before anything is open: each old database goes to `replaced/`, its copy into its place; the record
 *                   forgets every claim of this member; a journal that cannot be continued is put away. Repeated, it goes on
 *                   where it was. Not where it has led the mirror or left it in between: the copies go
 *
 * Afterwards it is a member like one that has just joined: its surplus journal is cut into lost+found when it attaches (FO-088),
 * and its copies are activated and caught up.
 */
import { basename, join } from 'node:path';
import type { DatabaseStore } from '../database/databases.ts';
import { databaseDirectory, mirrorJournalLogPath } from '../host/home.ts';
import type { ConfigurationStore, DatabaseConfiguration, Host } from '../host/host.ts';
import { isSameList } from '../mirror/failover-members.ts';
import { JOURNAL_START, type JournalPosition } from '../mirror/journal-position.ts';
import { commonPrefix, isBeyond } from '../mirror/journal-transfer.ts';
import { printPlace } from '../mirror/loss-report.ts';
import { firstRecord, type MemberRecord } from '../mirror/member-record.ts';
import { type Epoch, sameEpoch } from '../mirror/terms.ts';
import type { Finding } from '../protocol/assessment.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { type BackupManifest, copyDirectory, readManifest } from './backup-manifest.ts';
import { ByteProgress } from './byte-progress.ts';
import { ordinaryDatabase } from './catalog-parts.ts';
import { catchUpAll } from './catch-up-commands.ts';
import { done, type Progress, refusal, refusedWith } from './command-outcome.ts';
import { lookForSource, whileFetched } from './download-command.ts';
import { putJournalAside } from './former-mirror.ts';
import { mirrorNameOf } from './mirrored-databases.ts';
import { refusalOf } from './offered-commands.ts';
import type { InstanceDaemon } from './parts.ts';

/** What a start has to do. In `rebuild/`, beside the copies. */
interface Rebuild {
  readonly format: 1;
  readonly state: 'ready' | 'placed';
  readonly source: string;
  /** Which reign this member follows from now on, whatever it had adopted before. */
  readonly epoch: Epoch;
  /** What this member knew when the copies were ready: what it has learned since then it keeps. */
  readonly known: Pick<MemberRecord, 'epoch' | 'failoverMembers'>;
  /** What follows the own journal is not kept any more: it begins anew. */
  readonly journalEnds: boolean;
  /** Name of the directory in `replaced/`. */
  readonly aside: string;
  readonly places: readonly Place[];
}

interface Place {
  /** As the backup names it. */
  readonly copy: string;
  readonly database: string;
  readonly directory: string;
  readonly mirrorDatabase: string;
}

const REBUILD_FILE = 'rebuild.json';

export async function rebuildMember(
  daemon: InstanceDaemon,
  { from }: CommandArguments['rebuild-member'],
  progress: Progress,
): Promise<Outcome> {
  const why = refusalOf(daemon, 'rebuild-member', true);
  if (why !== null) return refusedWith(why);
  const pending = readRebuild(daemon.host, daemon.paths.rebuild);
  if (pending !== null) return done(restartNow(pending));
  const wanted = wantedHere(daemon);
  if ('reason' in wanted) return refusedWith(wanted);
  return await whileFetched(daemon, wanted, from, progress, async ({ source }) => {
    const { host, paths } = daemon;
    const read = readManifest(host.records, paths.download);
    if (!read.ok) return refusedWith(refusal('no-copy', read.text));
    const places = placesFor(daemon, read.manifest);
    if ('reason' in places) return refusedWith(places);
    for (const { copy } of places) await verify(daemon, read.manifest, copy, progress);
    // It may have become primary meanwhile.
    const late = refusalOf(daemon, 'rebuild-member', true);
    if (late !== null) return refusedWith(late);
    const { epoch, failoverMembers } = daemon.member?.state.record ?? firstRecord;
    const rebuild: Rebuild = {
      format: 1,
      state: 'ready',
      source: source.member,
      epoch: source.epoch,
      known: { epoch, failoverMembers },
      journalEnds: journalEnds(daemon, read.manifest),
      aside: new Date(host.clock.wallMs()).toISOString().replace(/[:.]/g, '-'),
      places,
    };
    host.records.saveRecord(join(paths.download, REBUILD_FILE), rebuild);
    host.files.removeTree(paths.rebuild);
    host.files.rename(paths.download, paths.rebuild);
    host.files.syncDirectory(paths.directory);
    daemon.log('rebuild-ready', { databases: wanted.join(', '), member: source.member });
    return done(restartNow(rebuild));
  });
}

/** What would be copied from where, and what becomes of what is here (preflight.ts). */
export async function lookBeforeRebuilding(
  daemon: InstanceDaemon,
  { from }: CommandArguments['rebuild-member'],
): Promise<Refusal | readonly Finding[]> {
  const why = refusalOf(daemon, 'rebuild-member', true);
  if (why !== null) return why;
  const { host, paths, member } = daemon;
  const pending = readRebuild(host, paths.rebuild);
  if (pending !== null) return [{ says: 'copies-ready', facts: { source: pending.source } }];
  const wanted = wantedHere(daemon);
  if ('reason' in wanted) return wanted;
  const source = await lookForSource(daemon, from);
  if (typeof source !== 'string') return source;
  const end = member === null ? '' : printPlace(member.journal.end);
  return [
    { says: 'copied', facts: { databases: wanted.join(', '), source } },
    { says: 'put-aside', facts: { directory: paths.replaced, end } },
  ];
}

function restartNow({ source, places }: Rebuild): string {
  const names = places.map(({ database }) => database).join(', ');
  return `verified copies of ${names} from ${source} are here; they take their places when the instance is started anew`;
}

/** A failover member and a DR async hold all databases of the mirror; a reporting async those it has (DB-005). */
function wantedHere(daemon: InstanceDaemon): readonly string[] | Refusal {
  const { mirrorSet, memberType } = daemon.configuration.get();
  const ofMirror = mirrorSet?.databases.map(({ name }) => name) ?? [];
  const here = daemon.catalog.entries().flatMap((entry) => mirrorNameOf(entry) ?? []);
  const strange = here.find((name) => !ofMirror.includes(name));
  if (strange !== undefined) {
    const text = `database ${strange} here is not in the mirror any more; remove it from the mirror first, so that it stays as it is`;
    return refusal('not-in-mirror', text, 'FO-089');
  }
  const holdsAll = memberType === 'Failover' || memberType === 'Disaster Recovery';
  const wanted = holdsAll ? ofMirror : here;
  return wanted.length > 0 ? wanted : refusal('no-database', 'this member has no mirrored databases', 'FO-089');
}

function placesFor(
  { catalog, home, configuration }: InstanceDaemon,
  manifest: BackupManifest,
): readonly Place[] | Refusal {
  const places: Place[] = [];
  for (const { name: copy, attribute } of manifest.databases) {
    const mirrorDatabase = attribute?.database ?? '';
    const present = catalog.entries().find((entry) => mirrorNameOf(entry) === mirrorDatabase);
    const database = present?.configuration.name ?? copy;
    const inTheWay = present === undefined ? catalog.find(database) : undefined;
    if (inTheWay !== undefined) {
      const text = `${mirrorDatabase} would be made here as ${database}, and there is an ordinary database of that name; delete that one first`;
      return refusal('database-exists', text, 'DB-011');
    }
    const directory =
      present?.configuration.directory ?? databaseDirectory(home.home, configuration.get().instance, database);
    places.push({ copy, database, directory, mirrorDatabase });
  }
  return places;
}

/** @throws DatabaseDamagedError */
async function verify(
  daemon: InstanceDaemon,
  manifest: BackupManifest,
  copy: string,
  progress: Progress,
): Promise<void> {
  const { catalog, host, paths } = daemon;
  const bytes = manifest.databases.find(({ name }) => name === copy)?.bytes ?? 0;
  const reading = new ByteProgress(host.clock, progress, `database ${copy}`, 'read', bytes);
  const directory = copyDirectory(paths.download, { name: copy });
  await catalog.inspect(directory, (keysDone, keys) => reading.report((bytes * keysDone) / keys));
}

/** Does the source's journal, as far as it is kept, begin behind what both journals share? */
function journalEnds({ member }: InstanceDaemon, { history }: BackupManifest): boolean {
  const oldest: JournalPosition = history[0]?.begin ?? JOURNAL_START;
  if (member === null || oldest.file <= 1) return false;
  const { journal } = member;
  return isBeyond(oldest, commonPrefix({ history: journal.history, end: journal.end }, { history, end: oldest }));
}

export interface PlacingParts {
  readonly host: Host;
  readonly store: Pick<DatabaseStore, 'fileOf'>;
  readonly configuration: ConfigurationStore;
  readonly home: InstanceDaemon['home'];
  readonly paths: InstanceDaemon['paths'];
  readonly log: InstanceDaemon['log'];
}

/** At a start, before databases and journal are opened. Each step is durable, and none undoes another when it is repeated. */
export function placeRebuilt(parts: PlacingParts): void {
  const { host, paths, log } = parts;
  const rebuild = readRebuild(host, paths.rebuild);
  if (rebuild === null || rebuild.state === 'placed') return;
  const because = reasonToLetGo(parts, rebuild);
  if (because !== null) {
    host.files.removeTree(paths.rebuild);
    return log('rebuild-let-go', { member: rebuild.source, because });
  }
  for (const place of rebuild.places) placeCopy(parts, rebuild, place);
  if (rebuild.journalEnds) putJournalAway(parts, rebuild);
  for (const path of [paths.verification, paths.journalClaims]) host.files.remove(path);
  forgetClaims(parts, rebuild);
  configureDatabases(parts, rebuild);
  host.records.saveRecord(join(paths.rebuild, REBUILD_FILE), { ...rebuild, state: 'placed' });
  const names = rebuild.places.map(({ database }) => database).join(', ');
  const aside = join(paths.replaced, rebuild.aside);
  log('rebuild-placed', { member: rebuild.source, databases: names, aside });
}

/** The old file first, so that it is never written over; a copy that is not in `rebuild/` any more is in its place. */
function placeCopy({ host: { files }, store, paths }: PlacingParts, rebuild: Rebuild, place: Place): void {
  const copy = store.fileOf(copyDirectory(paths.rebuild, { name: place.copy }));
  if (!files.exists(copy)) return;
  const present = store.fileOf(place.directory);
  files.makeDirectory(place.directory);
  if (files.exists(present)) {
    const aside = join(paths.replaced, rebuild.aside, place.database);
    files.makeDirectory(aside);
    files.rename(present, join(aside, basename(present)));
    files.syncDirectory(aside);
  }
  files.rename(copy, present);
  files.syncDirectory(place.directory);
}

function putJournalAway({ host: { files }, paths, home, configuration }: PlacingParts, { aside }: Rebuild): void {
  const { alternateJournal, mirrorSet, instance } = configuration.get();
  const directories = [paths.journal, ...(alternateJournal === null ? [] : [alternateJournal])];
  const mirror = mirrorSet?.name ?? '';
  const log = mirrorJournalLogPath(home.home, instance, mirror);
  putJournalAside(files, directories, mirror, `replaced-${aside}`, [log]);
  files.syncDirectory(paths.directory);
}

/** What it has is that of the mirror, or nobody's but its own. */
function reasonToLetGo(parts: PlacingParts, { known }: Rebuild): string | null {
  const { epoch, removed } = recordOf(parts);
  if (removed !== null) return 'was removed from the mirror';
  const hasLed = epoch.owner === parts.configuration.get().member && !sameEpoch(epoch, known.epoch);
  return hasLed ? `has led the mirror in epoch ${epoch.number}` : null;
}

function recordOf({ host, paths }: PlacingParts): MemberRecord {
  const read = host.records.readRecord(paths.member);
  return { ...firstRecord, ...(read.state === 'read' ? (read.value as MemberRecord) : {}) };
}

/** Neither primary of any epoch nor active backup: what it knew of itself does not fit the data it has now. */
function forgetClaims(parts: PlacingParts, { epoch: followed, known }: Rebuild): void {
  const old = recordOf(parts);
  const { incarnation, fence, forced, noFailover, noFailoverClearedIn, stoppedForEpoch } = old;
  const { failoverMembers, validatedMember } = old;
  const epoch = sameEpoch(old.epoch, known.epoch) ? followed : old.epoch;
  // An agent may have written a new list while this instance was down (FO-084).
  const isOtherList = failoverMembers !== null && !isSameList(known.failoverMembers, failoverMembers);
  const record: MemberRecord = {
    ...firstRecord,
    ...{ incarnation, fence, forced, noFailover, noFailoverClearedIn, stoppedForEpoch, epoch },
    ...(isOtherList ? { failoverMembers, validatedMember } : {}),
  };
  parts.host.records.saveRecord(parts.paths.member, record);
}

function configureDatabases({ configuration }: PlacingParts, { places }: Rebuild): void {
  const present = configuration.get();
  const mounted = (each: DatabaseConfiguration): DatabaseConfiguration =>
    places.some(({ database }) => database === each.name)
      ? { ...each, mounted: true, dejournalingPaused: false }
      : each;
  const added = places.filter(({ database }) => !present.databases.some(({ name }) => name === database));
  const databases = [
    ...present.databases.map(mounted),
    ...added.map(({ database: name, directory }) => ordinaryDatabase(name, directory)),
  ];
  configuration.set({ ...present, databases });
}

/** Once the member runs: activated and caught up as after a restore (DB-022); what fails is repeated at the next start. */
export async function finishRebuild(daemon: InstanceDaemon): Promise<void> {
  const { host, paths } = daemon;
  const rebuild = readRebuild(host, paths.rebuild);
  if (rebuild?.state !== 'placed' || daemon.member === null) return;
  const names = rebuild.places.map(({ database }) => database);
  const failures = await catchUpAll(daemon, names, (what) => daemon.log('catchup-waits', { what }));
  if (failures.length > 0) return;
  host.files.removeTree(paths.rebuild);
  daemon.log('rebuild-done', { member: rebuild.source });
}

function readRebuild({ records }: Pick<Host, 'records'>, directory: string): Rebuild | null {
  const read = records.readRecord(join(directory, REBUILD_FILE));
  if (read.state === 'damaged') {
    throw new Error(
      `${read.reason}: how far the rebuild of this member is is unknown; delete the instance and join again`,
    );
  }
  return read.state === 'read' ? (read.value as Rebuild) : null;
}
