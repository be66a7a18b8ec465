/**
 * GT.M (Debian's fis-gtm): globals in the process itself. A plain SET is not hardened when it returns, TCOMMIT is; replication
 * is asynchronous. Databases with 32,768 global buffers, before-image journaling where they are journaled.
 */

import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';

const port = 15_310;
const root = '/usr/lib/x86_64-linux-gnu/fis-gtm';
const poolBytes = String(64 * 1024 * 1024);
const journal = (file) => `before,filename=${file},allocation=100000,extension=50000`;

export const gtmPackage = 'fis-gtm';

export class Gtm {
  #directory;
  #programs;
  #replicates = false;
  #names = new Set();

  constructor(directory) {
    this.#directory = join(directory, 'gtm');
    const version = existsSync(root) ? readdirSync(root).find((name) => name.startsWith('V')) : undefined;
    if (version === undefined) throw new Error(`${root} holds no version of GT.M`);
    this.#programs = join(root, version);
    mkdirSync(join(this.#directory, 'routines'), { recursive: true });
    copyFileSync(fileURLToPath(new URL('./gtm-load.m', import.meta.url)), join(this.#directory, 'routines', 'bench.m'));
  }

  #place(name) {
    return join(this.#directory, name);
  }

  async #run(name, program, args, input) {
    const place = this.#place(name);
    const routines = `${place}(${join(this.#directory, 'routines')}) ${this.#programs}/libgtmutil.so ${this.#programs}`;
    const env = {
      gtm_dist: this.#programs,
      gtm_tmp: this.#directory,
      gtm_chset: 'M',
      gtmgbldir: join(place, 'g.gld'),
      gtm_repl_instance: join(place, 'g.repl'),
      gtm_repl_instname: name,
      gtmroutines: routines,
    };
    const { stdout } = await execa(join(this.#programs, program), args, {
      cwd: place,
      env,
      reject: false,
      ...(input === undefined ? { stdin: 'ignore' } : { input }),
    });
    return stdout;
  }

  async #mupip(name, ...args) {
    return await this.#run(name, 'mupip', args);
  }

  /** One number that a label of the routine writes. */
  async #number(name, call) {
    const said = await this.#run(name, 'mumps', ['-run', '%XCMD', `do ${call}`]);
    const value = Number(said.trim().split('\n').at(-1));
    if (!(value >= 0)) throw new Error(`GT.M: ${call} in ${name} says: ${said.slice(0, 300)}`);
    return value;
  }

  /** An empty database; `how` = plain, journaled or replicated. */
  async create(name, how) {
    if (this.#names.has(name)) await this.#mupip(name, 'rundown', '-region', '*');
    this.#names.add(name);
    const place = this.#place(name);
    rmSync(place, { recursive: true, force: true });
    mkdirSync(place);
    const layout = [
      'change -segment DEFAULT -allocation=100000 -extension=50000 -global_buffer_count=32768 -lock_space=2000',
      `change -segment DEFAULT -file_name=${place}/g.dat`,
      'change -region DEFAULT -key_size=255 -record_size=4080 -stdnullcoll -null_subscripts=never',
      'exit',
    ];
    await this.#run(name, 'mumps', ['-run', 'GDE'], `${layout.join('\n')}\n`);
    await this.#mupip(name, 'create');
    const file = join(place, 'g.mjl');
    if (how === 'journaled') await this.#mupip(name, 'set', `-journal=enable,on,${journal(file)}`, '-region', '*');
    if (how !== 'replicated') return;
    await this.#mupip(name, 'set', '-replication=on', `-journal=${journal(file)}`, '-region', '*');
    await this.#mupip(name, 'replicate', '-instance_create', `-name=${name}`, '-noreplace');
  }

  /** SETs a second in the process: 'ordered', 'random', 'bulk'. */
  async sets(name, count, mode, first = 0) {
    return await this.#number(name, `set^bench(${count},"${mode}",${first})`);
  }

  async gets(name, count) {
    return await this.#number(name, `get^bench(${count})`);
  }

  async scan(name) {
    return await this.#number(name, 'scan^bench');
  }

  /** A source and a receiver, both new. */
  async replicate() {
    await this.create('source', 'replicated');
    await this.create('receiver', 'replicated');
    const passive = [
      '-source',
      '-start',
      '-passive',
      '-propagateprimary',
      '-instsecondary=source',
      `-buffsize=${poolBytes}`,
    ];
    await this.#mupip('receiver', 'replicate', ...passive, `-log=${this.#place('receiver')}/passive.log`);
    await this.#receive();
    const active = [
      '-source',
      '-start',
      '-rootprimary',
      '-instsecondary=receiver',
      `-secondary=127.0.0.1:${port}`,
      `-buffsize=${poolBytes}`,
    ];
    await this.#mupip('source', 'replicate', ...active, `-log=${this.#place('source')}/source.log`);
    this.#replicates = true;
    await this.sets('source', 1000, 'ordered', 900_000_000);
    await this.#number('receiver', 'wait^bench(900000000)');
  }

  async #receive() {
    await this.#mupip(
      'receiver',
      'replicate',
      '-receiver',
      '-start',
      `-listenport=${port}`,
      `-buffsize=${poolBytes}`,
      `-log=${this.#place('receiver')}/receiver.log`,
    );
  }

  /** How many ms after a burst of ordered SETs a reader at the receiver, who looks all the time, sees its last one. */
  async lagMs(count, first) {
    const seen = this.#number('receiver', `wait^bench(${first})`);
    await this.sets('source', count, 'ordered', first);
    return await seen;
  }

  /** Updates a second from the receiver's start until it has what was written without it. */
  async catchUp(count, first) {
    await this.#mupip('receiver', 'replicate', '-receiver', '-shutdown', '-timeout=0');
    await this.sets('source', count, 'ordered', first);
    // The source notices that its receiver is gone.
    await pause(500);
    const beganMs = performance.now();
    await this.#receive();
    await this.#number('receiver', `wait^bench(${first})`);
    return count / ((performance.now() - beganMs) / 1000);
  }

  async down() {
    if (this.#replicates) {
      await this.#mupip('receiver', 'replicate', '-receiver', '-shutdown', '-timeout=0');
      for (const name of ['receiver', 'source'])
        await this.#mupip(name, 'replicate', '-source', '-shutdown', '-timeout=0');
    }
    for (const name of this.#names) await this.#mupip(name, 'rundown', '-region', '*');
  }
}
