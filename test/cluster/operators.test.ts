/** What a person, or the site's own code, has to decide: the way out of trouble without a time limit, and ^ZMIRROR. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { connectToMirror, encodeKey } from '../../src/client/main.ts';
import { hasActiveBackup, type Label, pause, qosTimeoutMs } from './lab.ts';
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
    const code = siteOf(backup, 'export const CanNodeStartToBecomePrimary = () => 0;');
    await lab.kill(primary);
    await keptBack(backup, 'FO-067');
    const keptBackMs = performance.now();
    await pause(4 * qosTimeoutMs);
    expect(witness.countSince(keptBackMs)).toBe(0);
    siteOf(backup, 'export const CanNodeStartToBecomePrimary = () => 1;');
    await lab.untilStatus(backup, 'Primary', askedAgainMs);
    await witness.untilWrittenBy(backup);
    rmSync(code);
  }),
);

hostTest(
  'PROC-048, FO-067: meanwhile a person makes the old primary the primary again, and the backup follows it',
  () =>
    witnessed(stage.lab, 'PROC-048 by hand', async (witness, { primary, backup }) => {
      const { lab } = stage;
      const code = siteOf(backup, 'export const CanNodeStartToBecomePrimary = () => 0;');
      await lab.kill(primary);
      await keptBack(backup, 'FO-067');
      await lab.tryOn(primary, 'instance', 'start', primary, '--timeout', '2s');
      await lab.until(primary, 'told what to do', (status) => status?.waitingFor?.includes('gives way') === true);
      await lab.on(primary, 'mirror', 'force-primary', primary, '--confirm', primary);
      await witness.untilWrittenBy(primary);
      await lab.until(backup, 'the backup', (status) => status?.status === 'Backup');
      await lab.until(primary, 'with an active backup', hasActiveBackup);
      rmSync(code);
    }),
);

hostTest(
  'PROC-049, FO-068, FO-069: the door stays shut to everybody until the site lets it be opened; then a client finds itself rolled back',
  () =>
    witnessed(stage.lab, 'PROC-049', async (witness, { primary, backup }) => {
      const { lab } = stage;
      const last = 'export const NotifyBecomePrimary = () => console.log("told last");';
      const code = siteOf(backup, `export const CheckBecomePrimaryOK = () => 0; ${last}`);
      const logged = lab.messages(backup).length;
      const targets = [lab.addresses.A, lab.addresses.B];
      const client = await connectToMirror({ targets, mirror: 'LAB', timeoutMs: 2 * askedAgainMs });
      const session = await client.session();
      const key = encodeKey('OPEN', ['49']);
      await session.begin();
      await session.set(key, Buffer.from('not committed'));
      await lab.kill(primary);
      await keptBack(backup, 'FO-068');
      const keptBackMs = performance.now();
      await pause(4 * qosTimeoutMs);
      expect(witness.countSince(keptBackMs)).toBe(0);
      siteOf(backup, `export const CheckBecomePrimaryOK = () => 1; ${last}`);
      await lab.untilStatus(backup, 'Primary', askedAgainMs);
      await witness.untilWrittenBy(backup);
      await expect(session.set(key, Buffer.from('again'))).rejects.toMatchObject({ code: 'session-lost' });
      await expect(session.commit()).rejects.toMatchObject({ code: 'session-lost' });
      session.close();
      expect(await client.get(key)).toBeNull();
      client.close();
      await lab.until(backup, 'told', () => lab.messages(backup).slice(logged).includes('told last'));
      const words = lab.messages(backup).slice(logged);
      expect(words.indexOf('told last')).toBeGreaterThan(
        words.lastIndexOf('CheckBecomePrimaryOK of zmirror.mjs returned 1'),
      );
      rmSync(code);
    }),
);

/** The site is asked again after 30 s (FO-067, FO-068). */
const askedAgainMs = 45_000;

/** What the site of a member says from now on; the path of its module. */
function siteOf(label: Label, text: string): string {
  const path = join(stage.lab.paths(label).directory, 'zmirror.mjs');
  writeFileSync(path, `${text}\n`);
  return path;
}

async function keptBack(label: Label, rule: string): Promise<void> {
  await stage.lab.until(label, 'kept back', (status) => status?.waitingFor?.includes(rule) === true);
}
