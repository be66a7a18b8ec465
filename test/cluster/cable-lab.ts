/**
 * A lab as `caretmirror lab` makes it: hosts are directories and loopback addresses, its cables are cut over the cable's own
 * socket. Needs no rights.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Address } from '../../src/mirror/mirror-set.ts';
import { askCable, type CableRequest } from '../../src/network/cable-control.ts';
import { type Ran, runProgram, runWell } from '../fixtures/program.ts';
import { type HostLabel, Lab, type Label, network, nowhere, type Pair, qosTimeoutMs } from './lab.ts';

export class CableLab extends Lab {
  addresses: Readonly<Record<Label, Address>> = { A: nowhere, B: nowhere, C: nowhere };

  async up(qosMs = qosTimeoutMs): Promise<void> {
    this.thawAll();
    if (existsSync(join(this.home, 'lab', 'cable.sock'))) await this.heal();
    await this.#command('up', '--qos', String(qosMs), '--timeout', '45s');
    const { members } = JSON.parse((await this.#command('status', '--json')).out) as {
      members: readonly { label: Label; address: string; port: number }[];
    };
    const of = (label: Label): Address => {
      const found = members.find((member) => member.label === label);
      return found === undefined ? nowhere : { host: found.address, port: found.port };
    };
    this.addresses = { A: of('A'), B: of('B'), C: of('C') };
  }

  homeOf(label: HostLabel): string {
    return join(this.home, 'lab', label);
  }

  on(label: HostLabel, ...args: readonly string[]): Promise<Ran> {
    return runWell([...args, '--home', this.homeOf(label)]);
  }

  tryOn(label: HostLabel, ...args: readonly string[]): Promise<Ran> {
    return runProgram([...args, '--home', this.homeOf(label)]);
  }

  async hostDown(label: HostLabel): Promise<void> {
    await this.#command('kill', label, '--host');
  }

  async hostUp(label: HostLabel): Promise<void> {
    await this.on(label, 'agent', 'start');
  }

  async killAgent(label: HostLabel): Promise<void> {
    if (label !== 'X') throw new Error('only the arbiter has a host without an instance');
    await this.#command('kill', label);
  }

  async cut(...pairs: readonly Pair[]): Promise<void> {
    await Promise.all(pairs.map(([a, b]) => this.#cable({ type: 'cut', a, b, oneWay: false })));
  }

  async heal(pair?: Pair): Promise<void> {
    await this.#cable(pair === undefined ? { type: 'heal' } : { type: 'heal', a: pair[0], b: pair[1] });
  }

  async #cable(request: CableRequest): Promise<void> {
    const answer = await askCable(network, join(this.home, 'lab', 'cable.sock'), request, 5000).catch((error) => {
      if (request.type === 'heal' && (error as { code?: string }).code === 'unreachable') return { ok: true } as const;
      throw error;
    });
    if (!answer.ok) throw new Error(answer.text);
  }

  #command(...args: readonly string[]): Promise<Ran> {
    return runWell(['lab', ...args, '--home', this.home]);
  }

  protected async takeDown(isKept: boolean): Promise<void> {
    await runProgram(['lab', 'down', ...(isKept ? [] : ['--delete']), '--home', this.home]);
  }
}
