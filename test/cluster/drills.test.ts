/**
 * Planned drills with an async that is promoted: each is the whole story of PROC-013 and PROC-037..041 among real processes, while
 * applications write. Every story ends with the members in the roles of its beginning, so nothing is edited in any file.
 */
import { expect, test } from '@jest/globals';
import type { StatusReport } from '../../src/mirror/status.ts';
import { hasActiveBackup, type Label } from './lab.ts';
import { useLab, witnessed } from './stories.ts';
import type { Witness } from './witness.ts';

const stage = useLab();

/** Three roles change hands by one process after the other. */
const storyMs = 240_000;
const changeMs = 40_000;

async function promote(label: Label): Promise<void> {
  await stage.lab.on(label, 'mirror', 'promote', label, '--confirm', label);
  await stage.lab.until(label, 'a failover member', (status) => status?.type === 'Failover', changeMs);
}

async function start(label: Label): Promise<void> {
  await stage.lab.on(label, 'instance', 'start', label);
}

async function stop(label: Label): Promise<void> {
  await stage.lab.on(label, 'instance', 'stop', label);
}

/** As the primary sees it, and as the backup itself does. */
async function untilPair(primary: Label, backup: Label): Promise<void> {
  const { lab } = stage;
  await lab.until(backup, 'the backup', (status) => status?.status === 'Backup', changeMs);
  await lab.until(primary, 'with an active backup', hasActiveBackup, changeMs);
  const status = await lab.status(primary);
  const pair = status?.members.filter(({ type }) => type === 'Failover').map(({ name }) => name);
  expect({ status: status?.status, pair: pair?.sort() }).toEqual({ status: 'Primary', pair: [primary, backup].sort() });
}

async function untilAsync(label: Label): Promise<void> {
  const isAsync = (now: StatusReport | null) => now?.type === 'Disaster Recovery' && now.status === 'Connected';
  await stage.lab.until(label, 'a connected async', isAsync, changeMs);
}

/** The roles move from one to the other by an orderly stop; whoever was stopped comes back as the backup. */
async function swap(from: Label, to: Label, witness: Witness): Promise<void> {
  await stop(from);
  await witness.untilWrittenBy(to, changeMs);
  await start(from);
  await untilPair(to, from);
}

test(
  'PROC-037, FO-078, FO-083: a planned test of C as primary, and back: B is an async meanwhile',
  async () => {
    await witnessed(stage.lab, 'PROC-037', async (witness, { primary, backup }) => {
      await promote('C');
      await untilAsync(backup);
      await untilPair(primary, 'C');
      await swap(primary, 'C', witness);
      await stop('C');
      await witness.untilWrittenBy(primary, changeMs);
      // C is down and learns only at its start that it is a failover member no longer.
      await promote(backup);
      await untilPair(primary, backup);
      await start('C');
      await untilAsync('C');
    });
  },
  storyMs,
);

test(
  'PROC-037, FO-087: the same without a second failover member: C comes back as backup and is demoted',
  async () => {
    await witnessed(stage.lab, 'PROC-037 alone', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.on(backup, 'mirror', 'demote', backup, '--confirm', backup);
      await untilAsync(backup);
      await promote('C');
      await untilPair(primary, 'C');
      await swap(primary, 'C', witness);
      await swap('C', primary, witness);
      await lab.on('C', 'mirror', 'demote', 'C', '--confirm', 'C');
      await untilAsync('C');
      await promote(backup);
      await untilPair(primary, backup);
    });
  },
  storyMs,
);

test(
  'PROC-038, FO-079: A and B are down, C is promoted by their agents, and hands back to A while it is down itself',
  async () => {
    await witnessed(stage.lab, 'PROC-038', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await stop(backup);
      await lab.until('C', 'connected', (status) => status?.status === 'Connected');
      await stop(primary);
      await lab.until('C', 'without a primary', (status) => status !== null && status.status !== 'Connected');
      await promote('C');
      await witness.untilWrittenBy('C', changeMs);
      await stop('C');
      await start(primary);
      await witness.untilWrittenBy(primary, changeMs);
      await start(backup);
      await untilAsync(backup);
      await promote(backup);
      await untilPair(primary, backup);
      await start('C');
      await untilAsync('C');
    });
  },
  storyMs,
);

test(
  'PROC-039, FO-083: maintenance of B: C stands in for it, and B comes back as an async and is promoted',
  async () => {
    await witnessed(stage.lab, 'PROC-039', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await promote('C');
      await untilAsync(backup);
      await untilPair(primary, 'C');
      await lab.hostDown(backup);
      await witness.untilWritten(100);
      await lab.hostUp(backup);
      await start(backup);
      await untilAsync(backup);
      await promote(backup);
      await untilAsync('C');
      await untilPair(primary, backup);
      expect(witness.lastBy(backup)).toBe(0);
      expect(witness.lastBy('C')).toBe(0);
    });
  },
  storyMs,
);

test(
  'PROC-040, FO-083: maintenance of A: B takes over, C is its backup, and A comes back as an async and is promoted',
  async () => {
    await witnessed(stage.lab, 'PROC-040', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await stop(primary);
      await witness.untilWrittenBy(backup, changeMs);
      await promote('C');
      await untilPair(backup, 'C');
      await lab.hostDown(primary);
      await witness.untilWritten(100);
      await lab.hostUp(primary);
      await start(primary);
      await untilAsync(primary);
      await promote(primary);
      await untilAsync('C');
      await untilPair(backup, primary);
      await swap(backup, primary, witness);
    });
  },
  storyMs,
);

test(
  'PROC-041, FO-083: the host of the primary is lost without a plan: C stands in, and A comes back without any edit',
  async () => {
    await witnessed(stage.lab, 'PROC-041', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.hostDown(primary);
      await witness.untilWrittenBy(backup, changeMs);
      await promote('C');
      await untilPair(backup, 'C');
      await witness.untilWritten(100);
      await lab.hostUp(primary);
      await start(primary);
      await untilAsync(primary);
      await promote(primary);
      await untilPair(backup, primary);
      await untilAsync('C');
      await swap(backup, primary, witness);
    });
  },
  storyMs,
);

test(
  'PROC-013, FO-087: B is demoted before its maintenance, so A becomes primary without it; B is promoted back',
  async () => {
    await witnessed(stage.lab, 'PROC-013', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await lab.on(backup, 'mirror', 'demote', backup, '--confirm', backup);
      await untilAsync(backup);
      await lab.hostDown(backup);
      await stop(primary);
      await start(primary);
      await witness.untilWrittenBy(primary, changeMs);
      await lab.hostUp(backup);
      await start(backup);
      await untilAsync(backup);
      await promote(backup);
      await untilPair(primary, backup);
    });
  },
  storyMs,
);
