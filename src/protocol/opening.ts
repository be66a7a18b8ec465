/**
 * The first two frames of every connection: who speaks, which channel, which version, and whether with TLS. A side that
 * cannot go on answers `refused` with one sentence and closes. TLS itself is not built: `tls` is false and `subject` null on
 * every link, and a member that requires it refuses (their places are here so that it can come without a new protocol).
 */
import type { Epoch, MemberName, MirrorName } from '../mirror/terms.ts';

export const PROTOCOL_VERSION = 1;
export const PROTOCOL_VERSION_MIN = 1;

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
}

export interface Opened {
  readonly version: number;
  readonly mirror: MirrorName;
  readonly member: MemberName;
  readonly instance: string;
  readonly epoch: Epoch;
}

export interface Refused {
  readonly reason:
    | 'version'
    | 'tls'
    | 'mirror'
    | 'member'
    | 'channel'
    | 'not-primary'
    | 'not-available'
    | 'not-understood';
  readonly text: string;
  /** For 'not-primary': who is, as far as the refusing side knows, as host:port of its superserver. */
  readonly primary: string | null;
}
