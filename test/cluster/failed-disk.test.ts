/** A disk that fails or hangs under the journal of a real process: a preloaded library stands for it. Needs gcc. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from '@jest/globals';
import { runWell } from '../fixtures/program.ts';
import { type FailoverLabel, hasActiveBackup } from './lab.ts';
import { useCables, witnessed } from './stories.ts';

const directory = mkdtempSync(join(tmpdir(), 'caretmirror-fault-'));
const library = join(directory, 'disk-fault.so');
const trigger = join(directory, 'trigger');
const whyNot = reasonNotToBuild();
if (whyNot !== null) console.warn(`failed-disk tests are skipped: ${whyNot}`);
const testWithLibrary = whyNot === null ? test : test.skip;
const stage = useCables();
afterAll(() => rmSync(directory, { recursive: true, force: true }));

testWithLibrary(
  'SYN-003, FO-050: a failed sync of the journal ends the primary at once, the backup takes over, nothing is lost',
  async () => {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    await onFaultyDisk(primary, () =>
      witnessed(lab, 'failed sync', async (witness) => {
        const logged = lab.messages(primary).length;
        writeFileSync(trigger, 'fail');
        await lab.untilStatus(backup, 'Primary', 30_000);
        await witness.untilWrittenBy(backup);
        await lab.until(primary, 'gone', () => lab.pidOf(primary) === null, 30_000);
        const said = lab.messages(primary).slice(logged);
        expect(said).toMatch(/Instance fails: Syncing .*MIRROR-.* failed \(EIO\): what is durable is unknown/);
      }),
    );
  },
);

testWithLibrary(
  'FO-010, SYN-006: a sync that hangs on the backup is noticed within the QoS timeout, the primary goes on, and it comes back',
  async () => {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    await onFaultyDisk(backup, () =>
      witnessed(lab, 'hung sync on the backup', async (witness) => {
        writeFileSync(trigger, 'hang');
        await lab.until(primary, 'without an active backup', (status) => !hasActiveBackup(status));
        await witness.untilWrittenBy(primary);
        rmSync(trigger);
        await lab.until(primary, 'with an active backup', hasActiveBackup, 30_000);
        await witness.untilWrittenBy(primary);
      }),
    );
  },
);

/** The instance runs with the library while `story` does. */
async function onFaultyDisk(label: FailoverLabel, story: () => Promise<void>): Promise<void> {
  const { lab } = stage;
  await lab.on(label, 'instance', 'stop', label, '--nofailover');
  const env = { LD_PRELOAD: library, DISK_FAULT: trigger };
  await runWell(['--home', lab.homeOf(label), 'instance', 'start', label], { env });
  await lab.up();
  try {
    await story();
  } finally {
    rmSync(trigger, { force: true });
    if (lab.pidOf(label) !== null) await lab.tryOn(label, 'instance', 'stop', label);
    if (lab.pidOf(label) !== null) await lab.kill(label);
  }
}

function reasonNotToBuild(): string | null {
  const source = fileURLToPath(new URL('./disk-fault.c', import.meta.url));
  const { error, status, stderr } = spawnSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], {
    encoding: 'utf8',
  });
  if (error !== undefined) return `gcc cannot be started (${(error as NodeJS.ErrnoException).code})`;
  return status === 0 ? null : `gcc failed: ${stderr.trim()}`;
}
