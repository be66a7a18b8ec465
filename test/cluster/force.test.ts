/** A host that is lost for good: a person forces the other failover member. */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { type FailoverLabel, hasActiveBackup, type Label } from './lab.ts';
import { copyJournal, untilPair } from './role-moves.ts';
import { useLab, witnessed } from './stories.ts';

const stage = useLab();

interface Situation {
  readonly situation: number;
  readonly wasActive: boolean;
  readonly newestJournalTime: string | null;
  readonly newestJournalFile: string | null;
}

/** FO-075: what the operator is shown first, and then the force in exactly the situation that was shown last. */
async function force(label: FailoverLabel): Promise<Situation> {
  const { lab } = stage;
  const command = ['mirror', 'force-primary', label];
  const look = async () => JSON.parse((await lab.on(label, ...command, '--dry-run', '--json')).out) as Situation;
  const first = await look();
  const refused = await lab.tryOn(label, ...command);
  expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('--confirm') });
  const inSituation = ({ situation }: Situation) =>
    lab.tryOn(label, ...command, '--confirm', label, '--situation', String(situation));
  let done = await inSituation(first);
  // On a slow machine a backup that waits may have asked the asyncs meanwhile, and is then no active one any more.
  while (done.err.includes('this member is no active backup')) done = await inSituation(await look());
  expect(done).toMatchObject({ code: 0 });
  return first;
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

test('PROC-026, PROC-047, FO-075, FO-088, FO-089: forced while it was not active, what the lost host had alone is put aside, and it is rebuilt', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await lab.on(backup, 'instance', 'stop', backup);
  await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
  for (const number of ['1', '2', '3']) await lab.on(primary, 'global', primary, 'set', `^LATE(${number})`, number);
  // A copy holds what was applied before it: from here on the databases on the disk hold it, too.
  await lab.on(primary, 'database', 'backup', primary, 'DATA', '--to', join(lab.homeOf(primary), 'copy'));
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
  await rebuild(primary, 'C');
  // What is rebuilt follows as if it had just joined, and may lead again.
  await lab.until(backup, 'with an active backup', hasActiveBackup);
  expect(await lab.roles()).toEqual({ primary: backup, backup: primary });
  await lab.on(primary, 'mirror', 'become-primary', primary, '--confirm', primary);
  await lab.untilStatus(primary, 'Primary', 20_000);
  expect(await valueOn(primary, '^AFTER')).toBe('force');
});

test('PROC-026, FO-075: the journal files of the lost host are copied in before the force: nothing is lost, and it joins again', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await lab.on(backup, 'instance', 'stop', backup);
  await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
  for (const number of ['1', '2', '3']) await lab.on(primary, 'global', primary, 'set', `^SAVED(${number})`, 'late');
  await lab.hostDown(primary);
  expect(copyJournal(lab, primary, backup).length).toBeGreaterThan(0);
  await lab.tryOn(backup, 'instance', 'start', backup, '--timeout', '3s');
  expect((await force(backup)).wasActive).toBe(false);
  await lab.untilStatus(backup, 'Primary', 60_000);
  for (const number of ['1', '2', '3']) expect(await valueOn(backup, `^SAVED(${number})`)).toBe('late');
  await lab.hostUp(primary);
  await lab.on(primary, 'instance', 'start', primary);
  await untilPair(lab, backup, primary);
});

/** FO-089: both have applied what the force gave up. What they had alone is kept, and can be shown. */
async function rebuild(...halted: readonly Label[]): Promise<void> {
  const { lab } = stage;
  for (const label of halted) {
    await lab.untilStatus(label, 'Crashed', 20_000);
    const refused = await lab.tryOn(label, 'mirror', 'rebuild', label);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining(`confirm it with --confirm ${label}`) });
    const rebuilt = await lab.on(label, 'mirror', 'rebuild', label, '--confirm', label);
    expect(rebuilt.out).toContain('is rebuilt and caught up');
    expect((await lab.on(label, 'lost', 'show', label)).out).toContain('^LATE(1)');
    expect(await valueOn(label, '^LATE(1)')).toBeNull();
    expect(await valueOn(label, '^AFTER')).toBe('force');
  }
}

async function valueOn(label: Label, reference: string): Promise<string | null> {
  return JSON.parse((await stage.lab.on(label, 'global', label, 'get', reference, '--json')).out).value;
}
