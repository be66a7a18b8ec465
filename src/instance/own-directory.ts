/**
 * The directory of an instance was copied or moved, and its configuration still names the places it had. What is below the directory came
 * with it and is used where it is now: a copy never touches what belongs to the original. Of what lies elsewhere nobody can tell whose it
 * is, so a copy leaves it dismounted.
 */
import { basename, join } from 'node:path';
import type { InstancePaths } from '../host/home.ts';
import type { ConfigurationStore, FileOperations } from '../host/host.ts';

export interface OwnDirectoryParts {
  readonly configuration: ConfigurationStore;
  readonly files: Pick<FileOperations, 'exists' | 'readWhole'>;
  readonly paths: Pick<InstancePaths, 'directory' | 'configuration' | 'lock'>;
  readonly log: (severity: 0 | 1 | 2, category: string, text: string) => void;
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
  log(
    1,
    'Utility.Event',
    `This instance was ${isCopy ? 'copied' : 'moved'} from ${former}: it uses what lies in ${now}`,
  );
  if (left.length > 0) {
    const text = `These databases lie outside of it, are those of the original as long as that is there, and are not mounted: ${left.join(', ')}`;
    log(2, 'Utility.Event', text);
  }
  if (alternate === null && alternateJournal !== null) {
    log(
      2,
      'Utility.Event',
      `The alternate journal directory ${alternateJournal} is that of the original: there is none now`,
    );
  }
}

/** One directory by two paths: the lock that was just taken is there, too. */
function isSame(files: OwnDirectoryParts['files'], there: string, here: string): boolean {
  const [a, b] = [files.readWhole(there), files.readWhole(here)];
  return a !== null && b !== null && Buffer.compare(a, b) === 0;
}
