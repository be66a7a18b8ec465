/** Damaged files, taken ports and second processes: refused in one line that names the file, and nothing is made worse. */

import { spawnSync } from 'node:child_process';
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { programPath, type Ran, runProgram, runWell } from '../fixtures/program.ts';
import { useCables } from './stories.ts';

const made: string[] = [];
afterAll(() => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

function newHome(): string {
  const home = mkdtempSync(join(tmpdir(), 'caretmirror-cluster-'));
  made.push(home);
  return home;
}

/** One line on standard error, exit 1. */
function expectRefused(ran: Ran, ...words: readonly (string | RegExp)[]): void {
  expect(ran).toMatchObject({ code: 1, out: '' });
  expect(ran.err.trim().split('\n')).toHaveLength(1);
  for (const word of words) expect(ran.err).toMatch(word);
}

describe('an instance alone', () => {
  const address = '127.251.0.1';
  const run = (home: string, ...args: readonly string[]) => runProgram([...args, '--home', home]);

  async function instanceIn(home: string): Promise<string> {
    await runWell(['instance', 'create', 'ONE', '--address', address, '--home', home]);
    return join(home, 'instances', 'ONE');
  }

  test('a port in use is named, and the other one is left alone', async () => {
    const [first, second] = [newHome(), newHome()];
    await instanceIn(first);
    await instanceIn(second);
    expect((await run(first, 'instance', 'start', 'ONE')).code).toBe(0);
    expectRefused(await run(second, 'instance', 'start', 'ONE'), `${address}:1972`);
    const [listed] = JSON.parse((await run(first, 'instance', 'list', '--json')).out);
    expect(listed.state).toBe('up');
    await run(first, 'instance', 'stop', 'ONE');
  });

  test('a damaged configuration is refused and never overwritten', async () => {
    const home = newHome();
    const path = join(await instanceIn(home), 'configuration.json');
    for (const text of ['{"instance":"ONE",', '', '{"instance":"ONE"}', '\u0000\u0000\u0000']) {
      writeFileSync(path, text);
      expectRefused(await run(home, 'instance', 'start', 'ONE'), path);
      expect(readFileSync(path, 'utf8')).toBe(text);
    }
  });

  test('CFG-004: a mirror is neither created nor joined without an agent on this host', async () => {
    const home = newHome();
    await instanceIn(home);
    await run(home, 'instance', 'start', 'ONE');
    expectRefused(await run(home, 'mirror', 'create', 'ONE', '--mirror', 'M'), /ISCAgent/);
    const join = ['--mirror', 'M', '--type', 'failover', '--agent', `${address}:2188`, '--instance', 'TWO'];
    expectRefused(await run(home, 'mirror', 'join', 'ONE', ...join), /ISCAgent/);
    await run(home, 'agent', 'start', '--address', address);
    expectRefused(await run(home, 'mirror', 'join', 'ONE', ...join.with(5, '127.251.0.9:2188')), /127\.251\.0\.9/);
    await run(home, 'instance', 'stop', 'ONE');
    await run(home, 'agent', 'stop');
  });
});

describe('a member', () => {
  const stage = useCables();

  /** The backup with some journal, down; and where its journal ends. */
  async function stoppedBackup(): Promise<{ label: 'A' | 'B'; journalPath: string; endOffset: number }> {
    const { lab } = stage;
    const { primary, backup } = await lab.roles();
    const lines = Array.from({ length: 300 }, (_, n) =>
      JSON.stringify({ global: 'FILL', subscripts: [n], value: 'x'.repeat(100) }),
    );
    const args = ['global', primary, 'import', '-', '--home', lab.homeOf(primary)];
    await runWell(args, { input: `${lines.join('\n')}\n` });
    const at = (await lab.status(primary))?.position?.sequence ?? 0;
    const status = await lab.until(backup, 'level', (now) => (now?.position?.sequence ?? 0) >= at);
    await lab.kill(backup);
    const { file, offset } = status?.position ?? { file: '', offset: 0 };
    return { label: backup, journalPath: join(lab.paths(backup).journal, file), endOffset: offset };
  }

  test('a damaged record of its role is refused and never overwritten', async () => {
    const { lab } = stage;
    const { backup } = await lab.roles();
    await lab.on(backup, 'instance', 'stop', backup);
    const path = lab.paths(backup).member;
    const whole = readFileSync(path);
    for (const damaged of [
      Buffer.from('{}'),
      whole.subarray(0, whole.length >> 1),
      Buffer.from(whole.toString().replace(/\d/, (digit) => String((Number(digit) + 1) % 10))),
    ]) {
      writeFileSync(path, damaged);
      expectRefused(await lab.tryOn(backup, 'instance', 'start', backup), path, /damaged/);
      expect(readFileSync(path)).toEqual(damaged);
    }
    writeFileSync(path, whole);
    await lab.on(backup, 'instance', 'start', backup);
  });

  test('a damaged block in the middle of the journal is refused with file and offset', async () => {
    const { lab } = stage;
    const { label, journalPath, endOffset } = await stoppedBackup();
    const middle = endOffset >> 1;
    const before = flip(journalPath, middle);
    const refused = await lab.tryOn(label, 'instance', 'start', label);
    expectRefused(refused, journalPath, /offset \d+/);
    const offset = Number(/offset (\d+)/.exec(refused.err)?.[1]);
    expect(offset).toBeLessThanOrEqual(middle);
    expect(offset).toBeGreaterThan(middle - 300);
    expect(flip(journalPath, middle)).not.toBe(before);
    await lab.on(label, 'instance', 'start', label);
  });

  test('SYN-001: a torn write at the end of the journal is cut off, and that is logged', async () => {
    const { lab } = stage;
    const { label, journalPath, endOffset } = await stoppedBackup();
    const file = openSync(journalPath, 'r+');
    writeSync(file, Buffer.alloc(57, 0xa5), 0, 57, endOffset);
    closeSync(file);
    await lab.on(label, 'instance', 'start', label);
    expect(lab.messages(label)).toMatch(/cut 57 bytes of a torn write off/);
    await lab.untilStatus(label, 'Backup');
  });

  test('a second daemon on the same directory is refused', async () => {
    const { lab } = stage;
    const { primary } = await lab.roles();
    const daemon = join(dirname(programPath()), 'caretmirror-instance.js');
    const second = spawnSync(process.execPath, [daemon, '--directory', lab.paths(primary).directory], {
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(`already running (pid ${lab.pidOf(primary)})`);
    expect((await lab.status(primary))?.status).toBe('Primary');
  });

  test('a copied instance directory does not start beside the original', async () => {
    const { lab } = stage;
    const { primary } = await lab.roles();
    const copy = newHome();
    cpSync(lab.homeOf(primary), copy, { recursive: true, filter: (path) => !/\.(sock|lock)$/.test(path) });
    const { host, port } = lab.addresses[primary];
    expectRefused(await runProgram(['instance', 'start', primary, '--home', copy]), `${host}:${port}`);
    expect((await lab.status(primary))?.status).toBe('Primary');
  });
});

/** Turns one byte around; returns what it was. */
function flip(path: string, offset: number): number {
  const file = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(file, byte, 0, 1, offset);
  const before = byte[0] ?? 0;
  writeSync(file, Buffer.from([before ^ 0xff]), 0, 1, offset);
  closeSync(file);
  return before;
}
