/**
 * What a member of a small mirror knows of its mirror set, as far as that can change: who was taken out of it (docs/decisions/0025). The
 * primary writes a newer one when nothing is left that could make the member count, tells it to whoever is connected, and members and agents
 * that know it turn the removed one away. Nobody joins again.
 */
import type { MemberEffect } from '../../mirror/effects.ts';
import type { MemberSettings } from '../../mirror/events.ts';
import type { MemberState } from '../../mirror/member-state.ts';
import type { AgentAnswer } from '../../mirror/messages.ts';
import { isNewerSet, type MirrorSet, type RemovedMember, removalOf, withoutMember } from '../../mirror/mirror-set.ts';
import { isOut } from '../../mirror/removal.ts';
import { firstSet as firstMirrorSet } from '../membership.ts';
import { hostNames, type KnownSet, qosTimeoutMs, type Who, whoIs } from './plain-world.ts';
import type { Play, Site } from './play.ts';

const isForgotten = ({ removed }: KnownSet, who: Who): boolean => removed.some(({ name }) => name === hostNames[who]);

/** What the mirror set says: A and B are the failover members; the record may know of a newer list. */
export function settingsOf(who: Who, { members, arbiter }: Site, known: KnownSet): MemberSettings {
  const present = members.filter((each) => !isForgotten(known, each));
  const other = who === 0 ? 1 : 0;
  const partner = who === 2 || !present.includes(other) ? null : hostNames[other];
  const settings = { qosTimeoutMs, arbiter, partner, failoverMembers: [] };
  const removed = known.removed.length === 0 ? {} : { mirrorSet: mirrorSetOf(known, present, qosTimeoutMs) };
  if (members.length < 3) return { ...settings, ...removed };
  const names = present.map((each) => hostNames[each]);
  return { ...settings, failoverMembers: names.filter((name) => name !== 'C'), members: names, ...removed };
}

/** Nobody but whoever calls hears of it, so none is `untold`: the primary calls nobody here who was removed. */
function mirrorSetOf(known: KnownSet, present: readonly Who[], qosTimeoutMs: number): MirrorSet {
  const types = present.map((who) => [hostNames[who], who === 2 ? 'Disaster Recovery' : 'Failover'] as const);
  return { ...firstMirrorSet(qosTimeoutMs, types), ...known, untold: [] };
}

/** Orders to remove are told by their request apart from all others. */
export const requestToRemove = (who: Who): number => 100 + who;

export function isRemoving({ orders }: MemberState): boolean {
  return orders.some(({ removal }) => removal !== undefined);
}

/** The rules have answered an order: the member is taken out of the set a little later. */
export function removalDone(play: Play, who: Who, request: number): void {
  if (request >= requestToRemove(0))
    play.setProcess(who, { forgetting: hostNames[request - requestToRemove(0)] ?? null });
}

export function forget(play: Play, who: Who, name: string): void {
  play.setProcess(who, { forgetting: null });
  const state = play.process(who)?.state as MemberState;
  const { set } = play.node(who).disk;
  if (state.role !== 'primary') return;
  if (!isOut(state, name)) {
    const order = { command: 'remove-member', member: name, removeAttribute: false } as const;
    return play.run(who, { type: 'operator', request: requestToRemove(whoIs(name)), order });
  }
  const { removed = [] } = withoutMember({ ...set, members: [] } as unknown as MirrorSet, {
    name,
    removeAttribute: false,
  });
  const epoch = Math.max(set.epoch, state.record.epoch.number);
  takeSet(play, who, { epoch, revision: set.revision + 1, removed });
  play.goOn(who);
  for (const { connection } of state.serving.members.values()) tellSet(play, who, connection);
}

type SetEffect = Extract<MemberEffect, { type: 'mirror-set' | 'renew-mirror-set' | 'removal-heard' }>;

/** A set that a primary told that is not followed yet, a new reign, and a member that says that it is out. */
export function changeSet(play: Play, who: Who, effect: SetEffect): void {
  const { set } = play.node(who).disk;
  if (effect.type === 'mirror-set') {
    const { epoch, revision, removed = [] } = effect.mirrorSet;
    if (isNewerSet(effect.mirrorSet, set)) takeSet(play, who, { epoch, revision, removed });
    return;
  }
  if (effect.type === 'removal-heard' && !set.removed.some(({ name }) => name === effect.member))
    return play.setProcess(who, { forgetting: effect.member });
  const epoch = play.process(who)?.state.record.epoch.number ?? 0;
  if (set.removed.length > 0)
    takeSet(play, who, { ...set, epoch: Math.max(set.epoch, epoch), revision: set.revision + 1 });
}

function takeSet(play: Play, who: Who, set: KnownSet): void {
  play.note(who, `knows that ${set.removed.map(({ name }) => name).join(' and ')} is in the mirror no more`);
  play.setDisk(who, { set });
  play.add({ type: 'settings-changed', settings: settingsOf(who, play.site, set) });
}

function tellSet(play: Play, who: Who, connection: number): void {
  const { set } = play.node(who).disk;
  if (set.removed.length > 0) play.push(connection, who, { kind: 'set', set });
}

/** Who came is told what the primary knows. */
export function tellSetToWhoCame(play: Play, who: Who, before: MemberState): void {
  const { members } = play.process(who)?.state.serving ?? before.serving;
  if (members === before.serving.members) return;
  for (const [name, { connection }] of members)
    if (before.serving.members.get(name)?.connection !== connection) tellSet(play, who, connection);
}

/** One that has removed this member says so in its own message. */
export function setTold(play: Play, who: Who, connection: number, set: KnownSet): void {
  const { attachment } = play.process(who)?.state ?? {};
  if (attachment?.connection === connection) learn(play, who, set);
}

/** All that the other has in its journal was fetched: what it knows of the mirror comes with it (docs/decisions/0058). */
export function learnSet(play: Play, who: Who, of: Who): void {
  learn(play, who, play.node(of).disk.set);
}

function learn(play: Play, who: Who, set: KnownSet): void {
  if (isForgotten(set, who) || !isNewerSet(set, play.node(who).disk.set)) return;
  takeSet(play, who, set);
  play.goOn(who);
}

function removalBy(play: Play, by: Who, who: Who): RemovedMember | undefined {
  return removalOf(play.node(by).disk.set as unknown as MirrorSet, hostNames[who], play.node(who).disk.set);
}

/** The call of one that was removed is not taken, and it is told why. */
export function reach(play: Play, who: Who, of: Who): void {
  const to = hostNames[of];
  const isKnown = !isForgotten(play.node(who).disk.set, of);
  const removal = isKnown ? removalBy(play, of, who) : undefined;
  if (isKnown && removal === undefined && !isForgotten(play.node(of).disk.set, who))
    return play.run(who, { type: 'dialled', to, connection: play.connect(who, of) });
  if (removal !== undefined) play.run(who, { type: 'removed', by: to, removeAttribute: false });
  play.run(who, { type: 'dial-failed', to, reason: 'refused' });
}

/** Null = its agent answers as any other. */
export function turnedAway(play: Play, asker: Who, of: Who): AgentAnswer | null {
  return removalBy(play, of, asker) === undefined ? null : { says: 'removed', removeAttribute: false };
}
