/** What the fuzz proof feeds: a parser of the project behind one face, with valid inputs to begin from. */
import type { Chance } from './chance.ts';

export interface Parser {
  readonly name: string;
  /** How many inputs it gets, beside the others. */
  readonly weight: number;
  readonly valid: readonly Buffer[];
  /** Makes a checksum right again, so that what stands behind it is reached; half of the inputs go through it. */
  readonly mend?: (bytes: Buffer) => void;
  /** Parses; throws, or rejects with, what the parser does. What it says of the input is checked here where it can be. */
  parse(bytes: Buffer, chance: Chance): unknown;
  /** Is this an error that callers of the parser expect? */
  isExpected(error: unknown): boolean;
  /** Bytes that may be set aside at once for an input of this length. */
  readonly bytesMax?: (length: number) => number;
  /** decode(encode(x)) = x for one generated x; throws when it is not. */
  roundTrip?(chance: Chance): void;
}
