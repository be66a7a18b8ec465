/** Killed and frozen members. */
import { expect, test } from '@jest/globals';
import { hasActiveBackup, pause, qosTimeoutMs } from './lab.ts';
import { useLab, witnessed } from './stories.ts';

const stage = useLab();

test('PROC-018, FO-056: the backup is killed, the primary pauses for a bounded time and goes on', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-018', async (witness) => {
    const beganMs = performance.now();
    await lab.kill(backup);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await witness.untilWrittenBy(primary);
    console.log(`backup killed: ${Math.round(witness.longestPauseMs(beganMs))} ms without an acknowledgement`);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(3 * qosTimeoutMs);
    await lab.on(backup, 'instance', 'start', backup);
    await lab.until(primary, 'with an active backup', hasActiveBackup);
    expect(await lab.roles()).toEqual({ primary, backup });
  });
});

test('PROC-018, FO-017, FO-019: without an arbiter the pause after the loss of a frozen backup is about three times QoS', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-018-alone', async (witness) => {
    await lab.killAgent('X');
    await lab.until(primary, 'agent controlled', (status) => status?.failoverMode === 'Agent Controlled');
    await lab.until(primary, 'with an active backup', hasActiveBackup);
    const beganMs = performance.now();
    lab.freeze(backup);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await witness.untilWrittenBy(primary);
    console.log(
      `backup frozen, no arbiter: ${Math.round(witness.longestPauseMs(beganMs))} ms without an acknowledgement`,
    );
    expect(witness.longestPauseMs(beganMs)).toBeGreaterThan(2 * qosTimeoutMs);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(5 * qosTimeoutMs);
    lab.thaw(backup);
    await lab.until(primary, 'with an active backup', hasActiveBackup);
  });
});

test('PROC-019, FO-051: the primary is killed, the backup takes over, the old primary comes back as backup', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-019', async (witness) => {
    const beganMs = performance.now();
    await lab.kill(primary);
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
    console.log(`primary killed: ${Math.round(witness.longestPauseMs(beganMs))} ms without an acknowledgement`);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(5 * qosTimeoutMs);
    await lab.on(primary, 'instance', 'start', primary);
    await lab.until(backup, 'with an active backup', hasActiveBackup);
    expect(await lab.roles()).toEqual({ primary: backup, backup: primary });
  });
});

test('PROC-021, FO-007, FO-053: the host of the primary goes down, the arbiter lets the backup take over', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-021', async (witness) => {
    const wallMs = Date.now();
    await lab.hostDown(primary);
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
    const taken = await lab.untilEvent(backup, 'takes over', wallMs);
    expect(taken.rules.length).toBeGreaterThan(0);
  });
});

test('PROC-023, FO-025: a backup that is not active fetches what it lacks from the agent of the killed primary', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-023', async (witness) => {
    await lab.kill(backup);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await witness.untilWrittenBy(primary);
    await witness.untilWritten(200);
    await lab.kill(primary);
    const wallMs = Date.now();
    const logged = lab.messages(backup).length;
    await lab.on(backup, 'instance', 'start', backup);
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
    await lab.untilEvent(backup, 'takes over', wallMs);
    expect(lab.messages(backup).slice(logged)).toContain(`fetched from the agent of ${primary}`);
  });
});

test('PROC-024, MON-027, FO-053: a backup that is not active does not take over when the host of the primary is down', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-024', async (witness) => {
    await lab.kill(backup);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await witness.untilWrittenBy(primary);
    await lab.hostDown(primary);
    const logged = lab.messages(backup).length;
    expect((await lab.tryOn(backup, 'instance', 'start', backup, '--timeout', '4s')).code).toBe(5);
    await lab.untilStatus(backup, 'Waiting');
    const words = lab.messages(backup).slice(logged);
    expect(words).toContain('nonactive Backup is down');
    expect(words).not.toContain('Failed to contact agent');
    await lab.hostUp(primary);
    await lab.untilStatus(backup, 'Primary', 20_000);
    await witness.untilWrittenBy(backup);
  });
});

test('FO-010: a primary frozen for less than the tolerated silence stays primary', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await lab.on(primary, 'mirror', 'edit', primary, '--qos', '2000');
  await lab.until(backup, 'with the new QoS timeout', (status) => status?.qosTimeoutMs === 2000);
  await witnessed(lab, 'FO-010', async (witness) => {
    const wallMs = Date.now();
    for (let round = 0; round < 3; round += 1) {
      lab.freeze(primary);
      await pause(300);
      lab.thaw(primary);
      await witness.untilWrittenBy(primary);
    }
    expect(await lab.roles()).toEqual({ primary, backup });
    const changes = lab.eventsSince(backup, wallMs).filter(({ what }) => /primary|takes over/.test(what));
    expect(changes).toEqual([]);
  });
});

test('PROC-020, FO-026, FO-039: a primary frozen for long is taken over, and never acknowledges again', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-020', async (witness) => {
    const frozenMs = performance.now();
    lab.freeze(primary);
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
    await pause(Math.max(0, 5000 - (performance.now() - frozenMs)));
    const last = witness.lastBy(primary);
    lab.thaw(primary);
    await lab.untilStatus(primary, 'Down');
    await witness.untilWrittenBy(backup);
    expect(witness.lastBy(primary)).toBe(last);
  });
});
