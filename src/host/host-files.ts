/**
 * Files that describe the host and are read by people and programs: host.json (its address), links.json (a lab's cables) and
 * iscagent.conf (AGT-010 to AGT-013). Read whole, checked by hand; written by commands, whole. The two in JSON carry a checksum
 * where a command wrote them; a person who edits one takes it out. iscagent.conf is a person's: every line of it must be understood.
 */
import { readFileSync } from 'node:fs';
import { agentPortDefault } from '../mirror/limits.ts';
import { type Address, checkPort } from '../mirror/mirror-set.ts';
import { crc32c } from '../protocol/crc32c.ts';
import { ConfigurationError, type FileOperations, type Severity } from './host.ts';

export interface HostFile {
  /** The address that stands for this host. */
  readonly address: string;
}

/** A home without host.json is this machine by itself. */
export function readHostFile(path: string): HostFile {
  const value = readJson(path);
  if (value === null) return { address: '127.0.0.1' };
  const { address } = value;
  if (typeof address !== 'string' || address === '') {
    throw new ConfigurationError(path, `${path}, field address: must be an address; correct the file`);
  }
  return { address };
}

export function writeHostFile(files: Pick<FileOperations, 'replace'>, path: string, host: HostFile): void {
  writeJson(files, path, { ...host });
}

/** From host:port to what is to be dialled instead; empty where there is no lab. */
export function readLinks(path: string): ReadonlyMap<string, Address> {
  const value = readJson(path);
  const links = new Map<string, Address>();
  for (const [target, instead] of Object.entries(value ?? {})) {
    const { host, port } = (instead ?? {}) as Partial<Record<string, unknown>>;
    if (typeof host !== 'string' || typeof port !== 'number' || !checkPort(port).ok) {
      throw new ConfigurationError(path, `${path}, field ${target}: must have host and port; correct the file`);
    }
    links.set(target, { host, port });
  }
  return links;
}

export function writeLinks(
  files: Pick<FileOperations, 'replace'>,
  path: string,
  links: ReadonlyMap<string, Address>,
): void {
  writeJson(files, path, Object.fromEntries(links));
}

export interface AgentConfiguration {
  readonly port: number;
  /** '*' = all interfaces (AGT-001). */
  readonly address: string;
  /** AGT-012: messages below it are not written. */
  readonly minimumSeverity: Severity;
  /** AGT-013. */
  readonly groups: readonly string[];
  readonly user: string | null;
  /** Settings of groups that this agent does not have, a sentence each. */
  readonly warnings: readonly string[];
}

export function readAgentConfiguration(path: string): AgentConfiguration {
  return parseAgentConfiguration(readText(path) ?? '', path);
}

/** Where an unknown key is one that was mistyped or damaged, and not a setting of another release. */
const ownGroup = /^(application_server|logging|privileges)\b/;

/** Lines key=value; blanks around '=' are accepted, '#' and ';' begin a comment. @throws ConfigurationError naming the line. */
export function parseAgentConfiguration(text: string, path: string): AgentConfiguration {
  let found: AgentConfiguration = {
    port: agentPortDefault,
    address: '*',
    minimumSeverity: 0,
    groups: ['iscagent'],
    user: null,
    warnings: [],
  };
  const lineOf = new Map<string, number>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const place = `${path}, line ${index + 1}`;
    if (/^\s*([#;].*)?$/.test(line)) continue;
    const match = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) throw new ConfigurationError(path, `${place} is not key=value; correct the file`);
    const [, key, value] = match as unknown as readonly [string, string, string];
    const before = lineOf.get(key);
    if (before !== undefined) {
      throw new ConfigurationError(path, `${place}: ${key} stands in line ${before} already; take one of the two out`);
    }
    lineOf.set(key, index + 1);
    const read = readSetting(key, value);
    if (read === null) {
      if (ownGroup.test(key)) throw new ConfigurationError(path, `${place}: "${key}" is not known; correct the file`);
      found = { ...found, warnings: [...found.warnings, `${place}: "${key}" is not known and is ignored`] };
    } else if (typeof read === 'string') {
      throw new ConfigurationError(path, `${place}: ${read}`);
    } else {
      found = { ...found, ...read };
    }
  }
  return found;
}

/** What one line sets; null when its key is not known, a sentence when its value is not valid. */
function readSetting(key: string, value: string): Partial<AgentConfiguration> | string | null {
  switch (key) {
    case 'application_server.port': {
      const port = checkPort(/^\d+$/.test(value) ? Number(value) : Number.NaN);
      return port.ok ? { port: port.value } : `${key} is "${value}"; ${port.text}`;
    }
    case 'application_server.interface_address':
      return /^[^\s]+$/.test(value) ? { address: value } : `${key} must be one address, or * for all`;
    case 'logging.minimum_severity':
      return /^[0-3]$/.test(value)
        ? { minimumSeverity: Number(value) as Severity }
        : `${key} is "${value}"; it is 1 (warning), 2 (severe) or 3 (fatal)`;
    case 'privileges.group': {
      const groups = value.split(/\s*,\s*/).filter((group) => group !== '');
      return groups.includes('iscagent') ? { groups } : `${key} must hold the group iscagent`;
    }
    case 'privileges.user':
      return value === '' ? `${key} must name a user` : { user: value };
    default:
      return null;
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

type Json = Readonly<Partial<Record<string, unknown>>>;

const CHECKSUM = 'checksum';

function writeJson(files: Pick<FileOperations, 'replace'>, path: string, value: Json): void {
  files.replace(path, Buffer.from(`${JSON.stringify({ ...value, [CHECKSUM]: checksumOf(value) }, null, 2)}\n`, 'utf8'));
}

/** Of the values, however they are laid out. */
function checksumOf(value: Json): string {
  return crc32c(Buffer.from(JSON.stringify(value), 'utf8'))
    .toString(16)
    .padStart(8, '0');
}

function readJson(path: string): Json | null {
  const text = readText(path);
  if (text === null) return null;
  const { [CHECKSUM]: checksum, ...value } = parseObject(path, text);
  if (checksum !== undefined && checksum !== checksumOf(value)) {
    const text = `${path} is not as it was written (its checksum is wrong); look at it, correct it, and take the line "${CHECKSUM}" out`;
    throw new ConfigurationError(path, text);
  }
  return value;
}

function parseObject(path: string, text: string): Json {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch (cause) {
    throw new ConfigurationError(path, `${path} is not JSON; correct the file or remove it`, { cause });
  }
  throw new ConfigurationError(path, `${path} must hold one JSON object; correct the file or remove it`);
}
