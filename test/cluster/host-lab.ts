/**
 * A mirror on hosts of its own, set up as docs/OPERATING.md tells an operator to: each host is a network namespace with a
 * home, and everything on it is started there by the command line.
 */
import { join } from 'node:path';
import { homePaths } from '../../src/host/home.ts';
import { nodeProcesses } from '../../src/host/processes.ts';
import { agentPortDefault, superserverPortDefault } from '../../src/mirror/limits.ts';
import type { Address } from '../../src/mirror/mirror-set.ts';
import type { StatusReport } from '../../src/mirror/status.ts';
import { type Ran, runProgram, runWell } from '../fixtures/program.ts';
import { type Direction, type HostLabel, hostLabels, Network } from './hosts.ts';
import { hasActiveBackup, Lab, type Label, labels, type Pair, pause, qosTimeoutMs } from './lab.ts';

const mirror = 'LAB';
const upTimeoutMs = 45_000;

export class HostLab extends Lab {
  readonly network = new Network();
  readonly addresses: Readonly<Record<Label, Address>>;
  #isMade = false;
  #qosMs = qosTimeoutMs;
  /** Members have mirror private addresses: their instances serve at every address of their hosts. */
  readonly #isPrivate: boolean;

  constructor({ isPrivate = false } = {}) {
    super();
    this.#isPrivate = isPrivate;
    const of = (label: Label): Address => ({ host: this.network.addressOf(label), port: superserverPortDefault });
    this.addresses = { A: of('A'), B: of('B'), C: of('C') };
  }

  async up(qosMs = this.#qosMs): Promise<void> {
    this.#qosMs = qosMs;
    if (this.#isMade) await this.#start();
    else await this.#make(qosMs);
    await this.#untilWhole(qosMs);
  }

  async #make(qosMs: number): Promise<void> {
    this.network.make();
    await Promise.all(
      hostLabels.map((label) => this.on(label, 'agent', 'start', '--address', this.network.addressOf(label))),
    );
    await Promise.all(labels.map((label) => this.#makeInstance(label)));
    const arbiter = `${this.network.addressOf('X')}:${agentPortDefault}`;
    const as = (label: Label) => [label, '--mirror', mirror, '--member', label, ...this.#placesOf(label)];
    await this.on('A', 'mirror', 'create', ...as('A'), '--arbiter', arbiter, '--qos', String(qosMs));
    const introduced = ['--agent', `${this.network.addressOf('A')}:${agentPortDefault}`, '--instance', 'A'];
    await this.on('B', 'mirror', 'join', ...as('B'), '--type', 'failover', ...introduced);
    await this.on('C', 'mirror', 'join', ...as('C'), '--type', 'dr', ...introduced);
    for (const label of labels) await this.on(label, 'database', 'create', label, 'DATA', '--mirrored');
    this.#isMade = true;
  }

  async #makeInstance(label: Label): Promise<void> {
    const address = this.#isPrivate ? '0.0.0.0' : this.network.addressOf(label);
    await this.on(label, 'instance', 'create', label, '--address', address);
    await this.on(label, 'instance', 'start', label);
  }

  #placesOf(label: Label): readonly string[] {
    if (!this.#isPrivate) return [];
    const [outside, inside] = [this.network.addressOf(label), this.network.privateAddressOf(label)];
    return ['--superserver-address', outside, '--private-address', inside, '--agent-address', outside];
  }

  /** Whatever a scenario left undone: wires first, then agents, then instances. */
  async #start(): Promise<void> {
    this.thawAll();
    this.network.healAll();
    await Promise.all(
      hostLabels.filter((label) => this.#agentPid(label) === null).map((label) => this.startAgent(label)),
    );
    // Whoever was frozen may be going down just now, and what is started beside it would be refused.
    await Promise.all(
      labels.map(async (label) => {
        const status = await this.until(label, 'down or alive', (now) => now !== null || this.pidOf(label) === null);
        if (status === null) await this.tryOn(label, 'instance', 'start', label, '--timeout', '30s');
      }),
    );
  }

  /** A primary with an active backup under an arbiter, C with everything, and the QoS timeout as wanted. */
  async #untilWhole(qosMs: number): Promise<void> {
    const deadlineMs = performance.now() + upTimeoutMs;
    for (;;) {
      const statuses = await Promise.all(labels.map((label) => this.status(label)));
      const lack = missing(statuses);
      if (lack === null) {
        const primary = statuses.find((status) => status?.status === 'Primary');
        if (primary?.qosTimeoutMs === qosMs) return;
        const name = (primary?.instance ?? 'A') as Label;
        await this.on(name, 'mirror', 'edit', name, '--qos', String(qosMs));
      }
      if (performance.now() > deadlineMs) throw new Error(`the lab lacks ${lack}: ${await this.describe()}`);
      for (const [index, label] of labels.entries()) {
        if (statuses[index] === null && this.pidOf(label) === null) await this.tryOn(label, 'instance', 'start', label);
      }
      await pause(50);
    }
  }

  homeOf(label: HostLabel): string {
    return join(this.home, label.toLowerCase());
  }

  on(label: HostLabel, ...args: readonly string[]): Promise<Ran> {
    return this.onHome(label, this.homeOf(label), ...args);
  }

  /** A host with a second home: another agent, or a copy. */
  onHome(label: HostLabel, home: string, ...args: readonly string[]): Promise<Ran> {
    return runWell([...args, '--home', home], { through: this.network.on(label) });
  }

  tryOn(label: HostLabel, ...args: readonly string[]): Promise<Ran> {
    return this.tryOnHome(label, this.homeOf(label), ...args);
  }

  tryOnHome(label: HostLabel, home: string, ...args: readonly string[]): Promise<Ran> {
    return runProgram([...args, '--home', home], { through: this.network.on(label) });
  }

  /** As a power cut is seen by the others: silence at once, not a single closing word. */
  async hostDown(label: HostLabel): Promise<void> {
    this.network.unplug(label);
    const pids = this.network.pidsOn(label);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    for (const pid of pids) await nodeProcesses.waitUntilGone({ pid, startTicks: null }, 10_000);
  }

  async hostUp(label: HostLabel): Promise<void> {
    this.network.plug(label);
    await this.startAgent(label);
  }

  async startAgent(label: HostLabel): Promise<void> {
    await this.on(label, 'agent', 'start');
  }

  async killAgent(label: HostLabel): Promise<void> {
    const lock = nodeProcesses.describeLock(homePaths(this.homeOf(label)).agentStatus);
    if (lock.state !== 'held') throw new Error(`the agent of ${label} is down already`);
    await nodeProcesses.forceDown(lock.by, 10_000);
  }

  freezeAgent(label: HostLabel): void {
    const pid = this.#agentPid(label);
    if (pid === null) throw new Error(`the agent of ${label} is down`);
    this.freezePid(pid);
  }

  #agentPid(label: HostLabel): number | null {
    const lock = nodeProcesses.describeLock(homePaths(this.homeOf(label)).agentStatus);
    return lock.state === 'held' ? lock.by.pid : null;
  }

  async cut(...pairs: readonly Pair[]): Promise<void> {
    this.network.cut(pairs.flatMap(([a, b]) => bothWays(a, b)));
  }

  /** Only what goes this way is lost. */
  cutOneWay(...directions: readonly Direction[]): void {
    this.network.cut(directions);
  }

  async heal(pair?: Pair): Promise<void> {
    if (pair === undefined) this.network.healAll();
    else this.network.mend(bothWays(...pair));
  }

  protected async takeDown(): Promise<void> {
    for (const label of hostLabels) {
      for (const pid of this.network.pidsOn(label)) process.kill(pid, 'SIGKILL');
    }
    this.network.remove();
  }
}

function bothWays(a: HostLabel, b: HostLabel): readonly Direction[] {
  return [
    [a, b],
    [b, a],
  ];
}

/** In words; null when everything is there. */
function missing(statuses: readonly (StatusReport | null)[]): string | null {
  const primary = statuses.find((status) => status?.status === 'Primary');
  const backup = statuses.find((status) => status?.status === 'Backup');
  const dr = statuses.find((status) => status?.type === 'Disaster Recovery');
  if (primary === undefined || backup === undefined || !hasActiveBackup(primary))
    return 'a primary or an active backup';
  for (const report of [primary, backup]) if (report?.failoverMode !== 'Arbiter Controlled') return 'arbiter control';
  // While somebody writes all the time it is caught up for moments only (docs/ROADMAP.md).
  return dr?.instance === 'C' && dr.status === 'Connected' ? null : 'C as a DR async that is connected';
}
