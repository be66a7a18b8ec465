/**
 * What sockets read, without the streams of Node: they read into one buffer, whose bytes are copied out before anything else is
 * read. A stream sets 64 KiB aside for each read, whatever comes, and pushes it through a queue of its own, which for a lone small
 * message is more than its journaling costs (docs/decisions/0029).
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

/** Of all sockets of the process: between a read and its callback there is no other read. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);
/** What is read is laid into areas of this size, each used once: frames are views of it, and live as long as anybody holds one. */
const areaBytes = 64 * 1024;
/** A read of at least this many bytes gets an area of its own. */
const ownAreaBytes = 16 * 1024;

let area = Buffer.alloc(0);
let usedBytes = 0;

function copyOut(length: number): Buffer {
  if (length >= ownAreaBytes) {
    const own = Buffer.allocUnsafeSlow(length);
    readBuffer.copy(own, 0, 0, length);
    return own;
  }
  if (usedBytes + length > area.length) {
    area = Buffer.allocUnsafeSlow(areaBytes);
    usedBytes = 0;
  }
  const bytes = area.subarray(usedBytes, usedBytes + length);
  readBuffer.copy(bytes, 0, 0, length);
  usedBytes += length;
  return bytes;
}

export class SocketReading {
  /** Whoever uses the socket sets it before reading begins. */
  onBytes: (bytes: Buffer) => void = () => undefined;
  /** For the socket that is to be read so, when it is made. */
  readonly onread: OnReadOpts = {
    buffer: readBuffer,
    callback: (length) => {
      this.onBytes(copyOut(length));
      return true;
    },
  };
}

/** In place of an accepted socket, from which nothing was read: Node takes the buffer only where a socket is made. */
export function readAccepted(accepted: Socket, reading: SocketReading): Socket {
  const holder = accepted as Socket & { _handle: object | null };
  const made = { handle: holder._handle, onread: reading.onread, pauseOnCreate: true };
  holder._handle = null;
  return new Socket(made as SocketConstructorOpts);
}
