/**
 * A frame: what every connection of the mirror carries. Twelve bytes of header, then the body.
 *
 *   0  u32  length of the body
 *   4  u32  CRC-32C of kind and body, or of kind and the beginning of the body
 *   8  u8   kind (a number of the channel's own table)
 *   9  u8   0 = the checksum is of the whole body; else of so many times eight bytes of it, and what is behind carries its own
 *  10  u16  0xCA7E, so that a stray connection is refused at its first bytes
 *
 * All numbers little-endian. A frame that breaks a rule ends its connection: FrameError.
 */
import { Buffer } from 'node:buffer';
import { crc32c } from './crc32c.ts';

export interface Frame {
  readonly kind: number;
  /** Shares memory with its neighbours in the stream: copy what is kept for long, never change it. */
  readonly body: Buffer;
}

export const FRAME_HEADER_BYTES = 12;
const FRAME_MARK = 0xca7e;
/** No message is longer; a length above it is a stray connection or damage. */
export const FRAME_BODY_BYTES_MAX = 64 * 1024 * 1024;

/** At most this much memory is set aside on the word of a header alone. */
const TRUSTED_BYTES = 2 * 1024 * 1024;

export type FrameFault = 'mark' | 'length' | 'checksum' | 'json' | 'message';

/** Bytes that are no frame, or a body that is not what its kind says. The connection must end. */
export class FrameError extends Error {
  readonly code = 'frame';
  readonly reason: FrameFault;
  constructor(reason: FrameFault, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FrameError';
    this.reason = reason;
  }
}

/** CRC-32C of each kind's byte: the seed of the checksum of its body. */
const kindSeeds = Uint32Array.from({ length: 256 }, (_, kind) => crc32c(Uint8Array.of(kind)));

/** The part of a body that the checksum covers, where that is not all of it, is told in units of so many bytes. */
const COVERED_UNIT = 8;

/**
 * Write the header of a frame whose body is the concatenation of `parts`. `coveredBytes`: behind so many of them (or a few more) the
 * body needs no checksum. @throws RangeError when it is too long to send.
 */
export function writeFrameHeader(
  into: Buffer,
  at: number,
  kind: number,
  parts: readonly Uint8Array[],
  coveredBytes = Infinity,
): void {
  let length = 0;
  for (const part of parts) length += part.length;
  const wanted = Math.ceil(coveredBytes / COVERED_UNIT);
  const units = wanted <= 0xff && wanted * COVERED_UNIT < length ? wanted : 0;
  let left = units === 0 ? length : units * COVERED_UNIT;
  let checksum = kindSeeds[kind]!;
  for (const part of parts) {
    const covered = Math.min(left, part.length);
    checksum = crc32c(part, 0, covered, checksum);
    left -= covered;
  }
  if (length > FRAME_BODY_BYTES_MAX) {
    throw new RangeError(`a frame of ${length} bytes is too long: ${FRAME_BODY_BYTES_MAX} at most`);
  }
  into.writeUInt32LE(length, at);
  into.writeUInt32LE(checksum >>> 0, at + 4);
  into[at + 8] = kind;
  into[at + 9] = units;
  into.writeUInt16LE(FRAME_MARK, at + 10);
}

export function encodeFrameHeader(kind: number, parts: readonly Uint8Array[], coveredBytes?: number): Buffer {
  const header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  writeFrameHeader(header, 0, kind, parts, coveredBytes);
  return header;
}

export function encodeFrame(kind: number, body: Uint8Array): Buffer {
  return Buffer.concat([encodeFrameHeader(kind, [body]), body]);
}

/**
 * Cuts a stream into frames. Frames that lie whole in a chunk are not copied; one that spans chunks is copied once.
 * Memory held is at most twice what has arrived of the unfinished frame (and TRUSTED_BYTES), whatever its header says.
 */
export class FrameDecoder {
  readonly #bodyBytesMax: number;
  /** The unfinished frame: its first `#held` bytes. */
  #partial: Buffer = Buffer.alloc(0);
  #held = 0;
  #fault: FrameError | null = null;

  constructor(bodyBytesMax: number = FRAME_BODY_BYTES_MAX) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** What is wrong with the stream; once set, nothing more comes out. */
  get fault(): FrameError | null {
    return this.#fault;
  }

  /** Bytes of an unfinished frame: above 0 at the end of the stream means that it was cut. */
  get heldBytes(): number {
    return this.#held;
  }

  /** The frames this chunk completes, in order. Frames before a faulty one still come out; then look at `fault`. */
  feed(chunk: Uint8Array): readonly Frame[] {
    const frames: Frame[] = [];
    const bytes = asBuffer(chunk);
    let at = this.#held > 0 ? this.#complete(bytes, frames) : 0;
    while (this.#fault === null && at < bytes.length) {
      const length = this.#frameLength(bytes, at);
      if (length === null || bytes.length - at < length) {
        if (this.#fault === null) this.#hold(bytes, at, bytes.length, length ?? FRAME_HEADER_BYTES);
        break;
      }
      this.#take(bytes, at, length, frames);
      at += length;
    }
    return frames;
  }

  /** Add to the unfinished frame what it lacks; returns how far the chunk was used. */
  #complete(bytes: Buffer, frames: Frame[]): number {
    let at = 0;
    if (this.#held < FRAME_HEADER_BYTES) {
      at = Math.min(FRAME_HEADER_BYTES - this.#held, bytes.length);
      this.#hold(bytes, 0, at, FRAME_HEADER_BYTES);
    }
    const length = this.#frameLength(this.#partial.subarray(0, this.#held), 0);
    if (length === null) return at;
    const end = Math.min(at + length - this.#held, bytes.length);
    this.#hold(bytes, at, end, length);
    if (this.#held === length) {
      const whole = this.#partial;
      this.#partial = Buffer.alloc(0);
      this.#held = 0;
      this.#take(whole, 0, length, frames);
    }
    return end;
  }

  /** Length of the frame at `at`, header included; null when its header is not whole yet, or faulty. */
  #frameLength(bytes: Buffer, at: number): number | null {
    if (bytes.length - at < FRAME_HEADER_BYTES) return null;
    const length = bytes.readUInt32LE(at);
    if (bytes.readUInt16LE(at + 10) !== FRAME_MARK || (bytes[at + 9]! > 0 && bytes[at + 9]! * COVERED_UNIT >= length)) {
      this.#fault = new FrameError('mark', 'the bytes are not a frame of this protocol');
      return null;
    }
    if (length > this.#bodyBytesMax) {
      this.#fault = new FrameError('length', `a frame of ${length} bytes is announced, ${this.#bodyBytesMax} at most`);
      return null;
    }
    return FRAME_HEADER_BYTES + length;
  }

  #take(bytes: Buffer, at: number, length: number, frames: Frame[]): void {
    const kind = bytes[at + 8]!;
    const units = bytes[at + 9]!;
    const begin = at + FRAME_HEADER_BYTES;
    const checksum = crc32c(bytes, begin, units === 0 ? at + length : begin + units * COVERED_UNIT, kindSeeds[kind]!);
    if (checksum !== bytes.readUInt32LE(at + 4)) {
      this.#fault = new FrameError('checksum', `a frame of kind ${kind} has a wrong checksum`);
      return;
    }
    frames.push({ kind, body: bytes.subarray(begin, at + length) });
  }

  #hold(bytes: Buffer, from: number, to: number, wanted: number): void {
    const needed = this.#held + to - from;
    if (needed > this.#partial.length) {
      const room = Math.min(wanted, Math.max(needed * 2, TRUSTED_BYTES));
      const larger = Buffer.allocUnsafeSlow(Math.max(room, needed));
      this.#partial.copy(larger, 0, 0, this.#held);
      this.#partial = larger;
    }
    bytes.copy(this.#partial, this.#held, from, to);
    this.#held = needed;
  }
}

export function jsonBody(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value), 'utf8');
}

/** The value is not checked here: its channel parses it. @throws FrameError when the body is not JSON. */
export function parseJsonBody(frame: Frame): unknown {
  try {
    return JSON.parse(frame.body.toString('utf8'));
  } catch (cause) {
    throw new FrameError('json', `a frame of kind ${frame.kind} does not hold JSON`, { cause });
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
