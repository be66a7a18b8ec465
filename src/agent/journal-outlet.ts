/**
 * Hands out the journal of an instance that is down, over one connection. Read-only; a start of the instance ends it, since
 * the journal then has a later life than the one that was called down (AGT-003, FO-024, FO-025).
 */
import { mirrorJournalLogPath } from '../host/home.ts';
import { handOut, type Journal } from '../journal/journal.ts';
import type { AgentRequest, FetchedChunk, JournalOffer } from '../protocol/agent-channel.ts';
import type { Instances } from './instances.ts';
import type { AgentParts } from './parts.ts';
import { RequestError } from './request-error.ts';

export type OfferQuestion = Extract<AgentRequest, { type: 'offer-journal' }>;
export type ReadQuestion = Extract<AgentRequest, { type: 'read-journal' }>;

export class JournalOutlet {
  readonly #parts: AgentParts;
  readonly #instances: Instances;
  #open: { readonly instance: string; readonly mirror: string; readonly journal: Journal } | null = null;

  constructor(parts: AgentParts, instances: Instances) {
    this.#parts = parts;
    this.#instances = instances;
  }

  /** @throws RequestError. */
  offer(instance: string, mirror: string, question: OfferQuestion): JournalOffer {
    return this.#whileDown(instance, question.incarnation, () => {
      const { history, end } = this.#journal(instance, mirror);
      const failoverMembers = this.#instances.record(instance)?.failoverMembers ?? null;
      return failoverMembers === null ? { history, end } : { history, end, failoverMembers };
    });
  }

  /** A chunk without bytes at the journal's end. @throws RequestError. */
  read(instance: string, mirror: string, question: ReadQuestion): FetchedChunk {
    const { from } = question;
    return this.#whileDown(instance, question.incarnation, () => {
      const journal = this.#journal(instance, mirror);
      return handOut(journal, from, journal.end, question.bytesMax);
    });
  }

  close(): void {
    this.#open?.journal.close();
    this.#open = null;
  }

  /** Looked at before, to answer plainly, and after: what was read before a start is of the incarnation asked for. */
  #whileDown<T>(instance: string, incarnation: number, act: () => T): T {
    this.#mustBeDown(instance, incarnation);
    try {
      const result = act();
      this.#mustBeDown(instance, incarnation);
      return result;
    } catch (error) {
      this.close();
      if (error instanceof RequestError) throw error;
      this.#mustBeDown(instance, incarnation);
      throw new RequestError('no-journal', `the journal of ${instance} cannot be read: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Incarnation 0 = the record could not be read when it was called down. */
  #mustBeDown(instance: string, incarnation: number): void {
    if (!this.#instances.isDown(instance)) {
      throw new RequestError(
        'wrong-incarnation',
        `instance ${instance} has been started; ask again whether it is down`,
      );
    }
    const present = this.#instances.record(instance)?.incarnation ?? 0;
    if (incarnation !== 0 && present !== incarnation) {
      throw new RequestError(
        'wrong-incarnation',
        `instance ${instance} has had incarnation ${present} since ${incarnation}; ask again whether it is down`,
      );
    }
  }

  #journal(instance: string, mirror: string): Journal {
    if (this.#open?.instance === instance && this.#open.mirror === mirror) return this.#open.journal;
    this.close();
    const paths = this.#instances.paths(instance);
    const journal = this.#parts.openJournal({
      directory: paths.journal,
      mirror,
      logPath: mirrorJournalLogPath(this.#parts.home, instance, mirror),
      lostAndFoundDirectory: paths.lostAndFound,
    });
    this.#open = { instance, mirror, journal };
    return journal;
  }
}
