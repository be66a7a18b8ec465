/**
 * Planned drills with an async that is promoted: each is the whole story of PROC-013 and PROC-037..041 among real processes, while
 * applications write. Every story ends with the members in the roles of its beginning, so nothing is edited in any file.
 */
import { expect, test } from '@jest/globals';
import { changeMs, promote, start, stop, storyMs, swap, untilAsync, untilPair } from './role-moves.ts';
import { useLab, witnessed } from './stories.ts';

const stage = useLab();

test(
  'PROC-037, FO-078, FO-083: a planned test of C as primary, and back: B is an async meanwhile',
  async () => {
    await witnessed(stage.lab, 'PROC-037', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await promote(lab, 'C');
      await untilAsync(lab, backup);
      await untilPair(lab, primary, 'C');
      await swap(lab, primary, 'C', witness);
      await stop(lab, 'C');
      await witness.untilWrittenBy(primary, changeMs);
      // C is down and learns only at its start that it is a failover member no longer.
      await promote(lab, backup);
      await untilPair(lab, primary, backup);
      await start(lab, 'C');
      await untilAsync(lab, 'C');
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
      await untilAsync(lab, backup);
      await promote(lab, 'C');
      await untilPair(lab, primary, 'C');
      await swap(lab, primary, 'C', witness);
      await swap(lab, 'C', primary, witness);
      await lab.on('C', 'mirror', 'demote', 'C', '--confirm', 'C');
      await untilAsync(lab, 'C');
      await promote(lab, backup);
      await untilPair(lab, primary, backup);
    });
  },
  storyMs,
);

test(
  'PROC-038, FO-079: A and B are down, C is promoted by their agents, and hands back to A while it is down itself',
  async () => {
    await witnessed(stage.lab, 'PROC-038', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await stop(lab, backup);
      await lab.until('C', 'connected', (status) => status?.status === 'Connected');
      await stop(lab, primary);
      await lab.until('C', 'without a primary', (status) => status !== null && status.status !== 'Connected');
      await promote(lab, 'C');
      await witness.untilWrittenBy('C', changeMs);
      await stop(lab, 'C');
      await start(lab, primary);
      await witness.untilWrittenBy(primary, changeMs);
      await start(lab, backup);
      await untilAsync(lab, backup);
      await promote(lab, backup);
      await untilPair(lab, primary, backup);
      await start(lab, 'C');
      await untilAsync(lab, 'C');
    });
  },
  storyMs,
);

test(
  'PROC-039, FO-083: maintenance of B: C stands in for it, and B comes back as an async and is promoted',
  async () => {
    await witnessed(stage.lab, 'PROC-039', async (witness, { primary, backup }) => {
      const { lab } = stage;
      await promote(lab, 'C');
      await untilAsync(lab, backup);
      await untilPair(lab, primary, 'C');
      await lab.hostDown(backup);
      await witness.untilWritten(100);
      await lab.hostUp(backup);
      await start(lab, backup);
      await untilAsync(lab, backup);
      await promote(lab, backup);
      await untilAsync(lab, 'C');
      await untilPair(lab, primary, backup);
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
      await stop(lab, primary);
      await witness.untilWrittenBy(backup, changeMs);
      await promote(lab, 'C');
      await untilPair(lab, backup, 'C');
      await lab.hostDown(primary);
      await witness.untilWritten(100);
      await lab.hostUp(primary);
      await start(lab, primary);
      await untilAsync(lab, primary);
      await promote(lab, primary);
      await untilAsync(lab, 'C');
      await untilPair(lab, backup, primary);
      await swap(lab, backup, primary, witness);
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
      await untilAsync(lab, 'C');
      await promote(lab, 'C');
      await untilPair(lab, backup, 'C');
      await witness.untilWritten(100);
      await lab.hostUp(primary);
      await start(lab, primary);
      await untilAsync(lab, primary);
      await promote(lab, primary);
      await untilPair(lab, backup, primary);
      await untilAsync(lab, 'C');
      await swap(lab, backup, primary, witness);
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
      await untilAsync(lab, backup);
      await lab.hostDown(backup);
      await stop(lab, primary);
      await start(lab, primary);
      await witness.untilWrittenBy(primary, changeMs);
      await lab.hostUp(backup);
      await start(lab, backup);
      await untilAsync(lab, backup);
      await promote(lab, backup);
      await untilPair(lab, primary, backup);
    });
  },
  storyMs,
);
