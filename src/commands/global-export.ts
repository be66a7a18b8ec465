/**
 * `global export`: nodes in key order, read page by page, to standard output or to a file. A file that was cut off is gone on
 * with behind the last record that is whole in it; what was written to the target meanwhile, before that place, is not in it.
 */
import type { Client } from '../client/client.ts';
import type { FileOperations } from '../host/host.ts';
import { failed } from './failures.ts';
import { BinaryReader, BinaryWriter, binaryHeader, isBinary } from './global-binary.ts';
import { fileBlocks } from './global-import.ts';
import { printRecord, readRecord } from './global-records.ts';

export type ExportFormat = 'json' | 'binary';

export interface ExportSink {
  /** Resolves when more may be written. */
  write(bytes: Uint8Array): Promise<void> | void;
}

export interface ExportOptions {
  readonly format: ExportFormat;
  readonly prefix: Uint8Array;
  /** Where it goes on; null = from the beginning. */
  readonly from: ExportPlace | null;
  /** Called about once a second. */
  readonly onProgress: (records: number, bytes: number, seconds: number) => void;
}

/** What a file holds already. */
export interface ExportPlace {
  /** Key of the last whole record; null when there is none. */
  readonly after: Uint8Array | null;
  readonly records: number;
  readonly bytes: number;
}

const jsonBlockLength = 64 * 1024;
const progressMs = 1000;

/** Returns the number of records written now. */
export async function exportRecords(client: Client, sink: ExportSink, options: ExportOptions): Promise<number> {
  const { format, prefix, from, onProgress } = options;
  const startedMs = performance.now();
  const chunks = format === 'json' ? new JsonWriter() : new BinaryWriter(from?.records ?? 0);
  let records = 0;
  let bytes = 0;
  let toldMs = startedMs;
  const write = async (chunk: Uint8Array | null): Promise<void> => {
    if (chunk === null) return;
    bytes += chunk.length;
    await sink.write(chunk);
    const nowMs = performance.now();
    if (nowMs - toldMs < progressMs) return;
    toldMs = nowMs;
    onProgress(records, bytes, (nowMs - startedMs) / 1000);
  };
  if (format === 'binary' && (from?.bytes ?? 0) === 0) await write(binaryHeader());
  const scan = client.scan(prefix, from?.after == null ? {} : { after: from.after });
  for await (const { key, value } of scan) {
    records += 1;
    const chunk = chunks.add(key, value);
    if (chunk !== null) await write(chunk);
  }
  await write(chunks.block());
  if (chunks instanceof BinaryWriter) await write(chunks.end());
  return records;
}

class JsonWriter {
  #text = '';

  add(key: Uint8Array, value: Uint8Array): Uint8Array | null {
    this.#text += `${printRecord(key, value)}\n`;
    return this.#text.length < jsonBlockLength ? null : this.block();
  }

  block(): Uint8Array | null {
    if (this.#text === '') return null;
    const bytes = Buffer.from(this.#text);
    this.#text = '';
    return bytes;
  }
}

/** A file to export to. */
export class ExportFile implements ExportSink {
  readonly #files: FileOperations;
  readonly #handle: number;
  #position: number;

  /** A new one, or one that is gone on with, of which what is behind `bytes` is cut away. @throws CommandFailure when it exists */
  constructor(files: FileOperations, path: string, from: ExportPlace | null) {
    this.#files = files;
    if (from === null && files.exists(path)) {
      throw failed(`${path} exists: choose another file, or go on with it with --resume`);
    }
    this.#handle = files.open(path, from === null ? 'create' : 'update');
    this.#position = from?.bytes ?? 0;
    if (from !== null) files.truncate(this.#handle, from.bytes);
  }

  write(bytes: Uint8Array): void {
    this.#files.write(this.#handle, bytes, this.#position);
    this.#position += bytes.length;
  }

  /** Durable when it returns. */
  close(): void {
    this.#files.sync(this.#handle);
    this.#files.close(this.#handle);
  }
}

/** Where an export into this file goes on; null when there is no such file. @throws CommandFailure when it is whole or of no export */
export function placeIn(files: FileOperations, path: string, format: ExportFormat): ExportPlace | null {
  if (!files.exists(path)) return null;
  const start = files.readStart(path, 16) ?? new Uint8Array(0);
  const isCutShort = format === 'binary' && binaryHeader().subarray(0, start.length).equals(start) && start.length < 8;
  if (start.length === 0 || isCutShort) return { after: null, records: 0, bytes: 0 };
  if (isBinary(start) !== (format === 'binary')) throw failed(`${path} is no export in this format`);
  return format === 'binary' ? placeInBinary(files, path) : placeInJson(files, path);
}

function placeInBinary(files: FileOperations, path: string): ExportPlace {
  const reader = new BinaryReader(0);
  let place: ExportPlace = { after: null, records: 0, bytes: 0 };
  for (const block of fileBlocks(files, path)) {
    const piece = reader.take(Buffer.from(block));
    const after = piece.records.at(-1)?.key ?? place.after;
    place = { after, records: place.records + piece.records.length, bytes: piece.offset };
    // A block that is damaged or half there is written anew, with what follows it.
    if (piece.bad !== null) return place;
  }
  if (reader.isEnded) throw failed(`${path} is whole: there is nothing to go on with`);
  return place;
}

function placeInJson(files: FileOperations, path: string): ExportPlace {
  let records = 0;
  let bytes = 0;
  let rest: Buffer = Buffer.alloc(0);
  let last = '';
  for (const block of fileBlocks(files, path)) {
    const all = Buffer.concat([rest, block]);
    const end = all.lastIndexOf(0x0a);
    rest = all.subarray(end + 1);
    if (end < 0) continue;
    const lines = all.toString('utf8', 0, end).split('\n');
    records += lines.length;
    bytes += end + 1;
    last = lines.at(-1) as string;
  }
  if (records === 0) return { after: null, records: 0, bytes: 0 };
  const read = readRecord(last);
  if (!read.ok) throw failed(`${path} is no export: its line ${records} is refused, ${read.text}`);
  return { after: read.record.key, records, bytes };
}
