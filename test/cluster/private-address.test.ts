/**
 * FO-086: the links of a DR async that is promoted. As an async it reached the primary at its superserver address, if need be; as a failover
 * member it needs the mirror private addresses, and without them it is no backup, and primary only by the journal data of an agent.
 */
import { expect } from '@jest/globals';
import { HostLab } from './host-lab.ts';
import { type FailoverLabel, hasActiveBackup, type Label } from './lab.ts';
import { changeMs, promote, start, swap, untilAsync, untilPair } from './role-moves.ts';
import { hostTest, useHosts, witnessed } from './stories.ts';
import type { Witness } from './witness.ts';

const stage = useHosts(1500, () => new HostLab({ isPrivate: true }));

/** The roles of the beginning, from a pair of C and this member. */
async function giveBack(primary: FailoverLabel, backup: FailoverLabel, witness: Witness): Promise<void> {
  const { lab } = stage;
  await swap(lab, 'C', primary, witness);
  await promote(lab, backup);
  await untilPair(lab, primary, backup);
  await untilAsync(lab, 'C');
}

/** How journal data goes to this member. */
async function compressionTo(label: Label, primary: FailoverLabel): Promise<string | undefined> {
  const members = (await stage.lab.status(primary))?.members ?? [];
  return members.find(({ name }) => name === label)?.compression?.type ?? undefined;
}

hostTest(
  'FO-086, CFG-061, FO-024: promoted without the private network it is no backup and says why, is primary later by the agent of the other, and then that one is none',
  () =>
    witnessed(stage.lab, 'FO-086', async (witness, { primary, backup }) => {
      const { lab } = stage;
      for (const label of [primary, backup]) lab.network.cutPrivate(label, 'C');
      await lab.until('C', 'without its primary', (now) => now !== null && now.status !== 'Connected', changeMs);
      await untilAsync(lab, 'C');
      await promote(lab, 'C');
      await untilAsync(lab, backup);
      const needs = (of: FailoverLabel | 'C') => `its private address ${lab.network.privateAddressOf(of)}`;
      const isTold = (text: string | null | undefined) =>
        text?.includes(`${primary} runs as primary, by its agent`) === true && text.includes(needs(primary));
      const waits = await lab.until('C', 'waiting', (now) => isTold(now?.waitingFor));
      expect(waits).toMatchObject({ type: 'Failover', status: 'Waiting' });
      await witness.untilWritten(100);
      expect(hasActiveBackup(await lab.status(primary))).toBe(false);
      expect((await lab.status('C'))?.status).toBe('Waiting');
      await lab.kill(primary);
      await witness.untilWrittenBy('C', changeMs);
      await untilAsync(lab, backup);
      expect((await lab.tryOn(primary, 'instance', 'start', primary, '--timeout', '1s')).code).toBe(5);
      await lab.until(primary, 'waiting', (now) => now?.waitingFor?.includes(needs('C')) === true);
      await witness.untilWrittenBy('C');
      for (const label of [primary, backup]) lab.network.mendPrivate(label, 'C');
      await untilPair(lab, 'C', primary);
      await giveBack(primary, backup, witness);
    }),
);

hostTest(
  'FO-086: promoted with the private network it is an active backup, is sent journal data as failover members are, and takes over',
  () =>
    witnessed(stage.lab, 'FO-086 private', async (witness, { primary, backup }) => {
      const { lab } = stage;
      const compress = (failover: string, asyncs: string) =>
        lab.on(primary, 'mirror', 'edit', primary, '--compression-failover', failover, '--compression-async', asyncs);
      await compress('lz4', 'zlib');
      await witness.untilWritten();
      expect(await compressionTo('C', primary)).toBe('zlib');
      await promote(lab, 'C');
      await untilAsync(lab, backup);
      await untilPair(lab, primary, 'C');
      expect(await compressionTo('C', primary)).toBe('lz4');
      expect(await compressionTo(backup, primary)).toBe('zlib');
      await lab.kill(primary);
      await witness.untilWrittenBy('C', changeMs);
      await start(lab, primary);
      await untilPair(lab, 'C', primary);
      await giveBack(primary, backup, witness);
    }),
);
