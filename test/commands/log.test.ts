/** `caretmirror log`: lines of messages.log by severity, once or as they come. */
import { spawn } from 'node:child_process';
import { appendFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { FreshPrograms } from '../fixtures/fresh-programs.ts';

jest.setTimeout(120_000);

const programs = new FreshPrograms();
const home = join(programs.directory, 'home');
const path = join(home, 'instances', 'A', 'messages.log');
const line = (severity: number, text: string) => `11/28/26-20:00:00:000 (77) ${severity} [Utility.Event] ${text}\n`;

beforeAll(async () => {
  await programs.build();
  await programs.runWell('instance', 'create', 'A', '--home', home);
  appendFileSync(path, line(0, 'information') + line(1, 'warning') + line(2, 'severe'));
});

afterAll(() => programs.remove());

test('all lines, and those of a severity and worse', async () => {
  const log = (...args: string[]) => programs.runWell('log', ...args, '--home', home);
  expect(await log()).toBe(line(0, 'information') + line(1, 'warning') + line(2, 'severe'));
  expect(await log('A', '--severity', '1')).toBe(line(1, 'warning') + line(2, 'severe'));
  expect(JSON.parse(await log('A', '--severity', '2', '--json'))).toEqual([
    { at: new Date(2026, 10, 28, 20).toISOString(), pid: 77, severity: 2, event: 'Utility.Event', text: 'severe' },
  ]);
});

test('--follow goes on with the lines to come, whole ones only', async () => {
  const program = join(programs.directory, 'bin', 'caretmirror.js');
  const args = [program, 'log', 'A', '--follow', '--severity', '1', '--home', home];
  const child = spawn(process.execPath, args, { env: { ...process.env, NODE_OPTIONS: '' } });
  let shown = '';
  const until = (text: string) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (shown.includes(text)) resolve();
        else child.stdout.once('data', () => setImmediate(look));
      };
      look();
    });
  child.stdout.on('data', (chunk) => {
    shown += chunk;
  });
  try {
    await until('severe');
    const last = line(3, 'fatal');
    appendFileSync(path, line(0, 'not shown') + line(1, 'later') + last.slice(0, 30));
    await until('later');
    appendFileSync(path, last.slice(30));
    await until('fatal');
    // A new file, longer than the old one, with lines in both that were not read yet.
    appendFileSync(path, line(2, 'last of the old file'));
    renameSync(path, `${path.replace('.log', '.old_20261128')}`);
    appendFileSync(path, line(0, 'filling'.repeat(200)) + line(2, 'first of the new file'));
    await until('new file');
  } finally {
    child.kill('SIGINT');
  }
  expect(shown).toBe(
    line(1, 'warning') +
      line(2, 'severe') +
      line(1, 'later') +
      line(3, 'fatal') +
      line(2, 'last of the old file') +
      line(2, 'first of the new file'),
  );
});
