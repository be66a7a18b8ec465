/**
 * The loop around the rules: one queue of events, one step at a time, effects in order. It knows no adapter; what an effect
 * does is in effect-handlers.ts. When the queue is empty, `settle` may do what was put off for the whole batch (one fsync
 * for many records) and post what came of it.
 */
import type { Clock, Timer } from '../host/host.ts';
import type { MemberEffect } from '../mirror/effects.ts';
import type { MemberEvent } from '../mirror/events.ts';
import { keepAliveShareOfQos } from '../mirror/limits.ts';
import { nextWakeMs, step } from '../mirror/member.ts';
import type { MemberState } from '../mirror/member-state.ts';

/** An event before the driver puts the time on it. */
export type Untimed = MemberEvent extends infer E ? (E extends MemberEvent ? Omit<E, 'nowMs'> : never) : never;

export type EffectHandlers = {
  readonly [T in MemberEffect['type']]: (effect: Extract<MemberEffect, { type: T }>) => void;
};

export interface DriverParts {
  readonly handlers: EffectHandlers;
  readonly clock: Pick<Clock, 'nowMs' | 'after'>;
  /** Called when the queue is empty; posts what came of work put off. */
  readonly settle: () => void;
  readonly onStep: (state: MemberState) => void;
  /** Run once after messages that wait now have been read (setImmediate). */
  readonly afterMessages: (run: () => void) => void;
}

export class Driver {
  #state: MemberState;
  #queue: Untimed[] = [];
  #running = false;
  #stopped = false;
  #timer: Timer | null = null;
  #dueMs = Number.POSITIVE_INFINITY;
  readonly #parts: DriverParts;

  constructor(initial: MemberState, parts: DriverParts) {
    this.#state = initial;
    this.#parts = parts;
  }

  get state(): MemberState {
    return this.#state;
  }

  /** No event is taken any more. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** Take an event. Called from inside an effect it waits its turn. */
  post(event: Untimed): void {
    if (this.#stopped) return;
    this.#queue.push(event);
    if (!this.#running) this.#run();
  }

  #run(): void {
    this.#running = true;
    try {
      while (this.#queue.length > 0 && !this.#stopped) {
        const batch = this.#queue;
        this.#queue = [];
        for (const event of batch) this.#step(event);
        if (this.#queue.length === 0) this.#parts.settle();
      }
    } finally {
      this.#running = false;
    }
    this.#setTimer();
  }

  #step(event: Untimed): void {
    if (this.#stopped) return;
    // Whoever posts an event has made it for this: the time goes onto it, not onto a copy.
    (event as { nowMs?: number }).nowMs = this.#parts.clock.nowMs();
    const { state, effects } = step(this.#state, event as MemberEvent);
    this.#state = state;
    for (const effect of effects) {
      const handler = this.#parts.handlers[effect.type] as (effect: MemberEffect) => void;
      handler(effect);
    }
    this.#parts.onStep(state);
  }

  #setTimer(): void {
    const wakeMs = this.#stopped ? null : nextWakeMs(this.#state);
    if (wakeMs === null) return;
    // An earlier timer that finds nothing to do costs less than setting one after every event.
    if (this.#timer !== null && this.#dueMs <= wakeMs) return;
    this.#timer?.cancel();
    this.#dueMs = wakeMs;
    this.#timer = this.#parts.clock.after(Math.max(0, wakeMs - this.#parts.clock.nowMs()), () => this.#woke());
  }

  /**
   * After the process stood still, what others sent meanwhile is heard before any deadline counts: timers fire first in a
   * turn of the event loop, so the step waits for the messages.
   */
  #woke(): void {
    const lateMs = this.#parts.clock.nowMs() - this.#dueMs;
    this.#timer = null;
    this.#dueMs = Number.POSITIVE_INFINITY;
    if (lateMs <= this.#state.settings.qosTimeoutMs * keepAliveShareOfQos) {
      this.post({ type: 'woke' });
      return;
    }
    this.post({ type: 'stalled', gapMs: lateMs });
    this.#parts.afterMessages(() => this.post({ type: 'woke' }));
  }
}
