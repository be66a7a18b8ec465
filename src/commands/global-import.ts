/** `global import`: newline JSON to a stream of SETs, with progress, and a result that says only what is durable. */
import type { Client } from '../client/client.ts';
import type { FileOperations } from '../host/host.ts';
import { CommandFailure, failed, failureOf } from './failures.ts';
import { readRecord } from './global-records.ts';

export interface ImportResult {
  readonly records: number;
  readonly acknowledged: number;
  readonly seconds: number;
  readonly reconnects: number;
}

export interface ImportOptions {
  readonly inFlight: number;
  /** Called about once a second while it runs. */
  readonly onProgress: (records: number, acknowledged: number, seconds: number) => void;
}

const progressMs = 1000;
const blockBytes = 256 * 1024;
const lineBytesMax = 16 * 1024 * 1024;

/**
 * Returns when all records are durable. A line that is no record ends it, after everything before is acknowledged.
 * @throws CommandFailure naming the line, and how many records were acknowledged.
 */
export async function importRecords(
  client: Client,
  blocks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ImportOptions,
): Promise<ImportResult> {
  const startedMs = performance.now();
  const seconds = () => (performance.now() - startedMs) / 1000;
  const stream = client.stream({ inFlight: options.inFlight });
  const timer = setInterval(() => options.onProgress(stream.written, stream.acknowledged, seconds()), progressMs);
  let line = 0;
  let bad: CommandFailure | null = null;
  try {
    for await (const text of linesOf(blocks)) {
      line += 1;
      if (text === null) bad = failed(`line ${line} is refused: it is longer than ${lineBytesMax} bytes`);
      else if (text.trim() !== '') {
        const read = readRecord(text);
        if (read.ok) {
          const { key, value, database } = read.record;
          const wait = database === null ? stream.write(key, value) : stream.write(key, value, database);
          if (wait !== undefined) await wait;
        } else bad = failed(`line ${line} is refused: ${read.text}`);
      }
      if (bad !== null) break;
    }
    await stream.end();
  } catch (error) {
    const failure = failureOf(error);
    throw new CommandFailure(
      failure.exitCode,
      `${failure.message}; of ${stream.written} records the first ${stream.acknowledged} are durable`,
    );
  } finally {
    clearInterval(timer);
  }
  if (bad !== null) throw failed(`${bad.message}; the ${stream.acknowledged} records before it are durable`);
  return {
    records: stream.written,
    acknowledged: stream.acknowledged,
    seconds: Number(seconds().toFixed(3)),
    reconnects: client.reconnects,
  };
}

/** Lines without their newline, the last one with or without; null for one that is too long. */
async function* linesOf(
  blocks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<string | null, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const block of blocks) {
    const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    const last = bytes.lastIndexOf(0x0a);
    if (last < 0) {
      rest = Buffer.concat([rest, bytes]);
      if (rest.length > lineBytesMax) yield null;
      continue;
    }
    yield* Buffer.concat([rest, bytes.subarray(0, last)])
      .toString('utf8')
      .split('\n');
    rest = bytes.subarray(last + 1);
  }
  if (rest.length > 0) yield rest.toString('utf8');
}

/** The blocks of a file; it is read only as fast as they are taken. */
export function* fileBlocks(files: FileOperations, path: string): Generator<Uint8Array, void, undefined> {
  const handle = files.open(path, 'read');
  try {
    for (let position = 0; ; ) {
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
