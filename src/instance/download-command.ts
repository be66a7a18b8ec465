/**
 * `database download`: another member makes hot copies of mirrored databases, they are fetched piece by piece, verified, and
 * put in place like a backup that is restored (DB-029, DB-030). What has come stays in `download/` until all of it is in
 * place: cut off at any point, also by a kill of either side, the same command goes on where it was.
 */
import { join } from 'node:path';
import { diskReserveBytes } from '../mirror/limits.ts';
import { type MemberDefinition, memberNamed } from '../mirror/mirror-set.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import {
  type BackedUpDatabase,
  type BackupManifest,
  copyDirectory,
  readManifest,
  saveManifest,
} from './backup-manifest.ts';
import { ByteProgress, megabytes } from './byte-progress.ts';
import { failed, type Progress, refusal, refused, refusedWith } from './command-outcome.ts';
import { CopySource, type Offer } from './copy-source.ts';
import { mirrorNameOf } from './mirrored-databases.ts';
import { refusalOf } from './offered-commands.ts';
import type { InstanceDaemon } from './parts.ts';
import { restoreDatabases } from './restore-command.ts';

type Given = CommandArguments['download-databases'];

/** Beside the pieces: whose copy it is. */
interface Beginning {
  readonly member: string;
  readonly copy: string;
  /** Copies of that name were about to be moved into their places; one that is not here any more has been. */
  readonly placing: readonly string[];
}

const BEGINNING_FILE = 'download.json';

/** Instances whose download directory is in use. */
const underWay = new Set<string>();

export async function downloadDatabases(daemon: InstanceDaemon, given: Given, progress: Progress): Promise<Outcome> {
  const wanted = wantedDatabases(daemon, given.databases);
  if ('reason' in wanted) return refusedWith(wanted);
  const unconfirmed = holdingData(daemon, wanted).filter((name) => !(given.replace ?? []).includes(name));
  if (unconfirmed.length > 0) {
    const text = `the present data of ${unconfirmed.join(', ')} would be replaced; confirm it`;
    return refused('not-confirmed', text, 'DB-029');
  }
  return await whileFetched(daemon, wanted, given.from, progress, async ({ beginning, manifest }) => {
    const from = daemon.paths.download;
    const { as, replace } = given;
    const placed = manifest.databases.filter((database) => isPlaced(daemon, beginning, database));
    const left = manifest.databases.filter((database) => !placed.includes(database)).map(({ name }) => name);
    const wishes = {
      databases: left,
      ...(as === undefined || left.length === 0 ? {} : { as }),
      ...(replace === undefined ? {} : { replace }),
    };
    let placing = beginning.placing;
    return await restoreDatabases(daemon, { from, ...wishes }, progress, {
      placed: placed.flatMap(({ attribute }) => localNames(daemon, [attribute?.database ?? ''])),
      onPlacing: (copy) => {
        placing = [...placing, copy];
        daemon.host.records.saveRecord(join(from, BEGINNING_FILE), { ...beginning, placing } satisfies Beginning);
      },
    });
  });
}

function isPlaced({ host, paths, catalog }: InstanceDaemon, { placing }: Beginning, copy: BackedUpDatabase): boolean {
  return placing.includes(copy.name) && !host.files.exists(catalog.fileOf(copyDirectory(paths.download, copy)));
}

/**
 * Fetch copies of these mirror databases, verified against their manifest, and use what lies in the download directory, a
 * backup by then. Its room is given back when `use` was successful.
 */
export async function whileFetched(
  daemon: InstanceDaemon,
  databases: readonly string[],
  from: string | undefined,
  progress: Progress,
  use: (found: Found) => Promise<Outcome>,
): Promise<Outcome> {
  const { paths, host } = daemon;
  if (underWay.has(paths.download))
    return refused('under-way', 'a download is under way on this instance; wait for it');
  underWay.add(paths.download);
  try {
    const found = await findCopies(daemon, databases, from, progress);
    if ('reason' in found) return refusedWith(found);
    const { source, beginning, manifest } = found;
    try {
      const lacking = manifest.databases.filter((database) => !isPlaced(daemon, beginning, database));
      const noRoom = refusalOfRoom(daemon, lacking);
      if (noRoom !== null) return refusedWith(noRoom);
      for (const database of lacking) await fetchFile(daemon, source, beginning.copy, database, progress);
      const outcome = await use(found);
      if (!outcome.ok && outcome.refusal.reason !== 'not-caught-up') return outcome;
      source.release(beginning.copy);
      host.files.removeTree(paths.download);
      return outcome;
    } finally {
      source.close();
    }
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    const text = `${message}; the data here are as they were, and what has come is kept: repeat the command, and it goes on`;
    return failed(typeof code === 'string' ? code : 'download-failed', text);
  } finally {
    underWay.delete(paths.download);
  }
}

/** DB-029: those of the mirror under the names given, else all of it. */
function wantedDatabases(daemon: InstanceDaemon, given: readonly string[] | undefined): readonly string[] | Refusal {
  const why = refusalOf(daemon, 'download-databases', true);
  if (why !== null) return why;
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return refusal('not-a-member', 'this instance is in no mirror', 'DB-029');
  const known = mirrorSet.databases.map(({ name }) => name);
  const wanted = given?.map((name) => name.toUpperCase()) ?? known;
  const unknown = wanted.find((name) => !known.includes(name));
  if (unknown === undefined && wanted.length > 0) return [...new Set(wanted)];
  const text =
    unknown === undefined
      ? `mirror ${mirrorSet.name} has no databases`
      : `mirror ${mirrorSet.name} has no database ${unknown}; give mirror database names: ${known.join(', ')}`;
  return refusal('not-in-mirror', text, 'DB-012');
}

/** Local names of copies here that have data which would be lost. */
export function holdingData({ catalog }: InstanceDaemon, databases: readonly string[]): readonly string[] {
  return catalog
    .entries()
    .filter((entry) => databases.includes(mirrorNameOf(entry) ?? '') && entry.status !== 'Needs Activation')
    .map(({ configuration: { name } }) => name);
}

function localNames({ catalog }: InstanceDaemon, databases: readonly string[]): readonly string[] {
  const here = catalog.entries().filter((entry) => databases.includes(mirrorNameOf(entry) ?? ''));
  return here.map(({ configuration: { name } }) => name);
}

interface Found {
  readonly source: CopySource;
  readonly beginning: Beginning;
  readonly manifest: BackupManifest;
}

/** What was begun goes on if it is still there and is what is wanted now; else copies are made anew. */
async function findCopies(
  daemon: InstanceDaemon,
  databases: readonly string[],
  from: string | undefined,
  progress: Progress,
): Promise<Found | Refusal> {
  const sources = sourcesFor(daemon, from);
  if ('reason' in sources) return sources;
  const named = from === undefined ? undefined : sources[0];
  const begun = await goOn(daemon, databases, named, progress);
  if (begun !== null) return begun;
  daemon.host.files.removeTree(daemon.paths.download);
  const met: string[] = [];
  for (const target of sources) {
    const source = await openSource(daemon, target, met);
    if (source === null) continue;
    const offer = await source.ask({ type: 'make', databases, ofPrimary: named === undefined }, progress);
    if (offer.ok) return begin(daemon, source, offer);
    source.close();
    if (named !== undefined || offer.refusal.reason !== 'not-primary') return offer.refusal;
    met.push(offer.refusal.text);
  }
  return noSource(met);
}

function noSource(met: readonly string[]): Refusal {
  const text = `no source for the databases answers (${met.join('; ')}); name another member with --from`;
  return refusal('no-source', text, 'DB-030');
}

/** Where nobody is named it is the primary, whoever that is. */
function sourcesFor(
  { member, configuration }: InstanceDaemon,
  from: string | undefined,
): readonly MemberDefinition[] | Refusal {
  const { mirrorSet, member: self } = configuration.get();
  const members = mirrorSet?.members.filter(({ name }) => name !== self) ?? [];
  if (from !== undefined) {
    const named = members.find(({ name }) => name === from.toUpperCase());
    if (named !== undefined) return [named];
    const names = members.map(({ name }) => name).join(', ');
    return refusal('no-member', `there is no other member ${from}; the others are ${names}`, 'DB-029');
  }
  const attachedTo = member?.state.attachment?.to;
  const failover = members.filter(({ type }) => type === 'Failover');
  return [...failover].sort((a, b) => Number(b.name === attachedTo) - Number(a.name === attachedTo));
}

/** The first that answers; it is asked for nothing. */
export async function lookForSource(daemon: InstanceDaemon, from: string | undefined): Promise<MemberName | Refusal> {
  const sources = sourcesFor(daemon, from);
  if ('reason' in sources) return sources;
  const met: string[] = [];
  for (const target of sources) {
    const source = await openSource(daemon, target, met);
    if (source === null) continue;
    source.close();
    return target.name;
  }
  return noSource(met);
}

async function openSource(daemon: InstanceDaemon, target: MemberDefinition, met: string[]): Promise<CopySource | null> {
  try {
    return await CopySource.open(daemon, target);
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'unreachable' && code !== 'refused') throw error;
    met.push(`${target.name}: ${message}`);
    return null;
  }
}

async function goOn(
  daemon: InstanceDaemon,
  databases: readonly string[],
  named: MemberDefinition | undefined,
  progress: Progress,
): Promise<Found | Refusal | null> {
  const { host, paths, configuration } = daemon;
  const read = host.records.readRecord(join(paths.download, BEGINNING_FILE));
  const kept = readManifest(host.records, paths.download);
  if (read.state !== 'read' || !kept.ok) return null;
  const beginning: Beginning = {
    ...(read.value as Beginning),
    placing: (read.value as Partial<Beginning>).placing ?? [],
  };
  const has = kept.manifest.databases.map(({ attribute }) => attribute?.database);
  const isWanted = has.length === databases.length && databases.every((name) => has.includes(name));
  const { mirrorSet } = configuration.get();
  const target = mirrorSet === null ? undefined : memberNamed(mirrorSet, beginning.member);
  if (!isWanted || target === undefined || (named !== undefined && named !== target)) return null;
  const met: string[] = [];
  const source = await openSource(daemon, target, met);
  if (source === null) {
    const text = `the source of the download that was begun does not answer (${met.join('; ')}); repeat the command when it runs, or name another member with --from to begin anew`;
    return refusal('no-source', text, 'DB-030');
  }
  const offer = await source.ask({ type: 'find', copy: beginning.copy }, progress);
  if (offer.ok) {
    progress(`the download from ${target.name} goes on`);
    return { source, beginning, manifest: kept.manifest };
  }
  source.close();
  return null;
}

function begin(daemon: InstanceDaemon, source: CopySource, offer: Extract<Offer, { ok: true }>): Found {
  const { host, paths } = daemon;
  const beginning: Beginning = { member: source.member, copy: offer.copy, placing: [] };
  host.files.makeDirectory(paths.download);
  saveManifest(host.records, paths.download, offer.manifest);
  host.records.saveRecord(join(paths.download, BEGINNING_FILE), beginning);
  return { source, beginning, manifest: offer.manifest };
}

/** From where it stands to its end; a file whose checksum is wrong is thrown away, not its neighbours. @throws Error */
async function fetchFile(
  daemon: InstanceDaemon,
  source: CopySource,
  copy: string,
  database: BackedUpDatabase,
  progress: Progress,
): Promise<void> {
  const { host, catalog, paths } = daemon;
  const { files, clock } = host;
  const directory = copyDirectory(paths.download, database);
  files.makeDirectory(directory);
  const path = catalog.fileOf(directory);
  const handle = files.open(path, files.exists(path) ? 'update' : 'create');
  try {
    let offset = Math.min(files.size(handle), database.bytes);
    if (offset > 0) progress(`database ${database.name}: ${megabytes(offset)} are here already`);
    const fetching = new ByteProgress(clock, progress, `database ${database.name}`, 'downloaded', database.bytes);
    for await (const piece of source.read(copy, database.name, offset, database.bytes)) {
      files.write(handle, piece, offset);
      offset += piece.length;
      fetching.report(offset);
    }
    files.truncate(handle, database.bytes);
  } finally {
    files.close(handle);
  }
  await files.flush(path);
  const checking = new ByteProgress(clock, progress, `database ${database.name}`, 'verified', database.bytes);
  const { sha256 } = await files.digest(path, (bytes) => checking.report(bytes));
  if (sha256 === database.sha256) return;
  files.remove(path);
  throw new Error(`the copy of database ${database.name} from ${source.member} arrived damaged`);
}

/** What has come counts as room that is there. */
function refusalOfRoom(
  { host: { files }, paths, catalog }: InstanceDaemon,
  databases: readonly BackedUpDatabase[],
): Refusal | null {
  const bytes = databases.reduce((sum, database) => {
    const here = files.sizeOf(catalog.fileOf(copyDirectory(paths.download, database))) ?? 0;
    return sum + Math.max(0, database.bytes - here);
  }, diskReserveBytes);
  const free = files.freeBytes(paths.directory);
  if (free >= bytes) return null;
  const text = `no room for the download: ${megabytes(bytes)} are needed in ${paths.directory}, ${megabytes(free)} are free; make room`;
  return refusal('no-room', text);
}
