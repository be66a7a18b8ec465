/** Cut cables: all seven combinations of lost links, and what members do when they are healed. */
import { expect, test } from '@jest/globals';
import { type HostLabel, hasActiveBackup, type Pair, pause, qosTimeoutMs } from './lab.ts';
import { useLab, witnessed } from './stories.ts';

const stage = useLab();

/** The primary stays primary, in agent mode, and goes on accepting updates; the arbiter rules again after healing. */
async function primaryStays(
  name: string,
  cuts: (primary: HostLabel, backup: HostLabel) => readonly Pair[],
): Promise<void> {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, name, async (witness) => {
    const pairs = cuts(primary, backup);
    await lab.cut(...pairs);
    await lab.until(primary, 'agent controlled', (status) => status?.failoverMode === 'Agent Controlled');
    await witness.untilWrittenBy(primary);
    expect((await lab.status(primary))?.status).toBe('Primary');
    expect((await lab.status(backup))?.status).not.toBe('Primary');
    const isPairCut = pairs.some((pair) => pair.includes(primary) && pair.includes(backup));
    if (isPairCut) await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    else expect(hasActiveBackup(await lab.status(primary))).toBe(true);
    await lab.heal();
    await lab.until(primary, 'arbiter controlled', (status) => status?.failoverMode === 'Arbiter Controlled', 20_000);
    expect((await lab.roles()).primary).toBe(primary);
  });
}

test('FO-042: backup and arbiter lose each other', () => primaryStays('FO-042', (_primary, backup) => [[backup, 'X']]));

test('FO-043: primary and arbiter lose each other', () => primaryStays('FO-043', (primary) => [[primary, 'X']]));

test('FO-044: primary and backup lose each other', () =>
  primaryStays('FO-044', (primary, backup) => [[primary, backup]]));

test('FO-045: both lose the arbiter', () =>
  primaryStays('FO-045', (primary, backup) => [
    [primary, 'X'],
    [backup, 'X'],
  ]));

test('FO-046: the backup is isolated', () =>
  primaryStays('FO-046', (primary, backup) => [
    [primary, backup],
    [backup, 'X'],
  ]));

test('FO-047, PROC-027, FO-036, FO-038, FO-039: the primary is isolated and commits nothing; the backup takes over', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'FO-047', async (witness) => {
    await lab.cut([primary, backup], [primary, 'X']);
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
    const last = witness.lastBy(primary);
    await pause(2 * qosTimeoutMs);
    expect(witness.lastBy(primary)).toBe(last);
    await lab.heal();
    await lab.untilStatus(primary, 'Down');
    await lab.on(primary, 'instance', 'start', primary);
    expect(await lab.roles()).toEqual({ primary: backup, backup: primary });
  });
});

test('FO-048, PROC-028, FO-037: all links are lost, nobody is primary, and the old one resumes when the pair is healed', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'FO-048', async (witness) => {
    await lab.cut([primary, backup], [primary, 'X'], [backup, 'X']);
    const beganMs = performance.now();
    await lab.until(backup, 'without its primary', (status) => status?.status !== 'Backup');
    await pause(4 * qosTimeoutMs);
    expect(witness.countSince(beganMs + 2 * qosTimeoutMs)).toBe(0);
    expect((await lab.status(backup))?.status).not.toBe('Primary');
    await lab.heal([primary, backup]);
    await witness.untilWrittenBy(primary);
    expect((await lab.status(primary))?.failoverMode).toBe('Agent Controlled');
    await lab.heal();
    await lab.until(primary, 'arbiter controlled', (status) => status?.failoverMode === 'Arbiter Controlled', 20_000);
  });
});
