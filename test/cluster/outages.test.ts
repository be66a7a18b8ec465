/**
 * The outage matrix (FO-049 to FO-060): what is lost, with the backup active or not, with and without an arbiter. The cells
 * that are staged in planned, unplanned and arbiter tests are not repeated.
 */
import { expect } from '@jest/globals';
import { type FailoverLabel, hasActiveBackup, pause, qosTimeoutMs } from './lab.ts';
import { freezeUntilNotActive, hostTest, loseArbiter, nobodyServes, useHosts, witnessed } from './stories.ts';
import type { Witness } from './witness.ts';

const stage = useHosts();

async function takesOver(label: FailoverLabel, witness: Witness): Promise<void> {
  await stage.lab.untilStatus(label, 'Primary', 20_000);
  await witness.untilWrittenBy(label);
}

hostTest('FO-049, FO-008: without an arbiter, a planned stop lets the active backup take over on request', () =>
  witnessed(stage.lab, 'FO-049 alone', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await loseArbiter(lab);
    const beganMs = Date.now();
    await lab.on(primary, 'instance', 'stop', primary);
    await takesOver(backup, witness);
    expect((await lab.untilEvent(backup, 'takes over', beganMs)).facts.right).toBe('take-over');
  }),
);

hostTest('FO-049, FO-025: a planned stop while the backup is not active: it fetches what it lacks from the agent', () =>
  witnessed(stage.lab, 'FO-049 not active', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await freezeUntilNotActive(lab, { primary, backup }, witness);
    const logged = lab.messages(backup).length;
    await lab.on(primary, 'instance', 'stop', primary);
    lab.thaw(backup);
    await takesOver(backup, witness);
    expect(lab.messages(backup).slice(logged)).toContain(`fetched from the agent of ${primary}`);
  }),
);

hostTest(
  'FO-051, FO-023: without an arbiter, the primary is killed and its agent lets the active backup take over',
  () =>
    witnessed(stage.lab, 'FO-051 alone', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await loseArbiter(lab);
      const beganMs = Date.now();
      await lab.kill(primary);
      await takesOver(backup, witness);
      expect((await lab.untilEvent(backup, 'takes over', beganMs)).facts.right).toBe('agent-down');
    }),
);

hostTest('FO-051, FO-025: the primary is killed while the backup is not active', () =>
  witnessed(stage.lab, 'FO-051 not active', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await freezeUntilNotActive(lab, { primary, backup }, witness);
    const logged = lab.messages(backup).length;
    await lab.kill(primary);
    lab.thaw(backup);
    await takesOver(backup, witness);
    expect(lab.messages(backup).slice(logged)).toContain(`fetched from the agent of ${primary}`);
  }),
);

hostTest('FO-051, FO-039: primary and its agent stand still, the arbiter lets the backup take over', () =>
  witnessed(stage.lab, 'FO-051 unresponsive', async (witness, { primary, backup }) => {
    const { lab } = stage;
    lab.freeze(primary);
    lab.freezeAgent(primary);
    await takesOver(backup, witness);
    lab.thawAll();
    await lab.untilStatus(primary, 'Down');
  }),
);

hostTest('FO-051, FO-027: without an arbiter nobody takes over while primary and its agent stand still', () =>
  witnessed(stage.lab, 'FO-051 unresponsive alone', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await loseArbiter(lab);
    lab.freeze(primary);
    lab.freezeAgent(primary);
    await nobodyServes(lab, witness, { primary, backup });
    lab.thawAll();
    // The agent may kill the primary before it knows that it may go on, or find it well again.
    await witness.untilWritten(20);
  }),
);

hostTest('FO-053, FO-027: the host of the primary is lost while the backup is not active: nobody takes over', () =>
  witnessed(stage.lab, 'FO-053 not active', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await freezeUntilNotActive(lab, { primary, backup }, witness);
    await lab.hostDown(primary);
    lab.thaw(backup);
    await nobodyServes(lab, witness, { primary, backup });
    await lab.hostUp(primary);
    await takesOver(backup, witness);
  }),
);

hostTest(
  'FO-054, FO-047: the cable of the primary is pulled out, the backup takes over; put in again, the primary stops',
  () =>
    witnessed(stage.lab, 'FO-054', async (witness, { primary, backup }) => {
      const { lab } = stage;
      lab.network.unplug(primary);
      await takesOver(backup, witness);
      lab.network.plug(primary);
      await lab.untilStatus(primary, 'Down');
    }),
);

hostTest(
  'FO-054, FO-019, FO-027: without an arbiter the isolated primary goes on as primary and nobody takes over',
  () =>
    witnessed(stage.lab, 'FO-054 alone', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await loseArbiter(lab);
      await lab.cut([primary, backup]);
      await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
      await witness.untilWrittenBy(primary);
      await pause(2 * qosTimeoutMs);
      expect((await lab.status(backup))?.status).toBe('Waiting');
      await lab.heal();
      await lab.until(primary, 'with an active backup', hasActiveBackup);
      expect(await lab.roles()).toEqual({ primary, backup });
    }),
);

hostTest('FO-054, FO-020: isolated while the backup is not active, the primary goes on as primary', () =>
  witnessed(stage.lab, 'FO-054 not active', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await freezeUntilNotActive(lab, { primary, backup }, witness);
    const beganMs = performance.now();
    await lab.cut([primary, backup], [primary, 'X']);
    lab.thaw(backup);
    await pause(4 * qosTimeoutMs);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(qosTimeoutMs);
    expect((await lab.status(primary))?.status).toBe('Primary');
    expect((await lab.status(backup))?.status).not.toBe('Primary');
  }),
);

hostTest('FO-055: the host of the arbiter is lost without a word, and nothing but the mode changes', () =>
  witnessed(stage.lab, 'FO-055', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const beganMs = performance.now();
    await lab.hostDown('X');
    await lab.until(primary, 'agent controlled', (status) => status?.failoverMode === 'Agent Controlled');
    await pause(2 * qosTimeoutMs);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(2 * qosTimeoutMs);
    expect(await lab.roles()).toEqual({ primary, backup });
  }),
);

hostTest('FO-056, FO-034: the host of the backup is lost without a word; the pause is about the QoS timeout', () =>
  witnessed(stage.lab, 'FO-056', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const beganMs = performance.now();
    await lab.hostDown(backup);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await witness.untilWrittenBy(primary);
    console.log(
      `host of the backup lost: ${Math.round(witness.longestPauseMs(beganMs))} ms without an acknowledgement`,
    );
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(2.5 * qosTimeoutMs);
  }),
);

hostTest('FO-056, FO-017, FO-019: the same without an arbiter; the pause is about three times the QoS timeout', () =>
  witnessed(stage.lab, 'FO-056 alone', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await loseArbiter(lab);
    const beganMs = performance.now();
    await lab.hostDown(backup);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await witness.untilWrittenBy(primary);
    console.log(`the same, no arbiter: ${Math.round(witness.longestPauseMs(beganMs))} ms without an acknowledgement`);
    expect(witness.longestPauseMs(beganMs)).toBeGreaterThan(2 * qosTimeoutMs);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(4.5 * qosTimeoutMs);
  }),
);

hostTest('FO-056, FO-020: a backup that is not active is lost and the primary does not pause', () =>
  witnessed(stage.lab, 'FO-056 not active', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await freezeUntilNotActive(lab, { primary, backup }, witness);
    const beganMs = performance.now();
    await lab.hostDown(backup);
    await pause(2 * qosTimeoutMs);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(qosTimeoutMs / 2);
  }),
);

hostTest('FO-057: the hosts of primary and arbiter are lost together: nobody takes over until the agent answers', () =>
  witnessed(stage.lab, 'FO-057', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await Promise.all([lab.hostDown('X'), lab.hostDown(primary)]);
    await nobodyServes(lab, witness, { primary, backup });
    await lab.hostUp(primary);
    await takesOver(backup, witness);
  }),
);

hostTest(
  'FO-058, FO-020: backup and arbiter are lost together while the backup is not active: the primary goes on',
  () =>
    witnessed(stage.lab, 'FO-058 not active', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await freezeUntilNotActive(lab, { primary, backup }, witness);
      const beganMs = performance.now();
      await Promise.all([lab.hostDown('X'), lab.hostDown(backup)]);
      await pause(2 * qosTimeoutMs);
      expect(witness.longestPauseMs(beganMs)).toBeLessThan(qosTimeoutMs);
    }),
);

hostTest('FO-059, FO-032: the backup is lost and then the arbiter; the primary goes on after one pause', () =>
  witnessed(stage.lab, 'FO-059', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.hostDown(backup);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await witness.untilWrittenBy(primary);
    const beganMs = performance.now();
    await lab.hostDown('X');
    await pause(2 * qosTimeoutMs);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(qosTimeoutMs);
  }),
);

hostTest('FO-060, PROC-032: the hosts of both are lost; when both are back, whichever instance starts first', () =>
  witnessed(stage.lab, 'FO-060', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await Promise.all([lab.hostDown(primary), lab.hostDown(backup)]);
    await Promise.all([lab.hostUp(primary), lab.hostUp(backup)]);
    await lab.on(backup, 'instance', 'start', backup, '--timeout', '20s');
    await takesOver(backup, witness);
  }),
);
