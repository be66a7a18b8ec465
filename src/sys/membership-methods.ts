/** SYS.Mirror: creating a mirror, joining and leaving it (API-001..010), and what of it needs TLS, which is not built. */
import type { CompressionMode, ParallelDejournaling } from '../mirror/mirror-set.ts';
import type { MemberType } from '../mirror/terms.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import {
  type Context,
  type Kind,
  type Method,
  notBuilt,
  type Parameter,
  perform,
  present,
  refusalOfMirror,
  refuse,
  type Status,
  SysArgumentError,
} from './method.ts';

/** Where this member and the agent of its host are reached. All may be left out. */
export interface LocalInfo {
  /** Mirror private address: the data channel to this member. */
  readonly MirrorAddress?: string;
  /** Superserver address: members and applications. */
  readonly ECPAddress?: string;
  readonly AgentAddress?: string;
  readonly AgentPort?: number;
}

export interface MirrorInfo extends LocalInfo {
  /** 1 = TLS is required; only 0 is taken in this version. */
  readonly UseSSL?: 0 | 1;
  /** `HOST|PORT` of the arbiter's agent; the port may be left out. */
  readonly ArbiterNode?: string;
  /** Only '' is taken in this version. */
  readonly VirtualAddress?: string;
  /** 0 System Selected, 1 Uncompressed, 2 Compressed. */
  readonly CompressionForFailoverMembers?: 0 | 1 | 2;
  readonly CompressionForAsyncMembers?: 0 | 1 | 2;
  /** 0 failover members and DR asyncs, 1 failover members, 2 all. */
  readonly AllowParallelDejournaling?: 0 | 1 | 2;
  /** ms */
  readonly QOSTimeout?: number;
}

const localKeys = { MirrorAddress: 'text', ECPAddress: 'text', AgentAddress: 'text', AgentPort: 'whole' } as const;
const mirrorKeys = {
  ...localKeys,
  UseSSL: 'whole',
  ArbiterNode: 'text',
  VirtualAddress: 'text',
  CompressionForFailoverMembers: 'whole',
  CompressionForAsyncMembers: 'whole',
  AllowParallelDejournaling: 'whole',
  QOSTimeout: 'whole',
} as const satisfies Record<keyof MirrorInfo, Kind>;

const compressions: readonly CompressionMode[] = ['System Selected', 'Uncompressed', 'Compressed'];
const parallels: readonly ParallelDejournaling[] = ['Failover Members and DR', 'Failover Members', 'All Members'];
const asyncTypes: readonly MemberType[] = ['Disaster Recovery', 'Read-Only Reporting', 'Read-Write Reporting'];

const mirrorName: Parameter = { name: 'MirrorSetName', kind: 'text' };
const systemName: Parameter = { name: 'SystemName', kind: 'text', default: 'HOST/INSTANCE, of an async HOST_INSTANCE' };
const where: readonly Parameter[] = [
  { name: 'InstanceName', kind: 'text' },
  { name: 'AgentAddress', kind: 'text' },
  { name: 'AgentPort', kind: 'whole', default: '2188' },
];
const localInfo: Parameter = { name: 'LocalInfo', kind: localKeys, default: 'as the instance is configured' };
const attribute: Parameter = { name: 'RemoveMirrorAttribute', kind: 'flag', default: '0' };

const aStatus = 'a status';
const noTls =
  'TLS is not built in this version, so no member is authorised and there are no certificates to look after';

export const membershipMethods = {
  /** Creates a mirror with this instance as its first failover member. */
  CreateNewMirrorSet: {
    does: 'creates a mirror with this instance as its first failover member',
    returns: aStatus,
    spec: 'API-001',
    parameters: [mirrorName, systemName, { name: 'MirrorInfo', kind: mirrorKeys, default: 'no arbiter, defaults' }],
    commands: ['create-mirror'],
    call: async (context: Context, MirrorSetName: string, SystemName?: string, MirrorInfo?: MirrorInfo) => {
      const info = MirrorInfo ?? {};
      if ((info.VirtualAddress ?? '') !== '') {
        return refuse(null, 'not-built', 'a virtual IP address is not built in this version; leave VirtualAddress out');
      }
      return await perform(context, 'create-mirror', {
        mirror: MirrorSetName,
        requireTls: info.UseSSL === 1,
        ...ownFields(SystemName, info),
        ...settingsOf(info),
      });
    },
  },
  /** Joins a mirror as its second failover member, while there is a primary. */
  JoinMirrorAsFailoverMember: {
    does: 'joins a mirror as its second failover member, while there is a primary',
    returns: aStatus,
    spec: 'API-002',
    parameters: [mirrorName, systemName, ...where, localInfo],
    commands: ['join-mirror'],
    call: async (
      context: Context,
      MirrorSetName: string,
      SystemName: string | undefined,
      InstanceName: string,
      AgentAddress: string,
      AgentPort?: number,
      LocalInfo?: LocalInfo,
    ) =>
      await join(context, 'Failover', { MirrorSetName, SystemName, InstanceName, AgentAddress, AgentPort, LocalInfo }),
  },
  /** Joins a mirror as an async: type 0 disaster recovery, 1 read-only reporting, 2 read-write reporting. */
  JoinMirrorAsAsyncMember: {
    does: 'joins a mirror as an async: type 0 disaster recovery, 1 read-only reporting, 2 read-write reporting',
    returns: aStatus,
    spec: 'API-003',
    parameters: [mirrorName, systemName, ...where, { name: 'AsyncMemberType', kind: 'whole', default: '0' }, localInfo],
    commands: ['join-mirror'],
    call: async (
      context: Context,
      MirrorSetName: string,
      SystemName: string | undefined,
      InstanceName: string,
      AgentAddress: string,
      AgentPort?: number,
      AsyncMemberType?: number,
      LocalInfo?: LocalInfo,
    ): Promise<Status> => {
      const type = asyncTypes[AsyncMemberType ?? 0];
      if (type === undefined) {
        return refuse(2140, 'bad-value', `AsyncMemberType is 0, 1 or 2, not ${AsyncMemberType}`);
      }
      return await join(context, type, {
        MirrorSetName,
        SystemName,
        InstanceName,
        AgentAddress,
        AgentPort,
        LocalInfo,
      });
    },
  },
  /** Removes the whole mirror configuration of this instance; it leaves the mirror, or ends it as its last member. */
  RemoveMirrorConfiguration: {
    does: 'removes the whole mirror configuration of this instance; some of it is done when the instance starts again',
    returns: aStatus,
    spec: 'API-009',
    parameters: [attribute],
    commands: ['remove-mirror'],
    call: async (context: Context, RemoveMirrorAttribute?: boolean): Promise<Status> => {
      const { control } = context;
      const { mirrors } = await control.describe();
      const given = present({ removeAttribute: RemoveMirrorAttribute });
      if (mirrors.length < 2 || control.mirror !== undefined) return await perform(context, 'remove-mirror', given);
      // CFG-066: an async leaves all its mirrors; the first that does not let it go ends it, and the same call goes on.
      const texts: string[] = [];
      for (const mirror of mirrors) {
        control.mirror = mirror;
        const status = await perform(context, 'remove-mirror', given);
        if (!status.ok) return { ...status, text: [...texts, status.text].join('; ') };
        texts.push(status.text);
      }
      return { ok: true, text: texts.join('; ') };
    },
  },
  /** This async leaves the mirror named. */
  RemoveOneMirrorSet: {
    does: 'this async leaves the mirror named; a failover member removes its mirror configuration instead',
    returns: aStatus,
    spec: 'API-010',
    parameters: [{ name: 'MirrorSetName', kind: 'text' }, attribute],
    commands: ['remove-mirror'],
    call: async (context: Context, MirrorSetName: string, RemoveMirrorAttribute?: boolean): Promise<Status> => {
      const wrong = await refusalOfMirror(context, MirrorSetName);
      if (wrong !== null) return wrong;
      if ((await context.control.status()).type === 'Failover') {
        const text = 'this is a failover member, which leaves its mirror with RemoveMirrorConfiguration';
        return refuse(2161, 'not-an-async', text, 'API-010');
      }
      return await perform(context, 'remove-mirror', present({ removeAttribute: RemoveMirrorAttribute }));
    },
  },
  /** Not built: TLS. */
  AddFailoverMember: notBuilt('authorises the second failover member of a mirror with TLS', 'API-004', noTls),
  /** Not built: TLS. */
  AuthorizePendingMembers: notBuilt('authorises pending members and DN updates', 'API-008', noTls),
  /** Not built: TLS. */
  UpdateMirrorSSL: notBuilt("changes a member's TLS settings", 'API-007', noTls),
  /** Not built: TLS. */
  UpdateDNinMirrorSetMember: notBuilt("changes the DN of a member's certificate", null, noTls),
  /** Not built: TLS. */
  VerifyMirrorSSLCertificates: notBuilt("verifies the members' certificates", 'API-006', noTls),
} as const satisfies Record<string, Method>;

/** Config.MapMirrors, as far as the guide names it. */
export const mapMirrorsMethods = {
  /** Not built: TLS. */
  Create: notBuilt('makes the record of an authorised member', 'API-005', noTls),
} as const satisfies Record<string, Method>;

/** Security.Services, for the one service that a mirror needs. */
export const serviceMethods = {
  /** Enables the mirror service: `Modify('%Service_Mirror', {Enabled: 1})`. */
  Modify: {
    does: 'enables the mirror service, without which no mirror is created or joined: %Service_Mirror Enabled=1',
    returns: aStatus,
    spec: null,
    parameters: [
      { name: 'Name', kind: 'text' },
      { name: 'Properties', kind: { Enabled: 'whole' } },
    ],
    commands: ['enable-mirror-service'],
    call: async (context: Context, Name: string, Properties: { readonly Enabled?: 0 | 1 }): Promise<Status> => {
      if (Name.toLowerCase() !== '%service_mirror') {
        return refuse(null, 'no-service', `there is no service ${Name} here; %Service_Mirror is`);
      }
      if (Properties?.Enabled !== 1) {
        return refuse(
          null,
          'not-built',
          'the mirror service can be enabled, and not be disabled again: give Enabled=1',
        );
      }
      return await perform(context, 'enable-mirror-service', {});
    },
  },
} as const satisfies Record<string, Method>;

interface Joining {
  readonly MirrorSetName: string;
  readonly SystemName: string | undefined;
  readonly InstanceName: string;
  readonly AgentAddress: string;
  readonly AgentPort: number | undefined;
  readonly LocalInfo: LocalInfo | undefined;
}

async function join(context: Context, type: MemberType, given: Joining): Promise<Status> {
  return await perform(context, 'join-mirror', {
    mirror: given.MirrorSetName,
    type,
    otherAgentAddress: given.AgentAddress,
    otherInstance: given.InstanceName,
    ...present({ otherAgentPort: given.AgentPort }),
    ...ownFields(given.SystemName, given.LocalInfo ?? {}),
  });
}

type OwnFields = Pick<
  CommandArguments['create-mirror'],
  'member' | 'superserverAddress' | 'privateAddress' | 'agentAddress' | 'agentPort'
>;

/** '' = left out, as in the original. */
function ownFields(SystemName: string | undefined, info: LocalInfo): OwnFields {
  return present({
    member: SystemName || undefined,
    superserverAddress: info.ECPAddress || undefined,
    privateAddress: info.MirrorAddress || undefined,
    agentAddress: info.AgentAddress || undefined,
    agentPort: info.AgentPort,
  }) as OwnFields;
}

function settingsOf(info: MirrorInfo): Partial<CommandArguments['create-mirror']> {
  return present({
    arbiter: arbiterOf(info.ArbiterNode),
    compressionFailover: worded(compressions, info.CompressionForFailoverMembers, 'CompressionForFailoverMembers'),
    compressionAsync: worded(compressions, info.CompressionForAsyncMembers, 'CompressionForAsyncMembers'),
    parallelDejournaling: worded(parallels, info.AllowParallelDejournaling, 'AllowParallelDejournaling'),
    qosTimeoutMs: info.QOSTimeout,
  }) as Partial<CommandArguments['create-mirror']>;
}

const agentPort = 2188;

function arbiterOf(node: string | undefined): { readonly host: string; readonly port: number } | undefined {
  if (node === undefined || node === '') return undefined;
  const [host = '', port = String(agentPort), ...more] = node.split('|');
  if (host === '' || more.length > 0 || !/^\d{1,5}$/.test(port)) {
    throw new SysArgumentError(`ArbiterNode is HOST|PORT, not "${node}"`);
  }
  return { host, port: Number(port) };
}

function worded<T>(words: readonly T[], value: number | undefined, name: string): T | undefined {
  if (value === undefined) return undefined;
  const word = words[value];
  if (word === undefined) throw new SysArgumentError(`${name} is 0, 1 or 2, not ${value}`);
  return word;
}
