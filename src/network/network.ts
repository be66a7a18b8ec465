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
  /**
   * A body given as several parts is sent as their concatenation without copying them together: the bytes given must not
   * change any more. After `end`, `destroy` or `closed` nothing is sent. `coveredBytes`: what stands behind so many bytes of the body
   * carries checksums of its own, which whoever takes it looks at; the frame has none of it (protocol/frame.ts).
   */
  send(kind: number, body: Uint8Array | readonly Uint8Array[], coveredBytes?: number): void;
  /** Collect what is sent until `uncork` into one write. */
  cork(): void;
  uncork(): void;
  /** Stop and resume reading (back-pressure towards the sender). */
  pause(): void;
  resume(): void;
  /** Send what was given to `send`, then close; no frame arrives any more. */
  end(): void;
  /** Close at once; `closed` follows. */
  destroy(): void;
  /**
   * All frames of what was read at once, in one call; never from inside this call. Until somebody listens frames wait, and
   * reading stops. A handler that throws FrameError closes the connection with its message.
   */
  onFrames(handler: (frames: readonly Frame[]) => void): void;
  /** Only the next frame goes to `handler`; those behind it wait for the next `onNextFrame` or `onFrames`. */
  onNextFrame(handler: (frame: Frame) => void): void;
  /**
   * Each handler once; `reason` is a short sentence: closed by the other side, reset, bad frame ... One that comes late
   * hears it too.
   */
  onClosed(handler: (reason: string) => void): void;
}

export interface Listener {
  readonly address: string;
  /** 0 for a local socket. */
  readonly port: number;
  /** Take no more connections; those taken stay. */
  close(): Promise<void>;
}

export interface Network {
  /** Address '*' is all interfaces, port 0 any free port. @throws AddressInUseError naming address and port; AddressUnavailableError. */
  listen(address: string, port: number, onConnection: (connection: Connection) => void): Promise<Listener>;
  /** A local socket only its owner can open (mode 0600, in a directory of mode 0700); a stale file is removed first. @throws AddressInUseError when a live process listens there. */
  listenLocal(path: string, onConnection: (connection: Connection) => void): Promise<Listener>;
  /** @throws UnreachableError naming host, port and cause, after at most `timeoutMs`. */
  dial(host: string, port: number, timeoutMs: number): Promise<Connection>;
  dialLocal(path: string, timeoutMs: number): Promise<Connection>;
}

/** The timers that deadlines here need; the host's clock is one. */
export interface Timers {
  after(ms: number, handler: () => void): { cancel(): void };
}

/** What local sockets need from the file system (src/host gives it: files are its room). */
export interface LocalSocketFiles {
  /** Make the directory with mode 0700. @throws when it is there and others may enter it, or it is not ours. */
  makePrivateDirectory(path: string): void;
  /** Remove a socket's file; a missing one is no fault. @throws when something else than a socket is there. */
  removeSocket(path: string): void;
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
