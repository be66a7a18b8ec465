/** How operators move the roles of a failover member, and what a story waits for before the next step. */
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { StatusReport } from '../../src/mirror/status.ts';
import { hasActiveBackup, type Lab, type Label } from './lab.ts';
import type { Witness } from './witness.ts';

/** Three roles change hands by one process after the other. */
export const storyMs = 300_000;
export const changeMs = 60_000;

export async function promote(lab: Lab, label: Label, ...options: readonly string[]): Promise<string> {
  const { out } = await lab.on(label, 'mirror', 'promote', label, '--confirm', label, ...options);
  await lab.until(label, 'a failover member', (status) => status?.type === 'Failover', changeMs);
  return out;
}

export async function start(lab: Lab, label: Label): Promise<void> {
  await lab.on(label, 'instance', 'start', label);
}

export async function stop(lab: Lab, label: Label): Promise<void> {
  await lab.on(label, 'instance', 'stop', label);
}

/** Both hosts in one moment: nothing is acknowledged between the first step and the last. */
export async function loseBoth(lab: Lab, primary: Label, backup: Label): Promise<void> {
  lab.freeze(primary);
  await lab.hostDown(backup);
  await lab.hostDown(primary);
}

/** As the primary sees it, and as the backup itself does. */
export async function untilPair(lab: Lab, primary: Label, backup: Label): Promise<void> {
  await lab.until(backup, 'the backup', (status) => status?.status === 'Backup', changeMs);
  await lab.until(primary, 'with an active backup', hasActiveBackup, changeMs);
  const status = await lab.status(primary);
  const pair = status?.members.filter(({ type }) => type === 'Failover').map(({ name }) => name);
  expect({ status: status?.status, pair: pair?.sort() }).toEqual({ status: 'Primary', pair: [primary, backup].sort() });
}

export async function untilAsync(lab: Lab, label: Label): Promise<void> {
  const isAsync = (now: StatusReport | null) => now?.type === 'Disaster Recovery' && now.status === 'Connected';
  await lab.until(label, 'a connected async', isAsync, changeMs);
}

/** The roles move from one to the other by an orderly stop; whoever was stopped comes back as the backup. */
export async function swap(lab: Lab, from: Label, to: Label, witness: Witness): Promise<void> {
  await stop(lab, from);
  await witness.untilWrittenBy(to, changeMs);
  await start(lab, from);
  await untilPair(lab, to, from);
}

/** What an operator does with the disk of a lost host: its journal files, from the newest one that is on the other host on. */
export function copyJournal(lab: Lab, from: Label, to: Label): readonly string[] {
  const [source, target] = [lab.paths(from).journal, lab.paths(to).journal];
  const filesIn = (directory: string) =>
    readdirSync(directory)
      .filter((name) => name.startsWith('MIRROR-LAB-'))
      .sort();
  const newestThere = filesIn(target).at(-1) ?? '';
  const newer = filesIn(source).filter((name) => name >= newestThere);
  for (const name of newer) copyFileSync(join(source, name), join(target, name));
  return newer;
}
