/** One lab for the tests of a file, whole before each; and what is alike in them. */
import { afterAll, beforeAll, beforeEach, expect } from '@jest/globals';
import { Lab, qosTimeoutMs } from './lab.ts';
import { Witness } from './witness.ts';

export interface Stage {
  readonly lab: Lab;
}

/** A lab that does not come up again is put aside for a new one, so that one failure stays one. */
export function useLab(qosMs = qosTimeoutMs): Stage {
  const stage = { lab: undefined as unknown as Lab };
  beforeAll(async () => {
    stage.lab = new Lab();
    await stage.lab.up(qosMs);
  });
  beforeEach(async () => {
    try {
      await stage.lab.up(qosMs);
    } catch (error) {
      console.error(`a new lab is made, since the old one does not come up: ${(error as Error).message}`);
      await stage.lab.close();
      stage.lab = new Lab();
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
