/**
 * What a simulated member's configuration knows of its mirror, and what people change of it: the twin of what src/instance does with the
 * mirror set. The primary owns the set and tells it to whoever is connected; members leave, are removed, and join again
 * (docs/decisions/0025). A member that is out of its mirror has no set, and only its instance and its agent run.
 */

import type { MemberSettings } from '../mirror/events.ts';
import { isNewerList, nextRevision, settingsOf, withKnownList } from '../mirror/failover-members.ts';
import { firstRecord } from '../mirror/member-record.ts';
import type { MemberRole } from '../mirror/member-state.ts';
import { refusalToChangeKind } from '../mirror/members-change.ts';
import {
  calledMember,
  defaultSettings,
  failoverMembers,
  isNewerSet,
  listOf,
  type MemberDefinition,
  type MirrorSet,
  memberNamed,
  type RemovedMember,
  removalOf,
  withListedTypes,
  withMembers,
  withoutMember,
  withTold,
} from '../mirror/mirror-set.ts';
import { isOut } from '../mirror/removal.ts';
import { type FailoverMembers, isReporting, type MemberType } from '../mirror/terms.ts';
import type { MemberHost } from './member-host.ts';
import type { MemberProcess } from './member-process.ts';

const address = { host: '', port: 0 };

function definition(name: string, type: MemberType): MemberDefinition {
  return {
    name,
    type,
    instance: name,
    instanceDirectory: '',
    superserver: address,
    privateAddress: null,
    agent: address,
  };
}

/** Of a mirror that begins. */
export function firstSet(qosTimeoutMs: number, types: readonly (readonly [string, MemberType])[]): MirrorSet {
  const members = types.map(([name, type]) => definition(name, type));
  const settings = { ...defaultSettings, qosTimeoutMs };
  return { name: 'MIRROR', epoch: 0, revision: 1, settings, members, databases: [] };
}

export class Membership {
  readonly #on: MemberHost;
  /** What it was before it was emptied, and joins again as where it has a choice. */
  #typeBefore: MemberType | null = null;
  /** Is an arbiter configured? Here it is edited on all members at once. */
  arbiter: boolean;
  /** Who is being removed by this process. */
  readonly #removing = new Map<string, MemberProcess>();

  constructor(on: MemberHost, arbiter: boolean) {
    this.#on = on;
    this.arbiter = arbiter;
  }

  get settings(): MemberSettings {
    const set = this.#on.disk.set as MirrorSet;
    return { ...settingsOf(set, this.#on.name), arbiter: this.arbiter };
  }

  /** By the newer of the record's list and the set's. */
  get isFailoverMember(): boolean {
    const { record, set } = this.#on.disk;
    if (set === null) return false;
    const [known, listed] = [record.failoverMembers, listOf(set)];
    if (known !== null && (listed === null || !isNewerList(listed, known))) return known.names.includes(this.#on.name);
    return memberNamed(set, this.#on.name)?.type === 'Failover';
  }

  /** Was the caller removed since the set that it knows? */
  removalOf(caller: MemberHost): RemovedMember | undefined {
    const [own, known] = [this.#on.disk.set, caller.disk.set];
    return own === null || known === null ? undefined : removalOf(own, caller.name, known);
  }

  knows(name: string): boolean {
    const { set } = this.#on.disk;
    return set !== null && memberNamed(set, name) !== undefined;
  }

  /** Also one that was removed and does not know it yet. */
  calls(name: string): boolean {
    const { set } = this.#on.disk;
    return set !== null && calledMember(set, name) !== undefined;
  }

  /** Does this member answer that one's call? A primary that joined while this one was away has a newer set to tell. */
  answers(caller: MemberHost): boolean {
    const [own, known] = [this.#on.disk.set, caller.disk.set];
    return this.knows(caller.name) || (own !== null && known !== null && isNewerSet(known, own));
  }

  // The set changes.

  /** On disk, then told to the rules and to whoever is connected; false = this is no primary. */
  change(change: (set: MirrorSet) => MirrorSet): boolean {
    return this.#write((set, reign) => nextRevision(set, change(set), reign));
  }

  /** CFG-066, CFG-069: it knows that it is out of the mirror. */
  removalHeard(name: string): void {
    if (this.knows(name)) this.change((set) => withoutMember(set, { name, removeAttribute: false }));
    this.#write((set) => withTold(set, name));
  }

  #write(change: (set: MirrorSet, reign: number) => MirrorSet): boolean {
    const { disk, process } = this.#on;
    if (process?.state.role !== 'primary' || disk.set === null) return false;
    const { epoch, failoverMembers: list } = process.state.record;
    const { members } = disk.set;
    disk.set = change(withKnownList(disk.set, list), epoch.number);
    this.#on.world.checkers.memberships.changes(members, disk.set.members);
    this.settingsChanged();
    for (const { connection } of process.state.serving.members.values()) process.tellSet(connection);
    return true;
  }

  settingsChanged(): void {
    const { disk, process } = this.#on;
    if (disk.set !== null) process?.post({ type: 'settings-changed', settings: this.settings });
  }

  /** The rules have a new list: the types follow. */
  listChanged(list: FailoverMembers): void {
    if (!this.change((set) => withListedTypes(set, list))) this.#follow(list);
  }

  #follow(list: FailoverMembers | null): void {
    const { disk } = this.#on;
    if (disk.set !== null) disk.set = withKnownList(disk.set, list);
  }

  /** The primary has told its set. One that has removed this member says so in its own message. */
  told(set: MirrorSet): void {
    const { disk, name } = this.#on;
    if (disk.set === null || memberNamed(set, name) === undefined || isNewerSet(disk.set, set)) return;
    disk.set = set;
    this.#follow(disk.record.failoverMembers);
    this.settingsChanged();
  }

  // People.

  /** At the primary. What waits for the rules goes on a little later, in the same process, or not at all. */
  remove(name: string, done: (isRemoved: boolean) => void): void {
    const { process, disk } = this.#on;
    if (process?.state.role !== 'primary' || disk.set === null || name === this.#on.name) return done(false);
    if (memberNamed(disk.set, name) === undefined) return this.#keep(process, name, done);
    this.#removing.set(name, process);
    this.#on.order({ command: 'remove-member', member: name, removeAttribute: false }, (isDone) =>
      this.#soon(process, () => {
        this.#removing.delete(name);
        if (!isDone) return done(false);
        if (!isOut(process.state, name)) return this.remove(name, done);
        this.change((set) => withoutMember(set, { name, removeAttribute: false }));
        this.#on.world.tell(this.#on.name, `${name} is in the mirror set no more`);
        this.#keep(process, name, done);
      }),
    );
  }

  /** Nobody is told that a member is in the mirror, or out of it, before a takeover keeps that. */
  #keep(process: MemberProcess, name: string, then: (isKept: boolean) => void): void {
    this.#on.order({ command: 'keep-mirror-set' }, (isKept) => {
      if (isKept) this.#on.world.checkers.memberships.told(process, name);
      then(isKept);
    });
  }

  /** The primary goes last, and not in a story: a mirror would be at its end. */
  get mayLeave(): boolean {
    const { process, disk } = this.#on;
    return process !== null && disk.set !== null && !staysLast.includes(process.state.role);
  }

  /** This member asks whoever may be primary to be removed. */
  leave(): void {
    const { process, disk, world, name } = this.#on;
    if (!this.mayLeave || process === null || disk.set === null) return;
    world.tell(name, 'an operator lets this member leave');
    const left = (): void => {
      if (process.alive) process.post({ type: 'removed', by: 'the primary', removeAttribute: false });
    };
    for (const { name: target } of failoverMembers(disk.set)) {
      if (target === name) continue;
      world.network.carry(name, target, () =>
        world.member(target).membership.remove(name, (isGone) => {
          if (isGone) world.network.carry(target, name, left);
        }),
      );
    }
  }

  /** Whoever was removed is a member of nothing from this start on. */
  end(): void {
    const { disk, world, name } = this.#on;
    if (disk.record.removed === null) return;
    this.empty();
    world.tell(name, 'is a member of nothing: its journal is put aside');
  }

  empty(): void {
    const { disk, world, kind } = this.#on;
    this.#typeBefore = kind.type ?? this.#typeBefore;
    disk.empty();
    disk.set = null;
    world.checkers.rebuilt(this.#on);
  }

  /** An empty member, which asks the primary to be taken in: as a failover member, if there is room for one. */
  join(): void {
    const { disk, world, name } = this.#on;
    const { primary } = world;
    if (disk.set !== null || !this.#on.up || primary === undefined) return;
    world.tell(name, `asks ${primary.name} to be taken in`);
    world.network.carry(name, primary.name, () => {
      primary.membership.#takeIn(name, this.#typeBefore, (set, incarnation) =>
        world.network.carry(primary.name, name, () => this.joined(set, incarnation)),
      );
    });
  }

  joined(set: MirrorSet, incarnation: number): void {
    const { disk } = this.#on;
    if (disk.set !== null) return;
    disk.record = { ...firstRecord, incarnation };
    disk.set = set;
    disk.flagCleared = this.#on.kind.type === 'Read-Write Reporting';
    this.#on.start();
  }

  /** Not answered = it asks again. */
  #takeIn(name: string, wish: MemberType | null, answer: (set: MirrorSet, incarnation: number) => void): void {
    const { process, disk } = this.#on;
    if (process?.state.role !== 'primary' || process.frozen || disk.set === null) return;
    // It may be primary no more (src/instance/join-server.ts).
    if (process.state.serving.trouble !== null) return;
    // One command about the mirror set at a time (src/instance/turns.ts): who is being removed asks again afterwards.
    if (this.#removing.get(name) === process) return;
    const incarnation = process.state.helloFrom.get(name)?.incarnation ?? 0;
    // Newer than any set in which it was removed, also where a takeover lost that one.
    if (this.knows(name)) this.change((set) => withMembers(set, set.members, name));
    else {
      if (process.state.serving.members.has(name)) return;
      const present = withKnownList(disk.set, process.state.record.failoverMembers);
      const hasRoom = failoverMembers(present).length < 2;
      const type = wish !== null && isReporting(wish) ? wish : hasRoom ? 'Failover' : 'Disaster Recovery';
      this.change((set) => withMembers(set, [...set.members, definition(name, type)], name));
      this.#on.world.tell(this.#on.name, `takes ${name} into the mirror as ${type}`);
    }
    const { set } = disk;
    this.#keep(process, name, (isKept) => {
      if (isKept) answer(set, incarnation);
    });
  }

  /** CFG-050, at the primary (src/instance/join-server.ts): the set in which it is so; null = it is not changed here. */
  changeTypeOf(name: string, type: MemberType): MirrorSet | null {
    const { process, disk } = this.#on;
    if (process?.state.role !== 'primary' || process.frozen || disk.set === null) return null;
    if (refusalToChangeKind(process.state, name) !== null) return null;
    const present = memberNamed(disk.set, name);
    if (present === undefined || present.type === 'Failover') return null;
    if (present.type !== type) {
      const typed = { ...present, type };
      this.change((set) => ({ ...set, members: set.members.map((each) => (each.name === name ? typed : each)) }));
      this.#on.world.tell(this.#on.name, `${name} is ${type} now`);
    }
    return disk.set;
  }

  #soon(process: MemberProcess, then: () => void): void {
    const { clock, chance } = this.#on.world;
    clock.after(chance.between(0, 2), () => {
      if (!process.alive) return;
      if (process.idle) then();
      else this.#soon(process, then);
    });
  }
}

const staysLast: readonly MemberRole[] = ['primary', 'handing-over', 'becoming'];
