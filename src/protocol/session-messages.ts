/**
 * The bytes of the requests that change what a connection holds: its transaction, its locks, and MERGE. What they mean is in
 * client-channel.ts; number and database before them are client-messages.ts'.
 */
import { Buffer } from 'node:buffer';
import { CLIENT_REQUEST } from './client-channel.ts';

export interface LockName {
  readonly key: Uint8Array;
  readonly shared: boolean;
}

export type SessionRequest =
  | { readonly type: 'begin' | 'commit' }
  /** `levels` 0 = the whole transaction. */
  | { readonly type: 'rollback'; readonly levels: 0 | 1 }
  | {
      readonly type: 'lock';
      /** Give up all other locks first. */
      readonly replace: boolean;
      readonly timeoutMs: number;
      /** All of them or none. */
      readonly names: readonly LockName[];
    }
  /** No names = all locks. */
  | { readonly type: 'unlock'; readonly names: readonly LockName[] }
  | {
      readonly type: 'merge';
      /** Target. */
      readonly key: Uint8Array;
      readonly fromDatabase: string;
      readonly fromKey: Uint8Array;
    };

/** A body that is not what its kind says. `number` is the request's, where at least that could be read. */
export class ClientMessageError extends Error {
  readonly code = 'not-understood';
  readonly number: number | null;
  constructor(text: string, number: number | null) {
    super(text);
    this.number = number;
  }
}

const nothing = Buffer.alloc(0);

/** The fields behind number and database. @throws ClientMessageError */
export function encodeSessionRequest(request: SessionRequest, number: number): Buffer {
  switch (request.type) {
    case 'begin':
    case 'commit':
      return nothing;
    case 'rollback':
      return Buffer.of(request.levels);
    case 'lock': {
      const head = Buffer.alloc(5);
      head[0] = request.replace ? 1 : 0;
      head.writeUInt32LE(request.timeoutMs, 1);
      return Buffer.concat([head, ...request.names.map((name) => nameBytes(name, number))]);
    }
    case 'unlock':
      return Buffer.concat(request.names.map((name) => nameBytes(name, number)));
    case 'merge': {
      const database = Buffer.from(request.fromDatabase);
      if (database.length > 0xff) throw new ClientMessageError('database name is too long', number);
      return Buffer.concat([
        keyBytes(request.key, number),
        Buffer.of(database.length),
        database,
        Buffer.from(request.fromKey),
      ]);
    }
  }
}

function nameBytes({ key, shared }: LockName, number: number): Buffer {
  return Buffer.concat([Buffer.of(shared ? 1 : 0), keyBytes(key, number)]);
}

function keyBytes(key: Uint8Array, number: number): Buffer {
  if (key.length > 0xffff) throw new ClientMessageError('key is too long', number);
  const bytes = Buffer.allocUnsafe(2 + key.length);
  bytes.writeUInt16LE(key.length, 0);
  bytes.set(key, 2);
  return bytes;
}

/** Keys of the result are views of `body`. @throws ClientMessageError */
export function decodeSessionRequest(kind: number, body: Buffer, at: number, number: number): SessionRequest {
  switch (kind) {
    case CLIENT_REQUEST.begin:
      return { type: 'begin' };
    case CLIENT_REQUEST.commit:
      return { type: 'commit' };
    case CLIENT_REQUEST.rollback: {
      const levels = body[at];
      if (levels !== 0 && levels !== 1) throw new ClientMessageError('no such number of levels', number);
      return { type: 'rollback', levels };
    }
    case CLIENT_REQUEST.lock: {
      if (body.length < at + 5) throw new ClientMessageError('request ends inside its time', number);
      const names = readNames(body, at + 5, number);
      return { type: 'lock', replace: body[at] === 1, timeoutMs: body.readUInt32LE(at + 1), names };
    }
    case CLIENT_REQUEST.unlock:
      return { type: 'unlock', names: readNames(body, at, number) };
    default: {
      const key = readKey(body, at, number);
      const nameAt = at + 2 + key.length;
      const end = nameAt + 1 + (body[nameAt] ?? 0);
      if (body.length < end) throw new ClientMessageError('request ends inside its database name', number);
      const fromDatabase = body.toString('utf8', nameAt + 1, end);
      return { type: 'merge', key, fromDatabase, fromKey: body.subarray(end) };
    }
  }
}

function readNames(body: Buffer, from: number, number: number): LockName[] {
  const names: LockName[] = [];
  for (let at = from; at < body.length; ) {
    const key = readKey(body, at + 1, number);
    names.push({ key, shared: body[at] === 1 });
    at += 3 + key.length;
  }
  return names;
}

/** A key behind its u16 length at `at`. @throws ClientMessageError */
export function readKey(body: Buffer, at: number, number: number): Buffer {
  if (body.length < at + 2) throw new ClientMessageError('message ends inside a key length', number);
  const end = at + 2 + body.readUInt16LE(at);
  if (body.length < end) throw new ClientMessageError('message ends inside a key', number);
  return body.subarray(at + 2, end);
}
