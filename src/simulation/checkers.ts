/**
 * The promises of the mirror, watched from outside after every event of a simulated world (I1..I8 of docs/FAILOVER.md; I9 is
 * watched by whoever tells a story: no clock but the event's may be read). Nothing here asks a member what it believes when
 * the disk, the arbiter or the clients can tell, and nothing here uses the rules' own words for older and newer.
 *
 * A person who forces makes a second history. From there on each history is judged for itself: in each, one member at a time
 * makes updates durable, and what was acknowledged in it, or before it and was on the disk of the forced member, is not lost.
 * Reads of an isolated primary may be old and are not judged.
 *
 * A person who sets a disk back to an older state loses what no other failover member has (docs/decisions/0049).
 */
import { printPlace } from '../mirror/loss-report.ts';
import type { MemberRecord } from '../mirror/member-record.ts';
import type { MemberState } from '../mirror/member-state.ts';
import { Histories, type History } from './histories.ts';
import { LicenceWatch } from './licence-watch.ts';
import type { JournalElement, MemberDisk } from './member-disk.ts';
import type { MemberHost } from './member-host.ts';
import type { MemberProcess, Untimed } from './member-process.ts';
import { MembershipWatch } from './membership-watch.ts';
import type { Violation, World } from './world.ts';

/** A member whose databases hold what the mirror lacks. */
interface Divergence {
  /** The first element of that, and who lacked it. */
  readonly first: JournalElement;
  readonly lackedBy: MemberDisk;
  /** Histories that a person has begun with it. */
  readonly chosenIn: Set<History>;
}

export class Checkers {
  readonly violations: Violation[] = [];
  /** What clients were told is durable, in the order of the telling. */
  readonly acked: JournalElement[] = [];
  readonly licences: LicenceWatch;
  readonly memberships: MembershipWatch;
  readonly histories: Histories;
  readonly #world: World;
  readonly #elements = new Map<string, number>();
  /** Members that halted. */
  readonly #diverged = new Map<string, Divergence>();
  takeovers = 0;
  /** Takeovers by right, and those after which a client was told that its update is durable. */
  readonly takeoversBy = new Map<string, number>();
  takeoversAcknowledged = 0;
  /** Histories begun by a promotion by force, and acknowledged updates that they left behind: the report of losses was put to the test. */
  promotionsByForce = 0;
  /** Asyncs that became failover members, and former failover members that followed a primary as asyncs, without any edit (FO-083). */
  placesTaken = 0;
  formerBack = 0;
  readonly #former = new Set<string>();
  losses = 0;
  setBacks = 0;
  #unproven: number | null = null;
  /** How often each decision was noted: shows that a run was not vacuous. */
  readonly decisions = new Map<string, number>();

  constructor(world: World) {
    this.#world = world;
    this.licences = new LicenceWatch(this);
    this.memberships = new MembershipWatch(this);
    this.histories = new Histories();
  }

  /** A person has forced a takeover, or set a disk back: members may have what the mirror lacks. */
  get mayDiverge(): boolean {
    return this.histories.count > 1 || this.setBacks > 0;
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
    const { state, host } = process;
    const inTrouble = before.serving.trouble !== null && state.serving.trouble !== null && before.role === 'primary';
    if (inTrouble && isAbove(state.journal.durable, before.journal.durable))
      this.complain('I4', `${host} in trouble state counts ${state.journal.durable.sequence} as durable`);
    this.licences.stepped(process, before);
    this.#takesPlace(process, before);
    this.memberships.stepped(process, before);
    const counted = state.serving.counted?.member;
    if (
      counted !== undefined &&
      counted !== before.serving.counted?.member &&
      this.#world.member(counted).kind.isReporting
    )
      this.complain('FO-077', `${host} counts ${counted}, a reporting async`);
    if (state.record.epoch.number < before.record.epoch.number)
      this.complain('I3', `${host} goes back to epoch ${state.record.epoch.number}`);
    if (state.role === 'halted' && before.role !== 'halted') this.#halts(process, before, event);
    if (state.role === 'attached' && before.role !== 'attached') this.#follows(process);
    if (event.type === 'message' && before.role === 'primary' && state.role === 'primary')
      this.#meets(process, before, event);
  }

  /** A primary that its successor has removed halts too. */
  #halts(process: MemberProcess, before: MemberState, event: Untimed): void {
    const from = event.type === 'message' ? event.envelope.from : process.state.settings.partner;
    const lackedBy = this.#world.members.find(({ name }) => name === from)?.disk;
    const { elements, applied } = process.on.disk;
    const first = elements.slice(0, applied).find((each) => lackedBy?.holds(each, lackedBy.elements.length) === false);
    if (first !== undefined && lackedBy !== undefined)
      this.#diverged.set(process.host, { first, lackedBy, chosenIn: new Set() });
    const { number } = before.record.epoch;
    const isFormer = this.#world.members.some(({ disk: { record } }) => record.epoch.number > number);
    const isRemoved = process.state.haltedSpec === 'CFG-069' && isFormer;
    if (!this.mayDiverge && !isRemoved)
      this.complain(
        'I7',
        `${process.host} halts though nobody forced a takeover (${process.state.haltedBecause}; ${event.type})`,
      );
  }

  /** From this history. No more, when the databases lost it with the power, or the other has fetched it since. */
  #hasMore({ name, disk }: MemberHost, history: History | undefined): boolean {
    const mark = this.#diverged.get(name);
    if (mark === undefined || history === undefined || mark.chosenIn.has(history)) return false;
    const { first, lackedBy } = mark;
    return disk.holds(first, disk.applied) && !lackedBy.holds(first, lackedBy.elements.length);
  }

  /** The one that lacks it has gone another way: where it has merely less, an async that is promoted brings back what was lost. */
  #isDiverged(host: MemberHost, history: History | undefined): boolean {
    const end = this.#diverged.get(host.name)?.lackedBy.elements.at(-1);
    return this.#hasMore(host, history) && end !== undefined && !host.disk.holds(end, host.disk.elements.length);
  }

  /** A member whose databases hold what its primary lacks halts instead; one that may follow is not diverged any more. */
  #follows({ on, host, state }: MemberProcess): void {
    const primary = this.#world.members.find(({ name }) => name === state.attachment?.to);
    if (primary?.process?.state.role !== 'primary') return;
    if (this.#former.delete(host)) this.formerBack += 1;
    const last = on.disk.elements[on.disk.applied - 1];
    if (last !== undefined && !primary.disk.holds(last, primary.disk.elements.length))
      this.complain('I7', `${host} follows ${primary.name}, which lacks ${print(last)} of the databases of ${host}`);
    else this.#diverged.delete(host);
  }

  /** A primary that hears of a newer epoch, or of another history of its own, is primary no more after that step. */
  #meets(process: MemberProcess, before: MemberState, event: Extract<Untimed, { type: 'message' }>): void {
    const { number, owner, lineage } = event.envelope.epoch;
    const { epoch } = before.record;
    const who = `${process.host}, primary of epoch ${epoch.number},`;
    // Whoever was removed and forced since has no reign that counts (CFG-069).
    if (event.message.type === 'removal-heard') return;
    const isServed = event.message.type === 'hello' ? event.message.failoverMember : true;
    if (number > epoch.number && isServed) this.complain('I1', `${who} goes on though it heard of epoch ${number}`);
    const isOther = number === epoch.number && (owner !== epoch.owner || lineage !== epoch.lineage);
    const saysSo = event.message.type === 'hello' || event.message.type === 'reign';
    // Of one whose place was given to others by a promotion, the history is the one that a person did not choose.
    const hasPlace = this.#world.failoverMembers.some(({ name }) => name === event.envelope.from);
    if (isOther && saysSo && isServed && hasPlace)
      this.complain('I7', `${who} goes on though ${event.envelope.from} has another history of it`);
  }

  /** FO-077, DB-042: an async is a failover member from this step on. A list that agents have been told already is not taken back. */
  #takesPlace({ on, state }: MemberProcess, before: MemberState): void {
    const { disk, name, kind } = on;
    if (before.failoverMember && !state.failoverMember) this.#former.add(name);
    if (before.failoverMember || !state.failoverMember || before.role === 'starting') return;
    this.placesTaken += 1;
    this.#former.delete(name);
    if (kind.isReporting && before.promotion?.phase !== 'telling')
      this.complain('FO-077', `${name} is ${kind.type} and becomes a failover member`);
    if (disk.flagCleared) this.complain('DB-042', `${name} becomes a failover member, and its flags are cleared`);
  }

  /** DB-040: only where nobody counts on the copies as exact ones. */
  flagCleared({ name, kind, failoverMember }: MemberHost): void {
    if (kind.isReporting && !failoverMember) return;
    this.complain(
      'DB-040',
      `${name} is ${failoverMember ? 'a failover member' : kind.type}, and its flags are cleared`,
    );
  }

  /** Becoming primary is the write of a new epoch (before it is on disk). */
  savesRecord(process: MemberProcess, record: MemberRecord): void {
    const { disk, name, failoverMember } = process.on;
    const { epoch } = record;
    const isNew = record.primaryOfEpoch && (epoch.number !== disk.record.epoch.number || !disk.record.primaryOfEpoch);
    if (!isNew) return;
    this.takeovers += 1;
    this.#unproven = epoch.number;
    const right = process.state.right ?? 'none';
    this.takeoversBy.set(right, (this.takeoversBy.get(right) ?? 0) + 1);
    if (!failoverMember) this.complain('I7', `${name} becomes primary and is no failover member`);
    if (disk.record.removed !== null) this.complain('I7', `${name} becomes primary and was removed from the mirror`);
    if (disk.flagCleared) this.complain('DB-039', `${name} becomes primary with copies whose flags are cleared`);
    const isForced = right === 'force' || right === 'resume';
    const history = this.histories.of(isForced ? epoch.lineage : disk.record.epoch.lineage);
    if (history === undefined) {
      if (this.histories.count > 0 && !isForced) this.complain('I7', `${name} begins a history of its own (${right})`);
      this.#losesAsReported(process, record);
      const begun = this.histories.begin(epoch.lineage, disk, this.acked);
      // What a person has chosen is no divergence of the others who hold it.
      for (const { first, chosenIn } of this.#diverged.values())
        if (disk.holds(first, disk.elements.length)) chosenIn.add(begun);
      this.#diverged.delete(name);
    } else {
      this.#reignsIn(history, process, epoch.number);
      this.memberships.reigns(process, history);
      this.histories.goOn(history, epoch.lineage);
    }
    this.histories.of(epoch.lineage)?.reign(epoch.number, name);
  }

  /** FO-082: of what was acknowledged in the history that is left, the promoted member lacks only what a person was told of. */
  #losesAsReported({ on }: MemberProcess, { forced, failoverMembers, epoch }: MemberRecord): void {
    const { disk, name } = on;
    const reported = failoverMembers?.reported;
    const isByIt = forced?.byPromotion === true && forced.epoch.lineage === epoch.lineage && reported?.by === name;
    if (reported === undefined || !isByIt) return;
    this.promotionsByForce += 1;
    const { from, upTo, notReached } = reported;
    const history = this.histories.of(disk.record.epoch.lineage);
    // The journal of one that has diverged ends in another history, so that its end is no place in this one.
    const isBeside = this.#hasMore(on, history);
    for (const element of history?.acked ?? []) {
      if (disk.holds(element, disk.flushed)) continue;
      this.losses += 1;
      const { position } = element;
      if ((isBeside || isAbove(position, from)) && (notReached.length > 0 || !isAbove(position, upTo))) continue;
      const told = `behind ${printPlace(from)} up to ${printPlace(upTo)}, not reached: ${notReached.join(' ')}`;
      this.complain('FO-082', `the promotion of ${name} loses acknowledged ${print(element)}; reported ${told}`);
    }
  }

  #reignsIn(history: History, { on, state }: MemberProcess, epoch: number): void {
    const { disk, name } = on;
    if (this.#isDiverged(on, history)) this.complain('I7', `${name} has diverged and becomes primary (${state.right})`);
    if (epoch <= history.epoch)
      this.complain('I1', `${name} begins epoch ${epoch} after epoch ${history.epoch} had begun`);
    const { newestAcked } = history;
    if (newestAcked !== null && !disk.holds(newestAcked, disk.flushed)) {
      const end = print(disk.elements[disk.flushed - 1]);
      this.complain('I2', `${name} becomes primary without acknowledged ${print(newestAcked)}; ends at ${end}`);
    }
    for (const host of this.#world.members) {
      const last = host.disk.elements[host.disk.applied - 1];
      const isIn = this.histories.of(host.disk.record.epoch.lineage) === history && !this.#hasMore(host, history);
      if (isIn && last !== undefined && !disk.holds(last, disk.flushed))
        this.complain('I3', `${name} becomes primary without ${print(last)}, which the databases of ${host.name} hold`);
    }
  }

  startedFile(process: MemberProcess): void {
    this.stored(process.on, [process.on.disk.elements.at(-1) as JournalElement]);
  }

  /** A member opens its door to updates: the other may only do so in a newer epoch. */
  opens({ host, state }: MemberProcess): void {
    const { epoch } = state.record;
    const history = this.histories.of(epoch.lineage);
    if (history !== undefined && epoch.number < history.epoch && state.serving.counted === null)
      this.complain(
        'I1',
        `${host} goes on alone in epoch ${epoch.number} while ${history.owner} is primary of epoch ${history.epoch}`,
      );
  }

  acknowledged(process: MemberProcess, element: JournalElement): void {
    const { on, state, host } = process;
    const { disk } = on;
    this.acked.push(element);
    if (element.continues)
      this.complain('I2', `${host} acknowledges ${print(element)} before its transaction is whole`);
    if (state.role !== 'primary' && state.role !== 'handing-over')
      this.complain('I1', `${host} (${state.role}) acknowledges ${print(element)}`);
    if (state.role === 'primary' && state.serving.trouble !== null)
      this.complain('I4', `${host} acknowledges ${print(element)} in trouble state`);
    if (this.#isDiverged(on, this.histories.of(state.record.epoch.lineage)))
      this.complain('I7', `${host} has diverged and acknowledges ${print(element)}`);
    if (!disk.holds(element, disk.flushed))
      this.complain('I2', `${host} acknowledges ${print(element)}, which is not on its disk`);
    const { lineage } = state.record.epoch;
    const history = this.histories.of(lineage);
    if (history === undefined) return this.complain('I1', `${host} acknowledges in no epoch that ever began`);
    if (element.position.epoch < history.epoch) {
      const owner = this.#world.member(history.owner);
      // A person may have let it leave, and has put aside what only it had.
      const isOut = owner.disk.set === null;
      if (!isOut && !owner.disk.holds(element, owner.disk.elements.length))
        this.complain(
          'I1',
          `${host} acknowledges ${print(element)}, which ${owner.name}, primary of epoch ${history.epoch}, does not have`,
        );
    }
    history.acknowledged(element);
    if (this.#unproven === element.position.epoch) {
      this.#unproven = null;
      this.takeoversAcknowledged += 1;
    }
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

  cut(host: MemberHost, gone: readonly JournalElement[]): void {
    const { disk } = host;
    if (disk.applied > disk.elements.length)
      this.complain('I3', `${host.name} cuts its journal below what its databases hold`);
    if (gone.some((element) => !disk.keptAside.includes(element)))
      this.complain('I7', `${host.name} cuts journal data and does not keep it`);
    // By now the record names the history that it joins.
    const newest = this.histories.of(host.disk.record.epoch.lineage)?.newestAcked ?? null;
    if (newest !== null && gone.includes(newest))
      this.complain('I2', `${host.name} cuts acknowledged ${print(newest)} away`);
  }

  /** Databases take only what is flushed here; whether it was durable shows when the next member becomes primary. */
  applied(host: MemberHost): void {
    const { elements, applied } = host.disk;
    const last = elements[applied - 1];
    if (last?.continues === true && elements[applied]?.header !== true)
      this.complain('SYN-005', `the databases of ${host.name} hold a part of the transaction of ${print(last)}`);
    if (host.disk.applied > host.disk.flushed)
      this.complain('I3', `the databases of ${host.name} take what its journal has not flushed`);
  }

  /**
   * The disk of this member was set back; it held all that `held` names, `since` was acknowledged after the snapshot. What it alone of the
   * failover members held is lost to them; an async that has it in its databases lacks nothing and is lacked by all.
   */
  setBack(host: MemberHost, held: readonly JournalElement[], since: ReadonlySet<JournalElement>): void {
    this.setBacks += 1;
    this.memberships.setBack();
    const { members, failoverMembers } = this.#world;
    const disks = failoverMembers.map(({ disk }) => disk);
    const isHeld = (element: JournalElement): boolean =>
      disks.some((disk) => disk.holds(element, disk.flushed) && (disk !== host.disk || !since.has(element)));
    const lost = new Set(held.filter((element) => !isHeld(element)));
    for (const history of this.histories.all) {
      const records = disks
        .map(({ record }) => record)
        .filter(({ epoch }) => this.histories.of(epoch.lineage) === history);
      const [newest] = records.sort((a, b) => b.epoch.number - a.epoch.number);
      if (newest !== undefined) history.forget(lost, newest.epoch.number, newest.epoch.owner);
    }
    for (const { name, disk } of members) {
      // What it has not applied yet, it may apply before it meets anybody.
      const first = disks.includes(disk) ? undefined : disk.elements.find((element) => !isHeld(element));
      const lackedBy = first && disks.find((other) => !other.holds(first, other.elements.length));
      if (first !== undefined && lackedBy !== undefined)
        this.#diverged.set(name, { first, lackedBy, chosenIn: new Set() });
    }
  }

  /** A machine was replaced by an empty one. */
  rebuilt(host: MemberHost): void {
    this.#diverged.delete(host.name);
    this.#former.delete(host.name);
    this.memberships.rebuilt(host.name);
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
    const behind = members.find((host) => host !== primary && !isCaughtUp(host, primary));
    if (behind !== undefined) return `${behind.name} is behind: ${behind.disk.applied} of ${primary.disk.applied}`;
    return null;
  }

  /** Every acknowledged update of the primary's history is in its journal, and every member's journal is a part of it. */
  allKept(): void {
    const { primary, members } = this.#world;
    const history = this.histories.of(primary?.disk.record.epoch.lineage ?? '');
    if (primary === undefined || history === undefined) return;
    const all = primary.disk.elements.length;
    const lost = history.acked.find((element) => !primary.disk.holds(element, all));
    if (lost !== undefined) this.complain('I2', `acknowledged ${print(lost)} is lost at the end`);
    for (const host of members) {
      const last = host.disk.elements.at(-1);
      const isAttached = host.process?.state.role === 'attached' && !host.process.frozen;
      if (isAttached && last !== undefined && !primary.disk.holds(last, all))
        this.complain('I3', `${host.name} has ${print(last)}, which its primary ${primary.name} does not have`);
    }
  }
}

const isAbove = (a: { epoch: number; sequence: number }, b: { epoch: number; sequence: number }): boolean =>
  a.epoch > b.epoch || (a.epoch === b.epoch && a.sequence > b.sequence);

export function isCaughtUp(host: MemberHost, primary: MemberHost): boolean {
  return host.disk.applied >= Math.min(primary.disk.applied - 60, primary.disk.flushed);
}

export function print(element: JournalElement | undefined): string {
  if (element === undefined) return 'nothing';
  return `${element.position.epoch}/${element.position.sequence} (update ${element.payload})`;
}

export function describe(host: MemberHost): string {
  const state = host.process?.state;
  if (state === undefined) return `${host.name} has no process`;
  const { seeking } = state;
  const waits = state.role === 'seeking' ? ` (${seeking.lastFailure}; next ${seeking.next})` : '';
  const frozen = host.process?.frozen ? ' standing still' : '';
  return `${host.name}${frozen} ${state.role}${waits} epoch ${state.record.epoch.number}${state.record.primaryOfEpoch ? '*' : ''}`;
}
