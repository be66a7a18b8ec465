/** Options of `caretmirror mirror ...`, by the arguments of the commands they belong to. */
import type { Address, CompressionMode, ParallelDejournaling } from '../mirror/mirror-set.ts';
import type { MemberType } from '../mirror/terms.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import {
  agentField,
  choiceField,
  type Fields,
  flagField,
  orNone,
  portField,
  textField,
  wholeField,
  yesNoField,
} from './option-fields.ts';

/** The first word of a mode is the one that is written; the routine's own words are taken, too. */
const modes: Readonly<Record<string, CompressionMode>> = {
  system: 'System Selected',
  none: 'Uncompressed',
  zlib: 'Compressed',
  zstd: 'Compressed with Zstd',
  lz4: 'Compressed with LZ4',
  'System Selected': 'System Selected',
  Uncompressed: 'Uncompressed',
  Compressed: 'Compressed',
  'Compressed with Zstd': 'Compressed with Zstd',
  'Compressed with LZ4': 'Compressed with LZ4',
};
const modesText = 'system, none, zlib, zstd, lz4, or as the routine calls them';

const whos: Readonly<Record<string, ParallelDejournaling>> = {
  'Failover Members and DR': 'Failover Members and DR',
  'Failover Members': 'Failover Members',
  'All Members': 'All Members',
};

const asyncTypes: Readonly<Record<string, MemberType>> = {
  dr: 'Disaster Recovery',
  'read-only': 'Read-Only Reporting',
  'read-write': 'Read-Write Reporting',
  'disaster recovery': 'Disaster Recovery',
  'read-only reporting': 'Read-Only Reporting',
  'read-write reporting': 'Read-Write Reporting',
};

export type OwnFields = 'member' | 'superserverAddress' | 'agentPort' | 'privateAddress' | 'agentAddress';

export const ownFields: Fields<Pick<CommandArguments['create-mirror'], OwnFields>> = {
  member: textField('--member <name>', 'name of this member in the mirror'),
  superserverAddress: textField(
    '--superserver-address <address>',
    'where the others and applications reach this instance',
  ),
  agentPort: portField('--agent-port <port>', "port of this host's ISCAgent"),
  agentAddress: textField('--agent-address <address>', "where the others reach this host's ISCAgent"),
  privateAddress: textField('--private-address <address>', 'address of the data channel to this member'),
};

type Edit = CommandArguments['edit-mirror'];

type AtCreation = 'arbiter' | 'qosTimeoutMs' | 'compressionFailover' | 'compressionAsync' | 'parallelDejournaling';

/** Settings of a mirror that are chosen when it is created. */
export const creationFields: Fields<Pick<Edit, AtCreation>> = {
  arbiter: orNone(agentField('--arbiter <host:port>', 'ISCAgent that is the arbiter; "none" for no arbiter')),
  qosTimeoutMs: wholeField('--qos <ms>', 'QoS timeout in milliseconds', 1),
  compressionFailover: choiceField(
    '--compression-failover <mode>',
    `journal data to failover members: ${modesText}`,
    modes,
  ),
  compressionAsync: choiceField('--compression-async <mode>', `journal data to asyncs: ${modesText}`, modes),
  parallelDejournaling: choiceField(
    '--parallel-dejournaling <who>',
    'Failover Members and DR, Failover Members, or All Members',
    whos,
  ),
};

export const createFields: Fields<
  Pick<CommandArguments['create-mirror'], 'mirror' | OwnFields> & Pick<Edit, AtCreation>
> = {
  mirror: textField('--mirror <name>', 'name of the mirror'),
  ...ownFields,
  ...creationFields,
};

/** `otherAgent` is address and port in one word. */
export type JoinOptions = Omit<
  CommandArguments['join-mirror'],
  'otherAgentAddress' | 'otherAgentPort' | 'enableService'
> & {
  readonly otherAgent: Address;
};

export const joinFields: Fields<JoinOptions> = {
  mirror: textField('--mirror <name>', 'name of the mirror'),
  type: choiceField<MemberType>('--type <type>', 'failover, dr, read-only or read-write (both reporting)', {
    failover: 'Failover',
    ...asyncTypes,
  }),
  otherAgent: agentField('--agent <host:port>', 'ISCAgent of a failover member'),
  otherInstance: textField('--instance <name>', "that member's instance"),
  ...ownFields,
};

export const newMemberFields: Fields<CommandArguments['join-as-new-member']> = {
  type: choiceField(
    '--type <type>',
    'dr, read-only or read-write; an async stays what it is, a failover member becomes dr',
    {
      ...asyncTypes,
      failover: 'Failover',
    },
  ),
  ...ownFields,
};

export const settingsFields: Fields<Edit> = {
  ...creationFields,
  verifyEveryMinutes: wholeField(
    '--verify-every <minutes>',
    'how often members compare their running checksums; 0 = never',
  ),
  keepDays: wholeField('--journal-keep-days <days>', 'keep journal files at least so long'),
  limitMegabytes: orNone(
    wholeField('--journal-limit <MB>', 'journal kept for a member that is away; "none" for no limit'),
  ),
  limitDays: orNone(wholeField('--journal-limit-days <days>', 'the same in days; "none" for no limit')),
  switchDaily: yesNoField('--journal-daily <yes|no>', 'begin a new journal file each midnight'),
};

export const addressFields: Fields<CommandArguments['edit-addresses']> = {
  member: textField('--member <name>', 'whose addresses; this member unless given'),
  superserverAddress: textField(
    '--superserver-address <address>',
    'where the others and applications reach that member',
  ),
  superserverPort: portField(
    '--superserver-port <port>',
    'the port on which this instance serves; on the member itself only',
  ),
  privateAddress: orNone(
    textField('--private-address <address>', 'address of the data channel to that member; "none" = the superserver\'s'),
  ),
  agentAddress: textField('--agent-address <address>', "where the others reach the ISCAgent of that member's host"),
  agentPort: portField('--agent-port <port>', 'port of that ISCAgent'),
};

export const editAsyncFields: Fields<CommandArguments['edit-async']> = {
  type: choiceField('--type <type>', 'dr, read-only or read-write; the primary writes it into the mirror', {
    ...asyncTypes,
    failover: 'Failover',
  }),
  clearFailoverDb: flagField('--clear-flags', 'clear FailoverDB on all copies: writable, for ever'),
  purgeAtOnce: choiceField(
    '--journal-retention <how>',
    'on a reporting async: at-once (after dejournaling) or policy',
    { 'at-once': true, policy: false },
  ),
};

export const promoteFields: Fields<CommandArguments['promote']> = {
  partner: textField('--partner <member>', 'its failover partner, or none; left out = chosen, if all agents answer'),
  hold: flagField('--hold', 'set no failover, so that it stops just before it becomes primary'),
  acceptLossUpTo: textField(
    '--accept-loss-up-to <epoch/sequence>',
    'refuse if updates behind this position are known to exist',
  ),
};

export const attributeFields: Fields<{ readonly removeAttribute: boolean }> = {
  removeAttribute: choiceField('--attribute <keep|remove>', 'the mirror attribute of the databases of that member', {
    keep: false,
    remove: true,
  }),
};

export const removalFields: Fields<CommandArguments['remove-mirror']> = {
  ...attributeFields,
  withoutPrimary: flagField('--without-primary', 'also while no primary answers, which is lost for good'),
};
