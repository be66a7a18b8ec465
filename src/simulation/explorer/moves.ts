/**
 * Every move that a world allows, each giving a next world. Time moves by firing: a wake-up comes with the one deadline that
 * has come, and all others lie ahead. A deadline that waits for somebody fires only where he may be silent: over a cut
 * link, or where he is dead, hung or has nothing under way. Faults and orders of an operator cost one of the faults
 * left; repairs, restarts, retries and completions are free.
 */

import { initialArbiter } from '../../mirror/arbiter.ts';
import type { OperatorCommand } from '../../mirror/events.ts';
import { presentList } from '../../mirror/failover-members.ts';
import type { AgentAnswer } from '../../mirror/messages.ts';
import { precondition } from '../../mirror/operator-commands.ts';
import { askAgent, askJournal, fetchJournal, type JournalCall } from './agents.ts';
import { runArbiter } from './arbiter.ts';
import type { Coverage } from './coverage.ts';
import { keepAliveTick, ofTime } from './moves-of-time.ts';
import {
  arbiterHost,
  type Call,
  type Connection,
  directionBit,
  type Host,
  hostNames,
  isCut,
  isLinkUp,
  membersOf,
  otherEnd,
  type Process,
  positionAt,
  type Who,
  type World,
} from './plain-world.ts';
import { nobody, Play, type Site } from './play.ts';
import { forget, isRemoving, requestToRemove, setTold } from './removals.ts';

export type Fault =
  | 'cut'
  | 'one-way cut'
  | 'kill'
  | 'crash'
  | 'hang'
  | 'agent dies'
  | 'arbiter dies'
  | 'unreadable'
  | 'site refuses'
  | 'journal stands still'
  | 'hand over'
  | 'stop with no failover'
  | 'stop mirroring'
  | 'no failover'
  | 'become primary'
  | 'force'
  | 'resume'
  | 'promote'
  | 'promote and hold'
  | 'demote'
  | 'remove';

export interface Terms extends Site {
  readonly faults: ReadonlySet<Fault>;
  /** How many updates clients make. */
  readonly updates: number;
}

/** What kind a move is, for a scheduler that plays fair. */
export type Kind =
  | 'fault'
  | 'repair'
  | 'disk'
  | 'message'
  | 'closed'
  | 'client'
  | 'timer'
  | 'window'
  | 'tick'
  | 'retry'
  | 'operator';

export type Visit = (play: Play, kind: Kind, label: string) => void;
/** False = nothing came of it. */
type Act = (play: Play) => unknown;
type Question = Extract<Call, { kind: 'question' }>;

export class Moves {
  readonly world: World;
  readonly terms: Terms;
  readonly #coverage: Coverage;
  readonly #tracing: boolean;
  readonly #visit: Visit;

  constructor(world: World, terms: Terms, coverage: Coverage, tracing: boolean, visit: Visit) {
    this.world = world;
    this.terms = terms;
    this.#coverage = coverage;
    this.#tracing = tracing;
    this.#visit = visit;
  }

  #play(dieAfter = 0): Play {
    return new Play(this.world, this.terms, this.#coverage, this.#tracing ? [] : null, dieAfter);
  }

  /** `acting` = the process that acts may die after each of its visible effects but the last. */
  try(kind: Kind, label: string, act: Act, acting: Who | null = null): void {
    const play = this.#play();
    if (act(play) === false) return;
    this.#visit(play, kind, label);
    if (acting === null || !this.#may('kill')) return;
    for (let after = 1; after < play.visible; after += 1) {
      const dying = this.#play(after);
      act(dying);
      dying.set({ faults: dying.world.faults - 1 });
      this.#visit(dying, 'fault', `${label}, and ${hostNames[acting]} dies after effect ${after}`);
    }
  }

  #may(fault: Fault): boolean {
    return this.world.faults > 0 && this.terms.faults.has(fault);
  }

  fault(fault: Fault, label: string, act: Act): void {
    if (!this.#may(fault)) return;
    this.try('fault', label, (play) => {
      play.set({ faults: play.world.faults - 1 });
      return act(play);
    });
  }

  all(): void {
    for (const who of membersOf(this.world)) {
      const { process } = this.world.nodes[who];
      if (process !== null && !process.hung) {
        for (const connection of this.world.connections) {
          if (connection.ends.includes(who)) this.#receive(who, process, connection);
        }
        this.#completions(who, process);
        ofTime(this, who, process);
        if (process.gate === 'open' && this.world.updates < this.terms.updates)
          this.try('client', `a client of ${hostNames[who]} sets a value`, (play) => play.update(who), who);
      }
      for (const call of this.world.calls[who]) this.#agent(who, call);
      this.#repairs(who);
      this.#faultsOf(who);
      if (process !== null && !process.hung) this.#orders(who, process);
    }
    keepAliveTick(this);
    this.#arbiter();
    this.#links();
  }

  // Connections.

  #receive(who: Who, process: Process, connection: Connection): void {
    const side = connection.ends[0] === who ? 0 : 1;
    if (!connection.open[side]) return;
    const { id } = connection;
    const frame = connection.queues[1 - side]?.[0];
    const from = connection.ends[1 - side] as Host;
    const name = hostNames[who];
    if (frame !== undefined) {
      const what = frame.kind === 'session' || frame.kind === 'set' ? frame.kind : frame.message.type;
      this.try(
        'message',
        `${name} receives ${what} of ${hostNames[from]}`,
        (play) => this.#deliver(play, who, connection),
        who,
      );
    }
    if (connection.open[1 - side]) return;
    const isThere = from === arbiterHost || this.world.nodes[from].up;
    const isDead = from === arbiterHost ? this.world.arbiter === null : this.world.nodes[from].process === null;
    // What a dead process has sent may be lost with it.
    if (!isThere || isCut(this.world, from, who) || (frame !== undefined && !isDead)) return;
    this.try(
      'closed',
      `${name} sees its connection with ${hostNames[from]} closed`,
      (play) => {
        play.closeEnd(id, who);
        if (from !== arbiterHost) return play.run(who, { type: 'closed', connection: id, reason: 'closed' });
        if (process.arbiterConnection !== id) return;
        play.setProcess(who, { arbiterConnection: 0 });
        play.run(who, { type: 'arbiter-closed', reason: 'closed' });
      },
      who,
    );
  }

  #deliver(play: Play, who: Who, connection: Connection): void {
    const { id } = connection;
    const from = hostNames[otherEnd(connection, who)];
    const frame = play.shift(id, who);
    switch (frame?.kind) {
      case 'data': {
        const { incarnation, epoch, message, elements } = frame;
        play.arrived = elements;
        const envelope = { from, incarnation, epoch };
        return play.run(who, { type: 'message', connection: id, envelope, message });
      }
      case 'set':
        return setTold(play, who, id, frame.set);
      case 'session':
        return play.run(who, { type: 'arbiter-opened', session: frame.session });
      case 'from-arbiter':
        return play.run(who, { type: 'arbiter-message', message: frame.message });
      default:
    }
  }

  // What a process has begun.

  #completions(who: Who, process: Process): void {
    const name = hostNames[who];
    if (process.flushing) {
      this.try(
        'disk',
        `the journal of ${name} is flushed`,
        (play) => {
          const { journal } = play.node(who).disk;
          play.setDisk(who, { flushed: journal.length });
          play.setProcess(who, { flushing: false });
          play.run(who, { type: 'journal-flushed', to: positionAt(journal, journal.length) });
        },
        who,
      );
      this.fault(
        'journal stands still',
        `the journal of ${name} stands still for the QoS timeout`,
        (play) => play.process(who)?.state.role === 'primary' && play.wake(who, 'journal'),
      );
    }
    const { applyingTo, siteAsked, forgetting } = process;
    if (forgetting !== null)
      this.try(
        'disk',
        `${name} takes ${forgetting} out of the mirror set`,
        (play) => forget(play, who, forgetting),
        who,
      );
    if (applyingTo !== null) {
      this.try(
        'disk',
        `the databases of ${name} have caught up`,
        (play) => {
          play.setProcess(who, { applyingTo: null });
          play.applied(who, applyingTo);
        },
        who,
      );
    }
    if (siteAsked === 0) return;
    const answer = (play: Play, allowed: boolean): void => {
      play.setProcess(who, { siteAsked: 0 });
      play.run(who, { type: 'site-answered', request: siteAsked, allowed, spec: 'FO-067', because: 'the site' });
    };
    this.try('disk', `the site of ${name} allows it`, (play) => answer(play, true), who);
    this.fault('site refuses', `the site of ${name} refuses it`, (play) => answer(play, false));
  }

  // Agents.

  /** What `who` asks an agent, there and on its way back. */
  #agent(who: Who, call: Call): void {
    if (call.kind === 'question') return this.#question(who, call);
    if (this.world.nodes[who].process?.hung !== false) return;
    if (call.kind !== 'answer') return this.#journalOfAgent(who, call);
    if (isCut(this.world, call.of, who)) return this.#noAnswer(who, call);
    const label = `${hostNames[who]} hears the agent say ${call.answer.says}`;
    this.#answered(who, call, label, call.answer);
  }

  #question(who: Who, call: Question): void {
    const { of, request } = call;
    const { up, agent } = this.world.nodes[of];
    const name = hostNames[who];
    const isAwake = this.world.nodes[who].process?.hung === false;
    if (!up || isCut(this.world, who, of)) {
      if (request === nobody) this.try('message', `a late question is lost`, (play) => play.dropCall(who, of));
      else if (isAwake) this.#noAnswer(who, call);
      return;
    }
    if (agent) {
      this.try('message', `the agent of ${hostNames[of]} hears ${call.question} of ${name}`, (play) => {
        const answer = askAgent(play, who, call);
        play.note(of, `its agent answers ${answer.says}`);
        if (request === nobody) play.dropCall(who, of);
        else play.setCall(who, { of, kind: 'answer', request, answer });
      });
    } else if (request !== nobody && isAwake) {
      if (isCut(this.world, of, who)) return this.#noAnswer(who, call);
      this.#answered(who, call, `no agent listens to ${name}`, { says: 'nothing', reason: 'refused' });
    }
  }

  /** A promotion or demotion waits until the call fails; whoever looks for a primary has a deadline of its own (moves-of-time.ts). */
  #noAnswer(who: Who, call: Call): void {
    const state = this.world.nodes[who].process?.state;
    const { request } = call;
    const isAwaited = state?.promotion?.waits.has(request) === true || state?.serving.change?.asking === request;
    const label = `${hostNames[who]} gets no answer of the agent of ${hostNames[call.of]}`;
    if (isAwaited) this.#answered(who, call, label, { says: 'nothing', reason: 'timeout' });
  }

  #answered(who: Who, { of, request }: Call, label: string, answer: AgentAnswer): void {
    this.try(
      'message',
      label,
      (play) => {
        play.dropCall(who, of);
        play.run(who, { type: 'agent-answered', request, answer });
      },
      who,
    );
  }

  #journalOfAgent(who: Who, call: JournalCall): void {
    const { of, request } = call;
    const { up, agent } = this.world.nodes[of];
    const name = hostNames[who];
    const failed = (why: string): void =>
      this.try(
        'message',
        `${name} gets no journal: ${why}`,
        (play) => {
          play.dropCall(who, of);
          play.run(who, { type: 'fetch-failed', request, reason: why });
        },
        who,
      );
    if (!isLinkUp(this.world, who, of) || !up || !agent) return failed('no answer');
    if (call.kind === 'ask-journal')
      this.try('message', `${name} asks the agent for the journal`, (play) => askJournal(play, who, call), who);
    else this.try('message', `${name} fetches journal data`, (play) => fetchJournal(play, who, call), who);
  }

  // Repairs and faults.

  #repairs(who: Who): void {
    const { up, agent, process, disk } = this.world.nodes[who];
    const name = hostNames[who];
    if (!up)
      this.try('repair', `the host of ${name} comes back`, (play) => play.setNode(who, { up: true, agent: true }));
    else if (!agent) this.try('repair', `the agent of ${name} starts`, (play) => play.setNode(who, { agent: true }));
    if (!disk.readable)
      this.try('repair', `the record of ${name} can be read again`, (play) => play.setDisk(who, { readable: true }));
    if (process?.hung === true) {
      this.try('repair', `${name} goes on`, (play) => {
        play.setProcess(who, { hung: false });
        play.run(who, { type: 'stalled', gapMs: 1 });
      });
    }
    if (process === null && up && disk.readable && disk.record.removed === null)
      this.try('repair', `${name} is started`, (play) => play.start(who), who);
  }

  #faultsOf(who: Who): void {
    const { up, agent, process, disk } = this.world.nodes[who];
    const name = hostNames[who];
    if (process !== null) this.fault('kill', `${name} is killed`, (play) => play.die(who));
    if (up) {
      for (let kept = disk.flushed; kept <= disk.journal.length; kept += 1)
        this.fault('crash', `the host of ${name} crashes`, (play) => play.crashHost(who, kept));
    }
    if (process !== null && !process.hung)
      this.fault('hang', `${name} stands still`, (play) => play.setProcess(who, { hung: true }));
    if (agent) this.fault('agent dies', `the agent of ${name} dies`, (play) => play.setNode(who, { agent: false }));
    if (disk.readable)
      this.fault('unreadable', `the record of ${name} cannot be read`, (play) =>
        play.setDisk(who, { readable: false }),
      );
  }

  #links(): void {
    const members = membersOf(this.world);
    const hosts: readonly Host[] = this.terms.arbiter ? [...members, arbiterHost] : members;
    for (const [a, b] of hosts.flatMap((from, index) => hosts.slice(index + 1).map((to) => [from, to] as const))) {
      const both = directionBit(a, b) | directionBit(b, a);
      const { cut } = this.world;
      const link = `${hostNames[a]}-${hostNames[b]}`;
      if ((cut & both) !== 0) {
        this.try('repair', `the link ${link} is mended`, (play) => play.set({ cut: cut & ~both }));
        continue;
      }
      this.fault('cut', `the link ${link} is cut`, (play) => play.set({ cut: cut | both }));
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        this.fault('one-way cut', `the link ${link} is cut from ${hostNames[from]} to ${hostNames[to]}`, (play) =>
          play.set({ cut: cut | directionBit(from, to) }),
        );
      }
    }
  }

  #arbiter(): void {
    const { arbiter, nextSession } = this.world;
    if (!this.terms.arbiter) return;
    if (arbiter === null) {
      this.try('repair', 'the arbiter starts', (play) => play.set({ arbiter: initialArbiter(nextSession) }));
      return;
    }
    this.fault('arbiter dies', 'the arbiter dies', (play) => {
      play.set({ arbiter: null, past: { ...play.world.past, licence: null } });
      play.closeAllOf(arbiterHost);
    });
    for (const { id, ends, open, queues } of this.world.connections) {
      if (ends[1] !== arbiterHost || !open[1]) continue;
      const who = ends[0] as Who;
      const name = hostNames[who];
      const frame = queues[0][0];
      if (frame?.kind === 'to-arbiter') {
        this.try('message', `the arbiter receives ${frame.message.type} of ${name}`, (play) => {
          play.shift(id, arbiterHost);
          runArbiter(play, { type: 'message', connection: id, message: frame.message });
        });
      }
      const { process } = this.world.nodes[who];
      const isSilent = isCut(this.world, who, arbiterHost) || process?.hung === true || !this.world.nodes[who].up;
      const isClosed = !open[0] && (frame === undefined || process === null);
      if (isSilent || isClosed) {
        this.try('closed', `the arbiter loses ${name}`, (play) => {
          play.closeEnd(id, arbiterHost);
          runArbiter(play, { type: 'closed', connection: id });
        });
      }
    }
  }

  // The operator.

  #isTellingNoFailover(): boolean {
    return this.world.connections.some(({ queues }) =>
      queues.some((queue) =>
        queue.some((frame) => frame.kind === 'data' && frame.message.type.startsWith('no-failover')),
      ),
    );
  }

  #orders(who: Who, process: Process): void {
    const { state } = process;
    const lineage = `F${state.record.epoch.number + 1}${hostNames[who]}`;
    const evidence = { lineage, atMs: 0, evidence: '' };
    const give =
      (order: OperatorCommand): Act =>
      (play) =>
        play.run(who, { type: 'operator', request: 1, order });
    const may = (order: OperatorCommand): boolean => precondition(state, order.command) === null;
    const name = hostNames[who];
    const paid: readonly [Fault, OperatorCommand][] = [
      ['hand over', { command: 'stop-instance', noFailover: false }],
      ['stop with no failover', { command: 'stop-instance', noFailover: true }],
      ['stop mirroring', { command: 'stop-mirror' }],
      ['no failover', { command: 'change-no-failover', set: true }],
      ['become primary', { command: 'become-primary' }],
      ['force', { command: 'force-primary', ...evidence }],
      ['resume', { command: 'resume-primary', ...evidence }],
      ['demote', { command: 'demote' }],
      ['demote', { command: 'demote-other' }],
    ];
    for (const [fault, order] of paid)
      if (this.#may(fault) && may(order)) this.fault(fault, `the operator of ${name}: ${order.command}`, give(order));
    this.#promotions(who, process, give);
    this.#removals(who, process);
    const free: readonly OperatorCommand[] = [
      { command: 'start-mirror' },
      { command: 'change-no-failover', set: false },
    ];
    for (const order of free) {
      // One order at a time: nothing ends that is given again and again.
      const isNeeded = order.command === 'start-mirror' || (state.record.noFailover && !this.#isTellingNoFailover());
      if (isNeeded && may(order)) this.try('operator', `the operator of ${name}: ${order.command}`, give(order), who);
    }
  }

  /** On the primary, one after the other. */
  #removals(who: Who, { state, forgetting }: Process): void {
    if (precondition(state, 'remove-member') !== null || forgetting !== null || isRemoving(state)) return;
    for (const of of membersOf(this.world)) {
      const member = hostNames[of];
      if (of === who || this.world.nodes[who].disk.set.removed.some(({ name }) => name === member)) continue;
      const order = { command: 'remove-member', member, removeAttribute: false } as const;
      this.fault('remove', `the operator of ${hostNames[who]} removes ${member}`, (play) =>
        play.run(who, { type: 'operator', request: requestToRemove(of), order }),
      );
    }
  }

  /** With every partner that may be chosen, also none, and chosen by the rules. */
  #promotions(who: Who, { state }: Process, give: (order: OperatorCommand) => Act): void {
    if (precondition(state, 'promote') !== null) return;
    const evidence = { lineage: `P${state.record.epoch.number + 1}${hostNames[who]}`, atMs: 0, evidence: '' };
    const { names } = presentList(state);
    const wishes = state.role === 'attached' ? [null] : [null, 'none', ...names];
    for (const partner of wishes)
      for (const fault of ['promote', 'promote and hold'] as const)
        this.fault(
          fault,
          `the operator of ${hostNames[who]}: ${fault}${partner === null ? '' : `, partner ${partner}`}`,
          give({ command: 'promote', partner, hold: fault === 'promote and hold', ...evidence }),
        );
  }
}
