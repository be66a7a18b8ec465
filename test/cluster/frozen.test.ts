/** Processes that stand still (SIGSTOP) for a while, and then go on as if nothing had happened. */
import { expect } from '@jest/globals';
import { hasActiveBackup, pause, qosTimeoutMs } from './lab.ts';
import { hostTest, loseArbiter, nobodyServes, untilMode, useHosts, witnessed } from './stories.ts';

const stage = useHosts();

hostTest('FO-010: a primary that stands still for 0.2 s stays primary', () =>
  witnessed(stage.lab, 'FO-010 0.2 s', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const beganMs = Date.now();
    lab.freeze(primary);
    await pause(200);
    lab.thaw(primary);
    await witness.untilWrittenBy(primary);
    expect(await lab.roles()).toEqual({ primary, backup });
    expect(lab.eventsSince(backup, beganMs).filter(({ what }) => what.startsWith('lost'))).toEqual([]);
  }),
);

hostTest('FO-010: a backup that stands still for 0.2 s stays active', () =>
  witnessed(stage.lab, 'FO-010 backup', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const beganMs = Date.now();
    lab.freeze(backup);
    await pause(200);
    lab.thaw(backup);
    await witness.untilWrittenBy(primary);
    expect(hasActiveBackup(await lab.status(primary))).toBe(true);
    expect(lab.eventsSince(primary, beganMs).filter(({ what }) => what.startsWith('lost'))).toEqual([]);
  }),
);

hostTest(
  'CFG-043: a setting that a backup could not hear of is told as changed when that one cannot take over any more',
  () =>
    witnessed(stage.lab, 'CFG-043 frozen', async (witness, { primary, backup }) => {
      const { lab } = stage;
      lab.freeze(backup);
      await lab.on(primary, 'mirror', 'edit', primary, '--journal-keep-days', '3');
      expect(hasActiveBackup(await lab.status(primary))).toBe(false);
      lab.thaw(backup);
      await lab.until(primary, 'with its backup again', hasActiveBackup);
      await witness.untilWrittenBy(primary);
    }),
);

hostTest(
  'FO-009, FO-012: a primary that stands still for 1 s, hardly longer than the QoS timeout: one primary only',
  () =>
    witnessed(stage.lab, 'FO-009 1 s', async (witness, { primary, backup }) => {
      const { lab } = stage;
      lab.freeze(primary);
      await pause(1000);
      lab.thaw(primary);
      await witness.untilWritten(50);
      const isTakenOver = (await lab.status(backup))?.status === 'Primary';
      console.log(
        `a primary that stood still for 1 s at a QoS timeout of ${qosTimeoutMs} ms: taken over: ${isTakenOver}`,
      );
      if (isTakenOver) await lab.untilStatus(primary, 'Down');
    }),
);

for (const seconds of [5, 20]) {
  hostTest(`FO-009, FO-026, PROC-020: a primary that stands still for ${seconds} s is taken over and forced down`, () =>
    witnessed(stage.lab, `FO-009 ${seconds} s`, async (witness, { primary, backup }) => {
      const { lab } = stage;
      lab.freeze(primary);
      await lab.untilStatus(backup, 'Primary');
      await witness.untilWrittenBy(backup);
      await pause(seconds * 1000);
      lab.thaw(primary);
      await lab.untilStatus(primary, 'Down');
      await witness.untilWrittenBy(backup);
    }),
  );
}

hostTest('FO-036, FO-038: a primary that stood still and then is cut off from the new one acknowledges nothing', () =>
  witnessed(stage.lab, 'FO-038 cut off', async (witness, { primary, backup }) => {
    const { lab } = stage;
    lab.freeze(primary);
    lab.freezeAgent(primary);
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
    await lab.cut([primary, backup]);
    const thawnMs = performance.now();
    lab.thawAll();
    await pause(5 * qosTimeoutMs);
    expect(witness.lastBy(primary)).toBeLessThan(thawnMs + qosTimeoutMs / 2);
    await lab.heal();
    await lab.untilStatus(primary, 'Down');
  }),
);

hostTest('FO-036, FO-038: the same, cut off from the arbiter, too', () =>
  witnessed(stage.lab, 'FO-038 isolated', async (witness, { primary, backup }) => {
    const { lab } = stage;
    lab.freeze(primary);
    await lab.cut([primary, backup], [primary, 'X']);
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
    const thawnMs = performance.now();
    lab.thawAll();
    await pause(5 * qosTimeoutMs);
    expect(witness.lastBy(primary)).toBeLessThan(thawnMs + qosTimeoutMs / 2);
    await lab.heal();
    await lab.untilStatus(primary, 'Down');
  }),
);

hostTest('FO-011, FO-015: a backup that stands still for 5 s is given up, comes back and is active again', () =>
  witnessed(stage.lab, 'FO-011', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const beganMs = performance.now();
    lab.freeze(backup);
    await pause(5000);
    expect(hasActiveBackup(await lab.status(primary))).toBe(false);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(3 * qosTimeoutMs);
    lab.thaw(backup);
    await lab.until(primary, 'with an active backup', hasActiveBackup);
    expect(await lab.roles()).toEqual({ primary, backup });
  }),
);

hostTest('FO-013, FO-033: an arbiter that stands still counts as lost, and rules again when it goes on', () =>
  witnessed(stage.lab, 'FO-013', async (_witness, { primary, backup }) => {
    const { lab } = stage;
    lab.freezeAgent('X');
    await untilMode(lab, 'Agent Controlled');
    lab.thawAll();
    await untilMode(lab, 'Arbiter Controlled');
    expect(await lab.roles()).toEqual({ primary, backup });
  }),
);

hostTest('FO-026, FO-023: without an arbiter, the agent forces a primary down that stands still', () =>
  witnessed(stage.lab, 'FO-026', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await loseArbiter(lab);
    const pid = lab.pidOf(primary);
    lab.freeze(primary);
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
    expect(lab.pidOf(primary)).not.toBe(pid);
    expect(lab.pidOf(primary)).toBeNull();
  }),
);

hostTest('FO-036, FO-060: both stand still together, and nobody is primary twice when they go on', () =>
  witnessed(stage.lab, 'both frozen', async (witness, { primary, backup }) => {
    const { lab } = stage;
    lab.freeze(primary);
    lab.freeze(backup);
    await nobodyServes(lab, witness, { primary, backup });
    lab.thawAll();
    await witness.untilWritten(50);
  }),
);
