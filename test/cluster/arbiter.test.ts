/** The arbiter and the agents: away, back, alone, and two at a time. */
import { expect, test } from '@jest/globals';
import { readMessageLine } from '../../src/host/messages-log.ts';
import { hasActiveBackup, pause, qosTimeoutMs } from './lab.ts';
import { nobodyServes, untilMode, useLab, witnessed } from './stories.ts';

const stage = useLab();

test('PROC-029, MON-025, FO-055: without the arbiter nothing but the mode changes, and it is said as a severe message', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-029', async (witness) => {
    const before = lab.messages(primary).length;
    const beganMs = performance.now();
    await lab.killAgent('X');
    await untilMode(stage.lab, 'Agent Controlled');
    await witness.untilWrittenBy(primary);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(3 * qosTimeoutMs);
    expect(hasActiveBackup(await lab.status(primary))).toBe(true);
    const severe = () =>
      lab
        .messages(primary)
        .slice(before)
        .split('\n')
        .filter((line) => readMessageLine(line)?.severity === 2)
        .join('\n');
    expect(severe()).toContain('Arbiter connection lost');
    await lab.until(primary, 'told once more', () => severe().includes('Failed to rebuild the arbiter connection'));
    await lab.on('X', 'agent', 'start');
    await untilMode(stage.lab, 'Arbiter Controlled');
    expect(await lab.roles()).toEqual({ primary, backup });
  });
});

test('CFG-045: another QoS timeout opens a new session with the arbiter, which then keeps its own count', async () => {
  const { lab } = stage;
  const { primary } = await lab.roles();
  const lost = () => lab.messages(primary).split('Arbiter connection lost').length - 1;
  for (const longMs of [qosTimeoutMs * 5, qosTimeoutMs]) {
    const before = lost();
    await lab.on(primary, 'mirror', 'edit', primary, '--qos', String(longMs));
    await untilMode(stage.lab, 'Arbiter Controlled');
    // Long enough for an arbiter that still counted by the old timeout to give the session up.
    await pause(qosTimeoutMs * 2);
    expect(lost() - before).toBe(1);
    expect((await lab.status(primary))?.failoverMode).toBe('Arbiter Controlled');
  }
});

test('AGT-008, FO-033: the arbiter restarts and rules again; a second agent on the same host is refused', async () => {
  const { lab } = stage;
  await witnessed(lab, 'AGT-008', async () => {
    await lab.on('X', 'agent', 'restart');
    await untilMode(stage.lab, 'Arbiter Controlled');
    const second = await lab.tryOn('X', 'agent', 'run');
    expect(second.code).toBe(1);
    expect(second.out + second.err).toContain('an ISCAgent serves this host already');
    await untilMode(stage.lab, 'Arbiter Controlled');
  });
});

test('PROC-022, MON-027, FO-027, FO-064: the host of the primary is down and there is no arbiter: no takeover until its agent answers', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-022', async (witness) => {
    await lab.killAgent('X');
    await untilMode(stage.lab, 'Agent Controlled');
    const logged = lab.messages(backup).length;
    await lab.hostDown(primary);
    await nobodyServes(lab, witness, { primary, backup });
    // When the primary was lost, and that this one was active then: what a person looks for before a force.
    expect(lab.messages(backup).slice(logged)).toMatch(
      /AckDaemon failed to answer status request[\s\S]*Failed to contact agent on former primary/,
    );
    await lab.hostUp(primary);
    await lab.untilStatus(backup, 'Primary', 20_000);
    await witness.untilWrittenBy(backup);
  });
});

test('PROC-031, FO-057: primary and arbiter are killed together, the agent lets the backup take over', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-031', async (witness) => {
    await Promise.all([lab.killAgent('X'), lab.kill(primary)]);
    await lab.untilStatus(backup, 'Primary', 20_000);
    await witness.untilWrittenBy(backup);
  });
});

test('PROC-030, FO-036, FO-058: backup and arbiter are lost together, the primary waits until the backup is back', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-030', async (witness) => {
    await lab.cut([primary, 'X'], [primary, backup], [backup, 'X']);
    await Promise.all([lab.hostDown(backup), lab.killAgent('X')]);
    const lostMs = performance.now();
    await pause(5 * qosTimeoutMs);
    expect(witness.countSince(lostMs + qosTimeoutMs)).toBe(0);
    await lab.heal();
    await lab.hostUp(backup);
    await lab.on(backup, 'instance', 'start', backup, '--timeout', '20s');
    await witness.untilWrittenBy(primary);
  });
});

test('PROC-030, FO-059: arbiter and backup are lost one after the other, the primary goes on after a pause', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-030-later', async (witness) => {
    await lab.killAgent('X');
    await untilMode(stage.lab, 'Agent Controlled');
    const beganMs = performance.now();
    await lab.kill(backup);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await witness.untilWrittenBy(primary);
    expect(witness.longestPauseMs(beganMs)).toBeLessThan(5 * qosTimeoutMs);
  });
});

test('PROC-032, FO-060, FO-064: both failover members are killed; whichever comes back first, nothing is lost', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  await witnessed(lab, 'PROC-032', async (witness) => {
    await Promise.all([lab.kill(primary), lab.kill(backup)]);
    await lab.on(backup, 'instance', 'start', backup, '--timeout', '20s');
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
  });
});
