/** Questions to the agents of other members, and the journals that these or their instances hand out, as events (FO-021..027, FO-082, SYN-009). */
import { type Journal, JournalFrozenError } from '../journal/journal.ts';
import type { MemberEffect } from '../mirror/effects.ts';
import type { AgentAnswer } from '../mirror/messages.ts';
import type { MemberDefinition, MirrorSet } from '../mirror/mirror-set.ts';
import type { MemberName, MirrorName } from '../mirror/terms.ts';
import { type AgentCall, askAgent, fetchJournal } from '../network/agent-client.ts';
import type { Network, Timers } from '../network/network.ts';
import type { Open } from '../protocol/opening.ts';
import type { Untimed } from './driver.ts';

export interface PartnerAgentParts {
  readonly network: Network;
  readonly timers: Timers;
  readonly mirror: MirrorName;
  readonly open: () => Open;
  readonly definition: (member: MemberName) => MemberDefinition | undefined;
  readonly timeoutMs: () => number;
  readonly self: MemberName;
  readonly journal: Journal;
  readonly post: (event: Untimed) => void;
  /** What the member whose journal was fetched knew of the mirror. */
  readonly onMirrorSet: (set: MirrorSet) => void;
  /** Is the journal of this request still to be fetched? */
  readonly isWanted: (request: number) => boolean;
}

type AskAgent = Extract<MemberEffect, { type: 'ask-agent' }>;
type Wanted<T extends 'ask-journal' | 'fetch-journal'> = Extract<MemberEffect, { type: T }>;

export class PartnerAgent {
  readonly #parts: PartnerAgentParts;
  /** Offered with the newest journal of each. */
  readonly #sets = new Map<MemberName, MirrorSet>();

  constructor(parts: PartnerAgentParts) {
    this.#parts = parts;
  }

  async ask({ request, question, of, epoch, failoverMembers }: AskAgent): Promise<void> {
    const { network, timers, mirror, self: requester } = this.#parts;
    const told = failoverMembers === undefined ? {} : { failoverMembers };
    let answer: AgentAnswer = { says: 'nothing', reason: `${of} is not a member any more` };
    const calls = this.#calls(of);
    // One that swallows what is sent to it leaves time for the next: the rules wait for all of them together.
    const timeoutMs = this.#parts.timeoutMs() / calls.length;
    for (const { call, instance } of calls) {
      try {
        const within = { ...call, timeoutMs };
        answer = await askAgent(
          network,
          within,
          { type: question, instance, mirror, requester, epoch, ...told },
          timers,
        );
        break;
      } catch (error) {
        answer = { says: 'nothing', reason: (error as Error).message };
      }
    }
    this.#parts.post({ type: 'agent-answered', request, answer });
  }

  async askJournal({ request, of, incarnation, ofInstance }: Wanted<'ask-journal'>): Promise<void> {
    const { network, timers, mirror } = this.#parts;
    let reason = `${of} is not a member any more`;
    for (const { call, instance } of this.#calls(of, ofInstance)) {
      try {
        const about = { type: 'offer-journal', instance, mirror, incarnation } as const;
        const offer = await askAgent(network, call, about, timers);
        const { history, end, failoverMembers = null, primary = null, mirrorSet } = offer;
        if (mirrorSet === undefined) this.#sets.delete(of);
        else this.#sets.set(of, mirrorSet);
        this.#parts.post({ type: 'journal-offered', request, history, end, failoverMembers, primary });
        return;
      } catch (error) {
        reason = (error as Error).message;
      }
    }
    this.#parts.post({ type: 'fetch-failed', request, reason });
  }

  async fetchJournal({ request, of, incarnation, ofInstance }: Wanted<'fetch-journal'>): Promise<void> {
    const { network, timers, mirror, journal } = this.#parts;
    let reason = `${of} is not a member any more`;
    for (const { call, instance } of this.#calls(of, ofInstance)) {
      try {
        const about = { instance, mirror, incarnation };
        for await (const chunk of fetchJournal(network, call, about, journal.end, undefined, timers)) {
          // Nothing is written any more for an attempt that the rules gave up.
          if (!this.#parts.isWanted(request)) return;
          journal.store(chunk);
          this.#parts.post({ type: 'fetch-progressed', end: journal.flush(), history: journal.history });
        }
        if (!this.#parts.isWanted(request)) return;
        this.#learnSet(of);
        // Also what was stored before this attempt is durable before a new epoch is.
        this.#parts.post({ type: 'journal-fetched', request, end: journal.flush(), history: journal.history });
        return;
      } catch (error) {
        reason = (error as Error).message;
        if (error instanceof JournalFrozenError) break;
      }
    }
    this.#parts.post({ type: 'fetch-failed', request, reason });
  }

  /** Whoever goes on with its journal also knows what it was the only one to know of the mirror (docs/decisions/0058). */
  #learnSet(of: MemberName): void {
    const set = this.#sets.get(of);
    if (set !== undefined) this.#parts.onMirrorSet(set);
  }

  /**
   * CFG-062: the agent address first, then the private and the superserver address where they differ. An instance that is asked itself is
   * reached where its data channel is (CFG-061).
   */
  #calls(of: MemberName, ofInstance = false): readonly { readonly call: AgentCall; readonly instance: string }[] {
    const member = this.#parts.definition(of);
    if (member === undefined) return [];
    const hosts = new Set([
      member.agent.host,
      member.privateAddress ?? member.superserver.host,
      member.superserver.host,
    ]);
    const timeoutMs = this.#parts.timeoutMs();
    const call = (host: string, port: number, channel: 'agent' | 'journal') => ({
      call: { host, port, timeoutMs, open: { ...this.#parts.open(), channel } },
      instance: member.instance,
    });
    const agents = [...hosts].map((host) => call(host, member.agent.port, 'agent'));
    if (!ofInstance) return agents;
    const { superserver, privateAddress } = member;
    const instances = new Set([privateAddress ?? superserver.host, superserver.host]);
    return [...[...instances].map((host) => call(host, superserver.port, 'journal')), ...agents];
  }
}
