/**
 * `database backup`: hot copies of databases in a directory of their own, with a manifest. The directory gets its name when
 * all of it is on the disk; until then it is called NAME.unfinished, so that what was cut off is never taken for a backup.
 */
import { basename, dirname, isAbsolute, join } from 'node:path';
import { printPosition } from '../mirror/journal-position.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { type BackedUpDatabase, type BackupManifest, copyDirectory, saveManifest } from './backup-manifest.ts';
import { ByteProgress, megabytes } from './byte-progress.ts';
import { done, failed, type Progress, refusal, refusedWith } from './command-outcome.ts';
import { databaseStatus } from './instance-status.ts';
import { databaseMissing } from './missing-database.ts';
import type { CatalogEntry, InstanceDaemon } from './parts.ts';

/** Says that a directory was begun by a backup, and may be cleared away by the next one. */
const BEGUN_FILE = 'backup-not-finished';

/** Directories that backups of this process are being made in. */
const underWay = new Set<string>();

export async function backupDatabases(
  daemon: InstanceDaemon,
  given: CommandArguments['backup-databases'],
  progress: Progress,
): Promise<Outcome> {
  const { files } = daemon.host;
  const { to } = given;
  const chosen = [...new Set(given.databases.map((name) => name.toUpperCase()))];
  const why = chosen.map((name) => refusalToBackUp(daemon, name)).find((each) => each !== null);
  const unfinished = `${to}.unfinished`;
  const inTheWay = why ?? refusalOfTarget(daemon, to, unfinished);
  if (inTheWay !== null) return refusedWith(inTheWay);
  underWay.add(to);
  try {
    files.removeTree(unfinished);
    files.makeDirectory(unfinished);
    files.replace(join(unfinished, BEGUN_FILE), new Uint8Array(0));
    const manifest = await makeCopies(daemon, chosen, unfinished, progress);
    saveManifest(daemon.host.records, unfinished, manifest);
    files.remove(join(unfinished, BEGUN_FILE));
    files.syncDirectory(unfinished);
    files.rename(unfinished, to);
    files.syncDirectory(dirname(to));
    const bytes = manifest.databases.reduce((sum, each) => sum + each.bytes, 0);
    daemon.log('backed-up', { databases: chosen.join(', '), directory: to });
    return done(`${chosen.length} database${chosen.length === 1 ? '' : 's'} backed up to ${to}, ${megabytes(bytes)}`);
  } catch (error) {
    files.removeTree(unfinished);
    const { code, message } = error as { code?: unknown; message: string };
    return failed(typeof code === 'string' ? code : 'backup-failed', `nothing was backed up: ${message}`);
  } finally {
    underWay.delete(to);
  }
}

async function makeCopies(
  daemon: InstanceDaemon,
  names: readonly string[],
  directory: string,
  progress: Progress,
): Promise<BackupManifest> {
  const { instance, mirrorSet, member } = daemon.configuration.get();
  const takenAt = new Date(daemon.host.clock.wallMs()).toISOString();
  const databases: BackedUpDatabase[] = [];
  for (const name of names) databases.push(await copyOne(daemon, name, directory, progress));
  const history = daemon.member?.journal.history ?? [];
  return { format: 1, instance, mirror: mirrorSet?.name ?? null, member, takenAt, history, databases };
}

async function copyOne(
  daemon: InstanceDaemon,
  name: string,
  directory: string,
  progress: Progress,
): Promise<BackedUpDatabase> {
  const { catalog, host } = daemon;
  const database = catalog.find(name)?.database;
  if (database == null) throw new Error(`database ${name} was dismounted meanwhile; mount it and repeat the backup`);
  const copy = copyDirectory(directory, { name });
  // One that had no updates lately would seem to need journal that may be purged before it is restored.
  await catalog.settle(name);
  const bytesToDo = host.files.sizeOf(catalog.fileOf(database.directory)) ?? 0;
  const copying = new ByteProgress(host.clock, progress, `database ${name}`, 'copied', bytesToDo);
  await copying.watch(database.copyTo(copy), () => bytesIn(daemon, copy));
  const file = catalog.fileOf(copy);
  const bytesHere = host.files.sizeOf(file) ?? 0;
  const reading = new ByteProgress(host.clock, progress, `database ${name}`, 'verified', bytesHere);
  const { attribute, applied } = await catalog.inspect(copy, (done, keys) => reading.report((bytesHere * done) / keys));
  const checking = new ByteProgress(host.clock, progress, `database ${name}`, 'read for its checksum', bytesHere);
  const { bytes, sha256 } = await host.files.digest(file, (bytesDone) => checking.report(bytesDone));
  const position = applied === null ? '' : ` at ${printPosition(applied)}`;
  progress(`database ${name} is copied${position}, ${megabytes(bytes)}`);
  return { name, file: basename(file), bytes, sha256, attribute, applied };
}

/** DB-025: what is not caught up is no source for others. */
function refusalToBackUp(daemon: InstanceDaemon, name: string): Refusal | null {
  const entry = daemon.catalog.find(name);
  if (entry === undefined) return databaseMissing(daemon, name);
  if (entry.database === null) return refusal('dismounted', `database ${name} is dismounted; mount it first`);
  const difference = daemon.member?.comparison.differenceOf(entry.configuration.mirrorDatabase ?? '') ?? null;
  if (difference !== null) {
    const text = `the copy of database ${name} here is not as it should be, so it is no source for others: ${difference}. Back it up on another member; once it is mended, verify the mirror`;
    return refusal('differs', text);
  }
  const status: CatalogEntry['status'] = databaseStatus(daemon, entry);
  if (['Local', 'Normal', 'Dejournaling'].includes(status)) return null;
  const text = `database ${name} is a copy that is not caught up (${status}), so a backup of it may be of no use; bring it up to date first, or back it up on the primary`;
  return refusal('not-caught-up', text, 'DB-025');
}

function refusalOfTarget({ host: { files } }: InstanceDaemon, to: string, unfinished: string): Refusal | null {
  if (!isAbsolute(to)) {
    return refusal('bad-directory', `directory "${to}" is not an absolute path; give one that begins with /`);
  }
  if (underWay.has(to)) return refusal('under-way', `a backup to ${to} is under way; wait for it`);
  if (files.exists(to)) {
    return refusal(
      'target-exists',
      `${to} is there already; a backup is never written over, so give another directory`,
    );
  }
  if (files.exists(unfinished) && !files.exists(join(unfinished, BEGUN_FILE))) {
    return refusal('in-the-way', `${unfinished} is in the way and was not left by a backup; remove or rename it`);
  }
  return null;
}

/** Of all files in a directory, also of one that is not there yet. */
function bytesIn({ host: { files } }: InstanceDaemon, directory: string): number {
  if (!files.exists(directory)) return 0;
  return files.list(directory).reduce((sum, name) => sum + (files.sizeOf(join(directory, name)) ?? 0), 0);
}
