/** What an application may ask of a database, answered from what is applied: $GET, $DATA, $ORDER, $QUERY, counts and pages. */
import {
  type ClientAnswer,
  type ClientRequest,
  type EncodedMessage,
  encodeAnswer,
} from '../protocol/client-messages.ts';
import {
  ancestorAt,
  descendants,
  levelOf,
  queryBounds,
  siblingBounds,
  subtreeEnd,
  WHOLE_DATABASE,
} from '../protocol/global-key.ts';
import { refusalOf } from './database-lookup.ts';
import type { Readable } from './ordered-updates.ts';

export type ReadRequest = ClientRequest & { readonly type: 'get' | 'data' | 'order' | 'query' | 'count' | 'scan' };

export function isRead(request: ClientRequest): request is ReadRequest {
  return ['get', 'data', 'order', 'query', 'count', 'scan'].includes(request.type);
}

/** Nodes of a page that a client did not limit itself. */
const pageNodesMax = 10_000;
const pageBytesMax = 4 * 1024 * 1024;
/** Bytes after which the answers to many gets go on in another message. */
const valuesBytesMax = 64 * 1024;

export function read(database: Readable, request: ReadRequest): ClientAnswer {
  const { number } = request;
  switch (request.type) {
    case 'get':
      return { number, type: 'value', value: database.get(request.key) ?? null };
    case 'data': {
      const below = [...database.keys({ ...descendants(request.key), limit: 1 })].length;
      const here = database.get(request.key) === undefined ? 0 : 1;
      return { number, type: 'value', value: Buffer.from(String(below * 10 + here)) };
    }
    case 'order': {
      const found = neighbour(database, siblingBounds(request.key, sign(request)), request);
      const value = found === undefined ? null : ancestorAt(found, levelOf(request.key));
      return { number, type: 'value', value };
    }
    case 'query':
      return {
        number,
        type: 'value',
        value: neighbour(database, queryBounds(request.key, sign(request)), request) ?? null,
      };
    case 'count': {
      const range = request.key.length === 0 ? WHOLE_DATABASE : { from: request.key, until: subtreeEnd(request.key) };
      return { number, type: 'value', value: Buffer.from(String(database.count(range))) };
    }
    case 'scan':
      return page(database, request);
    default:
      return request satisfies never;
  }
}

/** The answers to as many gets: as few messages as are not too long, and one for each that cannot be read. */
export function readAll(
  database: Pick<Readable, 'get'>,
  first: number,
  keys: readonly Uint8Array[],
): readonly EncodedMessage[] {
  const messages: EncodedMessage[] = [];
  let values: (Uint8Array | null)[] = [];
  let bytes = 0;
  let number = first;
  const close = (): void => {
    if (values.length > 0) messages.push(encodeAnswer({ number, type: 'values', values }));
    number = (number + values.length) >>> 0;
    values = [];
    bytes = 0;
  };
  for (const key of keys) {
    try {
      const value = database.get(key) ?? null;
      values.push(value);
      bytes += value?.length ?? 0;
    } catch (error) {
      close();
      const refusal = refusalOf('bad-key', (error as Error).message);
      messages.push(encodeAnswer({ number, type: 'refused', refusal }));
      number = (number + 1) >>> 0;
    }
    if (bytes > valuesBytesMax) close();
  }
  close();
  return messages;
}

function sign(request: { readonly direction: 'forward' | 'backward' }): 1 | -1 {
  return request.direction === 'forward' ? 1 : -1;
}

function neighbour(
  database: Readable,
  bounds: { readonly from: Uint8Array; readonly until: Uint8Array },
  request: { readonly direction: 'forward' | 'backward' },
): Uint8Array | undefined {
  const [found] = database.keys({ ...bounds, limit: 1, reverse: request.direction === 'backward' });
  return found;
}

function page(database: Readable, request: ReadRequest & { readonly type: 'scan' }): ClientAnswer {
  const { number, key, after, limit } = request;
  const whole = key.length === 0 ? WHOLE_DATABASE : { from: key, until: subtreeEnd(key) };
  const from = after.length === 0 ? whole.from : Buffer.concat([after, Buffer.of(0)]);
  const nodesMax = Math.min(limit === 0 ? pageNodesMax : limit, pageNodesMax);
  const nodes: { key: Uint8Array; value: Uint8Array }[] = [];
  let bytes = 0;
  let more = false;
  for (const node of database.entries({ from, until: whole.until, limit: nodesMax + 1 })) {
    if (nodes.length === nodesMax || bytes > pageBytesMax) {
      more = true;
      break;
    }
    nodes.push(node);
    bytes += node.key.length + node.value.length;
  }
  return { number, type: 'page', nodes, more };
}
