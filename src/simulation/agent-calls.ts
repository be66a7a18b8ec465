/** What a simulated member asks the agent of the other failover member, over the link between the hosts. */
import type { MemberEffect } from '../mirror/effects.ts';
import type { JournalElement } from './member-disk.ts';
import type { MemberProcess, Untimed } from './member-process.ts';

type Effect<T extends MemberEffect['type']> = Extract<MemberEffect, { type: T }>;

const elementsInChunk = 60;

export class AgentCalls {
  readonly #process: MemberProcess;

  constructor(process: MemberProcess) {
    this.#process = process;
  }

  ask(effect: Effect<'ask-agent'>): void {
    const { on } = this.#process;
    const { request, of } = effect;
    const nothing = (reason: string) => ({ says: 'nothing', reason }) as const;
    let answered = false;
    const answer = (event: Untimed): void => {
      if (!answered) this.#process.post(event);
      answered = true;
    };
    on.world.clock.after(this.#process.state.settings.qosTimeoutMs, () =>
      answer({ type: 'agent-answered', request, answer: nothing('timeout') }),
    );
    if (!on.membership.knows(of))
      return this.#soon(() => answer({ type: 'agent-answered', request, answer: nothing('no address is known') }));
    this.#call(of, (agent, reply) => {
      if (agent === null) return reply(() => answer({ type: 'agent-answered', request, answer: nothing('refused') }));
      agent.confirmDown(effect, this.#process.host, (said) =>
        reply(() => answer({ type: 'agent-answered', request, answer: said })),
      );
    });
  }

  askJournal(effect: Effect<'ask-journal'>): void {
    const { request, of, incarnation } = effect;
    const failed = (reason: string) => this.#process.post({ type: 'fetch-failed', request, reason });
    this.#withLimit(failed, (done) =>
      this.#call(of, (agent, reply) => {
        const disk = agent?.journalOf(incarnation, this.#process.on) ?? null;
        if (disk === null) return reply(() => done(() => failed('the agent has no journal of that incarnation')));
        const { history, end, record } = disk;
        const { failoverMembers } = record;
        reply(() =>
          done(() => this.#process.post({ type: 'journal-offered', request, history, end, failoverMembers })),
        );
      }),
    );
  }

  /** Chunk after chunk; abandoned as soon as the member no longer wants it. */
  fetchJournal(effect: Effect<'fetch-journal'>): void {
    const { request, of, incarnation } = effect;
    const { on } = this.#process;
    const failed = (reason: string) => this.#process.post({ type: 'fetch-failed', request, reason });
    const wanted = () => this.#process.alive && this.#process.state.seeking.fetching?.request === request;
    const arrived = (elements: readonly JournalElement[], complete: boolean): void => {
      if (!wanted()) return;
      on.store(elements);
      on.disk.flushed = on.disk.elements.length;
      const { end, history } = on.disk;
      this.#process.post({ type: 'fetch-progressed', end, history });
      if (!wanted()) return;
      if (complete) this.#process.post({ type: 'journal-fetched', request, end, history });
      else next();
    };
    const next = (): void => {
      const from = on.disk.end;
      this.#withLimit(failed, (done) =>
        this.#call(of, (agent, reply) => {
          const disk = agent?.journalOf(incarnation, on) ?? null;
          if (disk === null) return reply(() => done(() => failed('the agent has no journal of that incarnation')));
          const first = disk.countUpTo(from);
          const elements = disk.elements.slice(first, first + elementsInChunk);
          const complete = first + elements.length >= disk.elements.length;
          reply(() => done(() => arrived(elements, complete)));
        }),
      );
    };
    next();
  }

  #withLimit(failed: (reason: string) => void, run: (done: (what: () => void) => void) => void): void {
    let over = false;
    this.#process.on.world.clock.after(this.#process.state.settings.qosTimeoutMs * 2, () => {
      if (!over) failed('timeout');
      over = true;
    });
    run((what) => {
      if (!over) what();
      over = true;
    });
  }

  #soon(then: () => void): void {
    this.#process.on.world.clock.after(0, then);
  }

  /** Carry a question to the agent of a host and its reply back; null = no agent listens there. */
  #call(of: string, run: (agent: ReturnType<typeof this.agentOf>, reply: (arrive: () => void) => void) => void): void {
    const { world } = this.#process.on;
    world.network.carry(this.#process.host, of, () => {
      const host = world.member(of);
      if (!host.up) return;
      const reply = (arrive: () => void): void =>
        world.network.carry(of, this.#process.host, () => {
          if (this.#process.alive) arrive();
        });
      host.agent.whenAwake(() => run(host.agent.alive ? host.agent : null, reply));
    });
  }

  agentOf(name: string) {
    const { agent } = this.#process.on.world.member(name);
    return agent.alive ? agent : null;
  }
}
