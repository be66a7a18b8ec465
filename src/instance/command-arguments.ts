/**
 * What came over the control socket as the arguments of a command, field by field. Types and plain ranges only; whether a
 * name is free or a mirror exists is the command's business.
 */
import { compressionModes } from '../mirror/compression.ts';
import { type Checked, checkPort } from '../mirror/mirror-set.ts';
import { memberTypes } from '../mirror/terms.ts';
import type { CommandArguments, CommandName } from '../protocol/control-commands.ts';

interface Field {
  readonly kind: 'text' | 'texts' | 'host' | 'port' | 'whole' | 'flag' | 'address' | readonly string[];
  readonly required?: true;
  readonly nullable?: true;
}

const compression = { kind: compressionModes } as const;

const ownAddresses = {
  member: { kind: 'text' },
  superserverAddress: { kind: 'host' },
  agentPort: { kind: 'port' },
  privateAddress: { kind: 'host' },
  agentAddress: { kind: 'host' },
} as const;

const someDatabases = { databases: { kind: 'texts', required: true } } as const;
const oneDatabase = { database: { kind: 'text', required: true } } as const;

const fieldsOf: { readonly [N in CommandName]: { readonly [F in keyof CommandArguments[N]]-?: Field } } = {
  'enable-mirror-service': {},
  'create-mirror': {
    ...ownAddresses,
    mirror: { kind: 'text', required: true },
    enableService: { kind: 'flag' },
    requireTls: { kind: 'flag' },
    arbiter: { kind: 'address', nullable: true },
    compressionFailover: compression,
    compressionAsync: compression,
    qosTimeoutMs: { kind: 'whole' },
    parallelDejournaling: { kind: ['Failover Members and DR', 'Failover Members', 'All Members'] },
  },
  'join-mirror': {
    ...ownAddresses,
    mirror: { kind: 'text', required: true },
    enableService: { kind: 'flag' },
    type: { kind: memberTypes, required: true },
    otherAgentAddress: { kind: 'host', required: true },
    otherAgentPort: { kind: 'port' },
    otherInstance: { kind: 'text', required: true },
  },
  'join-as-new-member': { ...ownAddresses, type: { kind: memberTypes } },
  'edit-mirror': {
    qosTimeoutMs: { kind: 'whole' },
    keepDays: { kind: 'whole' },
    limitMegabytes: { kind: 'whole', nullable: true },
    limitDays: { kind: 'whole', nullable: true },
    switchDaily: { kind: 'flag' },
    arbiter: { kind: 'address', nullable: true },
    compressionFailover: compression,
    compressionAsync: compression,
    verifyEveryMinutes: { kind: 'whole' },
    parallelDejournaling: { kind: ['Failover Members and DR', 'Failover Members', 'All Members'] },
  },
  'edit-addresses': {
    ...ownAddresses,
    superserverPort: { kind: 'port' },
    privateAddress: { kind: 'host', nullable: true },
  },
  'remove-member': { member: { kind: 'text', required: true }, removeAttribute: { kind: 'flag' } },
  'remove-mirror': { removeAttribute: { kind: 'flag' }, withoutPrimary: { kind: 'flag' } },
  'switch-journal': {},
  'purge-journal': {},
  'edit-journal': { alternateDirectory: { kind: 'text', nullable: true }, purgeAtOnce: { kind: 'flag' } },
  'change-no-failover': { set: { kind: 'flag' } },
  'become-primary': {},
  promote: { partner: { kind: 'text' }, hold: { kind: 'flag' }, acceptLossUpTo: { kind: 'text' } },
  demote: {},
  'demote-other': {},
  'force-primary': {},
  'resume-primary': {},
  'start-mirror': {},
  'stop-mirror': {},
  'create-database': {
    ...oneDatabase,
    directory: { kind: 'text' },
    mirrored: { kind: 'text', nullable: true },
    mountRequired: { kind: 'flag' },
    journaled: { kind: 'flag' },
    maximumMegabytes: { kind: 'whole' },
    expansionMegabytes: { kind: 'whole' },
    resource: { kind: 'text' },
  },
  'edit-database': {
    ...oneDatabase,
    mountRequired: { kind: 'flag' },
    journaled: { kind: 'flag' },
    maximumMegabytes: { kind: 'whole' },
    expansionMegabytes: { kind: 'whole' },
    resource: { kind: 'text' },
    mirrored: { kind: 'text' },
  },
  'add-databases': { ...someDatabases, mirrorDatabases: { kind: 'texts' }, background: { kind: 'flag' } },
  'remove-database': { ...oneDatabase, onlyHere: { kind: 'flag' } },
  'catch-up-databases': { ...someDatabases, wait: { kind: 'flag' } },
  'pause-databases': someDatabases,
  'resume-databases': someDatabases,
  'edit-async': { type: { kind: memberTypes }, clearFailoverDb: { kind: 'flag' }, purgeAtOnce: { kind: 'flag' } },
  'clear-failoverdb': { databases: { kind: 'texts' } },
  'set-dejournal-filter': { module: { kind: 'text', required: true, nullable: true } },
  'manage-dejournaling': { paused: { kind: 'flag', required: true } },
  'backup-databases': { ...someDatabases, to: { kind: 'text', required: true } },
  'restore-databases': {
    from: { kind: 'text', required: true },
    databases: { kind: 'texts' },
    as: { kind: 'text' },
    replace: { kind: 'texts' },
  },
  'download-databases': {
    databases: { kind: 'texts' },
    from: { kind: 'text' },
    as: { kind: 'text' },
    replace: { kind: 'texts' },
  },
  'rebuild-member': { from: { kind: 'text' } },
  'mount-database': { ...oneDatabase, catchUp: { kind: 'flag' } },
  'dismount-database': oneDatabase,
  'delete-database': oneDatabase,
  'recreate-database': oneDatabase,
  'stop-instance': { noFailover: { kind: 'flag', required: true } },
};

export const commandNames = Object.keys(fieldsOf) as readonly CommandName[];

export function isCommandName(value: unknown): value is CommandName {
  return typeof value === 'string' && Object.hasOwn(fieldsOf, value);
}

type Said = Readonly<Partial<Record<string, unknown>>>;

export function isObject(value: unknown): value is Said {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One clear line for the first field that does not fit. */
export function checkArguments<N extends CommandName>(command: N, given: unknown): Checked<CommandArguments[N]> {
  if (!isObject(given)) return { ok: false, text: `the arguments of ${command} must be one object` };
  const fields: Readonly<Record<string, Field>> = fieldsOf[command];
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(fields, name)) return { ok: false, text: `${command} has no argument ${name}` };
  }
  for (const [name, field] of Object.entries(fields)) {
    const value = given[name];
    if (value === undefined) {
      if (field.required) return { ok: false, text: `${command} needs the argument ${name}` };
      continue;
    }
    const wrong = value === null && field.nullable ? null : wrongIn(field, value);
    if (wrong !== null) return { ok: false, text: `argument ${name} of ${command} ${wrong}` };
  }
  return { ok: true, value: given as CommandArguments[N] };
}

const textLengthMax = 1024;

function wrongIn({ kind }: Field, value: unknown): string | null {
  if (typeof kind !== 'string') {
    return typeof value === 'string' && kind.includes(value) ? null : `is one of: ${kind.join(', ')}`;
  }
  switch (kind) {
    case 'text':
      return isText(value) ? null : `must be text of 1 to ${textLengthMax} characters in one line`;
    case 'texts':
      return Array.isArray(value) && value.length > 0 && value.every(isText)
        ? null
        : `must be a list of one or more texts of 1 to ${textLengthMax} characters in one line`;
    case 'host':
      return isHost(value) ? null : 'must be a host name or an IP address';
    case 'port':
      return typeof value === 'number' && checkPort(value).ok ? null : 'must be a whole number from 1 to 65535';
    case 'whole':
      return Number.isSafeInteger(value) ? null : 'must be a whole number';
    case 'flag':
      return typeof value === 'boolean' ? null : 'must be true or false';
    case 'address':
      return isAddress(value) ? null : 'must have host and port';
    default:
      return kind satisfies never;
  }
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= textLengthMax && !/[\x00-\x1f\x7f]/.test(value);
}

/** What can be dialled; also keeps `host|port` and `host:port` unambiguous. */
export function isHost(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 253 && /^[A-Za-z0-9._:%[\]-]+$/.test(value);
}

export function isAddress(value: unknown): boolean {
  return isObject(value) && isHost(value.host) && typeof value.port === 'number' && checkPort(value.port).ok;
}
