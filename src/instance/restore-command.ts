/**
 * `database restore`: the copies of a backup take the places of databases here. First all of them are copied beside what is
 * there and verified; what was there stays until then, and each is replaced in one step. Then mirrored ones are activated and
 * caught up (DB-022). Cut off at any point and repeated, it goes on where it stopped. The copies of a download are not copied
 * again: each is verified where it lies, and moved.
 */
import { join } from 'node:path';
import { comparePositions } from '../mirror/journal-position.ts';
import { diskReserveBytes } from '../mirror/limits.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { copyDirectory } from './backup-manifest.ts';
import { ByteProgress, megabytes } from './byte-progress.ts';
import { catchUpAll } from './catch-up-commands.ts';
import { done, failed, type Progress, refusal, refused, refusedWith } from './command-outcome.ts';
import { followPrimary } from './followed-properties.ts';
import type { InstanceDaemon } from './parts.ts';
import { type PlannedRestore, type PlannedStep, planRestore } from './restore-plan.ts';

/** Inside a database's directory: the copy that is about to take its place. */
const RESTORING = 'restoring';

/** Directories of databases that are being restored. */
const underWay = new Set<string>();

type Given = CommandArguments['restore-databases'];

/** The copies are of a download, and what is left of it is not needed afterwards. */
export interface Moving {
  /** Local names of those that an earlier try has put in place. */
  readonly placed: readonly string[];
  /** The copy of that name is about to be moved: to be remembered durably. */
  onPlacing(copy: string): void;
}

export async function restoreDatabases(
  daemon: InstanceDaemon,
  given: Given,
  progress: Progress,
  moving: Moving | null = null,
): Promise<Outcome> {
  const plan = planRestore(daemon, given);
  const why = refusalOfPlan(plan, given) ?? ('steps' in plan ? refusalOfRoom(daemon, plan.steps, moving) : null);
  if (!('steps' in plan) || why !== null) return refusedWith(why as Refusal);
  const directories = plan.steps.map(({ directory }) => directory);
  const busy = plan.steps.find(({ directory }) => underWay.has(directory));
  if (busy !== undefined)
    return refused('under-way', `database ${busy.database} is being restored already; wait for it`);
  for (const directory of directories) underWay.add(directory);
  const replaced: string[] = [];
  try {
    const sources = new Map<string, string>();
    for (const step of plan.steps) {
      const isMoved = moving !== null && isOnSameVolume(daemon, given.from, step.directory);
      sources.set(step.database, isMoved ? copyDirectory(given.from, step.copy) : join(step.directory, RESTORING));
      if (!isMoved) await fetchCopy(daemon, given.from, step, progress);
      await verify(daemon, given.from, sources.get(step.database) ?? '', step, progress);
    }
    const notReplaced = await daemon.turns.next(() =>
      putInPlace(daemon, given, { sources, moving, replaced }, progress),
    );
    if (notReplaced !== null) return notReplaced;
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    const left = replaced.length === 0 ? 'the data here are as they were' : `only ${replaced.join(', ')} restored`;
    return failed(typeof code === 'string' ? code : 'restore-failed', `${left}: ${message}`);
  } finally {
    for (const directory of directories) {
      daemon.host.files.removeTree(join(directory, RESTORING));
      underWay.delete(directory);
    }
  }
  return await bringLevel(daemon, plan, moving?.placed ?? [], progress);
}

/** Tried with an empty directory, which ends where copies are prepared. */
function isOnSameVolume({ host: { files } }: InstanceDaemon, from: string, directory: string): boolean {
  const [probe, restoring] = [join(from, RESTORING), join(directory, RESTORING)];
  for (const path of [probe, restoring]) files.removeTree(path);
  for (const path of [probe, directory]) files.makeDirectory(path);
  try {
    files.rename(probe, restoring);
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EXDEV') throw error;
    files.removeTree(probe);
    return false;
  }
}

/** At the start: half copies of restores that were killed, also of databases that were to be made. */
export function clearCutOffRestores({ host, paths, configuration, log }: ClearParts): void {
  const { files } = host;
  const own = files.exists(paths.databases)
    ? files.list(paths.databases).map((name) => join(paths.databases, name))
    : [];
  const directories = new Set([...configuration.get().databases.map(({ directory }) => directory), ...own]);
  for (const directory of directories) {
    const path = join(directory, RESTORING);
    if (!files.exists(path)) continue;
    files.removeTree(path);
    log('restore-cleared', { path });
  }
}

interface ClearParts extends Pick<InstanceDaemon, 'host' | 'paths' | 'configuration'> {
  readonly log: InstanceDaemon['log'];
}

/** Everything that can be known before a byte is written. */
function refusalOfPlan(plan: PlannedRestore | Refusal, { replace }: Given): Refusal | null {
  if (!('steps' in plan)) return plan;
  const no = plan.steps.find((step) => step.refusal !== null)?.refusal;
  if (no != null) return no;
  const unconfirmed = plan.steps.filter(({ holdsData, database }) => holdsData && !isIn(replace, database));
  if (unconfirmed.length === 0) return null;
  const names = unconfirmed.map(({ database }) => database).join(', ');
  const text = `the present data of ${names} would be replaced; look at the plan and confirm it`;
  return refusal('not-confirmed', text, 'DB-021');
}

function isIn(names: readonly string[] | undefined, name: string): boolean {
  return names?.some((each) => each.toUpperCase() === name) === true;
}

function refusalOfRoom(daemon: InstanceDaemon, steps: readonly PlannedStep[], moving: Moving | null): Refusal | null {
  const { host, paths } = daemon;
  const { files } = host;
  for (const { database, directory, copy } of steps) {
    if (moving !== null && isOnSameVolume(daemon, paths.download, directory)) continue;
    const free = files.freeBytes(files.exists(directory) ? directory : paths.directory);
    if (free >= copy.bytes + diskReserveBytes) continue;
    const text = `no room to restore database ${database}: ${megabytes(copy.bytes + diskReserveBytes)} are needed in ${directory}, ${megabytes(free)} are free; make room`;
    return refusal('no-room', text);
  }
  return null;
}

/** Beside what is there. @throws Error */
async function fetchCopy(daemon: InstanceDaemon, from: string, step: PlannedStep, progress: Progress): Promise<void> {
  const { catalog, host } = daemon;
  const { copy, database, directory } = step;
  const restoring = join(directory, RESTORING);
  host.files.removeTree(restoring);
  host.files.makeDirectory(restoring);
  const source = join(copyDirectory(from, copy), copy.file);
  if (host.files.sizeOf(source) !== copy.bytes) {
    const found = host.files.sizeOf(source);
    throw new Error(
      `the backup is incomplete: ${source} ${found === null ? 'is missing' : `has ${found} bytes`}, and should have ${copy.bytes}; use another backup`,
    );
  }
  const copying = new ByteProgress(host.clock, progress, `database ${database}`, 'copied', copy.bytes);
  const target = catalog.fileOf(restoring);
  const { sha256 } = await host.files.copy(source, target, (bytes) => copying.report(bytes));
  if (sha256 !== copy.sha256) {
    throw new Error(`the backup is damaged: ${source} is not what was backed up; use another backup`);
  }
}

/** Every value is read, and the copy found to be what the backup says. @throws Error */
async function verify(
  { catalog, host }: InstanceDaemon,
  from: string,
  directory: string,
  { copy, database }: PlannedStep,
  progress: Progress,
): Promise<void> {
  const reading = new ByteProgress(host.clock, progress, `database ${database}`, 'verified', copy.bytes);
  const onKeys = (done: number, keys: number): void => reading.report((copy.bytes * done) / keys);
  const { attribute, applied } = await catalog.inspect(directory, onKeys);
  const isSame =
    attribute?.mirror === copy.attribute?.mirror &&
    attribute?.database === copy.attribute?.database &&
    (applied === null || copy.applied === null
      ? applied === copy.applied
      : comparePositions(applied, copy.applied) === 0);
  if (isSame) return;
  const source = join(copyDirectory(from, copy), copy.file);
  throw new Error(`the backup is damaged: ${source} is not the database that its list says; use another one`);
}

interface Placing {
  /** Where the verified copy of each database lies. */
  readonly sources: ReadonlyMap<string, string>;
  readonly moving: Moving | null;
  readonly replaced: string[];
}

/** In the turn of commands that change the configuration: what was planned is looked at once more. */
async function putInPlace(
  daemon: InstanceDaemon,
  given: Given,
  { sources, moving, replaced }: Placing,
  progress: Progress,
): Promise<Outcome | null> {
  const plan = planRestore(daemon, given);
  const why = refusalOfPlan(plan, given);
  if (!('steps' in plan) || why !== null) return refusedWith(why as Refusal);
  const { catalog } = daemon;
  for (const { database, directory, mirrorDatabase, copy } of plan.steps) {
    const entry = catalog.find(database);
    if (entry === undefined) await catalog.create(database, directory);
    moving?.onPlacing(copy.name);
    await catalog.replace(database, sources.get(database) ?? '');
    replaced.push(database);
    const what = mirrorDatabase === null ? '' : `, a copy of mirror database ${mirrorDatabase}`;
    progress(`database ${database} is restored${what}`);
    daemon.log('restored', { database, from: given.from });
  }
  return null;
}

/** DB-022, DB-023, DB-054. */
async function bringLevel(
  daemon: InstanceDaemon,
  { steps }: PlannedRestore,
  before: readonly string[],
  progress: Progress,
): Promise<Outcome> {
  const restored = [...before, ...steps.map(({ database }) => database)].join(', ');
  const ofMirror = steps.filter(({ mirrorDatabase }) => mirrorDatabase !== null).map(({ database }) => database);
  const mirrored = [...before, ...ofMirror];
  const text = `${restored} restored`;
  if (mirrored.length === 0) return done(text);
  if (daemon.member === null) {
    return done(`${text}; copies of mirrored databases are read-only here until they are removed from their mirror`);
  }
  await followPrimary(daemon);
  const failures = await catchUpAll(daemon, mirrored, progress);
  if (failures.length === 0) return done(`${text}, activated and caught up`);
  return failed('not-caught-up', `${text}, but not caught up: ${failures.map((each) => each.message).join('; ')}`);
}
