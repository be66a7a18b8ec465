/**
 * Links that lose what goes one way only: the seven combinations in each direction, whose outcome is that of the whole link
 * lost, and nobody who still hears the others may take that for being heard.
 */
import { expect } from '@jest/globals';
import type { Direction } from './hosts.ts';
import { type FailoverLabel, hasActiveBackup, qosTimeoutMs } from './lab.ts';
import { hostTest, nobodyServes, untilMode, useHosts, witnessed } from './stories.ts';

const stage = useHosts();
type Lost = (primary: FailoverLabel, backup: FailoverLabel) => readonly Direction[];

const primaryStays: readonly (readonly [title: string, lost: Lost])[] = [
  ['FO-042: the arbiter does not hear the backup', (_p, b) => [[b, 'X']]],
  ['FO-042: the backup does not hear the arbiter', (_p, b) => [['X', b]]],
  ['FO-043: the arbiter does not hear the primary', (p) => [[p, 'X']]],
  ['FO-043: the primary does not hear the arbiter', (p) => [['X', p]]],
  ['FO-044, FO-012: the backup does not hear the primary', (p, b) => [[p, b]]],
  ['FO-044, FO-011: the primary does not hear the backup', (p, b) => [[b, p]]],
  [
    'FO-045: nobody hears the arbiter',
    (p, b) => [
      ['X', p],
      ['X', b],
    ],
  ],
  [
    'FO-045, FO-013: the arbiter hears nobody',
    (p, b) => [
      [p, 'X'],
      [b, 'X'],
    ],
  ],
  [
    'FO-046: the backup hears nobody',
    (p, b) => [
      [p, b],
      ['X', b],
    ],
  ],
  [
    'FO-046: nobody hears the backup',
    (p, b) => [
      [b, p],
      [b, 'X'],
    ],
  ],
];

for (const [title, lost] of primaryStays) {
  hostTest(`${title}; the primary stays and goes on`, () =>
    witnessed(stage.lab, title, async (witness, { primary, backup }) => {
      const { lab } = stage;
      lab.cutOneWay(...lost(primary, backup));
      await lab.until(primary, 'agent controlled', (status) => status?.failoverMode === 'Agent Controlled');
      await witness.untilWrittenBy(primary);
      expect((await lab.status(backup))?.status).not.toBe('Primary');
      await lab.heal();
      await lab.until(primary, 'with an active backup', hasActiveBackup);
      await untilMode(lab, 'Arbiter Controlled');
      expect(await lab.roles()).toEqual({ primary, backup });
    }),
  );
}

const backupTakesOver: readonly (readonly [title: string, lost: Lost])[] = [
  [
    'FO-047, FO-036: nobody hears the primary, which hears them all',
    (p, b) => [
      [p, b],
      [p, 'X'],
    ],
  ],
  [
    'FO-047, FO-036, FO-040: the primary hears nobody, and both others hear it',
    (p, b) => [
      [b, p],
      ['X', p],
    ],
  ],
];

for (const [title, lost] of backupTakesOver) {
  hostTest(`${title}; the backup takes over, and the old primary stops`, () =>
    witnessed(stage.lab, title, async (witness, { primary, backup }) => {
      const { lab } = stage;
      lab.cutOneWay(...lost(primary, backup));
      await lab.untilStatus(backup, 'Primary');
      await witness.untilWrittenBy(backup);
      await lab.heal();
      await lab.untilStatus(primary, 'Down');
    }),
  );
}

hostTest(
  'FO-048, FO-037: nobody hears the primary and the arbiter hears nobody; the primary resumes when it is heard again',
  () =>
    witnessed(stage.lab, 'FO-048 one way', async (witness, { primary, backup }) => {
      const { lab } = stage;
      lab.cutOneWay([primary, backup], [primary, 'X'], [backup, 'X']);
      await lab.until(backup, 'without its primary', (status) => status?.status !== 'Backup');
      await nobodyServes(lab, witness, { primary, backup });
      await lab.heal([primary, backup]);
      await witness.untilWrittenBy(primary);
    }),
);

hostTest(
  'FO-048, FO-037: only what the primary says to the others is heard; it resumes when it hears the backup again',
  () =>
    witnessed(stage.lab, 'FO-048 the other way', async (witness, { primary, backup }) => {
      const { lab } = stage;
      lab.cutOneWay([backup, primary], ['X', primary], [backup, 'X'], ['X', backup]);
      await nobodyServes(lab, witness, { primary, backup });
      await lab.heal([primary, backup]);
      await witness.untilWrittenBy(primary);
    }),
);

hostTest('FO-010: one way lost for less than half the QoS timeout changes nothing', () =>
  witnessed(stage.lab, 'FO-010 one way', async (witness, { primary, backup }) => {
    const { lab } = stage;
    const beganMs = Date.now();
    for (const lost of [
      [primary, backup],
      [backup, primary],
      [primary, 'X'],
      ['X', backup],
    ] as const) {
      lab.cutOneWay(lost);
      await new Promise((resolve) => setTimeout(resolve, qosTimeoutMs / 8));
      await lab.heal();
      await witness.untilWrittenBy(primary);
    }
    expect(await lab.roles()).toEqual({ primary, backup });
    expect(lab.eventsSince(backup, beganMs).filter(({ what }) => what.startsWith('lost'))).toEqual([]);
  }),
);
