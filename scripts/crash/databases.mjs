/**
 * The crash states of databases, which native code writes: a process is recorded while it works, and from the record come the
 * disks that a loss of power, or a killed process, may have left at each of its calls. Another process opens them.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { importTypeScript } from '../import-typescript.mjs';
import { mutating } from './bundle.mjs';
import { compileRecorder, Replay, readRecording } from './recorder.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const keptMax = 3;
const mirrored = [
  'apply one',
  'apply some',
  'apply long',
  'apply kill',
  'apply all',
  'attribute',
  'flush',
  'reopen',
  'copy',
];
const ordinary = ['change one', 'change long', 'change kill', 'change all', 'reopen', 'copy'];

/** One and two operations, in every order; a name is a directory. */
function workloadsOf(operations, isMirrored) {
  return operations.flatMap((first) =>
    [[first], ...operations.map((second) => [first, second])].map((both) => ({
      name: `${isMirrored ? 'mirrored' : 'ordinary'}, ${both.join(', ')}`,
      isMirrored,
      operations: both,
    })),
  );
}

/**
 * Resolves with {skipped} or {states, rows, violations}; `perWorkload` disks of each are drawn, with `only`, an id, that one. The
 * disks of the first violations are kept for people.
 */
export async function tryDatabases({ perWorkload, wanted = () => true, changes = [], only }) {
  const place = mkdtempSync(join(tmpdir(), 'caretmirror-crash-'));
  const recorder = join(place, 'recorder.so');
  const skipped = compileRecorder(recorder);
  try {
    if (skipped !== null) return { skipped };
    const bundles = await bundle(changes);
    try {
      const workloads = [...workloadsOf(mirrored, true), ...workloadsOf(ordinary, false)].filter(({ name }) =>
        wanted(name),
      );
      const records = record(place, recorder, bundles, workloads);
      return await tryAll(place, recorder, bundles, workloads, records, { perWorkload, only });
    } finally {
      rmSync(bundles, { recursive: true });
    }
  } finally {
    rmSync(place, { recursive: true });
  }
}

/** Beside the packages, so that lmdb is found from there. */
async function bundle(changes) {
  const outdir = join(root, 'node_modules', '.cache', `caretmirror-crash-${process.pid}`);
  mkdirSync(outdir, { recursive: true });
  const entryPoints = ['test/crash/database-workload.ts', 'test/crash/database-checker.ts'];
  const { plugin, check } = mutating(changes);
  await build({
    absWorkingDir: root,
    entryPoints,
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    logLevel: 'error',
    plugins: [plugin],
  });
  check();
  return outdir;
}

function record(place, recorder, bundles, workloads) {
  const path = join(place, 'record');
  const files = join(place, 'files');
  mkdirSync(files);
  const env = { ...process.env, LD_PRELOAD: recorder, CRASH_ROOT: `${files}/`, CRASH_RECORD: path, CRASH_SLOW: '3000' };
  execFileSync(process.execPath, [join(bundles, 'database-workload.mjs'), files, JSON.stringify(workloads)], {
    env,
    // LMDB says things there that are of no concern; they are shown when it fails.
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const records = new Map(workloads.map(({ name }) => [name, []]));
  for (const each of readRecording(path)) {
    const [name, ...below] = each.path.slice(files.length + 1).split('/');
    // The lock file means nothing to another process: it is made anew.
    if (below.at(-1)?.endsWith('-lock')) continue;
    records.get(name).push({ ...each, path: `/${below.join('/')}`, data: dataOf(each, `${files}/${name}`) });
  }
  return records;
}

/** Paths in data become those of the simulated disk, too. */
function dataOf({ operation, data }, base) {
  return operation === 'r' || operation === 'l' ? Buffer.from(data.toString().slice(base.length)) : data;
}

async function tryAll(place, recorder, bundles, workloads, records, { perWorkload, only }) {
  const { SimulatedDisk } = await importTypeScript('test/crash/simulated-disk.ts');
  // After a loss of power the machine has another boot id, by which LMDB knows that its newest pages may be missing.
  const power = new Checker(bundles, { LD_PRELOAD: recorder, CRASH_NO_BOOT: '1' });
  const kill = new Checker(bundles, {});
  const images = imagesPlace(place);
  const result = { states: 0, rows: [], violations: [] };
  const seen = new Set();
  try {
    for (const { name } of workloads) {
      const moments = momentsOf(records.get(name), SimulatedDisk);
      const row = { name: `database: ${name}`, byFault: { crash: 0, killed: 0 }, failed: 0 };
      for (const state of statesOf(moments, perWorkload)) {
        const id = `${row.name} / ${state.id}`;
        if (only !== undefined && only !== id) continue;
        const key = createHash('sha1')
          .update(`${state.kind}\n${stateText(state)}`, 'latin1')
          .digest('hex');
        if (seen.has(key)) continue;
        seen.add(key);
        row.byFault[state.kind] += 1;
        const wrong = await tryState(state, state.kind === 'crash' ? power : kill, join(images, 'image'));
        if (wrong === null) continue;
        row.failed += 1;
        result.violations.push({ id, text: `${wrong}${kept(join(images, 'image'), result.violations.length)}` });
      }
      result.rows.push(row);
    }
  } finally {
    power.close();
    kill.close();
    rmSync(images, { recursive: true, force: true });
  }
  result.states = seen.size;
  return result;
}

/** Copies the disk of one of the first violations to where it stays; says where. */
function kept(image, before) {
  if (before >= keptMax) return '';
  const place = mkdtempSync(join(tmpdir(), 'caretmirror-kept-'));
  cpSync(image, place, { recursive: true });
  return `\n  its disk is kept in ${place}`;
}

function stateText({ disk, marks }) {
  return `${disk.image((path) => path)}\n${marks.durable} ${marks.begun}`;
}

/** In memory where there is room: the disks are written by the thousand. */
function imagesPlace(place) {
  const memory = '/dev/shm';
  const hasRoom = existsSync(memory) && statfsSync(memory).bavail * statfsSync(memory).bsize > 64 * 1024 * 1024;
  return mkdtempSync(join(hasRoom ? memory : place, 'caretmirror-images-'));
}

/** The disk before each recorded call, with what had been begun and was durable then. */
function momentsOf(records, SimulatedDisk) {
  const disk = new SimulatedDisk();
  const replay = new Replay(disk);
  const moments = [];
  let marks = { begun: -1, durable: -1, digests: [], copies: [], isPrepared: false, doing: 'create' };
  for (const record of records) {
    if (record.path === '/marks') {
      if (record.operation === 'w') marks = noted(marks, JSON.parse(record.data.toString()));
      continue;
    }
    if (record.path === '/' && record.operation === 'm') continue;
    moments.push({ number: moments.length + 1, disk: disk.copy(), marks });
    replay.carryOut(record);
  }
  moments.push({ number: moments.length + 1, disk: disk.copy(), marks });
  return moments;
}

function noted(marks, line) {
  const next = { ...marks };
  if (line.digest !== undefined) {
    next.begun = line.state;
    next.digests = [...marks.digests, line.digest];
  }
  if (line.operation !== undefined) next.doing = line.operation;
  if (line.durable !== undefined) next.durable = line.durable;
  if (line.copied !== undefined) next.copies = [...marks.copies, { name: line.copied, state: line.state }];
  if (line.prepared) next.isPrepared = true;
  return next;
}

/** Of every moment the disk of a killed process, all lost and all kept; and `count` other losses of power. */
function* statesOf(moments, count) {
  let state = 1;
  const draw = (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 16) % below;
  };
  const stateOf = (moment, kind, outcomes) => ({
    ...moment,
    kind,
    disk: moment.disk.crashed(outcomes),
    id: `${kind} ${moment.number} / ${outcomes.join('')}`,
  });
  for (const moment of moments) {
    const units = moment.disk.undecided();
    yield stateOf(
      moment,
      'killed',
      units.map(() => 1),
    );
    yield stateOf(
      moment,
      'crash',
      units.map(() => 0),
    );
    yield stateOf(
      moment,
      'crash',
      units.map(() => 1),
    );
  }
  const open = moments.filter(({ disk }) => disk.undecided().length > 1);
  for (let more = 0; more < count && open.length > 0; more += 1) {
    const moment = open[draw(open.length)];
    const units = moment.disk.undecided();
    // Whole pages kept or lost, from some place on, all but one, or sector by sector.
    const [how, at] = [draw(4), draw(units.length)];
    const byPage = units.map(() => draw(2));
    const page = (index) => Math.floor(index / 8);
    yield stateOf(
      moment,
      'crash',
      units.map(
        (_, index) => [byPage[page(index)], index < at ? 1 : 0, page(index) === page(at) ? 0 : 1, draw(2)][how],
      ),
    );
  }
}

/** Null, or what is wrong with what is found on this disk. */
async function tryState({ disk, marks }, checker, directory) {
  rmSync(directory, { recursive: true, force: true });
  for (const path of disk.paths()) {
    if (disk.isDirectory(path)) mkdirSync(join(directory, path), { recursive: true });
    else writeFileSync(join(directory, path), disk.contentOf(path));
  }
  const wrong = judged(await checker.look(join(directory, 'db')), marks, marks.durable, 'the database');
  if (wrong !== null) return wrong;
  for (const name of copiesIn(disk)) {
    const promised = marks.copies.find((copy) => copy.name === name)?.state ?? -1;
    const wrongCopy = judged(await checker.look(join(directory, name)), marks, promised, `the copy ${name}`);
    if (wrongCopy !== null) return wrongCopy;
  }
  const missing = marks.copies.find(({ name }) => !copiesIn(disk).includes(name));
  return missing === undefined ? null : `${missing.name} was made and is missing`;
}

function copiesIn(disk) {
  return disk
    .paths()
    .filter((path) => /^\/copy\d+$/.test(path))
    .map((path) => path.slice(1));
}

function judged(found, { begun, digests, doing }, promised, what) {
  if (found === 'absent' || found === 'unfinished') return promised < 0 ? null : `${what} is ${found} during ${doing}`;
  const state = digests.lastIndexOf(found);
  if (state < 0) return `${what} during ${doing} holds no state that was ever written: ${found}`;
  if (state < promised) return `${what} during ${doing} is in state ${state}, ${promised} was durable (${begun} begun)`;
  return null;
}

/** A process that opens what it is told; a new one when it dies of it. */
class Checker {
  #bundles;
  #env;
  #child = null;
  #answered = () => undefined;

  constructor(bundles, env) {
    this.#bundles = bundles;
    this.#env = env;
  }

  look(directory) {
    if (!existsSync(directory)) return Promise.resolve('absent');
    this.#child ??= this.#start();
    return new Promise((resolve) => {
      this.#answered = resolve;
      this.#child.stdin.write(`${JSON.stringify({ directory })}\n`);
    });
  }

  close() {
    this.#child?.kill('SIGKILL');
  }

  #start() {
    const env = { ...process.env, ...this.#env };
    const child = spawn(process.execPath, [join(this.#bundles, 'database-checker.mjs')], {
      env,
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    createInterface({ input: child.stdout }).on('line', (line) => this.#answered(JSON.parse(line).found));
    child.on('exit', (code, signal) => {
      this.#child = null;
      this.#answered(`error: the process that opened it ended (${signal ?? code})`);
    });
    return child;
  }
}
