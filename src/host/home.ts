/**
 * Where things lie in a home, the directory that stands for one host (CARETMIRROR_HOME). Names only: nothing is read or
 * made here.
 */
import { join, resolve } from 'node:path';
import type { Checked } from '../mirror/mirror-set.ts';

export interface HomePaths {
  readonly home: string;
  /** The host's address (host-files.ts). */
  readonly host: string;
  /** Present in a lab: which port to dial instead of which address. */
  readonly links: string;
  readonly agentConfiguration: string;
  /** Exclusive lock and description of the host's ISCAgent (AGT-008). */
  readonly agentStatus: string;
  readonly agentLog: string;
  /** What the host's agent decided, also as arbiter. */
  readonly agentEvents: string;
  readonly instances: string;
}

export interface InstancePaths {
  readonly directory: string;
  readonly configuration: string;
  readonly lock: string;
  /** What comparing databases with the primary's has found. */
  readonly verification: string;
  /** The member's record: own role at last contact, epoch (written whole). */
  readonly member: string;
  readonly messages: string;
  readonly events: string;
  /** Standard output and error of the daemon. */
  readonly console: string;
  /** Local socket of the instance. */
  readonly control: string;
  readonly journal: string;
  /** All journal files of the instance, with when they were begun (SYN-001). */
  readonly journalLog: string;
  /** What each member has of the journal, as far as it is known here. */
  readonly journalClaims: string;
  /** Room that is given up when the disk is full, to end cleanly. */
  readonly reserve: string;
  readonly lostAndFound: string;
  readonly databases: string;
  /** Copies of databases that other members download from here. */
  readonly copies: string;
  /** What is being downloaded from another member. */
  readonly download: string;
  /** Verified copies that take their places at the next start, and how far that is; there while this member is rebuilt. */
  readonly rebuild: string;
  /** Databases whose places were taken when this member was rebuilt; never deleted by the program. */
  readonly replaced: string;
  /** The site's ^ZMIRROR, where there is one. */
  readonly site: string;
}

export function homePaths(home: string): HomePaths {
  return {
    home,
    host: join(home, 'host.json'),
    links: join(home, 'links.json'),
    agentConfiguration: join(home, 'iscagent.conf'),
    agentStatus: join(home, 'iscagent.status'),
    agentLog: join(home, 'iscagent.log'),
    agentEvents: join(home, 'agent-events.jsonl'),
    instances: join(home, 'instances'),
  };
}

/** `instance` is a checked name. */
export function instancePaths(home: string, instance: string): InstancePaths {
  const checked = checkInstanceName(instance);
  if (!checked.ok) throw new Error(checked.text);
  const directory = join(home, 'instances', checked.value);
  return {
    directory,
    configuration: join(directory, 'configuration.json'),
    lock: join(directory, 'instance.lock'),
    verification: join(directory, 'verification.json'),
    member: join(directory, 'member.json'),
    messages: join(directory, 'messages.log'),
    events: join(directory, 'events.jsonl'),
    console: join(directory, 'console.log'),
    control: join(directory, 'control.sock'),
    journal: join(directory, 'journal'),
    journalLog: join(directory, 'journal.log'),
    journalClaims: join(directory, 'journal-claims.json'),
    reserve: join(directory, 'reserve'),
    lostAndFound: join(directory, 'lost+found'),
    databases: join(directory, 'databases'),
    copies: join(directory, 'copies'),
    download: join(directory, 'download'),
    rebuild: join(directory, 'rebuild'),
    replaced: join(directory, 'replaced'),
    site: join(directory, 'zmirror.mjs'),
  };
}

/** The mirror journal log of one mirror on an instance. */
export function mirrorJournalLogPath(home: string, instance: string, mirror: string): string {
  return join(instancePaths(home, instance).directory, `mirrorjrn-${mirror}.log`);
}

/** Default directory of a database; `database` is a checked name. */
export function databaseDirectory(home: string, instance: string, database: string): string {
  return join(instancePaths(home, instance).databases, database.toUpperCase());
}

/** An instance's name is also the name of its directory, so it is kept narrow. */
export function checkInstanceName(typed: string): Checked<string> {
  const value = typed.toUpperCase();
  if (!/^[A-Z][A-Z0-9_-]{0,31}$/.test(value)) {
    return {
      ok: false,
      text: `instance name "${typed}" is not valid: a letter first, then letters, digits, hyphen, underscore, 32 characters at most`,
    };
  }
  return { ok: true, value };
}

/** `--home`, else CARETMIRROR_HOME, else the user's data directory. */
export async function resolveHome(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const chosen = option ?? env.CARETMIRROR_HOME;
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  const { default: envPaths } = await import('env-paths');
  return envPaths('caretmirror', { suffix: '' }).data;
}
