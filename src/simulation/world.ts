/**
 * A whole mirror in one process: two failover members with an agent each, an arbiter, asyncs, clients and links, on one
 * virtual clock and one source of chance. Tests and faults act on it from outside; checkers.ts watches every event.
 */
import type { MemberSettings } from '../mirror/events.ts';
import { ArbiterHost } from './arbiter-host.ts';
import { Checkers } from './checkers.ts';
import { MemberHost } from './member-host.ts';
import { type Chance, chanceFrom } from './random.ts';
import { VirtualClock } from './virtual-clock.ts';
import { VirtualNetwork } from './virtual-network.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly qosTimeoutMs: number;
  readonly arbiter: boolean;
  readonly asyncs: number;
  /** Put every message into the timeline. */
  readonly verbose?: boolean;
  /** Time between two updates of one client. */
  readonly updateEveryMs?: number;
}

/** A violated promise. */
export interface Violation {
  readonly promise: string;
  readonly text: string;
  readonly atMs: number;
}

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
  #updates = 0;
  #faults = 0;

  constructor(options: WorldOptions) {
    this.options = options;
    this.verbose = options.verbose === true;
    this.chance = chanceFrom(options.seed);
    this.network = new VirtualNetwork(this.clock, this.chance);
    this.checkers = new Checkers(this);
    this.arbiter = new ArbiterHost(this);
    const asyncs = ['C', 'D'].slice(0, options.asyncs);
    this.members = [
      new MemberHost(this, 'A', true, this.#settings(null)),
      new MemberHost(this, 'B', true, this.#settings('A')),
      ...asyncs.map((name) => new MemberHost(this, name, false, this.#settings(null, ['A', 'B']))),
    ];
    if (options.arbiter) this.arbiter.start();
  }

  #settings(partner: string | null, failoverMembers: readonly string[] = []): MemberSettings {
    const { qosTimeoutMs } = this.options;
    const arbiter = this.options.arbiter && failoverMembers.length === 0;
    return { qosTimeoutMs, arbiter, partner, failoverMembers };
  }

  get updates(): number {
    return this.#updates;
  }

  get faults(): number {
    return this.#faults;
  }

  member(name: string): MemberHost {
    return this.members.find((member) => member.name === name) as MemberHost;
  }

  tell(who: string, text: string): void {
    this.timeline.push(`${this.clock.nowMs.toFixed(1).padStart(9)} ${who.padEnd(2)} ${text}`);
  }

  fault(text: string): void {
    this.#faults += 1;
    this.tell('!!', text);
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
    if (!this.runUntil(() => first.process?.state.role === 'primary', 1000)) return;
    first.settings = this.#settings('B');
    first.process?.post({ type: 'settings-changed', settings: first.settings });
    for (const member of this.members) member.start();
    for (const host of this.members.filter((member) => member.failoverMember)) this.#clientOf(host);
  }

  /** A client on the host of each failover member: no fault of a link keeps it from a member that admits updates. */
  #clientOf(host: MemberHost): void {
    const everyMs = this.options.updateEveryMs ?? 60;
    this.clock.after(everyMs * this.chance.between(0.2, 1.8), () => {
      const { process } = host;
      if (process !== null && !process.frozen) {
        this.#updates += 1;
        process.update(this.#updates);
      }
      this.#clientOf(host);
    });
  }

  // Faults.

  cut(a: string, b: string): void {
    this.fault(`link ${a}-${b} is cut`);
    this.network.cutOneWay(a, b);
    this.network.cutOneWay(b, a);
  }

  cutOneWay(from: string, to: string): void {
    this.fault(`link ${from}-${to} is cut from ${from} to ${to}`);
    this.network.cutOneWay(from, to);
  }

  heal(a: string, b: string, breakShare = 0.3): void {
    this.tell('!!', `link ${a}-${b} is healed`);
    this.network.heal(a, b, breakShare);
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
