/**
 * A full disk. Under the primary: an active backup takes over; without one updates wait until there is room again. Under another
 * member: it alone stands, and goes on with room. Needs root for mount.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { diskReserveBytes } from '../../src/mirror/limits.ts';
import { runWell } from '../fixtures/program.ts';
import { type FailoverLabel, hasActiveBackup, type Label, pause, qosTimeoutMs } from './lab.ts';
import { useCables, witnessed } from './stories.ts';

const whyNot = reasonNotToMount();
if (whyNot !== null) console.warn(`full-disk tests are skipped: ${whyNot}`);
const testWithMount = whyNot === null ? test : test.skip;
const stage = useCables();
const value = 'x'.repeat(8000);

for (const [what, directoryOf] of [
  ['the journal', (label: FailoverLabel) => stage.lab.paths(label).journal],
  ['the whole instance', (label: FailoverLabel) => stage.lab.paths(label).directory],
] as const) {
  testWithMount(
    `FO-052, FO-050, FO-008: the disk of ${what} is full on the primary, which hands over; nothing is lost`,
    async () => {
      const { lab } = stage;
      const { primary, backup } = await lab.roles();
      const directory = directoryOf(primary);
      await onDiskOf(48, primary, directory, () =>
        witnessed(lab, `full disk of ${what}`, async (witness) => {
          fill(directory, join(directory, 'filler'));
          const load = importThrough(mirrorTarget());
          await lab.untilStatus(backup, 'Primary', 30_000);
          await witness.untilWrittenBy(backup);
          await load;
          // Its end is no matter of room.
          await lab.until(primary, 'gone', () => lab.pidOf(primary) === null, 30_000);
          run('mount', '-o', 'remount,size=96m', directory);
        }),
      );
    },
  );
}

testWithMount('FO-052: the same without a backup: updates wait, and go on when there is room', async () => {
  const { lab } = stage;
  const { primary, backup } = await lab.roles();
  const directory = lab.paths(primary).journal;
  await onDiskOf(48, primary, directory, () =>
    witnessed(lab, 'full disk alone', async (witness) => {
      await lab.on(backup, 'instance', 'stop', backup);
      await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
      const logged = lab.messages(primary).length;
      fill(directory, join(directory, 'filler'));
      let isLoaded = false;
      const load = importThrough(mirrorTarget()).then(() => {
        isLoaded = true;
      });
      await untilLogged(primary, logged, /make room/);
      await pause(3 * qosTimeoutMs);
      // Small updates may still find room; the load does not.
      expect(isLoaded).toBe(false);
      expect((await lab.status(primary))?.status).toBe('Primary');
      run('mount', '-o', 'remount,size=96m', directory);
      await load;
      await witness.untilWrittenBy(primary);
    }),
  );
});

testWithMount(
  'SYN-017: the disk of the databases of the backup is full: LMDB never meets it, the journal comes in, and it catches up',
  async () => {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    const directory = join(lab.paths(backup).directory, 'databases');
    await onDiskOf(64, backup, directory, async () => {
      fill(directory, join(directory, 'filler'));
      const pid = lab.pidOf(backup);
      const logged = lab.messages(backup).length;
      await importThrough(mirrorTarget());
      await untilLogged(backup, logged, /Dejournaling into \S+ failed: .* make room/);
      expect(lab.pidOf(backup)).toBe(pid);
      expect(hasActiveBackup(await lab.status(primary))).toBe(true);
      run('mount', '-o', 'remount,size=256m', directory);
      await caughtUp(backup);
      await lab.on(primary, 'verify', primary);
    });
  },
);

testWithMount(
  'SYN-003: the disk of an async is full: it stands, the primary goes on, and with room it receives again by itself',
  async () => {
    const { lab } = stage;
    const { primary } = await lab.roles();
    const { directory } = lab.paths('C');
    await onDiskOf(64, 'C', directory, async () => {
      fill(directory, join(directory, 'filler'));
      const pid = lab.pidOf('C');
      const logged = lab.messages('C').length;
      await importThrough(mirrorTarget());
      await untilLogged('C', logged, /Journaling is frozen/);
      expect(lab.pidOf('C')).toBe(pid);
      expect(hasActiveBackup(await lab.status(primary))).toBe(true);
      run('mount', '-o', 'remount,size=256m', directory);
      await untilLogged('C', logged, /Journaling goes on/);
      await caughtUp('C');
      await lab.on(primary, 'verify', primary);
    });
  },
);

/** SYN-017: an operator mends it and catches it up. */
async function caughtUp(label: Label): Promise<void> {
  const { lab } = stage;
  for (const { localName } of (await lab.status(label))?.databases ?? []) {
    await lab.on(label, 'database', 'catchup', label, localName);
  }
}

function mirrorTarget(): string {
  const { A, B } = stage.lab.addresses;
  return `mirror://${A.host}:${A.port},${B.host}:${B.port}/LAB`;
}

/** More than the zeros that the journal wrote ahead of its records. */
async function importThrough(target: string): Promise<void> {
  const lines = Array.from({ length: 400 }, (_, n) => JSON.stringify({ global: 'BIG', subscripts: [n], value }));
  await runWell(['global', target, 'import', '-', '--home', stage.lab.homeOf('A')], { input: `${lines.join('\n')}\n` });
}

/** A file system of its own under `directory` while `story` runs; what is in it is taken along, there and back. */
async function onDiskOf(megabytes: number, label: Label, directory: string, story: () => Promise<void>): Promise<void> {
  const { lab } = stage;
  const aside = mkdtempSync(join(tmpdir(), 'caretmirror-aside-'));
  await lab.on(label, 'instance', 'stop', label, '--nofailover');
  // It may just be asked by the other member, and write the fence into what is copied.
  await lab.on(label, 'agent', 'stop');
  cpSync(directory, aside, { recursive: true });
  run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', directory);
  try {
    cpSync(aside, directory, { recursive: true });
    await lab.on(label, 'instance', 'start', label);
    await lab.up();
    await story();
  } finally {
    rmSync(join(directory, 'filler'), { force: true });
    if (lab.pidOf(label) !== null) await lab.tryOn(label, 'instance', 'stop', label);
    if (lab.pidOf(label) !== null) await lab.kill(label);
    await lab.on(label, 'agent', 'stop');
    rmSync(aside, { recursive: true });
    cpSync(directory, aside, { recursive: true });
    run('umount', directory);
    for (const name of readdirSync(directory)) rmSync(join(directory, name), { recursive: true });
    cpSync(aside, directory, { recursive: true });
    rmSync(aside, { recursive: true });
  }
}

/** Leaves a little less than what is never touched. */
function fill(directory: string, path: string): void {
  const { bavail, bsize } = statfsSync(directory);
  const bytes = bavail * bsize - diskReserveBytes + 64 * 1024;
  const chunk = Buffer.alloc(1024 * 1024, 1);
  writeFileSync(path, '');
  for (let at = 0; at < bytes; at += chunk.length) {
    writeFileSync(path, at + chunk.length <= bytes ? chunk : chunk.subarray(0, bytes - at), { flag: 'a' });
  }
}

async function untilLogged(label: Label, from: number, words: RegExp): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!words.test(stage.lab.messages(label).slice(from))) {
    if (performance.now() > deadlineMs) {
      throw new Error(`${label} never logs ${words}: ${stage.lab.messages(label).slice(from)}`);
    }
    await pause(50);
  }
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${stderr}`);
}

function reasonNotToMount(): string | null {
  const place = mkdtempSync(join(tmpdir(), 'caretmirror-mount-'));
  try {
    const { status, stderr, error } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place], {
      encoding: 'utf8',
    });
    if (status !== 0) return `a tmpfs cannot be mounted here (${(error?.message ?? stderr).trim()})`;
    run('umount', place);
    return null;
  } finally {
    rmSync(place, { recursive: true });
  }
}
