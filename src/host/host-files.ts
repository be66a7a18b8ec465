/**
 * Files that describe the host and are read by people and programs: host.json (its address), links.json (a lab's cables) and
 * iscagent.conf (AGT-010 to AGT-013). Read whole, checked by hand; written by commands, whole.
 */
import { readFileSync } from 'node:fs';
import { agentPortDefault } from '../mirror/limits.ts';
import { type Address, checkPort } from '../mirror/mirror-set.ts';
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
  files.replace(path, Buffer.from(`${JSON.stringify(host, null, 2)}\n`, 'utf8'));
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
  files.replace(path, Buffer.from(`${JSON.stringify(Object.fromEntries(links), null, 2)}\n`, 'utf8'));
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
  /** What the file holds and nobody reads, a sentence each. */
  readonly warnings: readonly string[];
}

export function readAgentConfiguration(path: string): AgentConfiguration {
  return parseAgentConfiguration(readText(path) ?? '', path);
}

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
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const place = `${path}, line ${index + 1}`;
    if (/^\s*([#;].*)?$/.test(line)) continue;
    const match = /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match === null) {
      found = { ...found, warnings: [...found.warnings, `${place} is not key=value and is ignored`] };
      continue;
    }
    const read = readSetting(match[1]!, match[2]!);
    if (read === null) {
      found = { ...found, warnings: [...found.warnings, `${place}: "${match[1]}" is not known and is ignored`] };
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

function readJson(path: string): Readonly<Partial<Record<string, unknown>>> | null {
  const text = readText(path);
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch (cause) {
    throw new ConfigurationError(path, `${path} is not JSON; correct the file or remove it`, { cause });
  }
  throw new ConfigurationError(path, `${path} must hold one JSON object; correct the file or remove it`);
}
