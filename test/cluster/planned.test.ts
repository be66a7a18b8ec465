/** Planned outages: stops, restarts and switchovers. */
import { expect, test } from '@jest/globals';
import { hasActiveBackup, pause, qosTimeoutMs } from './lab.ts';
import { useLab, witnessed } from './stories.ts';

const stage = useLab();

test('PROC-011, FO-020: the backup stops and restarts, the primary is unaffected', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-011', async (witness) => {
    const beganMs = performance.now();
    await lab.on(backup, 'instance', 'stop', backup);
    await witness.untilWrittenBy(primary);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(qosTimeoutMs);
    await lab.on(backup, 'instance', 'start', backup);
    await lab.until(primary, 'with an active backup', hasActiveBackup);
    expect(await lab.roles()).toEqual({ primary, backup });
  });
});

test('PROC-014, FO-008, FO-049: the primary stops, the backup takes over on request, and back again', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-014', async (witness) => {
    for (const [from, to] of [
      [primary, backup],
      [backup, primary],
    ] as const) {
      const beganMs = performance.now();
      const wallMs = Date.now();
      await lab.on(from, 'instance', 'stop', from);
      await witness.untilWrittenBy(to);
      console.log(
        `planned switchover from ${from} to ${to}: ${Math.round(witness.longestPauseMs(beganMs))} ms without an acknowledgement`,
      );
      expect(witness.longestPauseMs(beganMs)).toBeLessThan(5 * qosTimeoutMs);
      await lab.untilEvent(to, 'is primary', wallMs);
      await lab.on(from, 'instance', 'start', from);
      await lab.until(to, 'with an active backup', hasActiveBackup);
      expect(await lab.roles()).toEqual({ primary: to, backup: from });
    }
  });
});

test('PROC-012, FO-062, FO-064: a primary restarted while the host of the backup is down waits, and asks for it', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-012', async (witness) => {
    await lab.hostDown(backup);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await witness.untilWrittenBy(primary);
    await lab.on(primary, 'instance', 'stop', primary);
    const started = await lab.tryOn(primary, 'instance', 'start', primary, '--timeout', '3s');
    expect(started.code).toBe(5);
    expect(started.err).toContain(`${backup} or its agent must answer first`);
    const status = await lab.untilStatus(primary, 'Waiting');
    expect(status?.waitingFor).toContain(backup);
    await lab.hostUp(backup);
    await lab.untilStatus(primary, 'Primary', 20_000);
    await witness.untilWrittenBy(primary);
  });
});

test('PROC-015, FO-073: a stop without failover keeps the role, and failover is allowed after the restart', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-015', async (witness) => {
    await lab.on(primary, 'instance', 'stop', primary, '--nofailover');
    const stoppedMs = performance.now();
    await pause(4 * qosTimeoutMs);
    const status = await lab.status(backup);
    expect(status?.status).not.toBe('Primary');
    expect(status?.noFailover).toBe(true);
    expect(witness.countSince(stoppedMs)).toBe(0);
    await lab.on(primary, 'instance', 'start', primary);
    await witness.untilWrittenBy(primary);
    await lab.until(primary, 'with failover allowed', (now) => now?.status === 'Primary' && !now.noFailover);
    await lab.until(backup, 'with failover allowed', (now) => now?.noFailover === false);
  });
});

test('PROC-016, FO-072: with no failover set the backup does not take over from a killed primary, and says so', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-016', async (witness) => {
    await lab.on(backup, 'mirror', 'no-failover', backup, 'on');
    await lab.until(primary, 'with no failover', (status) => status?.noFailover === true);
    await lab.until(backup, 'with no failover', (status) => status?.noFailover === true);
    await lab.kill(primary);
    await pause(4 * qosTimeoutMs);
    const status = await lab.status(backup);
    expect(status?.status).not.toBe('Primary');
    expect(status?.noFailover).toBe(true);
    expect(status?.waitingFor).toContain('no failover is set');
    await lab.on(primary, 'instance', 'start', primary);
    await lab.until(primary, 'with failover allowed', (now) => now?.status === 'Primary' && !now.noFailover);
    await witness.untilWrittenBy(primary);
  });
});

test('PROC-016, FO-072: cleared on the backup while the primary is dead, it takes over', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-016', async (witness) => {
    await lab.on(primary, 'mirror', 'no-failover', primary, 'on');
    await lab.until(backup, 'with no failover', (status) => status?.noFailover === true);
    await lab.kill(primary);
    await lab.until(backup, 'held by no failover', (status) => status?.waitingFor?.includes('no failover') === true);
    await lab.on(backup, 'mirror', 'no-failover', backup, 'off');
    await witness.untilWrittenBy(backup);
    await lab.on(primary, 'instance', 'start', primary);
    await lab.until(primary, 'back as backup', (status) => status?.status === 'Backup' && !status.noFailover);
  });
});

test('FO-073: no failover clears by itself when the primary restarts', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'FO-073', async (witness) => {
    await lab.on(primary, 'mirror', 'no-failover', primary, 'on');
    await lab.until(backup, 'with no failover', (status) => status?.noFailover === true);
    await lab.kill(primary);
    await lab.on(primary, 'instance', 'start', primary);
    await lab.until(primary, 'with failover allowed', (status) => status?.status === 'Primary' && !status.noFailover);
    await witness.untilWrittenBy(primary);
    await lab.until(backup, 'with failover allowed', (status) => status?.noFailover === false);
  });
});
