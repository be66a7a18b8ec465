/** What this agent decided about instances of its host, and told as arbiter: agent-events.jsonl in the home. */
import { Attempts } from '../host/attempts.ts';
import type { EventRecord } from '../protocol/control-channel.ts';
import type { AgentParts } from './parts.ts';

export class AgentNotes {
  readonly #parts: Pick<AgentParts, 'log' | 'events'> & { readonly host: Pick<AgentParts['host'], 'clock'> };
  readonly #attempts = new Attempts();

  constructor(parts: Pick<AgentParts, 'log' | 'events' | 'host'>) {
    this.#parts = parts;
  }

  /** A disk that takes no note must not stop the agent. A question that is asked again and again is noted once. */
  put(
    who: 'arbiter' | 'ISCAgent',
    { what, rules, facts }: Pick<EventRecord, 'what' | 'rules' | 'facts'>,
    isAttempt = false,
  ): void {
    if (!isAttempt) this.#attempts.forget();
    else if (!this.#attempts.isNew(what, rules, facts)) return;
    const { log, events, host } = this.#parts;
    const said = Object.entries(facts).map(([name, value]) => `${name} ${value}`);
    if (who === 'arbiter') log('arbiter-noted', { what, rules: rules.join(' '), facts: said.join(', ') });
    try {
      events.append({ at: new Date(host.clock.wallMs()).toISOString(), member: who, what, rules, facts });
    } catch (error) {
      log('not-noted', { reason: (error as Error).message });
    }
  }

  about(mirror: string, after: number): readonly EventRecord[] {
    const newer = this.#parts.events.after(after);
    return newer.filter(({ facts }) => String(facts.mirror).toUpperCase() === mirror.toUpperCase());
  }
}
