/** TAB in real shells, and the manual page as `man` shows it: both are made from what the commands say of themselves. */
import { execFile, spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createConfiguration, readConfiguration } from '../../src/host/configuration-file.ts';
import { ordinaryDatabase } from '../../src/instance/catalog-parts.ts';
import { FreshPrograms } from '../fixtures/fresh-programs.ts';
import { mirrorSet } from '../fixtures/scripted-instance.ts';

jest.setTimeout(120_000);

const programs = new FreshPrograms();
const home = join(programs.directory, 'home');
const script = (shell: string) => join(programs.directory, `completion.${shell}`);
const isThere = (shell: string) => spawnSync(shell, ['--version']).status === 0;

beforeAll(async () => {
  await programs.build();
  for (const name of ['ALPHA', 'BETA']) await programs.runWell('instance', 'create', name, '--home', home);
  const path = join(home, 'instances', 'ALPHA', 'configuration.json');
  const before = await readConfiguration(path);
  const database = ordinaryDatabase('CITIES', '/data/cities');
  rmSync(path);
  await createConfiguration(path, { ...before, mirrorSet, member: 'ALPHA/IRIS', databases: [database] });
  for (const shell of ['bash', 'zsh', 'fish'])
    writeFileSync(script(shell), await programs.runWell('completion', shell));
});

afterAll(() => programs.remove());

/** What each shell offers for a line that ends where the cursor is. */
const offers: Readonly<Record<string, (words: readonly string[]) => readonly [string, ...string[]]>> = {
  bash: (words) => [
    'bash',
    '-c',
    `source ${script('bash')}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _caretmirror "$1"; printf '%s\\n' "\${COMPREPLY[@]}"`,
    'bash',
    ...words,
  ],
  zsh: (words) => [
    'zsh',
    '-fc',
    `compdef() { :; }; compadd() { shift; print -l -- "\${(@P)1}"; }; _files() { :; }; source ${script('zsh')}; words=("$@"); CURRENT=$#; _caretmirror`,
    'zsh',
    ...words,
  ],
  fish: (words) => ['fish', '--no-config', '-c', `source ${script('fish')}; complete -C '${words.join(' ')}'`],
};

async function offered(shell: string, ...typed: readonly string[]): Promise<readonly string[]> {
  // The word that is called is the program itself, under the name that completion knows.
  const bin = join(programs.directory, 'path');
  const env = { ...process.env, NODE_OPTIONS: '', CARETMIRROR_HOME: home, PATH: `${bin}:${process.env.PATH}` };
  const [file, ...args] = offers[shell]?.(['caretmirror', ...typed]) ?? [''];
  const { stdout } = await promisify(execFile)(file as string, args, { env });
  return stdout.split('\n').filter((line) => line !== '');
}

beforeAll(async () => {
  const path = join(programs.directory, 'path');
  const program = join(programs.directory, 'bin', 'caretmirror.js');
  spawnSync('mkdir', ['-p', path]);
  writeFileSync(join(path, 'caretmirror'), `#!/bin/sh\nexec ${process.execPath} ${program} "$@"\n`, { mode: 0o755 });
});

describe.each(['bash', 'zsh', 'fish'])('%s', (shell) => {
  const here = isThere(shell) ? test : test.skip;

  here('completes commands, options, fixed words and the names that there are', async () => {
    expect(await offered(shell, 'mir')).toEqual(['mirror']);
    expect(await offered(shell, 'mirror', 'pro')).toEqual(['promote']);
    expect(await offered(shell, 'mirror', 'become-primary', '--s')).toEqual(['--situation']);
    expect([...(await offered(shell, 'status', ''))].sort()).toEqual(['ALPHA', 'BETA']);
    expect(await offered(shell, 'status', 'al')).toEqual(['ALPHA']);
    expect([...(await offered(shell, 'mirror', 'force-primary', 'ALPHA', '--confirm', ''))].sort()).toEqual([
      'ALPHA/IRIS',
      'BETA/IRIS',
      'GAMMA_IRIS',
    ]);
    expect(await offered(shell, 'database', 'mount', 'ALPHA', 'C')).toEqual(['CITIES']);
    expect(await offered(shell, 'wait', 'ALPHA', '--for', 'ca')).toEqual(['caught-up']);
    expect(await offered(shell, 'sys', 'SYS.Mirror.AddD')).toEqual([
      'SYS.Mirror.AddDatabase',
      'SYS.Mirror.AddDatabaseNonPrimary',
    ]);
  });
});

test('what is typed behind a program of another home is completed from that one', async () => {
  const words = (...typed: string[]) => programs.runWell('completion', 'words', '--', ...typed);
  expect(await words('--home', home, 'status', '')).toBe('ALPHA\nBETA\n');
  expect(await words('--home', join(home, 'nothing'), 'status', '')).toBe('');
  expect(await words('instance', 'create', 'X', 'too', 'much', '')).toBe('');
});

test('every command is reached by completion and stands in the manual page', async () => {
  const words = async (...typed: string[]) =>
    (await programs.runWell('completion', 'words', '--', ...typed)).split('\n').filter((word) => word !== '');
  const page = await programs.runWell('man-page');
  const shown = page.replace(/\\-/g, '-').replace(/\\\(ha/g, '^');
  const groups = await words('');
  expect(groups).toEqual(expect.arrayContaining(['session', 'instance', 'mirror', 'sys', 'completion', 'lab']));
  for (const group of groups.filter((name) => name !== 'help')) {
    const below = await words(group, '');
    const help = await programs.runWell(group, '--help');
    expect(shown).toContain(`.SS ${group}`);
    if (!help.includes('\nCommands:')) continue;
    for (const command of below.filter((name) => name !== 'help')) expect(shown).toContain(`\\fB${group} ${command}`);
  }
});

(isThere('man') ? test : test.skip)('man shows the page without a warning', async () => {
  const path = join(programs.directory, 'dist', 'caretmirror.1');
  const env = { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' };
  const { stdout, stderr } = await promisify(execFile)('man', ['--warnings', '-l', path], { env });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/mirror force-primary <instance>/);
  expect(stdout).toMatch(/EXIT STATUS[\s\S]*130/);
});
