/** One lab for the tests of a file, whole before each; and what is alike in them. */
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { CableLab } from './cable-lab.ts';
import { HostLab } from './host-lab.ts';
import { whyNoHosts } from './hosts.ts';
import { type Lab, qosTimeoutMs } from './lab.ts';
import { Witness } from './witness.ts';

export interface Stage<Kind extends Lab> {
  readonly lab: Kind;
}

/** For scenarios that cables can stage as well: on hosts of their own where these are permitted. */
export function useLab(): Stage<Lab> {
  return useStage<Lab>(() => (whyNoHosts() === null ? new HostLab() : new CableLab()), qosTimeoutMs);
}

/** For scenarios that are about one machine. */
export function useCables(): Stage<Lab> {
  return useStage<Lab>(() => new CableLab(), qosTimeoutMs);
}

/** Only together with `hostTest`. */
export function useHosts(qosMs = qosTimeoutMs): Stage<HostLab> {
  if (whyNoHosts() !== null) return { lab: undefined as unknown as HostLab };
  return useStage(() => new HostLab(), qosMs);
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

/** Writes during the whole story, and judges at its end. */
export async function witnessed(lab: Lab, name: string, story: (witness: Witness) => Promise<void>): Promise<void> {
  const witness = await new Witness(lab, name).start();
  try {
    await story(witness);
    expect(await witness.verdict()).toEqual([]);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await lab.describe()}`, { cause: error });
  } finally {
    await witness.stop();
  }
}
