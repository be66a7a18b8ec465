/**
 * What rows measure on: pairs and single instances of ours, and the peers, each brought up when a row first asks for it, filled
 * with 1,000,000 keys, and taken down with all others. Everything lies in one temporary directory.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { bundleClientLibrary } from '../lab-tools.mjs';
import { Gtm } from '../peers/gtm.mjs';
import { Postgresql } from '../peers/postgresql.mjs';
import { Redis } from '../peers/redis.mjs';
import { atInterrupt } from './interrupt.mjs';
import { Pair } from './pair.mjs';

const setLoad = fileURLToPath(new URL('./set-load.mjs', import.meta.url));
export const fullKeys = 1_000_000;

export class Environment {
  directory = mkdtempSync(join(tmpdir(), 'caretmirror-peers-'));
  seconds;
  #library = null;
  #up = new Map();
  /** New keys begin here, so that no run overwrites those of another. */
  #next = 10_000_000;
  #isDown = atInterrupt(() => this.close());

  constructor(seconds) {
    this.seconds = seconds;
  }

  /** The same thing for all rows until `down`. */
  async #once(name, make) {
    if (!this.#up.has(name)) this.#up.set(name, await make());
    return this.#up.get(name);
  }

  newKeys(count) {
    this.#next += count;
    return this.#next - count;
  }

  async clientLibrary() {
    this.#library ??= await bundleClientLibrary(this.directory);
    return this.#library;
  }

  /** A client of that member alone, and the key of a record as set-load.mjs makes it. */
  async readerOn(pair, label, record) {
    const { connectToMirror, encodeKey } = await import(pathToFileURL(await this.clientLibrary()));
    const client = await connectToMirror({ targets: [pair.addressOf(label)], timeoutMs: 60_000 });
    return { client, key: encodeKey('acct', ['c', String(100_000_000 + record)]) };
  }

  /** One of ours with `members` members, full. */
  async ours(members) {
    return await this.#once(`ours ${members}`, async () => {
      const pair = await Pair.up({ members });
      await this.load(pair, { clients: 4, depth: 1000, count: fullKeys, first: 0 });
      if (members > 1) await pair.on('B', ['wait', 'B', '--for', 'caught-up', '--timeout', '60s']);
      return pair;
    });
  }

  /** A member without a partner that nobody has used; of the caller, who takes it down. */
  async newInstance() {
    return await Pair.up({ members: 1 });
  }

  /** SETs of a process of applications; its result (set-load.mjs). */
  async load(pair, plan) {
    const first = plan.first ?? this.newKeys(plan.count ?? 50_000_000);
    const whole = {
      library: await this.clientLibrary(),
      target: pair.target,
      seconds: plan.count === undefined ? this.seconds : 600,
      ...plan,
      first,
    };
    return JSON.parse((await execa(process.execPath, [setLoad, JSON.stringify(whole)])).stdout);
  }

  async redis() {
    return await this.#once('redis', async () => {
      const redis = await Redis.up(this.directory);
      await redis.sets({ clients: 8, depth: 1000, count: fullKeys, wait: false });
      await redis.settled();
      return redis;
    });
  }

  async postgresql() {
    return await this.#once('postgresql', () => Postgresql.up(this.directory, fullKeys));
  }

  async gtm() {
    return await this.#once('gtm', async () => new Gtm(this.directory));
  }

  /** GT.M with a source and a receiver. */
  async replicatedGtm() {
    const gtm = await this.gtm();
    await this.#once('gtm replicated', async () => {
      await gtm.replicate();
      return { down: async () => {} };
    });
    return gtm;
  }

  /** The same one for all rows that only ask it. */
  async idleInstance() {
    return await this.#once('idle instance', () => this.newInstance());
  }

  /** A process of ours or of a peer that rows share; ended with the rest. */
  async process(name, make) {
    return await this.#once(name, make);
  }

  async down() {
    for (const each of [...this.#up.values()].reverse()) await each.down();
    this.#up.clear();
  }

  async close() {
    this.#isDown();
    await this.down();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
