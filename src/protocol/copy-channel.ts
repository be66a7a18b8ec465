/**
 * Channel 'copy' on the superserver: a member that needs copies of mirrored databases has another one make them, and reads
 * their files piece by piece (DB-029). The caller sends requests, some of them ahead; they are answered in order. While copies
 * are made there are progress frames; a read is answered with the bytes alone, a refusal and everything else as JSON.
 *
 * A copy that was made stays until it is released or nobody has read it for a while: a caller whose connection broke, or
 * that was started anew, goes on where it was.
 */
import { copyPieceBytesMax } from '../mirror/limits.ts';
import type { MirrorDatabaseName } from '../mirror/terms.ts';
import type { Refusal } from './control-commands.ts';
import { type Frame, FrameError, jsonBody, parseJsonBody } from './frame.ts';

/** Frame kinds. */
export const COPY = { request: 16, progress: 17, answer: 18, bytes: 19 } as const;

export type CopyRequest =
  /** Make hot copies of these; only the primary does where `ofPrimary` is said. Answered with CopyOffer. */
  | { readonly type: 'make'; readonly databases: readonly MirrorDatabaseName[]; readonly ofPrimary: boolean }
  /** Is this copy still there? Answered with CopyOffer. */
  | { readonly type: 'find'; readonly copy: string }
  /** Bytes of the file of one database (named as in the manifest); fewer than asked for only at its end. */
  | {
      readonly type: 'read';
      readonly copy: string;
      readonly database: string;
      readonly offset: number;
      readonly bytes: number;
    }
  /** It is not needed any more. Not answered. */
  | { readonly type: 'release'; readonly copy: string };

export type CopyAnswer =
  /** The manifest is that of a backup (instance/backup-manifest.ts), checked by whoever uses it. */
  | { readonly ok: true; readonly copy: string; readonly manifest: unknown }
  | { readonly ok: false; readonly refusal: Refusal };

/** What a caller hears. */
export type CopyFrame =
  | { readonly type: 'progress'; readonly text: string }
  | { readonly type: 'answer'; readonly answer: CopyAnswer }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array };

export function encodeCopyRequest(request: CopyRequest): Uint8Array {
  return jsonBody(request);
}

/** @throws FrameError when it is none: names that are used for paths are narrow, and sizes bounded. */
export function readCopyRequest(frame: Frame): CopyRequest {
  const said = frame.kind === COPY.request ? object(parseJsonBody(frame)) : null;
  const { type, databases, ofPrimary, copy, database, offset, bytes } = said ?? {};
  if (type === 'make' && isList(databases) && typeof ofPrimary === 'boolean') return { type, databases, ofPrimary };
  if (isCopyId(copy)) {
    if (type === 'find' || type === 'release') return { type, copy };
    const isPlace = isCount(offset) && isCount(bytes) && bytes > 0 && bytes <= copyPieceBytesMax;
    if (type === 'read' && isName(database) && isPlace) return { type, copy, database, offset, bytes };
  }
  throw new FrameError('message', 'a request on the copy channel that is not understood');
}

/** @throws FrameError */
export function readCopyFrame(frame: Frame): CopyFrame {
  if (frame.kind === COPY.bytes) return { type: 'bytes', bytes: frame.body };
  const said = object(parseJsonBody(frame));
  if (frame.kind === COPY.progress && typeof said?.text === 'string') return { type: 'progress', text: said.text };
  const refusal = object(said?.refusal);
  const isOffer = said?.ok === true && isCopyId(said.copy);
  const isRefusal = said?.ok === false && typeof refusal?.text === 'string' && typeof refusal.reason === 'string';
  if (frame.kind === COPY.answer && (isOffer || isRefusal)) return { type: 'answer', answer: said as CopyAnswer };
  throw new FrameError('message', 'an answer on the copy channel that is not understood');
}

/** It is the name of a directory on the side that made it. */
function isCopyId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Z_][A-Z0-9_-]{0,62}$/.test(value);
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.length <= 10_000 && value.every(isName);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function object(value: unknown): Readonly<Partial<Record<string, unknown>>> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}
