/**
 * When two worlds are the same. The key is a number of 53 bits made from everything that can make a difference to what follows,
 * and of nothing else; worlds with equal keys are explored once (that two different worlds of a million share one is a matter of
 * one in ten thousand searches). What is left out or renamed, and why that loses nothing:
 *
 * - Times. Everything happens at one moment, and a move decides which deadline has come; only whether the backup's window is
 *   open and whether trouble has a limit are states.
 * - Numbers of connections, requests and sessions are only compared for equality, and new ones are always fresh: they are
 *   named in the order in which the key meets them. Terms are compared for order within an epoch: they keep it.
 * - Incarnations and numbers of hellos count only while a hello is under way or a journal is asked for: they are ranked
 *   there and left out elsewhere, since every later one is higher.
 * - What serves the status, the log and the operator's screen: since when, how often told, acknowledged and applied by whom,
 *   and orders that only wait for an answer. A forced takeover under way is a state.
 * - Whose turn it is to be dialled: whoever tries again may dial anybody (moves-of-time.ts). What an async has acknowledged.
 * - File and offset of a position follow from epoch and sequence, a history from the journal.
 * - Of a fence only how far it lies above the own epoch counts, of epochs heard of only what lies above both.
 */

import { listText } from '../../mirror/failover-members.ts';
import type { JournalPosition } from '../../mirror/journal-position.ts';
import type { MemberRecord } from '../../mirror/member-record.ts';
import type { ArbiterLink, Attachment, MemberState, Promotion, Serving } from '../../mirror/member-state.ts';
import type { AgentAnswer, DataMessage, Refusal } from '../../mirror/messages.ts';
import { type Epoch, type FailoverMembers, sameEpoch } from '../../mirror/terms.ts';
import {
  type Call,
  type Connection,
  type Frame,
  type KnownSet,
  membersOf,
  type Node,
  now,
  type Process,
  textOf,
  type Who,
  type World,
  whoIs,
} from './plain-world.ts';

export function keyOf(world: World): number {
  return new Key(world).value();
}

/** Of the reasons for a refusal those that make the other one go on. */
const counting: readonly Refusal[] = ['not-a-member', 'gives-way'];

/** A number for each word met. */
const words = new Map<string, number>();

class Key {
  readonly #world: World;
  #first = 0x9e3779b9 | 0;
  #second = 0x85ebca6b | 0;
  /** Names in the order of first meeting. */
  readonly #connections: number[] = [0];
  readonly #requests: [number[], number[], number[]] = [[0], [0], [0]];
  readonly #sessions: number[] = [0];
  /** Numbers of which only the order counts, in the order of meeting. */
  readonly #ordered: number[] = [];
  #who: Who = 0;

  constructor(world: World) {
    this.#world = world;
  }

  value(): number {
    const { nodes, connections, calls, cut, updates, faults, past, arbiter } = this.#world;
    for (const who of membersOf(this.#world)) {
      this.#who = who;
      this.#node(nodes[who]);
      this.#put(calls[who].length);
      for (const call of calls[who]) this.#call(call);
    }
    // Those that a member knows have their names by now; the order in which the rest was opened makes no difference.
    const known = (connection: Connection): number => {
      const name = this.#connections.indexOf(connection.id);
      return name < 0 ? 1000 + connection.id : name;
    };
    const sorted = connections.length < 2 ? connections : [...connections].sort((a, b) => known(a) - known(b));
    for (const connection of sorted) this.#connection(connection);
    this.#arbiter(arbiter);
    this.#put(cut, updates, faults);
    this.#put(past.reign.epoch, past.reign.owner, past.reign.lineage);
    this.#put(past.acknowledged, bit(past.forced));
    if (past.licence !== null && arbiter !== null) this.#put(past.licence.member);
    this.#rank();
    return (mix(this.#first) >>> 0) * 0x200000 + (mix(this.#second) >>> 11);
  }

  #put(...parts: readonly (string | number)[]): void {
    for (const part of parts) {
      const number = typeof part === 'number' ? part : numberOf(part);
      this.#first = Math.imul(this.#first ^ number, 0x9e3779b1);
      this.#first ^= this.#first >>> 15;
      this.#second = Math.imul((this.#second + number) ^ (this.#second >>> 13), 0x85ebca77);
    }
  }

  #epoch({ number, owner, lineage }: Epoch): void {
    this.#put(number, owner, lineage);
  }

  #place({ epoch, sequence }: JournalPosition): void {
    this.#put(epoch * 1000 + sequence);
  }

  #name(names: number[], number: number): void {
    let index = names.indexOf(number);
    if (index < 0) index = names.push(number) - 1;
    this.#put(index);
  }

  #request(number: number): void {
    this.#name(this.#requests[this.#who], number);
  }

  #rank(): void {
    const values = [...this.#ordered].sort((a, b) => a - b);
    for (const value of this.#ordered) this.#put(rankIn(values, value));
  }

  /** A term belongs to an epoch; 0 is no term. */
  #term(epoch: Epoch, term: number): void {
    this.#ordered.push(term === 0 ? 0 : epoch.number * 1000 + term);
  }

  /** Incarnations, and with them hellos, of each member in a range of their own, above all terms. */
  #incarnation(of: number, incarnation: number, hello = 0): void {
    this.#ordered.push(1e9 * (of + 1) + incarnation * 1000 + hello);
  }

  #node({ up, agent, disk, process }: Node): void {
    const { journal, flushed, applied, readable, record } = disk;
    this.#put(bits(up, agent, readable), textOf(journal), flushed, applied);
    this.#set(disk.set);
    this.#record(record);
    if (process === null) this.#put(none);
    else this.#process(process);
  }

  /** Most know the first one. */
  #set({ epoch, removed }: KnownSet): void {
    if (removed.length > 0) this.#put('set', epoch, ...removed.map(({ name }) => name));
  }

  #record(record: MemberRecord): void {
    const { epoch, activeBackup, wasActive, fence, validatedMember, splitIn } = record;
    this.#epoch(epoch);
    this.#put(bits(record.primaryOfEpoch, record.noFailover, record.stoppedByOperator, validatedMember));
    this.#list(record.failoverMembers);
    if (record.removed !== null) this.#put('removed', record.removed.by);
    const isByForce = record.forced?.byPromotion === true && record.forced.epoch.lineage === epoch.lineage;
    this.#put(bits(isByForce, splitIn !== null && sameEpoch(splitIn, epoch)));
    this.#put(Math.max(0, record.stoppedForEpoch - epoch.number));
    const fenceAbove = Math.max(0, (fence?.epoch.number ?? 0) - epoch.number);
    this.#put(fenceAbove, record.noFailoverClearedIn, fenceAbove > 0 ? (fence?.requester ?? none) : none);
    if (activeBackup !== null) {
      this.#put(activeBackup.member);
      this.#term(epoch, activeBackup.term);
    } else this.#put(none);
    if (wasActive !== null) {
      this.#epoch(wasActive.epoch);
      this.#term(wasActive.epoch, wasActive.term);
    } else this.#put(none);
  }

  #list(list: FailoverMembers | null): void {
    this.#put(listText(list), list?.forced?.lineage ?? none, list?.forced?.number ?? none);
  }

  #process(process: Process): void {
    const { state, gate, hung, flushing, applyingTo, showing, siteAsked, arbiterConnection, unanswered } = process;
    const { record, role, becoming } = state;
    const heard = Math.max(state.epochHeard, record.fence?.epoch.number ?? 0) - record.epoch.number;
    const isWindowOpen = state.windowUntilMs > now && record.wasActive !== null;
    const isForcing = state.orders.some(({ command }) => command === 'force-primary');
    const hasBeenActive = state.becameActive && record.wasActive !== null;
    this.#put(role, gate, bits(hung, flushing, isWindowOpen, isForcing, hasBeenActive), showing, Math.max(0, heard));
    if (applyingTo !== null) this.#place(applyingTo);
    if (process.forgetting !== null) this.#put('forgetting', process.forgetting);
    for (const { removal } of state.orders) if (removal !== undefined) this.#put('removing', removal.member);
    this.#put(unanswered.length);
    for (const { payload } of unanswered) this.#put(payload);
    this.#journal(state);
    this.#request(siteAsked);
    this.#seeking(state);
    if (state.promotion !== null) this.#promotion(state.promotion);
    if (state.attachment !== null) this.#attachment(state, state.attachment);
    if (role === 'primary' || role === 'handing-over') this.#serving(state, state.serving);
    if (becoming !== null) {
      const { phase, request, retryAtMs, lineage, refusal } = becoming;
      this.#put(phase, state.right ?? '', bits(retryAtMs > 0, refusal !== null), lineage ?? '');
      this.#request(request ?? 0);
    }
    this.#arbiterLink(state.arbiter, arbiterConnection);
    this.#helloFrom(state);
  }

  #journal({ journal }: MemberState): void {
    this.#place(journal.appended);
    this.#place(journal.flushed);
    this.#place(journal.durable);
    this.#place(journal.applied);
    this.#place(journal.appliedFurthest);
    this.#put(journal.history.length, bit(journal.unflushedSinceMs !== null));
    for (const { epoch } of journal.history) this.#put(epoch);
    if (journal.applyingTo !== null) this.#place(journal.applyingTo);
  }

  #seeking({ role, seeking, settings, inquired }: MemberState): void {
    if (role !== 'attached') for (const name of inquired) this.#put(name);
    if (role !== 'seeking') return;
    this.#put(seeking.next, seeking.dialling ?? '');
    this.#name(this.#connections, seeking.helloOver ?? 0);
    this.#request(seeking.request ?? 0);
    if (seeking.fetching === null) return;
    this.#put('fetching');
    this.#request(seeking.fetching.request);
    this.#incarnation(whoIs(settings.partner ?? ''), seeking.fetching.incarnation);
  }

  #promotion({ order, phase, waits, answers, list }: Promotion): void {
    this.#put('promotion', phase, order.partner ?? none, order.lineage, bit(order.hold));
    for (const [request, name] of waits) {
      this.#request(request);
      this.#put(name);
    }
    for (const [name, answer] of [...answers].sort(([a], [b]) => (a < b ? -1 : 1))) {
      this.#put(name);
      this.#answer(whoIs(name), answer);
    }
    this.#list(list);
  }

  #attachment(state: MemberState, attachment: Attachment): void {
    const { epoch } = state.record;
    this.#put('attachment', attachment.to);
    if (attachment.asking) this.#put('asking');
    else this.#name(this.#connections, attachment.connection);
    this.#place(attachment.durableTo);
    this.#put(attachment.mode, bit(attachment.windowAllowed), attachment.history.length);
    for (const beginning of attachment.history) this.#put(beginning.epoch);
    this.#term(epoch, attachment.modeTerm);
    if (attachment.activating !== null) {
      this.#place(attachment.activating.upTo);
      this.#term(epoch, attachment.activating.term);
    }
    if (attachment.number > 0 || attachment.echo > 0) {
      this.#put('keep-alives', attachment.number, attachment.echo);
      for (const { number, atMs } of attachment.sentAtMs) this.#put(number, bit(atMs > 0));
    }
  }

  #serving(state: MemberState, serving: Serving): void {
    const { epoch } = state.record;
    const { counted, trouble } = serving;
    this.#put('serving', serving.mode, bits(serving.leaving, serving.takeOverSent, serving.hung));
    this.#term(epoch, serving.term);
    this.#term(epoch, serving.modeTerm);
    this.#name(this.#sessions, serving.modeSession);
    this.#place(serving.ackedByCounted);
    if (counted !== null) {
      this.#put(counted.confirmed ? 'confirmed' : 'counted', counted.member);
      this.#term(epoch, counted.term);
    }
    if (trouble !== null) {
      this.#put(trouble.kind, bit(trouble.untilMs === null));
      this.#name(this.#sessions, trouble.askedSession);
    }
    if (serving.fencing !== null) {
      this.#put('fencing');
      this.#request(serving.fencing.request);
    }
    if (serving.change !== null) {
      const { list, leaving, asker, asking } = serving.change;
      this.#put('change', leaving ?? none, asker ?? none);
      this.#list(list);
      this.#request(asking ?? 0);
    }
    for (const served of [...serving.members.values()].sort((a, b) => (a.name < b.name ? -1 : 1))) {
      this.#put(served.name, bit(served.failoverMember));
      this.#name(this.#connections, served.connection);
      this.#name(this.#sessions, served.session);
      if (served.sentTo === null) this.#put(none);
      else this.#place(served.sentTo);
      this.#place(served.durableTold);
      // Nobody waits for what an async has not acknowledged.
      this.#put(bit(served.failoverMember && served.inFlight.length > 0));
      if (served.number > 0 || served.echo > 0) this.#put('keep-alives', served.number, served.echo);
    }
  }

  #arbiterLink({ state, session }: ArbiterLink, connection: number): void {
    this.#put(state);
    this.#name(this.#sessions, session);
    this.#name(this.#connections, connection);
  }

  /** Which hellos would be old: only where one is under way to this member. */
  #helloFrom({ helloFrom, self }: MemberState): void {
    if (helloFrom.size === 0) return;
    const isOneUnderWay = this.#world.connections.some(({ queues, ends }) =>
      queues.some((queue, side) => {
        const to = ends[1 - side];
        if (to !== whoIs(self)) return false;
        return queue.some((frame) => frame.kind === 'data' && frame.message.type === 'hello');
      }),
    );
    if (!isOneUnderWay) return;
    this.#put('hello');
    for (const [name, { incarnation, hello }] of [...helloFrom].sort(([a], [b]) => (a < b ? -1 : 1)))
      this.#incarnation(whoIs(name), incarnation, hello);
  }

  #call(call: Call): void {
    this.#put(call.kind, call.of);
    this.#request(call.request);
    if (call.kind === 'question') {
      this.#put(call.question, call.epoch.number);
      return this.#list(call.failoverMembers ?? null);
    }
    if (call.kind === 'answer') return this.#answer(call.of, call.answer);
    this.#incarnation(call.of, call.incarnation);
    this.#incarnation(call.of, this.#world.nodes[call.of].disk.record.incarnation);
  }

  #answer(of: Who, answer: AgentAnswer): void {
    this.#put(answer.says);
    if (answer.says === 'running') {
      this.#put(bit(answer.primary));
      this.#epoch(answer.epoch);
    }
    if (answer.says !== 'down') return;
    const { record } = answer;
    if (record === null) return this.#put(none);
    this.#epoch(record.epoch);
    this.#put(bits(record.primaryOfEpoch, record.noFailover, record.activeBackup !== null));
    this.#list(record.failoverMembers ?? null);
    this.#incarnation(of, record.incarnation);
    this.#incarnation(of, this.#world.nodes[of].disk.record.incarnation);
    if (record.activeBackup !== null) {
      this.#put(record.activeBackup.member);
      this.#term(record.epoch, record.activeBackup.term);
    }
  }

  #connection({ id, ends, open, queues }: Connection): void {
    this.#put('connection', ends[0], ends[1], bits(open[0], open[1]));
    this.#name(this.#connections, id);
    for (const [side, queue] of queues.entries()) {
      this.#put(queue.length);
      for (const frame of queue) this.#frame(frame, ends[side as 0 | 1]);
    }
  }

  #frame(frame: Frame, from: number): void {
    switch (frame.kind) {
      case 'set':
        return this.#set(frame.set);
      case 'session':
        this.#put('session');
        return this.#name(this.#sessions, frame.session);
      case 'data':
        this.#put(frame.message.type);
        this.#epoch(frame.epoch);
        if (frame.message.type === 'reign') this.#put((frame.message.mirrorSet?.removed ?? []).length);
        if (frame.message.type === 'hello') this.#incarnation(from, frame.incarnation, frame.message.hello);
        if (frame.elements.length > 0) this.#put(textOf(frame.elements));
        return this.#message(frame.message, frame.epoch);
      default: {
        const { message } = frame;
        this.#put(message.type);
        if (message.type === 'keep-alive') return;
        this.#epoch(message.epoch);
        this.#term(message.epoch, message.term);
        if (message.type !== 'enter') return;
        this.#name(this.#sessions, message.session);
        this.#name(this.#sessions, message.otherSession);
      }
    }
  }

  #message(message: DataMessage, epoch: Epoch): void {
    switch (message.type) {
      case 'hello':
        this.#list(message.failoverMembers ?? null);
        this.#put(bits(message.primaryOfEpoch, message.failoverMember, message.forced === true), message.heard ?? 0);
        return this.#place(message.journalEnd);
      case 'reign':
      case 'failover-members':
        return this.#list(message.failoverMembers ?? null);
      case 'refuse':
        this.#list(message.failoverMembers ?? null);
        return this.#put(counting.includes(message.reason) ? message.reason : none);
      case 'welcome':
        this.#list(message.failoverMembers ?? null);
        this.#place(message.end);
        this.#put(bit(message.noFailover), message.history.length);
        for (const beginning of message.history) this.#put(beginning.epoch);
        return;
      case 'data':
        this.#place(message.from);
        this.#place(message.to);
        return this.#place(message.durableTo);
      case 'ack':
        this.#place(message.to);
        return this.#term(epoch, message.term);
      case 'durable-to':
        return this.#place(message.to);
      case 'set-active':
        this.#place(message.upTo);
        return this.#term(epoch, message.term);
      case 'keep-alive':
        this.#put(message.number, message.echo, message.mode);
        this.#name(this.#sessions, message.session);
        return this.#term(epoch, message.term);
      case 'enter-propose':
      case 'enter-ready':
        this.#name(this.#sessions, message.session);
        return this.#term(epoch, message.term);
      case 'leave':
      case 'left':
      case 'agent-mode-ok':
        return this.#term(epoch, message.term);
      case 'take-over':
        return this.#place(message.final);
      case 'going-down':
        return this.#put(bit(message.noFailover));
      case 'no-failover':
      case 'no-failover-done':
        return this.#put(bit(message.set));
      default:
    }
  }

  #arbiter(arbiter: World['arbiter']): void {
    if (arbiter === null) return this.#put(none);
    this.#put('arbiter', arbiter.sessions.length);
    for (const { session, connection, member } of arbiter.sessions) {
      this.#put(member);
      this.#name(this.#sessions, session);
      this.#name(this.#connections, connection);
    }
    for (const { epoch, term, sessions, licensed, asking } of arbiter.periods.values()) {
      this.#epoch(epoch);
      this.#term(epoch, term);
      for (const session of sessions) this.#name(this.#sessions, session);
      this.#put(sessions.indexOf(licensed), asking.length);
      for (const session of asking) this.#put(sessions.indexOf(session));
    }
  }
}

/** Stands where nothing is. */
const none = -1;

function bit(flag: boolean): number {
  return flag ? 1 : 0;
}

function bits(...flags: readonly boolean[]): number {
  let number = 0;
  for (const flag of flags) number = number * 2 + (flag ? 1 : 0);
  return number;
}

/** How many different values lie below. */
function rankIn(sorted: readonly number[], value: number): number {
  let rank = 0;
  for (let index = 1; index < sorted.length && (sorted[index - 1] as number) < value; index += 1)
    if (sorted[index] !== sorted[index - 1]) rank += 1;
  return rank;
}

function numberOf(word: string): number {
  let number = words.get(word);
  if (number === undefined) {
    number = 0x10000 + words.size;
    words.set(word, number);
  }
  return number;
}

function mix(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
