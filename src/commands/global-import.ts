/** `global import`: records to a stream of SETs, with progress, and a result that says only what is durable. */
import type { Client } from '../client/client.ts';
import type { FileOperations } from '../host/host.ts';
import { CommandFailure, failed, failureOf } from './failures.ts';
import { type Blocks, piecesOf } from './global-pieces.ts';

export interface ImportResult {
  readonly records: number;
  readonly acknowledged: number;
  readonly seconds: number;
  readonly reconnects: number;
}

export interface ImportProgress {
  readonly acknowledged: number;
  readonly seconds: number;
  /** Everything of the source up to this byte is durable. */
  readonly offset: number;
  /** Records before that byte. */
  readonly acknowledgedAtOffset: number;
}

export interface ImportOptions {
  readonly inFlight: number;
  /** Byte of the source at which the blocks begin. */
  readonly offset: number;
  /** The blocks begin inside a file of the binary form. */
  readonly isBinary: boolean;
  /** Called about once a second while it runs, and when it ends without having done everything. */
  readonly onProgress: (progress: ImportProgress) => void;
}

const progressMs = 1000;
const blockBytes = 256 * 1024;

/**
 * Returns when all records are durable. A record that is none ends it, after everything before is acknowledged.
 * @throws CommandFailure naming the place, and how many records were acknowledged.
 */
export async function importRecords(client: Client, blocks: Blocks, options: ImportOptions): Promise<ImportResult> {
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1000;
  const stream = client.stream({ inFlight: options.inFlight });
  const durable = new DurableOffset(options.offset);
  const report = () => {
    const { acknowledged } = stream;
    options.onProgress({ acknowledged, seconds: seconds(), ...durable.at(acknowledged) });
  };
  const timer = setInterval(report, progressMs);
  let bad: string | null = null;
  try {
    for await (const piece of piecesOf(blocks, options.offset, options.isBinary)) {
      for (const { key, value, database } of piece.records) {
        const wait = database === null ? stream.write(key, value) : stream.write(key, value, database);
        if (wait !== undefined) await wait;
      }
      bad = piece.bad;
      // In front of what is bad some records of its piece stand behind the place that the piece names.
      if (bad === null) durable.reached(stream.written, piece.offset);
    }
    await stream.end();
  } catch (error) {
    report();
    const failure = failureOf(error);
    throw new CommandFailure(
      failure.exitCode,
      `${failure.message}; of ${stream.written} records the first ${stream.acknowledged} are durable`,
    );
  } finally {
    clearInterval(timer);
  }
  if (bad !== null) {
    report();
    throw failed(`${bad}; the ${stream.acknowledged} records before it are durable`);
  }
  return {
    records: stream.written,
    acknowledged: stream.acknowledged,
    seconds: Number(seconds().toFixed(3)),
    reconnects: client.reconnects,
  };
}

/** Which byte of the source belongs to a number of acknowledged records: the end of the last piece that is durable whole. */
class DurableOffset {
  #pieces: { readonly written: number; readonly offset: number }[] = [];
  #newest: { readonly written: number; readonly offset: number };

  constructor(offset: number) {
    this.#newest = { written: 0, offset };
  }

  reached(written: number, offset: number): void {
    this.#pieces.push({ written, offset });
  }

  at(acknowledged: number): Pick<ImportProgress, 'offset' | 'acknowledgedAtOffset'> {
    for (let next = this.#pieces[0]; next !== undefined && next.written <= acknowledged; next = this.#pieces[0]) {
      this.#newest = next;
      this.#pieces.shift();
    }
    return { offset: this.#newest.offset, acknowledgedAtOffset: this.#newest.written };
  }
}

/** The blocks of a file from a byte on; it is read only as fast as they are taken. */
export function* fileBlocks(files: FileOperations, path: string, from = 0): Generator<Uint8Array, void, undefined> {
  const handle = files.open(path, 'read');
  try {
    for (let position = from; ; ) {
      const block = Buffer.allocUnsafe(blockBytes);
      const count = files.read(handle, block, position);
      if (count > 0) yield block.subarray(0, count);
      if (count < blockBytes) return;
      position += count;
    }
  } finally {
    files.close(handle);
  }
}
