/**
 * Who the failover members of a mirror are, as a list that every member keeps on disk. Promotion and demotion make a new one (FO-078,
 * FO-087). Of two lists the newer counts: first by the epoch of the primary that stands for it, then by its number, so that
 * who was away takes the place that the mirror has given it, without an edit (FO-083).
 */
import type { MemberSettings } from './events.ts';
import type { MemberState } from './member-state.ts';
import { failoverMembers, listOf, type MirrorSet, memberNamed, partnerOf, withListedTypes } from './mirror-set.ts';
import type { FailoverMembers, MemberName } from './terms.ts';

/** No list at all is the oldest. */
export function isNewerList(a: FailoverMembers, b: FailoverMembers | null): boolean {
  if (b === null) return true;
  return a.epoch > b.epoch || (a.epoch === b.epoch && a.number > b.number);
}

export function isSameList(a: FailoverMembers | null | undefined, b: FailoverMembers): boolean {
  if (a == null || a.epoch !== b.epoch || a.number !== b.number) return false;
  return a.names.length === b.names.length && a.names.every((name) => b.names.includes(name));
}

/** The present list; before the first promotion or demotion it is what the mirror set says, and every primary stands for it. */
export function presentList({ record, settings, failoverMember, self }: MemberState): FailoverMembers {
  if (record.failoverMembers !== null) return record.failoverMembers;
  const own = settings.partner === null ? [self] : [self, settings.partner];
  return { epoch: record.epoch.number, number: 0, names: failoverMember ? own : settings.failoverMembers };
}

/** What the mirror set means for one of its members. Only failover members have sessions with the arbiter; whether it is one, the rules know best. */
export function settingsOf(set: MirrorSet, self: MemberName): MemberSettings {
  const { qosTimeoutMs, arbiter } = set.settings;
  const listed = listOf(set);
  return {
    qosTimeoutMs,
    arbiter: arbiter !== null,
    partner: memberNamed(set, self)?.type === 'Failover' ? (partnerOf(set, self)?.name ?? null) : null,
    failoverMembers: failoverMembers(set).map(({ name }) => name),
    members: set.members
      .filter(({ type }) => type === 'Failover' || type === 'Disaster Recovery')
      .map(({ name }) => name),
    reporting: set.members.filter(({ type }) => type.includes('Reporting')).map(({ name }) => name),
    mirrorSet: set,
    ...(listed === null ? {} : { listed }),
  };
}

/** The record is the first to have a new list; the types of the set follow it. */
export function withKnownList(set: MirrorSet, list: FailoverMembers | null): MirrorSet {
  return list !== null && isNewerList(list, listOf(set)) ? withListedTypes(set, list) : set;
}

/** The next revision. Failover members that join or leave make a new list, too, where lists count already (docs/decisions/0026). */
export function nextRevision(before: MirrorSet, changed: MirrorSet, reign: number): MirrorSet {
  const epoch = Math.max(before.epoch, reign);
  const next = { ...changed, epoch, revision: before.revision + 1 };
  const namesOf = (set: MirrorSet): string =>
    failoverMembers(set)
      .map(({ name }) => name)
      .join(' ');
  const { listed } = before;
  if (listed === undefined || changed.listed !== listed || namesOf(before) === namesOf(changed)) return next;
  return { ...next, listed: { epoch, number: listed.number + 1 } };
}

/** What a member's settings are by this list. */
export function settingsBy(settings: MemberSettings, list: FailoverMembers, self: MemberName): MemberSettings {
  const isMember = list.names.includes(self);
  const partner = isMember ? (list.names.find((name) => name !== self) ?? null) : null;
  return { ...settings, partner, failoverMembers: list.names };
}

/** The members that are no failover members, but for this one: they may know of a newer list. */
export function otherAsyncs({ settings, self }: MemberState): readonly MemberName[] {
  const { members = [], failoverMembers, partner } = settings;
  return members.filter((name) => name !== self && name !== partner && !failoverMembers.includes(name));
}

/** For messages: left out before the first promotion or demotion, but to one who has told an older list. */
export function listToTell(state: MemberState, told?: FailoverMembers): { readonly failoverMembers?: FailoverMembers } {
  const known = state.record.failoverMembers ?? (told === undefined ? null : presentList(state));
  return known === null ? {} : { failoverMembers: known };
}

/** As the mirror set has it. */
export function isReportingAsync({ settings }: MemberState, name: MemberName): boolean {
  return settings.reporting?.includes(name) === true;
}

/** In one word, to compare and to print. */
export function listText(list: FailoverMembers | null): string {
  return list === null ? '' : `${list.epoch}/${list.number} ${[...list.names].sort().join(',')}`;
}
