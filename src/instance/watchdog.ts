/**
 * A primary whose event loop stands still can neither say so nor hand over, and to its applications it only looks slow. So
 * a thread of its own watches the loop and, when it has not turned for the QoS timeout, ends the process: the broken
 * connection is the signal (FO-008, FO-050). This file is the loop's side and what counts as standing still; the
 * thread is watchdog-thread.ts.
 */
import { Worker } from 'node:worker_threads';
import type { LastWordsPlaces } from '../host/last-words.ts';
import type { MemberState } from '../mirror/member-state.ts';

/** Shared with the thread: a number that the loop counts up, whether to watch, and the QoS timeout, ms. */
export const word = { turns: 0, isArmed: 1, qosTimeoutMs: 2, count: 3 } as const;

/** What the thread is given at its start. */
export interface Watch {
  readonly words: Int32Array;
  readonly member: string;
  readonly places: LastWordsPlaces;
}

export interface WatchdogParts {
  /** File of the thread's program. */
  readonly program: URL;
  readonly places: LastWordsPlaces;
  /** Null while the instance is in no mirror. */
  readonly state: () => MemberState | null;
  readonly after: (ms: number, run: () => void) => { cancel(): void };
  /** The thread has ended: nobody watches any more. */
  readonly onUnwatched: (error: Error) => void;
}

/** The loop turns a word, and the thread looks at it, so many times in each QoS timeout. */
const beatsPerQos = 10;
/** Without a mirror there is nothing to watch, ms. */
const idleBeatMs = 1000;

export function beatMs(qosTimeoutMs: number): number {
  return qosTimeoutMs === 0 ? idleBeatMs : qosTimeoutMs / beatsPerQos;
}

/**
 * The same primary that would hand over if its journal stood still: without an active backup its end would help nobody,
 * and with no failover set nobody would take over.
 */
export function isWatched({ role, serving, record }: MemberState): boolean {
  return (role === 'primary' || role === 'handing-over') && serving.counted !== null && !record.noFailover;
}

/** The thread costs memory and starts with the first active backup; an async and a backup never have one. */
export function startWatchdog(parts: WatchdogParts): { stop(): void } {
  const words = new Int32Array(new SharedArrayBuffer(word.count * Int32Array.BYTES_PER_ELEMENT));
  let thread: Worker | null = null;
  const beat = (): { cancel(): void } => {
    const state = parts.state();
    const isArmed = state !== null && isWatched(state);
    Atomics.add(words, word.turns, 1);
    Atomics.store(words, word.qosTimeoutMs, state?.settings.qosTimeoutMs ?? 0);
    Atomics.store(words, word.isArmed, isArmed ? 1 : 0);
    if (isArmed) thread ??= startThread(parts, { words, member: state.self, places: parts.places });
    return parts.after(beatMs(words[word.qosTimeoutMs] ?? 0), () => {
      timer = beat();
    });
  };
  let timer = beat();
  return {
    stop() {
      timer.cancel();
      Atomics.store(words, word.isArmed, 0);
      void thread?.terminate();
    },
  };
}

/** MB. It counts and, once, writes two lines. */
const threadMemory = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1, codeRangeSizeMb: 4, stackSizeMb: 1 };

function startThread({ program, onUnwatched }: WatchdogParts, watch: Watch): Worker {
  const thread = new Worker(program, { workerData: watch, resourceLimits: threadMemory });
  thread.on('error', onUnwatched);
  thread.unref();
  return thread;
}

/**
 * How long the loop has not turned, counted in the thread's own looks. When those are late the whole process stood still
 * (SIGSTOP, a suspended machine, no processor): that says nothing about the loop, and the count begins again.
 */
export class Standstill {
  #turns = -1;
  #lookedMs: number;
  #stoodMs = 0;

  constructor(nowMs: number) {
    this.#lookedMs = nowMs;
  }

  /** True when the loop has stood still for the QoS timeout. */
  look(nowMs: number, { turns, isArmed, qosTimeoutMs }: Looked): boolean {
    const gapMs = nowMs - this.#lookedMs;
    const isOneLook = gapMs < 2 * beatMs(qosTimeoutMs);
    this.#stoodMs = isArmed && turns === this.#turns && isOneLook ? this.#stoodMs + gapMs : 0;
    this.#turns = turns;
    this.#lookedMs = nowMs;
    return this.#stoodMs > 0 && this.#stoodMs >= qosTimeoutMs;
  }

  get stoodMs(): number {
    return this.#stoodMs;
  }
}

interface Looked {
  readonly turns: number;
  readonly isArmed: boolean;
  readonly qosTimeoutMs: number;
}
