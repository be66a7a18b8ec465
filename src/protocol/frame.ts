/**
 * A frame: what every connection of the mirror carries. Twelve bytes of header, then the body.
 *
 *   0  u32  length of the body
 *   4  u32  CRC-32C of kind and body
 *   8  u8   kind (a number of the channel's own table)
 *   9  u8   0
 *  10  u16  0xCA7E, so that a stray connection is refused at its first bytes
 *
 * All numbers little-endian. A frame that breaks a rule ends its connection: FrameError.
 */
export interface Frame {
  readonly kind: number;
  readonly body: Buffer;
}
