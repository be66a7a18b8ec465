/**
 * Service, create, join and edit: what makes this instance a member, and what its mirror's settings are. Each command checks
 * everything first and then writes the configuration once, so that one that is cut off has done nothing, or all.
 */
import { hostname } from 'node:os';
import type { InstanceConfiguration } from '../host/host.ts';
import { readHostFile } from '../host/host-files.ts';
import { agentPortDefault, memberNameLengthMax, verifyEveryMinutes } from '../mirror/limits.ts';
import { printPlace } from '../mirror/loss-report.ts';
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
import type { JournalPlace, MemberName, MemberType, MirrorName } from '../mirror/terms.ts';
import type { Finding } from '../protocol/assessment.ts';
import type { Description, MirrorLookup } from '../protocol/control-channel.ts';
import type { CommandArguments, Outcome, Refusal } from '../protocol/control-commands.ts';
import { refusalOfArbiter } from './admission.ts';
import {
  changeMirrorSet,
  done,
  failed,
  notKnown,
  type Progress,
  refusal,
  refused,
  refusedWith,
  whenKept,
  whenKeptIfPrimary,
} from './command-outcome.ts';
import { type Asked, type Found, lookUpMirror, requestJoin } from './join-request.ts';
import { journalSettingsGiven, journalSettingsText } from './journal-commands.ts';
import { mirrorNameOf } from './mirrored-databases.ts';
import { refusalOf, refusalOfSecond, refusalToBecomeMember, type ServiceWish } from './offered-commands.ts';
import { ownType } from './own-type.ts';
import type { InstanceDaemon } from './parts.ts';
import { reach, reachPrimary, shownAddress, thisInstance, unreached } from './reached-addresses.ts';

/** How long a new member may take to find its role before the operator is sent to the messages log. */
const roleWaitMs = 60_000;
const lookAgainMs = 50;

/** CFG-001. */
export function enableMirrorService(daemon: InstanceDaemon): Outcome {
  const present = daemon.configuration.get();
  if (present.serviceEnabled) return done('the mirror service is enabled already');
  daemon.configuration.set({ ...present, serviceEnabled: true });
  daemon.log('service-enabled');
  return done('the mirror service is enabled; a mirror can be created or joined now');
}

interface Creation {
  readonly mirrorSet: MirrorSet;
  readonly self: MemberDefinition;
  readonly findings: readonly Finding[];
}

/** CFG-017..025: everything that is checked before a mirror is created. Changes nothing. */
async function prepareCreation(
  daemon: InstanceDaemon,
  given: CommandArguments['create-mirror'],
): Promise<Creation | Refusal> {
  const why = refusalToBecomeMember(daemon, 'create-mirror', await daemon.isAgentRunning(), given);
  if (why !== null) return why;
  if (given.requireTls === true) {
    return refusal('not-built', 'TLS is not built in this version; create the mirror without it', 'CFG-018');
  }
  const named = checkMirrorName(given.mirror);
  if (!named.ok) return refusal('bad-name', named.text, 'CFG-017');
  const qosTimeout = checkQosTimeout(given.qosTimeoutMs ?? defaultSettings.qosTimeoutMs);
  if (!qosTimeout.ok) return refusal('bad-value', qosTimeout.text, 'CFG-048');
  const own = ownDefinition(daemon, 'Failover', given);
  if (!own.ok) return own.refusal;
  const self = own.value;
  const arbiter = given.arbiter ?? null;
  const badArbiter = refusalOfArbiter(arbiter, [self]);
  if (badArbiter !== null) return badArbiter;
  const entry = await lookAtEntry(daemon, named.value, self);
  if ('reason' in entry) return entry;
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
    members: [self],
    databases: [],
  };
  const begins = { member: self.name, mirror: named.value, directory: daemon.paths.journal };
  const findings: Finding[] = [
    ...entry,
    await lookAtArbiter(daemon, arbiter),
    { says: 'begins-journal', facts: begins },
    ...lookAtDatabases(daemon, named.value),
  ];
  return { mirrorSet, self, findings };
}

export async function lookBeforeCreating(
  daemon: InstanceDaemon,
  given: CommandArguments['create-mirror'],
): Promise<Refusal | readonly Finding[]> {
  const ready = await prepareCreation(daemon, given);
  return 'reason' in ready ? ready : [...lookAtService(daemon, given), ...ready.findings];
}

export async function createMirror(
  daemon: InstanceDaemon,
  given: CommandArguments['create-mirror'],
  progress: Progress,
): Promise<Outcome> {
  const ready = await prepareCreation(daemon, given);
  if ('reason' in ready) return refusedWith(ready);
  const { mirrorSet, self, findings } = ready;
  const silent = findings.find(({ says }) => says === 'arbiter-silent');
  if (silent !== undefined) {
    progress(`the arbiter does not answer (${silent.facts.met}): failover is agent controlled until it does`);
  }
  configureMember(daemon, mirrorSet, self, given);
  daemon.log('mirror-created', { mirror: mirrorSet.name, member: self.name });
  progress(`mirror ${mirrorSet.name} is configured; ${self.name} becomes its primary`);
  await daemon.startMember();
  const isPrimary = () => daemon.member?.state.role === 'primary';
  if (await waitUntil(daemon, isPrimary)) {
    return done(`mirror ${mirrorSet.name} is created, and ${self.name} is its primary`);
  }
  const text = `mirror ${mirrorSet.name} is created, but ${self.name} is not primary yet; see its status and the messages log`;
  return notKnown('takes-too-long', text);
}

interface Joining {
  readonly lookup: MirrorLookup;
  readonly self: MemberDefinition;
  readonly findings: readonly Finding[];
}

/** CFG-027..037: everything that this side checks before it asks the primary. Changes nothing. */
async function prepareJoin(daemon: InstanceDaemon, given: CommandArguments['join-mirror']): Promise<Joining | Refusal> {
  const why = refusalToBecomeMember(daemon, 'join-mirror', await daemon.isAgentRunning(), given);
  if (why !== null) return why;
  const { type } = given;
  const present = daemon.configuration.get();
  if (present.mirrorSet !== null) return refusalOfSecond(present.mirrorSet.name, ownType(present));
  const named = checkMirrorName(given.mirror);
  if (!named.ok) return refusal('bad-name', named.text, 'CFG-017');
  const own = ownDefinition(daemon, type, given);
  if (!own.ok) return own.refusal;
  const self = own.value;
  const agent = { host: given.otherAgentAddress, port: given.otherAgentPort ?? agentPortDefault };
  const leftover = refusalOfLeftover(daemon, named.value);
  if (leftover !== null) return leftover;
  const found = await lookUpMirror(daemon, { mirror: named.value, agent, instance: given.otherInstance });
  if (!found.ok) return found.refusal;
  if (found.value.mirrorSet.settings.requireTls) {
    return refusal('tls', `mirror ${named.value} requires TLS, which is not built in this version`, 'CFG-031');
  }
  const entry = await lookAtEntry(daemon, named.value, self);
  if ('reason' in entry) return entry;
  const far = type === 'Failover' ? await reachPrimary(daemon, found.value) : null;
  if (far !== null && 'reason' in far) return far;
  const findings = far === null ? entry : [...entry, far];
  return { lookup: found.value, self, findings };
}

/** What is found here, and what the primary would say (CFG-012). */
export async function lookBeforeJoining(
  daemon: InstanceDaemon,
  given: CommandArguments['join-mirror'],
): Promise<Refusal | readonly Finding[]> {
  const ready = await prepareJoin(daemon, given);
  if ('reason' in ready) return ready;
  const { lookup, self, findings } = ready;
  const asked = await requestJoin(daemon, lookup, self, 'would');
  if (!asked.ok) return asked.refusal;
  return [...lookAtService(daemon, given), ...findings, ...findingsOfJoin(daemon, self, asked)];
}

/** What the primary said, and what it means for the databases here. */
export function findingsOfJoin(
  daemon: InstanceDaemon,
  { name: member, type }: MemberDefinition,
  { by: primary, value: { mirrorSet, journal } }: Extract<Asked, { ok: true }>,
): readonly Finding[] {
  return [
    { says: 'taken-in', facts: { primary, member, type } },
    ...lookAtJournal(primary, journal),
    ...lookAtCopies(daemon, mirrorSet),
    ...lookAtDatabases(daemon, mirrorSet.name),
  ];
}

export async function joinMirror(
  daemon: InstanceDaemon,
  given: CommandArguments['join-mirror'],
  progress: Progress,
): Promise<Outcome> {
  const ready = await prepareJoin(daemon, given);
  if ('reason' in ready) return refusedWith(ready);
  const { lookup, self } = ready;
  progress(`the primary of mirror ${lookup.mirrorSet.name} is asked, and looks whether it reaches ${self.name}`);
  const joined = await requestJoin(daemon, lookup, self);
  if (!joined.ok) return refusedWith(joined.refusal);
  return await becomeMember(daemon, joined.value, self, progress, given);
}

/** Its own addresses as the others will use them, and that nothing of an earlier mirror is in the way (CFG-012, SYN-001). */
async function lookAtEntry(
  daemon: InstanceDaemon,
  mirror: MirrorName,
  self: MemberDefinition,
): Promise<Refusal | readonly Finding[]> {
  const leftover = refusalOfLeftover(daemon, mirror);
  if (leftover !== null) return leftover;
  const reached = await reach(daemon, self, thisInstance);
  if ('reason' in reached) return reached;
  const { superserver, privateAddress, agent } = self;
  const isPrivate = privateAddress !== null && privateAddress !== superserver.host;
  const inside = { host: privateAddress ?? '', port: superserver.port };
  return [
    { says: 'agent', facts: { at: shownAddress(agent), version: reached.version } },
    { says: 'superserver', facts: { at: shownAddress(superserver) } },
    ...(isPrivate ? [{ says: 'private-address', facts: { at: shownAddress(inside) } } as const] : []),
    { says: 'no-leftover', facts: { mirror, directory: daemon.paths.journal } },
  ];
}

/** A mirror may be made before its arbiter is up. */
async function lookAtArbiter(daemon: InstanceDaemon, arbiter: Address | null): Promise<Finding> {
  if (arbiter === null) return { says: 'no-arbiter', facts: {} };
  const at = shownAddress(arbiter);
  const met = await unreached(daemon.network, arbiter);
  return met === null ? { says: 'arbiter', facts: { at } } : { says: 'arbiter-silent', facts: { at, met } };
}

/** What becomes of the databases that are here: none is mirrored by itself (DB-014, DB-051). */
function lookAtDatabases({ catalog }: InstanceDaemon, mirror: MirrorName): readonly Finding[] {
  const here = catalog.entries();
  const listed = (entries: typeof here): string => entries.map(({ configuration: { name } }) => name).join(', ');
  const marked = here.filter((entry) => mirrorNameOf(entry) !== null);
  const ordinary = here.filter((entry) => mirrorNameOf(entry) === null);
  return [
    ...(ordinary.length === 0 ? [] : [{ says: 'ordinary', facts: { databases: listed(ordinary), mirror } } as const]),
    ...(marked.length === 0 ? [] : [{ says: 'marked', facts: { databases: listed(marked), mirror } } as const]),
  ];
}

/** Those of the mirror that are not here yet (DB-005, DB-014). */
function lookAtCopies({ catalog }: InstanceDaemon, { databases }: MirrorSet): readonly Finding[] {
  const here = catalog.entries().map(mirrorNameOf);
  const missing = databases.map(({ name }) => name).filter((name) => !here.includes(name));
  return missing.length === 0 ? [] : [{ says: 'copies', facts: { databases: missing.join(', ') } }];
}

function lookAtJournal(
  primary: MemberName,
  journal: { readonly from: JournalPlace; readonly upTo: JournalPlace } | undefined,
): readonly Finding[] {
  if (journal === undefined) return [];
  const { from, upTo } = journal;
  return [{ says: 'journal-kept', facts: { primary, from: printPlace(from), upTo: printPlace(upTo) } }];
}

function lookAtService({ configuration }: InstanceDaemon, { enableService }: ServiceWish): readonly Finding[] {
  const enables = enableService === true && !configuration.get().serviceEnabled;
  return enables ? [{ says: 'service', facts: {} }] : [];
}

/** The primary has taken it in. */
export async function becomeMember(
  daemon: InstanceDaemon,
  { mirrorSet, incarnation }: { readonly mirrorSet: MirrorSet; readonly incarnation: number },
  self: MemberDefinition,
  progress: Progress,
  wish: ServiceWish = {},
): Promise<Outcome> {
  const { name: mirror } = mirrorSet;
  beginRecord(daemon, incarnation);
  configureMember(daemon, mirrorSet, self, wish);
  daemon.log('mirror-joined', { mirror, type: self.type, member: self.name });
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
export async function editMirror(daemon: InstanceDaemon, given: CommandArguments['edit-mirror']): Promise<Outcome> {
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
  if (settingsText(next) === settingsText(settings)) {
    return await whenKeptIfPrimary(daemon, 'the settings are so already; nothing was changed');
  }
  if (!changeMirrorSet(daemon, (set) => ({ ...set, settings: next }))) {
    return refused('not-primary', 'this member is not primary any more; edit the mirror on its primary', 'CFG-043');
  }
  const text = settingsText(next);
  daemon.log('mirror-edited', { mirror: mirrorSet.name, settings: text });
  return await whenKept(daemon, `mirror ${mirrorSet.name} now has ${text}; the other members are told`);
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
function configureMember(
  daemon: InstanceDaemon,
  mirrorSet: MirrorSet,
  self: MemberDefinition,
  { enableService = false }: ServiceWish,
): void {
  const present = daemon.configuration.get();
  const next: InstanceConfiguration = {
    ...present,
    serviceEnabled: present.serviceEnabled || enableService,
    joinMirror: true,
    mirrorStopped: false,
    agent: { address: self.agent.host, port: self.agent.port },
    member: self.name,
    memberType: self.type,
    mirrorSet,
  };
  daemon.configuration.set(next);
  if (next.serviceEnabled && !present.serviceEnabled) daemon.log('service-enabled');
}

/** Files of an earlier mirror of that name would be taken for the new one's. */
function refusalOfLeftover({ paths, host: { files } }: InstanceDaemon, mirror: MirrorName): Refusal | null {
  const { journal } = paths;
  if (!files.exists(journal)) return null;
  const names = files.list(journal).filter((name) => name.startsWith(`MIRROR-${mirror}-`));
  if (names.length === 0) return null;
  const text = `${journal} holds mirror journal files of an earlier mirror ${mirror} (${names.length}, first ${names[0]}); delete them or move them away, or choose another mirror name`;
  return refusal('journal-left-over', text, 'SYN-001');
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
