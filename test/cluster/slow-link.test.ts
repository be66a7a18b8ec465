/** Hosts far from each other: every frame takes 50 ms from host to host and one in twenty is lost. */
import { beforeAll, expect } from '@jest/globals';
import { whyNoHosts } from './hosts.ts';
import { hasActiveBackup, pause } from './lab.ts';
import { hostTest, untilMode, useHosts, witnessed } from './stories.ts';

const qosMs = 2000;
const stage = useHosts(qosMs);
const framesForOneLost = 20;

// Half of it on either host's own cable.
if (whyNoHosts() === null) beforeAll(() => stage.lab.network.delay(['A', 'B', 'X'], 25));

hostTest('FO-010: 50 ms and 5 % loss for 30 s at a QoS timeout of 2000 ms are no reason for a failover', () =>
  witnessed(stage.lab, 'slow link', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const beganMs = Date.now();
    lab.network.loseOneIn(framesForOneLost);
    await pause(30_000);
    expect(await lab.roles()).toEqual({ primary, backup });
    const lost = [primary, backup].flatMap((label) =>
      lab
        .eventsSince(label, beganMs)
        .filter(({ what }) => /^lost(?! the arbiter)|primary|trouble|takes over/.test(what)),
    );
    expect(lost).toEqual([]);
    // A word to the arbiter and the answer to it may both have to be sent again: seldom, its session is lost, and made anew.
    await untilMode(lab, 'Arbiter Controlled');
    await witness.untilWrittenBy(primary);
  }),
);

hostTest('FO-053, FO-039: over the same links the backup takes over when the host of the primary is lost', () =>
  witnessed(stage.lab, 'slow takeover', async (witness, { primary, backup }) => {
    const { lab } = stage;
    lab.network.loseOneIn(framesForOneLost);
    await lab.until(primary, 'with an active backup', hasActiveBackup);
    await lab.hostDown(primary);
    await lab.untilStatus(backup, 'Primary', 20_000);
    await witness.untilWrittenBy(backup);
  }),
);
