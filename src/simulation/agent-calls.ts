/** What a simulated member asks the agents of other members, and asyncs themselves for their journals, over the links between the hosts. */
import type { MemberEffect } from '../mirror/effects.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import { isFetching } from '../mirror/promotion-journals.ts';
import type { JournalElement, MemberDisk } from './member-disk.ts';
import type { MemberProcess, Untimed } from './member-process.ts';

type Effect<T extends MemberEffect['type']> = Extract<MemberEffect, { type: T }>;

const elementsInChunk = 60;
const noJournal = 'the agent has no journal of that incarnation';

/** What the process of an async knows of a primary at first hand. */
function primaryOf(process: MemberProcess | null): string | null {
  const { role, attachment } = process?.state ?? {};
  if (role === 'primary' || role === 'handing-over') return process?.host ?? null;
  return role === 'attached' && attachment?.asking === false ? attachment.to : null;
}

export class AgentCalls {
  readonly #process: MemberProcess;
  /** Offered with the newest journal of each. */
  readonly #sets = new Map<string, MirrorSet>();

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
    const { request, of } = effect;
    const failed = (reason: string) => this.#process.post({ type: 'fetch-failed', request, reason });
    this.#withLimit(failed, (done) =>
      this.#readJournal(effect, (given, reply) => {
        if (given === null) return reply(() => done(() => failed(noJournal)));
        const { disk, count } = given;
        const end = disk.positionAt(count);
        const history = disk.history.filter(({ epoch }) => epoch <= end.epoch);
        const primary = primaryOf(this.#process.on.world.member(of).process);
        const { record, set } = disk;
        const { failoverMembers } = record;
        reply(() =>
          done(() => {
            if (set === null) this.#sets.delete(of);
            else this.#sets.set(of, set);
            this.#process.post({ type: 'journal-offered', request, history, end, failoverMembers, primary });
          }),
        );
      }),
    );
  }

  /** Of an async the process answers for what it has flushed, where one runs; else the agent does. Null = nobody does. */
  #readJournal(
    { of, incarnation, ofInstance }: Effect<'ask-journal' | 'fetch-journal'>,
    run: (given: { disk: MemberDisk; count: number } | null, reply: (arrive: () => void) => void) => void,
  ): void {
    const { on } = this.#process;
    const { disk, process } = on.world.member(of);
    if (ofInstance !== true || process === null)
      return this.#call(of, (agent, reply) => {
        const journal = agent?.journalOf(incarnation, on) ?? null;
        run(journal === null ? null : { disk: journal, count: journal.elements.length }, reply);
      });
    on.world.network.carry(on.name, of, () => {
      const target = on.world.member(of);
      if (!target.up || target.process !== process || process.frozen) return;
      const isMember = target.membership.knows(on.name) && target.membership.removalOf(on) === undefined;
      run(isMember ? { disk, count: disk.flushed } : null, (arrive) =>
        on.world.network.carry(of, on.name, () => {
          if (this.#process.alive) arrive();
        }),
      );
    });
  }

  /** Chunk after chunk; abandoned as soon as the member no longer wants it. */
  fetchJournal(effect: Effect<'fetch-journal'>): void {
    const { request, of } = effect;
    const { on } = this.#process;
    const failed = (reason: string) => this.#process.post({ type: 'fetch-failed', request, reason });
    const wanted = () => this.#process.alive && isFetching(this.#process.state, request);
    const arrived = (elements: readonly JournalElement[], complete: boolean): void => {
      if (!wanted()) return;
      on.store(elements);
      on.disk.flushed = on.disk.elements.length;
      const { end, history } = on.disk;
      this.#process.post({ type: 'fetch-progressed', end, history });
      if (!wanted()) return;
      if (!complete) return next();
      const set = this.#sets.get(of);
      if (set !== undefined) on.membership.told(set);
      on.world.checkers.memberships.learns(on.name, of);
      this.#process.post({ type: 'journal-fetched', request, end, history });
    };
    const next = (): void => {
      const from = on.disk.end;
      this.#withLimit(failed, (done) =>
        this.#readJournal(effect, (given, reply) => {
          if (given === null) return reply(() => done(() => failed(noJournal)));
          const { disk, count } = given;
          const first = disk.countUpTo(from);
          const elements = disk.elements.slice(first, Math.min(count, first + elementsInChunk));
          const complete = first + elements.length >= count;
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
