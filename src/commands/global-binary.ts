/**
 * Nodes in binary form, for `global export` and `global import --format binary`: a stream that is written and read once
 * through, with a checksum for each block and an end that shows whether it is whole.
 *
 *   0  8 bytes  magic `CMGLOBL\n`
 *   8  u32      version, 1
 *  12  u32      0
 *
 * then blocks, each
 *
 *   0  u32  bytes behind this head
 *   4  u32  records; 0xFFFFFFFF in the last block, which holds their number in all as f64
 *   8  u32  CRC-32C of bytes 0 to 7 and of what follows the head
 *  12       records: u16 key length, key (protocol/global-key.ts), u32 value length, value
 *
 * All numbers little-endian. A block is about 256 KiB, or one longer record.
 */
import { globalKeyBytesMax, globalValueBytesMax } from '../mirror/limits.ts';
import { crc32c } from '../protocol/crc32c.ts';
import { isKey } from '../protocol/global-key-check.ts';
import type { GlobalRecord, Piece } from './global-records.ts';

const MAGIC = Buffer.from('CMGLOBL\n', 'latin1');
const VERSION = 1;
export const binaryHeaderBytes = 16;
const BLOCK_HEAD = 12;
const END = 0xffff_ffff;
const blockBytes = 256 * 1024;
const payloadBytesMax = blockBytes + 6 + globalKeyBytesMax + globalValueBytesMax;

/** Can these be the first bytes of the binary form? */
export function isBinary(start: Uint8Array): boolean {
  return start.length >= MAGIC.length && MAGIC.compare(start, 0, MAGIC.length) === 0;
}

export function binaryHeader(): Buffer {
  const bytes = Buffer.alloc(binaryHeaderBytes);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(VERSION, 8);
  return bytes;
}

/** Collects nodes to blocks. */
export class BinaryWriter {
  #parts: Buffer[] = [];
  #bytes = 0;
  #inBlock = 0;
  #records: number;

  /** `records`: how many the file holds already, when an export goes on. */
  constructor(records = 0) {
    this.#records = records;
  }

  /** A block to write, when one is full. */
  add(key: Uint8Array, value: Uint8Array): Buffer | null {
    const head = Buffer.allocUnsafe(6 + key.length);
    head.writeUInt16LE(key.length, 0);
    head.set(key, 2);
    head.writeUInt32LE(value.length, 2 + key.length);
    this.#parts.push(head, Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    this.#bytes += head.length + value.length;
    this.#inBlock += 1;
    this.#records += 1;
    return this.#bytes >= blockBytes ? this.block() : null;
  }

  /** What is collected; null when there is nothing. */
  block(): Buffer | null {
    if (this.#inBlock === 0) return null;
    const block = framed(this.#inBlock, this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    this.#inBlock = 0;
    return block;
  }

  end(): Buffer {
    const total = Buffer.alloc(8);
    total.writeDoubleLE(this.#records);
    return framed(END, [total]);
  }
}

function framed(records: number, parts: readonly Buffer[]): Buffer {
  const block = Buffer.concat([Buffer.alloc(BLOCK_HEAD), ...parts]);
  block.writeUInt32LE(block.length - BLOCK_HEAD, 0);
  block.writeUInt32LE(records, 4);
  block.writeUInt32LE(checksum(block), 8);
  return block;
}

function checksum(block: Buffer): number {
  return crc32c(block, BLOCK_HEAD, block.length, crc32c(block, 0, 8));
}

/** Takes bytes as they come; `offset` 0 = from the header on, else from a block on. */
export class BinaryReader {
  #rest: Buffer = Buffer.alloc(0);
  #offset: number;
  #isEnded = false;
  #records = 0;
  readonly #countsAll: boolean;

  constructor(offset: number) {
    this.#offset = offset;
    this.#countsAll = offset === 0;
  }

  /** The end was read: the file is whole. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  take(bytes: Buffer): Piece {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const records: GlobalRecord[] = [];
    let at = 0;
    let bad: string | null = null;
    while (bad === null) {
      const length = this.#unitLength(all, at);
      if (typeof length === 'string') bad = length;
      else if (length === 0 || at + length > all.length) break;
      else {
        bad = this.#takeUnit(all.subarray(at, at + length), records);
        if (bad === null) {
          at += length;
          this.#offset += length;
        }
      }
    }
    this.#rest = all.subarray(at);
    return { records, offset: this.#offset, bad: bad === null ? null : `${bad} at byte ${this.#offset}` };
  }

  end(): Piece {
    const bad = this.#isEnded
      ? null
      : `the file is cut off at byte ${this.#offset + this.#rest.length}: its end is missing`;
    return { records: [], offset: this.#offset, bad };
  }

  /** Bytes of the header or block at `at`, 0 when that is not known yet, a sentence when it cannot be one. */
  #unitLength(all: Buffer, at: number): number | string {
    if (this.#offset === 0) return binaryHeaderBytes;
    if (this.#isEnded) return at < all.length ? 'there are bytes behind the end' : 0;
    if (all.length < at + BLOCK_HEAD) return 0;
    const bytes = all.readUInt32LE(at);
    return bytes > payloadBytesMax ? 'a block is damaged' : BLOCK_HEAD + bytes;
  }

  #takeUnit(unit: Buffer, into: GlobalRecord[]): string | null {
    if (this.#offset === 0) {
      const version = unit.readUInt32LE(8);
      return version === VERSION
        ? null
        : `the file has version ${version} of the binary form, this program reads ${VERSION}`;
    }
    if (unit.readUInt32LE(8) !== checksum(unit)) return 'a block is damaged';
    const count = unit.readUInt32LE(4);
    if (count === END) {
      this.#isEnded = true;
      const total = unit.readDoubleLE(BLOCK_HEAD);
      const isRight = !this.#countsAll || total === this.#records;
      return isRight ? null : `the file says that it has ${total} records and has ${this.#records}`;
    }
    const before = into.length;
    for (let at = BLOCK_HEAD; at < unit.length; ) {
      const keyEnd = at + 2 + unit.readUInt16LE(at);
      const valueEnd = keyEnd + 4 + unit.readUInt32LE(keyEnd);
      const key = unit.subarray(at + 2, keyEnd);
      if (!isKey(key)) return `the key of record ${into.length - before + 1} of a block is none of a global`;
      into.push({ key, value: unit.subarray(keyEnd + 4, valueEnd), database: null });
      at = valueEnd;
    }
    this.#records += count;
    return into.length - before === count ? null : 'a block holds another number of records than it says';
  }
}
