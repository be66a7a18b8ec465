/**
 * The instances of this host as the agent sees them: which there are, what they are configured to be, and whether one
 * serves, hangs or is dead. What follows from that is decided elsewhere (mirror/agent.ts).
 */
import { checkInstanceName, homePaths, type InstancePaths, instancePaths } from '../host/home.ts';
import type { InstanceConfiguration, ProcessRef } from '../host/host.ts';
import { configurationAt, membershipPaths, mirrorsOf, placeOf } from '../host/memberships.ts';
import type { InstanceState } from '../mirror/agent.ts';
import { qosTimeoutMs as qosLimits } from '../mirror/limits.ts';
import type { MemberRecord } from '../mirror/member-record.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import type { StatusReport } from '../mirror/status.ts';
import type { AgentParts } from './parts.ts';
import { RequestError } from './request-error.ts';
import { askStatus } from './status-question.ts';

/** An instance that does not answer within this share of the QoS timeout is hung; with the two bounds in ms (derived). */
const answerShareOfQos = 0.5;
const answerLimitMs = { min: 500, max: 2000 } as const;
/** A process that begins or ends has no socket for a while; counted from when the agent first saw it so (derived). */
const withoutSocketMs = 5000;
/** Between two tries while an instance has no socket. */
const lookAgainMs = 50;
/** Repetitions where the agent itself stood still while it waited. */
const stalledTriesMax = 3;

export interface Observation {
  readonly state: InstanceState;
  /** Null when it is dead. */
  readonly process: ProcessRef | null;
  /** Null unless it answered with one. */
  readonly report: StatusReport | null;
}

export interface FoundMembership {
  readonly set: MirrorSet;
  readonly member: string;
  /** A reporting async is in it beside its first mirror (host/memberships.ts). */
  readonly isFurther: boolean;
  /** Path of what it decided there. */
  readonly events: string;
}

const DEAD: Observation = { state: 'dead', process: null, report: null };

export class Instances {
  readonly #parts: AgentParts;
  readonly #turns = new Map<string, Promise<unknown>>();
  readonly #withoutSocket = new Map<string, { readonly process: ProcessRef; readonly sinceMs: number }>();

  constructor(parts: AgentParts) {
    this.#parts = parts;
  }

  names(): readonly string[] {
    const { files } = this.#parts.host;
    const { instances } = homePaths(this.#parts.home);
    if (!files.exists(instances)) return [];
    return files.list(instances).filter((name) => {
      const checked = checkInstanceName(name);
      return checked.ok && checked.value === name && files.exists(this.paths(name).configuration);
    });
  }

  paths(name: string): InstancePaths {
    return instancePaths(this.#parts.home, name);
  }

  /** The name as it is spelled here. @throws RequestError no-instance. */
  named(asked: string): string {
    const checked = checkInstanceName(asked);
    const names = this.names();
    if (checked.ok && names.includes(checked.value)) return checked.value;
    const present = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
    throw new RequestError('no-instance', `there is no instance ${asked} on this host; ${present}`);
  }

  /** Null when the configuration cannot be read: then nothing is known of its mirror. */
  async configuration(name: string): Promise<InstanceConfiguration | null> {
    try {
      return await this.#parts.readConfiguration(this.paths(name).configuration);
    } catch (error) {
      if ((error as { code?: string }).code !== 'configuration') throw error;
      this.#parts.log('configuration-unreadable', { reason: (error as Error).message });
      return null;
    }
  }

  /** @throws RequestError no-mirror. Null when the configuration cannot be read. */
  async membership(name: string, mirror: string): Promise<FoundMembership | null> {
    const configuration = await this.configuration(name);
    if (configuration === null) return null;
    const place = placeOf(configuration, mirror);
    const { mirrorSet: set, member } = configurationAt(configuration, place ?? null);
    if (place !== undefined && set !== null && member !== null) {
      return { set, member, isFurther: place !== null, events: membershipPaths(this.paths(name), place).events };
    }
    const names = mirrorsOf(configuration);
    const is = names.length === 0 ? 'in no mirror, so' : `in mirror ${names.join(' and ')},`;
    throw new RequestError('no-mirror', `instance ${name} is ${is} not in ${mirror}`);
  }

  /**
   * Of an instance that may be or become a failover member there: what is asked and told about those is in the records of the first
   * mirror. @throws RequestError no-mirror. Null when the configuration cannot be read.
   */
  async firstMembership(name: string, mirror: string): Promise<FoundMembership | null> {
    const found = await this.membership(name, mirror);
    if (found?.isFurther !== true) return found;
    const text = `instance ${name} is a reporting async of mirror ${mirror} beside another one; such a question is for failover members`;
    throw new RequestError('no-mirror', text);
  }

  /** Null when it is missing or damaged. */
  record(name: string): MemberRecord | null {
    const read = this.#parts.host.records.readRecord(this.paths(name).member);
    if (read.state !== 'read') return null;
    const record = read.value as Partial<MemberRecord> | null;
    return record?.format === 1 && Number.isSafeInteger(record.incarnation) ? (record as MemberRecord) : null;
  }

  /** No process holds it. */
  isDown(name: string): boolean {
    return this.#processOf(name) === null;
  }

  async observe(name: string, qosTimeoutMs: number = qosLimits.default): Promise<Observation> {
    const { clock, processes } = this.#parts.host;
    const limitMs = Math.max(answerLimitMs.min, Math.min(answerLimitMs.max, qosTimeoutMs * answerShareOfQos));
    const endMs = clock.nowMs() + limitMs;
    for (let stalled = 0; ; ) {
      const process = this.#processOf(name);
      if (process === null) return DEAD;
      const askedMs = clock.nowMs();
      const answer = await askStatus(this.#parts.network, this.paths(name).control, limitMs);
      if (answer.state === 'answered') return this.#serving(name, process, answer.report);
      if (!processes.isAlive(process)) continue;
      if (answer.state === 'silent') {
        // Where the agent itself did not run, it has heard nothing and may conclude nothing.
        stalled += clock.nowMs() - askedMs > 2 * limitMs ? 1 : stalledTriesMax;
        if (stalled < stalledTriesMax) continue;
        return { state: 'hung', process, report: null };
      }
      const goneBehind = await processes.waitUntilGone(process, lookAgainMs);
      if (goneBehind === 'alive' && clock.nowMs() >= endMs) return this.#withoutSocketState(name, process);
    }
  }

  /** One after another for one instance, in the order of the calls. */
  async inTurn<T>(name: string, act: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(name) ?? Promise.resolve();
    const mine = before.then(act, act);
    this.#turns.set(name, mine);
    try {
      return await mine;
    } finally {
      if (this.#turns.get(name) === mine) this.#turns.delete(name);
    }
  }

  #processOf(name: string): ProcessRef | null {
    const lock = this.#parts.host.processes.describeLock(this.paths(name).lock);
    if (lock.state === 'free' || lock.by.kind !== 'instance') return null;
    return { pid: lock.by.pid, startTicks: lock.by.startTicks };
  }

  #serving(name: string, process: ProcessRef, report: StatusReport | null): Observation {
    this.#withoutSocket.delete(name);
    const primary = report?.status === 'Primary' || report?.status === 'In Trouble';
    return { state: primary ? 'serves-as-primary' : 'serves', process, report };
  }

  /** A process that begins has no rights before it has negotiated, one that ends gives them up: for a while both serve. */
  #withoutSocketState(name: string, process: ProcessRef): Observation {
    const nowMs = this.#parts.host.clock.nowMs();
    let first = this.#withoutSocket.get(name);
    if (first?.process.pid !== process.pid || first.process.startTicks !== process.startTicks) {
      first = { process, sinceMs: nowMs };
      this.#withoutSocket.set(name, first);
    }
    return { state: nowMs - first.sinceMs < withoutSocketMs ? 'serves' : 'hung', process, report: null };
  }
}
