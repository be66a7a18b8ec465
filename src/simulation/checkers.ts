/**
 * The promises of the mirror, watched from outside after every event of a simulated world (I1..I8 of docs/FAILOVER.md).
 * Nothing here asks a member what it believes when the disk or the clients can tell.
 */

import { comparePositions } from '../mirror/journal-position.ts';
import type { MemberRecord } from '../mirror/member-record.ts';
import type { MemberState } from '../mirror/member-state.ts';
import type { JournalElement } from './member-disk.ts';
import type { MemberHost } from './member-host.ts';
import type { MemberProcess, Untimed } from './member-process.ts';
import type { Violation, World } from './world.ts';

interface Reign {
  readonly epoch: number;
  readonly owner: string;
  readonly lineage: string;
}

export class Checkers {
  readonly violations: Violation[] = [];
  /** What clients were told is durable, in the order of the telling. */
  readonly acked: JournalElement[] = [];
  readonly #world: World;
  /** The newest primary of record that no operator forced. */
  #reign: Reign = { epoch: 0, owner: '', lineage: '' };
  readonly #reigns = new Map<number, Reign>();
  readonly #elements = new Map<string, number>();
  #newestAcked: JournalElement | null = null;
  /** An operator has forced a takeover: data may be lost from here on, by his order. */
  forced = false;
  takeovers = 0;
  /** How often each decision was noted: shows that a run was not vacuous. */
  readonly decisions = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
  }

  complain(promise: string, text: string): void {
    this.violations.push({ promise, text, atMs: this.#world.clock.nowMs });
    this.#world.tell('**', `${promise} violated: ${text}`);
  }

  noted(_process: MemberProcess, what: string): void {
    this.decisions.set(what, (this.decisions.get(what) ?? 0) + 1);
  }

  /** After each step, before its effects. */
  stepped(process: MemberProcess, before: MemberState, event: Untimed): void {
    const { state } = process;
    const { host } = process;
    const inTrouble = before.serving.trouble !== null && state.serving.trouble !== null && before.role === 'primary';
    if (inTrouble && comparePositions(state.journal.durable, before.journal.durable) > 0)
      this.complain('I4', `${host} in trouble state counts ${state.journal.durable.sequence} as durable`);
    if (state.role === 'becoming' && before.role !== 'becoming' && state.right === 'licence') {
      if (before.attachment?.mode !== 'arbiter')
        this.complain('I6', `${host} uses a licence without having confirmed arbiter controlled mode`);
    }
    if (state.role === 'becoming' && state.right === 'force') this.forced = true;
    if (state.role === 'halted' && before.role !== 'halted' && !this.forced)
      this.complain('I7', `${host} halts though nobody forced a takeover (${state.haltedBecause}; ${event.type})`);
    if (state.record.epoch.number < before.record.epoch.number)
      this.complain('I3', `${host} goes back to epoch ${state.record.epoch.number}`);
  }

  /** Becoming primary is the write of a new epoch (before it is on disk). */
  savesRecord(process: MemberProcess, record: MemberRecord): void {
    const { disk } = process.on;
    if (!record.primaryOfEpoch || record.epoch.number <= disk.record.epoch.number) return;
    const reign = { epoch: record.epoch.number, owner: record.epoch.owner, lineage: record.epoch.lineage };
    const forcedNow = process.state.right === 'force';
    if (forcedNow) this.forced = true;
    if (this.forced) return;
    this.takeovers += 1;
    const other = this.#reigns.get(reign.epoch);
    if (other !== undefined) this.complain('I1', `${reign.owner} and ${other.owner} both own epoch ${reign.epoch}`);
    if (reign.epoch <= this.#reign.epoch)
      this.complain('I1', `${reign.owner} begins epoch ${reign.epoch} after epoch ${this.#reign.epoch} had begun`);
    this.#reigns.set(reign.epoch, reign);
    this.#reign = reign;
    const newest = this.#newestAcked;
    if (newest !== null && !disk.holds(newest, disk.flushed))
      this.complain(
        'I2',
        `${reign.owner} becomes primary without acknowledged ${print(newest)}; ends at ${print(disk.elements[disk.flushed - 1])}`,
      );
    for (const host of this.#world.members) {
      const last = host.disk.elements[host.disk.applied - 1];
      if (last !== undefined && !disk.holds(last, disk.flushed))
        this.complain(
          'I3',
          `${reign.owner} becomes primary without ${print(last)}, which the databases of ${host.name} hold`,
        );
    }
  }

  startedFile(process: MemberProcess): void {
    this.stored(process.on, [process.on.disk.elements.at(-1) as JournalElement]);
  }

  /** A member opens its door to updates: the other may only do so in a newer epoch. */
  opens(process: MemberProcess): void {
    if (this.forced) return;
    if (process.state.record.epoch.number < this.#reign.epoch && process.state.serving.counted === null)
      this.complain(
        'I1',
        `${process.host} goes on alone in epoch ${process.state.record.epoch.number} while ${this.#reign.owner} is primary of epoch ${this.#reign.epoch}`,
      );
  }

  acknowledged(process: MemberProcess, element: JournalElement): void {
    const { disk } = process.on;
    this.acked.push(element);
    if (this.forced) return;
    if (!disk.holds(element, disk.flushed))
      this.complain('I2', `${process.host} acknowledges ${print(element)}, which is not on its disk`);
    const isNewest = this.#newestAcked === null || comparePositions(element.position, this.#newestAcked.position) > 0;
    if (element.position.epoch < this.#reign.epoch) {
      const owner = this.#world.member(this.#reign.owner);
      if (!owner.disk.holds(element, owner.disk.elements.length))
        this.complain(
          'I1',
          `${process.host} acknowledges ${print(element)}, which ${owner.name}, primary of epoch ${this.#reign.epoch}, does not have`,
        );
    }
    if (isNewest) this.#newestAcked = element;
  }

  /** The same place in the journal has the same past wherever it stands (I3). */
  stored(host: MemberHost, elements: readonly JournalElement[]): void {
    for (const element of elements) {
      const { epoch, sequence } = element.position;
      const key = `${epoch}/${element.owner}/${element.lineage}/${sequence}`;
      const known = this.#elements.get(key);
      if (known === undefined) this.#elements.set(key, element.chain);
      else if (known !== element.chain)
        this.complain('I3', `${host.name} has another journal at ${epoch}/${sequence} than it was written`);
    }
    const { disk } = host;
    for (let index = Math.max(1, disk.elements.length - elements.length); index < disk.elements.length; index += 1) {
      const before = (disk.elements[index - 1] as JournalElement).position;
      const { position, header } = disk.elements[index] as JournalElement;
      const joins = header
        ? position.epoch > before.epoch && position.sequence === before.sequence
        : position.epoch === before.epoch && position.sequence === before.sequence + 1;
      if (!joins)
        this.complain('I3', `the journal of ${host.name} has a gap before ${position.epoch}/${position.sequence}`);
    }
  }

  cut(host: MemberHost): void {
    const { disk } = host;
    if (disk.applied > disk.elements.length)
      this.complain('I3', `${host.name} cuts its journal below what its databases hold`);
    const newest = this.#newestAcked;
    const kept = disk.keptAside.some((element) => element.chain === newest?.chain);
    if (!this.forced && newest !== null && kept && host.name === this.#reign.owner)
      this.complain('I2', `${host.name} cuts acknowledged ${print(newest)} away`);
  }

  /** Databases take only what is flushed here; whether it was durable shows when the next member becomes primary. */
  applied(host: MemberHost): void {
    if (host.disk.applied > host.disk.flushed)
      this.complain('I3', `the databases of ${host.name} take what its journal has not flushed`);
  }

  /** I8: a deadline in the past that a wake-up does not settle keeps the process busy for ever. */
  spins(process: MemberProcess, next: number): void {
    const { role } = process.state;
    this.complain(
      'I8',
      `${process.host} (${role}) wants to wake at once again, ${(process.on.localMs() - next).toFixed(1)} ms late`,
    );
  }

  /** At the end, with every fault healed and time given. */
  atRest(): string | null {
    const { members, options } = this.#world;
    const primaries = members.filter((host) => host.process?.state.role === 'primary');
    if (primaries.length !== 1) return `${primaries.length} primaries: ${members.map(describe).join('; ')}`;
    const primary = primaries[0] as MemberHost;
    const serving = primary.process?.state.serving;
    if (serving?.trouble !== null) return `the primary is in trouble: ${JSON.stringify(serving?.trouble)}`;
    if (serving.counted?.confirmed !== true) return `no active backup: ${members.map(describe).join('; ')}`;
    if (options.arbiter && serving.mode !== 'arbiter') return `mode ${serving.mode} in spite of an arbiter`;
    const behind = members.find(
      (host) => host !== primary && host.disk.applied < Math.min(primary.disk.applied - 60, primary.disk.flushed),
    );
    if (behind !== undefined) return `${behind.name} is behind: ${behind.disk.applied} of ${primary.disk.applied}`;
    return null;
  }

  /** Every acknowledged update is in the journal of the primary at the end. */
  allKept(): void {
    if (this.forced) return;
    const primary = this.#world.members.find((host) => host.process?.state.role === 'primary');
    if (primary === undefined) return;
    const lost = this.acked.find((element) => !primary.disk.holds(element, primary.disk.elements.length));
    if (lost !== undefined) this.complain('I2', `acknowledged ${print(lost)} is lost at the end`);
  }
}

function print(element: JournalElement | undefined): string {
  if (element === undefined) return 'nothing';
  return `${element.position.epoch}/${element.position.sequence} (update ${element.payload})`;
}

export function describe(host: MemberHost): string {
  const state = host.process?.state;
  if (state === undefined) return `${host.name} has no process`;
  const { seeking } = state;
  const waits = state.role === 'seeking' ? ` (${seeking.lastFailure}; next ${seeking.next})` : '';
  return `${host.name} ${state.role}${waits} epoch ${state.record.epoch.number}${state.record.primaryOfEpoch ? '*' : ''}`;
}
