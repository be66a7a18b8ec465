/** A minute of standing still; in a file of its own, so that other scenarios go on meanwhile. */
import { expect } from '@jest/globals';
import { pause } from './lab.ts';
import { hostTest, useHosts, witnessed } from './stories.ts';

const stage = useHosts();

hostTest(
  'FO-009, FO-038, PROC-020: primary and agent stand still for 60 s while the backup serves; then the old primary goes down',
  () =>
    witnessed(stage.lab, 'FO-009 60 s', async (witness, { primary, backup }) => {
      const { lab } = stage;
      lab.freeze(primary);
      lab.freezeAgent(primary);
      await lab.untilStatus(backup, 'Primary');
      await witness.untilWrittenBy(backup);
      await pause(60_000);
      const thawnMs = performance.now();
      lab.thawAll();
      await lab.untilStatus(primary, 'Down');
      await witness.untilWrittenBy(backup);
      expect(witness.lastBy(primary)).toBeLessThan(thawnMs + 1000);
    }),
  240_000,
);
