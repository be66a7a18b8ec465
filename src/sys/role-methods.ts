/** SYS.Mirror: who takes part, and as what (API-014..016). Forcing and resuming have no method here (FO-074). */
import type { CommandArguments } from '../protocol/control-commands.ts';
import { type Context, type Method, type Parameter, perform, refusalOfMirror, type Status } from './method.ts';

const optionalMirror: Parameter = { name: 'MirrorName', kind: 'text', default: 'the only mirror of this instance' };
const aStatus = 'a status';

/** A status, and whom a promotion did not reach. */
export type Promotion = Status & {
  /** Members whose agents did not answer, so that nobody knows what they have (FO-084). */
  readonly UnavailableMembers: readonly string[];
};

export const roleMethods = {
  /** Lets this member take part again. */
  StartMirror: {
    does: 'lets this member take part in its mirror again',
    returns: aStatus,
    spec: 'API-014',
    parameters: [optionalMirror],
    commands: ['start-mirror'],
    call: async (context: Context, MirrorName?: string): Promise<Status> =>
      (await refusalOfMirror(context, MirrorName)) ?? (await perform(context, 'start-mirror', {})),
  },
  /** Takes this member out until it is started again; not on the primary. */
  StopMirror: {
    does: 'takes this member out of its mirror until it is started again; not on the primary',
    returns: aStatus,
    spec: 'API-014',
    parameters: [optionalMirror],
    commands: ['stop-mirror'],
    call: async (context: Context, MirrorName?: string): Promise<Status> =>
      (await refusalOfMirror(context, MirrorName)) ?? (await perform(context, 'stop-mirror', {})),
  },
  /** Does this member take part in the mirror named? */
  IsMirrorStarted: {
    does: 'says whether this member takes part in its mirror',
    returns: 'true or false',
    spec: null,
    parameters: [optionalMirror],
    commands: [],
    call: async (context: Context, MirrorName?: string): Promise<boolean> => {
      if ((await refusalOfMirror(context, MirrorName)) !== null) return false;
      return !['Stopped', 'Crashed', 'Not Initialized', 'Error'].includes((await context.control.status()).status);
    },
  },
  /** The ordinary takeover: the primary hands over, or is forced down by its agent. Nothing acknowledged is lost. */
  BecomePrimary: {
    does: 'makes this member the primary: the present one hands over, or its agent forces it down; nothing acknowledged is lost',
    returns: 'a status; ok = this member is primary now, also where it was before',
    spec: null,
    parameters: [],
    commands: ['become-primary'],
    call: async (context: Context): Promise<Status> => {
      const status = await perform(context, 'become-primary', {});
      if (!status.ok && status.reason === 'is-primary') return { ok: true, text: status.text };
      return status;
    },
  },
  /** Makes this DR async a failover member; its partner is chosen automatically. */
  Promote: {
    does: 'makes this DR async a failover member; its partner is the present or last primary',
    returns: 'a status, and UnavailableMembers, whose agents did not answer',
    spec: 'API-015',
    parameters: [],
    commands: ['promote'],
    call: async (context: Context) => await promote(context, {}),
  },
  /** The same as Promote: a partner there must be, and which one is chosen automatically. */
  PromoteWithPartner: {
    does: 'the same as Promote, whose partner is chosen automatically',
    returns: 'as Promote',
    spec: 'API-015',
    parameters: [],
    commands: ['promote'],
    call: async (context: Context) => await promote(context, {}),
  },
  /** Makes this DR async a failover member with the partner named. */
  PromoteWithSelectedPartner: {
    does: 'makes this DR async a failover member with the partner named',
    returns: 'as Promote',
    spec: 'API-015',
    parameters: [{ name: 'SelectedPartner', kind: 'text' }],
    commands: ['promote'],
    call: async (context: Context, SelectedPartner: string) => await promote(context, { partner: SelectedPartner }),
  },
  /** Makes this DR async the only failover member. */
  PromoteWithNoPartner: {
    does: 'makes this DR async the only failover member',
    returns: 'as Promote',
    spec: 'API-015',
    parameters: [],
    commands: ['promote'],
    call: async (context: Context) => await promote(context, { partner: 'none' }),
  },
  /** Makes this backup a DR async. */
  Demote: {
    does: 'makes this backup a DR async',
    returns: aStatus,
    spec: 'API-016',
    parameters: [],
    commands: ['demote'],
    call: async (context: Context) => await perform(context, 'demote', {}),
  },
  /** On the primary: makes the other failover member a DR async. */
  DemotePartner: {
    does: 'on the primary, makes the other failover member a DR async',
    returns: aStatus,
    spec: 'API-016',
    parameters: [],
    commands: ['demote-other'],
    call: async (context: Context) => await perform(context, 'demote-other', {}),
  },
} as const satisfies Record<string, Method>;

/** Who does not answer is looked at first: afterwards the order may have reached some. */
async function promote(context: Context, given: CommandArguments['promote']): Promise<Promotion> {
  const { promotion } = await context.control.assess('promote');
  const status = await perform(context, 'promote', given);
  return { ...status, UnavailableMembers: promotion?.unreachable ?? [] };
}
