/** The door of the explorer: searches one configuration and says what was found, as plain values. */
import { begin } from './beginnings.ts';
import { type Configuration, type ConfigurationName, configurations, termsOf } from './configurations.ts';
import { Coverage, rowsReached, watchTables } from './coverage.ts';
import { checkLiveness } from './liveness.ts';
import { type Found, search, timeIsOver } from './search.ts';

export { configurations } from './configurations.ts';

export interface Order {
  readonly configuration: ConfigurationName;
  readonly statesMax: number;
  /** Monotonic milliseconds, and how many this may take. */
  readonly nowMs: () => number;
  readonly lastsMs: number;
  /** Check that nothing gets stuck from at most this many worlds; 0 = not at all. */
  readonly livenessSample: number;
}

export interface Report {
  readonly configuration: string;
  readonly states: number;
  readonly moves: number;
  readonly depth: number;
  /** What ended the search before its fixpoint, and why; null = nothing did. */
  readonly bound: string | null;
  /** Was it the time? */
  readonly isOver: boolean;
  readonly broken: { readonly promises: readonly string[]; readonly trace: readonly string[] } | null;
  readonly livelyFrom: number;
  readonly stuck: readonly string[] | null;
  readonly rules: readonly string[];
  readonly rows: readonly { readonly row: string; readonly hit: boolean }[];
  readonly seconds: number;
}

export function explore({ configuration, statesMax, nowMs, lastsMs, livenessSample }: Order): Report {
  watchTables();
  const chosen = configurations[configuration];
  const terms = termsOf(chosen);
  const coverage = new Coverage();
  const sinceMs = nowMs();
  const isOver = (): boolean => nowMs() - sinceMs > lastsMs;
  const sampleEvery = livenessSample === 0 ? Number.POSITIVE_INFINITY : 16;
  const { bound } = chosen as Configuration;
  const limits = { states: Math.min(statesMax, bound?.states ?? statesMax), isOver, sampleEvery };
  const beginning = begin(chosen.beginning, terms, chosen.budget);
  const found = typeof beginning === 'string' ? stillborn(beginning) : search(beginning, terms, coverage, limits);
  const every = Math.max(1, Math.ceil(found.sample.length / Math.max(1, livenessSample)));
  const sample = found.sample.filter((_, index) => index % every === 0);
  const lively = checkLiveness(found.broken === null ? sample : [], terms, () => false);
  return {
    configuration,
    states: found.states,
    moves: found.moves,
    depth: found.depth,
    bound: found.bound === null || bound === undefined ? found.bound : `${found.bound}: ${bound.because}`,
    isOver: found.bound === timeIsOver,
    broken: found.broken,
    livelyFrom: lively.checked,
    stuck: lively.stuck,
    rules: coverage.fired,
    rows: rowsReached(),
    seconds: (nowMs() - sinceMs) / 1000,
  };
}

/** Rules under which a mirror does not even come into operation. */
function stillborn(why: string): Found {
  const broken = { promises: [`I8: ${why}`], trace: [] };
  return { states: 0, moves: 0, depth: 0, bound: null, broken, sample: [] };
}
