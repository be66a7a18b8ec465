/**
 * Service, create, join and edit: what makes this instance a member, and what its mirror's settings are. Each command checks
 * everything first and then writes the configuration once, so that one that is cut off has done nothing, or all.
 */
import { hostname } from 'node:os';
import type { InstanceConfiguration } from '../host/host.ts';
import { readHostFile } from '../host/host-files.ts';
import { agentPortDefault, memberNameLengthMax, verifyEveryMinutes } from '../mirror/limits.ts';
import { firstRecord } from '../mirror/member-record.ts';
import {
  type Address,
  checkMemberName,
  checkMirrorName,
  checkQosTimeout,
  checkVerifyEvery,
  defaultMemberName,
  defaultSettings,
  type MemberDefinition,
  type MirrorSet,
  type MirrorSettings,
} from '../mirror/mirror-set.ts';
import type { MemberName, MemberType } from '../mirror/terms.ts';
import type { CommandArguments, Description, Outcome } from '../protocol/control-channel.ts';
import { refusalOfArbiter } from './admission.ts';
import { changeMirrorSet, done, failed, notKnown, type Progress, refused, refusedWith } from './command-outcome.ts';
import { type Found, lookUpMirror, requestJoin } from './join-request.ts';

import { journalSettingsGiven, journalSettingsText } from './journal-commands.ts';
import { refusalOf, refusalOfSecond } from './offered-commands.ts';
import { ownType } from './own-type.ts';
import type { InstanceDaemon } from './parts.ts';
import { refusalOfPrimary, refusalOfUnreached, thisInstance, unreached } from './reached-addresses.ts';

/** How long a new member may take to find its role before the operator is sent to the messages log. */
const roleWaitMs = 60_000;
const lookAgainMs = 50;

/** CFG-001. */
export function enableMirrorService(daemon: InstanceDaemon): Outcome {
  const present = daemon.configuration.get();
  if (present.serviceEnabled) return done('the mirror service is enabled already');
  daemon.configuration.set({ ...present, serviceEnabled: true });
  daemon.log(0, 'Utility.Event', 'The mirror service was enabled');
  return done('the mirror service is enabled; a mirror can be created or joined now');
}

/** CFG-017..025. */
export async function createMirror(
  daemon: InstanceDaemon,
  given: CommandArguments['create-mirror'],
  progress: Progress,
): Promise<Outcome> {
  const why = refusalOf(daemon, 'create-mirror', await daemon.isAgentRunning());
  if (why !== null) return refusedWith(why);
  if (given.requireTls === true) {
    return refused('not-built', 'TLS is not built in this version; create the mirror without it', 'CFG-018');
  }
  const named = checkMirrorName(given.mirror);
  if (!named.ok) return refused('bad-name', named.text, 'CFG-017');
  const qosTimeout = checkQosTimeout(given.qosTimeoutMs ?? defaultSettings.qosTimeoutMs);
  if (!qosTimeout.ok) return refused('bad-value', qosTimeout.text, 'CFG-048');
  const self = ownDefinition(daemon, 'Failover', given);
  if (!self.ok) return refusedWith(self.refusal);
  const arbiter = given.arbiter ?? null;
  const badArbiter = refusalOfArbiter(arbiter, [self.value]);
  if (badArbiter !== null) return refusedWith(badArbiter);
  const leftover = leftoverJournal(daemon, named.value);
  if (leftover !== null) return refused('journal-left-over', leftover, 'SYN-001');
  const silent = await refusalOfUnreached(daemon, self.value, thisInstance);
  if (silent !== null) return refusedWith(silent);
  if (arbiter !== null) await noteSilentArbiter(daemon, arbiter, progress);
  const mirrorSet: MirrorSet = {
    name: named.value,
    epoch: 0,
    revision: 1,
    settings: {
      requireTls: false,
      arbiter,
      compressionFailover: given.compressionFailover ?? defaultSettings.compressionFailover,
      compressionAsync: given.compressionAsync ?? defaultSettings.compressionAsync,
      qosTimeoutMs: qosTimeout.value,
      parallelDejournaling: given.parallelDejournaling ?? defaultSettings.parallelDejournaling,
    },
    members: [self.value],
    databases: [],
  };
  configureMember(daemon, mirrorSet, self.value);
  daemon.log(
    0,
    'Utility.Event',
    `Mirror ${mirrorSet.name} was created with this instance as member ${self.value.name}`,
  );
  progress(`mirror ${mirrorSet.name} is configured; ${self.value.name} becomes its primary`);
  await daemon.startMember();
  const isPrimary = () => daemon.member?.state.role === 'primary';
  if (await waitUntil(daemon, isPrimary)) {
    return done(`mirror ${mirrorSet.name} is created, and ${self.value.name} is its primary`);
  }
  const text = `mirror ${mirrorSet.name} is created, but ${self.value.name} is not primary yet; see its status and the messages log`;
  return notKnown('takes-too-long', text);
}

/** CFG-027..037. */
export async function joinMirror(
  daemon: InstanceDaemon,
  given: CommandArguments['join-mirror'],
  progress: Progress,
): Promise<Outcome> {
  const why = refusalOf(daemon, 'join-mirror', await daemon.isAgentRunning());
  if (why !== null) return refusedWith(why);
  const { type } = given;
  const present = daemon.configuration.get();
  if (present.mirrorSet !== null) return refusedWith(refusalOfSecond(present.mirrorSet.name, ownType(present)));
  const named = checkMirrorName(given.mirror);
  if (!named.ok) return refused('bad-name', named.text, 'CFG-017');
  const self = ownDefinition(daemon, type, given);
  if (!self.ok) return refusedWith(self.refusal);
  const leftover = leftoverJournal(daemon, named.value);
  if (leftover !== null) return refused('journal-left-over', leftover, 'SYN-001');
  const agent = { host: given.otherAgentAddress, port: given.otherAgentPort ?? agentPortDefault };
  const found = await lookUpMirror(daemon, { mirror: named.value, agent, instance: given.otherInstance });
  if (!found.ok) return refusedWith(found.refusal);
  if (found.value.mirrorSet.settings.requireTls) {
    return refused('tls', `mirror ${named.value} requires TLS, which is not built in this version`, 'CFG-031');
  }
  const silent = await refusalOfUnreached(daemon, self.value, thisInstance);
  if (silent !== null) return refusedWith(silent);
  const far = type === 'Failover' ? await refusalOfPrimary(daemon, found.value) : null;
  if (far !== null) return refusedWith(far);
  progress(`the primary of mirror ${named.value} is asked, and looks whether it reaches ${self.value.name}`);
  const joined = await requestJoin(daemon, found.value, self.value);
  if (!joined.ok) return refusedWith(joined.refusal);
  return await becomeMember(daemon, joined.value, self.value, progress);
}

/** A mirror may be made before its arbiter is up. */
async function noteSilentArbiter(daemon: InstanceDaemon, arbiter: Address, progress: Progress): Promise<void> {
  const met = await unreached(daemon.network, arbiter);
  if (met !== null) progress(`the arbiter does not answer (${met}): failover is agent controlled until it does`);
}

/** The primary has taken it in. */
export async function becomeMember(
  daemon: InstanceDaemon,
  { mirrorSet, incarnation }: { readonly mirrorSet: MirrorSet; readonly incarnation: number },
  self: MemberDefinition,
  progress: Progress,
): Promise<Outcome> {
  const { name: mirror } = mirrorSet;
  beginRecord(daemon, incarnation);
  configureMember(daemon, mirrorSet, self);
  daemon.log(0, 'Utility.Event', `This instance joined mirror ${mirror} as ${self.type} member ${self.name}`);
  progress(`${self.name} is in mirror ${mirror}; it connects to the primary`);
  await daemon.startMember();
  const isSettled = () => ['attached', 'primary'].includes(daemon.member?.state.role ?? '');
  if (await waitUntil(daemon, isSettled)) {
    return done(`${self.name} has joined mirror ${mirror} and is connected to its primary`);
  }
  const text = `${self.name} is in mirror ${mirror}, but not connected to its primary yet; see its status and the messages log`;
  return notKnown('takes-too-long', text);
}

/** A rebuilt member must not look like an older life of the one that the primary knows; a record that is there stays. */
function beginRecord({ host, paths }: InstanceDaemon, incarnation: number): void {
  if (incarnation === 0 || host.records.readRecord(paths.member).state !== 'missing') return;
  host.records.saveRecord(paths.member, { ...firstRecord, incarnation });
}

/** CFG-043, CFG-045. */
export function editMirror(daemon: InstanceDaemon, given: CommandArguments['edit-mirror']): Outcome {
  const why = refusalOf(daemon, 'edit-mirror', true);
  if (why !== null) return refusedWith(why);
  const { mirrorSet } = daemon.configuration.get();
  if (mirrorSet === null) return failed('not-a-member', 'this instance is in no mirror');
  const { settings, members } = mirrorSet;
  const qosTimeout = checkQosTimeout(given.qosTimeoutMs ?? settings.qosTimeoutMs);
  if (!qosTimeout.ok) return refused('bad-value', qosTimeout.text, 'CFG-048');
  const verifyEvery = checkVerifyEvery(
    given.verifyEveryMinutes ?? settings.verifyEveryMinutes ?? verifyEveryMinutes.default,
  );
  if (!verifyEvery.ok) return refused('bad-value', verifyEvery.text);
  const arbiter = given.arbiter === undefined ? settings.arbiter : given.arbiter;
  const badArbiter = refusalOfArbiter(arbiter, members);
  if (badArbiter !== null) return refusedWith(badArbiter);
  const journal = journalSettingsGiven(settings, given);
  if (!journal.ok) return refused('bad-value', journal.text, 'SYN-026');
  const next = {
    ...settings,
    journal: journal.value,
    arbiter,
    qosTimeoutMs: qosTimeout.value,
    compressionFailover: given.compressionFailover ?? settings.compressionFailover,
    compressionAsync: given.compressionAsync ?? settings.compressionAsync,
    parallelDejournaling: given.parallelDejournaling ?? settings.parallelDejournaling,
    verifyEveryMinutes: verifyEvery.value,
  };
  if (settingsText(next) === settingsText(settings)) return done('the settings are so already; nothing was changed');
  if (!changeMirrorSet(daemon, (set) => ({ ...set, settings: next }))) {
    return refused('not-primary', 'this member is not primary any more; edit the mirror on its primary', 'CFG-043');
  }
  const text = settingsText(next);
  daemon.log(0, 'Utility.Event', `The settings of mirror ${mirrorSet.name} were changed: ${text}`);
  return done(`mirror ${mirrorSet.name} now has ${text}; the other members are told`);
}

/** What can be edited, in words. */
function settingsText(settings: MirrorSettings): string {
  const { arbiter, qosTimeoutMs, compressionFailover, compressionAsync, parallelDejournaling } = settings;
  const minutes = settings.verifyEveryMinutes ?? verifyEveryMinutes.default;
  const every = minutes === 0 ? 'never' : `every ${minutes} minutes`;
  const where = arbiter === null ? 'none' : `${arbiter.host}:${arbiter.port}`;
  return `arbiter ${where}, QoS timeout ${qosTimeoutMs} ms, compression to failover members ${compressionFailover}, to asyncs ${compressionAsync}, parallel dejournaling on ${parallelDejournaling}, checksums compared ${every}; ${journalSettingsText(settings)}`;
}

/** What the questions show, CFG-022, CFG-023, CFG-035. */
export function ownDefaults(daemon: InstanceDaemon): Description['defaults'] {
  const { instance, superserver, agent } = daemon.configuration.get();
  const { address } = readHostFile(daemon.home.host);
  const superserverAddress = ['*', '0.0.0.0', '::'].includes(superserver.host) ? address : superserver.host;
  // A home without an address of its own stands for this machine, which has a name.
  const host = address === '127.0.0.1' ? hostname() : address;
  const memberName = defaultMemberName(host, instance, 'Failover');
  const asyncMemberName = defaultMemberName(host, instance, 'Disaster Recovery');
  const common = { superserverAddress, agentPort: agent.port };
  const former = daemon.memberName;
  if (daemon.notReached === null || former === null) {
    const agentAddress = agent.address ?? superserverAddress;
    return { ...common, memberName, asyncMemberName: former ?? asyncMemberName, agentAddress };
  }
  // CFG-064: name and agent that this instance has are those of the member it is taken for.
  const unlike = (name: MemberName): MemberName =>
    name === former ? `${name.slice(0, memberNameLengthMax - 2)}_2` : name;
  return {
    ...common,
    memberName: unlike(memberName),
    asyncMemberName: unlike(asyncMemberName),
    agentAddress: superserverAddress,
  };
}

type OwnArguments = Pick<
  CommandArguments['create-mirror'],
  'member' | 'superserverAddress' | 'agentPort' | 'privateAddress' | 'agentAddress'
>;

export function ownDefinition(daemon: InstanceDaemon, type: MemberType, given: OwnArguments): Found<MemberDefinition> {
  const { instance, directory, superserver } = daemon.configuration.get();
  const defaults = ownDefaults(daemon);
  const defaultName = type === 'Failover' ? defaults.memberName : defaults.asyncMemberName;
  const name = checkMemberName(given.member ?? defaultName, type, defaultName);
  if (!name.ok) {
    const spec = type === 'Failover' ? 'CFG-022' : 'CFG-035';
    return { ok: false, refusal: { reason: 'bad-name', text: name.text, spec } };
  }
  const host = given.superserverAddress ?? defaults.superserverAddress;
  const agent: Address = {
    host: given.agentAddress ?? defaults.agentAddress,
    port: given.agentPort ?? defaults.agentPort,
  };
  return {
    ok: true,
    value: {
      name: name.value,
      type,
      instance,
      instanceDirectory: directory,
      superserver: { host, port: superserver.port },
      privateAddress: given.privateAddress ?? null,
      agent,
    },
  };
}

/** One write: before it the instance is in no mirror, after it a member that starts as such. */
function configureMember(daemon: InstanceDaemon, mirrorSet: MirrorSet, self: MemberDefinition): void {
  const present = daemon.configuration.get();
  const next: InstanceConfiguration = {
    ...present,
    joinMirror: true,
    mirrorStopped: false,
    agent: { address: self.agent.host, port: self.agent.port },
    member: self.name,
    memberType: self.type,
    mirrorSet,
  };
  daemon.configuration.set(next);
}

/** Files of an earlier mirror of that name would be taken for the new one's; null when there are none. */
function leftoverJournal(daemon: InstanceDaemon, mirror: string): string | null {
  const { journal } = daemon.paths;
  if (!daemon.host.files.exists(journal)) return null;
  const names = daemon.host.files.list(journal).filter((name) => name.startsWith(`MIRROR-${mirror}-`));
  if (names.length === 0) return null;
  return `${journal} holds mirror journal files of an earlier mirror ${mirror} (${names.length}, first ${names[0]}); delete them or move them away, or choose another mirror name`;
}

/** False when it did not come true in time. */
async function waitUntil({ host }: InstanceDaemon, isTrue: () => boolean): Promise<boolean> {
  const untilMs = host.clock.nowMs() + roleWaitMs;
  while (!isTrue()) {
    if (host.clock.nowMs() >= untilMs) return false;
    await host.clock.wait(lookAgainMs);
  }
  return true;
}
