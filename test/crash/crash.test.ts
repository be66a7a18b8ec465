/** A small run of the crash proof: the workloads in which it once found something, and whether it notices at all. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));
const node = (...args: readonly string[]) => promisify(execFile)(process.execPath, args, { cwd: root });

test('crashes at every system call of journal, record, configuration, events and databases leave what was acknowledged', async () => {
  const { stdout } = await node('scripts/crash.mjs', '--only', 'states,databases', '--quick');
  const [, passed] = /^(\d+) passed, 0 failed$/m.exec(stdout) ?? [];
  expect(Number(passed)).toBeGreaterThan(500);
}, 120_000);

test('without the sync of the directory a crash is noticed, and its state can be tried again', async () => {
  const { stdout } = await node(
    'scripts/crash.mjs',
    '--mutants',
    '--only',
    'the directory of a replaced file is not synced',
  );
  expect(stdout).toMatch(/^caught /m);
  expect(stdout).toMatch(/^1 passed, 0 failed$/m);
}, 120_000);
