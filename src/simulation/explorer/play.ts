/**
 * One move played on a world: it drives the rules of src/mirror, keeps the promises of effects.ts as the real driver does, and leaves the
 * next world. A process may be made to die after its n-th visible effect: between two writes, a write and its message, two messages.
 */
import type { MemberEffect } from '../../mirror/effects.ts';
import type { MemberEvent } from '../../mirror/events.ts';
import { isNewerList } from '../../mirror/failover-members.ts';
import type { JournalPosition } from '../../mirror/journal-position.ts';
import { step } from '../../mirror/member.ts';
import { initialState } from '../../mirror/member-state.ts';
import type { DataMessage } from '../../mirror/messages.ts';
import type { Coverage } from './coverage.ts';
import { Draft } from './draft.ts';
import { type Due, withDue, withoutKeepAlives, withRoundOver } from './due.ts';
import {
  arbiterHost,
  countUpTo,
  type Element,
  type Frame,
  type Host,
  historyOf,
  hostNames,
  membersOf,
  now,
  otherEnd,
  type Process,
  positionAt,
  textOf,
  type Who,
  type World,
  whoIs,
  withHeader,
  withUpdate,
} from './plain-world.ts';
import { acknowledgedBy, afterStep, beforeReign } from './promises.ts';
import { changeSet, removalDone, settingsOf, tellSetToWhoCame } from './removals.ts';

export type Untimed<E> = E extends unknown ? Omit<E, 'nowMs'> : never;
export type Event = Untimed<MemberEvent>;
type Effect<T extends MemberEffect['type']> = Extract<MemberEffect, { type: T }>;

/** What may vary from configuration to configuration. */
export interface Site {
  /** Is there an arbiter? */
  readonly arbiter: boolean;
  /** The members of the mirror: only A while it is made, C only as an async. */
  readonly members: readonly Who[];
  /** Do the site's answers and the databases take their time on the way to being primary? */
  readonly hold: boolean;
}

/** Request of a question whose asker is gone. */
export const nobody = -1;

export class Play extends Draft {
  readonly site: Site;
  readonly coverage: Coverage;
  /** What happened, for a trace; null = nobody reads it. */
  readonly notes: string[] | null;
  readonly violations: string[] = [];
  /** Visible effects of the process that is acting so far. */
  visible = 0;
  readonly #dieAfter: number;
  #inbox: Event[] = [];

  constructor(world: World, site: Site, coverage: Coverage, notes: string[] | null, dieAfter = 0) {
    super(world);
    this.site = site;
    this.coverage = coverage;
    this.notes = notes;
    this.#dieAfter = dieAfter;
  }

  complain(promise: string, text: string): void {
    this.violations.push(`${promise}: ${text}`);
  }

  note(who: Host, text: string): void {
    this.notes?.push(`${hostNames[who]}  ${text}`);
  }

  // Life of processes.

  start(who: Who): void {
    const { disk } = this.node(who);
    const state = initialState(hostNames[who], 'MIRROR', who !== 2);
    this.setDisk(who, { flushed: disk.journal.length });
    this.setNode(who, {
      process: {
        state,
        gate: 'closed',
        hung: false,
        flushing: false,
        applyingTo: null,
        showing: 0,
        siteAsked: 0,
        arbiterConnection: 0,
        unanswered: [],
        forgetting: null,
      },
    });
    this.note(who, 'its process starts');
    const applied = positionAt(disk.journal, disk.applied);
    this.run(who, {
      type: 'started',
      record: disk.record,
      settings: settingsOf(who, this.site, disk.set),
      journalEnd: positionAt(disk.journal, disk.journal.length),
      history: historyOf(disk.journal),
      applied,
      appliedFurthest: applied,
      lineage: '',
    });
  }

  die(who: Who): void {
    if (this.process(who) === null) return;
    this.setNode(who, { process: null });
    this.closeAllOf(who);
    // A question may still reach the agent after the one who asked is gone; nobody hears the answer.
    for (const call of this.world.calls[who])
      if (call.kind === 'question') this.setCall(who, { ...call, request: nobody });
      else this.dropCall(who, call.of);
    this.#inbox = [];
  }

  /** The power goes; of what was not flushed, this many elements are left. */
  crashHost(who: Who, kept: number): void {
    this.die(who);
    for (const { of } of this.world.calls[who]) this.dropCall(who, of);
    const { journal, applied } = this.node(who).disk;
    const left = journal.slice(0, kept);
    this.setDisk(who, { journal: left, flushed: left.length, applied: Math.min(applied, left.length) });
    this.setNode(who, { up: false, agent: false });
  }

  // Steps of a member.

  /** One event and all that follows from it inside the process. */
  run(who: Who, event: Event): void {
    this.#inbox = [event];
    this.goOn(who);
  }

  add(event: Event): void {
    this.#inbox.push(event);
  }

  goOn(who: Who): void {
    while (this.#inbox.length > 0) {
      const process = this.process(who);
      if (process === null) return;
      this.#step(who, process, this.#inbox.shift() as Event);
    }
  }

  #step(who: Who, process: Process, event: Event): void {
    const before = withRoundOver(process.state);
    let result: ReturnType<typeof step>;
    try {
      result = step(before, { ...event, nowMs: now } as MemberEvent);
    } catch (error) {
      this.complain('total', `${hostNames[who]} meets ${event.type}: ${(error as Error).message}`);
      this.die(who);
      return;
    }
    this.coverage.rules(result.rules);
    this.setProcess(who, { state: result.state });
    afterStep(this, who, before, event, result.effects);
    for (const effect of result.effects) {
      this.#carryOut(who, effect, event);
      if (this.process(who) === null) return;
      if (this.#dieAfter > 0 && this.visible === this.#dieAfter) {
        this.note(who, `dies after its effect ${effect.type}`);
        this.die(who);
        return;
      }
    }
    tellSetToWhoCame(this, who, before);
  }

  #carryOut(who: Who, effect: MemberEffect, event: Event): void {
    switch (effect.type) {
      case 'save-record':
        beforeReign(this, who, effect.record);
        this.visible += 1;
        return this.setDisk(who, { record: effect.record });
      case 'send':
        return this.#send(who, effect.connection, effect.message, []);
      case 'close':
        return this.closeEnd(effect.connection, who);
      case 'close-arbiter':
        this.closeEnd(this.process(who)?.arbiterConnection ?? 0, who);
        return this.setProcess(who, { arbiterConnection: 0 });
      case 'tell-arbiter':
        this.visible += 1;
        this.note(who, `tells the arbiter ${effect.message.type}`);
        return this.push(this.process(who)?.arbiterConnection ?? 0, who, {
          kind: 'to-arbiter',
          message: effect.message,
        });
      case 'ask-agent':
        this.visible += 1;
        return this.setCall(who, {
          of: whoIs(effect.of),
          kind: 'question',
          request: effect.request,
          question: effect.question,
          epoch: effect.epoch,
          failoverMembers: effect.failoverMembers,
        });
      case 'ask-journal':
      case 'fetch-journal':
        return this.setCall(who, {
          of: whoIs(effect.of),
          kind: effect.type,
          request: effect.request,
          incarnation: effect.incarnation,
        });
      case 'ask-site':
        if (this.site.hold) return this.setProcess(who, { siteAsked: effect.request });
        this.#inbox.push({
          type: 'site-answered',
          request: effect.request,
          allowed: true,
          spec: 'FO-067',
          because: '',
        });
        return;
      case 'dial':
        return this.#dial(who, whoIs(effect.to));
      case 'end-process':
        this.note(who, `ends: ${effect.because}`);
        return this.die(who);
      case 'answer-operator':
        return effect.outcome === 'done' ? removalDone(this, who, effect.request) : undefined;
      case 'mirror-set':
      case 'renew-mirror-set':
      case 'removal-heard':
        return changeSet(this, who, effect);
      case 'note':
        this.note(who, `${effect.what} [${effect.rules.join(' ')}] ${effect.facts.because ?? ''}`);
        return;
      default:
        return this.#carryOutOnData(who, effect, event);
    }
  }

  #carryOutOnData(who: Who, effect: MemberEffect, event: Event): void {
    switch (effect.type) {
      case 'flush-journal':
        return this.setProcess(who, { flushing: true });
      case 'ship-journal':
        return this.#ship(who, effect);
      case 'store-journal':
        return this.#store(who, effect, event);
      case 'cut-journal':
        return this.#cut(who, effect);
      case 'start-file': {
        const journal = withHeader(this.node(who).disk.journal, effect.epoch);
        this.visible += 1;
        this.setDisk(who, { journal, flushed: journal.length });
        this.#inbox.push({
          type: 'file-started',
          end: positionAt(journal, journal.length),
          history: historyOf(journal),
        });
        return;
      }
      case 'apply-journal':
        return this.#apply(who, effect.to);
      case 'admit-updates':
        return this.setProcess(who, { gate: 'open' });
      case 'hold-updates':
        return this.setProcess(who, { gate: 'held' });
      case 'refuse-updates':
        return this.setProcess(who, { gate: 'closed', unanswered: [] });
      case 'answer-clients':
        return this.#answer(who, effect.to);
      default:
        return;
    }
  }

  #send(who: Who, id: number, message: DataMessage, elements: readonly Element[]): void {
    if (!(id > 0)) this.complain('driver', `${hostNames[who]} sends ${message.type} on no connection`);
    this.visible += 1;
    const { record } = (this.process(who) as Process).state;
    this.note(who, `sends ${message.type}${'term' in message ? ` term ${message.term}` : ''}`);
    if (message.type === 'ack' && this.#isOfNoUse(who, id)) return;
    this.push(id, who, { kind: 'data', incarnation: record.incarnation, epoch: record.epoch, message, elements });
  }

  /** All acknowledgements of an async but the first only tell the status how far it is. */
  #isOfNoUse(who: Who, id: number): boolean {
    const connection = this.connection(id);
    const to = connection === undefined ? arbiterHost : otherEnd(connection, who);
    const served = to === arbiterHost ? undefined : this.process(to)?.state.serving.members.get(hostNames[who]);
    const isAsync = this.process(who)?.state.failoverMember === false && served?.failoverMember === false;
    return isAsync && served.sentTo !== null;
  }

  /** Time comes for one deadline. */
  wake(who: Who, due: Due, of?: Who): void {
    const process = this.process(who) as Process;
    const name = of === undefined ? undefined : hostNames[of];
    this.setProcess(who, { state: withDue(process.state, due, name) });
    this.run(who, { type: 'woke' });
  }

  /** The one that follows speaks, the primary hears it and speaks, and it hears that, unless something was sent before. */
  exchangeKeepAlives(backup: Who, primary: Who, id: number, arrives: boolean): void {
    this.wake(backup, 'keep-alive');
    this.#hear(primary, id);
    if (this.process(primary) !== null) {
      const { state } = this.process(primary) as Process;
      this.setProcess(primary, { state: { ...state, serving: { ...state.serving, nextEnterMs: 0 } } });
      this.wake(primary, 'keep-alive', backup);
    }
    const queue = this.connection(id)?.queues[1] ?? [];
    if (queue.length > 1) this.#dropLast(id, queue);
    else if (arrives) this.#hear(backup, id);
    else return;
    for (const who of [backup, primary]) {
      const process = this.process(who);
      if (process !== null) this.setProcess(who, { state: withoutKeepAlives(process.state) });
    }
  }

  /** A whole trouble timeout has passed: whatever the others have sent before is that old. */
  ageOthers(than: Who): void {
    for (const who of membersOf(this.world)) if (who !== than) this.#age(who);
  }

  #age(who: Who): void {
    const attachment = this.process(who)?.state.attachment;
    if (attachment == null || attachment.sentAtMs.length === 0) return;
    const sentAtMs = attachment.sentAtMs.map(({ number }) => ({ number, atMs: 0 }));
    this.setState(who, { attachment: { ...attachment, sentAtMs } });
  }

  #hear(who: Who, id: number): void {
    const connection = this.connection(id);
    const frame = this.shift(id, who);
    if (connection === undefined || frame?.kind !== 'data') return;
    const { incarnation, epoch, message } = frame;
    const from = hostNames[otherEnd(connection, who)];
    this.run(who, { type: 'message', connection: id, envelope: { from, incarnation, epoch }, message });
  }

  #dropLast(id: number, queue: readonly Frame[]): void {
    const entry = this.connection(id);
    const last = queue[queue.length - 1];
    if (entry === undefined || last?.kind !== 'data' || last.message.type !== 'keep-alive') return;
    this.setConnection({ ...entry, queues: [entry.queues[0], queue.slice(0, -1)] });
  }

  #dial(who: Who, to: Who): void {
    const { showing } = this.process(who) as Process;
    this.setProcess(who, { showing: this.#showsReign(who, to) ? showing | (1 << to) : showing & ~(1 << to) });
  }

  /**
   * Whoever does not reign, nor has reigned in an epoch of this number, learns nothing by it that it does not hear anyway, but for a list
   * of failover members that is newer than its own.
   */
  #showsReign(who: Who, to: Who): boolean {
    const mine = this.process(who)?.state;
    const theirs = this.process(to)?.state;
    if (mine === undefined || theirs === undefined || mine.role === 'seeking') return false;
    const { failoverMembers: list } = mine.record;
    if (list !== null && isNewerList(list, theirs.record.failoverMembers)) return true;
    const reigns = theirs.role === 'primary' || theirs.role === 'handing-over';
    return reigns || (theirs.record.primaryOfEpoch && theirs.record.epoch.number === mine.record.epoch.number);
  }

  // Journal and databases.

  #ship(who: Who, effect: Effect<'ship-journal'>): void {
    const { journal } = this.node(who).disk;
    const first = countUpTo(journal, effect.from);
    const last = countUpTo(journal, effect.to);
    const start = positionAt(journal, first);
    if (last <= first || start.epoch !== effect.from.epoch || start.sequence !== effect.from.sequence) {
      this.complain(
        'driver',
        `${hostNames[who]} ships from ${effect.from.epoch}/${effect.from.sequence}, which is not in its journal`,
      );
      return;
    }
    const to = positionAt(journal, last);
    const elements = journal.slice(first, last);
    this.#send(who, effect.connection, { type: 'data', from: effect.from, to, durableTo: effect.durableTo }, elements);
    this.#inbox.push({ type: 'journal-shipped', connection: effect.connection, to, bytes: 100 });
  }

  /** The elements that came beside the message that is being handled. */
  arrived: readonly Element[] = [];

  #store(who: Who, effect: Effect<'store-journal'>, event: Event): void {
    const { journal } = this.node(who).disk;
    const end = positionAt(journal, journal.length);
    if (event.type !== 'message' || end.epoch !== effect.from.epoch || end.sequence !== effect.from.sequence)
      this.complain('driver', `${hostNames[who]} stores at a place that is not the end of its journal`);
    this.visible += 1;
    const grown = [...journal, ...this.arrived];
    if (this.process(who)?.state.failoverMember === true) {
      this.setDisk(who, { journal: grown });
      return this.setProcess(who, { flushing: true });
    }
    // Nobody waits for the disk of an async.
    this.setDisk(who, { journal: grown, flushed: grown.length });
    this.#inbox.push({ type: 'journal-flushed', to: positionAt(grown, grown.length) });
  }

  #cut(who: Who, effect: Effect<'cut-journal'>): void {
    const { journal, applied } = this.node(who).disk;
    const left = journal.slice(0, countUpTo(journal, effect.to));
    if (journal.slice(left.length, applied).some((element) => element.payload > 0))
      this.complain('I3', `${hostNames[who]} cuts its journal below what its databases hold`);
    this.visible += 1;
    this.note(who, `cuts ${journal.length - left.length} elements of its journal`);
    this.setDisk(who, { journal: left, flushed: left.length, applied: Math.min(applied, left.length) });
    this.#inbox.push({
      type: 'journal-cut',
      end: positionAt(left, left.length),
      history: historyOf(left),
      records: journal.length - left.length,
      keptIn: 'aside',
    });
  }

  /** On the way to being primary it may take long; otherwise when it happens makes no difference to anybody. */
  #apply(who: Who, to: JournalPosition): void {
    const isLong = this.site.hold && this.process(who)?.state.role === 'becoming';
    if (isLong) return this.setProcess(who, { applyingTo: to });
    const { journal, applied } = this.node(who).disk;
    this.setDisk(who, { applied: Math.max(applied, countUpTo(journal, to)) });
    this.#inbox.push({ type: 'databases-applied', to });
  }

  applied(who: Who, to: JournalPosition): void {
    const { journal, applied } = this.node(who).disk;
    this.setDisk(who, { applied: Math.max(applied, countUpTo(journal, to)) });
    this.run(who, { type: 'databases-applied', to });
  }

  update(who: Who): void {
    const { journal } = this.node(who).disk;
    const payload = this.world.updates + 1;
    const grown = withUpdate(journal, payload);
    const element = grown[grown.length - 1] as Element;
    this.set({ updates: payload });
    this.setDisk(who, { journal: grown });
    this.setProcess(who, { unanswered: [...(this.process(who) as Process).unanswered, element] });
    this.note(who, `takes update ${payload}`);
    this.run(who, { type: 'journal-appended', to: element.position });
  }

  #answer(who: Who, to: JournalPosition): void {
    const process = this.process(who) as Process;
    const isAnswered = ({ position: { epoch, sequence } }: Element): boolean =>
      epoch < to.epoch || (epoch === to.epoch && sequence <= to.sequence);
    const answered = process.unanswered.filter(isAnswered);
    if (answered.length === 0) return;
    this.visible += 1;
    this.setProcess(who, { unanswered: process.unanswered.filter((element) => !isAnswered(element)) });
    for (const element of answered) acknowledgedBy(this, who, element);
  }

  flushedText(who: Who): string {
    const { journal, flushed } = this.node(who).disk;
    return textOf(journal, flushed);
  }
}
