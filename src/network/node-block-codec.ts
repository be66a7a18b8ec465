/**
 * Compression by node:zlib, and LZ4 by src/protocol/lz4-block.ts. Zstd is there from Node 22.15 on; its functions are looked up
 * by name, since this project's types are those of Node 20. All at their fastest level: the links between members are
 * fast, and the ratio of journal data hardly rises with the next ones.
 */
import type { Buffer } from 'node:buffer';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { type CompressionType, compressionTypes } from '../mirror/compression.ts';
import { FrameError } from '../protocol/frame.ts';
import { packLz4, unpackLz4 } from '../protocol/lz4-block.ts';
import type { BlockCodec } from './block-codec.ts';

interface Zstd {
  readonly zstdCompress: (
    bytes: Uint8Array,
    options: object,
    done: (error: Error | null, packed: Buffer) => void,
  ) => void;
  readonly zstdCompressSync: (bytes: Uint8Array, options: object) => Buffer;
  readonly zstdDecompressSync: (packed: Uint8Array, options: object) => Buffer;
  readonly constants: { readonly ZSTD_c_compressionLevel: number };
}

const zstd = 'zstdCompressSync' in zlib ? (zlib as unknown as Zstd) : null;
const zstdOptions = zstd === null ? {} : { params: { [zstd.constants.ZSTD_c_compressionLevel]: 1 } };
const zlibOptions = { level: 1 };
const deflateAside = promisify<Uint8Array, object, Buffer>(zlib.deflate);

/** `without`: types to do without, as on a Node that lacks them. */
export function createBlockCodec({ without = [] }: { readonly without?: readonly CompressionType[] } = {}): BlockCodec {
  const types = compressionTypes.filter((type) => !without.includes(type) && (type !== 'zstd' || zstd !== null));
  return { types, pack, packAside, unpack: (type, packed, length) => unpack(types, type, packed, length) };
}

function pack(type: CompressionType, bytes: Uint8Array): Uint8Array {
  switch (type) {
    case 'zlib':
      return zlib.deflateSync(bytes, zlibOptions);
    case 'zstd':
      return here(zstd).zstdCompressSync(bytes, zstdOptions);
    case 'lz4':
      return packLz4(bytes);
    default:
      return type satisfies never;
  }
}

function packAside(type: CompressionType, bytes: Uint8Array): Promise<Uint8Array> | null {
  if (type === 'zlib') return deflateAside(bytes, zlibOptions);
  if (type === 'zstd') return promisify<Uint8Array, object, Buffer>(here(zstd).zstdCompress)(bytes, zstdOptions);
  return null;
}

function unpack(types: readonly CompressionType[], type: CompressionType, packed: Uint8Array, length: number): Buffer {
  if (!types.includes(type))
    throw new FrameError('message', `journal data are compressed with ${type}, which this version of Node has not`);
  let bytes: Buffer;
  try {
    bytes = unpackUpTo(type, packed, length);
  } catch (cause) {
    throw new FrameError('message', `a ${type} block of journal data is damaged: ${(cause as Error).message}`, {
      cause,
    });
  }
  if (bytes.length === length) return bytes;
  throw new FrameError('length', `a ${type} block of journal data holds ${bytes.length} bytes instead of ${length}`);
}

function unpackUpTo(type: CompressionType, packed: Uint8Array, length: number): Buffer {
  // A limit of 0 would be none.
  const bounded = { maxOutputLength: Math.max(1, length) };
  switch (type) {
    case 'zlib':
      // In one piece: by itself it takes 16 KiB at a time and joins them. One byte more, since a full piece calls for another.
      return zlib.inflateSync(packed, { ...bounded, chunkSize: Math.max(64, length + 1) });
    case 'zstd':
      return here(zstd).zstdDecompressSync(packed, bounded);
    case 'lz4':
      return unpackLz4(packed, length);
    default:
      return type satisfies never;
  }
}

function here(found: Zstd | null): Zstd {
  if (found === null) throw new Error('this version of Node has no Zstd');
  return found;
}
