/** Every exit code of the contract, from programs as a script runs them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { FreshPrograms } from '../fixtures/fresh-programs.ts';

jest.setTimeout(120_000);

const programs = new FreshPrograms();
const home = join(programs.directory, 'home');
const run = (args: readonly string[], input = '') => programs.run([...args, '--home', home], input);

beforeAll(async () => {
  await programs.build();
  for (const name of ['UP', 'DOWN']) await programs.runWell('instance', 'create', name, '--home', home);
  await programs.runWell('instance', 'start', 'UP', '--home', home);
});

afterAll(async () => {
  await run(['instance', 'force', 'UP']);
  programs.remove();
}, 60_000);

test.each([
  [0, ['status', 'UP', '--json'], ''],
  [0, ['session', 'UP', '^MIRROR'], '\n'],
  [0, ['session', 'UP', '^MIRROR'], ''],
  [1, ['mirror', 'stop', 'UP'], ''],
  [1, ['status', 'NONE'], ''],
  [2, ['status', 'UP', '--no-such-option'], ''],
  [2, ['status'], ''],
  [3, ['session', 'UP', '^MIRROR'], '77\n'],
  [3, ['session', 'UP', '^DATABASE'], '1\n'],
  [4, ['status', 'DOWN'], ''],
  [4, ['session', 'DOWN', '^MIRROR'], '\n'],
  [5, ['wait', 'UP', '--for', 'primary', '--timeout', '1ms'], ''],
])('exit %d: %j', async (code, args, input) => {
  const ran = await run(args, input);
  expect({ args, code: ran.code }).toEqual({ args, code });
  // The reason is one line on standard error; a session has said more on standard output.
  expect(ran.err.split('\n').length).toBe(code === 0 ? 1 : 2);
  if (code !== 0 && args[0] !== 'session') expect(ran.out).toBe('');
});

test('130: what is interrupted ends by that signal, which a shell shows as 128 + 2', async () => {
  const program = join(programs.directory, 'bin', 'caretmirror.js');
  const env = { ...process.env, NODE_OPTIONS: '' };
  const child = spawn(process.execPath, [program, 'status', 'UP', '--watch', '--json', '--home', home], { env });
  await once(child.stdout, 'data');
  child.kill('SIGINT');
  const [code, signal] = await once(child, 'close');
  expect(code === 130 || signal === 'SIGINT').toBe(true);
});

test('an answer file that ends in the middle of an action abandons it, and names line, prompt and what was expected', async () => {
  const path = join(programs.directory, 'answers.txt');
  writeFileSync(path, '# make a database\n1   # Create\n');
  const { code, err } = await run(['session', 'UP', '^DATABASE', '--answers', path]);
  expect(code).toBe(3);
  expect(err).toMatch(/^line 3 of the answers, at ".*": the answers ended: expected .*nothing was changed\n$/);
});
