/**
 * One run of a simulated member process: the rules of src/mirror with a driver that keeps the promises of effects.ts. One
 * queue of events, one step at a time, effects in order; the process can be killed between any two effects. What it keeps on
 * disk is in member-disk.ts; everything here dies with it.
 */
import type { MemberEffect, SiteQuestion } from '../mirror/effects.ts';
import type { MemberEvent } from '../mirror/events.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { keepAliveShareOfQos } from '../mirror/limits.ts';
import { nextWakeMs, step } from '../mirror/member.ts';
import { initialState, type MemberState } from '../mirror/member-state.ts';
import type { DataMessage, Envelope } from '../mirror/messages.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import { AgentCalls } from './agent-calls.ts';
import { ArbiterEnd, type FromArbiterFrame } from './arbiter-end.ts';
import { type JournalElement, transactionRecordsMax } from './member-disk.ts';
import type { MemberHost } from './member-host.ts';
import type { Appointment } from './virtual-clock.ts';
import type { EndPoint } from './virtual-network.ts';

export type Untimed = MemberEvent extends infer E ? (E extends MemberEvent ? Omit<E, 'nowMs'> : never) : never;

interface DataFrame {
  readonly envelope: Envelope;
  readonly message: DataMessage;
  readonly elements: readonly JournalElement[];
}

/** Beside the messages of the rules: the primary tells its mirror set. */
interface SetFrame {
  readonly set: MirrorSet;
}

interface SetTold {
  readonly type: 'set-told';
  readonly connection: number;
  readonly set: MirrorSet;
}

const elementsInChunk = 40;
/** How soon a flush that did not end is looked at again. */
const flushRetryMs = 100;

/** Nothing but this happens in a mirror at rest. */
function isKeepAlive(effect: MemberEffect): boolean {
  return (effect.type === 'send' || effect.type === 'tell-arbiter') && effect.message.type === 'keep-alive';
}

export class MemberProcess implements EndPoint {
  readonly host: string;
  readonly on: MemberHost;
  state: MemberState;
  alive = true;
  #frozenSinceMs: number | null = null;
  #inbox: (Untimed | SetTold)[] = [];
  #running = false;
  #timer: Appointment | null = null;
  /** The deadline for which the timer is set, so that it stays where no step moved it. */
  #timerDueMs = 0;
  #arrived = new Map<number, readonly JournalElement[]>();
  #dials = 0;
  #flushing = false;
  /** The processor is busy elsewhere; the inbox waits. */
  #busy = false;
  #calls: AgentCalls;
  readonly #arbiter: ArbiterEnd;
  /** Those who have been told the mirror set when they came. */
  #members: MemberState['serving']['members'] = new Map();
  /** Updates at the door, and those appended whose client waits. */
  gate: 'open' | 'held' | 'closed' = 'closed';
  waiting: number[] = [];
  unanswered: JournalElement[] = [];
  /** The process dies before its n-th next effect; 0 = not planned. */
  dieAtEffect = 0;

  constructor(on: MemberHost) {
    this.on = on;
    this.host = on.name;
    this.state = initialState(on.name, 'MIRROR', on.failoverMember);
    this.#calls = new AgentCalls(this);
    this.#arbiter = new ArbiterEnd(this);
  }

  begin(): void {
    const { disk, world } = this.on;
    disk.flushed = disk.elements.length;
    this.post({
      type: 'started',
      record: disk.record,
      settings: this.on.membership.settings,
      journalEnd: disk.end,
      history: disk.history,
      applied: disk.positionAt(disk.applied),
      appliedFurthest: disk.positionAt(disk.applied),
      lineage: `lineage-${this.host}-${world.chance.below(1e9)}`,
    });
  }

  // Life.

  get frozen(): boolean {
    return this.#frozenSinceMs !== null;
  }

  freeze(): void {
    this.#frozenSinceMs ??= this.on.localMs();
  }

  thaw(): void {
    if (this.#frozenSinceMs === null) return;
    const gapMs = this.on.localMs() - this.#frozenSinceMs;
    this.#frozenSinceMs = null;
    if (gapMs > this.state.settings.qosTimeoutMs * keepAliveShareOfQos) this.#inbox.unshift({ type: 'stalled', gapMs });
    this.#run();
    this.setTimer();
  }

  /** The process is gone, as by kill -9. */
  die(): void {
    this.alive = false;
    this.gate = 'closed';
    this.#timer = this.#cancel(this.#timer);
  }

  // Events.

  received(connection: number, frame: unknown): void {
    if (connection === this.#arbiter.connection) return this.#arbiter.received(frame as FromArbiterFrame);
    if ('set' in (frame as SetFrame)) {
      this.post({ type: 'set-told', connection, set: (frame as SetFrame).set });
      return;
    }
    const { envelope, message, elements } = frame as DataFrame;
    if (elements !== undefined) this.#arrived.set(connection, [...(this.#arrived.get(connection) ?? []), ...elements]);
    if (envelope !== undefined) this.post({ type: 'message', connection, envelope, message });
  }

  closed(connection: number, reason: string): void {
    if (connection === this.#arbiter.connection) this.#arbiter.closed(reason);
    else this.post({ type: 'closed', connection, reason });
  }

  post(event: Untimed | SetTold): void {
    if (!this.alive) return;
    this.#inbox.push(event);
    this.#run();
  }

  /** Has it seen all that arrived? */
  get idle(): boolean {
    return !this.#running && !this.#busy && !this.frozen && this.#inbox.length === 0;
  }

  #run(): void {
    if (this.#running || this.#busy) return;
    const { slowCpuMs, world } = this.on;
    if (slowCpuMs > 0) {
      this.#busy = true;
      world.clock.after(world.chance.between(0, slowCpuMs), () => {
        this.#busy = false;
        this.#work();
      });
    } else this.#work();
  }

  #work(): void {
    this.#running = true;
    while (this.alive && !this.frozen && this.#inbox.length > 0) {
      const event = this.#inbox.shift() as Untimed | SetTold;
      if (event.type !== 'set-told') this.#step(event);
      else if (this.state.attachment?.connection === event.connection) this.on.membership.told(event.set);
    }
    this.#running = false;
    if (this.alive) this.setTimer();
  }

  #step(event: Untimed): void {
    const { world } = this.on;
    const before = this.state;
    // The event was made for this step alone.
    const result = step(before, Object.assign(event, { nowMs: this.on.localMs() }) as MemberEvent);
    this.state = result.state;
    world.checkers.stepped(this, before, event);
    for (const effect of result.effects) {
      if (!isKeepAlive(effect)) world.lastDeedMs = world.clock.nowMs;
      if (this.dieAtEffect > 0) {
        this.dieAtEffect -= 1;
        if (this.dieAtEffect === 0) {
          world.tell(this.host, `dies before the effect ${effect.type} of ${event.type}`);
          this.on.kill();
        }
      }
      if (!this.alive) return;
      this.#carryOut(effect);
    }
    if (this.alive) this.#tellSetToWhoCame();
  }

  #tellSetToWhoCame(): void {
    const { members } = this.state.serving;
    if (members === this.#members) return;
    for (const [name, { connection }] of members)
      if (this.#members.get(name)?.connection !== connection) this.tellSet(connection);
    this.#members = members;
  }

  tellSet(connection: number): void {
    const { world, disk } = this.on;
    if (disk.set !== null) world.network.send(connection, this, { set: disk.set } satisfies SetFrame);
  }

  setTimer(): void {
    const dueMs = this.alive && !this.frozen ? nextWakeMs(this.state) : null;
    const { world } = this.on;
    const at = dueMs === null ? 0 : this.on.whenLocalIs(dueMs);
    if (this.#timer !== null && at === this.#timerDueMs) return;
    this.#timer = this.#cancel(this.#timer);
    if (dueMs === null) return;
    this.#timerDueMs = at;
    const quantumMs = 0.01 + world.chance.next() * 2;
    this.#timer = world.clock.at(at + quantumMs, () => this.#wake());
  }

  #wake(): void {
    this.#timer = null;
    if (!this.alive || this.frozen) return;
    this.post({ type: 'woke' });
    const next = nextWakeMs(this.state);
    const settled = this.alive && !this.#busy && this.#inbox.length === 0;
    if (settled && next !== null && next <= this.on.localMs()) this.on.world.checkers.spins(this, next);
  }

  #cancel(appointment: Appointment | null): null {
    if (appointment !== null) appointment.cancelled = true;
    return null;
  }

  // Effects.

  #carryOut(effect: MemberEffect): void {
    const { disk, world } = this.on;
    switch (effect.type) {
      case 'save-record':
        world.checkers.savesRecord(this, effect.record);
        disk.record = effect.record;
        return;
      case 'dial':
        return this.#dial(effect.to);
      case 'send':
        return this.#send(effect.connection, effect.message, []);
      case 'close':
        this.#arrived.delete(effect.connection);
        return world.network.close(effect.connection, this, effect.reason);
      case 'open-arbiter':
        return this.#arbiter.open();
      case 'close-arbiter':
        return this.#arbiter.close();
      case 'tell-arbiter':
        return this.#arbiter.tell(effect.message);
      case 'ask-agent':
        return this.#calls.ask(effect);
      case 'ask-journal':
        return this.#calls.askJournal(effect);
      case 'fetch-journal':
        return this.#calls.fetchJournal(effect);
      case 'end-process':
        world.tell(this.host, `ends: ${effect.because}`);
        return this.on.kill(true);
      case 'note':
        world.tell(this.host, `${effect.what} [${effect.rules.join(' ')}] ${JSON.stringify(effect.facts)}`);
        return world.checkers.noted(this, effect.what);
      case 'log':
        if (world.verbose) world.tell(this.host, `log ${effect.message} ${JSON.stringify(effect.facts)}`);
        return;
      case 'ask-site':
        return this.#askSite(effect.request, effect.entry);
      case 'answer-operator':
        world.tell(this.host, `answers the operator: ${effect.outcome}, ${effect.text}`);
        return this.on.answered(effect.request, effect.outcome === 'done');
      case 'failover-members':
        return this.on.membership.listChanged(effect.failoverMembers);
      case 'mirror-set':
        return this.on.membership.told(effect.mirrorSet);
      case 'renew-mirror-set':
        return void this.on.membership.change((set) => set);
      case 'removal-heard':
        return this.on.membership.removalHeard(effect.member);
      default:
        return this.#carryOutOnData(effect);
    }
  }

  #carryOutOnData(effect: MemberEffect): void {
    const { disk } = this.on;
    switch (effect.type) {
      case 'flush-journal':
        return this.#flush();
      case 'ship-journal':
        return this.#ship(effect);
      case 'store-journal':
        return this.#store(effect);
      case 'cut-journal': {
        const gone = this.on.cutJournal(effect.to);
        return this.post({ type: 'journal-cut', end: disk.end, history: disk.history, records: gone, keptIn: 'aside' });
      }
      case 'start-file':
        disk.startFile(effect.epoch);
        this.on.world.checkers.startedFile(this);
        return this.post({ type: 'file-started', end: disk.end, history: disk.history });
      case 'apply-journal':
        return this.#apply(effect.to);
      case 'admit-updates':
        this.gate = 'open';
        this.on.world.checkers.opens(this);
        for (const payload of this.waiting.splice(0)) this.update(payload);
        return;
      case 'hold-updates':
        this.gate = 'held';
        return;
      case 'refuse-updates':
        this.gate = 'closed';
        this.waiting = [];
        this.unanswered = [];
        return;
      case 'answer-clients':
        return this.#answer(effect.to);
      default:
        return;
    }
  }

  #dial(to: string): void {
    const { world } = this.on;
    this.#dials += 1;
    let settled = false;
    const settle = (event: Untimed): void => {
      if (settled) return;
      settled = true;
      this.post(event);
    };
    world.clock.after(this.state.settings.qosTimeoutMs, () => settle({ type: 'dial-failed', to, reason: 'timeout' }));
    if (!this.on.membership.calls(to)) {
      world.clock.after(0, () => settle({ type: 'dial-failed', to, reason: `no address of ${to} is known` }));
      return;
    }
    // An async falls back to the address of the superserver; to a failover member nothing answers (CFG-061, FO-086).
    if (this.state.failoverMember && !world.network.isPrivateOpen(this.host, to)) return;
    world.network.carry(this.host, to, () => {
      const target = world.member(to);
      if (!target.up) return;
      const { process } = target;
      const removal = target.membership.removalOf(this.on);
      const answers = target.membership.answers(this.on);
      const noMember = target.disk.set === null ? ({ noMember: true } as const) : {};
      world.network.carry(to, this.host, () => {
        if (!this.alive || settled) return;
        if (process !== null && removal !== undefined)
          this.post({ type: 'removed', by: to, removeAttribute: removal.removeAttribute });
        if (process === null || removal !== undefined || !answers)
          return settle({ type: 'dial-failed', to, reason: 'refused', ...noMember });
        const connection = world.network.connect(this, process);
        if (!process.alive) world.network.ended(process, false);
        settle({ type: 'dialled', to, connection });
      });
    });
  }

  #send(connection: number, message: DataMessage, elements: readonly JournalElement[]): void {
    const { record } = this.state;
    const { world } = this.on;
    if (!(connection > 0)) world.checkers.complain('bug', `${this.host} sends ${message.type} on no connection`);
    if (world.verbose) world.tell(this.host, `#${connection} ${JSON.stringify(message)}`);
    const envelope = { from: this.host, incarnation: record.incarnation, epoch: record.epoch };
    world.network.send(connection, this, { envelope, message, elements } satisfies DataFrame, elements.length);
  }

  // Journal and databases.

  /** What the site answers, and when, is no matter of the mirror. */
  #askSite(request: number, entry: SiteQuestion): void {
    const { world, siteRefuses } = this.on;
    const spec = entry === 'CheckBecomePrimaryOK' ? 'FO-068' : 'FO-067';
    const allowed = siteRefuses !== entry;
    world.clock.after(world.chance.between(0, 3), () =>
      this.post({ type: 'site-answered', request, allowed, spec, because: allowed ? '' : 'the site says no' }),
    );
  }

  #flush(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.on.world.clock.after(this.on.flushMs(), () => this.#flushed());
  }

  /** What the disk does with a flush: it ends, it does not come back, it finds no room, or it fails. */
  #flushed(): void {
    const { disk, world } = this.on;
    if (!this.alive) return;
    if (this.on.diskErrs) {
      world.tell(this.host, 'fsync fails: what is on disk is not known any more, and the process ends');
      this.on.kill();
      return disk.loseUnflushed(world.chance);
    }
    if (this.on.diskHangs || this.on.diskFails) {
      if (this.on.diskFails) this.post({ type: 'journal-frozen', reason: 'no room' });
      world.clock.after(flushRetryMs, () => this.#flushed());
      return;
    }
    this.#flushing = false;
    disk.flushed = disk.elements.length;
    this.post({ type: 'journal-flushed', to: disk.positionAt(disk.flushed) });
  }

  #ship(effect: Extract<MemberEffect, { type: 'ship-journal' }>): void {
    const { disk, world } = this.on;
    const first = disk.countUpTo(effect.from);
    const limit = Math.min(disk.countUpTo(effect.to), first + elementsInChunk);
    const start = disk.positionAt(first);
    if (limit <= first || start.epoch !== effect.from.epoch || start.sequence !== effect.from.sequence) {
      const place = `${effect.from.epoch}/${effect.from.sequence}`;
      world.checkers.complain('bug', `${this.host} ships from ${place}, which is not in its journal or is its end`);
      return;
    }
    const elements = disk.elements.slice(first, limit);
    const to = disk.positionAt(limit);
    this.#send(effect.connection, { type: 'data', from: effect.from, to, durableTo: effect.durableTo }, elements);
    this.post({ type: 'journal-shipped', connection: effect.connection, to, bytes: elements.length * 100 });
  }

  #store(effect: Extract<MemberEffect, { type: 'store-journal' }>): void {
    const { disk, world } = this.on;
    const arrived = this.#arrived.get(effect.connection) ?? [];
    const first = arrived.findIndex(({ position }) => isAfter(position, effect.from));
    const last = arrived.findIndex(({ position }) => !isAfter(effect.to, position));
    const elements = arrived.slice(first, last + 1);
    this.#arrived.set(effect.connection, arrived.slice(last + 1));
    if (this.on.diskFails) {
      this.post({ type: 'store-failed', connection: effect.connection, reason: 'no room', end: disk.end });
      return;
    }
    this.on.store(elements);
    if (world.verbose) world.tell(this.host, `stored up to ${JSON.stringify(disk.end)}`);
    this.#flush();
  }

  #apply(to: JournalPosition): void {
    const { disk, world } = this.on;
    world.clock.after(world.chance.between(0.2, 3) + this.on.slowDiskMs * world.chance.next() * 0.5, () => {
      if (!this.alive) return;
      if (world.chance.happens(0.5)) disk.appliedFlushed = disk.applied;
      this.on.applyUpTo(to);
      this.post({ type: 'databases-applied', to });
    });
  }

  // Clients.

  /** An update of a client of this host; false = refused. */
  update(payload: number): boolean {
    if (this.gate === 'closed') return false;
    if (this.gate === 'held') {
      if (this.waiting.length < 3) this.waiting.push(payload);
      return true;
    }
    const count = recordsOf(payload);
    const elements = Array.from({ length: count }, (_, index) => this.on.disk.append(payload, index < count - 1));
    const last = elements.at(-1) as JournalElement;
    this.on.world.checkers.stored(this.on, elements);
    this.unanswered.push(last);
    this.post({ type: 'journal-appended', to: last.position });
    return true;
  }

  #answer(to: JournalPosition): void {
    const answered = this.unanswered.filter(({ position }) => !isAfter(position, to));
    this.unanswered = this.unanswered.filter(({ position }) => isAfter(position, to));
    for (const element of answered) this.on.world.checkers.acknowledged(this, element);
  }
}

/** Every fourth update is a transaction of 2 to 12 records. */
function recordsOf(payload: number): number {
  return payload % 4 === 0 ? 2 + ((payload / 4) % (transactionRecordsMax - 1)) : 1;
}

export function isAfter(a: { epoch: number; sequence: number }, b: { epoch: number; sequence: number }): boolean {
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);
}
