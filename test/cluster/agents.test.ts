/** Agents and arbiters that come and go, and what a backup does that has lost sight of its primary (FO-016 to FO-041). */
import { expect } from '@jest/globals';
import { superserverPortDefault } from '../../src/mirror/limits.ts';
import { type FailoverLabel, hasActiveBackup, pause, qosTimeoutMs } from './lab.ts';
import { hostTest, loseArbiter, nobodyServes, untilMode, useHosts, witnessed } from './stories.ts';
import type { Witness } from './witness.ts';

const stage = useHosts();

async function takesOver(label: FailoverLabel, witness: Witness): Promise<void> {
  await stage.lab.untilStatus(label, 'Primary', 20_000);
  await witness.untilWrittenBy(label);
}

for (const where of ['A', 'B', 'C'] as const) {
  hostTest(`AGT-004: the agent of ${where} is killed and its instance is not: nothing changes`, () =>
    witnessed(stage.lab, `agent of ${where}`, async (witness, { primary, backup }) => {
      const { lab } = stage;
      const beganMs = performance.now();
      await lab.killAgent(where);
      await pause(2 * qosTimeoutMs);
      expect(witness.longestPauseMs(beganMs)).toBeLessThan(qosTimeoutMs);
      expect(hasActiveBackup(await lab.status(primary))).toBe(true);
      await lab.startAgent(where);
      expect(await lab.roles()).toEqual({ primary, backup });
    }),
  );
}

hostTest('FO-039, FO-051: primary and its agent are killed together, the arbiter lets the backup take over', () =>
  witnessed(stage.lab, 'agent and instance', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await Promise.all([lab.killAgent(primary), lab.kill(primary)]);
    await takesOver(backup, witness);
  }),
);

hostTest('FO-027: the same without an arbiter: nobody takes over until the agent is back', () =>
  witnessed(stage.lab, 'FO-027', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await loseArbiter(lab);
    await Promise.all([lab.killAgent(primary), lab.kill(primary)]);
    await nobodyServes(lab, witness, { primary, backup });
    await lab.startAgent(primary);
    await takesOver(backup, witness);
  }),
);

hostTest(
  'FO-024, CFG-043: with the journal from the agent comes what its primary had changed of the mirror alone',
  () =>
    witnessed(stage.lab, 'FO-024 set', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.kill(backup);
      await lab.until(
        primary,
        'without a backup',
        (status) => status?.status === 'Primary' && !hasActiveBackup(status),
      );
      await lab.on(primary, 'mirror', 'edit', primary, '--journal-keep-days', '5');
      await witness.untilWrittenBy(primary);
      await lab.kill(primary);
      await lab.on(backup, 'instance', 'start', backup);
      await takesOver(backup, witness);
      expect((await lab.on(backup, 'mirror', 'edit', backup, '--journal-keep-days', '5')).out).toContain('so already');
    }),
);

hostTest('FO-018, FO-015: without an arbiter, a connection that is reset is mended before the trouble timeout', () =>
  witnessed(stage.lab, 'FO-018', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await loseArbiter(lab);
    const [beganMs, wallMs] = [performance.now(), Date.now()];
    lab.network.reset(primary, backup);
    await lab.untilEvent(primary, 'enters trouble state', wallMs);
    await witness.untilWrittenBy(primary);
    await lab.until(primary, 'with an active backup', hasActiveBackup);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(2 * qosTimeoutMs);
    expect(await lab.roles()).toEqual({ primary, backup });
  }),
);

hostTest('FO-035, FO-040: a connection that is reset under an arbiter is mended, too', () =>
  witnessed(stage.lab, 'FO-040', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const beganMs = performance.now();
    lab.network.reset(primary, backup);
    await pause(qosTimeoutMs);
    await untilMode(lab, 'Arbiter Controlled');
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(2 * qosTimeoutMs);
    expect(await lab.roles()).toEqual({ primary, backup });
  }),
);

hostTest(
  'FO-022, FO-021: only the data channel is lost: the agent says that the primary lives, and nobody takes over',
  () =>
    witnessed(stage.lab, 'FO-022', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await loseArbiter(lab);
      lab.network.closePort(backup, primary, superserverPortDefault);
      await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
      await witness.untilWrittenBy(primary);
      await pause(3 * qosTimeoutMs);
      expect((await lab.status(backup))?.status).not.toBe('Primary');
      await lab.heal();
      await lab.until(primary, 'with an active backup', hasActiveBackup);
      expect(await lab.roles()).toEqual({ primary, backup });
    }),
);

hostTest(
  'FO-024: a backup that was active before the primary went on alone fetches what it lacks before it takes over',
  () =>
    witnessed(stage.lab, 'FO-024', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await loseArbiter(lab);
      await lab.cut([primary, backup]);
      await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
      await witness.untilWrittenBy(primary);
      await witness.untilWritten(50);
      const logged = lab.messages(backup).length;
      await lab.kill(primary);
      await lab.heal();
      await takesOver(backup, witness);
      expect(lab.messages(backup).slice(logged)).toContain(`fetched from the agent of ${primary}`);
    }),
);

hostTest('FO-041: the backup loses the arbiter, and the primary is killed at that moment: the agent says so', () =>
  witnessed(stage.lab, 'FO-041', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.cut([backup, 'X']);
    await lab.kill(primary);
    await takesOver(backup, witness);
  }),
);

hostTest('FO-032: after one event was handled the next is one of agent controlled mode', () =>
  witnessed(stage.lab, 'FO-032', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.cut([primary, 'X']);
    await untilMode(lab, 'Agent Controlled');
    await lab.until(primary, 'with an active backup', hasActiveBackup);
    await lab.hostDown(primary);
    await nobodyServes(lab, witness, { primary, backup });
    await lab.hostUp(primary);
    await takesOver(backup, witness);
  }),
);

hostTest('FO-033, FO-028: the host of the arbiter is lost and comes back, three times', () =>
  witnessed(stage.lab, 'FO-033', async (_witness, { primary, backup }) => {
    const { lab } = stage;
    for (let round = 0; round < 3; round += 1) {
      await lab.hostDown('X');
      await untilMode(lab, 'Agent Controlled');
      await lab.hostUp('X');
      await untilMode(lab, 'Arbiter Controlled');
    }
    expect(await lab.roles()).toEqual({ primary, backup });
  }),
);

hostTest('PROC-019, FO-039: the arbiter restarts, and the very next kill is one it decides', () =>
  witnessed(stage.lab, 'arbiter restarts', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.on('X', 'agent', 'restart');
    await untilMode(lab, 'Arbiter Controlled');
    await lab.hostDown(primary);
    await takesOver(backup, witness);
  }),
);

hostTest('CFG-045: the arbiter moves to another port; the old one is then of no importance', () =>
  witnessed(stage.lab, 'arbiter moves', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const address = lab.network.addressOf('X');
    const elsewhere = `${lab.homeOf('X')}-elsewhere`;
    await lab.onHome('X', elsewhere, 'agent', 'start', '--address', address, '--port', '2189');
    await lab.on(primary, 'mirror', 'edit', primary, '--arbiter', `${address}:2189`);
    for (const label of [primary, backup]) {
      await lab.until(label, 'told', (status) => status?.arbiter?.address?.endsWith('2189') === true);
    }
    await untilMode(lab, 'Arbiter Controlled');
    await lab.killAgent('X');
    await pause(2 * qosTimeoutMs);
    await untilMode(lab, 'Arbiter Controlled');
    await lab.hostDown(primary);
    await takesOver(backup, witness);
    await lab.startAgent('X');
    await lab.on(backup, 'mirror', 'edit', backup, '--arbiter', `${address}:2188`);
    await lab.onHome('X', elsewhere, 'agent', 'stop');
  }),
);

hostTest(
  'PROC-055: with a wrong port of the arbiter the mirror works, agent controlled, and an agent lets the backup take over',
  () =>
    witnessed(stage.lab, 'PROC-055', async (witness, { primary, backup }) => {
      const { lab } = stage;
      const address = lab.network.addressOf('X');
      await lab.on(primary, 'mirror', 'edit', primary, '--arbiter', `${address}:2190`);
      await untilMode(lab, 'Agent Controlled');
      await lab.until(primary, 'with an active backup', hasActiveBackup);
      await lab.kill(primary);
      await takesOver(backup, witness);
      await lab.on(backup, 'mirror', 'edit', backup, '--arbiter', `${address}:2188`);
    }),
);
