/** A block of records on its way into the thread of a dejournal filter: packed into two arrays, which cost less to hand over than objects. */
import type { RecordToFilter } from './dejournal-filter.ts';

export interface FilterBlock {
  readonly databases: readonly string[];
  /** Of each record `placeWords`: index of its database, 1 = it is a kill, and where its key and its value end. */
  readonly places: Uint32Array;
  /** Keys and values one behind the other. */
  readonly bytes: Uint8Array;
}

const placeWords = 4;

export function packBlock(records: readonly RecordToFilter[]): FilterBlock {
  const databases = [...new Set(records.map(({ database }) => database))];
  const indexes = new Map(databases.map((name, index) => [name, index]));
  const places = new Uint32Array(records.length * placeWords);
  const bytes = Buffer.allocUnsafeSlow(records.reduce((sum, { key, value }) => sum + key.length + value.length, 0));
  let at = 0;
  for (const [index, { database, kind, key, value }] of records.entries()) {
    bytes.set(key, at);
    const keyEnd = at + key.length;
    bytes.set(value, keyEnd);
    at = keyEnd + value.length;
    places.set([indexes.get(database) ?? 0, kind === 'kill' ? 1 : 0, keyEnd, at], index * placeWords);
  }
  return { databases, places, bytes };
}

/** Views of the block's bytes, in order. */
export function* unpackBlock({
  databases,
  places,
  bytes,
}: FilterBlock): Generator<RecordToFilter & { readonly key: Buffer; readonly value: Buffer }, void, undefined> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let begin = 0;
  for (let place = 0; place < places.length; place += placeWords) {
    const [keyEnd, end] = [places[place + 2] as number, places[place + 3] as number];
    const database = databases[places[place] as number] as string;
    const kind = places[place + 1] === 1 ? 'kill' : 'set';
    yield { database, kind, key: whole.subarray(begin, keyEnd), value: whole.subarray(keyEnd, end) };
    begin = end;
  }
}

export function countIn({ places }: FilterBlock): number {
  return places.length / placeWords;
}
