/** A lab for plays: addresses of one width, a home of one length, and A its primary whenever a play begins. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { labPaths, planBlock, printPlan } from '../../src/commands/lab-plan.ts';
import { agentPortDefault } from '../../src/mirror/limits.ts';
import type { StatusReport } from '../../src/mirror/status.ts';
import { CableLab } from '../cluster/cable-lab.ts';
import type { Label } from '../cluster/lab.ts';
import { makeGround, type Play } from './play.ts';

const playQosMs = 2000;

export class PlayLab extends CableLab {
  readonly #asyncs: { readonly dr: number; readonly reporting: number };
  #isPlanned = false;

  constructor(asyncs = { dr: 0, reporting: 0 }) {
    super(makeGround());
    this.#asyncs = asyncs;
  }

  /** Everything well, and the roles those of the beginning; made anew where a play has left it in pieces. */
  async begin(): Promise<void> {
    try {
      await this.#begin();
    } catch (error) {
      console.error(`a new lab is made, since the old one does not come up: ${(error as Error).message}`);
      await this.takeDown(false);
      this.#isPlanned = false;
      await this.#begin();
    }
  }

  async #begin(): Promise<void> {
    if (!this.#isPlanned) {
      const { directory, plan } = labPaths(this.home);
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(plan, printPlan(planBlock(directory, await freeBlock(), playQosMs, this.#asyncs)));
      this.#isPlanned = true;
    }
    await this.up(playQosMs);
    if ((await this.roles()).primary === 'B') {
      await this.on('B', 'instance', 'stop', 'B');
      await this.up(playQosMs);
    }
    await this.whole('A', 'B');
  }

  /** What these members say of all will not change by itself any more. */
  settled(...labels: readonly Label[]): Promise<void> {
    return this.#all(labels, 'told that all is settled', isSettled);
  }

  /** Settled, with an active backup and under the arbiter. */
  whole(...labels: readonly Label[]): Promise<void> {
    const isWhole = (now: StatusReport) =>
      isSettled(now) &&
      now.failoverMode === 'Arbiter Controlled' &&
      now.members.some(({ journalTransfer }) => journalTransfer === 'Active');
    return this.#all(labels, 'told that all is well', isWhole);
  }

  async #all(labels: readonly Label[], what: string, isReached: (now: StatusReport) => boolean): Promise<void> {
    for (const label of labels) await this.until(label, what, (now) => now !== null && isReached(now), 30_000);
  }
}

/** It runs, and comes to rest in a status that only somebody else, or a person, ends. */
export async function startInVain(play: Play, lab: PlayLab, label: 'A' | 'B', status: string): Promise<void> {
  const start = ['instance', 'start', label, '--timeout', '1s'];
  await lab.tryOn(label, ...start);
  await lab.untilStatus(label, status, 30_000);
  await play.command(label, start, 5);
}

export function isSettled({ members }: StatusReport): boolean {
  const words = ['N/A', 'Active', 'Caught up'];
  return members.every((row) => words.includes(row.journalTransfer) && words.includes(row.dejournaling));
}

/** N of 127.N.0.11 and so on: one with three digits that no agent uses. */
export async function freeBlock(): Promise<number> {
  for (let tried = 0; tried < 150; tried += 1) {
    const block = 100 + ((process.pid + tried) % 150);
    if (await isFree(`127.${block}.0.11`)) return block;
  }
  throw new Error('no free addresses 127.NNN.0.11');
}

function isFree(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(agentPortDefault, host, () => server.close(() => resolve(true)));
  });
}
