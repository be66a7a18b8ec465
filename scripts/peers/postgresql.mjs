/** PostgreSQL 15, a primary and a synchronous standby on loopback (commit waits for the standby's flush), run as user postgres. */

import { appendFileSync, chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { execa } from 'execa';

const programs = '/usr/lib/postgresql/15/bin';
const ports = { primary: 15_432, standby: 15_433 };
const value = 'A'.repeat(50);

export const postgresqlPackage = 'postgresql-15';

export class Postgresql {
  #directory;

  constructor(directory) {
    this.#directory = join(directory, 'postgresql');
  }

  static async up(directory, rows) {
    const server = new Postgresql(directory);
    chmodSync(directory, 0o755);
    mkdirSync(server.#directory);
    await execa('chown', ['postgres', server.#directory]);
    await server.#primary(rows);
    await server.#standby();
    return server;
  }

  async #as(program, args, options = {}) {
    const env = { PATH: `${programs}:/usr/bin:/bin`, HOME: this.#directory, LC_ALL: 'C' };
    const who = ['--reuid=postgres', '--regid=postgres', '--init-groups', program, ...args];
    return (await execa('setpriv', who, { cwd: this.#directory, env, extendEnv: false, stdin: 'ignore', ...options }))
      .stdout;
  }

  async #sql(name, text) {
    return await this.#as('psql', [
      '-qAt',
      '-h',
      '127.0.0.1',
      '-p',
      String(ports[name]),
      '-U',
      'postgres',
      '-d',
      'postgres',
      '-c',
      text,
    ]);
  }

  #data(name) {
    return join(this.#directory, name);
  }

  async #start(name) {
    await this.#as('pg_ctl', ['-D', this.#data(name), '-l', join(this.#directory, `${name}.log`), '-w', 'start'], {
      stdout: 'ignore',
    });
  }

  async #primary(rows) {
    await this.#as('initdb', ['-D', this.#data('primary'), '-A', 'trust', '--no-sync']);
    appendFileSync(
      join(this.#data('primary'), 'postgresql.conf'),
      `listen_addresses='127.0.0.1'\nunix_socket_directories='${this.#directory}'\nport=${ports.primary}\nmax_wal_size=4GB\nmax_connections=150\nshared_buffers=512MB\nwal_keep_size=4GB\nhot_standby=on\n`,
    );
    await this.#start('primary');
    await this.#sql(
      'primary',
      'create table kv(k bigserial primary key, s text, v text); create table kvk(k text primary key, v text)',
    );
    await this.#sql('primary', `insert into kv(s,v) select 'acct/'||i, '${value}' from generate_series(1,${rows}) i`);
    const script = join(this.#directory, 'insert.sql');
    writeFileSync(script, `\\set r random(1,1000000000)\ninsert into kv(s,v) values ('acct/'||:r, '${value}');\n`);
    chmodSync(script, 0o644);
  }

  async #standby() {
    await this.#as('pg_basebackup', [
      '-h',
      '127.0.0.1',
      '-p',
      String(ports.primary),
      '-U',
      'postgres',
      '-D',
      this.#data('standby'),
      '-R',
      '-X',
      'stream',
      '-c',
      'fast',
    ]);
    const settings = join(this.#data('standby'), 'postgresql.auto.conf');
    const connection = `primary_conninfo = 'host=127.0.0.1 port=${ports.primary} user=postgres application_name=standby'`;
    writeFileSync(settings, readFileSync(settings, 'utf8').replace(/^primary_conninfo.*$/m, connection));
    appendFileSync(join(this.#data('standby'), 'postgresql.conf'), `port=${ports.standby}\n`);
    await this.#start('standby');
    await this.synchronous(true);
  }

  /** Does a commit wait for the standby's flush? */
  async synchronous(isOn) {
    await this.#sql('primary', `alter system set synchronous_standby_names='${isOn ? 'standby' : ''}'`);
    await this.#sql('primary', 'select pg_reload_conf()');
    const wanted = isOn ? 'sync' : 'async';
    await this.#until(
      async () => (await this.#sql('primary', 'select sync_state from pg_stat_replication')) === wanted,
    );
  }

  async #until(isSo) {
    const endMs = performance.now() + 120_000;
    while (!(await isSo().catch(() => false))) {
      if (performance.now() > endMs) throw new Error('postgresql is not as expected after 120 s');
      await pause(20);
    }
  }

  /** Single-row inserts a second. */
  async inserts({ clients, seconds }) {
    const args = [
      '-n',
      '-M',
      'prepared',
      '-h',
      '127.0.0.1',
      '-p',
      String(ports.primary),
      '-U',
      'postgres',
      '-c',
      String(clients),
      '-j',
      '2',
      '-T',
      String(seconds),
      '-f',
      join(this.#directory, 'insert.sql'),
      'postgres',
    ];
    const said = await this.#as('pgbench', args);
    return Number(/^tps = ([\d.]+)/m.exec(said)[1]);
  }

  /** `count` rows with a text key while the standby is down; from its start until it has replayed them, rows a second. */
  async catchUp(count, first) {
    await this.synchronous(false);
    await this.#as('pg_ctl', ['-D', this.#data('standby'), '-m', 'fast', '-w', 'stop']);
    await this.#sql(
      'primary',
      `insert into kvk select 'b${first}/'||lpad(i::text,12,'0'), '${value}' from generate_series(1,${count}) i`,
    );
    const wanted = await this.#sql('primary', 'select pg_current_wal_lsn()');
    const beganMs = performance.now();
    await this.#start('standby');
    await this.#until(async () => (await this.#sql('standby', `select pg_last_wal_replay_lsn()>='${wanted}'`)) === 't');
    const rate = count / ((performance.now() - beganMs) / 1000);
    await this.synchronous(true);
    return rate;
  }

  async down() {
    for (const name of ['standby', 'primary']) {
      if (!existsSync(join(this.#data(name), 'postmaster.pid'))) continue;
      await this.#as('pg_ctl', ['-D', this.#data(name), '-m', 'immediate', '-w', 'stop'], { reject: false });
    }
  }
}
