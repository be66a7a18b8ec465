/**
 * A failover pair for measurements: two instances on loopback addresses of their own, with their agents, in a temporary
 * directory. No cable between them and no arbiter, so that nothing but the two members stands in the way of a message. One
 * instance alone (`members: 1`) is the same without a mirror partner.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../lab-tools.mjs';
import { atInterrupt } from './interrupt.mjs';

const mirror = 'BENCH';

export class Pair {
  directory = mkdtempSync(join(tmpdir(), 'caretmirror-bench-'));
  #members = [];
  #downing = null;
  #isDown = atInterrupt(() => this.down());

  /** Brought up, and with `members: 2` the backup is active. `execArgv` goes to the instances' Node. */
  static async up({ members = 2, execArgv = [], database = 'DATA' } = {}) {
    const pair = new Pair();
    try {
      const block = await freeBlock(members);
      for (const [index, label] of ['A', 'B'].slice(0, members).entries())
        await pair.#add(label, `${block}.${11 + index}`, execArgv, database);
      if (members > 1) await pair.on('A', ['wait', 'A', '--for', 'active', '--timeout', '60s']);
      return pair;
    } catch (error) {
      await pair.down();
      throw error;
    }
  }

  get target() {
    const addresses = this.#members.slice(0, 2).map(({ address }) => ({ host: address, port: 1972 }));
    return { addresses, mirror };
  }

  async #add(label, address, execArgv, database, type = 'failover') {
    const home = join(this.directory, label);
    this.#members.push({ label, home, address });
    await this.on(label, ['agent', 'start', '--address', address]);
    await this.on(label, ['instance', 'create', label, '--address', address]);
    await this.on(label, ['instance', 'start', label], { NODE_OPTIONS: execArgv.join(' ') });
    const first = this.#members[0];
    const introduced = [
      '--mirror',
      mirror,
      '--type',
      type,
      '--agent',
      `${first.address}:2188`,
      '--instance',
      first.label,
    ];
    if (label === first.label) await this.on(label, ['mirror', 'create', label, '--mirror', mirror]);
    else await this.on(label, ['mirror', 'join', label, ...introduced]);
    await this.on(label, ['database', 'create', label, database, '--mirrored']);
  }

  /** Another member beside the pair, a DR async; `database` as in `up`. */
  async addAsync(label, database = 'DATA') {
    const [block] = this.#members[0].address.split(/\.\d+$/);
    await this.#add(label, `${block}.${11 + this.#members.length}`, [], database, 'dr');
    await this.on(label, ['wait', label, '--for', 'connected', '--timeout', '60s']);
  }

  addressOf(label) {
    return { host: this.#members.find((member) => member.label === label).address, port: 1972 };
  }

  home(label) {
    return this.#members.find((member) => member.label === label).home;
  }

  /** A command on that member's host. */
  async on(label, args, env = {}) {
    if (this.#downing !== null && isStart(args)) throw new Error('the pair is being taken down');
    return await run([...args, '--home', this.home(label)], env);
  }

  async pidOf(label) {
    return JSON.parse(await this.on(label, ['instance', 'list', '--json']))[0].pid;
  }

  /** Everything stopped and removed; what does not stop is killed. */
  down() {
    this.#downing ??= this.#takeDown();
    return this.#downing;
  }

  async #takeDown() {
    this.#isDown();
    for (const { label } of [...this.#members].reverse()) {
      await this.on(label, ['instance', 'stop', label, '--nofailover', '--timeout', '10s']).catch(async () => {
        await this.on(label, ['instance', 'force', label]).catch(() => {});
      });
      await this.on(label, ['agent', 'stop']).catch(() => {});
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Nothing is started in what is being taken down. */
function isStart([what, verb]) {
  return (what === 'agent' || what === 'instance') && verb === 'start';
}

/** The first three bytes of addresses on which nobody listens. */
async function freeBlock(members) {
  for (let block = 60; block < 120; block += 1) {
    const prefix = `127.${block}.0`;
    const free = await Promise.all(
      ['11', '12'].slice(0, members).flatMap((last) => [1972, 2188].map((port) => isFree(`${prefix}.${last}`, port))),
    );
    if (free.every(Boolean)) return prefix;
  }
  throw new Error('no free loopback addresses 127.60.0.11 to 127.119.0.12');
}

function isFree(host, port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
