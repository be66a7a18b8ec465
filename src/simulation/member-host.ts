/** One simulated machine with a member on it: its disk, its clock, its agent, and the process that runs or does not. */
import type { MemberSettings, OperatorCommand } from '../mirror/events.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import { AgentHost } from './agent-host.ts';
import { type JournalElement, MemberDisk } from './member-disk.ts';
import { MemberProcess } from './member-process.ts';
import type { World } from './world.ts';

export class MemberHost {
  readonly world: World;
  readonly name: string;
  readonly failoverMember: boolean;
  readonly disk = new MemberDisk();
  readonly agent: AgentHost;
  settings: MemberSettings;
  process: MemberProcess | null = null;
  up = true;
  /** Flushing takes this much longer. */
  slowDiskMs = 0;
  diskFails = false;
  readonly #clockOffsetMs: number;
  readonly #clockRate: number;
  #requests = 0;

  constructor(world: World, name: string, failoverMember: boolean, settings: MemberSettings) {
    this.world = world;
    this.name = name;
    this.failoverMember = failoverMember;
    this.settings = settings;
    this.agent = new AgentHost(this);
    this.#clockOffsetMs = world.chance.between(0, 1e6);
    this.#clockRate = world.chance.between(0.99, 1.01);
  }

  /** Monotonic time of this machine. */
  localMs(): number {
    return this.#clockOffsetMs + this.world.clock.nowMs * this.#clockRate;
  }

  whenLocalIs(localMs: number): number {
    return (localMs - this.#clockOffsetMs) / this.#clockRate;
  }

  flushMs(): number {
    return this.world.chance.between(0.1, 3) + this.slowDiskMs * this.world.chance.next();
  }

  start(): void {
    if (this.process !== null || !this.up || !this.disk.readable) return;
    this.world.tell(this.name, 'process starts');
    this.process = new MemberProcess(this);
    this.process.begin();
  }

  /** kill -9; `orderly` = the process ended itself, and what it sent before is sent. */
  kill(orderly = false): void {
    const { process } = this;
    if (process === null) return;
    this.process = null;
    process.die();
    this.world.network.ended(process, false, orderly);
  }

  /** The power goes: process and agent are gone without a word, and what was not flushed may be gone too. */
  crash(): void {
    const { process } = this;
    this.up = false;
    this.agent.die();
    this.process = null;
    if (process !== null) {
      process.die();
      this.world.network.ended(process, true);
    }
    this.disk.loseUnflushed(this.world.chance);
  }

  boot(): void {
    if (this.up) return;
    this.up = true;
    this.agent.alive = true;
    this.world.network.hostBack(this.name);
  }

  order(order: OperatorCommand): void {
    this.#requests += 1;
    this.world.tell(this.name, `operator: ${JSON.stringify(order)}`);
    this.process?.post({ type: 'operator', request: this.#requests, order });
  }

  // Disk operations that the checkers watch.

  store(elements: readonly JournalElement[]): void {
    this.disk.store(elements);
    this.world.checkers.stored(this, elements);
  }

  cutJournal(to: { readonly epoch: number; readonly sequence: number }): number {
    const gone = this.disk.cut(to);
    this.world.checkers.cut(this);
    return gone.filter((element) => !element.header).length;
  }

  applyUpTo(to: JournalPosition): void {
    this.disk.applied = Math.max(this.disk.applied, this.disk.countUpTo(to));
    this.world.checkers.applied(this);
  }
}
