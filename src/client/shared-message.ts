/** Sets, and gets, that wait one behind the other share a message: each by itself costs both sides a frame. */
import {
  type ClientRequest,
  type EncodedMessage,
  encodeRequest,
  encodeSets,
  mayGetTogether,
  maySetTogether,
  packedGetsMax,
} from '../protocol/client-messages.ts';
import { type KeyAndValue, packedSetsMax } from '../protocol/packed-sets.ts';
import type { Entry } from './entry.ts';
import type { Fifo } from './fifo.ts';

/** Bytes of keys and values after which a message of many sets is long enough. */
export const packedBytesMax = 48 * 1024;

interface Together {
  readonly entries: readonly Entry[];
  readonly message: EncodedMessage;
}

/** The first one with those right behind it that may share its message, taken from `waiting`; null = it goes out alone. */
export function withThoseBehind(first: Entry, waiting: Fifo<Entry>, room: number, number: number): Together | null {
  const { request } = first;
  if (request.type === 'set' && maySetTogether(request)) return sets(first, request, waiting, room, number);
  if (request.type === 'get' && mayGetTogether(request))
    return gets(first, request.database, request.key, waiting, room, number);
  return null;
}

function sets(
  first: Entry,
  { database, level, key, value }: ClientRequest & { type: 'set' },
  waiting: Fifo<Entry>,
  room: number,
  number: number,
): Together {
  const entries = [first];
  const packed: KeyAndValue[] = [{ key, value }];
  const most = Math.min(packedSetsMax, room);
  let bytes = key.length + value.length;
  while (entries.length < most && bytes < packedBytesMax) {
    const next = waiting.peek();
    if (next === undefined || next.isAbandoned) break;
    const { request } = next;
    if (request.type !== 'set' || request.database !== database || request.level !== level) break;
    if (!maySetTogether(request)) break;
    waiting.shift();
    entries.push(next);
    packed.push(request);
    bytes += request.key.length + request.value.length;
  }
  const isAlone = packed.length === 1;
  return {
    entries,
    message: isAlone ? encodeRequest(first.request, number) : encodeSets(packed, number, database, level),
  };
}

function gets(
  first: Entry,
  database: string,
  key: Uint8Array,
  waiting: Fifo<Entry>,
  room: number,
  number: number,
): Together {
  const entries = [first];
  const keys = [key];
  const most = Math.min(packedGetsMax, room);
  while (entries.length < most) {
    const next = waiting.peek();
    if (next === undefined || next.isAbandoned) break;
    const { request } = next;
    if (request.type !== 'get' || request.database !== database || !mayGetTogether(request)) break;
    waiting.shift();
    entries.push(next);
    keys.push(request.key);
  }
  const isAlone = keys.length === 1;
  return {
    entries,
    message: encodeRequest(isAlone ? first.request : { type: 'gets', number: 0, database, keys }, number),
  };
}
