/**
 * The cable process of a lab: started, asked and stopped; and what it is when it runs. At each start it lays its wires at
 * free ports and writes the links of every home, which the members read at each dial.
 */

import { printAddress } from '../client/member-search.ts';
import { sayFailed, sayReady } from '../host/daemon-word.ts';
import { homePaths } from '../host/home.ts';
import { LockHeldError } from '../host/host.ts';
import { writeLinks } from '../host/host-files.ts';
import type { Address } from '../mirror/mirror-set.ts';
import type { CableStatus, Carried, Wire } from '../network/cable.ts';
import { askCable, type CableRequest, runCable } from '../network/cable-control.ts';
import { failed, notReachable } from './failures.ts';
import { type LabPlan, labPaths, readPlan, wirePlans } from './lab-plan.ts';
import type { Surroundings } from './surroundings.ts';

const startTimeoutMs = 15_000;
const askTimeoutMs = 5000;

function cableHolder({ home, host }: Surroundings) {
  const lock = host.processes.describeLock(labPaths(home).cableLock);
  return lock.state === 'held' ? lock.by : null;
}

export async function startCable(here: Surroundings, lab: LabPlan): Promise<void> {
  if (cableHolder(here) !== null) return;
  const paths = labPaths(here.home);
  for (const { home } of lab.hosts) here.host.files.makeDirectory(home);
  await here.host.processes.startDaemon({
    program: process.execPath,
    args: [here.programs.caretmirror, 'lab-cable', '--home', here.home],
    logPath: paths.cableLog,
    timeoutMs: startTimeoutMs,
  });
}

export async function stopCable(here: Surroundings): Promise<void> {
  const holder = cableHolder(here);
  if (holder === null) return;
  here.host.processes.askToEnd(holder);
  if ((await here.host.processes.waitUntilGone(holder, askTimeoutMs)) === 'gone') return;
  await here.host.processes.forceDown(holder, askTimeoutMs);
}

/** What has gone from host to host since the cable was started; nothing when it does not run. */
export async function carriedBy(here: Surroundings): Promise<readonly Carried[]> {
  if (cableHolder(here) === null) return [];
  return (await commandCable(here, { type: 'status' })).carried;
}

/** @throws CommandFailure */
export async function commandCable(here: Surroundings, request: CableRequest): Promise<CableStatus> {
  if (cableHolder(here) === null)
    throw notReachable('the lab has no cable process; bring the lab up: caretmirror lab up');
  const answer = await askCable(here.network, labPaths(here.home).cableControl, request, askTimeoutMs);
  if (!answer.ok) throw failed(answer.text);
  return answer.status;
}

/** The process itself; returns when it was asked to end. */
export async function serveCable(here: Surroundings): Promise<void> {
  const paths = labPaths(here.home);
  const text = here.host.files.readWhole(paths.plan);
  if (text === null) throw failed(`no lab in ${here.home}`);
  const lab = readPlan(paths.directory, Buffer.from(text).toString());
  try {
    const lock = here.host.processes.acquireLock(paths.cableLock, 'cable');
    const running = await runCable({ wires: wirePlans(lab), controlPath: paths.cableControl, network: here.network });
    writeAllLinks(here, lab, running.cable.status().wires);
    for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => void running.stop());
    await sayReady();
    await running.stopped;
    lock.release();
  } catch (error) {
    if (error instanceof LockHeldError) await sayFailed('the lab has a cable process already');
    else await sayFailed((error as Error).message);
    throw error;
  }
}

function writeAllLinks(here: Surroundings, lab: LabPlan, wires: readonly Wire[]): void {
  for (const { label, home } of lab.hosts) {
    const links = new Map<string, Address>();
    for (const { from, target, port } of wires) {
      if (from === label) links.set(printAddress(target), { host: '127.0.0.1', port });
    }
    writeLinks(here.host.files, homePaths(home).links, links);
  }
}
