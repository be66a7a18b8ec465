/**
 * Network addresses of members (CFG-056..CFG-060): who may change which, and how the change gets to the others. The primary owns them;
 * its own superserver port each member changes itself, and tells the primary, as often as that still has another one.
 */
import { type Address, checkPort, type MemberDefinition, type MirrorSet, memberNamed } from '../mirror/mirror-set.ts';
import type { MemberName } from '../mirror/terms.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { addressTaken, refusalOfArbiter } from './admission.ts';
import {
  changeMirrorSet,
  done,
  failed,
  memberMissing,
  type Progress,
  refusal,
  refused,
  refusedWith,
  whenKept,
  whenKeptIfPrimary,
} from './command-outcome.ts';
import { askPrimary } from './join-request.ts';
import type { InstanceDaemon } from './parts.ts';
import { unreached } from './reached-addresses.ts';

type Given = CommandArguments['edit-addresses'];

export async function editAddresses(daemon: InstanceDaemon, given: Given, progress: Progress): Promise<Outcome> {
  const { mirrorSet, member: self } = daemon.configuration.get();
  if (mirrorSet === null || self === null) return refused('not-a-member', 'this instance is in no mirror');
  const name = (given.member ?? self).toUpperCase();
  const target = memberNamed(mirrorSet, name);
  if (target === undefined) return refusedWith(memberMissing(mirrorSet, name, 'CFG-056'));
  const why = refusalToEdit(daemon, mirrorSet, target, given);
  if (why !== null) return refusedWith(why);
  const next = changed(target, given);
  if (sameAddresses(target, next)) {
    return await whenKeptIfPrimary(daemon, `the addresses of ${name} are so already; nothing was changed`);
  }
  const bad = refusalOfAddresses(mirrorSet, next);
  if (bad !== null) return refusedWith(bad);
  const silent = await whoIsSilent(daemon, target, next, progress);
  const movesTo = next.superserver.port === target.superserver.port ? null : next.superserver.port;
  if (movesTo === null) return await saved(daemon, next, silent);
  const cannot = await daemon.moveSuperserver(movesTo);
  if (cannot !== null) return refused('port-not-free', cannot, 'CFG-057');
  const outcome = await saved(daemon, next, silent);
  if (outcome.ok) await tellOwnPort(daemon);
  return outcome;
}

/** CFG-056..CFG-060. */
function refusalToEdit(
  { member }: InstanceDaemon,
  set: MirrorSet,
  target: MemberDefinition,
  { member: _, superserverPort, ...others }: Given,
): Refusal | null {
  const role = member?.state.role ?? 'stopped';
  const self = member?.state.self;
  const isSelf = self === undefined || self === target.name;
  if (superserverPort === undefined && Object.values(others).every((value) => value === undefined)) {
    return refusal('nothing-to-do', `no address of ${target.name} is to be changed; say which`, 'CFG-056');
  }
  if (superserverPort !== undefined && !isSelf) {
    const text = `the superserver port of ${target.name} is changed on that member itself`;
    return refusal('not-here', text, 'CFG-057');
  }
  if (Object.values(others).every((value) => value === undefined) || role === 'primary') return null;
  if (role === 'attached' || role === 'becoming' || role === 'handing-over') {
    const text = `on a member that has a primary only its own superserver port is changed; change addresses of ${target.name} on the primary${member?.state.attachment == null ? '' : `, ${member.state.attachment.to}`}`;
    return refusal('not-primary', text, 'CFG-058');
  }
  if (member?.state.failoverMember !== false || target.type === 'Failover') return null;
  const pair = set.members.filter(({ type }) => type === 'Failover').map(({ name }) => name);
  const text = `on an async without a primary only the addresses of the failover members are corrected: ${pair.join(' and ')}`;
  return refusal('not-here', text, 'CFG-059');
}

function changed(target: MemberDefinition, given: Given): MemberDefinition {
  const { superserver, agent } = target;
  return {
    ...target,
    superserver: {
      host: given.superserverAddress ?? superserver.host,
      port: given.superserverPort ?? superserver.port,
    },
    privateAddress: given.privateAddress === undefined ? target.privateAddress : given.privateAddress,
    agent: { host: given.agentAddress ?? agent.host, port: given.agentPort ?? agent.port },
  };
}

function sameAddresses(a: MemberDefinition, b: MemberDefinition): boolean {
  return addressesText(a) === addressesText(b);
}

function addressesText({ superserver, privateAddress, agent }: MemberDefinition): string {
  const inside = privateAddress === null ? '' : `, mirror private address ${privateAddress}`;
  return `superserver ${at(superserver)}${inside}, agent ${at(agent)}`;
}

function at({ host, port }: Address): string {
  return `${host}:${port}`;
}

function refusalOfAddresses(set: MirrorSet, next: MemberDefinition): Refusal | null {
  const others = set.members.filter((each) => each.name !== next.name);
  return addressTaken(others, next) ?? refusalOfArbiter(set.settings.arbiter, [next]);
}

/** CFG-012: what was changed is called; one that does not answer may be down, so that is said and not refused. */
async function whoIsSilent(
  daemon: InstanceDaemon,
  before: MemberDefinition,
  next: MemberDefinition,
  progress: Progress,
): Promise<readonly string[]> {
  const isSelf = next.name === daemon.configuration.get().member;
  const inside = (of: MemberDefinition): Address => ({
    host: of.privateAddress ?? of.superserver.host,
    port: of.superserver.port,
  });
  const places: readonly (readonly [string, Address, Address])[] = [
    ['superserver', before.superserver, next.superserver],
    ['mirror private address', inside(before), inside(next)],
    ['agent', before.agent, next.agent],
  ];
  const silent: string[] = [];
  for (const [what, old, now] of places) {
    const isNewPortHere = isSelf && what !== 'agent' && now.port !== old.port;
    if (at(old) === at(now) || isNewPortHere) continue;
    const met = await unreached(daemon.network, now);
    if (met === null) continue;
    silent.push(`${what} ${at(now)}`);
    progress(`nothing answers at ${at(now)} (${what} of ${next.name}): ${met}`);
  }
  return silent;
}

async function saved(daemon: InstanceDaemon, next: MemberDefinition, silent: readonly string[]): Promise<Outcome> {
  const { configuration, member } = daemon;
  const isSelf = next.name === configuration.get().member;
  if (isSelf) {
    const agent = { address: next.agent.host, port: next.agent.port };
    const superserver = { ...configuration.get().superserver, port: next.superserver.port };
    configuration.set({ ...configuration.get(), agent, superserver });
  }
  const addresses = addressesText(next);
  const text = `${next.name} now has ${addresses}`;
  const warning = silent.length === 0 ? '' : `; nothing answers now at ${silent.join(' and ')}`;
  daemon.log('member-addresses', { member: next.name, addresses, warning });
  if (changeMirrorSet(daemon, (set) => withDefinition(set, next))) {
    return await whenKept(daemon, `${text}; the other members are told${warning}`);
  }
  // Known here only, until the primary is met and says what it has; as primary this member hands it out (CFG-060).
  const present = configuration.get();
  if (present.mirrorSet === null) return failed('not-a-member', 'this instance is in no mirror any more');
  const mirrorSet = withDefinition(present.mirrorSet, next);
  configuration.set({ ...present, mirrorSet });
  member?.mirrorSetChanged(mirrorSet);
  const isAttached = member?.state.role === 'attached';
  const told = isSelf
    ? `the primary is told ${isAttached ? 'at once' : 'when it is met'}`
    : 'this member tries it now; change it on the primary, too';
  return done(`${text} as far as this member knows; ${told}${warning}`);
}

function withDefinition(set: MirrorSet, next: MemberDefinition): MirrorSet {
  return { ...set, members: set.members.map((each) => (each.name === next.name ? next : each)) };
}

/** CFG-057: the primary has another port of this member than the one that it serves on. */
export async function tellOwnPort(daemon: InstanceDaemon): Promise<void> {
  const { mirrorSet, member: self, superserver } = daemon.configuration.get();
  const { member } = daemon;
  if (mirrorSet === null || self === null || member === null || member.state.role === 'primary') return;
  const primary = member.state.attachment?.to ?? null;
  if (primary === null) return;
  const request = { type: 'superserver-port', member: self, port: superserver.port } as const;
  const answer = await askPrimary(daemon, { mirrorSet, primary }, request);
  if (answer.ok) return;
  daemon.log('port-not-told', { port: superserver.port, because: answer.refusal.text });
}

/** The request of another member. */
export async function answerOwnPort(
  daemon: InstanceDaemon,
  { member: name, port }: { readonly member: MemberName; readonly port: number },
): Promise<Outcome> {
  const { mirrorSet } = daemon.configuration.get();
  const present = mirrorSet === null ? undefined : memberNamed(mirrorSet, name);
  if (mirrorSet === null || present === undefined) return refused('no-member', `the mirror has no member ${name}`);
  const checked = checkPort(port);
  if (!checked.ok) return refused('bad-value', checked.text, 'CFG-057');
  const next = { ...present, superserver: { ...present.superserver, port } };
  const bad = refusalOfAddresses(mirrorSet, next);
  if (bad !== null) return refusedWith(bad);
  if (sameAddresses(present, next)) return await whenKeptIfPrimary(daemon, 'the mirror has that port already');
  if (!changeMirrorSet(daemon, (set) => withDefinition(set, next))) {
    return refused('not-primary', 'this member is not primary any more; try again');
  }
  daemon.log('member-addresses', { member: name, addresses: addressesText(next), warning: '' });
  return await whenKept(daemon, `${name} serves on port ${port}`);
}
