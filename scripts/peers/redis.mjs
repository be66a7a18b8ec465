/** Redis, a master and a replica on loopback, both with an append-only file that is fsynced for every command. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const load = fileURLToPath(new URL('./resp-load.mjs', import.meta.url));
const ports = { master: 16_379, replica: 16_380 };
const backlog = ['--repl-backlog-size', '512mb', '--client-output-buffer-limit', 'replica 2gb 2gb 0'];

export const redisPackage = 'redis-server';

export class Redis {
  #directory;
  #servers = {};

  constructor(directory) {
    this.#directory = directory;
  }

  static async up(directory) {
    const redis = new Redis(directory);
    await redis.#start('master', []);
    await redis.#start('replica', ['--replicaof', '127.0.0.1', String(ports.master)]);
    await redis.#until(async () => (await redis.#replication('replica')).master_link_status === 'up');
    return redis;
  }

  async #start(name, more) {
    const directory = join(this.#directory, `redis-${name}`);
    mkdirSync(directory, { recursive: true });
    const server = execa(
      'redis-server',
      [
        '--port',
        String(ports[name]),
        '--bind',
        '127.0.0.1',
        '--dir',
        directory,
        '--save',
        '',
        '--appendonly',
        'yes',
        '--appendfsync',
        'always',
        '--repl-diskless-sync-delay',
        '0',
        ...backlog,
        ...more,
      ],
      { reject: false, stdio: 'ignore' },
    );
    this.#servers[name] = server;
    await this.#until(async () => (await this.#ask(name, ['ping'])) === 'PONG');
  }

  async #until(isSo) {
    const endMs = performance.now() + 60_000;
    while (!(await isSo().catch(() => false))) {
      if (performance.now() > endMs) throw new Error('redis is not as expected after 60 s');
      await pause(10);
    }
  }

  async #ask(name, args) {
    return (await execa('redis-cli', ['-p', String(ports[name]), ...args])).stdout.trim();
  }

  async #replication(name) {
    const lines = (await this.#ask(name, ['info', 'replication'])).split(/\r?\n/);
    return Object.fromEntries(lines.filter((line) => line.includes(':')).map((line) => line.split(':')));
  }

  /** SETs a second; each batch of `depth` is followed by WAIT 1 unless `wait` is false. `count` instead of `seconds`: that many. */
  async sets({ clients, depth, seconds, count, first = 0, wait = true }) {
    const plan = { port: ports.master, clients, depth, seconds, count, first, wait };
    return JSON.parse((await execa(process.execPath, [load, JSON.stringify(plan)])).stdout).rate;
  }

  /** Until the replica has what the master has. */
  async settled() {
    const wanted = Number((await this.#replication('master')).master_repl_offset);
    await this.#until(async () => Number((await this.#replication('replica')).slave_repl_offset) >= wanted);
  }

  /** Partial resync: `count` SETs while the replica stands still and its link is cut; from its going on until it has them, per second. */
  async catchUp(count, first) {
    const replica = this.#servers.replica;
    replica.kill('SIGSTOP');
    await this.#ask('master', ['client', 'kill', 'type', 'replica']);
    await this.sets({ clients: 8, depth: 1000, count, first, wait: false });
    const beganMs = performance.now();
    replica.kill('SIGCONT');
    await this.settled();
    return count / ((performance.now() - beganMs) / 1000);
  }

  async down() {
    for (const server of Object.values(this.#servers)) {
      server.kill('SIGCONT');
      server.kill('SIGKILL');
      await server;
    }
  }
}
