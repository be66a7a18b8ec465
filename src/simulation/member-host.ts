/** One simulated machine with a member on it: its disk, its clock, its agent, and the process that runs or does not. */
import type { SiteQuestion } from '../mirror/effects.ts';
import type { OperatorCommand } from '../mirror/events.ts';
import type { JournalPosition } from '../mirror/journal-position.ts';
import type { MirrorSet } from '../mirror/mirror-set.ts';
import { AgentHost } from './agent-host.ts';
import { AsyncKind } from './async-kind.ts';
import { type DiskState, type JournalElement, MemberDisk } from './member-disk.ts';
import { MemberProcess } from './member-process.ts';
import { Membership } from './membership.ts';
import type { World } from './world.ts';

export class MemberHost {
  readonly world: World;
  readonly name: string;
  readonly disk: MemberDisk;
  readonly membership: Membership;
  readonly kind: AsyncKind;
  readonly agent: AgentHost;
  process: MemberProcess | null = null;
  up = true;
  /** Flushing takes this much longer. */
  slowDiskMs = 0;
  /** No room for the journal. */
  diskFails = false;
  /** An fsync that was begun does not come back. */
  diskHangs = false;
  /** The next fsync fails, and the process ends: what is on disk is not known any more. */
  diskErrs = false;
  /** A step begins up to this much later. */
  slowCpuMs = 0;
  /** The site's ^ZMIRROR says no to this entry point. */
  siteRefuses: SiteQuestion | null = null;
  /** How far the wall clock is off; an operator's force puts its time into the record, and nothing else reads it. */
  wallClockOffByMs = 0;
  /** Monotonic time is this at the beginning of the world: machines have been up for different times. */
  #clockOffsetMs: number;
  #clockRate: number;
  /** The clock stands still, as in a virtual machine that is suspended. */
  #clockStands: { readonly atLocalMs: number; readonly untilMs: number } | null = null;
  #requests = 0;
  /** Who waits for how an order ends. */
  readonly #awaited = new Map<number, (isDone: boolean) => void>();

  constructor(world: World, name: string, set: MirrorSet) {
    this.world = world;
    this.name = name;
    this.disk = new MemberDisk(set);
    this.membership = new Membership(this, world.options.arbiter);
    this.kind = new AsyncKind(this);
    this.disk.flagCleared = this.kind.type === 'Read-Write Reporting';
    this.agent = new AgentHost(this);
    this.#clockOffsetMs = world.chance.between(0, 1e6) + (world.options.upForMs ?? 0);
    this.#clockRate = world.chance.between(0.99, 1.01);
  }

  /** As its own disk says. */
  get failoverMember(): boolean {
    return this.membership.isFailoverMember;
  }

  /** Monotonic time of this machine. */
  localMs(): number {
    return this.#clockStands?.atLocalMs ?? this.#clockOffsetMs + this.world.clock.nowMs * this.#clockRate;
  }

  whenLocalIs(localMs: number): number {
    const stands = this.#clockStands;
    if (stands !== null) return stands.untilMs + Math.max(0, localMs - stands.atLocalMs) / this.#clockRate;
    return (localMs - this.#clockOffsetMs) / this.#clockRate;
  }

  /** The clock runs at another rate from here on; it never jumps. */
  setClockRate(rate: number): void {
    this.#clockOffsetMs += this.world.clock.nowMs * (this.#clockRate - rate);
    this.#clockRate = rate;
    this.process?.setTimer();
  }

  standClockStill(forMs: number): void {
    if (this.#clockStands !== null) return;
    const { clock } = this.world;
    const stands = { atLocalMs: this.localMs(), untilMs: clock.nowMs + forMs };
    this.#clockStands = stands;
    // Also where the fault does not end: a process that is started meanwhile would wait for a time that never comes.
    clock.at(stands.untilMs, () => {
      if (this.#clockStands === stands) this.letClockRun();
    });
  }

  letClockRun(): void {
    if (this.#clockStands === null) return;
    this.#clockOffsetMs = this.#clockStands.atLocalMs - this.world.clock.nowMs * this.#clockRate;
    this.#clockStands = null;
    this.process?.setTimer();
  }

  /** Time passes in the world and not for this machine: see `World.sleep`. */
  skip(durationMs: number): void {
    this.#clockOffsetMs -= durationMs * this.#clockRate;
  }

  flushMs(): number {
    return this.world.chance.between(0.1, 3) + this.slowDiskMs * this.world.chance.next();
  }

  start(): void {
    if (this.process !== null || !this.up || !this.disk.readable) return;
    this.membership.end();
    if (this.disk.set === null) return;
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
    this.world.network.hostLost(this.name);
    this.disk.loseUnflushed(this.world.chance);
  }

  /** FO-090: a snapshot of the machine is restored while it is off. When it was taken, so many updates were acknowledged. */
  setBack(state: DiskState, ackedThen: number): void {
    this.crash();
    const { disk, world } = this;
    const { acked } = world.checkers;
    const held = acked.filter((element) => disk.holds(element, disk.flushed));
    disk.setBack(state);
    world.checkers.setBack(this, held, new Set(acked.slice(ackedThen)));
  }

  boot(): void {
    if (this.up) return;
    this.up = true;
    this.agent.alive = true;
    this.world.network.hostBack(this.name);
  }

  order(order: OperatorCommand, answered?: (isDone: boolean) => void): void {
    this.#requests += 1;
    if (answered !== undefined) this.#awaited.set(this.#requests, answered);
    this.world.tell(this.name, `operator: ${JSON.stringify(order)}`);
    this.process?.post({ type: 'operator', request: this.#requests, order });
  }

  answered(request: number, isDone: boolean): void {
    this.#awaited.get(request)?.(isDone);
    this.#awaited.delete(request);
  }

  /** The person at this member overrides the rules. */
  overrule(command: 'force-primary' | 'resume-primary'): void {
    const lineage = `forced-${this.name}-${this.world.chance.below(1e9)}`;
    const atMs = Math.round(this.world.clock.nowMs + this.wallClockOffByMs);
    this.order({ command, lineage, atMs, evidence: 'none' });
  }

  /**
   * The machine is replaced by an empty one of the same name, and joins the mirror again. The primary's answer says above which
   * of its former incarnations it has to go on; so it looks like no older life of itself (src/instance/join-server.ts).
   */
  rebuild(): void {
    this.kill();
    this.membership.empty();
    this.world.tell(this.name, 'is rebuilt from nothing');
    this.membership.join();
  }

  // Disk operations that the checkers watch.

  store(elements: readonly JournalElement[]): void {
    this.disk.store(elements);
    this.world.checkers.stored(this, elements);
  }

  cutJournal(to: { readonly epoch: number; readonly sequence: number }): number {
    const gone = this.disk.cut(to);
    this.world.checkers.cut(this, gone);
    return gone.filter((element) => !element.header).length;
  }

  applyUpTo(to: JournalPosition): void {
    this.disk.applied = Math.max(this.disk.applied, this.disk.wholeUpTo(this.disk.countUpTo(to)));
    this.world.checkers.applied(this);
  }
}
