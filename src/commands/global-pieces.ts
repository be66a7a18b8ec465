/**
 * The records of an import, piece by piece, from either form: newline JSON (global-records.ts) or the binary one
 * (global-binary.ts), told apart by their first bytes. Each piece says up to which byte of the source it stands, so that an
 * import that was cut off goes on there.
 */
import { BinaryReader, isBinary } from './global-binary.ts';
import { type GlobalRecord, type Piece, readRecord } from './global-records.ts';

export type Blocks = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

const lineBytesMax = 16 * 1024 * 1024;

/** `offset`: where the blocks begin in the source; `isKnownBinary`: they begin behind the header. */
export async function* piecesOf(blocks: Blocks, offset: number, isKnownBinary: boolean): AsyncGenerator<Piece> {
  let reader: BinaryReader | LineReader | null = isKnownBinary ? new BinaryReader(offset) : null;
  for await (const block of blocks) {
    const bytes = Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    if (reader === null) reader = offset === 0 && isBinary(bytes) ? new BinaryReader(0) : new LineReader(offset);
    const piece = reader.take(bytes);
    yield piece;
    if (piece.bad !== null) return;
  }
  yield (reader ?? new LineReader(offset)).end();
}

/** Lines without their newline, the last one with or without. */
class LineReader {
  #rest: Buffer = Buffer.alloc(0);
  #offset: number;
  /** Lines are counted from where reading began. */
  #line = 0;
  readonly #from: number;

  constructor(offset: number) {
    this.#offset = offset;
    this.#from = offset;
  }

  take(block: Buffer): Piece {
    const last = block.lastIndexOf(0x0a);
    if (last < 0) {
      this.#rest = Buffer.concat([this.#rest, block]);
      if (this.#rest.length <= lineBytesMax) return { records: [], offset: this.#offset, bad: null };
      this.#line += 1;
      return { records: [], offset: this.#offset, bad: this.#refused(`it is longer than ${lineBytesMax} bytes`) };
    }
    const whole = Buffer.concat([this.#rest, block.subarray(0, last)]);
    this.#rest = block.subarray(last + 1);
    return this.#read(whole, 1);
  }

  end(): Piece {
    const rest = this.#rest;
    this.#rest = Buffer.alloc(0);
    return rest.length === 0 ? { records: [], offset: this.#offset, bad: null } : this.#read(rest, 0);
  }

  #read(lines: Buffer, newlineBytes: number): Piece {
    const records: GlobalRecord[] = [];
    for (const text of lines.toString('utf8').split('\n')) {
      this.#line += 1;
      if (text.trim() === '') continue;
      const read = readRecord(text);
      if (!read.ok) return { records, offset: this.#offset, bad: this.#refused(read.text) };
      records.push(read.record);
    }
    this.#offset += lines.length + newlineBytes;
    return { records, offset: this.#offset, bad: null };
  }

  #refused(why: string): string {
    const where = this.#from === 0 ? '' : ` after byte ${this.#from}`;
    return `line ${this.#line}${where} is refused: ${why}`;
  }
}
