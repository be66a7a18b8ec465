/** FO-061 to FO-064: which of the two instances and their agents are up when a failover member starts. */
import { expect } from '@jest/globals';
import type { FailoverLabel } from './lab.ts';
import { hostTest, useHosts, witnessed } from './stories.ts';
import type { Witness } from './witness.ts';

const stage = useHosts();

/** Both instances and both agents are down at one moment, whatever their hosts are. */
async function killBoth(primary: FailoverLabel, backup: FailoverLabel): Promise<void> {
  const { lab } = stage;
  await Promise.all([lab.kill(primary), lab.kill(backup)]);
  await Promise.all([lab.killAgent(primary), lab.killAgent(backup)]);
}

/** It has no proof, and says whom it waits for. */
async function startsWaiting(label: FailoverLabel, other: FailoverLabel): Promise<void> {
  const { lab } = stage;
  expect((await lab.tryOn(label, 'instance', 'start', label, '--timeout', '3s')).code).toBe(5);
  const status = await lab.untilStatus(label, 'Waiting');
  expect(status?.waitingFor).toContain(other);
}

async function serves(label: FailoverLabel, witness: Witness): Promise<void> {
  await stage.lab.untilStatus(label, 'Primary', 20_000);
  await witness.untilWrittenBy(label);
}

hostTest('FO-061, FO-064: the last primary starts, of the other only the agent is up: it is primary again', () =>
  witnessed(stage.lab, 'FO-061 last primary', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await killBoth(primary, backup);
    await lab.startAgent(backup);
    await lab.on(primary, 'instance', 'start', primary, '--timeout', '20s');
    await serves(primary, witness);
  }),
);

hostTest('FO-061, FO-023: the active backup starts, of the other only the agent is up: it takes over', () =>
  witnessed(stage.lab, 'FO-061 backup', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await killBoth(primary, backup);
    await lab.startAgent(primary);
    await lab.on(backup, 'instance', 'start', backup, '--timeout', '20s');
    await serves(backup, witness);
  }),
);

for (const who of ['primary', 'backup'] as const) {
  hostTest(
    `FO-062, FO-064: the last ${who} starts while nothing of the other is up: it waits until an agent answers`,
    () =>
      witnessed(stage.lab, `FO-062 ${who}`, async (witness, roles) => {
        const { lab } = stage;
        const [label, other] = [roles[who], roles[who === 'primary' ? 'backup' : 'primary']];
        await killBoth(roles.primary, roles.backup);
        await lab.startAgent(label);
        await startsWaiting(label, other);
        await lab.startAgent(other);
        await serves(label, witness);
      }),
  );
}

hostTest('FO-062, FO-027: the host of the other is off, and the own agent is no help', () =>
  witnessed(stage.lab, 'FO-062 host', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.kill(primary);
    await Promise.all([lab.hostDown(primary), lab.hostDown(backup)]);
    await lab.hostUp(primary);
    await startsWaiting(primary, backup);
    await lab.hostUp(backup);
    await serves(primary, witness);
  }),
);

hostTest(
  'FO-061, FO-064: both instances start at one moment, both agents up: one is primary, the other its backup',
  () =>
    witnessed(stage.lab, 'FO-064 both', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await Promise.all([lab.kill(primary), lab.kill(backup)]);
      await Promise.all(
        [primary, backup].map((label) => lab.on(label, 'instance', 'start', label, '--timeout', '30s')),
      );
      await witness.untilWritten(20);
      expect(Object.values(await lab.roles()).sort()).toEqual(['A', 'B']);
    }),
);

hostTest('FO-061: both instances start and no agent is up: they settle their roles between them', () =>
  witnessed(stage.lab, 'FO-061 no agents', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await killBoth(primary, backup);
    await Promise.all([primary, backup].map((label) => lab.on(label, 'instance', 'start', label, '--timeout', '30s')));
    await witness.untilWritten(20);
    expect(Object.values(await lab.roles()).sort()).toEqual(['A', 'B']);
  }),
);

hostTest('FO-061: a member starts while the other is primary and no agent is up: it becomes backup', () =>
  witnessed(stage.lab, 'FO-061 instance only', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.kill(backup);
    await Promise.all([lab.killAgent(primary), lab.killAgent(backup)]);
    await witness.untilWrittenBy(primary);
    await lab.on(backup, 'instance', 'start', backup, '--timeout', '20s');
    expect(await lab.roles()).toEqual({ primary, backup });
  }),
);

hostTest('FO-061, FO-088: a primary that was killed starts while the other has taken over: it becomes its backup', () =>
  witnessed(stage.lab, 'FO-061 returns', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.kill(primary);
    await serves(backup, witness);
    await lab.on(primary, 'instance', 'start', primary, '--timeout', '20s');
    expect(await lab.roles()).toEqual({ primary: backup, backup: primary });
  }),
);

hostTest(
  'FO-062, FO-075: a member that missed updates waits alone, and is told that it was not active before a force',
  () =>
    witnessed(stage.lab, 'FO-062 stale', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.on(backup, 'instance', 'stop', backup);
      await witness.untilWritten(50);
      await lab.hostDown(primary);
      await startsWaiting(backup, primary);
      const shown = await lab.on(backup, 'mirror', 'force-primary', backup, '--dry-run', '--json');
      expect(JSON.parse(shown.out).wasActive).toBe(false);
      await lab.hostUp(primary);
      await serves(backup, witness);
    }),
);

hostTest('FO-016, FO-028: both start while the arbiter is away: agent controlled until it is there', () =>
  witnessed(stage.lab, 'FO-016', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.hostDown('X');
    await lab.on(backup, 'instance', 'stop', backup);
    await lab.on(primary, 'instance', 'stop', primary);
    await lab.on(primary, 'instance', 'start', primary, '--timeout', '20s');
    await lab.on(backup, 'instance', 'start', backup, '--timeout', '20s');
    await witness.untilWrittenBy(primary);
    for (const label of [primary, backup]) expect((await lab.status(label))?.failoverMode).toBe('Agent Controlled');
    await lab.hostUp('X');
    await lab.until(primary, 'arbiter controlled', (status) => status?.failoverMode === 'Arbiter Controlled', 20_000);
  }),
);
