/** What a person, or the site's own code, has to decide: the way out of trouble without a time limit, and ^ZMIRROR. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { pause, qosTimeoutMs } from './lab.ts';
import { hostTest, nobodyServes, useHosts, witnessed } from './stories.ts';

const stage = useHosts();

hostTest('FO-076, FO-036, PROC-028: backup and arbiter are lost for good, and a person lets the primary resume', () =>
  witnessed(stage.lab, 'FO-076', async (witness, { primary, backup }) => {
    const { lab } = stage;
    await lab.cut([primary, backup], [primary, 'X'], [backup, 'X']);
    await Promise.all([lab.hostDown(backup), lab.hostDown('X')]);
    await nobodyServes(lab, witness, { primary, backup });
    await lab.untilStatus(primary, 'In Trouble');
    const refused = await lab.tryOn(primary, 'mirror', 'resume', primary);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('--confirm') });
    const { situation } = JSON.parse((await lab.on(primary, 'mirror', 'resume', primary, '--dry-run', '--json')).out);
    const how = ['--confirm', primary, '--situation', String(situation)];
    await lab.on(primary, 'mirror', 'resume', primary, ...how);
    await witness.untilWrittenBy(primary);
    await lab.heal();
    await Promise.all([lab.hostUp(backup), lab.hostUp('X')]);
    await lab.on(backup, 'instance', 'start', backup, '--timeout', '20s');
    expect(await lab.roles()).toEqual({ primary, backup });
  }),
);

hostTest('PROC-048, FO-067, FO-091: the site keeps the backup from taking over until it allows it', () =>
  witnessed(stage.lab, 'PROC-048', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const code = join(lab.paths(backup).directory, 'zmirror.mjs');
    const answer = (value: number) =>
      writeFileSync(code, `export function CanNodeStartToBecomePrimary() { return ${value}; }\n`);
    answer(0);
    await lab.kill(primary);
    await lab.until(backup, 'kept back', (status) => status?.waitingFor?.includes('FO-067') === true);
    const keptBackMs = performance.now();
    await pause(4 * qosTimeoutMs);
    expect(witness.countSince(keptBackMs)).toBe(0);
    answer(1);
    await lab.untilStatus(backup, 'Primary', 45_000);
    await witness.untilWrittenBy(backup);
    rmSync(code);
  }),
);
