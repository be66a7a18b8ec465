/**
 * Names of hosts as addresses, asked anew for each attempt to connect. A name server that is silent is silent for many seconds, and the
 * system's threads that wait for it are few and shared with compression: a name that is asked for already is not asked for again.
 */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';

type Answered = (error: NodeJS.ErrnoException | null, address: string | LookupAddress[], family?: number) => void;
type Ask = (name: string, options: LookupOptions, answered: Answered) => void;

export class HostNames {
  readonly #ask: Ask;
  /** Who waits for the answer that is under way. */
  readonly #waiting = new Map<string, Answered[]>();

  constructor(ask: Ask = lookup as Ask) {
    this.#ask = ask;
  }

  /** Fits the option `lookup` of node:net. */
  readonly lookup = (name: string, options: LookupOptions, answered: Answered): void => {
    const question = JSON.stringify([name, options.family, options.hints, options.all]);
    const present = this.#waiting.get(question);
    if (present !== undefined) {
      present.push(answered);
      return;
    }
    const waiting = [answered];
    this.#waiting.set(question, waiting);
    this.#ask(name, options, (...answer) => {
      this.#waiting.delete(question);
      for (const each of waiting) each(...answer);
    });
  };
}
