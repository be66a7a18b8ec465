/**
 * The bytes of the client channel (client-channel.ts says what each message means): requests for the client's side,
 * answers for the superserver's, and the decoding of both. Not here: the framing, and how a key is made of subscripts.
 *
 * An application sends thousands of small requests at a time, so nothing here copies a body twice: decoded keys and
 * values are views of the frame's body, and only the two rare answers (refused, databases) are JSON.
 */
import { Buffer } from 'node:buffer';
import { globalKeyBytesMax } from '../mirror/limits.ts';
import { CLIENT_ANSWER, CLIENT_REQUEST, type ClientRefusal, WRITE_LEVEL, type WriteLevel } from './client-channel.ts';
import { copyInto, type KeyAndValue, PackedSets, packedBytes, packSets } from './packed-sets.ts';
import {
  ClientMessageError,
  decodeSessionRequest,
  encodeSessionRequest,
  readKey,
  type SessionRequest,
} from './session-messages.ts';

export { ClientMessageError } from './session-messages.ts';

export type Direction = 'forward' | 'backward';

interface RequestHead {
  /** u32 of the client's choice; rises on one connection. */
  readonly number: number;
  /** Empty = the only mirrored database. */
  readonly database: string;
  /** Of an update, a commit or a merge; absent = durable. */
  readonly level?: WriteLevel;
}

export type ClientRequest = RequestHead &
  (
    | { readonly type: 'set'; readonly key: Uint8Array; readonly value: Uint8Array }
    /** As many requests, whose numbers follow that of the first. */
    | { readonly type: 'sets'; readonly sets: PackedSets }
    | { readonly type: 'gets'; readonly keys: readonly Uint8Array[] }
    | { readonly type: 'kill' | 'get' | 'data' | 'count'; readonly key: Uint8Array }
    /** `amount` is a canonical number in text. */
    | { readonly type: 'increment'; readonly key: Uint8Array; readonly amount: string }
    | { readonly type: 'order' | 'query'; readonly key: Uint8Array; readonly direction: Direction }
    /** `after` empty = from the beginning of the prefix. */
    | { readonly type: 'scan'; readonly key: Uint8Array; readonly after: Uint8Array; readonly limit: number }
    | { readonly type: 'sync' | 'databases' }
    | SessionRequest
  );

export interface ClientNode {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

export type ClientAnswer = { readonly number: number } & (
  | { readonly type: 'done' }
  /** `value` is null where nothing is defined, and at the end of a level (`order`) or a database (`query`). */
  | { readonly type: 'value'; readonly value: Uint8Array | null }
  /** Of as many gets one after the other; `number` is that of the first. */
  | { readonly type: 'values'; readonly values: readonly (Uint8Array | null)[] }
  | { readonly type: 'page'; readonly nodes: readonly ClientNode[]; readonly more: boolean }
  | { readonly type: 'refused'; readonly refusal: ClientRefusal }
);

/** What a connection takes: the frame's kind, and its body whole or in parts that are sent one after the other. */
export interface EncodedMessage {
  readonly kind: number;
  readonly body: Uint8Array | readonly Uint8Array[];
}

/** Above this a value travels as a part of its own instead of being copied behind its key. */
const partBytesMin = 4096;
/** Gets in one message at most. */
export const packedGetsMax = 1024;
const keyBytesMax = 0xffff;
const databaseNameBytesMax = 0xff;
const nothing = Buffer.alloc(0);

/**
 * `number` is the one to send: a request that is sent again gets a new one.
 * @throws ClientMessageError for a key or a database name longer than its length field can say.
 */
export function encodeRequest(request: ClientRequest, number = request.number): EncodedMessage {
  const { database, level } = request;
  const kind = level === undefined ? CLIENT_REQUEST[request.type] : CLIENT_REQUEST[request.type] + WRITE_LEVEL[level];
  switch (request.type) {
    case 'set':
      return { kind, body: requestBody(number, database, 2, request.key, request.value) };
    case 'sets': {
      const { bytes, begin, end } = request.sets;
      return { kind, body: requestBody(number, database, 0, nothing, bytes.subarray(begin, end)) };
    }
    case 'gets':
      return { kind, body: requestBody(number, database, 0, nothing, packKeys(request.keys)) };
    case 'increment':
      return { kind, body: requestBody(number, database, 2, request.key, Buffer.from(request.amount, 'latin1')) };
    case 'kill':
    case 'get':
    case 'data':
    case 'count':
      return { kind, body: requestBody(number, database, 0, nothing, request.key) };
    case 'order':
    case 'query': {
      const direction = request.direction === 'forward' ? 1 : 255;
      return { kind, body: requestBody(number, database, 1, nothing, request.key, direction) };
    }
    case 'scan':
      return { kind, body: requestBody(number, database, 6, request.key, request.after, request.limit) };
    case 'sync':
    case 'databases':
      return { kind, body: requestBody(number, database, 0, nothing, nothing) };
    default:
      return { kind, body: requestBody(number, database, 0, nothing, encodeSessionRequest(request, number)) };
  }
}

/** Many sets in one message, numbered from `number` on. Keys and the name are as short as `maySetTogether` says. */
export function encodeSets(
  sets: readonly KeyAndValue[],
  number: number,
  database: string,
  level: WriteLevel = 'durable',
): EncodedMessage {
  const nameBytes = database.length === 0 ? 0 : Buffer.byteLength(database);
  const body = Buffer.allocUnsafe(5 + nameBytes + packedBytes(sets));
  body.writeUInt32LE(number, 0);
  body[4] = nameBytes;
  if (nameBytes > 0) body.write(database, 5);
  packSets(body, 5 + nameBytes, sets);
  return { kind: CLIENT_REQUEST.sets + WRITE_LEVEL[level], body };
}

function packKeys(keys: readonly Uint8Array[]): Buffer {
  let length = 0;
  for (const key of keys) length += 2 + key.length;
  const bytes = Buffer.allocUnsafe(length);
  let at = 0;
  for (const key of keys) {
    at = bytes.writeUInt16LE(key.length, at);
    at = copyInto(bytes, at, key, 0, key.length);
  }
  return bytes;
}

function readKeys(body: Buffer, begin: number, number: number): readonly Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (let at = begin; at < body.length; ) {
    const key = readKey(body, at, number);
    keys.push(key);
    at += 2 + key.length;
  }
  if (keys.length === 0 || keys.length > packedGetsMax) {
    throw new ClientMessageError(`a message has 1 to ${packedGetsMax} gets, not ${keys.length}`, number);
  }
  return keys;
}

/** May this set share a message with others? A long one gains nothing, and what cannot be sent is refused alone. */
export function maySetTogether(set: KeyAndValue & { readonly database: string }): boolean {
  return set.value.length < partBytesMin && mayGetTogether(set);
}

/** The same of a get. */
export function mayGetTogether({ key, database }: { readonly key: Uint8Array; readonly database: string }): boolean {
  return key.length <= globalKeyBytesMax && database.length * 3 <= databaseNameBytesMax;
}

/**
 * Number, database, the fields of the kind (`fieldsBytes`: 0 none, 1 direction, 2 key length, 6 limit and key length),
 * the key and the rest.
 */
function requestBody(
  number: number,
  database: string,
  fieldsBytes: 0 | 1 | 2 | 6,
  key: Uint8Array,
  rest: Uint8Array,
  field = 0,
): Uint8Array | readonly Uint8Array[] {
  const nameBytes = database.length === 0 ? 0 : Buffer.byteLength(database);
  if (nameBytes > databaseNameBytesMax) throw new ClientMessageError('database name is too long', number);
  if (key.length > keyBytesMax) throw new ClientMessageError('key is too long', number);
  const apart = rest.length >= partBytesMin;
  const body = Buffer.allocUnsafe(5 + nameBytes + fieldsBytes + key.length + (apart ? 0 : rest.length));
  body.writeUInt32LE(number, 0);
  body[4] = nameBytes;
  let at = 5;
  if (nameBytes > 0) at += body.write(database, at);
  if (fieldsBytes === 1) at = body.writeUInt8(field, at);
  if (fieldsBytes === 6) at = body.writeUInt32LE(field, at);
  if (fieldsBytes >= 2) at = body.writeUInt16LE(key.length, at);
  body.set(key, at);
  if (apart) return [body, rest];
  body.set(rest, at + key.length);
  return body;
}

const LEVEL_BITS = 0xc0;

/** Keys and values of the result are views of `body`. @throws ClientMessageError */
export function decodeRequest(kind: number, body: Buffer): ClientRequest {
  if ((kind & LEVEL_BITS) === 0) return decodeDurable(kind, body);
  const request = decodeDurable(kind & ~LEVEL_BITS, body);
  const level = (kind & LEVEL_BITS) === WRITE_LEVEL.journaled ? 'journaled' : 'buffered';
  if ((kind & LEVEL_BITS) === LEVEL_BITS || !HAVE_LEVELS.has(request.type)) {
    throw new ClientMessageError(`no request has the kind ${kind}`, request.number);
  }
  return { ...request, level };
}

const HAVE_LEVELS: ReadonlySet<ClientRequest['type']> = new Set([
  'set',
  'sets',
  'kill',
  'increment',
  'commit',
  'merge',
]);

function decodeDurable(kind: number, body: Buffer): ClientRequest {
  if (body.length < 5) throw new ClientMessageError('request is shorter than its head', readNumber(body));
  const number = body.readUInt32LE(0);
  const nameBytes = body[4]!;
  const at = 5 + nameBytes;
  if (body.length < at) throw new ClientMessageError('request ends inside its database name', number);
  const database = nameBytes === 0 ? '' : body.toString('utf8', 5, at);
  switch (kind) {
    case CLIENT_REQUEST.set: {
      const key = readKey(body, at, number);
      return { type: 'set', number, database, key, value: body.subarray(at + 2 + key.length) };
    }
    case CLIENT_REQUEST.sets:
      return { type: 'sets', number, database, sets: PackedSets.read(body, at, number) };
    case CLIENT_REQUEST.gets:
      return { type: 'gets', number, database, keys: readKeys(body, at, number) };
    case CLIENT_REQUEST.increment: {
      const key = readKey(body, at, number);
      return { type: 'increment', number, database, key, amount: body.toString('latin1', at + 2 + key.length) };
    }
    case CLIENT_REQUEST.kill:
      return { type: 'kill', number, database, key: body.subarray(at) };
    case CLIENT_REQUEST.get:
      return { type: 'get', number, database, key: body.subarray(at) };
    case CLIENT_REQUEST.data:
      return { type: 'data', number, database, key: body.subarray(at) };
    case CLIENT_REQUEST.count:
      return { type: 'count', number, database, key: body.subarray(at) };
    case CLIENT_REQUEST.order:
      return { type: 'order', number, database, ...readDirected(body, at, number) };
    case CLIENT_REQUEST.query:
      return { type: 'query', number, database, ...readDirected(body, at, number) };
    case CLIENT_REQUEST.scan: {
      if (body.length < at + 4) throw new ClientMessageError('request ends inside its limit', number);
      const key = readKey(body, at + 4, number);
      const after = body.subarray(at + 6 + key.length);
      return { type: 'scan', number, database, key, after, limit: body.readUInt32LE(at) };
    }
    case CLIENT_REQUEST.sync:
      return { type: 'sync', number, database };
    case CLIENT_REQUEST.databases:
      return { type: 'databases', number, database };
    case CLIENT_REQUEST.begin:
    case CLIENT_REQUEST.commit:
    case CLIENT_REQUEST.rollback:
    case CLIENT_REQUEST.lock:
    case CLIENT_REQUEST.unlock:
    case CLIENT_REQUEST.merge:
      return { number, database, ...decodeSessionRequest(kind, body, at, number) };
    default:
      throw new ClientMessageError(`no request has the kind ${kind}`, number);
  }
}

function readNumber(body: Buffer): number | null {
  return body.length < 4 ? null : body.readUInt32LE(0);
}

function readDirected(body: Buffer, at: number, number: number): { key: Buffer; direction: Direction } {
  const direction = body[at];
  if (direction !== 1 && direction !== 255) throw new ClientMessageError('no such direction', number);
  return { direction: direction === 1 ? 'forward' : 'backward', key: body.subarray(at + 1) };
}

export function encodeAnswer(answer: ClientAnswer): EncodedMessage {
  const kind = CLIENT_ANSWER[answer.type];
  switch (answer.type) {
    case 'done':
      return { kind, body: answerHead(answer.number, 0) };
    case 'value':
      return { kind, body: valueBody(answer.number, answer.value) };
    case 'values':
      return { kind, body: valuesBody(answer.number, answer.values) };
    case 'page':
      return { kind, body: pageBody(answer.number, answer.nodes, answer.more) };
    case 'refused':
      return { kind, body: [answerHead(answer.number, 0), Buffer.from(JSON.stringify(answer.refusal))] };
  }
}

/** The body of a `done` answer: what a superserver sends after each flush. */
export function encodeDoneBody(number: number): Uint8Array {
  return answerHead(number, 0);
}

/** The answer to `databases` is a value that holds JSON. */
export interface ClientDatabases {
  readonly databases: readonly { readonly name: string; readonly mirrored: boolean }[];
}

export function encodeDatabases(number: number, answer: ClientDatabases): EncodedMessage {
  return encodeAnswer({ number, type: 'value', value: Buffer.from(JSON.stringify(answer)) });
}

/** @throws ClientMessageError */
export function decodeDatabases(value: Uint8Array): ClientDatabases {
  let parsed: unknown = null;
  try {
    parsed = JSON.parse(Buffer.from(value).toString());
  } catch {
    // Said below: no list either way.
  }
  if (parsed === null || typeof parsed !== 'object' || !Array.isArray((parsed as ClientDatabases).databases)) {
    throw new ClientMessageError('answer holds no list of databases', null);
  }
  return parsed as ClientDatabases;
}

function answerHead(number: number, restBytes: number): Buffer {
  const head = Buffer.allocUnsafe(4 + restBytes);
  head.writeUInt32LE(number, 0);
  return head;
}

function valueBody(number: number, value: Uint8Array | null): Uint8Array | readonly Uint8Array[] {
  if (value === null) {
    const body = answerHead(number, 1);
    body[4] = 0;
    return body;
  }
  const apart = value.length >= partBytesMin;
  const body = answerHead(number, 1 + (apart ? 0 : value.length));
  body[4] = 1;
  if (apart) return [body, value];
  body.set(value, 5);
  return body;
}

function valuesBody(number: number, values: readonly (Uint8Array | null)[]): Uint8Array {
  let bytes = 0;
  for (const value of values) bytes += 4 + (value?.length ?? 0);
  const body = answerHead(number, bytes);
  let at = 4;
  for (const value of values) {
    at = body.writeUInt32LE(value === null ? 0 : value.length + 1, at);
    if (value !== null) at = copyInto(body, at, value, 0, value.length);
  }
  return body;
}

function readValues(body: Buffer, number: number): ClientAnswer {
  const values: (Uint8Array | null)[] = [];
  for (let at = 4; at < body.length; ) {
    if (body.length < at + 4) throw new ClientMessageError('values end inside a length', number);
    const length = body.readUInt32LE(at);
    const end = at + 4 + Math.max(0, length - 1);
    if (end > body.length) throw new ClientMessageError('values end inside a value', number);
    values.push(length === 0 ? null : body.subarray(at + 4, end));
    at = end;
  }
  if (values.length === 0) throw new ClientMessageError('there are no values in it', number);
  return { type: 'values', number, values };
}

function pageBody(number: number, nodes: readonly ClientNode[], more: boolean): Uint8Array {
  let bytes = 1;
  for (const node of nodes) bytes += 6 + node.key.length + node.value.length;
  const body = answerHead(number, bytes);
  body[4] = more ? 1 : 0;
  let at = 5;
  for (const { key, value } of nodes) {
    at = body.writeUInt16LE(key.length, at);
    body.set(key, at);
    at = body.writeUInt32LE(value.length, at + key.length);
    body.set(value, at);
    at += value.length;
  }
  return body;
}

/** Keys and values of the result are views of `body`. @throws ClientMessageError */
export function decodeAnswer(kind: number, body: Buffer): ClientAnswer {
  if (body.length < 4) throw new ClientMessageError('answer is shorter than its number', null);
  const number = body.readUInt32LE(0);
  switch (kind) {
    case CLIENT_ANSWER.done:
      return { type: 'done', number };
    case CLIENT_ANSWER.value:
      if (body.length < 5) throw new ClientMessageError('answer does not say whether it has a value', number);
      return { type: 'value', number, value: body[4] === 0 ? null : body.subarray(5) };
    case CLIENT_ANSWER.values:
      return readValues(body, number);
    case CLIENT_ANSWER.page:
      return readPage(body, number);
    case CLIENT_ANSWER.refused:
      return { type: 'refused', number, refusal: readRefusal(body, number) };
    default:
      throw new ClientMessageError(`no answer has the kind ${kind}`, number);
  }
}

function readPage(body: Buffer, number: number): ClientAnswer {
  if (body.length < 5) throw new ClientMessageError('page does not say whether more follows', number);
  const nodes: ClientNode[] = [];
  let at = 5;
  while (at < body.length) {
    const key = readKey(body, at, number);
    at += 2 + key.length;
    if (body.length < at + 4) throw new ClientMessageError('page ends inside a value length', number);
    const end = at + 4 + body.readUInt32LE(at);
    if (body.length < end) throw new ClientMessageError('page ends inside a value', number);
    nodes.push({ key, value: body.subarray(at + 4, end) });
    at = end;
  }
  return { type: 'page', number, nodes, more: body[4] === 1 };
}

function readRefusal(body: Buffer, number: number): ClientRefusal {
  let parsed: Partial<ClientRefusal> | null;
  try {
    parsed = JSON.parse(body.toString('utf8', 4));
  } catch {
    parsed = null;
  }
  if (typeof parsed?.code !== 'string' || typeof parsed.text !== 'string') {
    throw new ClientMessageError('refusal gives no reason', number);
  }
  return { code: parsed.code, text: parsed.text, retry: parsed.retry === true, primary: parsed.primary ?? null };
}
