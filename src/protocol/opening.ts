/**
 * The first two frames of every connection: who speaks, which channel, which version, and whether with TLS. A side that
 * cannot go on answers `refused` with one sentence and closes. TLS itself is not built: `tls` is false and `subject` null on
 * every link, and a member that requires it refuses (their places are here so that it can come without a new protocol).
 */
import { type CompressionType, compressionTypes } from '../mirror/compression.ts';
import type { SetNumber } from '../mirror/mirror-set.ts';
import { type Epoch, type MemberName, type MirrorName, NO_EPOCH } from '../mirror/terms.ts';
import { type Frame, FrameError, parseJsonBody } from './frame.ts';

export const PROTOCOL_VERSION = 1;
const PROTOCOL_VERSION_MIN = 1;

/** Frame kinds shared by all channels; a channel's own kinds begin at 16. */
export const OPENING = { open: 1, opened: 2, refused: 3 } as const;

export type ChannelName =
  /** Journal data and roles, between two members (failover-messages: data channel). */
  | 'data'
  /** Applications to the superserver. */
  | 'client'
  /** Requests to an ISCAgent. */
  | 'agent'
  /** A failover member to the arbiter. */
  | 'arbiter'
  /** A joining member or an operator's program to a member's superserver. */
  | 'member'
  /** A member that downloads databases from another one's superserver. */
  | 'copy'
  /** A member that is promoted reads the journal of another one at its superserver. */
  | 'journal'
  /** A terminal or a command to the instance on its local socket. */
  | 'control';

export interface Open {
  readonly program: 'caretmirror';
  readonly version: number;
  readonly versionMin: number;
  readonly channel: ChannelName;
  /** Empty where the channel has no mirror (client, control). */
  readonly mirror: MirrorName;
  /** Empty for a caller that is no member. */
  readonly member: MemberName;
  readonly instance: string;
  readonly incarnation: number;
  readonly epoch: Epoch;
  readonly tls: boolean;
  /** X.509 distinguished name of the certificate in use. */
  readonly subject: string | null;
  /** On channel 'arbiter': the mirror's QoS timeout, by which the arbiter measures this member's silence (FO-013). */
  readonly qosTimeoutMs?: number;
  /** The newest mirror set that the caller knows: whoever has a newer one can tell it that it was removed (CFG-069). Left out = none. */
  readonly knows?: SetNumber;
  /** On channel 'data': compressed journal data that the caller can unpack (SYN-013). Left out = none. */
  readonly unpacks?: readonly CompressionType[];
}

export interface Opened {
  readonly version: number;
  readonly mirror: MirrorName;
  readonly member: MemberName;
  readonly instance: string;
  readonly epoch: Epoch;
  /** A random word of the instance's process: who calls himself knows that it is he who answers (CFG-063). Left out = none. */
  readonly process?: string;
}

export interface Refused {
  readonly reason:
    | 'version'
    | 'tls'
    | 'mirror'
    | 'member'
    | 'removed'
    | 'channel'
    | 'not-primary'
    | 'not-available'
    | 'not-understood';
  readonly text: string;
  /** For 'not-primary': who is, as far as the refusing side knows, as host:port of its superserver. */
  readonly primary: string | null;
  /** For 'removed': are the caller's databases to lose their mirror attribute? */
  readonly removeAttribute?: boolean;
}

const CHANNELS: readonly ChannelName[] = ['data', 'client', 'agent', 'arbiter', 'member', 'copy', 'journal', 'control'];

/** What a caller says of itself; what is left out is what a caller has that is no member. */
export interface Caller {
  readonly channel: ChannelName;
  readonly mirror?: MirrorName;
  readonly member?: MemberName;
  readonly instance?: string;
  readonly incarnation?: number;
  readonly epoch?: Epoch;
  readonly qosTimeoutMs?: number;
  readonly knows?: SetNumber;
  readonly unpacks?: readonly CompressionType[];
}

export function makeOpen(caller: Caller): Open {
  return {
    program: 'caretmirror',
    version: PROTOCOL_VERSION,
    versionMin: PROTOCOL_VERSION_MIN,
    channel: caller.channel,
    mirror: caller.mirror ?? '',
    member: caller.member ?? '',
    instance: caller.instance ?? '',
    incarnation: caller.incarnation ?? 0,
    epoch: caller.epoch ?? NO_EPOCH,
    tls: false,
    subject: null,
    ...(caller.qosTimeoutMs === undefined ? {} : { qosTimeoutMs: caller.qosTimeoutMs }),
    ...(caller.knows === undefined ? {} : { knows: { epoch: caller.knows.epoch, revision: caller.knows.revision } }),
    ...(caller.unpacks === undefined ? {} : { unpacks: caller.unpacks }),
  };
}

/**
 * Fields this version does not find take the value of a caller that is no member, so that a newer caller still hears about
 * its version instead of a broken line. @throws FrameError when it is no opening of this program at all.
 */
export function readOpen(frame: Frame): Open {
  const said = frame.kind === OPENING.open ? fields(parseJsonBody(frame)) : null;
  if (said === null || said.program !== 'caretmirror') {
    throw new FrameError('message', 'the first frame is not an opening of this program');
  }
  const version = count(said.version);
  return {
    program: 'caretmirror',
    version,
    versionMin: said.versionMin === undefined ? version : count(said.versionMin),
    channel: text(said.channel) as ChannelName,
    mirror: text(said.mirror),
    member: text(said.member),
    instance: text(said.instance),
    incarnation: count(said.incarnation),
    epoch: readEpoch(said.epoch),
    tls: said.tls === true,
    subject: typeof said.subject === 'string' ? said.subject : null,
    ...(count(said.qosTimeoutMs) === 0 ? {} : { qosTimeoutMs: count(said.qosTimeoutMs) }),
    ...(fields(said.knows) === null ? {} : { knows: readSetNumber(said.knows) }),
    ...(Array.isArray(said.unpacks) ? { unpacks: known(said.unpacks) } : {}),
  };
}

/** What the listening side is. */
export interface Answerer {
  readonly channels: readonly ChannelName[];
  /** Null = whatever mirror the caller names (an arbiter serves many, AGT-016). */
  readonly mirror: MirrorName | null;
  readonly member: MemberName;
  readonly instance: string;
  readonly epoch: Epoch;
  /** The mirror's setting; while TLS is not built such a mirror is refused as a whole. */
  readonly requireTls: boolean;
}

/** What every listener checks before it looks at its own rules. */
export function agree(open: Open, ours: Answerer): Opened | Refused {
  const version = Math.min(open.version, PROTOCOL_VERSION);
  if (version < Math.max(open.versionMin, PROTOCOL_VERSION_MIN)) {
    return refuse(
      'version',
      `protocol versions ${open.versionMin} to ${open.version} are offered, ${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION} are spoken here; bring both sides to the same release`,
    );
  }
  if (!CHANNELS.includes(open.channel) || !ours.channels.includes(open.channel)) {
    return refuse('channel', `channel "${open.channel}" is not served here; check address and port`);
  }
  if (open.tls) return refuse('tls', 'TLS is offered, and this release has none; connect without TLS');
  if (ours.requireTls) {
    return refuse('tls', 'the mirror requires TLS, and this release has none; set the mirror to not require TLS');
  }
  if (ours.mirror !== null && open.mirror !== '' && open.mirror !== ours.mirror) {
    return refuse('mirror', `mirror ${open.mirror} is asked for, this is a member of ${ours.mirror || 'no mirror'}`);
  }
  return {
    version,
    mirror: ours.mirror ?? open.mirror,
    member: ours.member,
    instance: ours.instance,
    epoch: ours.epoch,
  };
}

export function refuse(reason: Refused['reason'], text: string, primary: string | null = null): Refused {
  return { reason, text, primary };
}

export function isRefused(answer: Opened | Refused): answer is Refused {
  return 'reason' in answer;
}

/** The second frame, as the dialling side reads it. @throws FrameError when it is neither answer. */
export function readOpeningAnswer(frame: Frame): Opened | Refused {
  const said = fields(parseJsonBody(frame));
  if (said !== null && frame.kind === OPENING.opened) {
    return {
      version: count(said.version),
      mirror: text(said.mirror),
      member: text(said.member),
      instance: text(said.instance),
      epoch: readEpoch(said.epoch),
      ...(typeof said.process === 'string' ? { process: said.process } : {}),
    };
  }
  if (said !== null && frame.kind === OPENING.refused) {
    const reason = text(said.reason) as Refused['reason'];
    const refused = refuse(reason, text(said.text), typeof said.primary === 'string' ? said.primary : null);
    return reason === 'removed' ? { ...refused, removeAttribute: said.removeAttribute === true } : refused;
  }
  throw new FrameError('message', `the other side answered the opening with a frame of kind ${frame.kind}`);
}

function readSetNumber(value: unknown): SetNumber {
  const said = fields(value);
  return { epoch: count(said?.epoch), revision: count(said?.revision) };
}

function readEpoch(value: unknown): Epoch {
  const said = fields(value);
  return said === null
    ? NO_EPOCH
    : { number: count(said.number), owner: text(said.owner), lineage: text(said.lineage) };
}

/** A newer caller may know types that this version does not. */
function known(said: readonly unknown[]): readonly CompressionType[] {
  return compressionTypes.filter((type) => said.includes(type));
}

type Fields = Readonly<Partial<Record<string, unknown>>>;

function fields(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function count(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
