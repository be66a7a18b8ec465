/**
 * The directory of an instance was copied or moved, and its configuration still names the places it had. What is below the directory came
 * with it and is used where it is now: a copy never touches what belongs to the original. Of what lies elsewhere nobody can tell whose it
 * is, so a copy leaves it dismounted.
 */
import { basename, join } from 'node:path';
import type { InstancePaths } from '../host/home.ts';
import type { ConfigurationStore, FileOperations } from '../host/host.ts';
import type { WriteLog } from '../mirror/log-messages.ts';

export interface OwnDirectoryParts {
  readonly configuration: ConfigurationStore;
  readonly files: Pick<FileOperations, 'exists' | 'readWhole'>;
  readonly paths: Pick<InstancePaths, 'directory' | 'configuration' | 'lock'>;
  readonly log: WriteLog;
}

/** Before anything that the configuration names is opened; the lock of this instance is held. */
export function settleDirectory({ configuration, files, paths, log }: OwnDirectoryParts): void {
  const present = configuration.get();
  const [former, now] = [present.directory, paths.directory];
  if (former === now || isSame(files, join(former, basename(paths.lock)), paths.lock)) return;
  const isCopy = files.exists(join(former, basename(paths.configuration)));
  const placed = (path: string): string | null =>
    path.startsWith(`${former}/`) ? join(now, path.slice(former.length + 1)) : null;
  const left: string[] = [];
  const databases = present.databases.map((database) => {
    const inside = placed(database.directory);
    if (inside !== null) return { ...database, directory: inside };
    if (isCopy) left.push(`${database.name} in ${database.directory}`);
    return isCopy ? { ...database, mounted: false } : database;
  });
  const { alternateJournal } = present;
  const alternate = alternateJournal === null ? null : (placed(alternateJournal) ?? (isCopy ? null : alternateJournal));
  configuration.set({ ...present, directory: now, databases, alternateJournal: alternate });
  log('instance-moved', { how: isCopy ? 'copied' : 'moved', former, now });
  if (left.length > 0) log('databases-of-original', { databases: left.join(', ') });
  if (alternate === null && alternateJournal !== null) {
    log('alternate-of-original', { directory: alternateJournal });
  }
}

/** One directory by two paths: the lock that was just taken is there, too. */
function isSame(files: OwnDirectoryParts['files'], there: string, here: string): boolean {
  const [a, b] = [files.readWhole(there), files.readWhole(here)];
  return a !== null && b !== null && Buffer.compare(a, b) === 0;
}
