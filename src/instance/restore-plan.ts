/**
 * What a restore would do here: for each database of a backup where it would go, what would be replaced, and why not. Made
 * before anything is changed, shown to the operator, and made again before the copies take their places.
 */
import { isAbsolute } from 'node:path';
import { databaseDirectory } from '../host/home.ts';
import type { Journal } from '../journal/journal.ts';
import { checkMirrorDatabaseName } from '../mirror/mirror-set.ts';
import type { RestorePlan, RestoreStep } from '../protocol/control-channel.ts';
import type { CommandArguments, Refusal } from '../protocol/control-commands.ts';
import { type BackedUpDatabase, type BackupManifest, readManifest } from './backup-manifest.ts';
import { refusal } from './command-outcome.ts';
import { placeCopy } from './copy-placement.ts';
import { isEmpty, mirrorNameOf } from './mirrored-databases.ts';
import { ownType } from './own-type.ts';
import type { CatalogEntry, InstanceDaemon } from './parts.ts';

export interface PlannedRestore {
  readonly backup: BackupManifest;
  readonly steps: readonly PlannedStep[];
}

export interface PlannedStep extends Omit<RestoreStep, 'copy'> {
  readonly copy: BackedUpDatabase;
}

/** What the operator is shown. */
export function describePlan({ backup, steps }: PlannedRestore): RestorePlan {
  const { instance, mirror, member, takenAt } = backup;
  const shown = steps.map(({ copy, ...step }): RestoreStep => ({ ...step, copy: copy.name }));
  return { instance, mirror, member, takenAt, steps: shown };
}

export function planRestore(
  daemon: InstanceDaemon,
  { from, databases, as }: Pick<CommandArguments['restore-databases'], 'from' | 'databases' | 'as'>,
): PlannedRestore | Refusal {
  if (!isAbsolute(from)) {
    return refusal('bad-directory', `directory "${from}" is not an absolute path; give one that begins with /`);
  }
  const read = readManifest(daemon.host.records, from);
  if (!read.ok) return refusal('no-backup', read.text);
  const held = read.manifest.databases;
  const wanted = databases?.map((name) => name.toUpperCase());
  const missing = wanted?.find((name) => !held.some((each) => each.name === name));
  if (missing !== undefined) {
    const names = held.map(({ name }) => name).join(', ');
    return refusal('not-in-backup', `the backup holds no database ${missing}; it holds ${names}`);
  }
  const chosen = held.filter(({ name }) => wanted === undefined || wanted.includes(name));
  if (as !== undefined && chosen.length !== 1) {
    return refusal('which-database', 'another local name is for one database; say which one of the backup');
  }
  const steps = chosen.map((copy) => planStep(daemon, read.manifest, copy, as));
  const twice = steps.find(({ database }, index) => steps.findIndex((each) => each.database === database) !== index);
  if (twice !== undefined) {
    return refusal('twice', `the backup holds two copies for database ${twice.database}; restore them one by one`);
  }
  return { backup: read.manifest, steps };
}

function planStep(
  daemon: InstanceDaemon,
  backup: BackupManifest,
  copy: BackedUpDatabase,
  as: string | undefined,
): PlannedStep {
  const mirrorDatabase = copy.attribute?.database ?? null;
  const { entries } = { entries: daemon.catalog.entries() };
  const isThatCopy = (entry: CatalogEntry): boolean =>
    mirrorDatabase !== null && mirrorNameOf(entry) === mirrorDatabase;
  // A copy of the same mirror database is the one to replace, whatever its local name is (DB-012).
  const present = as === undefined ? entries.find(isThatCopy) : undefined;
  const name = (as ?? present?.configuration.name ?? copy.name).toUpperCase();
  const entry = daemon.catalog.find(name);
  const { home, configuration } = daemon;
  const directory = entry?.configuration.directory ?? databaseDirectory(home.home, configuration.get().instance, name);
  // A copy that was never activated here holds what some backup or file holds, and nothing of its own.
  const holdsData = entry !== undefined && !isPlaceholder(entry) && entry.status !== 'Needs Activation';
  const step = { copy, database: name, directory, mirrorDatabase, holdsData, isNew: entry === undefined };
  const others = entries.filter((each) => isThatCopy(each) && each.configuration.name !== name);
  const why =
    refusalOfName(name, others[0]) ??
    refusalOfKind(name, mirrorDatabase, entry) ??
    refusalOfRole(daemon, copy) ??
    refusalOfJournal(daemon, backup, copy);
  return { ...step, refusal: why };
}

/** DB-021: made to be restored over. */
function isPlaceholder({ database, attribute }: CatalogEntry): boolean {
  return database !== null && attribute === undefined && isEmpty(database);
}

function refusalOfName(name: string, other: CatalogEntry | undefined): Refusal | null {
  const named = checkMirrorDatabaseName(name);
  if (!named.ok) return refusal('bad-name', named.text.replace('mirror database', 'database'), 'DB-009');
  if (other === undefined) return null;
  const { name: there } = other.configuration;
  return refusal('name-taken', `database ${there} is that copy here already; restore over it, as ${there}`, 'DB-011');
}

/** An ordinary database and a copy of a mirrored one never take each other's place, unless there is nothing in it yet. */
function refusalOfKind(name: string, mirrorDatabase: string | null, entry: CatalogEntry | undefined): Refusal | null {
  if (entry === undefined || isPlaceholder(entry)) return null;
  const here = mirrorNameOf(entry);
  if (here === mirrorDatabase) return null;
  const is = here === null ? 'an ordinary database with data' : `mirror database ${here}`;
  const restored = mirrorDatabase === null ? 'an ordinary database' : `mirror database ${mirrorDatabase}`;
  const text = `database ${name} is ${is} here, and the backup holds ${restored}; restore it under another local name, or delete that database first`;
  return refusal('database-exists', text, 'DB-021');
}

function refusalOfRole({ member }: InstanceDaemon, { attribute }: BackedUpDatabase): Refusal | null {
  if (attribute === null || member === null) return null;
  const { role } = member.state;
  if (role === 'primary' || role === 'handing-over') {
    const text = `this member is the primary, and ${attribute.database} is mirrored: its data come from applications here, and restoring would take updates away that other members have; restore on the backup and the asyncs, or remove the database from the mirror first`;
    return refusal('is-primary', text, 'DB-021');
  }
  if (role === 'becoming' || role === 'starting' || role === 'down') {
    return refusal(
      'in-transition',
      'this member is changing its role; try again when its status has settled',
      'DB-021',
    );
  }
  return null;
}

/** DB-024: what cannot be brought level here is refused before anything is changed. What has not come yet may come. */
function refusalOfJournal(
  { member, configuration }: InstanceDaemon,
  { history }: BackupManifest,
  { attribute, applied }: BackedUpDatabase,
): Refusal | null {
  const set = configuration.get().mirrorSet;
  if (member === null || set === null || attribute === null || applied === null) return null;
  const { journal } = member;
  const placed = placeCopy(attribute, applied, set, journal, ownType(configuration.get()));
  if ('refusal' in placed) return placed.refusal;
  return isOtherLineage(applied.epoch, history, journal)
    ? refusal(
        'not-this-journal',
        `the backup stands in epoch ${applied.epoch} of another history of this mirror, which was given up when a member was forced to become primary; take a new backup`,
        'DB-024',
      )
    : null;
}

function isOtherLineage(epoch: number, history: BackupManifest['history'], journal: Pick<Journal, 'history'>): boolean {
  const there = history.find((each) => each.epoch === epoch);
  const here = journal.history.find((each) => each.epoch === epoch);
  return there !== undefined && here !== undefined && there.lineage !== here.lineage;
}
