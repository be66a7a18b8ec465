/**
 * Bytes of the data channel between two members, and the requests of a joining one. A message is JSON with its envelope, but for
 * those that go with every batch of updates (batch-heads.ts); `data` has the journal bytes behind its head.
 */
import { type CompressionType, compressionTypes } from '../mirror/compression.ts';
import type { ToldClaims } from '../mirror/journal-purge.ts';
import { unpackedBytesMax } from '../mirror/limits.ts';
import type { DataMessage, Envelope } from '../mirror/messages.ts';
import type { MemberDefinition, MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberReport } from '../mirror/status.ts';
import type { JournalPlace, MemberName } from '../mirror/terms.ts';
import { HeadReader, HeadWriter, headBytes, nameBytes, textBytes } from './batch-heads.ts';
import type { ClockWord } from './clock-offset.ts';
import { crc32c } from './crc32c.ts';
import { type Frame, FrameError, jsonBody, parseJsonBody } from './frame.ts';
import type { VerificationWord } from './verification.ts';

/** Frame kinds of the data channel. */
export const MEMBER = { message: 16, data: 17, notice: 18, ack: 19, durableTo: 20 } as const;

/** What the rules need not know: the primary tells its members about the mirror and about each other. */
export interface Notice {
  readonly mirrorSet?: MirrorSet;
  readonly rows?: readonly MemberReport[];
  /** What each member has of the journal, so that whoever becomes primary knows what the others may lack (SYN-026). */
  readonly claims?: ToldClaims;
  /** Comparing databases (verification.ts). */
  readonly verification?: VerificationWord;
  /** From both sides: what time is it with you? */
  readonly clock?: ClockWord;
}

/** Where the bytes of a `data` message stand in the sender's file. */
export interface ChunkPlace {
  readonly file: number;
  readonly fileName: string;
  readonly offset: number;
  readonly timeMs: number;
}

/**
 * How the bytes of a `data` message are packed, what they unpack to, in bytes, and the CRC-32C of what is sent: made once for all
 * members that the block goes to.
 */
export interface Packing {
  readonly type: CompressionType;
  readonly bytes: number;
  readonly checksum: number;
}

export interface Addressed {
  readonly envelope: Envelope;
  readonly message: DataMessage;
}

/** A message of the data channel other than `data`: the kind of its frame, and its body. */
export function encodeMessage(
  envelope: Envelope,
  message: DataMessage,
): { readonly kind: number; readonly body: Uint8Array } {
  if (message.type === 'ack') {
    const head = new HeadWriter(envelope, 2 * headBytes.position + headBytes.number);
    head.position(message.to);
    head.position(message.applied);
    head.number(message.term);
    return { kind: MEMBER.ack, body: head.bytes };
  }
  if (message.type === 'durable-to') {
    const head = new HeadWriter(envelope, headBytes.position);
    head.position(message.to);
    return { kind: MEMBER.durableTo, body: head.bytes };
  }
  return { kind: MEMBER.message, body: jsonBody({ envelope, message }) };
}

/** @throws FrameError */
export function decodeMessage(frame: Frame): Addressed {
  if (frame.kind === MEMBER.message) return checkAddressed(parseJsonBody(frame));
  const head = new HeadReader(frame.body);
  const { envelope } = head;
  if (frame.kind === MEMBER.durableTo) return { envelope, message: { type: 'durable-to', to: head.position() } };
  if (frame.kind !== MEMBER.ack)
    throw new FrameError('message', `the data channel has no messages of kind ${frame.kind}`);
  const message = { type: 'ack', to: head.position(), applied: head.position(), term: head.count() } as const;
  return { envelope, message };
}

/** Without `packing` the bytes are journal data as they are. */
export interface DataHead {
  readonly envelope: Envelope;
  readonly message: DataMessage & { readonly type: 'data' };
  readonly place: ChunkPlace;
  readonly packing?: Packing;
}

const noText = new Uint8Array(0);

/** Its head, and the journal bytes. */
export function encodeData(
  envelope: Envelope,
  message: DataMessage & { readonly type: 'data' },
  place: ChunkPlace,
  bytes: Uint8Array,
  packing?: Packing,
): readonly [Uint8Array, Uint8Array] {
  const fileName = nameBytes(place.fileName);
  const type = packing === undefined ? noText : textBytes(packing.type);
  const textsBytes = 2 + fileName.length + type.length;
  const head = new HeadWriter(envelope, 3 * headBytes.position + 5 * headBytes.number + textsBytes);
  head.position(message.from);
  head.position(message.to);
  head.position(message.durableTo);
  head.number(place.file);
  head.number(place.offset);
  head.number(place.timeMs);
  head.text(fileName);
  head.text(type);
  head.number(packing?.bytes ?? 0);
  head.number(packing?.checksum ?? 0);
  return [head.bytes, bytes];
}

/** @throws FrameError, of packed bytes also where they are not what was sent: nothing damaged is unpacked. */
export function decodeData(frame: Frame): { readonly head: DataHead; readonly bytes: Buffer } {
  const reader = new HeadReader(frame.body);
  const { envelope } = reader;
  const message = {
    type: 'data',
    from: reader.position(),
    to: reader.position(),
    durableTo: reader.position(),
  } as const;
  const [file, offset, timeMs] = [reader.count(), reader.count(), reader.number()];
  const place = { file, fileName: reader.text(), offset, timeMs };
  const packing = readPacking(reader.text(), reader.number(), reader.number());
  const bytes = reader.rest();
  if (packing !== undefined && crc32c(bytes) !== packing.checksum)
    throw new FrameError('checksum', 'compressed journal data have a wrong checksum');
  const head = packing === undefined ? { envelope, message, place } : { envelope, message, place, packing };
  return { head, bytes };
}

/** Nothing is set aside on the word of a head alone. */
function readPacking(type: string, bytes: number, checksum: number): Packing | undefined {
  if (type === '') return undefined;
  const known = compressionTypes.find((each) => each === type);
  if (known === undefined) {
    throw new FrameError(
      'message',
      `journal data are compressed with ${JSON.stringify(type)}, which is not known here`,
    );
  }
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > unpackedBytesMax) {
    throw new FrameError('length', `journal data of ${bytes} bytes are announced, ${unpackedBytesMax} at most`);
  }
  return { type: known, bytes, checksum };
}

function checkAddressed(value: unknown): Addressed {
  const addressed = value as Partial<Addressed> | null;
  if (typeof addressed?.envelope?.from !== 'string' || typeof addressed.message?.type !== 'string') {
    throw new FrameError('json', 'a message of the data channel without envelope or type');
  }
  return addressed as Addressed;
}

/** Channel 'member': what another instance asks of the primary, at its superserver. One request, one answer, JSON. */
export const MEMBER_REQUEST = { request: 16, answer: 17 } as const;

export type MemberRequest =
  | JudgedRequest
  /** What would be answered to it now; changes nothing. */
  | { readonly type: 'would'; readonly request: JudgedRequest }
  /** An async is to be one of another type; it has checked what depends on its copies (CFG-050). */
  | {
      readonly type: 'change-type';
      readonly member: Pick<MemberDefinition, 'name' | 'instance' | 'type'>;
    }
  /** Member serves on this port now (CFG-057). */
  | { readonly type: 'superserver-port'; readonly member: MemberName; readonly port: number };

export type JudgedRequest =
  /** To be taken into the mirror. */
  | { readonly type: 'join'; readonly member: MemberDefinition }
  /** Member `by` wants to leave, or that an async is removed (CFG-069). */
  | {
      readonly type: 'remove';
      readonly member: MemberName;
      readonly by: MemberName;
      readonly removeAttribute: boolean;
    };

export type MemberRequestAnswer =
  /** `mirrorSet` with what was asked for. `incarnation` after a join: the newest that the primary met of a former member of this name; those of the new one go on above it. */
  | {
      readonly ok: true;
      readonly mirrorSet: MirrorSet;
      readonly incarnation: number;
      /** Of `would`: from where the primary keeps its journal, and where it ends. */
      readonly journal?: { readonly from: JournalPlace; readonly upTo: JournalPlace };
    }
  | { readonly ok: false; readonly reason: string; readonly text: string; readonly spec: string | null };
