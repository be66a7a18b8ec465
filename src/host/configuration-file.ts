/**
 * An instance's configuration file: read and checked whole, written whole (package conf, which writes a new file and renames
 * it) and made durable here. Only who holds the instance's lock writes. A damaged file is never overwritten and never
 * silently replaced by defaults: an operator repairs it or restores it from a backup.
 */
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, extname } from 'node:path';
import { agentPortDefault } from '../mirror/limits.ts';
import type { Address } from '../mirror/mirror-set.ts';
import type { Parsed } from './configuration-schema.ts';
import { ConfigurationError, type ConfigurationStore, type HeldLock, type InstanceConfiguration } from './host.ts';

type Parse = (value: unknown) => Parsed;

/** A new instance: in no mirror, without databases. */
export function newConfiguration(instance: string, directory: string, superserver: Address): InstanceConfiguration {
  return {
    instance,
    directory,
    superserver,
    serviceEnabled: false,
    joinMirror: false,
    mirrorStopped: false,
    agent: { address: null, port: agentPortDefault },
    member: null,
    memberType: null,
    mirrorSet: null,
    databases: [],
  };
}

/** Write the first configuration of an instance; durable. @throws ConfigurationError when there is one already. */
export async function createConfiguration(path: string, initial: InstanceConfiguration): Promise<void> {
  const { parseConfiguration } = await import('./configuration-schema.ts');
  const text = serialize(checked(path, initial, parseConfiguration));
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
  const file = new Conf<Record<string, unknown>>({
    cwd: dirname(path),
    configName: basename(path, extname(path)),
    fileExtension: extname(path).slice(1),
    configFileMode: 0o600,
    accessPropertiesByDotNotation: false,
    clearInvalidConfig: false,
    serialize,
  });
  return {
    get: () => present,
    set(next) {
      const valid = checked(path, next, parseConfiguration);
      if (!lock.isHeld()) {
        throw new ConfigurationError(path, `${path} is not written: this process no longer holds the instance's lock`);
      }
      file.store = { ...valid };
      syncDirectoryOf(path);
      present = valid;
    },
  };
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
  return checked(path, value, parse);
}

function checked(path: string, value: unknown, parse: Parse): InstanceConfiguration {
  const parsed = parse(value);
  if (parsed.ok) return parsed.configuration;
  throw new ConfigurationError(path, `${path}, field ${parsed.field}: ${parsed.problem}; correct the file`);
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
