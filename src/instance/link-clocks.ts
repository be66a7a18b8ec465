/**
 * The wall clocks of the hosts this member is connected with, measured on those very links beside the messages of the rules,
 * which never see them. What was measured is kept for the status, and each change goes into events.jsonl, so that the times
 * of a host that is dead can still be placed (`caretmirror events --all`).
 */
import type { Clock, EventsLog, Timer } from '../host/host.ts';
import type { ClockOffsetReport } from '../mirror/status.ts';
import type { MemberName } from '../mirror/terms.ts';
import {
  bestOffset,
  type ClockOffset,
  type ClockWord,
  isNews,
  measureOffset,
  printable,
} from '../protocol/clock-offset.ts';

export interface LinkClocksParts {
  readonly clock: Pick<Clock, 'nowMs' | 'wallMs' | 'after'>;
  readonly events: Pick<EventsLog, 'append'>;
  readonly member: MemberName;
}

/** One link, as long as it lives. */
export interface LinkClock {
  hear(word: ClockWord): void;
  end(): void;
}

/** A new link is measured a few times at once: the first question meets a busy host. */
const firstQuestions = 4;
const firstPeriodMs = 100;
const periodMs = 5000;
/** The best of so many counts; a clock that was set is noticed when the older ones have gone. */
const keptCount = 8;

export class LinkClocks {
  readonly #parts: LinkClocksParts;
  readonly #known = new Map<string, ClockOffsetReport>();

  constructor(parts: LinkClocksParts) {
    this.#parts = parts;
  }

  get offsets(): readonly ClockOffsetReport[] {
    return [...this.#known.values()];
  }

  follow(to: string, send: (word: ClockWord) => void): LinkClock {
    const { clock } = this.#parts;
    const measured: ClockOffset[] = [];
    let asked = { number: 0, atMs: 0 };
    let timer: Timer | null = null;
    const ask = (): void => {
      asked = { number: asked.number + 1, atMs: clock.nowMs() };
      timer = clock.after(asked.number < firstQuestions ? firstPeriodMs : periodMs, ask);
      send({ ask: asked.number });
    };
    ask();
    return {
      hear: (word) => {
        if ('ask' in word) return send({ answers: word.ask, wallMs: clock.wallMs() });
        // An answer that is late by a period would say next to nothing.
        if (word.answers !== asked.number) return;
        measured.push(measureOffset(asked.atMs, clock.nowMs(), word.wallMs, clock.wallMs()));
        if (measured.length > keptCount) measured.shift();
        if (measured.length >= firstQuestions) this.#learn(to, bestOffset(measured) as ClockOffset);
      },
      end: () => timer?.cancel(),
    };
  }

  #learn(to: string, offset: ClockOffset): void {
    const { clock, events, member } = this.#parts;
    const before = this.#known.get(to);
    if (before !== undefined && !isNews(before, offset)) return;
    const { offsetMs, uncertaintyMs } = printable(offset);
    const at = new Date(clock.wallMs()).toISOString();
    this.#known.set(to, { to, offsetMs, uncertaintyMs, at });
    events.append({ at, member, what: 'clock offset', rules: [], facts: { of: to, offsetMs, uncertaintyMs } });
  }
}
