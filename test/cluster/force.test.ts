/** A host that is lost for good: a person forces the other failover member. */
import { expect, test } from '@jest/globals';
import { type FailoverLabel, hasActiveBackup } from './lab.ts';
import { useLab, witnessed } from './stories.ts';

const stage = useLab();

interface Situation {
  readonly situation: number;
  readonly wasActive: boolean;
  readonly newestJournalTime: string | null;
  readonly newestJournalFile: string | null;
}

/** FO-075: what the operator is shown, and then the force in exactly that situation. */
async function force(label: FailoverLabel): Promise<Situation> {
  const { lab } = stage;
  const shown = JSON.parse(
    (await lab.on(label, 'mirror', 'force-primary', label, '--dry-run', '--json')).out,
  ) as Situation;
  const refused = await lab.tryOn(label, 'mirror', 'force-primary', label);
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('--confirm') });
  await lab.on(label, 'mirror', 'force-primary', label, '--confirm', label, '--situation', String(shown.situation));
  return shown;
}

test('PROC-025, FO-074, FO-075: the host of the primary is lost and there is no arbiter: an active backup is forced', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-025', async (witness) => {
    await lab.killAgent('X');
    await lab.until(primary, 'agent controlled', (status) => status?.failoverMode === 'Agent Controlled');
    await lab.until(backup, 'agent controlled', (status) => status?.failoverMode === 'Agent Controlled');
    await lab.hostDown(primary);
    await lab.untilStatus(backup, 'Waiting', 20_000);
    const shown = await force(backup);
    expect(shown.wasActive).toBe(true);
    expect(shown.newestJournalFile).toContain('MIRROR-LAB-');
    expect(Date.now() - Date.parse(shown.newestJournalTime ?? '')).toBeLessThan(60_000);
    await lab.untilStatus(backup, 'Primary', 60_000);
    await witness.untilWrittenBy(backup);
    await lab.hostUp(primary);
    await lab.on(primary, 'instance', 'start', primary);
    expect(await lab.roles()).toEqual({ primary: backup, backup: primary });
  });
});

test('PROC-026, FO-075, FO-088: forced while it was not active, what the lost host had alone is put aside when it returns', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await lab.on(backup, 'instance', 'stop', backup);
  await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
  for (const number of ['1', '2', '3']) await lab.on(primary, 'global', primary, 'set', `^LATE(${number})`, number);
  await lab.hostDown(primary);
  expect((await lab.tryOn(backup, 'instance', 'start', backup, '--timeout', '3s')).code).toBe(5);
  const shown = await force(backup);
  expect(shown.wasActive).toBe(false);
  await lab.untilStatus(backup, 'Primary', 60_000);
  expect((await lab.on(backup, 'global', backup, 'set', '^AFTER', 'force')).code).toBe(0);
  await lab.hostUp(primary);
  const returned = await lab.tryOn(primary, 'instance', 'start', primary, '--timeout', '20s');
  const words = lab.messages(primary).split('\n').slice(-40).join('\n');
  // Applied already on the lost host, so it must be rebuilt; never taken in as if nothing were.
  expect(returned.code).toBe(5);
  expect(words).toContain('inconsistent with the mirror');
  expect((await lab.status(backup))?.status).toBe('Primary');
});
