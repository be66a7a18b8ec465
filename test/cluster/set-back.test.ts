/**
 * FO-090: the disk of a whole host is set back to an older state of itself, as by restoring a snapshot of a machine that was switched off
 * (docs/decisions/0049). What any other failover member has must not be lost by it; what a person gives up by force is rebuilt.
 */
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import type { FailoverLabel, Label } from './lab.ts';
import { changeMs, loseBoth, start, untilAsync, untilPair } from './role-moves.ts';
import { hostTest, useHosts, witnessed } from './stories.ts';
import type { Witness } from './witness.ts';

/** A host stands still while its disk is copied, and that must not look like a failure. */
const stage = useHosts(2000);

/** What is on the disk of a host at this moment, with the marks of processes that run; what it gives sets the disk back to that. */
function snapshot(label: FailoverLabel): () => void {
  const { lab } = stage;
  const [home, copy] = [lab.homeOf(label), `${lab.homeOf(label)}-snapshot`];
  rmSync(copy, { recursive: true, force: true });
  lab.freezeAgent(label);
  lab.freeze(label);
  cpSync(home, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
  lab.thawAll();
  return () => {
    rmSync(home, { recursive: true });
    cpSync(copy, home, { recursive: true });
  };
}

/** It has no proof that nobody leads, does not lead, and says whose agent is missing. */
async function startsWaiting(label: FailoverLabel, other: FailoverLabel): Promise<void> {
  const { lab } = stage;
  expect((await lab.tryOn(label, 'instance', 'start', label, '--timeout', '1s')).code).toBe(5);
  const { waitingFor } = (await lab.untilStatus(label, 'Waiting')) ?? {};
  expect(waitingFor).toContain(`start ${other} or its agent, or use Force this node to become the primary`);
}

async function serves(label: FailoverLabel, witness: Witness): Promise<void> {
  await stage.lab.untilStatus(label, 'Primary', changeMs);
  await witness.untilWrittenBy(label);
}

async function areEqual(primary: Label): Promise<void> {
  await stage.lab.on(primary, 'verify', primary);
}

hostTest(
  'FO-090, FO-061: both hosts are lost and that of the primary is set back within its reign: it fetches what it lacks of that from the agent of the other',
  () =>
    witnessed(stage.lab, 'FO-090 fetches', async (witness, { primary, backup }) => {
      const { lab } = stage;
      const setBack = snapshot(primary);
      await witness.untilWritten(200);
      await loseBoth(lab, primary, backup);
      setBack();
      await lab.hostUp(primary);
      await startsWaiting(primary, backup);
      await lab.hostUp(backup);
      await serves(primary, witness);
      expect(lab.messages(primary)).toContain(`${primary} was the primary of epoch`);
      await start(lab, backup);
      await untilPair(lab, primary, backup);
      await areEqual(primary);
    }),
);

hostTest(
  'FO-090, FO-061: the same, and the other starts first: it has more of that reign than its owner, and the owner follows',
  () =>
    witnessed(stage.lab, 'FO-090 follows', async (witness, { primary, backup }) => {
      const { lab } = stage;
      const setBack = snapshot(primary);
      await witness.untilWritten(200);
      await loseBoth(lab, primary, backup);
      setBack();
      await lab.hostUp(backup);
      await startsWaiting(backup, primary);
      await lab.hostUp(primary);
      await serves(backup, witness);
      await start(lab, primary);
      await untilPair(lab, backup, primary);
      await areEqual(backup);
    }),
);

hostTest(
  'FO-090, FO-062: set back to its own reign while the other reigns: cut off it is no second primary, and then it follows',
  () =>
    witnessed(stage.lab, 'FO-090 later reign', async (witness, { primary, backup }) => {
      const { lab } = stage;
      const setBack = snapshot(primary);
      await witness.untilWritten(100);
      await lab.hostDown(primary);
      await serves(backup, witness);
      setBack();
      await lab.hostUp(primary);
      lab.network.unplug(primary);
      await startsWaiting(primary, backup);
      await witness.untilWrittenBy(backup);
      lab.network.plug(primary);
      await untilPair(lab, backup, primary);
      await areEqual(backup);
    }),
);

hostTest(
  'FO-090, FO-061: an active backup that was set back and is active by its disk fetches what it lacks before it takes over',
  () =>
    witnessed(stage.lab, 'FO-090 backup', async (witness, { primary, backup }) => {
      const { lab } = stage;
      const setBack = snapshot(backup);
      await witness.untilWritten(200);
      lab.freeze(primary);
      await lab.hostDown(backup);
      await lab.kill(primary);
      setBack();
      const logged = lab.messages(backup).length;
      await lab.hostUp(backup);
      await start(lab, backup);
      await serves(backup, witness);
      expect(lab.messages(backup).slice(logged)).toContain('fetched from the agent of');
      await start(lab, primary);
      await untilPair(lab, backup, primary);
      await areEqual(backup);
    }),
);

// Without a witness: what was acknowledged and is not on the old disk is what a person gives up by force.
hostTest(
  'FO-090, FO-088, FO-089: forced on its old disk, while the other has had two reigns since: it stays primary, the others halt and are rebuilt',
  async () => {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    const set = (label: Label, reference: string) => lab.on(label, 'global', label, 'set', reference, 'written');
    const has = async (label: Label, reference: string) =>
      JSON.parse((await lab.on(label, 'global', label, 'get', reference, '--json')).out).value === 'written';
    await set(primary, '^BEFORE');
    const setBack = snapshot(primary);
    await lab.kill(primary);
    await lab.untilStatus(backup, 'Primary', changeMs);
    await lab.kill(backup);
    await start(lab, backup);
    await lab.untilStatus(backup, 'Primary', changeMs);
    await lab.hostDown(primary);
    await set(backup, '^LATE');
    await untilAsync(lab, 'C');
    // A copy holds what was applied before it: from here on the databases on the disk hold it, too.
    for (const label of [backup, 'C'] as const) {
      await lab.until(label, 'caught up', (status) => status !== null);
      await lab.on(label, 'database', 'backup', label, 'DATA', '--to', join(lab.homeOf(label), 'copy'));
      expect(await has(label, '^LATE')).toBe(true);
    }
    for (const label of [backup, 'C'] as const) await lab.hostDown(label);
    setBack();
    await lab.hostUp(primary);
    await startsWaiting(primary, backup);
    await lab.on(primary, 'mirror', 'force-primary', primary, '--confirm', primary);
    await lab.untilStatus(primary, 'Primary', changeMs);
    expect([await has(primary, '^BEFORE'), await has(primary, '^LATE')]).toEqual([true, false]);
    await set(primary, '^AFTER');
    for (const label of [backup, 'C'] as const) {
      await lab.hostUp(label);
      expect((await lab.tryOn(label, 'instance', 'start', label, '--timeout', '1s')).code).toBe(5);
      const { waitingFor } = (await lab.untilStatus(label, 'Crashed', changeMs)) ?? {};
      expect(waitingFor).toContain('rebuild it from the primary (caretmirror mirror rebuild)');
      expect(lab.messages(label)).toContain('inconsistent with the mirror');
      expect((await lab.status(primary))?.status).toBe('Primary');
      await lab.on(label, 'mirror', 'rebuild', label, '--confirm', label);
      expect([await has(label, '^AFTER'), await has(label, '^LATE')]).toEqual([true, false]);
      expect((await lab.on(label, 'lost', 'show', label)).out).toContain('^LATE');
    }
    await untilPair(lab, primary, backup);
    await areEqual(primary);
  },
);
