/**
 * Brings a lab up and down, step by step with the functions the other commands use. Every step looks first whether it is
 * done already, so that a lab that was interrupted anywhere is brought up by the same command again.
 */
import type { StatusReport } from '../mirror/status.ts';
import { AddressInUseError, AddressUnavailableError, type Listener } from '../network/network.ts';
import { configureAgent, nameHost, startAgent, stopAgent } from './agents.ts';
import { failed, unknown } from './failures.ts';
import {
  askInstance,
  connectInstance,
  createInstance,
  findInstance,
  forceInstance,
  type Instance,
  launchInstance,
  lockHolder,
  stopInstance,
  waitForStatus,
} from './instances.ts';
import { startCable, stopCable } from './lab-cable.ts';
import {
  addressesOf,
  asyncsOf,
  type LabAsyncs,
  type LabHost,
  type LabPlan,
  labAsyncsDefault,
  labBlocks,
  labClaimPort,
  labPaths,
  labPortsMax,
  labQosTimeoutMs,
  members,
  planBlock,
  planPorts,
  printPlan,
  readPlan,
} from './lab-plan.ts';
import { perform, performOn } from './perform.ts';
import { hasActiveBackup, isCaughtUp } from './status.ts';
import type { Surroundings } from './surroundings.ts';

export interface LabOptions {
  /** For a new lab; one that exists keeps its own. */
  readonly qosTimeoutMs: number | null;
  readonly asyncs: LabAsyncs | null;
  readonly timeoutMs: number;
}

/** Null when there is none. */
export function findLab({ home, host }: Surroundings): LabPlan | null {
  const paths = labPaths(home);
  const text = host.files.readWhole(paths.plan);
  return text === null ? null : readPlan(paths.directory, Buffer.from(text).toString());
}

/** @throws CommandFailure when there is none. */
export function requireLab(here: Surroundings): LabPlan {
  const lab = findLab(here);
  if (lab === null) throw failed(`no lab in ${here.home}; make one: caretmirror lab up`);
  return lab;
}

/** Returns when there is a primary, an active backup, arbiter control, and every async is caught up. */
export async function bringUp(here: Surroundings, options: LabOptions): Promise<LabPlan> {
  const deadlineMs = here.host.clock.nowMs() + options.timeoutMs;
  const present = findLab(here);
  if (present !== null) {
    checkAsyncs(present, options.asyncs);
    return await startAll(here, present, deadlineMs);
  }
  const asyncs = options.asyncs ?? labAsyncsDefault;
  const { lab, claim } = await newLab(here, options.qosTimeoutMs ?? labQosTimeoutMs, asyncs);
  try {
    here.host.files.makeDirectory(labPaths(here.home).directory);
    here.host.files.replace(labPaths(here.home).plan, Buffer.from(printPlan(lab)));
    return await startAll(here, lab, deadlineMs);
  } finally {
    await claim?.close();
  }
}

/** @throws CommandFailure when it has other ones than those wanted. */
function checkAsyncs(lab: LabPlan, wanted: LabAsyncs | null): void {
  const { dr, reporting } = asyncsOf(lab);
  if (wanted === null || (wanted.dr === dr && wanted.reporting === reporting)) return;
  throw failed(
    `this lab was made with ${dr} DR and ${reporting} reporting asyncs and keeps them; for others: caretmirror lab down --delete, then lab up again`,
  );
}

async function startAll(here: Surroundings, lab: LabPlan, deadlineMs: number): Promise<LabPlan> {
  for (const host of lab.hosts) prepareHost(here, host);
  await startCable(here, lab);
  await Promise.all(lab.hosts.map((host) => startAgent(here.at(host.home))));
  const restMs = () => Math.max(1000, deadlineMs - here.host.clock.nowMs());
  for (const host of members(lab)) await ensureInstance(here, host);
  await Promise.all(members(lab).map((host) => launchInstance(here.at(host.home), instanceOf(here, host), restMs())));
  await buildMirror(here, lab, deadlineMs);
  await waitUntilWhole(here, lab, deadlineMs);
  return lab;
}

/** The first block of loopback addresses on which nobody listens, and a listener that keeps others out of it meanwhile. */
async function newLab(
  here: Surroundings,
  qosTimeoutMs: number,
  asyncs: LabAsyncs,
): Promise<{ lab: LabPlan; claim: Listener | null }> {
  const { directory } = labPaths(here.home);
  for (let block: number = labBlocks.first; block <= labBlocks.last; block += 1) {
    const lab = planBlock(directory, block, qosTimeoutMs, asyncs);
    const free = await tryBlock(here, lab);
    if (free === 'none') return { lab: await firstPorts(here, qosTimeoutMs, asyncs), claim: null };
    if (free !== 'taken') return { lab, claim: free };
  }
  throw failed('no free addresses for a lab (127.N.0.11-14); take labs down that are no longer needed');
}

async function tryBlock(here: Surroundings, lab: LabPlan): Promise<Listener | 'taken' | 'none'> {
  let claim: Listener | null = null;
  try {
    claim = await here.network.listen(lab.hosts[0]!.agent.host, labClaimPort, (connection) => connection.destroy());
    await tryAddresses(here, lab);
    return claim;
  } catch (error) {
    await claim?.close();
    if (error instanceof AddressInUseError) return 'taken';
    if (error instanceof AddressUnavailableError) return 'none';
    throw error;
  }
}

async function tryAddresses(here: Surroundings, lab: LabPlan): Promise<void> {
  for (const { host, port } of lab.hosts.flatMap(addressesOf)) {
    const listener = await here.network.listen(host, port, (connection) => connection.destroy());
    await listener.close();
  }
}

async function firstPorts(here: Surroundings, qosTimeoutMs: number, asyncs: LabAsyncs): Promise<LabPlan> {
  for (let port = 19_720; port < 20_720; port += labPortsMax) {
    const lab = planPorts(labPaths(here.home).directory, port, qosTimeoutMs, asyncs);
    try {
      await tryAddresses(here, lab);
      return lab;
    } catch (error) {
      if (!(error instanceof AddressInUseError)) throw error;
    }
  }
  throw failed('no free ports for a lab from 19720 on; take labs down that are no longer needed');
}

function prepareHost(here: Surroundings, host: LabHost): void {
  const there = here.at(host.home);
  nameHost(there, host.agent.host);
  configureAgent(there, host.agent);
}

async function ensureInstance(here: Surroundings, host: ReturnType<typeof members>[number]): Promise<void> {
  const there = here.at(host.home);
  try {
    findInstance(there, host.label);
  } catch (error) {
    if ((error as { code?: string }).code !== 'command-failure') throw error;
    here.tell(`lab: making instance ${host.label} on ${host.superserver.host}:${host.superserver.port}`);
    await createInstance(there, { name: host.label, address: host.superserver.host, port: host.superserver.port });
  }
}

export function instanceOf(here: Surroundings, host: LabHost): Instance {
  return findInstance(here.at(host.home), host.label);
}

/** What the menus would do on the members, in their order, as far as it has not been done. */
async function buildMirror(here: Surroundings, lab: LabPlan, deadlineMs: number): Promise<void> {
  const [first, ...others] = members(lab);
  const arbiter = lab.hosts.find((host) => host.type === 'Arbiter');
  if (first === undefined || arbiter === undefined) return;
  await enter(here, first, async (control, there) => {
    here.tell(`lab: creating mirror ${lab.mirror} on ${first.label}`);
    await performOn(there, control, 'create-mirror', {
      mirror: lab.mirror,
      member: first.label,
      arbiter: { host: arbiter.agent.host, port: arbiter.agent.port },
      qosTimeoutMs: lab.qosTimeoutMs,
      ...ownAddresses(first),
    });
  });
  for (const host of others) {
    await enter(here, host, async (control, there) => {
      await primaryOf(here, lab, deadlineMs);
      here.tell(`lab: ${host.label} joins as ${host.type}`);
      await performOn(there, control, 'join-mirror', {
        mirror: lab.mirror,
        type: host.type === 'Arbiter' ? 'Failover' : host.type,
        otherAgentAddress: first.agent.host,
        otherAgentPort: first.agent.port,
        otherInstance: first.label,
        member: host.label,
        ...ownAddresses(host),
      });
    });
  }
  const primary = await primaryOf(here, lab, deadlineMs);
  for (const host of [primary, ...members(lab).filter((each) => each !== primary)]) {
    await ensureDatabase(here, lab, host);
  }
}

function ownAddresses({ agent, superserver }: LabHost): {
  superserverAddress: string;
  agentAddress: string;
  agentPort: number;
} {
  return { superserverAddress: superserver?.host ?? agent.host, agentAddress: agent.host, agentPort: agent.port };
}

/** Does what makes a member of the instance, unless it is one. */
async function enter(
  here: Surroundings,
  host: LabHost,
  join: (control: Awaited<ReturnType<typeof connectInstance>>, there: Surroundings) => Promise<void>,
): Promise<void> {
  const there = here.at(host.home);
  const control = await connectInstance(there, instanceOf(here, host));
  try {
    const { mirrorSet, serviceEnabled } = await control.describe();
    if (mirrorSet !== null) return;
    if (!serviceEnabled) await performOn(there, control, 'enable-mirror-service', {});
    await join(control, there);
  } finally {
    control.close();
  }
}

async function ensureDatabase(here: Surroundings, lab: LabPlan, host: LabHost): Promise<void> {
  const there = here.at(host.home);
  const instance = instanceOf(here, host);
  const { databases } = await askInstance(there, instance, (control) => control.describe());
  if (databases.some(({ mirrored }) => mirrored === lab.database)) return;
  here.tell(`lab: creating database ${lab.database} on ${host.label}`);
  await perform(there, instance, 'create-database', { database: lab.database, mirrored: lab.database });
}

/** @throws CommandFailure (unknown outcome) when none is primary in time. */
export async function primaryOf(here: Surroundings, lab: LabPlan, deadlineMs: number): Promise<LabHost> {
  for (;;) {
    const reports = await reportsOf(here, lab);
    const primary = members(lab).find(({ label }) => reports.get(label)?.status === 'Primary');
    if (primary !== undefined) return primary;
    if (here.host.clock.nowMs() >= deadlineMs)
      throw unknown(`the lab has no primary: ${summary(reports)}; see "lab status"`);
    await here.host.clock.wait(100);
  }
}

export type Reports = ReadonlyMap<string, StatusReport>;

/** What each member says of itself; those that do not answer are left out. */
export async function reportsOf(here: Surroundings, lab: LabPlan): Promise<Reports> {
  const asked = members(lab).map(async (host): Promise<readonly [string, StatusReport | null]> => {
    const there = here.at(host.home);
    try {
      const instance = findInstance(there, host.label);
      const reached = waitForStatus(there, instance, () => true, here.host.clock.nowMs());
      return [host.label, lockHolder(there, instance) === null ? null : await reached];
    } catch (error) {
      if ((error as { code?: string }).code !== 'command-failure') throw error;
      return [host.label, null];
    }
  });
  const reports = await Promise.all(asked);
  return new Map(reports.filter((entry): entry is readonly [string, StatusReport] => entry[1] !== null));
}

/** A lab's members are promoted and demoted like others: the primary knows what each is, whatever it was made as. */
export function typesNow(lab: LabPlan, reports: Reports): ReadonlyMap<string, LabHost['type']> {
  const types = new Map(lab.hosts.map(({ label, type }) => [label, type]));
  const all = [...reports.values()];
  const knowing = all.find(({ status }) => status === 'Primary');
  for (const { member, type } of all)
    if (member !== null && type !== null && types.has(member)) types.set(member, type);
  for (const { name, type } of knowing?.members ?? []) if (types.has(name)) types.set(name, type);
  return types;
}

function summary(reports: Reports): string {
  const said = [...reports].map(
    ([label, { status, waitingFor }]) => `${label} ${status}${waitingFor === null ? '' : ` (${waitingFor})`}`,
  );
  return said.length === 0 ? 'no member answers' : said.join(', ');
}

function missingAsync(label: string): string {
  return `async ${label} connected and caught up`;
}

/**
 * What is still missing, in words; null when the lab is whole. `goal` is a sequence that the primary had at an earlier look: under
 * steady writes an async always lacks the newest records, and has caught up when it holds what was there when that was asked.
 */
export function missing(reports: Reports, asyncs: readonly string[], goal: number | null): string | null {
  const all = [...reports.values()];
  const primary = all.find((report) => report.status === 'Primary');
  if (primary === undefined) return 'a primary';
  if (!hasActiveBackup(primary)) return 'an active backup';
  const backup = all.find((report) => report.status === 'Backup');
  if (backup === undefined) return 'an active backup';
  for (const { failoverMode } of [primary, backup]) if (failoverMode !== 'Arbiter Controlled') return 'arbiter control';
  const behind = asyncs.find((label) => !hasCaughtUp(reports.get(label), goal));
  return behind === undefined ? null : missingAsync(behind);
}

function hasCaughtUp(report: StatusReport | undefined, goal: number | null): boolean {
  if (report?.status !== 'Connected') return false;
  const hasReachedGoal = goal !== null && (report.position?.sequence ?? 0) >= goal;
  const follows = report.databases.every(({ status }) => status === 'Dejournaling');
  return (hasReachedGoal && follows) || isCaughtUp(report);
}

async function waitUntilWhole(here: Surroundings, lab: LabPlan, deadlineMs: number): Promise<void> {
  let told: string | null = null;
  let goal: number | null = null;
  for (;;) {
    const reports = await reportsOf(here, lab);
    const types = typesNow(lab, reports);
    const asyncs = members(lab).flatMap(({ label }) => (types.get(label) === 'Failover' ? [] : [label]));
    const lack = missing(reports, asyncs, goal);
    if (lack === null) return;
    const primary = [...reports.values()].find(({ status }) => status === 'Primary');
    goal = asyncs.some((label) => lack === missingAsync(label)) ? (goal ?? primary?.position?.sequence ?? null) : null;
    if (lack !== told) here.tell(`lab: waiting for ${lack}`);
    told = lack;
    if (here.host.clock.nowMs() >= deadlineMs) {
      throw unknown(
        `the lab runs and lacks ${lack}: ${summary(reports)}; see "lab status", and "lab heal" if a cable is cut`,
      );
    }
    await here.host.clock.wait(100);
  }
}

const downTimeoutMs = 20_000;

/** The asyncs first, then the backup, then the primary, without hand-over; then agents and cable. Data stay. */
export async function takeDown(here: Surroundings, lab: LabPlan): Promise<void> {
  const reports = await reportsOf(here, lab);
  const rank = ({ label }: LabHost) => {
    const status = reports.get(label)?.status;
    return status === 'Primary' ? 2 : status === 'Connected' ? 0 : 1;
  };
  for (const host of [...members(lab)].sort((a, b) => rank(a) - rank(b))) {
    const there = here.at(host.home);
    if (!there.host.files.exists(host.home)) continue;
    await stopFirmly(there, host.label);
  }
  for (const host of lab.hosts) await stopAgent(here.at(host.home));
  await stopCable(here);
}

/** An instance that does not stop when asked, or cannot be asked, is killed: its data are as safe as after a crash. */
async function stopFirmly(there: Surroundings, label: string): Promise<void> {
  let instance: Instance;
  try {
    instance = findInstance(there, label);
  } catch (error) {
    if ((error as { code?: string }).code !== 'command-failure') throw error;
    return;
  }
  try {
    await stopInstance(there, instance, true, downTimeoutMs);
  } catch (error) {
    there.tell(`lab: ${label} does not stop (${(error as Error).message}) and is killed`);
    await forceInstance(there, instance);
  }
}
