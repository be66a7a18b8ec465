/**
 * A whole mirror in one process: two failover members with an agent each, an arbiter, asyncs, clients and links, on one
 * virtual clock and one source of chance. Tests and faults act on it from outside; checkers.ts watches every event.
 */
import { isNewerList } from '../mirror/failover-members.ts';
import { failoverMembers, isNewerSet, listOf, type MirrorSet } from '../mirror/mirror-set.ts';
import type { FailoverMembers, MemberType } from '../mirror/terms.ts';
import { ArbiterHost } from './arbiter-host.ts';
import { Checkers } from './checkers.ts';
import { MemberHost } from './member-host.ts';
import { firstSet } from './membership.ts';
import { type Chance, chanceFrom } from './random.ts';
import { type Appointment, VirtualClock } from './virtual-clock.ts';
import { VirtualNetwork } from './virtual-network.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly qosTimeoutMs: number;
  readonly arbiter: boolean;
  /** Disaster recovery asyncs, and one reporting async of this type more. */
  readonly asyncs: number;
  readonly reporting?: MemberType;
  /** Put every message into the timeline. */
  readonly verbose?: boolean;
  /** Time between two updates of one client. */
  readonly updateEveryMs?: number;
  /** For how long the machines have been up at the beginning: the origin of their monotonic clocks. */
  readonly upForMs?: number;
}

/** A violated promise. */
export interface Violation {
  readonly promise: string;
  readonly text: string;
  readonly atMs: number;
}

const updateEveryMsDefault = 60;

export class World {
  readonly chance: Chance;
  readonly clock = new VirtualClock();
  readonly network: VirtualNetwork;
  readonly checkers: Checkers;
  readonly arbiter: ArbiterHost;
  readonly members: readonly MemberHost[];
  readonly options: WorldOptions;
  readonly timeline: string[] = [];
  readonly verbose: boolean;
  /** How often each named fault has struck. */
  readonly faultsStruck = new Map<string, number>();
  /** When a process last did anything but send a keep-alive. */
  lastDeedMs = 0;
  /** Time between two updates of one client; null = the clients are idle. */
  updateEveryMs: number | null;
  /** The members that are healed for ever, in the second phase of a story. */
  core: readonly MemberHost[] = [];
  /** The mirror when all have joined. */
  readonly #whole: MirrorSet;
  #updates = 0;
  #ahead: Appointment[] = [];
  #clientsAtWork = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.verbose = options.verbose === true;
    this.updateEveryMs = options.updateEveryMs ?? updateEveryMsDefault;
    this.chance = chanceFrom(options.seed);
    this.network = new VirtualNetwork(this.clock, this.chance);
    this.checkers = new Checkers(this);
    this.arbiter = new ArbiterHost(this);
    const { qosTimeoutMs, reporting } = options;
    const types: [string, MemberType][] = [
      ['A', 'Failover'],
      ['B', 'Failover'],
      ...['C', 'D'].slice(0, options.asyncs).map((name): [string, MemberType] => [name, 'Disaster Recovery']),
    ];
    if (reporting !== undefined) types.push(['R', reporting]);
    this.#whole = firstSet(qosTimeoutMs, types);
    const alone = firstSet(
      qosTimeoutMs,
      types.filter(([name]) => name !== 'B'),
    );
    this.members = types.map(([name]) => new MemberHost(this, name, name === 'A' ? alone : this.#whole));
    if (options.arbiter) this.arbiter.start();
  }

  get updates(): number {
    return this.#updates;
  }

  get faults(): number {
    let sum = 0;
    for (const times of this.faultsStruck.values()) sum += times;
    return sum;
  }

  /** The mirror set that the last primary knew. */
  get set(): MirrorSet {
    let newest = this.#whole;
    for (const { disk } of this.members) if (disk.set !== null && isNewerSet(disk.set, newest)) newest = disk.set;
    return newest;
  }

  /** The failover members by the newest list that any disk has (FO-083), without those that are out of the mirror. */
  get failoverMembers(): readonly MemberHost[] {
    const { set } = this;
    let newest: FailoverMembers | null = listOf(set);
    // Persons who force can make a member primary alone that was removed elsewhere: a set without any failover member.
    if (newest?.names.length === 0) newest = null;
    for (const { failoverMembers: list } of this.members.map(({ disk }) => disk.record))
      if (list !== null && isNewerList(list, newest)) newest = list;
    const names = newest?.names ?? failoverMembers(set).map(({ name }) => name);
    const all = names.map((name) => this.member(name));
    const present = all.filter((host) => host.disk.set !== null);
    return present.length === 0 ? all : present;
  }

  /** The member that is primary now, if one is. */
  get primary(): MemberHost | undefined {
    return this.members.find((host) => host.process?.state.role === 'primary');
  }

  member(name: string): MemberHost {
    return this.members.find((member) => member.name === name) as MemberHost;
  }

  /** A line of the timeline; `!!` = something is done to the mirror from outside. */
  tell(who: string, text: string): void {
    if (who === '!!') this.lastDeedMs = this.clock.nowMs;
    this.timeline.push(`${this.clock.nowMs.toFixed(1).padStart(9)} ${who.padEnd(2)} ${text}`);
  }

  fault(text: string, name = 'by hand'): void {
    this.faultsStruck.set(name, (this.faultsStruck.get(name) ?? 0) + 1);
    this.tell('!!', name === 'by hand' ? text : `[${name}] ${text}`);
  }

  /**
   * Idle time that costs no event, or false where something is under way. It is sound because nothing but keep-alives would have
   * happened: every process is seen to have done nothing else for two QoS timeouts, which is longer than any deadline of a
   * mirror at rest; a keep-alive leaves behind only the time at which it was heard; and the rules compare times, never read
   * them. So the mirror at the end of the time is the mirror at its beginning with every moment moved on, and that is what is
   * done: whatever is due comes later by this time, and the machines' own clocks do not notice it.
   */
  sleep(durationMs: number): boolean {
    const quietForMs = this.clock.nowMs - this.lastDeedMs;
    const ordered = this.members.some((host) => (host.process?.state.orders.length ?? 0) > 0);
    if (quietForMs < 2 * this.options.qosTimeoutMs || ordered || this.updateEveryMs !== null) return false;
    this.tell('', `nothing happens for ${(durationMs / 3_600_000).toFixed(1)} h`);
    this.clock.skip(durationMs);
    this.network.skip(durationMs);
    this.arbiter.skip(durationMs);
    for (const host of this.members) host.skip(durationMs);
    this.lastDeedMs += durationMs;
    return true;
  }

  /** Let this much time pass. Stops early when a promise is violated. */
  run(durationMs: number): void {
    const untilMs = this.clock.nowMs + durationMs;
    while (this.checkers.violations.length === 0 && this.clock.advance(untilMs));
  }

  /** Let time pass until it is so; false = not within the limit. */
  runUntil(isSo: () => boolean, limitMs: number): boolean {
    const untilMs = this.clock.nowMs + limitMs;
    while (!isSo()) {
      if (this.checkers.violations.length > 0 || !this.clock.advance(untilMs)) return isSo();
    }
    return true;
  }

  /** A new mirror: A alone, then B as its partner, then the asyncs. */
  create(): void {
    const first = this.member('A');
    first.start();
    // Slow disks take their time; a mirror whose first member has no partner would be another one.
    if (!this.runUntil(() => first.process?.state.role === 'primary', 60_000)) return;
    first.membership.change((set) => ({ ...set, members: this.#whole.members }));
    for (const member of this.members) member.start();
    this.#beginClients();
  }

  /** From here on clients set something so often; null = never. */
  load(everyMs: number | null): void {
    const wasIdle = this.updateEveryMs === null;
    this.updateEveryMs = everyMs;
    if (wasIdle && everyMs !== null) this.#beginClients();
  }

  /** Not as before a burst or an idle time: those overlap. */
  loadAsPlanned(): void {
    this.load(this.options.updateEveryMs ?? updateEveryMsDefault);
  }

  #beginClients(): void {
    this.#clientsAtWork += 1;
    for (const host of this.members) this.#clientOf(host, this.#clientsAtWork);
  }

  /** A client on the host of each failover member: no fault of a link keeps it from a member that admits updates. */
  #clientOf(host: MemberHost, generation: number): void {
    if (this.updateEveryMs === null) return;
    this.clock.after(this.updateEveryMs * this.chance.between(0.2, 1.8), () => {
      if (generation !== this.#clientsAtWork || this.updateEveryMs === null) return;
      const { process } = host;
      if (process !== null && !process.frozen && host.failoverMember) {
        this.#updates += 1;
        process.update(this.#updates);
      }
      this.#clientOf(host, generation);
    });
  }

  // Faults.

  /** Part of a fault; does not happen any more once everything is healed. */
  later(delayMs: number, action: () => void): void {
    this.#ahead.push(this.clock.after(delayMs, action));
  }

  endFaults(): void {
    for (const appointment of this.#ahead.splice(0)) appointment.cancelled = true;
  }

  cut(a: string, b: string): void {
    this.fault(`link ${a}-${b} is cut`);
    this.cutQuietly(a, b);
  }

  /** As part of a fault that counts itself. */
  cutQuietly(a: string, b: string): void {
    this.network.cutOneWay(a, b);
    this.network.cutOneWay(b, a);
  }

  isolateQuietly(host: string): void {
    for (const other of this.hosts) if (other !== host) this.cutQuietly(host, other);
  }

  cutOneWay(from: string, to: string): void {
    this.fault(`link ${from}-${to} is cut from ${from} to ${to}`);
    this.network.cutOneWay(from, to);
  }

  heal(a: string, b: string, breakShare = 0.3): void {
    this.tell('!!', `link ${a}-${b} is healed`);
    this.network.heal(a, b, breakShare);
  }

  /** Nothing is wrong with it any more. */
  healLink(a: string, b: string): void {
    this.network.slowDown(a, b, 0);
    this.network.speakAgain(a, b);
    this.network.heal(a, b, 0.3);
  }

  get hosts(): readonly string[] {
    return [...this.members.map((member) => member.name), 'X'];
  }

  isolate(host: string): void {
    for (const other of this.hosts) if (other !== host) this.cut(host, other);
  }

  healAll(): void {
    for (const [index, a] of this.hosts.entries()) {
      for (const b of this.hosts.slice(index + 1)) this.network.heal(a, b, 0.3);
    }
    this.tell('!!', 'all links are healed');
  }

  /** An operator changes on both failover members whether there is an arbiter. */
  configureArbiter(arbiter: boolean): void {
    for (const host of this.members) {
      host.membership.arbiter = arbiter;
      host.membership.settingsChanged();
    }
  }

  kill(name: string): void {
    this.fault(`the process of ${name} is killed`);
    this.member(name).kill();
  }

  killAtEffect(name: string, effect: number): void {
    const { process } = this.member(name);
    if (process === null) return;
    this.fault(`the process of ${name} will die before its effect ${effect} from now`);
    process.dieAtEffect = effect;
  }

  crashHost(name: string): void {
    this.fault(`the host of ${name} crashes`);
    this.member(name).crash();
  }

  /** The host and its agent; the instance too. */
  restart(name: string): void {
    const host = this.member(name);
    host.boot();
    host.start();
  }

  freeze(name: string): void {
    this.fault(`the process of ${name} stands still`);
    this.member(name).process?.freeze();
  }

  /** Everything on the host stands still, as when a virtual machine is suspended. */
  freezeHost(name: string): void {
    this.fault(`the host of ${name} stands still`);
    this.member(name).process?.freeze();
    this.member(name).agent.freeze();
  }

  thaw(name: string): void {
    const host = this.member(name);
    this.tell('!!', `${name} goes on`);
    host.process?.thaw();
    host.agent.thaw();
  }
}
