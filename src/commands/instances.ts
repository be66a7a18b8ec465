/**
 * Instances of a home as commands handle them: made, found, started, stopped and deleted. The same functions serve
 * `instance`, `lab` and the programs in scripts/. What a running instance does is asked over its control socket.
 */
import {
  createConfiguration,
  newConfiguration,
  openConfiguration,
  readConfiguration,
} from '../host/configuration-file.ts';
import { checkInstanceName, homePaths, type InstancePaths, instancePaths } from '../host/home.ts';
import type { HeldLock, InstanceConfiguration, LockHolder } from '../host/host.ts';
import { DaemonFailedError, LockHeldError } from '../host/host.ts';
import { readAgentConfiguration, readHostFile, writeHostFile } from '../host/host-files.ts';
import { configurationAt, mirrorsOf, placeOf } from '../host/memberships.ts';
import { superserverPortDefault } from '../mirror/limits.ts';
import type { StatusReport } from '../mirror/status.ts';
import { type ControlClient, connectControl } from '../terminal/control-client.ts';
import { failed, notReachable, unknown, usage } from './failures.ts';
import type { Surroundings } from './surroundings.ts';

export interface Instance {
  readonly name: string;
  readonly paths: InstancePaths;
}

export type InstanceState = 'up' | 'hung' | 'down';

const controlTimeoutMs = 5000;
/** One that has not answered by then is listed as hung. */
const listTimeoutMs = 2000;
const pollMs = 100;

export function isThere(here: Surroundings, typed: string): boolean {
  return listInstances(here).some(({ name }) => name === typed.toUpperCase());
}

/** @throws CommandFailure when the home has no such instance. */
export function findInstance({ home, host }: Surroundings, typed: string): Instance {
  const checked = checkInstanceName(typed);
  if (!checked.ok) throw usage(checked.text);
  const paths = instancePaths(home, checked.value);
  if (!host.files.exists(paths.configuration)) {
    throw failed(`no instance ${checked.value} in ${home}; see "caretmirror instance list", or create it`);
  }
  return { name: checked.value, paths };
}

export function listInstances({ home, host }: Surroundings): readonly Instance[] {
  const { instances } = homePaths(home);
  if (!host.files.exists(instances)) return [];
  return host.files
    .list(instances)
    .filter((name) => checkInstanceName(name).ok)
    .map((name) => ({ name, paths: instancePaths(home, name) }))
    .filter(({ paths }) => host.files.exists(paths.configuration));
}

/** The one that is meant when none is named. */
export function onlyInstance(surroundings: Surroundings, typed: string | undefined): Instance {
  if (typed !== undefined) return findInstance(surroundings, typed);
  const all = listInstances(surroundings);
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  if (only === undefined)
    throw failed(`no instance in ${surroundings.home}; create one, or start a lab: caretmirror lab up`);
  throw usage(`which instance? ${all.map(({ name }) => name).join(', ')}`);
}

export interface NewInstance {
  readonly name: string;
  readonly address?: string;
  readonly port?: number;
}

/** One that is there as it is wanted is left as it is: `made` is false then. @throws CommandFailure when it is there otherwise */
export async function createInstance(
  surroundings: Surroundings,
  wanted: NewInstance,
): Promise<{ readonly made: boolean; readonly configuration: InstanceConfiguration }> {
  const { home, host } = surroundings;
  const checked = checkInstanceName(wanted.name);
  if (!checked.ok) throw usage(checked.text);
  const paths = instancePaths(home, checked.value);
  if (host.files.exists(paths.configuration)) {
    const configuration = await readConfiguration(paths.configuration);
    const { host: address, port } = configuration.superserver;
    if ((wanted.address ?? address) === address && (wanted.port ?? port) === port)
      return { made: false, configuration };
    throw failed(
      `instance ${checked.value} exists already in ${home}, with superserver ${address}:${port}; see caretmirror instance edit`,
    );
  }
  const port = wanted.port ?? (await nextPort(surroundings));
  const hostFile = homePaths(home).host;
  const address = wanted.address ?? readHostFile(hostFile).address;
  host.files.makeDirectory(paths.directory);
  if (wanted.address !== undefined && !host.files.exists(hostFile)) writeHostFile(host.files, hostFile, { address });
  const agent = readAgentConfiguration(homePaths(home).agentConfiguration);
  const configuration = {
    ...newConfiguration(checked.value, paths.directory, { host: address, port }),
    agent: { address: null, port: agent.port },
  };
  await createConfiguration(paths.configuration, configuration);
  return { made: true, configuration };
}

/** The default port, else the first one behind those of this home's instances. */
async function nextPort(surroundings: Surroundings): Promise<number> {
  const taken = new Set<number>();
  for (const { paths } of listInstances(surroundings)) {
    taken.add((await readConfiguration(paths.configuration)).superserver.port);
  }
  let port: number = superserverPortDefault;
  while (taken.has(port)) port += 1;
  return port;
}

/** One that is down stays so until it is released. @throws CommandFailure while it runs. */
export function takeLock({ host }: Surroundings, { name, paths }: Instance): HeldLock {
  try {
    return host.processes.acquireLock(paths.lock, 'instance');
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    throw failed(`instance ${name} is running (pid ${error.holder.pid}); stop it first`);
  }
}

/** Where an instance that is down serves from its next start on. In a mirror the primary is told of it by itself (CFG-056, CFG-057). */
export async function editInstance(
  here: Surroundings,
  instance: Instance,
  { address, port }: Omit<NewInstance, 'name'>,
): Promise<InstanceConfiguration['superserver'] & { readonly changed: boolean }> {
  const lock = takeLock(here, instance);
  try {
    const configuration = await openConfiguration(instance.paths.configuration, lock);
    const present = configuration.get();
    const superserver = { host: address ?? present.superserver.host, port: port ?? present.superserver.port };
    const changed = JSON.stringify(superserver) !== JSON.stringify(present.superserver);
    if (changed) configuration.set({ ...present, superserver });
    return { ...superserver, changed };
  } finally {
    lock.release();
  }
}

export function lockHolder({ host }: Surroundings, { paths }: Instance): LockHolder | null {
  const lock = host.processes.describeLock(paths.lock);
  return lock.state === 'held' ? lock.by : null;
}

/** What it is configured to be in the mirror that is meant, also while it is down. @throws CommandFailure where it is in several. */
export async function configurationFor(here: Surroundings, instance: Instance): Promise<InstanceConfiguration> {
  const whole = await readConfiguration(instance.paths.configuration);
  const mirrors = mirrorsOf(whole);
  const is = `instance ${instance.name} is in ${mirrors.length === 0 ? 'no mirror' : mirrors.join(', ')}`;
  if (here.mirror === undefined && mirrors.length > 1) throw usage(`${is}; say which one is meant (--mirror)`);
  const place = placeOf(whole, here.mirror);
  if (place === undefined && here.mirror !== undefined) throw failed(`${is}, not in ${here.mirror.toUpperCase()}`);
  return configurationAt(whole, place ?? null);
}

/** @throws CommandFailure (not reachable) when it is down or does not answer. */
export async function connectInstance(
  surroundings: Surroundings,
  instance: Instance,
  timeoutMs = controlTimeoutMs,
): Promise<ControlClient> {
  if (lockHolder(surroundings, instance) === null) {
    throw notReachable(
      `instance ${instance.name} is not running; start it: caretmirror instance start ${instance.name}`,
    );
  }
  const control = await connectControl(surroundings.network, instance.paths.control, timeoutMs);
  control.mirror = surroundings.mirror;
  return control;
}

/** One question to an instance. */
export async function askInstance<T>(
  surroundings: Surroundings,
  instance: Instance,
  ask: (control: ControlClient) => Promise<T>,
  timeoutMs = controlTimeoutMs,
): Promise<T> {
  const control = await connectInstance(surroundings, instance, timeoutMs);
  try {
    return await ask(control);
  } finally {
    control.close();
  }
}

export interface InstanceReport {
  readonly name: string;
  readonly directory: string;
  readonly address: string;
  readonly port: number;
  readonly state: InstanceState;
  readonly pid: number | null;
  readonly mirror: string | null;
  readonly member: string | null;
  readonly type: string | null;
  /** Status of the member; null when it could not be asked. */
  readonly status: string | null;
}

export async function reportInstance(surroundings: Surroundings, instance: Instance): Promise<InstanceReport> {
  const configuration = await readConfiguration(instance.paths.configuration);
  const holder = lockHolder(surroundings, instance);
  let report: StatusReport | null = null;
  if (holder !== null) report = await statusOrNull(surroundings, instance);
  return {
    name: instance.name,
    directory: instance.paths.directory,
    address: configuration.superserver.host,
    port: configuration.superserver.port,
    state: holder === null ? 'down' : report === null ? 'hung' : 'up',
    pid: holder?.pid ?? null,
    mirror: report?.mirror ?? configuration.mirrorSet?.name ?? null,
    member: report?.member ?? configuration.member,
    type: report?.type ?? configuration.memberType,
    status: report?.status ?? null,
  };
}

async function statusOrNull(surroundings: Surroundings, instance: Instance): Promise<StatusReport | null> {
  try {
    return await askInstance(surroundings, instance, (control) => control.status(), listTimeoutMs);
  } catch (error) {
    if (!['not-reachable', 'command-failure'].includes((error as { code?: string }).code ?? '')) throw error;
    return null;
  }
}

/** A role that lasts until something happens: `start` waits for one of these. */
export function isSettled(report: StatusReport): boolean {
  if (report.status === 'Not Initialized') return report.mirror === null;
  return ['Primary', 'Backup', 'Connected', 'Stopped'].includes(report.status);
}

/** Nothing changes it but a person. */
function isOver(report: StatusReport): boolean {
  return isSettled(report) || report.status === 'Crashed';
}

/** Returns when the role is settled. @throws CommandFailure (unknown outcome) with what the instance waits for; (failed) when it ends. */
export async function startInstance(
  surroundings: Surroundings,
  instance: Instance,
  timeoutMs: number,
): Promise<{ readonly alreadyRan: boolean; readonly report: StatusReport }> {
  const deadlineMs = surroundings.host.clock.nowMs() + timeoutMs;
  let alreadyRan = await launchInstance(surroundings, instance, timeoutMs);
  let report = await waitForStatus(surroundings, instance, isOver, deadlineMs, 'ends');
  if (alreadyRan && lockHolder(surroundings, instance) === null) {
    // It was on its way out when it was found running: killed a moment ago, or stopping.
    alreadyRan = await launchInstance(surroundings, instance, timeoutMs);
    report = await waitForStatus(surroundings, instance, isOver, deadlineMs, 'ends');
  }
  if (report !== null && isSettled(report)) return { alreadyRan, report };
  if (lockHolder(surroundings, instance) === null) {
    throw failed(
      `instance ${instance.name} ended after it had started; see "caretmirror log ${instance.name}" and ${instance.paths.console}`,
    );
  }
  const waiting = report?.waitingFor ?? (report === null ? 'it does not answer yet' : `its status is ${report.status}`);
  throw unknown(
    `instance ${instance.name} runs and its role is not settled: ${waiting}; see "caretmirror status ${instance.name}"`,
  );
}

/** True when it ran already. The daemon itself refuses a second one on the same directory, by its lock. */
export async function launchInstance(
  surroundings: Surroundings,
  instance: Instance,
  timeoutMs: number,
): Promise<boolean> {
  if (lockHolder(surroundings, instance) !== null) return true;
  try {
    await surroundings.host.processes.startDaemon({
      program: process.execPath,
      args: [surroundings.programs.instance, '--directory', instance.paths.directory],
      logPath: instance.paths.console,
      timeoutMs,
    });
    return false;
  } catch (error) {
    if (!(error instanceof DaemonFailedError)) throw error;
    // Somebody else was faster: that one is as good. (The one that failed may still hold its own lock.)
    const holder = error.how === 'timed-out' ? null : lockHolder(surroundings, instance);
    if (holder !== null && holder.pid !== error.pid) return true;
    const text = `instance ${instance.name}: ${error.message}`;
    throw error.how === 'timed-out' ? unknown(text) : failed(text);
  }
}

/**
 * The newest report, also when the deadline came first; null when there never was one. With 'ends' an instance that is down
 * ends the wait, with null.
 */
export async function waitForStatus(
  surroundings: Surroundings,
  instance: Instance,
  isReached: (report: StatusReport) => boolean,
  deadlineMs: number,
  whenDown: 'ends' | 'may end' = 'may end',
): Promise<StatusReport | null> {
  const { clock } = surroundings.host;
  let control: ControlClient | null = null;
  let newest: StatusReport | null = null;
  try {
    for (;;) {
      try {
        control ??= await connectInstance(surroundings, instance, Math.max(100, deadlineMs - clock.nowMs()));
        newest = await control.status();
        if (isReached(newest)) return newest;
      } catch (error) {
        // It may be starting, or between two lives; only the deadline ends the wait.
        if (!['not-reachable', 'command-failure'].includes((error as { code?: string }).code ?? '')) throw error;
        control?.close();
        control = null;
        if (whenDown === 'ends' && lockHolder(surroundings, instance) === null) return null;
      }
      if (clock.nowMs() >= deadlineMs) return newest;
      await clock.wait(Math.min(pollMs, Math.max(1, deadlineMs - clock.nowMs())));
    }
  } finally {
    control?.close();
  }
}

/** Graceful; an active backup takes over unless `noFailover`. False when it was down. */
export async function stopInstance(
  surroundings: Surroundings,
  instance: Instance,
  noFailover: boolean,
  timeoutMs: number,
): Promise<boolean> {
  const holder = lockHolder(surroundings, instance);
  if (holder === null) return false;
  try {
    const outcome = await askInstance(surroundings, instance, (control) =>
      control.perform('stop-instance', { noFailover }, undefined, surroundings.tell),
    );
    if (!outcome.ok && outcome.outcome !== 'not-known') throw failed(`${instance.name}: ${outcome.refusal.text}`);
  } catch (error) {
    // An instance that stops may be gone before its answer; whether it is, is looked at below.
    if ((error as { code?: string }).code !== 'outcome-unknown') throw error;
  }
  const gone = await surroundings.host.processes.waitUntilGone(holder, timeoutMs);
  if (gone === 'alive') {
    throw unknown(
      `instance ${instance.name} (pid ${holder.pid}) is still stopping after ${timeoutMs / 1000} s; see "caretmirror log ${instance.name}", or "caretmirror instance force ${instance.name}"`,
    );
  }
  return true;
}

/** SIGKILL. False when it was down. */
export async function forceInstance(surroundings: Surroundings, instance: Instance): Promise<boolean> {
  const holder = lockHolder(surroundings, instance);
  if (holder === null) return false;
  const how = await surroundings.host.processes.forceDown(holder, 10_000);
  if (how === 'unkillable')
    throw failed(`instance ${instance.name} (pid ${holder.pid}) cannot be killed; see the machine's log`);
  return true;
}

export function deleteInstance(surroundings: Surroundings, instance: Instance): void {
  const holder = lockHolder(surroundings, instance);
  if (holder !== null) throw failed(`instance ${instance.name} is running (pid ${holder.pid}); stop it first`);
  surroundings.host.files.removeTree(instance.paths.directory);
}
