import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { nodeProcesses } from '../../src/host/processes.ts';
import { makeProgram } from './program.ts';

let directory: string;
let taker: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'cm-lock-'));
  taker = makeProgram(
    directory,
    'taker',
    `import { createInterface } from 'node:readline';
     import { acquireLock } from 'src/host/lock-file.ts';
     const [path, how] = process.argv.slice(2);
     if (how === 'die') { acquireLock(path, 'instance'); process.kill(process.pid, 'SIGKILL'); }
     let lock = null;
     createInterface({ input: process.stdin }).on('line', (line) => {
       if (line === 'take') {
         try { lock = acquireLock(path, 'instance'); console.log('won'); }
         catch (error) { console.log(error.code === 'lock-held' ? 'held' : String(error)); }
       } else { lock?.release(); lock = null; console.log('released'); }
     });`,
  );
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A lock whose process was killed. */
function leaveStale(name: string): string {
  const path = join(directory, name);
  spawnSync(process.execPath, [taker, path, 'die']);
  return path;
}

describe('a lock file', () => {
  test('AGT-008: only one holds it, and it says who', () => {
    const path = join(directory, 'instance.lock');
    expect(nodeProcesses.describeLock(path)).toEqual({ state: 'free' });
    const lock = nodeProcesses.acquireLock(path, 'agent', { address: '*', port: 2188 });
    expect(nodeProcesses.describeLock(path)).toMatchObject({
      state: 'held',
      by: { pid: process.pid, kind: 'agent', about: { port: 2188 } },
    });
    expect(() => nodeProcesses.acquireLock(path, 'agent')).toThrow(
      expect.objectContaining({ code: 'lock-held', message: expect.stringContaining(`pid ${process.pid}`) }),
    );
    expect(lock.isHeld()).toBe(true);
    lock.release();
    expect(lock.isHeld()).toBe(false);
    expect(nodeProcesses.describeLock(path)).toEqual({ state: 'free' });
    lock.release();
  });

  test('CFG-063: one that was copied with its directory holds nothing there, and still holds the original', () => {
    const [original, copied] = ['original', 'copied'].map((name) => join(directory, name)) as [string, string];
    for (const each of [original, copied]) mkdirSync(each);
    const path = join(original, 'instance.lock');
    const copy = join(copied, 'instance.lock');
    const lock = nodeProcesses.acquireLock(path, 'instance');
    copyFileSync(path, copy);
    expect(nodeProcesses.describeLock(copy)).toEqual({ state: 'free' });
    const second = nodeProcesses.acquireLock(copy, 'instance');
    for (const each of [path, copy]) expect(nodeProcesses.describeLock(each).state).toBe('held');
    expect([lock.isHeld(), second.isHeld()]).toEqual([true, true]);
    second.release();
    // Moved, or in the same place with another number of the file, it is the same lock.
    renameSync(path, copy);
    expect(nodeProcesses.describeLock(copy).state).toBe('held');
    copyFileSync(copy, path);
    expect(nodeProcesses.describeLock(path).state).toBe('held');
    // An earlier release did not say where it was made.
    const { made: _, ...earlier } = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(join(directory, 'earlier.lock'), JSON.stringify(earlier));
    expect(nodeProcesses.describeLock(join(directory, 'earlier.lock')).state).toBe('held');
  });

  test('releasing does not take away the lock of a successor', () => {
    const path = join(directory, 'successor.lock');
    const first = nodeProcesses.acquireLock(path, 'instance');
    rmSync(path);
    const second = nodeProcesses.acquireLock(path, 'instance');
    first.release();
    expect(second.isHeld()).toBe(true);
    second.release();
  });

  test('one whose process was killed is free and is taken over; nothing is left behind', () => {
    const path = leaveStale('stale.lock');
    expect(JSON.parse(readFileSync(path, 'utf8')).pid).toBeGreaterThan(0);
    expect(nodeProcesses.describeLock(path)).toEqual({ state: 'free' });
    nodeProcesses.acquireLock(path, 'instance').release();
    expect(readdirSync(directory).filter((name) => name.startsWith('stale.lock'))).toEqual([]);
  });

  test('one whose pid now belongs to another process is taken over', () => {
    const path = leaveStale('reused.lock');
    const content = JSON.parse(readFileSync(path, 'utf8'));
    writeFileSync(path, JSON.stringify({ ...content, pid: process.pid }));
    expect(nodeProcesses.describeLock(path)).toEqual({ state: 'free' });
    nodeProcesses.acquireLock(path, 'instance').release();
  });

  test('one that cannot be read belongs to nobody', () => {
    const path = join(directory, 'empty.lock');
    writeFileSync(path, '');
    nodeProcesses.acquireLock(path, 'instance').release();
  });

  test('a taker that died half-way is succeeded, one that lives is respected', () => {
    const path = leaveStale('half.lock');
    const stale = JSON.parse(readFileSync(path, 'utf8'));
    const right = `${path}.after-${stale.nonce}`;
    writeFileSync(right, JSON.stringify({ ...stale, nonce: 'abcdef' }));
    nodeProcesses.acquireLock(path, 'instance').release();
    expect(readdirSync(directory).filter((name) => name.startsWith('half.lock'))).toEqual([]);

    writeFileSync(path, JSON.stringify(stale));
    writeFileSync(right, JSON.stringify({ ...stale, ...nodeProcesses.self, nonce: 'abcdef' }));
    expect(() => nodeProcesses.acquireLock(path, 'instance')).toThrow(expect.objectContaining({ code: 'lock-held' }));
  });

  test('of many takers of a stale lock exactly one wins, round after round', async () => {
    const path = leaveStale('race.lock');
    const stale = readFileSync(path, 'utf8');
    const takers = Array.from({ length: 5 }, () => new Taker(path));
    try {
      for (let round = 0; round < 60; round += 1) {
        // Every third round begins with no lock at all.
        if (round % 3 === 0) rmSync(path, { force: true });
        else writeFileSync(path, stale);
        const answers = await Promise.all(takers.map((one) => one.say('take')));
        expect([...answers].sort()).toEqual(['held', 'held', 'held', 'held', 'won']);
        await takers[answers.indexOf('won')]!.say('release');
      }
    } finally {
      for (const one of takers) one.end();
    }
    rmSync(path, { force: true });
    expect(readdirSync(directory).filter((name) => name.startsWith('race.lock'))).toEqual([]);
  });
});

class Taker {
  readonly #child: ChildProcess;
  #heard: (line: string) => void = () => {};
  constructor(path: string) {
    this.#child = spawn(process.execPath, [taker, path, 'wait'], { stdio: ['pipe', 'pipe', 'inherit'] });
    createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#heard(line));
  }
  say(word: string): Promise<string> {
    return new Promise((resolve) => {
      this.#heard = resolve;
      this.#child.stdin!.write(`${word}\n`);
    });
  }
  end(): void {
    this.#child.kill('SIGKILL');
  }
}
