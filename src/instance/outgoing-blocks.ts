/**
 * Journal blocks on their way out: what each link carries is chosen at every block, so that a changed setting counts from the
 * next one on, and a block that goes to several members is compressed and summed once for each type, not once for each member.
 */
import type { JournalChunk } from '../journal/journal.ts';
import type { CompressionType } from '../mirror/compression.ts';
import { compressedAtOnceBytes, compressedBytesMin } from '../mirror/limits.ts';
import type { BlockCodec } from '../network/block-codec.ts';
import { crc32c } from '../protocol/crc32c.ts';
import type { Packing } from '../protocol/member-channel.ts';

/** The bytes to send; without `packing` they are the journal data themselves. */
export interface OutgoingBlock {
  readonly bytes: Uint8Array;
  readonly packing?: Packing;
}

interface Kept {
  readonly key: string;
  readonly block: OutgoingBlock | Promise<OutgoingBlock>;
}

/** Members that keep up ask for the same block within one turn; this many are remembered. */
const keptMax = 8;
/** What the head gains in length by saying how the bytes are packed. */
const packingBytes = 48;

export class OutgoingBlocks {
  readonly #codec: BlockCodec;
  #kept: Kept[] = [];
  /** How many blocks were compressed. */
  packed = 0;

  constructor(codec: BlockCodec) {
    this.#codec = codec;
  }

  /** The block in the given type; a promise only where another thread works at it. */
  take(chunk: JournalChunk, type: CompressionType | null): OutgoingBlock | Promise<OutgoingBlock> {
    if (type === null || chunk.bytes.length < compressedBytesMin) return { bytes: chunk.bytes };
    const key = keyOf(chunk, type);
    const known = this.#kept.find((kept) => kept.key === key);
    if (known !== undefined) return known.block;
    const block = this.#pack(chunk.bytes, type);
    this.#kept = [...this.#kept.slice(1 - keptMax), { key, block }];
    return block;
  }

  #pack(bytes: Uint8Array, type: CompressionType): OutgoingBlock | Promise<OutgoingBlock> {
    this.packed += 1;
    const aside = bytes.length > compressedAtOnceBytes ? this.#codec.packAside(type, bytes) : null;
    if (aside === null) return smaller(bytes, this.#codec.pack(type, bytes), type);
    return aside.then((packed) => smaller(bytes, packed, type));
  }
}

function keyOf({ from, to }: JournalChunk, type: CompressionType): string {
  return `${type} ${from.epoch} ${from.file} ${from.offset} ${from.sequence} ${to.epoch} ${to.file} ${to.offset} ${to.sequence}`;
}

/** Data that do not shrink go as they are. */
function smaller(bytes: Uint8Array, packed: Uint8Array, type: CompressionType): OutgoingBlock {
  if (packed.length + packingBytes >= bytes.length) return { bytes };
  return { bytes: packed, packing: { type, bytes: bytes.length, checksum: crc32c(packed) } };
}
