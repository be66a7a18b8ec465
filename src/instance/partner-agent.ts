/** Questions to the agent of the other failover member, and its journal, as events (FO-021..027, SYN-009). */
import { type Journal, JournalFrozenError } from '../journal/journal.ts';
import type { MemberEffect } from '../mirror/effects.ts';
import type { AgentAnswer } from '../mirror/messages.ts';
import type { Address, MemberDefinition } from '../mirror/mirror-set.ts';
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
  /** Is the journal of this request still to be fetched? */
  readonly isWanted: (request: number) => boolean;
}

type AskAgent = Extract<MemberEffect, { type: 'ask-agent' }>;

export class PartnerAgent {
  readonly #parts: PartnerAgentParts;

  constructor(parts: PartnerAgentParts) {
    this.#parts = parts;
  }

  async ask({ request, question, of, epoch, failoverMembers }: AskAgent): Promise<void> {
    const { network, timers, mirror, self: requester } = this.#parts;
    const told = failoverMembers === undefined ? {} : { failoverMembers };
    let answer: AgentAnswer = { says: 'nothing', reason: `${of} is not a member any more` };
    for (const { call, instance } of this.#calls(of)) {
      try {
        answer = await askAgent(network, call, { type: question, instance, mirror, requester, epoch, ...told }, timers);
        break;
      } catch (error) {
        answer = { says: 'nothing', reason: (error as Error).message };
      }
    }
    this.#parts.post({ type: 'agent-answered', request, answer });
  }

  async askJournal(request: number, of: MemberName, incarnation: number): Promise<void> {
    const { network, timers, mirror } = this.#parts;
    let reason = `${of} is not a member any more`;
    for (const { call, instance } of this.#calls(of)) {
      try {
        const about = { type: 'offer-journal', instance, mirror, incarnation } as const;
        const { history, end, failoverMembers = null } = await askAgent(network, call, about, timers);
        this.#parts.post({ type: 'journal-offered', request, history, end, failoverMembers });
        return;
      } catch (error) {
        reason = (error as Error).message;
      }
    }
    this.#parts.post({ type: 'fetch-failed', request, reason });
  }

  async fetchJournal(request: number, of: MemberName, incarnation: number): Promise<void> {
    const { network, timers, mirror, journal } = this.#parts;
    let reason = `${of} is not a member any more`;
    for (const { call, instance } of this.#calls(of)) {
      try {
        const about = { instance, mirror, incarnation };
        for await (const chunk of fetchJournal(network, call, about, journal.end, undefined, timers)) {
          // Nothing is written any more for an attempt that the rules gave up.
          if (!this.#parts.isWanted(request)) return;
          journal.store(chunk);
          this.#parts.post({ type: 'fetch-progressed', end: journal.flush(), history: journal.history });
        }
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

  /** CFG-062: the agent address first, then the private and the superserver address where they differ. */
  #calls(of: MemberName): readonly { readonly call: AgentCall; readonly instance: string }[] {
    const member = this.#parts.definition(of);
    if (member === undefined) return [];
    const hosts = new Set([
      member.agent.host,
      member.privateAddress ?? member.superserver.host,
      member.superserver.host,
    ]);
    const timeoutMs = this.#parts.timeoutMs();
    const call = (address: Address): AgentCall => ({
      host: address.host,
      port: address.port,
      timeoutMs,
      open: { ...this.#parts.open(), channel: 'agent' },
    });
    return [...hosts].map((host) => ({ call: call({ host, port: member.agent.port }), instance: member.instance }));
  }
}
