/** The thread in which a dejournal filter runs (dejournal-filter.ts). It gets a block of records at a time and answers with a byte for each. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { decodeKey } from '../protocol/global-key.ts';
import { printReference } from '../protocol/global-reference.ts';
import type { FilteredRecord } from './dejournal-filter.ts';
import { countIn, type FilterBlock, unpackBlock } from './filter-block.ts';

export type ToFilterThread = { readonly load: true } | { readonly block: FilterBlock };
export type FromFilterThread =
  | { readonly says: 'loaded' }
  /** 1 = applied, 0 = left out. */
  | { readonly says: 'judged'; readonly verdicts: Uint8Array }
  | { readonly says: 'failed'; readonly why: string };

export interface FilterThreadData {
  readonly url: string;
}

const port = parentPort as MessagePort;
const { url } = workerData as FilterThreadData;

type Filter = (record: FilteredRecord) => unknown;
let filter: Filter | null = null;

async function load(): Promise<Filter> {
  if (filter !== null) return filter;
  const module = (await import(url)) as { readonly Filter?: unknown };
  if (typeof module.Filter !== 'function') throw new Error('has no function Filter');
  filter = module.Filter as Filter;
  return filter;
}

class BlockRecord implements FilteredRecord {
  readonly database: string;
  readonly kind: 'set' | 'kill';
  readonly #key: Buffer;
  readonly #value: Buffer;
  #decoded: ReturnType<typeof decodeKey> | null = null;

  constructor(database: string, kind: 'set' | 'kill', key: Buffer, value: Buffer) {
    this.database = database;
    this.kind = kind;
    this.#key = key;
    this.#value = value;
  }

  get #reference(): ReturnType<typeof decodeKey> {
    this.#decoded ??= decodeKey(this.#key);
    return this.#decoded;
  }

  get global(): string {
    return this.#reference.global;
  }

  get subscripts(): readonly string[] {
    return this.#reference.subscripts;
  }

  get reference(): string {
    return printReference(this.global, this.subscripts);
  }

  get value(): string | null {
    return this.kind === 'kill' ? null : this.#value.toString('utf8');
  }
}

function judge(run: Filter, block: FilterBlock): Uint8Array {
  const verdicts = new Uint8Array(countIn(block));
  let index = 0;
  for (const { database, kind, key, value } of unpackBlock(block)) {
    const record = new BlockRecord(database, kind, key, value);
    const said = run(record);
    if (said !== 0 && said !== 1 && typeof said !== 'boolean') {
      throw new Error(`returned ${shown(said)} for ${record.reference}, which is neither 1 nor 0`);
    }
    verdicts[index] = Number(said);
    index += 1;
  }
  return verdicts;
}

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 60)) : String(value);
}

async function answer(message: ToFilterThread): Promise<FromFilterThread> {
  try {
    const run = await load();
    return 'load' in message ? { says: 'loaded' } : { says: 'judged', verdicts: judge(run, message.block) };
  } catch (error) {
    return { says: 'failed', why: error instanceof Error ? error.message : String(error) };
  }
}

port.on('message', (message: ToFilterThread) => {
  void answer(message).then((said) => port.postMessage(said));
});
