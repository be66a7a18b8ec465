/**
 * One connection over a socket of node:net: frames out in few writes, frames in as they come, one sentence when it closes.
 * Not here: how connections come about (tcp-network.ts) and what is said first (opening-exchange.ts).
 */
import type { Socket } from 'node:net';
import { FRAME_HEADER_BYTES, type Frame, FrameDecoder, FrameError, writeFrameHeader } from '../protocol/frame.ts';
import type { Connection } from './network.ts';
import type { SocketReading } from './socket-reading.ts';

/** Bodies up to this size are copied next to their header: cheaper than one more piece in a gathered write. */
const COPIED_BYTES_MAX = 16 * 1024;
/** Small frames are laid into areas of this size, each used once. */
const AREA_BYTES = 64 * 1024;
/** How long the other side may take to close after we have. */
const LINGER_MS = 2000;

let connectionsMade = 0;

export class TcpConnection implements Connection {
  readonly id: number;
  readonly remote: string;
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  /** Frames nobody has taken yet. */
  #waiting: readonly Frame[] = [];
  #onFrames: ((frames: readonly Frame[]) => void) | null = null;
  #onNextFrame: ((frame: Frame) => void) | null = null;
  readonly #onClosed: ((reason: string) => void)[] = [];
  #paused = false;
  /** The socket reads. */
  #flows = false;
  #ended = false;
  #otherEnded = false;
  #closing = false;
  /** Set when `closed` has been told. */
  #closedReason: string | null = null;
  /** First cause of the closing. */
  #reason: string | null = null;
  readonly #output = new Output();
  #corks = 0;

  constructor(socket: Socket, reading: SocketReading, remote: string) {
    connectionsMade += 1;
    this.id = connectionsMade;
    this.remote = remote;
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.pause();
    reading.onBytes = (bytes) => this.#read(bytes);
    socket.on('end', () => this.#otherSideEnded());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#reason ??= sentence(error);
    });
    socket.on('close', () => this.#closed());
  }

  get isClosed(): boolean {
    return this.#closing;
  }

  get unsentBytes(): number {
    return this.#output.bytes + this.#socket.writableLength;
  }

  send(kind: number, body: Uint8Array | readonly Uint8Array[], coveredBytes?: number): void {
    if (this.#closing || this.#ended) return;
    this.#output.add(kind, body instanceof Uint8Array ? [body] : body, coveredBytes);
    if (this.#corks === 0) this.#flush();
  }

  cork(): void {
    this.#corks += 1;
  }

  uncork(): void {
    if (this.#corks > 0) this.#corks -= 1;
    if (this.#corks === 0) this.#flush();
  }

  pause(): void {
    this.#paused = true;
    this.#readOrRest();
  }

  resume(): void {
    this.#paused = false;
    this.#deliverSoon();
  }

  end(): void {
    if (this.#closing || this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#waiting = [];
    this.#reason ??= 'closed here';
    this.#socket.end(() => {
      setTimeout(() => this.destroy(), LINGER_MS).unref();
    });
    // Reading goes on, so that the other side's closing is seen.
    this.#readOrRest();
    if (this.#otherEnded) this.destroy();
  }

  destroy(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#reason ??= 'closed here';
    this.#waiting = [];
    this.#socket.destroy();
  }

  onFrames(handler: (frames: readonly Frame[]) => void): void {
    this.#onFrames = handler;
    this.#deliverSoon();
  }

  onNextFrame(handler: (frame: Frame) => void): void {
    this.#onNextFrame = handler;
    this.#onFrames = null;
    this.#deliverSoon();
  }

  onClosed(handler: (reason: string) => void): void {
    const reason = this.#closedReason;
    if (reason === null) this.#onClosed.push(handler);
    else queueMicrotask(() => handler(reason));
  }

  #flush(): void {
    const pieces = this.#output.take();
    if (pieces.length === 0 || this.#closing || this.#ended) return;
    if (pieces.length > 1) this.#socket.cork();
    for (const piece of pieces) this.#socket.write(piece);
    if (pieces.length > 1) this.#socket.uncork();
  }

  #read(bytes: Buffer): void {
    if (this.#closing || this.#ended) return;
    const frames = this.#decoder.feed(bytes);
    this.#waiting = this.#waiting.length === 0 ? frames : [...this.#waiting, ...frames];
    this.#deliver();
    const { fault } = this.#decoder;
    if (fault !== null) this.#breakWith(fault);
  }

  #deliverSoon(): void {
    queueMicrotask(() => this.#deliver());
  }

  #deliver(): void {
    try {
      while (this.#waiting.length > 0 && this.#mayDeliver()) {
        const frames = this.#waiting;
        const next = this.#onNextFrame;
        if (next !== null) {
          this.#onNextFrame = null;
          this.#waiting = frames.slice(1);
          next(frames[0]!);
        } else {
          this.#waiting = [];
          this.#onFrames?.(frames);
        }
      }
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#breakWith(error);
    }
    if (this.#otherEnded && this.#waiting.length === 0) this.destroy();
    else this.#readOrRest();
  }

  #mayDeliver(): boolean {
    const heard = this.#onFrames !== null || this.#onNextFrame !== null;
    return heard && !this.#paused && !this.#closing && !this.#ended;
  }

  #readOrRest(): void {
    if (this.#closing) return;
    const flows = this.#ended || (this.#mayDeliver() && this.#waiting.length === 0);
    if (flows === this.#flows) return;
    this.#flows = flows;
    if (flows) this.#socket.resume();
    else this.#socket.pause();
  }

  #breakWith(fault: FrameError): void {
    this.#reason ??= `bad frame: ${fault.message}`;
    this.destroy();
  }

  #otherSideEnded(): void {
    this.#otherEnded = true;
    this.#reason ??=
      this.#decoder.heldBytes > 0 ? 'closed by the other side in the middle of a frame' : 'closed by the other side';
    // Frames that still wait are delivered first.
    if (this.#waiting.length === 0) this.destroy();
  }

  #closed(): void {
    this.#closing = true;
    this.#waiting = [];
    this.#output.take();
    const reason = this.#reason ?? 'closed by the other side';
    this.#closedReason = reason;
    for (const handler of this.#onClosed.splice(0)) handler(reason);
  }
}

/** Frames to be written: small ones laid side by side in one area, large bodies by reference. */
class Output {
  #pieces: Uint8Array[] = [];
  #bytes = 0;
  #area = Buffer.alloc(0);
  /** In the area: begin of what is in no piece yet, and end of what is used. */
  #from = 0;
  #to = 0;

  get bytes(): number {
    return this.#bytes;
  }

  add(kind: number, parts: readonly Uint8Array[], coveredBytes?: number): void {
    let length = 0;
    for (const part of parts) length += part.length;
    const copied = length <= COPIED_BYTES_MAX;
    this.#makeRoom(FRAME_HEADER_BYTES + (copied ? length : 0));
    writeFrameHeader(this.#area, this.#to, kind, parts, coveredBytes);
    this.#to += FRAME_HEADER_BYTES;
    this.#bytes += FRAME_HEADER_BYTES + length;
    if (copied) {
      for (const part of parts) {
        this.#area.set(part, this.#to);
        this.#to += part.length;
      }
    } else {
      this.#closePiece();
      for (const part of parts) if (part.length > 0) this.#pieces.push(part);
    }
  }

  /** All pieces in order; the area behind them is not used again. */
  take(): readonly Uint8Array[] {
    this.#closePiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#bytes = 0;
    return pieces;
  }

  #makeRoom(bytes: number): void {
    if (this.#to + bytes <= this.#area.length) return;
    this.#closePiece();
    this.#area = Buffer.allocUnsafeSlow(AREA_BYTES);
    this.#from = 0;
    this.#to = 0;
  }

  #closePiece(): void {
    if (this.#to > this.#from) this.#pieces.push(this.#area.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}

const SENTENCES: Readonly<Record<string, string>> = {
  ECONNRESET: 'reset by the other side',
  EPIPE: 'closed by the other side',
  ECONNABORTED: 'broken off',
  ETIMEDOUT: 'the other side does not answer',
  EHOSTUNREACH: 'no way to the other host',
  ENETUNREACH: 'no way to the other network',
};

function sentence(error: NodeJS.ErrnoException): string {
  return SENTENCES[error.code ?? ''] ?? error.message;
}
