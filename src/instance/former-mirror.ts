/**
 * What is left of a mirror on an instance that is out of it (CFG-066..CFG-071). One write makes it a member of nothing; what follows
 * is repeated at the next start if it was cut off: its databases become ordinary ones, or keep their mirror attribute and need
 * activation should it join again (DB-051, DB-053); journal and records are put aside, since a new membership begins its own.
 */
import { join } from 'node:path';
import { type HomePaths, type InstancePaths, mirrorJournalLogPath } from '../host/home.ts';
import type { ConfigurationStore, FileOperations } from '../host/host.ts';
import type { WriteLog } from '../mirror/log-messages.ts';
import type { CatalogEntry, DatabaseCatalog } from './parts.ts';

export interface FormerMirrorParts {
  readonly configuration: ConfigurationStore;
  readonly catalog: Pick<DatabaseCatalog, 'entries' | 'mount' | 'dismount' | 'leaveMirror'>;
  readonly files: Pick<FileOperations, 'exists' | 'list' | 'makeDirectory' | 'rename' | 'syncDirectory' | 'removeTree'>;
  readonly paths: InstancePaths;
  readonly home: HomePaths;
  readonly wallMs: () => number;
  readonly log: WriteLog;
}

/** Durable when it returns: this instance is a member of no mirror. */
export function leaveMirror(configuration: ConfigurationStore, removeAttribute: boolean): void {
  const present = configuration.get();
  if (present.mirrorSet === null) return;
  configuration.set({
    ...present,
    joinMirror: false,
    mirrorStopped: false,
    dejournalingPaused: false,
    dejournalFilter: null,
    purgeAtOnce: false,
    member: null,
    memberType: null,
    mirrorSet: null,
    formerMirror: { name: present.mirrorSet.name, removeAttribute },
  });
}

/** The rest, while no member runs. What cannot be mounted keeps its mark, and the log says so. */
export async function clearFormerMirror(parts: FormerMirrorParts): Promise<void> {
  const { configuration, catalog, log } = parts;
  const { formerMirror } = configuration.get();
  if (formerMirror === null) return;
  const { name: mirror, removeAttribute } = formerMirror;
  for (const entry of catalog.entries()) {
    if (entry.configuration.mirrorDatabase === null) continue;
    try {
      await clearDatabase(catalog, entry, mirror, removeAttribute);
    } catch (error) {
      const { name } = entry.configuration;
      log('mark-not-cleared', { database: name, mirror, reason: (error as Error).message });
    }
  }
  const kept = putAside(parts, mirror);
  // Copies that were fetched from its members are of no use to the next one.
  for (const path of [parts.paths.download, parts.paths.rebuild]) parts.files.removeTree(path);
  configuration.set({ ...configuration.get(), formerMirror: null });
  const databases = removeAttribute
    ? 'its databases are ordinary ones now'
    : 'its databases keep their mirror attribute';
  log('out-of-mirror', { mirror, databases, kept });
}

async function clearDatabase(
  catalog: FormerMirrorParts['catalog'],
  { configuration: { name, mounted }, database }: CatalogEntry,
  mirror: string,
  removeAttribute: boolean,
): Promise<void> {
  if (database === null) await catalog.mount(name);
  await catalog.leaveMirror(name, mirror, removeAttribute);
  if (!mounted) await catalog.dismount(name);
}

/** A directory of its own beside the journal, on the same disk; a second try finds what the first one left. */
function putAside({ configuration, files, paths, home, wallMs }: FormerMirrorParts, mirror: string): string {
  const { instance, alternateJournal } = configuration.get();
  const stamp = new Date(wallMs()).toISOString().replace(/[:.]/g, '-');
  const aside = `former-${mirror}-${stamp}`;
  const directories = [paths.journal, ...(alternateJournal === null ? [] : [alternateJournal])];
  const log = mirrorJournalLogPath(home.home, instance, mirror);
  putJournalAside(files, directories, mirror, aside, [paths.member, paths.verification, paths.journalClaims, log]);
  files.syncDirectory(paths.directory);
  return join(paths.journal, aside);
}

/**
 * A mirror's journal files go into a directory beside them, so that it is a rename on any file system, and the records that
 * belong to them into the first one.
 */
export function putJournalAside(
  files: FormerMirrorParts['files'],
  directories: readonly string[],
  mirror: string,
  aside: string,
  records: readonly string[],
): void {
  for (const [index, directory] of directories.entries()) {
    if (!files.exists(directory)) continue;
    const own = files
      .list(directory)
      .filter((name) => name.startsWith(`MIRROR-${mirror}-`) || name === `flushed-${mirror}.mark`);
    const others = index === 0 ? records.filter((path) => files.exists(path)) : [];
    move(files, [...own.map((name) => join(directory, name)), ...others], join(directory, aside));
    files.syncDirectory(directory);
  }
}

function move(files: FormerMirrorParts['files'], from: readonly string[], to: string): void {
  if (from.length === 0) return;
  files.makeDirectory(to);
  for (const path of from) files.rename(path, join(to, path.slice(path.lastIndexOf('/') + 1)));
  files.syncDirectory(to);
}
