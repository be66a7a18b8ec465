/**
 * Both failover members are lost and the async C is promoted (PROC-033 to PROC-036, PROC-042): with a partner of which only the agent is
 * left, with one that has to come back first, or with none. What is asked for each time: C has all that could be had, the former
 * failover members come back without an edit in any file, and each ends in the role of the beginning.
 */
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { hasActiveBackup, isCaughtUp, type Label } from './lab.ts';
import {
  changeMs,
  copyJournal,
  loseBoth,
  promote,
  start,
  stop,
  storyMs,
  swap,
  untilAsync,
  untilPair,
} from './role-moves.ts';
import { useLab, witnessed } from './stories.ts';

/** Nothing here is about how fast it goes, and processors that are short must look like no failure. */
const stage = useLab(4000);

interface Shown {
  readonly promotion: {
    readonly own: { readonly sequence: number };
    readonly newest: { readonly sequence: number };
    readonly records: number;
    readonly unreachable: readonly string[];
  };
}

/** What an operator is shown before; nothing is done. */
async function shownBefore(label: Label): Promise<Shown['promotion']> {
  const { out } = await stage.lab.on(label, 'mirror', 'promote', label, '--dry-run', '--json');
  return (JSON.parse(out) as Shown).promotion;
}

/** Without a word about the partner it is done only where nobody has to be chosen (FO-080). */
async function mustChoose(label: Label, ...missing: readonly Label[]): Promise<void> {
  const refused = await stage.lab.tryOn(label, 'mirror', 'promote', label, '--confirm', label);
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('choose the failover partner') });
  for (const name of missing) expect(refused.err).toContain(name);
}

/** It has seen that nobody leads any more. */
async function untilAlone(label: Label): Promise<void> {
  await stage.lab.until(label, 'without a primary', (now) => now !== null && now.status !== 'Connected', changeMs);
}

async function set(label: Label, reference: string, value: string): Promise<void> {
  await stage.lab.on(label, 'global', label, 'set', reference, value);
}

async function valueOn(label: Label, reference: string): Promise<string | null> {
  return JSON.parse((await stage.lab.on(label, 'global', label, 'get', reference, '--json')).out).value;
}

/** The roles of the beginning, from C as the only failover member and the others as its asyncs. */
async function giveBack(primary: Label, backup: Label): Promise<void> {
  const { lab } = stage;
  await promote(lab, primary);
  await untilPair(lab, 'C', primary);
  await stop(lab, 'C');
  await lab.untilStatus(primary, 'Primary', changeMs);
  await start(lab, 'C');
  await untilPair(lab, primary, 'C');
  await promote(lab, backup);
  await untilPair(lab, primary, backup);
  await untilAsync(lab, 'C');
}

test(
  'PROC-033, FO-082, FO-083: both hosts are lost: C becomes primary with what it has, and both come back as asyncs without an edit',
  async () => {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    await set(primary, '^BEFORE', 'loss');
    await lab.until('C', 'caught up', isCaughtUp);
    await loseBoth(lab, primary, backup);
    await untilAlone('C');
    expect((await shownBefore('C')).unreachable.toSorted()).toEqual(['A', 'B']);
    await mustChoose('C', primary, backup);
    expect((await lab.status('C'))?.type).toBe('Disaster Recovery');
    const said = await promote(lab, 'C', '--partner', 'none');
    expect(said).toMatch(/Not reached: (A, B|B, A)/);
    await lab.untilStatus('C', 'Primary', changeMs);
    expect(await valueOn('C', '^BEFORE')).toBe('loss');
    await set('C', '^DURING', 'alone');
    for (const label of [primary, backup]) {
      await lab.hostUp(label);
      await start(lab, label);
      await untilAsync(lab, label);
      await lab.until(label, 'caught up', isCaughtUp);
      expect(await valueOn(label, '^DURING')).toBe('alone');
    }
    await giveBack(primary, backup);
  },
  storyMs,
);

test(
  'PROC-033, FO-088, FO-089: what C lacked is in the databases of the lost ones: they halt, and are rebuilt from C',
  async () => {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    await lab.until('C', 'caught up', isCaughtUp);
    await lab.cut(['A', 'C'], ['B', 'C']);
    await untilAlone('C');
    await set(primary, '^UNSEEN', 'by C');
    // A copy holds what was applied before it: from here on the databases on the disk hold it, too.
    for (const label of [primary, backup])
      await lab.on(label, 'database', 'backup', label, 'DATA', '--to', join(lab.homeOf(label), 'copy-33'));
    await loseBoth(lab, primary, backup);
    await lab.heal(['A', 'C']);
    await lab.heal(['B', 'C']);
    await promote(lab, 'C', '--partner', 'none');
    await lab.untilStatus('C', 'Primary', changeMs);
    expect(await valueOn('C', '^UNSEEN')).toBeNull();
    for (const label of [primary, backup]) {
      await lab.hostUp(label);
      expect((await lab.tryOn(label, 'instance', 'start', label, '--timeout', '20s')).code).toBe(5);
      await lab.untilStatus(label, 'Crashed', changeMs);
      expect((await lab.status('C'))?.status).toBe('Primary');
      await lab.on(label, 'mirror', 'rebuild', label, '--confirm', label);
      await untilAsync(lab, label);
      expect((await lab.on(label, 'lost', 'show', label)).out).toContain('^UNSEEN');
      expect(await valueOn(label, '^UNSEEN')).toBeNull();
    }
    await giveBack(primary, backup);
  },
  storyMs,
);

test(
  'PROC-034, FO-080, FO-081: the host of B is lost and A is dead, its agent alive: C has the latest data by A as its partner',
  async () => {
    await witnessed(stage.lab, 'PROC-034', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.hostDown(backup);
      await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
      await lab.cut([primary, 'C']);
      await witness.untilWrittenBy(primary);
      await witness.untilWritten(100);
      await lab.kill(primary);
      await lab.heal([primary, 'C']);
      await untilAlone('C');
      const { records, unreachable } = await shownBefore('C');
      // Some of the hundred may have been under way in the sockets when the link was cut.
      expect(records).toBeGreaterThan(0);
      expect(unreachable).toEqual([backup]);
      await mustChoose('C', backup);
      await promote(lab, 'C', '--partner', primary);
      await witness.untilWrittenBy('C', changeMs);
      await start(lab, primary);
      await untilPair(lab, 'C', primary);
      await lab.hostUp(backup);
      await start(lab, backup);
      await untilAsync(lab, backup);
      await swap(lab, 'C', primary, witness);
      await promote(lab, backup);
      await untilPair(lab, primary, backup);
      await untilAsync(lab, 'C');
    });
  },
  storyMs,
);

test(
  'PROC-034, FO-081, FO-083: the host of A is lost, B was active and is dead, its agent alive: C is paired with B and nothing is lost',
  async () => {
    await witnessed(stage.lab, 'PROC-034 backup', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.cut(['A', 'C'], ['B', 'C']);
      await witness.untilWritten(100);
      lab.freeze(primary);
      await lab.kill(backup);
      await lab.hostDown(primary);
      await lab.heal(['A', 'C']);
      await lab.heal(['B', 'C']);
      await untilAlone('C');
      const { records, unreachable } = await shownBefore('C');
      // Some of the hundred may have been under way in the sockets when the link was cut.
      expect(records).toBeGreaterThan(0);
      expect(unreachable).toEqual([primary]);
      await mustChoose('C', primary);
      await promote(lab, 'C', '--partner', backup);
      await witness.untilWrittenBy('C', changeMs);
      await start(lab, backup);
      await untilPair(lab, 'C', backup);
      await lab.hostUp(primary);
      await start(lab, primary);
      await untilAsync(lab, primary);
      await swap(lab, 'C', backup, witness);
      await promote(lab, primary);
      await untilPair(lab, backup, primary);
      await untilAsync(lab, 'C');
    });
  },
  storyMs,
);

test(
  'PROC-036, FO-081: the host of the chosen partner is lost: C waits for it, whatever the other agent says, and then has its data',
  async () => {
    await witnessed(stage.lab, 'FO-081 waits', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.cut(['A', 'C'], ['B', 'C']);
      await witness.untilWritten(100);
      lab.freeze(primary);
      await lab.kill(backup);
      await lab.hostDown(primary);
      await lab.heal(['A', 'C']);
      await lab.heal(['B', 'C']);
      await untilAlone('C');
      await promote(lab, 'C', '--partner', primary);
      const waiting = await lab.until(
        'C',
        `waiting for ${primary}`,
        (now) => now?.waitingFor?.includes(primary) === true,
      );
      expect(waiting?.status).not.toBe('Primary');
      await lab.hostUp(primary);
      await witness.untilWrittenBy('C', changeMs);
      await start(lab, primary);
      await untilPair(lab, 'C', primary);
      await start(lab, backup);
      await untilAsync(lab, backup);
      await swap(lab, 'C', primary, witness);
      await promote(lab, backup);
      await untilPair(lab, primary, backup);
      await untilAsync(lab, 'C');
    });
  },
  storyMs,
);

test(
  'PROC-036, FO-083, FO-084: a former primary that was not reached starts where it cannot hear C: its former partner tells it, and it does not lead',
  async () => {
    await witnessed(stage.lab, 'PROC-036', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.hostDown(primary);
      await witness.untilWrittenBy(backup, changeMs);
      await lab.until('C', `an async of ${backup}`, (now) => now?.status === 'Connected' && now.primary === backup);
      await lab.kill(backup);
      await untilAlone('C');
      const said = await promote(lab, 'C', '--partner', backup);
      expect(said).toContain(`Not reached: ${primary}.`);
      await witness.untilWrittenBy('C', changeMs);
      await lab.cut([primary, 'C']);
      await lab.hostUp(primary);
      // It was a failover member when it went down, and nobody has edited anything.
      expect((await lab.tryOn(primary, 'instance', 'start', primary, '--timeout', '5s')).code).toBe(5);
      await lab.until(primary, 'an async by the word of the other agent', (now) => now?.type === 'Disaster Recovery');
      expect((await lab.status(primary))?.status).not.toBe('Primary');
      await witness.untilWrittenBy('C');
      await lab.heal();
      await untilAsync(lab, primary);
      await start(lab, backup);
      await untilPair(lab, 'C', backup);
      await swap(lab, 'C', backup, witness);
      await promote(lab, primary);
      await untilPair(lab, backup, primary);
      await untilAsync(lab, 'C');
    });
  },
  storyMs,
);

test(
  'PROC-042, FO-082: with a no-failover hold C stops just before it becomes primary, until the hold is cleared',
  async () => {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    await set(primary, '^BEFORE', 'hold');
    await lab.until('C', 'caught up', isCaughtUp);
    await loseBoth(lab, primary, backup);
    await untilAlone('C');
    await promote(lab, 'C', '--partner', 'none', '--hold');
    const held = await lab.until('C', 'held', (now) => now?.waitingFor?.includes('no failover is set') === true);
    expect(held).toMatchObject({ type: 'Failover', noFailover: true });
    expect((await lab.tryOn('C', 'wait', 'C', '--for', 'primary', '--timeout', '3s')).code).toBe(5);
    await lab.on('C', 'mirror', 'no-failover', 'C', 'off');
    await lab.untilStatus('C', 'Primary', changeMs);
    expect(await valueOn('C', '^BEFORE')).toBe('hold');
    for (const label of [primary, backup]) {
      await lab.hostUp(label);
      await start(lab, label);
      await untilAsync(lab, label);
    }
    await giveBack(primary, backup);
  },
  storyMs,
);

test(
  'PROC-035, FO-082: both hosts are lost and the journal files of A are at hand: copied to C before it is promoted without a partner, nothing is lost',
  async () => {
    await witnessed(stage.lab, 'PROC-035', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.cut(['A', 'C'], ['B', 'C']);
      await witness.untilWritten(100);
      // The roles change while C is away, so it lacks a whole file and the end of another.
      await stop(lab, primary);
      await witness.untilWrittenBy(backup, changeMs);
      await start(lab, primary);
      await untilPair(lab, backup, primary);
      await witness.untilWritten(100);
      await loseBoth(lab, backup, primary);
      await lab.on('C', 'instance', 'stop', 'C');
      expect(copyJournal(lab, backup, 'C').length).toBeGreaterThan(1);
      await lab.tryOn('C', 'instance', 'start', 'C', '--timeout', '5s');
      await promote(lab, 'C', '--partner', 'none');
      await witness.untilWrittenBy('C', changeMs);
      await lab.heal();
      // The one whose files were used first.
      for (const label of [backup, primary]) {
        await lab.hostUp(label);
        await start(lab, label);
        await untilAsync(lab, label);
      }
      await giveBack(primary, backup);
    });
  },
  storyMs,
);
