/** Members that are cut off when they are removed: they learn of it at the first contact, whatever they have become (docs/decisions/0048). */
import { expect } from '@jest/globals';
import { agentPortDefault } from '../../src/mirror/limits.ts';
import { hasActiveBackup, type Label } from './lab.ts';
import { changeMs, untilPair } from './role-moves.ts';
import { hostTest, useHosts, witnessed } from './stories.ts';

const stage = useHosts();

/** The primary goes on without it, and names it as one that was not told. */
async function removeCutOff(primary: Label, gone: Label): Promise<void> {
  const { lab } = stage;
  const { out } = await lab.on(primary, 'mirror', 'remove-member', primary, gone, '--confirm', gone);
  expect(out).toContain('will be told when it is reached');
  expect((await lab.on(primary, 'status', primary)).out).toContain(`told so as soon as they are reached: ${gone}.`);
}

async function untilTold(primary: Label, gone: Label): Promise<void> {
  const { lab } = stage;
  await lab.until(gone, 'told that it was removed', isTold, changeMs);
  await lab.until(primary, 'knowing that', (status) => status?.untold === undefined, changeMs);
}

const isTold = (status: { readonly waitingFor: string | null } | null): boolean =>
  /has removed this member/.test(status?.waitingFor ?? '');

/** `back`: how it comes by its database again. */
async function joinAgain(gone: Label, primary: Label, ...back: readonly string[]): Promise<void> {
  const { lab } = stage;
  await lab.on(gone, 'instance', 'restart', gone);
  const of = ['--agent', `${lab.network.addressOf(primary)}:${agentPortDefault}`, '--instance', primary];
  await lab.on(gone, 'mirror', 'join', gone, '--mirror', 'LAB', '--member', gone, '--type', 'failover', ...of);
  await lab.on(gone, 'database', ...back);
  await untilPair(lab, primary, gone);
}

hostTest(
  'CFG-069, FO-039: a former primary that was cut off when its successor removed it stops at the first contact',
  async () => {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    await witnessed(lab, 'CFG-069', async (witness) => {
      lab.network.unplug(primary);
      await lab.untilStatus(backup, 'Primary', 30_000);
      await witness.untilWrittenBy(backup);
      await lab.untilStatus(primary, 'In Trouble', 30_000);
      await removeCutOff(backup, primary);
      lab.network.plug(primary);
      await untilTold(backup, primary);
      await joinAgain(primary, backup, 'activate', primary, 'DATA');
    });
  },
);

// Without a witness: what is acknowledged beside a primary that lives is what a person gives up by force.
hostTest('CFG-069: a backup that was forced in ignorance of its removal stops at the first contact', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  lab.network.unplug(backup);
  await lab.until(primary, 'without a backup', (status) => !hasActiveBackup(status) && status?.status === 'Primary');
  await removeCutOff(primary, backup);
  await lab.untilStatus(backup, 'Waiting', 30_000);
  await lab.on(backup, 'mirror', 'force-primary', backup, '--confirm', backup);
  await lab.untilStatus(backup, 'Primary', changeMs);
  await lab.on(primary, 'global', primary, 'set', '^BESIDE', 'the mirror');
  await lab.on(backup, 'global', backup, 'set', '^BESIDE', 'alone');
  lab.network.plug(backup);
  await untilTold(primary, backup);
  expect((await lab.status(primary))?.status).toBe('Primary');
  // What it wrote in its reign is in no journal of the mirror.
  await joinAgain(backup, primary, 'download', backup, 'DATA', '--replace');
  for (const label of [primary, backup])
    expect((await lab.on(label, 'global', label, 'get', '^BESIDE')).out.trim()).toBe('the mirror');
});
