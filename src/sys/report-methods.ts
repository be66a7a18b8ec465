/** SYS.Mirror: what is, without changing it (API-019): status of members and databases, distances, journal files; and purging, which belongs to the last. */
import type { MemberReport, StatusReport } from '../mirror/status.ts';
import {
  type Context,
  type Failed,
  type JournalFile,
  type Method,
  ofMirrors,
  type Parameter,
  perform,
  refusalOfMirror,
  refuse,
  type Status,
} from './method.ts';

const anyMirror: Parameter = { name: 'MirrorName', kind: 'text', default: 'all mirrors of this instance' };
const optionalMirror: Parameter = { name: 'MirrorName', kind: 'text', default: 'the only mirror of this instance' };

/** A failover member as the Status Monitor shows it. */
export interface FailoverMemberStatus {
  readonly Name: string;
  /** Primary, Backup, In Trouble, Down and the other words of the Status column. */
  readonly Role: string;
  /** Active on the primary and an active backup; else what the Journal Transfer column says. */
  readonly Status: string;
}

export interface MemberStatusRow {
  readonly MemberName: string;
  readonly MemberType: string;
  readonly Status: string;
  /** `Caught up`, `Active`, `N/A`, a time behind, or since when it is disconnected. */
  readonly JournalTransferLatency: string;
  readonly DejournalingLatency: string;
  /** Seconds; null where it does not apply or is not known. */
  readonly JournalTimeLatency: number | null;
  readonly DatabaseTimeLatency: number | null;
}

export interface MirroredDatabaseRow {
  readonly Name: string;
  readonly Directory: string;
  readonly Mirror: string;
  /** Mirror database name. */
  readonly MirrorDBName: string;
  readonly Status: string;
}

export interface Latency {
  /** ms; null where it is not known. 0 = nothing is pending. */
  readonly Milliseconds: number | null;
  /** As the Status Monitor says it. */
  readonly Text: string;
}

export interface PrimaryPosition {
  readonly File: string;
  /** Bytes. */
  readonly Offset: number;
  readonly Epoch: number;
  readonly Sequence: number;
}

const memberNameMax = 32;
/** DIG 7.10 of the guide: a journal file is kept so long for an async that is away. */
const purgeDefaultWaitDays = 14;

export const reportMethods = {
  /** The two failover members; OtherMember is null where there is none. */
  GetFailoverMemberStatus: {
    does: 'says of both failover members who is what',
    returns: 'ThisMember and OtherMember, each with Name, Role and Status, or null; or a status',
    spec: null,
    parameters: [],
    commands: [],
    call: async (context: Context) => await failoverMemberStatus(context),
  },
  /** Query: one row for each member, as the Status Monitor shows them. */
  MemberStatusList: {
    does: 'one row for each member that this one knows of, as the Status Monitor shows them',
    returns: 'rows: MemberName, MemberType, Status, both latencies in words and in seconds; or a status',
    spec: 'API-019',
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string): Promise<readonly MemberStatusRow[] | Failed> =>
      (await refusalOfMirror(context, MirrorName)) ?? (await context.control.status()).members.map(memberRow),
  },
  /** Query: the mirrored databases of this instance; Filter is a beginning of the local name. */
  MirroredDatabaseList: {
    does: 'the mirrored databases of this instance; Filter is the beginning of a local name, * or nothing is all',
    returns: 'rows: Name, Directory, Mirror, MirrorDBName, Status; or a status',
    spec: null,
    parameters: [{ name: 'Filter', kind: 'text', default: '*' }, anyMirror],
    commands: [],
    call: async (
      context: Context,
      Filter?: string,
      MirrorName?: string,
    ): Promise<readonly MirroredDatabaseRow[] | Failed> => {
      const beginning = (Filter ?? '').replace(/\*$/, '').toUpperCase();
      return await ofMirrors(context, MirrorName, async () => {
        const { databases, mirror } = await context.control.status();
        return databases
          .filter(({ localName }) => localName.startsWith(beginning))
          .map((each) => ({
            Name: each.localName,
            Directory: each.directory,
            Mirror: mirror ?? '',
            MirrorDBName: each.name,
            Status: each.status,
          }));
      });
    },
  },
  /** Query: `:mirror:MIRROR:DATABASE` of those that have no copy here. */
  MissingMirroredDatabases: {
    does: 'mirrored databases that have no copy on this backup or DR async',
    returns: 'texts :mirror:MIRROR:DATABASE; or a status',
    spec: null,
    parameters: [anyMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string): Promise<readonly string[] | Failed> =>
      await ofMirrors(context, MirrorName, async () => {
        const { missingDatabases, mirror } = await context.control.status();
        return missingDatabases.map((name) => `:mirror:${mirror}:${name}`);
      }),
  },
  /** Query: the mirror journal files of this instance, oldest first. */
  JournalList: {
    does: 'the mirror journal files of this instance, oldest first',
    returns: 'rows: Name, Directory, Begun (ISO 8601), Epoch, SizeBytes; or a status',
    spec: null,
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string): Promise<readonly JournalFile[] | Failed> =>
      (await refusalOfMirror(context, MirrorName)) ?? (await context.journalFiles()),
  },
  /** On the primary: where its journal ends. */
  GetPrimaryJournalPosition: {
    does: 'on the primary, says where its journal ends',
    returns: 'File, Offset in bytes, Epoch, Sequence; or a status',
    spec: null,
    parameters: [],
    commands: [],
    call: async (context: Context): Promise<PrimaryPosition | Failed> => {
      const { position, epoch, status, mirror } = await context.control.status();
      const wrong = mirror === null ? await refusalOfMirror(context, undefined) : null;
      if (wrong !== null) return wrong;
      if (!isPrimaryStatus(status)) return refuse(2113, 'not-primary', 'this member is not the primary; ask that one');
      if (position === null) return refuse(null, 'no-position', 'the primary has no journal yet');
      return { File: position.file, Offset: position.offset, Epoch: epoch, Sequence: position.sequence };
    },
  },
  /** 1 = nothing is pending from the primary's journal files, 0 = something is. */
  DistanceFromPrimaryJournalFiles: {
    does: 'says whether journal data of the primary are still to come',
    returns: '1 = nothing is pending, 0 = something is, or it is not known; or a status',
    spec: null,
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string) => await distance(context, 'transfer', MirrorName),
  },
  /** 1 = nothing is pending for the databases, 0 = something is. */
  DistanceFromPrimaryDatabases: {
    does: 'says whether journal data are still to be dejournaled',
    returns: '1 = nothing is pending, 0 = something is, or it is not known; or a status',
    spec: null,
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string) => await distance(context, 'dejournal', MirrorName),
  },
  /** How far the journal files of this member are behind the primary's. */
  JournalFilesLatency: {
    does: "says how far this member's journal files are behind the primary's",
    returns: 'Milliseconds (null = not known) and Text; or a status',
    spec: null,
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string) => await latency(context, 'transfer', MirrorName),
  },
  /** How far the databases of this member are behind. */
  DatabasesLatency: {
    does: "says how far this member's databases are behind",
    returns: 'Milliseconds (null = not known) and Text; or a status',
    spec: null,
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string) => await latency(context, 'dejournal', MirrorName),
  },
  /** Removes the journal files that nobody needs any more. */
  PurgeJournalFiles: {
    does: 'removes the mirror journal files that nobody needs any more',
    returns: 'a status',
    spec: null,
    parameters: [optionalMirror],
    commands: ['purge-journal'],
    call: async (context: Context, MirrorName?: string): Promise<Status> =>
      (await refusalOfMirror(context, MirrorName)) ?? (await perform(context, 'purge-journal', {})),
  },
  /** Days that a journal file is kept for an async that is away, unless the mirror has another limit. */
  JrnPurgeDefaultWait: {
    does: 'days that journal files are kept for a member that is away',
    returns: 'days; null = without a limit in days; or a status',
    spec: null,
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string): Promise<number | null | Failed> => {
      const wrong = await refusalOfMirror(context, MirrorName);
      if (wrong !== null) return wrong;
      const { journal } = await context.control.status();
      return journal === undefined ? purgeDefaultWaitDays : journal.settings.limitDays;
    },
  },
  /** HOST/INSTANCE, the name that a member gets when none is given. */
  DefaultSystemName: {
    does: 'the name that a failover member gets when none is given',
    returns: 'text, or a status where it is longer than 32 characters',
    spec: null,
    parameters: [],
    commands: [],
    call: async ({ control }: Context): Promise<string | Failed> => {
      const { memberName } = (await control.describe()).defaults;
      if (memberName.length <= memberNameMax) return memberName;
      return refuse(null, 'bad-name', `${memberName} is longer than ${memberNameMax} characters; choose another name`);
    },
  },
} as const satisfies Record<string, Method>;

export interface FailoverPair {
  readonly ThisMember: FailoverMemberStatus | null;
  readonly OtherMember: FailoverMemberStatus | null;
}

async function failoverMemberStatus(context: Context): Promise<FailoverPair | Failed> {
  const { member, members, type, mirror } = await context.control.status();
  const wrong = mirror === null ? await refusalOfMirror(context, undefined) : null;
  if (wrong !== null) return wrong;
  if (type !== 'Failover') return refuse(2081, 'not-a-failover-member', 'this member is no failover member');
  const pair = members.filter((each) => each.type === 'Failover');
  const row = (each: MemberReport | undefined): FailoverMemberStatus | null =>
    each === undefined
      ? null
      : {
          Name: each.name,
          Role: each.status,
          Status: each.status === 'Primary' ? 'Active' : each.journalTransfer,
        };
  return {
    ThisMember: row(pair.find(({ name }) => name === member)),
    OtherMember: row(pair.find(({ name }) => name !== member)),
  };
}

export function isPrimaryStatus(status: StatusReport['status']): boolean {
  return status === 'Primary' || status === 'In Trouble';
}

function memberRow(each: MemberReport): MemberStatusRow {
  const seconds = (ms: number | null) => (ms === null ? null : ms / 1000);
  return {
    MemberName: each.name,
    MemberType: each.type,
    Status: each.status,
    JournalTransferLatency: each.journalTransfer,
    DejournalingLatency: each.dejournaling,
    JournalTimeLatency: seconds(each.transferLagMs),
    DatabaseTimeLatency: seconds(each.dejournalLagMs),
  };
}

type Which = 'transfer' | 'dejournal';
const caughtUpWords: readonly string[] = ['Active', 'Caught up', 'N/A'];

async function distance(context: Context, which: Which, MirrorName?: string): Promise<0 | 1 | Failed> {
  const found = await latency(context, which, MirrorName);
  return 'ok' in found ? found : found.Milliseconds === 0 ? 1 : 0;
}

async function latency(context: Context, which: Which, MirrorName?: string): Promise<Latency | Failed> {
  const wrong = await refusalOfMirror(context, MirrorName);
  if (wrong !== null) return wrong;
  const { member, members } = await context.control.status();
  const own = members.find(({ name }) => name === member);
  if (own === undefined) return refuse(2082, 'no-primary', 'no primary is known here now, so nothing can be compared');
  const [text, lagMs] =
    which === 'transfer' ? [own.journalTransfer, own.transferLagMs] : [own.dejournaling, own.dejournalLagMs];
  return { Milliseconds: caughtUpWords.includes(text) ? 0 : lagMs, Text: text };
}
