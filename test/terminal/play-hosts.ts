/** Hosts for plays that begin with nothing: each has an address, an ISCAgent, and, unless it is only an arbiter's, a running instance in no mirror. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { instancePaths } from '../../src/host/home.ts';
import type { StatusReport } from '../../src/mirror/status.ts';
import { connectControl } from '../../src/terminal/control-client.ts';
import { network, pause } from '../cluster/lab.ts';
import { runProgram, runWell } from '../fixtures/program.ts';
import { type Ground, makeGround } from './play.ts';
import { freeBlock, isSettled } from './play-lab.ts';

export class PlayHosts implements Ground {
  readonly home = makeGround();
  readonly #labels: readonly string[];
  #block = 0;

  constructor(...labels: readonly string[]) {
    this.#labels = labels;
  }

  homeOf(label: string): string {
    return join(this.home, label);
  }

  addressOf(label: string): string {
    return `127.${this.#block}.0.${11 + this.#labels.indexOf(label)}`;
  }

  async start(): Promise<void> {
    this.#block = await freeBlock();
    await Promise.all(this.#labels.map((label) => this.#startHost(label)));
  }

  async #startHost(label: string): Promise<void> {
    const address = this.addressOf(label);
    mkdirSync(this.homeOf(label), { mode: 0o700 });
    const on = (...args: readonly string[]) => runWell([...args, '--home', this.homeOf(label)]);
    if (label !== 'X') await on('instance', 'create', label, '--address', address);
    await on('agent', 'start', '--address', address);
    if (label !== 'X') await on('instance', 'start', label);
  }

  /** What these members say of all will not change by itself any more: everybody has everything, under the arbiter. */
  async whole(...labels: readonly string[]): Promise<void> {
    for (const label of labels)
      await this.#until(label, (now) => isSettled(now) && now.failoverMode === 'Arbiter Controlled');
  }

  async #until(label: string, isReached: (now: StatusReport) => boolean): Promise<void> {
    const control = await connectControl(network, instancePaths(this.homeOf(label), label).control, 5000);
    const deadlineMs = performance.now() + 30_000;
    try {
      while (!isReached(await control.status())) {
        if (performance.now() > deadlineMs) throw new Error(`${label} does not come to rest`);
        await pause(50);
      }
    } finally {
      control.close();
    }
  }

  /** The same on every host, for errors. */
  async describe(): Promise<string> {
    const rows = this.#labels
      .filter((label) => label !== 'X')
      .map(async (label) => {
        const { out, err } = await runProgram(['status', label, '--json', '--home', this.homeOf(label)]);
        return `${label}: ${out.replace(/\s+/g, ' ').slice(0, 600)}${err}`;
      });
    return (await Promise.all(rows)).join('\n');
  }

  async close(): Promise<void> {
    for (const label of this.#labels) {
      const home = ['--home', this.homeOf(label)];
      if (label !== 'X') await runProgram(['instance', 'force', label, ...home]);
      await runProgram(['agent', 'stop', ...home]);
    }
    rmSync(this.home, { recursive: true, force: true });
  }
}
