/** An sshd of the test's own on a high port of this machine, with a host key and a user key that exist only for it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { lacks } from './screen.ts';

/** It insists on being called by its path. */
const sshd = ['/usr/sbin/sshd', '/usr/local/sbin/sshd'].find((path) => existsSync(path));
/** As root it wants this directory, which a package makes only where an init runs. */
const separation = '/run/sshd';

export function lacksSsh(): string | null {
  return sshd === undefined ? 'sshd missing (apt-get install -y openssh-server)' : lacks('ssh', 'ssh-keygen');
}

export class SshHost {
  readonly #directory = mkdtempSync(join(tmpdir(), 'cm-ssh-'));
  #port = 0;
  #daemon: ChildProcess | null = null;
  #hasMadeSeparation = false;

  async start(): Promise<void> {
    const path = (name: string): string => join(this.#directory, name);
    for (const name of ['host', 'user']) run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path(name));
    this.#port = await freePort();
    writeFileSync(path('authorized'), readFileSync(path('user.pub')), { mode: 0o600 });
    writeFileSync(path('known'), `[127.0.0.1]:${this.#port} ${readFileSync(path('host.pub'), 'utf8')}`);
    const settings = {
      ListenAddress: `127.0.0.1:${this.#port}`,
      HostKey: path('host'),
      AuthorizedKeysFile: path('authorized'),
      PidFile: 'none',
      UsePAM: 'no',
      StrictModes: 'no',
      PasswordAuthentication: 'no',
      KbdInteractiveAuthentication: 'no',
      PermitRootLogin: 'prohibit-password',
      PrintMotd: 'no',
      PrintLastLog: 'no',
    };
    writeFileSync(
      path('config'),
      Object.entries(settings)
        .map((pair) => `${pair.join(' ')}\n`)
        .join(''),
    );
    if (process.getuid?.() === 0 && !existsSync(separation)) {
      mkdirSync(separation, { mode: 0o755 });
      this.#hasMadeSeparation = true;
    }
    await this.#listen(path('config'));
  }

  #listen(config: string): Promise<void> {
    const daemon = spawn(sshd ?? '', ['-D', '-e', '-f', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#daemon = daemon;
    let said = '';
    return new Promise((resolve, reject) => {
      daemon.stderr.on('data', (chunk) => {
        said += chunk;
        if (said.includes('Server listening on')) resolve();
      });
      daemon.on('error', reject);
      daemon.on('close', (code) => reject(new Error(`sshd ended with ${code}: ${said}`)));
    });
  }

  /** The words of a client, to which those of a command are added. */
  client(...options: readonly string[]): readonly string[] {
    const set = (name: string, value: string): readonly string[] => ['-o', `${name}=${value}`];
    return [
      ...['ssh', '-F', '/dev/null', '-p', String(this.#port), '-i', join(this.#directory, 'user')],
      ...[...set('IdentitiesOnly', 'yes'), ...set('BatchMode', 'yes'), ...set('LogLevel', 'ERROR')],
      ...set('UserKnownHostsFile', join(this.#directory, 'known')),
      ...options,
      `${userInfo().username}@127.0.0.1`,
    ];
  }

  async close(): Promise<void> {
    const daemon = this.#daemon;
    if (daemon !== null && daemon.exitCode === null) {
      const ended = new Promise((resolve) => daemon.once('close', resolve));
      daemon.kill();
      await ended;
    }
    if (this.#hasMadeSeparation) rmdirSync(separation);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr}`);
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
