/**
 * What lies in the directory of a backup beside the copies: one record that says which databases these are, where each stands
 * in the mirror journal, and what each file must be. A directory without it is no backup.
 */
import { basename, join } from 'node:path';
import type { MirrorAttribute } from '../database/databases.ts';
import type { RecordFiles } from '../host/host.ts';
import type { EpochBeginning, JournalPosition } from '../mirror/journal-position.ts';
import { checkMirrorDatabaseName } from '../mirror/mirror-set.ts';
import type { MemberName, MirrorName } from '../mirror/terms.ts';

export interface BackupManifest {
  readonly format: 1;
  /** Where it was taken. */
  readonly instance: string;
  /** Null when that instance was in no mirror. */
  readonly mirror: MirrorName | null;
  readonly member: MemberName | null;
  /** ISO 8601, when it was begun. */
  readonly takenAt: string;
  /** Epochs of the journal there, oldest first: a position belongs to the lineage of its epoch. */
  readonly history: readonly EpochBeginning[];
  readonly databases: readonly BackedUpDatabase[];
}

export interface BackedUpDatabase {
  /** Local name there. */
  readonly name: string;
  /** File name; the copy is in a directory of the database's name. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Null for an ordinary database, like the position up to which it has the journal. */
  readonly attribute: MirrorAttribute | null;
  readonly applied: JournalPosition | null;
}

export const MANIFEST_FILE = 'backup.json';

export function copyDirectory(backup: string, database: Pick<BackedUpDatabase, 'name'>): string {
  return join(backup, database.name);
}

export function saveManifest(records: RecordFiles, directory: string, manifest: BackupManifest): void {
  records.saveRecord(join(directory, MANIFEST_FILE), manifest);
}

export type ManifestRead =
  | { readonly ok: true; readonly manifest: BackupManifest }
  /** One sentence with what to do. */
  | { readonly ok: false; readonly text: string };

/** Nothing in it is trusted: it names files that will be opened. */
export function readManifest(records: RecordFiles, directory: string): ManifestRead {
  const path = join(directory, MANIFEST_FILE);
  let read: ReturnType<RecordFiles['readRecord']>;
  try {
    read = records.readRecord(path);
  } catch (error) {
    return { ok: false, text: `${path} cannot be read: ${(error as Error).message}` };
  }
  if (read.state === 'missing') {
    const text = `${directory} holds no backup: there is no ${MANIFEST_FILE} in it; give the directory that a backup was made to`;
    return { ok: false, text };
  }
  if (read.state === 'damaged') return { ok: false, text: `the backup is damaged: ${read.reason}; use another backup` };
  return checkManifest(read.value, path);
}

/** `path` = where it came from, for the text. */
export function checkManifest(said: unknown, path: string): ManifestRead {
  const value = said as Partial<BackupManifest> | null;
  if (value?.format !== 1) {
    const text = `${path} is of a format that this release does not know (${String(value?.format)}); restore it with the release that wrote it`;
    return { ok: false, text };
  }
  return isManifest(value)
    ? { ok: true, manifest: value }
    : { ok: false, text: `the backup is damaged: ${path} is no list of databases; use another backup` };
}

function isManifest(value: Partial<BackupManifest>): value is BackupManifest {
  const { instance, takenAt, history, databases } = value;
  if (typeof instance !== 'string' || typeof takenAt !== 'string' || !Array.isArray(history)) return false;
  return Array.isArray(databases) && databases.length > 0 && databases.every(isBackedUp);
}

function isBackedUp(value: unknown): value is BackedUpDatabase {
  if (typeof value !== 'object' || value === null) return false;
  const { name, file, bytes, sha256, attribute, applied } = value as Partial<Record<string, unknown>>;
  const isName = typeof name === 'string' && checkMirrorDatabaseName(name).ok && name === name.toUpperCase();
  const isFile = typeof file === 'string' && file !== '' && file !== '..' && file === basename(file);
  const isContent = Number.isSafeInteger(bytes) && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
  return isName && isFile && isContent && (attribute === null) === (applied === null) && attribute !== undefined;
}
