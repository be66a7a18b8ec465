/**
 * How far the wall clock of another host is from the own one, measured by round trips as NTP does. For people who read what
 * several hosts noted; nothing is decided by it (I9). Pure: both clocks come from the caller.
 */

/** `offsetMs`: the other's wall clock minus the own one. The truth is not farther from it than `uncertaintyMs`. */
export interface ClockOffset {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

/** A question about the other's wall clock, and its answer, beside the messages of a channel. */
export type ClockWord = { readonly ask: number } | { readonly answers: number; readonly wallMs: number };

/** Wall clocks are read in whole milliseconds, on both sides. */
const resolutionMs = 1;

/** `askedMs` and `answeredMs` on the own monotonic clock; the wall clocks at the other's answer and when it was read here. */
export function measureOffset(
  askedMs: number,
  answeredMs: number,
  theirWallMs: number,
  ownWallMs: number,
): ClockOffset {
  const halfTripMs = (answeredMs - askedMs) / 2;
  return { offsetMs: theirWallMs + halfTripMs - ownWallMs, uncertaintyMs: halfTripMs + resolutionMs };
}

/** The shortest round trip says most. Null of none. */
export function bestOffset(offsets: readonly ClockOffset[]): ClockOffset | null {
  return offsets.reduce<ClockOffset | null>(
    (best, offset) => (best === null || offset.uncertaintyMs < best.uncertaintyMs ? offset : best),
    null,
  );
}

/** Is the new measurement a change, or a better one of the same? */
export function isNews(known: ClockOffset, measured: ClockOffset): boolean {
  const differsMs = Math.abs(known.offsetMs - measured.offsetMs);
  return differsMs > known.uncertaintyMs + measured.uncertaintyMs || measured.uncertaintyMs * 4 < known.uncertaintyMs;
}

/** Rounded for a record that people read. */
export function printable({ offsetMs, uncertaintyMs }: ClockOffset): ClockOffset {
  return { offsetMs: Math.round(offsetMs * 10) / 10, uncertaintyMs: Math.ceil(uncertaintyMs * 10) / 10 };
}

/** @throws nothing: what is no such word is null. */
export function readClockWord(value: unknown): ClockWord | null {
  const said = value as { ask?: unknown; answers?: unknown; wallMs?: unknown } | null;
  if (typeof said !== 'object' || said === null) return null;
  if (typeof said.ask === 'number') return { ask: said.ask };
  const isAnswer = typeof said.answers === 'number' && typeof said.wallMs === 'number';
  return isAnswer ? { answers: said.answers as number, wallMs: said.wallMs as number } : null;
}
