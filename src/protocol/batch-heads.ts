/**
 * What goes between two members with every batch of updates (`data`, `ack`, `durable-to`), in binary: as JSON it cost more than the
 * batch itself when there is one update in it. Everything else they say is JSON (member-channel.ts).
 *
 * Envelope: u16 its length, f64 incarnation, f64 number of the epoch, then sender, owner and lineage, each behind its u8 length.
 * A position: f64 epoch, file, offset, sequence. All numbers little-endian; what should be a count and is none ends the connection.
 */
import { Buffer } from 'node:buffer';
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { Envelope } from '../mirror/messages.ts';
import { FrameError } from './frame.ts';

const numberBytes = 8;
const positionBytes = 4 * numberBytes;
const envelopeFixedBytes = 2 + 2 * numberBytes;

/** Writes a head of known length front to back. */
export class HeadWriter {
  readonly bytes: Buffer;
  #at: number;

  /** `restBytes`: what comes behind the envelope. */
  constructor(envelope: Envelope, restBytes: number) {
    const begin = envelopeBytes(envelope);
    this.bytes = Buffer.allocUnsafe(begin.length + restBytes);
    this.bytes.set(begin, 0);
    this.#at = begin.length;
  }

  number(value: number): void {
    this.#at = this.bytes.writeDoubleLE(value, this.#at);
  }

  position({ epoch, file, offset, sequence }: JournalPosition): void {
    this.number(epoch);
    this.number(file);
    this.number(offset);
    this.number(sequence);
  }

  text(value: Uint8Array): void {
    this.bytes[this.#at] = value.length;
    this.bytes.set(value, this.#at + 1);
    this.#at += 1 + value.length;
  }
}

export const headBytes = { number: numberBytes, position: positionBytes } as const;

/** Reads what HeadWriter wrote. @throws FrameError where it is cut short, or a number is no count. */
export class HeadReader {
  readonly envelope: Envelope;
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer) {
    const length = bytes.length < 2 ? 0 : bytes.readUInt16LE(0);
    if (length < envelopeFixedBytes || length > bytes.length) throw cut();
    this.#bytes = bytes;
    this.#at = length;
    this.envelope = readEnvelope(bytes.subarray(0, length));
  }

  /** Any number, as it stands. */
  number(): number {
    if (this.#bytes.length - this.#at < numberBytes) throw cut();
    const value = this.#bytes.readDoubleLE(this.#at);
    this.#at += numberBytes;
    return value;
  }

  count(): number {
    const value = this.number();
    if (!Number.isSafeInteger(value) || value < 0) throw new FrameError('message', `${value} is no count`);
    return value;
  }

  position(): JournalPosition {
    return { epoch: this.count(), file: this.count(), offset: this.count(), sequence: this.count() };
  }

  text(): string {
    const begin = this.#at + 1;
    const end = begin + (this.#bytes[this.#at] ?? this.#bytes.length);
    if (end > this.#bytes.length) throw cut();
    this.#at = end;
    return this.#bytes.toString('utf8', begin, end);
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.#at);
  }
}

function cut(): FrameError {
  return new FrameError('message', 'a message between members is shorter than its head');
}

/** Member names, owners and lineages are short (limits.ts). */
export function textBytes(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length > 0xff) throw new RangeError(`"${value}" is too long for a message between members`);
  return bytes;
}

/** Names come with every batch, and are the same for long: the bytes of the newest one are kept. */
let named: { readonly name: string; readonly bytes: Buffer } = { name: '', bytes: Buffer.alloc(0) };

export function nameBytes(name: string): Buffer {
  if (named.name !== name) named = { name, bytes: textBytes(name) };
  return named.bytes;
}

/** A sender's envelope changes with its role only: the newest one is kept as it was written, and as it was read. */
let written: { readonly envelope: Envelope; readonly bytes: Buffer } | null = null;
let read: { readonly envelope: Envelope; readonly bytes: Buffer } | null = null;

function envelopeBytes(envelope: Envelope): Buffer {
  const { from, incarnation, epoch } = envelope;
  const known = written?.envelope;
  if (known?.from === from && known.incarnation === incarnation && known.epoch === epoch) return written!.bytes;
  const texts = [from, epoch.owner, epoch.lineage].map(textBytes);
  const fixed = Buffer.alloc(envelopeFixedBytes);
  const bytes = Buffer.concat([fixed, ...texts.flatMap((text) => [Buffer.of(text.length), text])]);
  bytes.writeUInt16LE(bytes.length, 0);
  bytes.writeDoubleLE(incarnation, 2);
  bytes.writeDoubleLE(epoch.number, 2 + numberBytes);
  written = { envelope, bytes };
  return bytes;
}

function readEnvelope(bytes: Buffer): Envelope {
  if (read?.bytes.equals(bytes) === true) return read.envelope;
  const [incarnation, number] = [bytes.readDoubleLE(2), bytes.readDoubleLE(2 + numberBytes)];
  if (!Number.isSafeInteger(incarnation) || !Number.isSafeInteger(number)) {
    throw new FrameError('message', 'the envelope of a message between members holds no numbers');
  }
  const texts: string[] = [];
  for (let at = envelopeFixedBytes; at < bytes.length; ) {
    const end = at + 1 + bytes[at]!;
    if (end > bytes.length) throw cut();
    texts.push(bytes.toString('utf8', at + 1, end));
    at = end;
  }
  const [from, owner, lineage] = texts;
  if (from === undefined || owner === undefined || lineage === undefined || texts.length !== 3) throw cut();
  const envelope: Envelope = { from, incarnation, epoch: { number, owner, lineage } };
  read = { envelope, bytes: Buffer.from(bytes) };
  return envelope;
}
