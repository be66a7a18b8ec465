/** One lab for the tests of a file, whole before each; and what is alike in them. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { CableLab } from './cable-lab.ts';
import { HostLab } from './host-lab.ts';
import { whyNoHosts } from './hosts.ts';
import { type FailoverLabel, hasActiveBackup, type Lab, pause, qosTimeoutMs } from './lab.ts';
import { Witness } from './witness.ts';

export interface Stage<Kind extends Lab> {
  readonly lab: Kind;
}

/** For scenarios that cables can stage as well: on hosts of their own where these are permitted. */
export function useLab(qosMs = qosTimeoutMs): Stage<Lab> {
  return useStage<Lab>(() => (whyNoHosts() === null ? new HostLab() : new CableLab()), qosMs);
}

/** For scenarios that are about one machine. */
export function useCables(): Stage<Lab> {
  return useStage<Lab>(() => new CableLab(), qosTimeoutMs);
}

/** Only together with `hostTest`. */
export function useHosts(qosMs = qosTimeoutMs, make = () => new HostLab()): Stage<HostLab> {
  if (whyNoHosts() !== null) return { lab: undefined as unknown as HostLab };
  return useStage(make, qosMs);
}

/** Skipped, and counted so, where there can be no hosts. */
export const hostTest = whyNoHosts() === null ? test : test.skip;

/** A lab that does not come up again is put aside for a new one, so that one failure stays one. */
function useStage<Kind extends Lab>(make: () => Kind, qosMs: number): Stage<Kind> {
  const stage = { lab: undefined as unknown as Kind };
  beforeAll(async () => {
    stage.lab = make();
    await stage.lab.up(qosMs);
  });
  beforeEach(async () => {
    try {
      await stage.lab.up(qosMs);
    } catch (error) {
      console.error(`a new lab is made, since the old one does not come up: ${(error as Error).message}`);
      await stage.lab.close();
      stage.lab = make();
      await stage.lab.up(qosMs);
    }
  });
  afterAll(() => stage.lab.close());
  return stage;
}

interface Roles {
  readonly primary: FailoverLabel;
  readonly backup: FailoverLabel;
}

/** Writes during the whole story, and judges at its end. */
export async function witnessed(
  lab: Lab,
  name: string,
  story: (witness: Witness, roles: Roles) => Promise<void>,
  followers = 1,
): Promise<void> {
  const roles = await lab.roles();
  const witness = await new Witness(lab, name, followers).start();
  try {
    await story(witness, roles);
    expect(await witness.verdict()).toEqual([]);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await lab.describe()}`, { cause: error });
  } finally {
    await witness.stop();
  }
}

export async function untilMode(lab: Lab, mode: 'Agent Controlled' | 'Arbiter Controlled'): Promise<void> {
  for (const label of ['A', 'B'] as const) {
    await lab.until(label, mode, (status) => status?.failoverMode === mode, 20_000);
  }
}

/** Agent controlled mode with an active backup. */
export async function loseArbiter(lab: Lab): Promise<void> {
  const { primary } = await lab.roles();
  await lab.killAgent('X');
  await untilMode(lab, 'Agent Controlled');
  await lab.until(primary, 'with an active backup', hasActiveBackup);
}

/** The backup runs, hears nothing and is given up; it is thawed later. The primary has updates that it lacks. */
export async function freezeUntilNotActive(lab: Lab, { primary, backup }: Roles, witness: Witness): Promise<void> {
  lab.freeze(backup);
  await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
  await witness.untilWrittenBy(primary);
  await witness.untilWritten(50);
}

/** Nobody becomes primary and nobody acknowledges anything; the first QoS timeout is for what was under way. */
export async function nobodyServes(lab: Lab, witness: Witness, { backup }: Roles): Promise<void> {
  await pause(qosTimeoutMs);
  const silentMs = performance.now();
  await pause(4 * qosTimeoutMs);
  expect((await lab.status(backup))?.status).not.toBe('Primary');
  expect(witness.countSince(silentMs)).toBe(0);
}
