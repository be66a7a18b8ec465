/**
 * Bytes of the data channel between two members, and the requests of a joining one. A message is JSON with its envelope;
 * `data` has the journal bytes behind its head, so that they are never copied into text.
 */
import { Buffer } from 'node:buffer';
import { type CompressionType, compressionTypes } from '../mirror/compression.ts';
import type { ToldClaims } from '../mirror/journal-purge.ts';
import { unpackedBytesMax } from '../mirror/limits.ts';
import type { DataMessage, Envelope } from '../mirror/messages.ts';
import type { MemberDefinition, MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberReport } from '../mirror/status.ts';
import type { ClockWord } from './clock-offset.ts';
import { type Frame, FrameError, jsonBody, parseJsonBody } from './frame.ts';
import type { VerificationWord } from './verification.ts';

/** Frame kinds of the data channel. */
export const MEMBER = { message: 16, data: 17, notice: 18 } as const;

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

/** How the bytes of a `data` message are packed, and what they unpack to, in bytes. */
export interface Packing {
  readonly type: CompressionType;
  readonly bytes: number;
}

export interface Addressed {
  readonly envelope: Envelope;
  readonly message: DataMessage;
}

export function encodeMessage(envelope: Envelope, message: DataMessage): Buffer {
  return jsonBody({ envelope, message });
}

export function decodeMessage(frame: Frame): Addressed {
  return checkAddressed(parseJsonBody(frame));
}

/** Without `packing` the bytes are journal data as they are. */
export type DataHead = Addressed & { readonly place: ChunkPlace; readonly packing?: Packing };

export function encodeData(
  envelope: Envelope,
  message: DataMessage,
  place: ChunkPlace,
  bytes: Uint8Array,
  packing?: Packing,
): readonly Uint8Array[] {
  return withHead({ envelope, message, place, packing }, bytes);
}

export function decodeData(frame: Frame): { readonly head: DataHead; readonly bytes: Buffer } {
  const { head, bytes } = splitHead(frame);
  checkAddressed(head);
  checkPacking((head as DataHead).packing);
  return { head: head as DataHead, bytes };
}

/** Nothing is set aside on the word of a head alone. */
function checkPacking(packing: Packing | undefined): void {
  if (packing === undefined) return;
  const { type, bytes } = packing;
  if (!compressionTypes.includes(type)) {
    throw new FrameError(
      'message',
      `journal data are compressed with ${JSON.stringify(type)}, which is not known here`,
    );
  }
  if (!Number.isSafeInteger(bytes) || bytes < 0 || bytes > unpackedBytesMax) {
    throw new FrameError('length', `journal data of ${bytes} bytes are announced, ${unpackedBytesMax} at most`);
  }
}

function checkAddressed(value: unknown): Addressed {
  const addressed = value as Partial<Addressed> | null;
  if (typeof addressed?.envelope?.from !== 'string' || typeof addressed.message?.type !== 'string') {
    throw new FrameError('json', 'a message of the data channel without envelope or type');
  }
  return addressed as Addressed;
}

/** A JSON head with its length before it, then bytes. */
export function withHead(head: unknown, bytes: Uint8Array): readonly Uint8Array[] {
  const json = jsonBody(head);
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32LE(json.length, 0);
  return [length, json, bytes];
}

export function splitHead(frame: Frame): { readonly head: unknown; readonly bytes: Buffer } {
  const length = frame.body.length < 4 ? -1 : frame.body.readUInt32LE(0);
  if (length < 0 || 4 + length > frame.body.length)
    throw new FrameError('json', 'a frame that is shorter than its head');
  const head = parseJsonBody({ kind: frame.kind, body: frame.body.subarray(4, 4 + length) });
  return { head, bytes: frame.body.subarray(4 + length) };
}

/** Channel 'member': a host's instance asks the primary's superserver to be taken into the mirror. One request, one answer, JSON. */
export const MEMBER_REQUEST = { request: 16, answer: 17 } as const;

export interface JoinRequest {
  readonly type: 'join';
  readonly member: MemberDefinition;
}

export type JoinAnswer =
  /** `incarnation`: the newest that the primary met of a former member of this name; those of the new one go on above it. */
  | { readonly ok: true; readonly mirrorSet: MirrorSet; readonly incarnation: number }
  | { readonly ok: false; readonly reason: string; readonly text: string; readonly spec: string | null };
