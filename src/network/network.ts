/**
 * Door of the network room: connections that carry frames (protocol/frame.ts) between processes.
 *
 * Frames arrive whole, checked and in order; nothing of a connection arrives after its `closed`. Sending never blocks:
 * bytes the other side does not take are held, and `unsentBytes` says how many, so that the caller can stop in time.
 */
import type { Frame } from '../protocol/frame.ts';

export interface Connection {
  /** Unique in this process. */
  readonly id: number;
  /** host:port of the other side, or the path of a local socket. */
  readonly remote: string;
  readonly isClosed: boolean;
  readonly unsentBytes: number;
  /** A body given as several parts is sent as their concatenation without copying them together. */
  send(kind: number, body: Uint8Array | readonly Uint8Array[]): void;
  /** Collect what is sent until `uncork` into one write. */
  cork(): void;
  uncork(): void;
  /** Stop and resume reading (back-pressure towards the sender). */
  pause(): void;
  resume(): void;
  /** Send what was given to `send`, then close. */
  end(): void;
  /** Close at once; `closed` follows. */
  destroy(): void;
  onFrames(handler: (frames: readonly Frame[]) => void): void;
  /** Once; `reason` is a short sentence: closed by the other side, reset, bad frame ... */
  onClosed(handler: (reason: string) => void): void;
}

export interface Listener {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

export interface Network {
  /** @throws AddressInUseError naming address and port; AddressUnavailableError. */
  listen(address: string, port: number, onConnection: (connection: Connection) => void): Promise<Listener>;
  /** A local socket only its owner can open (mode 0600, in a directory of mode 0700); a stale file is removed first. */
  listenLocal(path: string, onConnection: (connection: Connection) => void): Promise<Listener>;
  /** @throws UnreachableError naming host, port and cause, after at most `timeoutMs`. */
  dial(host: string, port: number, timeoutMs: number): Promise<Connection>;
  dialLocal(path: string, timeoutMs: number): Promise<Connection>;
}

export class AddressInUseError extends Error {
  readonly code = 'address-in-use';
}
export class AddressUnavailableError extends Error {
  readonly code = 'address-unavailable';
}
export class UnreachableError extends Error {
  readonly code = 'unreachable';
}
