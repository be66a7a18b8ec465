/**
 * Door to compression: journal blocks made smaller for the wire, and back. What a codec of another process has packed, any
 * other unpacks; what is used between two members is decided in src/mirror/compression.ts.
 */
import type { CompressionType } from '../mirror/compression.ts';

export interface BlockCodec {
  /** What it can pack and unpack; it may lack types that this version of Node does not bring. */
  readonly types: readonly CompressionType[];
  /** At once, on the calling thread. */
  pack(type: CompressionType, bytes: Uint8Array): Uint8Array;
  /** On another thread; null where a type has none. `bytes` must not change until it resolves. */
  packAside(type: CompressionType, bytes: Uint8Array): Promise<Uint8Array> | null;
  /**
   * What `packed` unpacks to, which must be exactly `length` bytes; no more memory than that is ever taken for it.
   * @throws FrameError when it is damaged, longer or shorter, or of a type that is not here.
   */
  unpack(type: CompressionType, packed: Uint8Array, length: number): Buffer;
}
