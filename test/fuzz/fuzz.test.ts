/** A small run of the fuzz proof, and whether it notices a parser that is not as careful as it should be. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Standard output and the exit code, whatever that is. */
async function fuzz(...args: readonly string[]): Promise<{ out: string; code: number }> {
  try {
    const { stdout } = await promisify(execFile)(process.execPath, ['scripts/fuzz.mjs', ...args], { cwd: root });
    return { out: stdout, code: 0 };
  } catch (error) {
    const { stdout, code } = error as { stdout: string; code: number };
    return { out: stdout, code };
  }
}

test('every parser answers to broken inputs, or throws its own error', async () => {
  const { out, code } = await fuzz('--inputs', '30000');
  expect(out).toMatch(/^\d+ passed, 0 failed$/m);
  expect(code).toBe(0);
}, 120_000);

test('a parser without its checks is noticed, and the input that showed it can be tried again', async () => {
  const careless = ['--parser', 'client request', '--careless'];
  const { out, code } = await fuzz('--inputs', '20000', ...careless);
  expect(code).toBe(1);
  const [, input = ''] = /--input (\d+)$/m.exec(out) ?? [];
  const again = await fuzz(...careless, '--input', input);
  expect(again.out).toMatch(/^0 passed, 1 failed$/m);
}, 120_000);
