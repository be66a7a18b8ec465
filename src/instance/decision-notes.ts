/**
 * What the rules note, on its way into events.jsonl: of a series of attempts that goes on until something changes the first,
 * and with the wall clock where the rules only know spans: since when this member has not been active.
 */
import { Attempts } from '../host/attempts.ts';
import type { EventsLog } from '../host/host.ts';
import type { MemberEffect } from '../mirror/effects.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { EventRecord } from '../protocol/control-channel.ts';

export type Note = Extract<MemberEffect, { type: 'note' }>;

export interface DecisionNotesParts {
  readonly events: Pick<EventsLog, 'append' | 'after'>;
  readonly member: MemberName;
  readonly wallMs: () => number;
}

/** Whoever reads these asks since when the member was not active. */
const decidesNotToAct = /^(did not take over|waits|fetches)/;

export class DecisionNotes {
  readonly #parts: DecisionNotesParts;
  /** Attempts noted since the last note that is none. */
  readonly #attempts = new Attempts();

  constructor(parts: DecisionNotesParts) {
    this.#parts = parts;
  }

  take({ what, rules, facts, isAttempt }: Note): void {
    if (!isAttempt) this.#attempts.forget();
    else if (!this.#attempts.isNew(what, rules, facts)) return;
    const { events, member, wallMs } = this.#parts;
    const isAsked = facts.wasActive === false && decidesNotToAct.test(what);
    const since = isAsked ? { notActiveSince: notActiveSince(events.after(0)) } : {};
    events.append({ at: new Date(wallMs()).toISOString(), member, what, rules, facts: { ...facts, ...since } });
  }
}

/** As far as the record goes back; the words are those of src/mirror (backup.ts, seeking.ts, becoming.ts). */
function notActiveSince(events: readonly EventRecord[]): string {
  for (const event of [...events].reverse()) {
    if (event.what === 'is no longer active') return event.at;
    if (event.what === 'is primary') return `${event.at} (it was the primary)`;
    if (event.what === 'is active') return 'its last start';
  }
  return 'it joined (never active)';
}
