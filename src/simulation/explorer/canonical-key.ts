/**
 * When two worlds are the same. The key is a text of everything that can make a difference to what follows, and of nothing
 * else; worlds with equal keys are explored once. What is left out or renamed, and why that loses nothing:
 *
 * - Times. Everything happens at one moment, and a move decides which deadline has come; only whether the backup's window is
 *   open and whether trouble has a limit are states.
 * - Numbers of connections, requests and sessions are only compared for equality, and new ones are always fresh: they are
 *   named in the order in which the key meets them. Terms are compared for order within an epoch: they keep it.
 * - Incarnations and numbers of hellos count only while a hello is under way or a journal is asked for: they are ranked
 *   there and left out elsewhere, since every later one is higher.
 * - What serves the status, the log and the operator's screen: since when, how often told, acknowledged and applied by whom,
 *   and orders that only wait for an answer. A forced takeover under way is a state.
 * - File and offset of a position follow from epoch and sequence, a history from the journal.
 * - Of a fence only how far it lies above the own epoch counts, of epochs heard of only what lies above both.
 */

import type { JournalPosition } from '../../mirror/journal-position.ts';
import type { MemberRecord } from '../../mirror/member-record.ts';
import type { ArbiterLink, Attachment, MemberState, Serving } from '../../mirror/member-state.ts';
import type { AgentAnswer, DataMessage } from '../../mirror/messages.ts';
import type { Epoch } from '../../mirror/terms.ts';
import {
  type Call,
  type Connection,
  type Frame,
  type Node,
  now,
  type Process,
  textOf,
  type World,
} from './plain-world.ts';

export function keyOf(world: World): string {
  return new Key(world).text();
}

class Key {
  readonly #world: World;
  readonly #out: string[] = [];
  /** Names in the order of first meeting. */
  readonly #connections: number[] = [0];
  readonly #requests: [number[], number[]] = [[0], [0]];
  readonly #sessions: number[] = [0];
  /** Numbers that keep their order, and where they stand in `#out`. */
  readonly #ordered: { readonly at: number; readonly value: number }[] = [];
  #who: 0 | 1 = 0;

  constructor(world: World) {
    this.#world = world;
  }

  text(): string {
    const { nodes, connections, calls, cut, updates, faults, past, arbiter } = this.#world;
    const out = this.#out;
    for (const who of [0, 1] as const) {
      this.#who = who;
      this.#node(nodes[who]);
      this.#call(calls[who]);
    }
    // Those that a member knows have their names by now; the order in which the rest was opened makes no difference.
    const known = (connection: Connection): number => {
      const name = this.#connections.indexOf(connection.id);
      return name < 0 ? 1000 + connection.id : name;
    };
    for (const connection of [...connections].sort((a, b) => known(a) - known(b))) this.#connection(connection);
    this.#arbiter(arbiter);
    out.push(`|${cut} ${updates} ${faults}|${past.reign.epoch}${past.reign.owner}${past.reign.lineage}`);
    out.push(`${past.acknowledged}${past.forced ? 'F' : ''}`);
    if (past.licence !== null && arbiter !== null) out.push(past.licence.member);
    this.#rank();
    return out.join(' ');
  }

  #name(names: number[], number: number): string {
    let index = names.indexOf(number);
    if (index < 0) index = names.push(number) - 1;
    return `${index}`;
  }

  #keep(value: number): void {
    this.#ordered.push({ at: this.#out.length, value });
    this.#out.push('');
  }

  #rank(): void {
    const values = this.#ordered.map(({ value }) => value).sort((a, b) => a - b);
    let rank = 0;
    const ranks = new Map<number, string>();
    for (const value of values) {
      if (ranks.has(value)) continue;
      ranks.set(value, `${rank}`);
      rank += 1;
    }
    for (const { at, value } of this.#ordered) this.#out[at] = ranks.get(value) as string;
  }

  /** A term belongs to an epoch; 0 is no term. */
  #term(epoch: Epoch, term: number): void {
    this.#keep(term === 0 ? 0 : epoch.number * 1000 + term);
  }

  /** Incarnations, and with them hellos, of each member in a range of their own. */
  #incarnation(of: number, incarnation: number, hello = 0): void {
    this.#keep(1e6 * (of + 1) + incarnation * 1000 + hello);
  }

  #node({ up, agent, disk, process }: Node): void {
    const out = this.#out;
    const { journal, flushed, applied, readable, record } = disk;
    out.push(`#${up ? 'u' : ''}${agent ? 'a' : ''}${readable ? 'r' : ''}`, textOf(journal), `${flushed} ${applied}`);
    this.#record(record);
    if (process === null) out.push('-');
    else this.#process(process);
  }

  #record(record: MemberRecord): void {
    const { epoch, activeBackup, wasActive, fence } = record;
    const flags =
      (record.primaryOfEpoch ? 'p' : '') + (record.noFailover ? 'n' : '') + (record.stoppedByOperator ? 's' : '');
    this.#out.push(epochText(epoch), flags, `${Math.max(0, (fence?.epoch.number ?? 0) - epoch.number)}`);
    if (record.noFailoverClearedIn > 0) this.#out.push(`c${record.noFailoverClearedIn}`);
    if (!record.validatedMember) this.#out.push('v');
    if (activeBackup !== null) this.#term(epoch, activeBackup.term);
    else this.#out.push('-');
    if (wasActive !== null) {
      this.#out.push(epochText(wasActive.epoch));
      this.#term(wasActive.epoch, wasActive.term);
    } else this.#out.push('-');
  }

  #process({ state, gate, hung, flushing, applyingTo, siteAsked, arbiterConnection, unanswered }: Process): void {
    const out = this.#out;
    const { record, role, journal } = state;
    const heard = Math.max(state.epochHeard, record.fence?.epoch.number ?? 0) - record.epoch.number;
    const { failoverMember: _failoverMember } = state;
    out.push(role, gate, `${hung ? 'h' : ''}${flushing ? 'f' : ''}${heard > 0 ? heard : ''}`);
    out.push(applyingTo === null ? '-' : place(applyingTo), `${unanswered.length}`);
    if (unanswered.length > 0) out.push(unanswered.map((element) => element.payload).join());
    out.push(place(journal.appended), place(journal.flushed), place(journal.durable), place(journal.applied));
    out.push(place(journal.appliedFurthest), journal.history.map(({ epoch }) => epoch).join());
    if (journal.applyingTo !== null) out.push(`a${place(journal.applyingTo)}`);
    if (journal.unflushedSinceMs !== null) out.push('u');
    if (state.windowUntilMs > now && record.wasActive !== null) out.push('w');
    if (siteAsked > 0) out.push(`S${this.#request(siteAsked)}`);
    if (state.orders.some(({ command }) => command === 'force-primary')) out.push('F');
    this.#seeking(state);
    if (state.attachment !== null) this.#attachment(state, state.attachment);
    if (role === 'primary' || role === 'handing-over') this.#serving(state, state.serving);
    if (state.becoming !== null) {
      const { phase, request, retryAtMs, lineage, refusal } = state.becoming;
      out.push(phase, state.right ?? '', retryAtMs > 0 ? 'r' : '', lineage ?? '', refusal === null ? '' : 'no');
      out.push(request === null ? '-' : this.#request(request));
    }
    this.#arbiterLink(state.arbiter, arbiterConnection);
    this.#helloFrom(state);
  }

  #request(number: number): string {
    return this.#name(this.#requests[this.#who], number);
  }

  #seeking({ role, seeking }: MemberState): void {
    if (role !== 'seeking') return;
    const out = this.#out;
    out.push(seeking.next, seeking.dialling ?? '-');
    out.push(seeking.helloOver === null ? '-' : this.#name(this.#connections, seeking.helloOver));
    out.push(seeking.request === null ? '-' : this.#request(seeking.request));
    if (seeking.fetching === null) return;
    out.push(`f${this.#request(seeking.fetching.request)}`);
    this.#incarnation(1 - this.#who, seeking.fetching.incarnation);
  }

  #attachment(state: MemberState, attachment: Attachment): void {
    const out = this.#out;
    const { epoch } = state.record;
    out.push('@', attachment.asking ? 'asking' : this.#name(this.#connections, attachment.connection));
    out.push(place(attachment.durableTo), attachment.history.map((beginning) => beginning.epoch).join());
    out.push(attachment.mode, attachment.windowAllowed ? 'w' : '');
    this.#term(epoch, attachment.modeTerm);
    if (attachment.activating !== null) {
      out.push(place(attachment.activating.upTo));
      this.#term(epoch, attachment.activating.term);
    }
    if (attachment.number > 0 || attachment.echo > 0) {
      out.push(`k${attachment.number} ${attachment.echo}`);
      for (const { number, atMs } of attachment.sentAtMs) out.push(`${number}${atMs > 0 ? '' : 'o'}`);
    }
  }

  #serving(state: MemberState, serving: Serving): void {
    const out = this.#out;
    const { epoch } = state.record;
    const { counted, trouble } = serving;
    out.push(
      '$',
      serving.mode,
      `${serving.leaving ? 'l' : ''}${serving.takeOverSent ? 't' : ''}${serving.hung ? 'h' : ''}`,
    );
    this.#term(epoch, serving.term);
    this.#term(epoch, serving.modeTerm);
    out.push(this.#name(this.#sessions, serving.modeSession), place(serving.ackedByCounted));
    if (counted !== null) {
      out.push(counted.confirmed ? 'C' : 'c');
      this.#term(epoch, counted.term);
    }
    if (trouble !== null)
      out.push(trouble.kind, trouble.untilMs === null ? '' : 'u', this.#name(this.#sessions, trouble.askedSession));
    if (serving.fencing !== null) out.push(`f${this.#request(serving.fencing.request)}`);
    for (const served of serving.members.values()) {
      out.push(this.#name(this.#connections, served.connection), this.#name(this.#sessions, served.session));
      out.push(served.sentTo === null ? '-' : place(served.sentTo), place(served.durableTold));
      out.push(`${served.inFlight.length > 0 ? 'i' : ''}`);
      if (served.number > 0 || served.echo > 0) out.push(`k${served.number} ${served.echo}`);
    }
  }

  #arbiterLink({ state, session }: ArbiterLink, connection: number): void {
    this.#out.push(state, this.#name(this.#sessions, session), this.#name(this.#connections, connection));
  }

  /** Which hellos would be old: only where one is under way to this member. */
  #helloFrom({ helloFrom, self }: MemberState): void {
    for (const { incarnation, hello } of helloFrom.values()) {
      const isOneUnderWay = this.#world.connections.some(({ queues, ends }) =>
        queues.some((queue, side) => {
          const to = ends[1 - side];
          if (to !== (self === 'A' ? 0 : 1)) return false;
          return queue.some((frame) => frame.kind === 'data' && frame.message.type === 'hello');
        }),
      );
      if (isOneUnderWay) this.#incarnation(1 - this.#who, incarnation, hello);
    }
  }

  #call(call: Call | null): void {
    if (call === null) return;
    const out = this.#out;
    out.push(`!${call.kind}`, this.#request(call.request));
    if (call.kind === 'question') out.push(call.question, `${call.epoch.number}`);
    else if (call.kind === 'answer') this.#answer(call.answer);
    else this.#incarnation(1 - this.#who, call.incarnation);
    if (call.kind === 'answer' || call.kind === 'question') return;
    this.#incarnation(1 - this.#who, this.#world.nodes[this.#who === 0 ? 1 : 0].disk.record.incarnation);
  }

  #answer(answer: AgentAnswer): void {
    const out = this.#out;
    out.push(answer.says);
    if (answer.says === 'running') out.push(answer.primary ? 'p' : '', epochText(answer.epoch));
    if (answer.says !== 'down' || answer.record === null) return;
    const { record } = answer;
    out.push(epochText(record.epoch), record.primaryOfEpoch ? 'p' : '', record.noFailover ? 'n' : '');
    this.#incarnation(1 - this.#who, record.incarnation);
    this.#incarnation(1 - this.#who, this.#world.nodes[this.#who === 0 ? 1 : 0].disk.record.incarnation);
    if (record.activeBackup !== null) this.#term(record.epoch, record.activeBackup.term);
  }

  #connection({ id, ends, open, queues }: Connection): void {
    const out = this.#out;
    out.push(`=${this.#name(this.#connections, id)}${ends[0]}${ends[1]}${open[0] ? 'o' : ''}${open[1] ? 'O' : ''}`);
    for (const [side, queue] of queues.entries()) {
      out.push('>');
      for (const frame of queue) this.#frame(frame, ends[side as 0 | 1]);
    }
  }

  #frame(frame: Frame, from: number): void {
    const out = this.#out;
    switch (frame.kind) {
      case 'session':
        out.push('s', this.#name(this.#sessions, frame.session));
        return;
      case 'data':
        out.push(frame.message.type, epochText(frame.epoch));
        if (frame.message.type === 'hello') this.#incarnation(from, frame.incarnation, frame.message.hello);
        if (frame.elements.length > 0) out.push(textOf(frame.elements));
        return this.#message(frame.message, frame.epoch);
      default: {
        const { message } = frame;
        out.push(message.type);
        if (message.type === 'keep-alive') return;
        this.#out.push(epochText(message.epoch));
        this.#term(message.epoch, message.term);
        if (message.type === 'enter')
          out.push(this.#name(this.#sessions, message.session), this.#name(this.#sessions, message.otherSession));
      }
    }
  }

  #message(message: DataMessage, epoch: Epoch): void {
    const out = this.#out;
    switch (message.type) {
      case 'hello':
        out.push(message.primaryOfEpoch ? 'p' : '', place(message.journalEnd));
        return;
      case 'welcome':
        out.push(place(message.end), message.history.map((beginning) => beginning.epoch).join());
        out.push(message.noFailover ? 'n' : '');
        return;
      case 'data':
        out.push(place(message.from), place(message.to), place(message.durableTo));
        return;
      case 'ack':
        out.push(place(message.to));
        return this.#term(epoch, message.term);
      case 'durable-to':
        out.push(place(message.to));
        return;
      case 'set-active':
        out.push(place(message.upTo));
        return this.#term(epoch, message.term);
      case 'keep-alive':
        out.push(`${message.number} ${message.echo}`, message.mode, this.#name(this.#sessions, message.session));
        return this.#term(epoch, message.term);
      case 'enter-propose':
      case 'enter-ready':
        out.push(this.#name(this.#sessions, message.session));
        return this.#term(epoch, message.term);
      case 'leave':
      case 'left':
      case 'agent-mode-ok':
        return this.#term(epoch, message.term);
      case 'take-over':
        out.push(place(message.final));
        return;
      case 'going-down':
        out.push(message.noFailover ? 'n' : '');
        return;
      case 'no-failover':
      case 'no-failover-done':
        out.push(message.set ? 'n' : '');
        return;
      default:
        return;
    }
  }

  #arbiter(arbiter: World['arbiter']): void {
    const out = this.#out;
    if (arbiter === null) {
      out.push('X-');
      return;
    }
    out.push('X');
    for (const { session, connection, member } of arbiter.sessions)
      out.push(member, this.#name(this.#sessions, session), this.#name(this.#connections, connection));
    for (const { epoch, term, sessions, licensed, asking } of arbiter.periods.values()) {
      out.push(epochText(epoch), ...sessions.map((session) => this.#name(this.#sessions, session)));
      out.push(`${sessions.indexOf(licensed)}`, asking.map((session) => sessions.indexOf(session)).join());
      this.#term(epoch, term);
    }
  }
}

function epochText({ number, owner, lineage }: Epoch): string {
  return `${number}${owner}${lineage}`;
}

function place({ epoch, sequence }: JournalPosition): string {
  return `${epoch}.${sequence}`;
}
