/**
 * An instance's configuration file: read and checked whole, written whole and made durable. Package conf writes the file that
 * is coming, beside the one in use; it takes the other's place only when it is found to be whole, since conf does not notice
 * when a disk that runs full takes a part of it. Only who holds the instance's lock writes. A damaged file is never overwritten
 * and never silently replaced by defaults: an operator repairs it or restores it from a backup. A checksum in it tells damage,
 * too, that leaves every field valid; a file without one, written by hand, is taken as it is.
 */
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { agentPortDefault } from '../mirror/limits.ts';
import type { Address } from '../mirror/mirror-set.ts';
import { crc32c } from '../protocol/crc32c.ts';
import type { Parsed } from './configuration-schema.ts';
import {
  ConfigurationBrokenError,
  ConfigurationError,
  type ConfigurationStore,
  type HeldLock,
  type InstanceConfiguration,
} from './host.ts';
import { noMembership } from './memberships.ts';

type Parse = (value: unknown) => Parsed;

/** A new instance: in no mirror, without databases. */
export function newConfiguration(instance: string, directory: string, superserver: Address): InstanceConfiguration {
  return {
    instance,
    directory,
    superserver,
    serviceEnabled: false,
    agent: { address: null, port: agentPortDefault },
    alternateJournal: null,
    ...noMembership,
    furtherMirrors: [],
    databases: [],
    deletedDatabases: [],
  };
}

/** Write the first configuration of an instance; durable. @throws ConfigurationError when there is one already. */
export async function createConfiguration(path: string, initial: InstanceConfiguration): Promise<void> {
  const { parseConfiguration } = await import('./configuration-schema.ts');
  const text = serialize(withChecksum(checked(path, initial, parseConfiguration)));
  const temporary = `${path}.${process.pid}.new`;
  try {
    writeDurably(temporary, text);
    linkSync(temporary, path);
    syncDirectoryOf(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw new ConfigurationError(path, `${path} is there already; choose another name, or delete that instance first`);
  } finally {
    unlinkSync(temporary);
  }
}

/** Read without the right to write, e.g. for a list of instances. @throws ConfigurationError. */
export async function readConfiguration(path: string): Promise<InstanceConfiguration> {
  const { parseConfiguration } = await import('./configuration-schema.ts');
  return read(path, parseConfiguration);
}

/** Open for the holder of the instance's lock. @throws ConfigurationError. */
export async function openConfiguration(path: string, lock: Pick<HeldLock, 'isHeld'>): Promise<ConfigurationStore> {
  const { parseConfiguration } = await import('./configuration-schema.ts');
  let present = read(path, parseConfiguration);
  const { default: Conf } = await import('conf');
  // conf writes in place, not atomically, where it believes to run inside a snap package.
  delete process.env.SNAP;
  const coming = `${path}.coming`;
  // One that a crash left behind was never in use.
  rmSync(coming, { force: true });
  const file = new Conf<Record<string, unknown>>({
    cwd: dirname(coming),
    configName: basename(coming, extname(coming)),
    fileExtension: extname(coming).slice(1),
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    clearInvalidConfig: false,
    serialize,
  });
  return {
    get: () => present,
    set(wanted) {
      const valid = checked(path, wanted, parseConfiguration);
      if (!lock.isHeld()) {
        throw new ConfigurationError(path, `${path} is not written: this process no longer holds the instance's lock`);
      }
      const next = withChecksum(valid);
      takePlace(path, coming, serialize(next), () => {
        file.store = next;
      });
      present = valid;
    },
  };
}

/**
 * Write the coming file and put it in the place of the present one; durable when it returns.
 * @throws ConfigurationError when nothing was changed; ConfigurationBrokenError when what is on the disk is not known.
 */
function takePlace(path: string, coming: string, text: string, write: () => void): void {
  try {
    write();
    if (readFileSync(coming, 'utf8') !== text) throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' });
    renameSync(coming, path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EIO') throw brokenError(path, cause);
    const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'make room on its disk and try again' : oneLine(cause);
    throw new ConfigurationError(path, `${path} is not written and was not changed (${code ?? 'no code'}): ${why}`, {
      cause,
    });
  }
  try {
    syncDirectoryOf(path);
  } catch (cause) {
    throw brokenError(path, cause);
  }
}

function brokenError(path: string, cause: unknown): ConfigurationBrokenError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'no code';
  return new ConfigurationBrokenError(
    path,
    `Writing ${path} failed (${code}): what is on the disk is unknown, the process must end; check the disk before restarting.`,
    { cause },
  );
}

function read(path: string, parse: Parse): InstanceConfiguration {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : (cause as Error).message;
    throw new ConfigurationError(path, `${path}: ${why}; restore it from a backup or create the instance anew`, {
      cause,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new ConfigurationError(path, `${path} is damaged (${oneLine(cause)}); restore it from a backup`, { cause });
  }
  return checked(path, withoutChecksum(path, value), parse);
}

type Fields = Readonly<Record<string, unknown>>;

/** The checksum is that of the other fields as JSON.stringify writes them, which it does again for what was read back. */
function withChecksum(configuration: InstanceConfiguration): Record<string, unknown> {
  return { checksum: checksumOf({ ...configuration }), ...configuration };
}

function withoutChecksum(path: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('checksum' in value)) return value;
  const { checksum, ...fields } = value;
  if (checksum === checksumOf(fields)) return fields;
  throw new ConfigurationError(
    path,
    `${path} is damaged or was edited, since it does not have its checksum; restore it from a backup, or take out its line "checksum" if you edited it on purpose`,
  );
}

function checksumOf(fields: Fields): string {
  return crc32c(Buffer.from(JSON.stringify(fields), 'utf8'))
    .toString(16)
    .padStart(8, '0');
}

function checked(path: string, value: unknown, parse: Parse): InstanceConfiguration {
  const parsed = parse(value);
  if (parsed.ok) return parsed.configuration;
  // Both may quote what stands in the file.
  const what = `field ${parsed.field}: ${parsed.problem}`.replace(/\s+/g, ' ');
  throw new ConfigurationError(path, `${path}, ${what}; correct the file`);
}

function serialize(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

function oneLine(cause: unknown): string {
  return (cause as Error).message.replace(/\s+/g, ' ').slice(0, 120);
}

function writeDurably(path: string, text: string): void {
  const handle = openSync(path, 'w', 0o600);
  try {
    const bytes = Buffer.from(text, 'utf8');
    for (let done = 0; done < bytes.length; ) done += writeSync(handle, bytes, done);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function syncDirectoryOf(path: string): void {
  const handle = openSync(dirname(path), 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
