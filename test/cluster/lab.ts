/**
 * A mirror of real processes as the scenarios see it: A, B, a DR async C and the arbiter X, looked at over their control
 * sockets. What its hosts are, and so how links and hosts are lost, differs: cable-lab.ts and host-lab.ts.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readEvents } from '../../src/host/events-log.ts';
import { type InstancePaths, instancePaths } from '../../src/host/home.ts';
import { nodeProcesses } from '../../src/host/processes.ts';
import type { Address } from '../../src/mirror/mirror-set.ts';
import type { StatusReport } from '../../src/mirror/status.ts';
import { createTcpNetwork } from '../../src/network/tcp-network.ts';
import type { EventRecord } from '../../src/protocol/control-channel.ts';
import { type ControlClient, connectControl } from '../../src/terminal/control-client.ts';
import type { Ran } from '../fixtures/program.ts';
import type { HostLabel } from './hosts.ts';

export type { HostLabel } from './hosts.ts';
export type Label = 'A' | 'B' | 'C';
export type FailoverLabel = 'A' | 'B';
export type Pair = readonly [HostLabel, HostLabel];

export const labels: readonly Label[] = ['A', 'B', 'C'];
export const qosTimeoutMs = 800;
export const network = createTcpNetwork({ files: { makePrivateDirectory: () => {}, removeSocket: () => {} } });

export abstract class Lab {
  /** A directory of its own, which is removed when it is closed. */
  readonly home: string;
  abstract readonly addresses: Readonly<Record<Label, Address>>;
  readonly #controls = new Map<Label, ControlClient>();
  readonly #frozen = new Set<number>();

  constructor(home = mkdtempSync(join(tmpdir(), 'caretmirror-cluster-'))) {
    this.home = home;
  }

  /** Everything healed, thawed and started; returns when all is well. */
  abstract up(qosMs?: number): Promise<void>;

  abstract homeOf(label: HostLabel): string;

  /** On one host; it must end with 0. */
  abstract on(label: HostLabel, ...args: readonly string[]): Promise<Ran>;

  /** On one host, however it ends. */
  abstract tryOn(label: HostLabel, ...args: readonly string[]): Promise<Ran>;

  /** The host is gone, with its agent and its instance. */
  abstract hostDown(label: HostLabel): Promise<void>;

  /** It is back and its agent serves; its instance is started by somebody. */
  abstract hostUp(label: HostLabel): Promise<void>;

  /** SIGKILL for the ISCAgent only. */
  abstract killAgent(label: HostLabel): Promise<void>;

  /** Both ways, all at once, one event for the mirror. */
  abstract cut(...pairs: readonly Pair[]): Promise<void>;

  abstract heal(pair?: Pair): Promise<void>;

  protected abstract takeDown(isKept: boolean): Promise<void>;

  paths(label: Label): InstancePaths {
    return instancePaths(this.homeOf(label), label);
  }

  pidOf(label: Label): number | null {
    const lock = nodeProcesses.describeLock(this.paths(label).lock);
    return lock.state === 'held' ? lock.by.pid : null;
  }

  /** Returns when the process is gone. */
  async kill(label: Label): Promise<void> {
    const lock = nodeProcesses.describeLock(this.paths(label).lock);
    if (lock.state !== 'held') throw new Error(`${label} is down already`);
    await nodeProcesses.forceDown(lock.by, 10_000);
  }

  freeze(label: Label): void {
    const pid = this.pidOf(label);
    if (pid === null) throw new Error(`${label} is down`);
    this.freezePid(pid);
  }

  freezePid(pid: number): void {
    this.#frozen.add(pid);
    signal(pid, 'SIGSTOP');
  }

  thaw(label: Label): void {
    const pid = this.pidOf(label);
    if (pid === null) return;
    this.#frozen.delete(pid);
    signal(pid, 'SIGCONT');
  }

  thawAll(): void {
    for (const pid of this.#frozen) signal(pid, 'SIGCONT');
    this.#frozen.clear();
  }

  /** Null when it is down, hung, or does not answer within a second. */
  async status(label: Label): Promise<StatusReport | null> {
    if (this.pidOf(label) === null) {
      this.#drop(label);
      return null;
    }
    const isKnown = this.#controls.has(label);
    try {
      const control = this.#controls.get(label) ?? (await connectControl(network, this.paths(label).control, 1000));
      this.#controls.set(label, control);
      return await within(1000, control.status());
    } catch {
      this.#drop(label);
      // What was known may have been the control socket of an earlier process.
      return isKnown ? await this.status(label) : null;
    }
  }

  events(label: Label): readonly EventRecord[] {
    return readEvents(this.paths(label).events, 0, 100_000);
  }

  messages(label: Label): string {
    return readFileSync(this.paths(label).messages, 'utf8');
  }

  /** Waits until a status is as wanted; null stands for a member that is down. */
  async until(
    label: Label,
    what: string,
    isReached: (status: StatusReport | null) => boolean,
    timeoutMs = 15_000,
  ): Promise<StatusReport | null> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const status = await this.status(label);
      if (isReached(status)) return status;
      if (performance.now() > deadlineMs) {
        throw new Error(`${label} is not ${what} after ${timeoutMs} ms: ${await this.describe()}`);
      }
      await pause(40);
    }
  }

  untilStatus(label: Label, wanted: string, timeoutMs?: number): Promise<StatusReport | null> {
    return this.until(label, wanted, (status) => (status?.status ?? 'Down') === wanted, timeoutMs);
  }

  /** An event of `label` whose words begin so, younger than `afterMs` (wall clock). */
  async untilEvent(label: Label, begins: string, afterMs: number, timeoutMs = 15_000): Promise<EventRecord> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const found = this.eventsSince(label, afterMs).find(({ what }) => what.startsWith(begins));
      if (found !== undefined) return found;
      if (performance.now() > deadlineMs) {
        const seen = this.eventsSince(label, afterMs).map(({ what, rules }) => `${what} (${rules})`);
        throw new Error(`no event "${begins}" of ${label} after ${timeoutMs} ms, but: ${seen.join('; ')}`);
      }
      await pause(40);
    }
  }

  eventsSince(label: Label, afterMs: number): readonly EventRecord[] {
    return this.events(label).filter(({ at }) => Date.parse(at) >= afterMs);
  }

  /** All statuses in one line, for errors. */
  async describe(): Promise<string> {
    const parts = await Promise.all(
      (['A', 'B', 'C'] as const).map(async (label) => {
        const status = await this.status(label);
        if (status === null) return `${label} ${this.pidOf(label) === null ? 'down' : 'hung'}`;
        return `${label} ${status.status}, ${status.failoverMode}, waits for ${status.waitingFor ?? 'nothing'}`;
      }),
    );
    return parts.join('; ');
  }

  /** Which failover member is primary and which is the backup; what goes on just now may come to its end. */
  async roles(): Promise<{ readonly primary: FailoverLabel; readonly backup: FailoverLabel }> {
    const deadlineMs = performance.now() + 15_000;
    for (;;) {
      const [a, b] = [await this.status('A'), await this.status('B')];
      if (a?.status === 'Primary' && b?.status === 'Backup') return { primary: 'A', backup: 'B' };
      if (b?.status === 'Primary' && a?.status === 'Backup') return { primary: 'B', backup: 'A' };
      if (performance.now() > deadlineMs) throw new Error(`no primary with a backup: ${await this.describe()}`);
      await pause(40);
    }
  }

  #drop(label: Label): void {
    this.#controls.get(label)?.close();
    this.#controls.delete(label);
  }

  async close(): Promise<void> {
    for (const label of [...this.#controls.keys()]) this.#drop(label);
    this.thawAll();
    const isKept = process.env.CARETMIRROR_KEEP === '1';
    await this.takeDown(isKept);
    if (!isKept) rmSync(this.home, { recursive: true, force: true });
  }
}

export const nowhere: Address = { host: '', port: 0 };

/** Is the backup Active, as the primary sees it? */
export function hasActiveBackup(status: StatusReport | null): boolean {
  return status?.members.some((each) => each.type === 'Failover' && each.journalTransfer === 'Active') ?? false;
}

export function isCaughtUp(status: StatusReport | null): boolean {
  if (status === null) return false;
  if (status.status === 'Primary') return true;
  const self = status.members.find(({ name }) => name === status.member);
  return ['Active', 'Caught up'].includes(self?.journalTransfer ?? '') && self?.dejournaling === 'Caught up';
}

/** For scenarios that are about time passing, and between two looks. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return Promise.race([
    promise,
    pause(ms).then(() => {
      throw new Error('no answer in time');
    }),
  ]);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
