/**
 * When will the journal's disk be full at the rate of the last minutes? By what is free there, since others write on that disk
 * too and purging gives room back. Not for: asking the disk, telling anybody.
 */

export interface RoomSample {
  /** Monotonic, ms. */
  readonly atMs: number;
  readonly freeBytes: number;
}

/** Samples older than this tell nothing of the present rate; fewer minutes than `spanMinMs` tell none. */
const spanMaxMs = 15 * 60_000;
const spanMinMs = 60_000;

/** With a new sample; those that are too old are let go. */
export function withSample(samples: readonly RoomSample[], sample: RoomSample): readonly RoomSample[] {
  return [...samples.filter(({ atMs }) => sample.atMs - atMs <= spanMaxMs), sample];
}

/** In ms; null when it does not get fuller, or is not watched long enough. `reserveBytes` are never written. */
export function fullInMs(samples: readonly RoomSample[], reserveBytes: number): number | null {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.atMs - first.atMs < spanMinMs) return null;
  const takenBytes = first.freeBytes - last.freeBytes;
  if (takenBytes <= 0) return null;
  const left = Math.max(0, last.freeBytes - reserveBytes);
  return Math.round((left * (last.atMs - first.atMs)) / takenBytes);
}

/** `2 h 40 min`, `25 min`, `less than a minute`. */
export function printSpan(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return 'less than a minute';
  const hours = Math.floor(minutes / 60);
  if (hours === 0) return `${minutes} min`;
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
}
