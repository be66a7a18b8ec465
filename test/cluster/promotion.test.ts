/** Promotion and demotion among real processes: the pair A and B, and the DR async C. */
import { expect, test } from '@jest/globals';
import { hasActiveBackup, type Lab, type Label } from './lab.ts';
import { useLab } from './stories.ts';

const stage = useLab();

async function promote(lab: Lab, label: Label, ...options: readonly string[]): Promise<void> {
  await lab.on(label, 'mirror', 'promote', label, '--confirm', label, ...options);
}

async function waitFor(lab: Lab, label: Label, what: string): Promise<void> {
  await lab.on(label, 'wait', label, '--for', what, '--timeout', '40s');
}

test('PROC-034: both instances are dead and their agents alive: C gets the latest data and becomes primary', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  const stopped = await lab.status(primary);
  await lab.on(backup, 'instance', 'stop', backup);
  await lab.until(primary, 'without a backup', (status) => !hasActiveBackup(status));
  await lab.on(primary, 'instance', 'stop', primary, '--nofailover');
  await lab.until(
    'C',
    'without a primary',
    (status) => status?.status === 'Waiting' || status?.status === 'Transition',
  );
  await promote(lab, 'C');
  // The primary was stopped with no failover, which counts for whoever takes its place.
  await lab.until('C', 'as a failover member', (status) => status?.type === 'Failover');
  await lab.until('C', 'with no failover', (status) => status?.noFailover === true);
  await lab.on('C', 'mirror', 'no-failover', 'C', 'off');
  await waitFor(lab, 'C', 'primary');
  expect((await lab.status('C'))?.epoch).toBeGreaterThan(stopped?.epoch ?? 0);
  await lab.on(primary, 'instance', 'start', primary);
  await waitFor(lab, primary, 'active');
  await lab.on(backup, 'instance', 'start', backup);
  await lab.until(backup, 'as an async', (status) => status?.type === 'Disaster Recovery');
});
