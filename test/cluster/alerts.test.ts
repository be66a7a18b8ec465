/**
 * Three families of faults for which InterSystems had to alert its users, each as a scenario; and data directories that are
 * copied or set back.
 */
import { cpSync, existsSync, rmSync } from 'node:fs';
import { expect } from '@jest/globals';
import { type FailoverLabel, hasActiveBackup, type Label, pause } from './lab.ts';
import { hostTest, useHosts, witnessed } from './stories.ts';
import type { Witness } from './witness.ts';

const stage = useHosts();

/** Many more updates than one journal block holds, through the primary. */
async function load(witness: Witness): Promise<void> {
  await witness.untilWritten(400, 30_000);
}

async function restart(label: Label): Promise<void> {
  const { lab } = stage;
  await lab.kill(label);
  await lab.on(label, 'instance', 'start', label, '--timeout', '30s');
}

hostTest('FO-015, alert of 2016-07-06 (SML2330): no update is skipped while a member that is not primary starts', () =>
  witnessed(stage.lab, 'SML2330 start', async (witness, { backup }) => {
    for (let round = 0; round < 3; round += 1) {
      await Promise.all([load(witness), restart(backup), restart('C')]);
    }
  }),
);

hostTest(
  'FO-015, alert of 2016-07-06 (SML2330): no update is skipped while a member that is not primary reconnects',
  () =>
    witnessed(stage.lab, 'SML2330 reconnect', async (witness, { primary, backup }) => {
      const { lab } = stage;
      for (let round = 0; round < 8; round += 1) {
        for (const other of [backup, 'C'] as const) lab.network.reset(primary, other);
        await witness.untilWritten(50);
      }
      for (const other of [backup, 'C'] as const) {
        await lab.cut([primary, other]);
        await pause(1500);
        await lab.heal([primary, other]);
        await witness.untilWritten(50);
      }
    }),
);

hostTest('FO-015, alert of 2019-03-14: members that crash while they catch up apply everything in the end', () =>
  witnessed(stage.lab, 'crash during catch-up', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await Promise.all([lab.kill(backup), lab.kill('C')]);
    await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
    await load(witness);
    // Each time a little later in the middle of it.
    for (const ms of [0, 30, 100]) {
      await Promise.all(
        ([backup, 'C'] as const).map(async (label) => {
          const started = lab.tryOn(label, 'instance', 'start', label, '--timeout', '2s');
          await lab.until(label, 'alive', (status) => status !== null);
          await pause(ms);
          await lab.kill(label);
          await started;
        }),
      );
    }
  }),
);

hostTest(
  'FO-061, FO-025, alert of 2019-11-04: what a member fetched at its start, before it became primary, is applied',
  () =>
    witnessed(stage.lab, 'primary at startup', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.on(backup, 'instance', 'stop', backup);
      await lab.on(primary, 'global', primary, 'set', '^FETCHED(1)', 'late');
      await load(witness);
      await lab.kill(primary);
      const logged = lab.messages(backup).length;
      await lab.on(backup, 'instance', 'start', backup, '--timeout', '30s');
      await lab.untilStatus(backup, 'Primary');
      expect(lab.messages(backup).slice(logged)).toContain('fetched from the agent of');
      expect((await lab.on(backup, 'global', backup, 'get', '^FETCHED(1)')).out).toContain('late');
      await witness.untilWrittenBy(backup);
    }),
);

hostTest('FO-061, alert of 2019-11-04: the same when it is killed on its way to becoming primary', () =>
  witnessed(stage.lab, 'killed while becoming', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.on(backup, 'instance', 'stop', backup);
    await load(witness);
    await lab.kill(primary);
    for (const ms of [0, 30, 80]) {
      const started = lab.tryOn(backup, 'instance', 'start', backup, '--timeout', '2s');
      await lab.until(backup, 'alive', (status) => status !== null);
      await pause(ms);
      await lab.kill(backup);
      await started;
    }
    await lab.on(backup, 'instance', 'start', backup, '--timeout', '30s');
    await lab.untilStatus(backup, 'Primary');
    await witness.untilWrittenBy(backup);
  }),
);

hostTest(
  'FO-002: a home that was copied to another host does not start there, beside the original or instead of it',
  () =>
    witnessed(stage.lab, 'copied home', async (witness, { primary, backup }) => {
      const { lab } = stage;
      const copy = `${lab.homeOf('X')}-copy`;
      cpSync(lab.homeOf(primary), copy, { recursive: true, filter: (path) => !/\.(sock|lock|status)$/.test(path) });
      const start = () => lab.tryOnHome('X', copy, 'instance', 'start', primary, '--timeout', '5s');
      expect(await start()).toMatchObject({ code: 1, err: expect.stringContaining(lab.addresses[primary].host) });
      await witness.untilWrittenBy(primary);
      await lab.hostDown(primary);
      expect((await start()).code).toBe(1);
      await lab.untilStatus(backup, 'Primary');
      await witness.untilWrittenBy(backup);
      expect(await start()).toMatchObject({ code: 1, err: expect.stringContaining(lab.addresses[primary].host) });
      rmSync(copy, { recursive: true });
    }),
);

for (const who of ['backup', 'primary'] as const) {
  hostTest(
    `FO-090, FO-061: the data directory of the ${who} is set back while the other is primary: it fetches what it lacks`,
    () =>
      witnessed(stage.lab, `set back ${who}`, async (witness, roles) => {
        const label: FailoverLabel = roles[who];
        const { lab } = stage;
        const [directory, copy] = [lab.paths(label).directory, `${lab.homeOf(label)}-before`];
        await lab.on(label, 'instance', 'stop', label);
        cpSync(directory, copy, { recursive: true });
        await lab.on(label, 'instance', 'start', label, '--timeout', '30s');
        await load(witness);
        await lab.kill(label);
        rmSync(directory, { recursive: true });
        cpSync(copy, directory, { recursive: true });
        rmSync(copy, { recursive: true });
        expect(existsSync(lab.paths(label).member)).toBe(true);
        await lab.on(label, 'instance', 'start', label, '--timeout', '30s');
        expect((await lab.roles()).backup).toBe(label);
      }),
  );
}
