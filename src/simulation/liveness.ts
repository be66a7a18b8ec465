/**
 * The second phase of a story (I8): no new fault comes, a core of the mirror is healed for ever, the rest stays as broken as
 * it is, and the core must make progress within a stated number of QoS timeouts. People help as far as docs/FAILOVER.md tells
 * them to: they start what has ended, clear no failover, let a primary go on whose backup is gone for ever, and rebuild or force
 * what two histories brought to a halt.
 */
import { describe, isCaughtUp } from './checkers.ts';
import type { MemberHost } from './member-host.ts';
import { promote } from './operator-faults.ts';
import { comeBack } from './removal-faults.ts';
import type { Core } from './story-plan.ts';
import type { World } from './world.ts';

interface CoreParts {
  /** null = one of chance; the other's process is gone for ever. */
  readonly members: 'both' | 'one';
  readonly arbiter: boolean;
  readonly agents: boolean;
  readonly asyncs: boolean;
}

const cores: Readonly<Record<Core, CoreParts>> = {
  everything: { members: 'both', arbiter: true, agents: true, asyncs: true },
  'pair and arbiter': { members: 'both', arbiter: true, agents: false, asyncs: false },
  'pair and agents': { members: 'both', arbiter: false, agents: true, asyncs: false },
  'pair alone': { members: 'both', arbiter: false, agents: false, asyncs: false },
  // FO-064: both agents and one instance are enough.
  'one member and the agents': { members: 'one', arbiter: false, agents: true, asyncs: false },
};

/** Within so many QoS timeouts there is a primary that acknowledges, and everybody in the core has caught up. */
export const recoveryLimitInQos = 30;
/** A person looks after the mirror so often. */
const careEveryQos = 4;
/** The site is asked again after this time (FO-067), so a "no" just before the healing takes so much longer. */
const siteRetryMs = 30_000;

const failoverMembers = (world: World): readonly MemberHost[] => world.failoverMembers;

/** All faults of the core end, and its processes run. */
export function heal(world: World, core: Core): void {
  const { members, arbiter, agents, asyncs } = cores[core];
  world.endFaults();
  world.tell('!!', `healed: ${core}`);
  const names = world.members.filter((host) => host.failoverMember || asyncs).map(({ name }) => name);
  if (arbiter) names.push('X');
  for (const [index, a] of names.entries()) for (const b of names.slice(index + 1)) world.healLink(a, b);
  healArbiter(world, arbiter);
  const alone = members === 'one' ? world.chance.pick(failoverMembers(world)) : null;
  world.core = world.members.filter((host) => (host.failoverMember ? alone === null || host === alone : asyncs));
  for (const host of world.members) {
    if (!host.failoverMember && !asyncs) continue;
    healHost(world, host);
    if (alone !== null && host !== alone) host.kill();
    if (!agents) host.agent.die();
  }
  world.configureArbiter(world.options.arbiter);
  world.loadAsPlanned();
  startEverything(world);
}

function healArbiter(world: World, arbiter: boolean): void {
  const { options, chance } = world;
  if (arbiter) {
    world.arbiter.process?.thaw();
    if (options.arbiter) world.arbiter.start();
    return;
  }
  const kind = chance.next();
  if (kind < 0.4) world.arbiter.kill(chance.happens(0.5));
  else if (kind < 0.6) world.arbiter.process?.freeze();
  else if (kind < 0.8) world.cutQuietly(chance.pick(['A', 'B']), 'X');
  else world.network.cutOneWay(...(chance.pick([['A', 'X'], ['X', 'A'], ['B', 'X'], ['X', 'B']]) as [string, string])); // biome-ignore format: one list
}

function healHost(world: World, host: MemberHost): void {
  host.slowDiskMs = 0;
  host.slowCpuMs = 0;
  host.diskFails = false;
  host.diskHangs = false;
  host.diskErrs = false;
  host.siteRefuses = null;
  host.disk.readable = true;
  if (host.process !== null) host.process.dieAtEffect = 0;
  host.boot();
  host.agent.alive = true;
  host.letClockRun();
  world.thaw(host.name);
}

function startEverything(world: World): void {
  for (const host of world.core) {
    host.start();
    if (host.disk.record.removed !== null || host.disk.set === null) comeBack(world, host);
    else if (host.process?.state.role === 'stopped') host.order({ command: 'start-mirror' });
  }
}

/** What a person does from time to time. */
function lookAfter(world: World): void {
  const { primary } = world;
  startEverything(world);
  for (const host of world.core) {
    const state = host.process?.state;
    if (state?.role === 'halted' && primary !== undefined) host.rebuild();
    // Its backup is gone for ever, or has left without asking it, and a person knows it (FO-076).
    const inTrouble = state?.role === 'primary' && state.serving.trouble?.untilMs === null;
    const backup = state?.settings.partner ?? null;
    const hasLeft = backup !== null && world.member(backup).disk.set === null;
    if (inTrouble && (hasLeft || failoverMembers(world).some((other) => !world.core.includes(other))))
      host.overrule('resume-primary');
    // It counts on a partner that is out of the mirror for good, and only a person knows that (docs/decisions/0025).
    // A halted one has halted because of the other's history, which is gone for good with it.
    const partner = state?.role === 'seeking' || state?.role === 'halted' ? state.settings.partner : null;
    const isAlone = partner !== null && primary === undefined && world.member(partner).disk.set === null;
    if (isAlone) host.overrule('force-primary');
    if (state?.record.noFailover) host.order({ command: 'change-no-failover', set: false });
  }
}

/** Both failover members have left without asking anybody: a person promotes the DR async that has the most (FO-082). */
function promoteWhoIsLeft(world: World): void {
  if (world.primary !== undefined || failoverMembers(world).some(({ disk }) => disk.set !== null)) return;
  const left = world.core.filter(
    ({ disk, process, kind }) => process !== null && !kind.isReporting && !disk.flagCleared,
  );
  const most = left.sort((a, b) => b.disk.elements.length - a.disk.elements.length)[0];
  if (most === undefined) return;
  world.tell('!!', `a person promotes ${most.name}, since the failover members have left`);
  promote(world.chance, most, 'none');
}

/**
 * A person has made two histories, both members have halted, and he has to choose one: the other member is stopped first
 * (FO-074), and comes back later.
 */
function chooseHistory(world: World): void {
  const pair = world.core.filter((host) => host.failoverMember);
  if (pair.some((host) => host.process?.state.role === 'primary') || !hasTwoHistories(world)) return;
  const chosen = pair.find((host) => host.process?.state.role !== 'halted') ?? pair[0];
  world.tell('!!', `a person chooses the history of ${chosen?.name}`);
  for (const other of failoverMembers(world))
    if (other !== chosen) other.order({ command: 'stop-instance', noFailover: false });
  world.clock.after(world.options.qosTimeoutMs, () => chosen?.overrule('force-primary'));
}

/** Judged by the disks alone: neither journal is the beginning of the other. */
export function hasTwoHistories(world: World): boolean {
  const [a, b] = failoverMembers(world).map(({ disk }) => disk);
  if (a === undefined || b === undefined || !world.checkers.mayDiverge) return false;
  const [lastA, lastB] = [a.elements.at(-1), b.elements.at(-1)];
  if (lastA === undefined || lastB === undefined) return false;
  return !a.holds(lastB, a.elements.length) && !b.holds(lastA, b.elements.length);
}

/** How many QoS timeouts the core needed; null after a failure. */
export function mustProgress(world: World, core: Core, failures: string[]): number | null {
  const { checkers, options, clock } = world;
  const qos = options.qosTimeoutMs;
  const beginMs = clock.nowMs;
  const waitsForSite = world.members.some((host) => host.process?.state.role === 'becoming');
  // A person may have to force on the way.
  const limitMs = (): number =>
    recoveryLimitInQos * qos + (waitsForSite ? siteRetryMs * 1.1 : 0) + (checkers.mayDiverge ? 60 * qos : 0);
  let before = -1;
  const missing = (): string | null => {
    const text = whatIsMissing(world, core);
    if (text !== null) before = -1;
    else if (before < 0) before = checkers.acked.length;
    return text ?? (checkers.acked.length > before + 5 ? null : 'no update is acknowledged');
  };
  let rounds = 0;
  while (missing() !== null && clock.nowMs < beginMs + limitMs() && checkers.violations.length === 0) {
    const roundEndsMs = clock.nowMs + careEveryQos * qos;
    while (missing() !== null && clock.nowMs < roundEndsMs && checkers.violations.length === 0) world.run(qos / 20);
    rounds += 1;
    lookAfter(world);
    promoteWhoIsLeft(world);
    if (rounds % 3 === 0) chooseHistory(world);
  }
  if (checkers.violations.length > 0) return null;
  const text = missing();
  const inQos = (clock.nowMs - beginMs) / qos;
  if (text !== null) failures.push(`I8: ${core} makes no progress within ${inQos.toFixed(0)} QoS timeouts: ${text}`);
  world.run(qos * 0.2);
  checkers.allKept();
  return text === null ? inQos : null;
}

function whatIsMissing(world: World, core: Core): string | null {
  const { primary } = world;
  const where = (): string => world.members.map(describe).join('; ');
  const reigning = world.members.filter((host) => host.process?.state.role === 'primary' && !host.process.frozen);
  if (primary === undefined || reigning.length !== 1) return `${reigning.length} primaries: ${where()}`;
  const serving = primary.process?.state.serving;
  if (!world.core.includes(primary)) return `${primary.name} is primary and not of the core: ${where()}`;
  if (serving?.trouble !== null) return `the primary is in trouble: ${JSON.stringify(serving?.trouble)}`;
  const hasBackup = cores[core].members === 'both' && world.failoverMembers.length === 2;
  if (hasBackup && serving.counted?.confirmed !== true) return `no active backup: ${where()}`;
  const hasArbiter = world.options.arbiter && cores[core].arbiter;
  if (hasArbiter && hasBackup && serving.mode !== 'arbiter') return `mode ${serving.mode} in spite of an arbiter`;
  // Numbers do not tell: its data may be of another history, which shows when it runs.
  const isAway = ({ process }: MemberHost): boolean => process === null || process.state.role === 'halted';
  const away = world.core.find(isAway);
  if (away !== undefined) return `${away.name} takes no part: ${where()}`;
  const behind = world.core.find((host) => host !== primary && !isCaughtUp(host, primary));
  return behind === undefined ? null : `${behind.name} is behind: ${behind.disk.applied} of ${primary.disk.applied}`;
}
