/** Who may be in the mirror, and at which addresses (CFG-007, CFG-022, CFG-033, CFG-065, AGT-015); only the primary applies it. */
import { asyncsMax, failoverMembersMax, membersMax } from '../mirror/limits.ts';
import {
  type Address,
  checkMemberName,
  failoverMembers,
  type MemberDefinition,
  type MirrorSet,
} from '../mirror/mirror-set.ts';
import type { Refusal } from '../protocol/control-commands.ts';
import type { MemberRequest } from '../protocol/member-channel.ts';
import { refusal } from './command-outcome.ts';

export type Admission =
  | { readonly outcome: 'refused'; readonly refusal: Refusal }
  /** It is in the set exactly so: a join that was cut off is repeated. */
  | { readonly outcome: 'is-member' }
  | { readonly outcome: 'changed'; readonly members: readonly MemberDefinition[] };

/** May this member be in the mirror, and what are the members then? */
export function admit(set: MirrorSet, member: MemberDefinition): Admission {
  const why = refusalToAdmit(set, member);
  if (why !== null) return { outcome: 'refused', refusal: why };
  const index = set.members.findIndex((each) => each.name === member.name);
  if (index < 0) return { outcome: 'changed', members: [...set.members, member] };
  if (sameDefinition(set.members[index] as MemberDefinition, member)) return { outcome: 'is-member' };
  return { outcome: 'changed', members: set.members.with(index, member) };
}

function refusalToAdmit(set: MirrorSet, member: MemberDefinition): Refusal | null {
  if (set.settings.requireTls) {
    return refusal('tls', `mirror ${set.name} requires TLS, which is not built in this version`, 'CFG-031');
  }
  // HOST/INSTANCE is a default name and accepted; the joining side has checked what was typed.
  const named = checkMemberName(member.name.replace('/', '-'), member.type, '');
  if (!named.ok) return refusal('bad-name', named.text, 'CFG-022');
  const same = set.members.find((each) => each.name === member.name);
  if (same !== undefined) return refusalToRepeat(same, member);
  const taken = addressTaken(set.members, member);
  if (taken !== null) return taken;
  if (member.type === 'Failover' && failoverMembers(set).length >= failoverMembersMax) {
    const names = failoverMembers(set)
      .map((each) => each.name)
      .join(' and ');
    const text = `mirror ${set.name} has its ${failoverMembersMax} failover members, ${names}; join as an async member`;
    return refusal('failover-members-full', text, 'CFG-033');
  }
  const asyncs = set.members.length - failoverMembers(set).length;
  if (set.members.length >= membersMax || (member.type !== 'Failover' && asyncs >= asyncsMax)) {
    const text = `mirror ${set.name} has ${set.members.length} members, ${asyncs} of them asyncs; ${membersMax} and ${asyncsMax} are the most it can have`;
    return refusal('members-full', text, 'CFG-007');
  }
  return refusalOfArbiter(set.settings.arbiter, [member]);
}

/** The same name again: an instance that was cut off while it joined, or another one. */
function refusalToRepeat(same: MemberDefinition, member: MemberDefinition): Refusal | null {
  const isSame = same.instanceDirectory === member.instanceDirectory && same.instance === member.instance;
  if (!isSame) {
    const text = `the mirror has a member ${same.name} already (${same.instanceDirectory}); choose another member name`;
    return refusal('name-taken', text, 'CFG-022');
  }
  if (same.type === member.type) return null;
  return refusal('other-type', `${same.name} is in the mirror as ${same.type}; join with that type`, 'CFG-037');
}

/** CFG-065. */
export function addressTaken(others: readonly MemberDefinition[], { superserver }: MemberDefinition): Refusal | null {
  const ours = others.find((each) => sameAddress(each.superserver, superserver));
  if (ours === undefined) return null;
  const at = `${superserver.host}:${superserver.port}`;
  return refusal('address-taken', `member ${ours.name} has the superserver address ${at}; give another`, 'CFG-065');
}

/** AGT-015: the host of a failover or DR member must not be the arbiter. */
export function refusalOfArbiter(arbiter: Address | null, members: readonly MemberDefinition[]): Refusal | null {
  if (arbiter === null) return null;
  const host = members.find(
    ({ type, agent }) => (type === 'Failover' || type === 'Disaster Recovery') && sameAddress(agent, arbiter),
  );
  if (host === undefined) return null;
  const text = `the ISCAgent at ${arbiter.host}:${arbiter.port} is that of the host of member ${host.name}, and cannot be the arbiter: the arbiter must be on a host of its own`;
  return refusal('arbiter-on-member', text, 'AGT-015');
}

function sameAddress(a: Address, b: Address): boolean {
  return a.port === b.port && a.host.toLowerCase() === b.host.toLowerCase();
}

function sameDefinition(a: MemberDefinition, b: MemberDefinition): boolean {
  return (
    sameAddress(a.superserver, b.superserver) && sameAddress(a.agent, b.agent) && a.privateAddress === b.privateAddress
  );
}

export type TypeWish = Extract<MemberRequest, { type: 'change-type' }>['member'];

/** Only from one type of async to another: roles of failover members change by promotion and demotion. */
export function admitType(set: MirrorSet, { name, instance, type }: TypeWish): Admission {
  const not = (reason: string, text: string): Admission => ({
    outcome: 'refused',
    refusal: refusal(reason, text, 'CFG-050'),
  });
  const index = set.members.findIndex((each) => each.name === name && each.instance === instance);
  const present = set.members[index];
  if (present === undefined) return not('not-a-member', `the mirror has no member ${name} of that instance`);
  if (type === 'Failover' || present.type === 'Failover') {
    return not('not-an-async-type', `${present.name} is ${present.type}; only the type of an async is changed so`);
  }
  if (present.type === type) return { outcome: 'is-member' };
  const next = { ...present, type };
  const arbiter = refusalOfArbiter(set.settings.arbiter, [next]);
  if (arbiter !== null) return { outcome: 'refused', refusal: arbiter };
  return { outcome: 'changed', members: set.members.with(index, next) };
}
