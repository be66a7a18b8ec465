/**
 * The promises of the mirror (I1..I7 of docs/FAILOVER.md), stated on disks, gates, epochs and what clients were told; nothing
 * here asks the rules what they think of it. `checkWorld` looks at a world after every move, the others watch single deeds.
 */
import type { MemberEffect } from '../../mirror/effects.ts';
import type { MemberRecord } from '../../mirror/member-record.ts';
import type { MemberState } from '../../mirror/member-state.ts';
import { type Element, hostNames, membersOf, type Node, textOf, type Who, type World, whoIs } from './plain-world.ts';
import type { Event, Play } from './play.ts';

/** After each step, before its effects. */
export function afterStep(
  play: Play,
  who: Who,
  before: MemberState,
  event: Event,
  effects: readonly MemberEffect[],
): void {
  const state = play.process(who)?.state as MemberState;
  const name = hostNames[who];
  const inTrouble = before.role === 'primary' && before.serving.trouble !== null && state.serving.trouble !== null;
  if (inTrouble && state.role === 'primary' && effects.some((effect) => effect.type === 'answer-clients'))
    play.complain('I4', `${name} answers clients in trouble state`);
  const isLicensed = state.right === 'licence' && before.right !== 'licence';
  if (isLicensed && before.attachment?.mode !== 'arbiter')
    play.complain('I6', `${name} uses a licence without having confirmed arbiter controlled mode`);
  if (state.role === 'halted' && before.role !== 'halted' && !play.world.past.forced)
    play.complain('I7', `${name} halts though nobody forced anything (${event.type}: ${state.haltedBecause})`);
  meetsReign(play, who, state, event);
  if (state.record.epoch.number < before.record.epoch.number && before.role !== 'starting')
    play.complain('I3', `${name} goes back to epoch ${state.record.epoch.number}`);
}

/** The arbiter says "the other is gone". */
export function watchLicence(play: Play, period: string, to: Who): void {
  const { past } = play.world;
  const member = hostNames[to];
  if (past.licence?.period === period && past.licence.member !== member)
    play.complain('I5', `the arbiter licenses ${member} in a period in which it has licensed ${past.licence.member}`);
  play.set({ past: { ...past, licence: { period, member } } });
}

/** After a force two members may reign; whichever hears of the other's reign first, both know. */
function meetsReign(play: Play, who: Who, { role, record }: MemberState, event: Event): void {
  if (event.type !== 'message' || event.message.type !== 'reign') return;
  const { epoch } = event.envelope;
  const goesOn = role === 'primary' || role === 'handing-over';
  const isTold = epoch.number < record.epoch.number;
  const isOther = epoch.owner !== record.epoch.owner || epoch.lineage !== record.epoch.lineage;
  if (goesOn && isOther && !isTold)
    play.complain(
      'I1',
      `${hostNames[who]} goes on as primary after it has heard of the reign of epoch ${epoch.number}`,
    );
}

/** Becoming primary is the write of a new epoch (here before it is on disk). */
export function beforeReign(play: Play, who: Who, record: MemberRecord): void {
  const { disk, process } = play.node(who);
  if (!record.primaryOfEpoch || record.epoch.number <= disk.record.epoch.number) return;
  const { past } = play.world;
  if (process?.state.failoverMember === false)
    play.complain('I7', `${hostNames[who]} becomes primary and is no failover member`);
  if (disk.record.removed !== null || isRemovedBy(play, past.reign.owner, who))
    play.complain('I7', `${hostNames[who]} becomes primary and was removed from the mirror`);
  const reign = { epoch: record.epoch.number, owner: who, lineage: record.epoch.lineage };
  const right = process?.state.right;
  const flushed = play.flushedText(who);
  play.note(who, `writes epoch ${reign.epoch} into its record`);
  // A person who forces passes over it; whom a person has promoted waits until it is cleared.
  const isForcing = process?.state.orders.some(({ command }) => command === 'force-primary') === true;
  if (right === 'force' && !isForcing && disk.record.noFailover && !disk.record.primaryOfEpoch)
    play.complain('FO-082', `${hostNames[who]} becomes primary though its promotion was to hold before that`);
  if (right === 'force' || right === 'resume') {
    // What it lacks is lost by the operator's order, and nothing more than that.
    const kept = disk.journal.slice(0, disk.flushed).filter((element) => past.acknowledged.startsWith(element.through));
    play.set({ past: { ...past, reign, forced: true, acknowledged: textOf(kept) } });
    return;
  }
  // A right that was there before a person forced the other one: both halt at first contact.
  if (past.forced && past.reign.lineage !== reign.lineage && reign.epoch <= past.reign.epoch) return;
  if (disk.record.noFailover && !disk.record.primaryOfEpoch)
    play.complain('FO-072', `${hostNames[who]} takes over though no failover is set`);
  if (reign.epoch <= past.reign.epoch) {
    const { epoch, owner } = past.reign;
    play.complain('I1', `${hostNames[who]} begins epoch ${reign.epoch} after ${hostNames[owner]} began epoch ${epoch}`);
  }
  if (!flushed.startsWith(past.acknowledged))
    play.complain('I2', `${hostNames[who]} becomes primary with ${flushed}, but ${past.acknowledged} was acknowledged`);
  play.set({ past: { ...past, reign } });
}

/** Has the last primary taken it out of its mirror set? Unless somebody else has reigned since, the mirror goes on without it. */
function isRemovedBy(play: Play, primary: Who, who: Who): boolean {
  return play.node(primary).disk.set.removed.some(({ name }) => name === hostNames[who]);
}

/** A client is told that its update is durable. */
export function acknowledgedBy(play: Play, who: Who, element: Element): void {
  const { past } = play.world;
  const name = hostNames[who];
  play.note(who, `tells a client that update ${element.payload} is durable`);
  if (!play.flushedText(who).startsWith(element.through))
    play.complain('I2', `${name} acknowledges update ${element.payload}, which is not flushed on its own disk`);
  if (past.forced && element.lineage !== past.reign.lineage) return;
  if (element.position.epoch < past.reign.epoch && !play.flushedText(past.reign.owner).startsWith(element.through)) {
    const { owner, epoch } = past.reign;
    play.complain(
      'I1',
      `${name} acknowledges update ${element.payload}, which ${hostNames[owner]}, primary of epoch ${epoch}, lacks`,
    );
  }
  const isLonger = element.through.startsWith(past.acknowledged);
  if (!isLonger && !past.acknowledged.startsWith(element.through))
    play.complain('I1', `${name} acknowledges ${element.through} beside ${past.acknowledged}`);
  if (isLonger) play.set({ past: { ...past, acknowledged: element.through } });
}

/** What is wrong with this world; the usual answer is nothing. */
export function checkWorld(world: World, complain: (promise: string, text: string) => void): void {
  const { past } = world;
  const { owner, epoch } = past.reign;
  const truth = world.nodes[owner].disk;
  const flushed = textOf(truth.journal, truth.flushed);
  if (!flushed.startsWith(past.acknowledged))
    complain(
      'I2',
      `${hostNames[owner]}, primary of epoch ${epoch}, has ${flushed}, but ${past.acknowledged} was acknowledged`,
    );
  for (const who of membersOf(world)) {
    const node = world.nodes[who];
    const name = hostNames[who];
    if (!past.forced) {
      if (isAlone(node) && (node.process?.state.record.epoch.number as number) < epoch)
        complain('I1', `${name} may acknowledge alone while ${hostNames[owner]} has begun epoch ${epoch}`);
      const licensed = isAlone(node)
        ? membersOf(world).find((of) => of !== who && isLicenceOpen(world, of))
        : undefined;
      if (licensed !== undefined)
        complain('I1', `${name} may acknowledge alone while ${hostNames[licensed]} may take over by licence`);
      const applied = textOf(updatesOnly(node.disk.journal, node.disk.applied));
      if (!flushed.startsWith(applied))
        complain('I3', `the databases of ${name} hold ${applied}, the journal of ${hostNames[owner]} ${flushed}`);
    }
    if (node.disk.applied > node.disk.flushed)
      complain('I3', `the databases of ${name} took what its journal has not flushed`);
    checkFollower(world, who, complain);
    checkServed(node, name, complain);
  }
}

/** Headers change no database. */
function updatesOnly(journal: readonly Element[], count: number): readonly Element[] {
  let last = count;
  while (last > 0 && journal[last - 1]?.payload === 0) last -= 1;
  return journal.slice(0, last);
}

/** Could this process, even when it only wakes up from a standstill, acknowledge an update without asking anybody? */
function isAlone({ process }: Node): boolean {
  if (process === null) return false;
  const { role, serving } = process.state;
  return (role === 'primary' || role === 'handing-over') && serving.trouble === null && serving.counted === null;
}

/** Could this member still become primary by the arbiter's licence for the period it believes in? */
function isLicenceOpen(world: World, who: Who): boolean {
  const { process } = world.nodes[who];
  const attachment = process?.state.attachment;
  if (process == null || attachment?.mode !== 'arbiter' || process.state.record.noFailover) return false;
  const { record, arbiter } = process.state;
  const connection = world.connections.find(({ id }) => id === process.arbiterConnection);
  if (arbiter.state !== 'open' || connection === undefined) return false;
  const isThis = (period: { epoch: { number: number; owner: string }; term: number }): boolean =>
    period.term === attachment.modeTerm &&
    period.epoch.number === record.epoch.number &&
    period.epoch.owner === record.epoch.owner;
  const isUnderWay = connection.queues[1].some(
    (frame) => frame.kind === 'from-arbiter' && frame.message.type === 'gone' && isThis(frame.message),
  );
  if (isUnderWay) return attachment.asking;
  const period = world.arbiter?.periods.get('MIRROR');
  if (period === undefined || !isThis(period) || !period.sessions.includes(arbiter.session)) return false;
  if (world.arbiter?.sessions.some(({ session }) => session === arbiter.session) !== true) return false;
  return period.licensed === 0 || period.licensed === arbiter.session;
}

/** CFG-069: whom the mirror set has forgotten nobody serves, so that nothing is counted on it. */
function checkServed({ disk, process }: Node, name: string, complain: (promise: string, text: string) => void): void {
  for (const removed of disk.set.removed)
    if (process?.state.serving.members.has(removed.name))
      complain('I7', `${name} serves ${removed.name}, which it has removed from the mirror`);
}

/** I3: what a member that follows a living primary has is a beginning of what that one has. */
function checkFollower(world: World, who: Who, complain: (promise: string, text: string) => void): void {
  const attachment = world.nodes[who].process?.state.attachment;
  if (attachment == null || attachment.asking) return;
  const primary = world.nodes[whoIs(attachment.to)];
  const state = primary.process?.state;
  const connection = world.connections.find(({ id }) => id === attachment.connection);
  if (state === undefined || connection?.open[0] !== true || !connection.open[1]) return;
  if (state.role !== 'primary' && state.role !== 'handing-over') return;
  const mine = textOf(world.nodes[who].disk.journal);
  const theirs = textOf(primary.disk.journal);
  if (!theirs.startsWith(mine)) complain('I3', `${hostNames[who]} follows with ${mine} a primary that has ${theirs}`);
}
