/** $SYSTEM.Mirror: what an application asks about the member it runs on (API-021..025). */
import { type Context, type Failed, type Method, type Parameter, refusalOfMirror } from './method.ts';
import { isPrimaryStatus } from './report-methods.ts';

const optionalMirror: Parameter = { name: 'MirrorName', kind: 'text', default: 'all mirrors of this instance' };

export const systemMethods = {
  /** 0 = in no mirror, 1 = failover member, 2 = async. */
  IsMember: {
    does: 'says whether this instance is in a mirror, and how',
    returns: '0 = in none, 1 = failover member, 2 = async',
    spec: 'API-021',
    parameters: [],
    commands: [],
    call: async ({ control }: Context): Promise<0 | 1 | 2> => {
      const { type } = await control.status();
      return type === null ? 0 : type === 'Failover' ? 1 : 2;
    },
  },
  /** True only once the site's CheckBecomePrimaryOK has agreed. */
  IsPrimary: {
    does: "says whether this member is the primary; not before the site's CheckBecomePrimaryOK has agreed",
    returns: 'true or false',
    spec: 'API-022',
    parameters: [],
    commands: [],
    call: async ({ control }: Context): Promise<boolean> => isPrimaryStatus((await control.status()).status),
  },
  /** Is this member the backup? */
  IsBackup: {
    does: 'says whether this member is the backup',
    returns: 'true or false',
    spec: 'API-023',
    parameters: [],
    commands: [],
    call: async ({ control }: Context): Promise<boolean> => (await control.status()).status === 'Backup',
  },
  /** Is this member an async? */
  IsAsyncMember: {
    does: 'says whether this member is an async',
    returns: 'true or false',
    spec: 'API-023',
    parameters: [],
    commands: [],
    call: async ({ control }: Context): Promise<boolean> => {
      const { type } = await control.status();
      return type !== null && type !== 'Failover';
    },
  },
  /** Name of the mirror on a failover member, '' elsewhere. */
  MirrorName: {
    does: 'the name of the mirror on a failover member',
    returns: "text, '' on any other instance",
    spec: 'API-024',
    parameters: [],
    commands: [],
    call: async ({ control }: Context): Promise<string> => {
      const { mirror, type } = await control.status();
      return type === 'Failover' ? (mirror ?? '') : '';
    },
  },
  /** Names of the mirrors of this instance. */
  GetMirrorNames: {
    does: 'the names of the mirrors of this instance',
    returns: 'texts',
    spec: null,
    parameters: [],
    commands: [],
    call: async ({ control }: Context): Promise<readonly string[]> => {
      return (await control.describe()).mirrors;
    },
  },
  /** Failover, Disaster Recovery, Read-Only Reporting, Read-Write Reporting or Not Member. */
  GetMemberType: {
    does: 'the type of this member',
    returns: 'Failover, Disaster Recovery, Read-Only Reporting, Read-Write Reporting or Not Member',
    spec: 'API-025',
    parameters: [],
    commands: [],
    call: async ({ control }: Context): Promise<string> => (await control.status()).type ?? 'Not Member',
  },
  /** The status word, and `Trouble` behind that of a primary in trouble state. */
  GetMemberStatus: {
    does: 'the status of this member in the mirror named',
    returns:
      'one text, and behind it Trouble on a primary in trouble state; M/N Connected of several mirrors; or a status',
    spec: 'API-025',
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string): Promise<readonly string[] | Failed> => {
      const { mirror, mirrors } = await context.control.status();
      if (mirror === null) return ['Not initialized'];
      const isOfAll = mirrors !== undefined && (MirrorName ?? '') === '' && context.control.mirror === undefined;
      if (isOfAll) return [await connectedOf(context, mirrors)];
      const wrong = await refusalOfMirror(context, MirrorName);
      if (wrong !== null) return wrong;
      const { status } = await context.control.status();
      return status === 'In Trouble' ? ['Primary', 'Trouble'] : [status];
    },
  },
  /** The status in upper case: PRIMARY, BACKUP, CONNECTED, WAITING, TRANSITION ... */
  GetStatus: {
    does: 'the status of this member in upper case',
    returns: 'PRIMARY, BACKUP, CONNECTED, WAITING, TRANSITION and the others of the Status column',
    spec: null,
    parameters: [],
    commands: [],
    call: async (context: Context): Promise<string> => {
      const { status, mirrors } = await context.control.status();
      if (mirrors !== undefined && context.control.mirror === undefined) {
        return (await connectedOf(context, mirrors)).toUpperCase();
      }
      return status === 'In Trouble' ? 'PRIMARY' : status.toUpperCase();
    },
  },
} as const satisfies Record<string, Method>;

/** MON-003: to how many of its mirrors a reporting async is connected. */
async function connectedOf({ control }: Context, mirrors: readonly string[]): Promise<string> {
  let connected = 0;
  for (const mirror of mirrors) {
    control.mirror = mirror;
    if ((await control.status()).status === 'Connected') connected += 1;
  }
  control.mirror = undefined;
  return `${connected}/${mirrors.length} Connected`;
}
