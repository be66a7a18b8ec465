/** The routine from another host: over ssh with a terminal (-t), and without one, where answers are piped. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { CableLab } from '../cluster/cable-lab.ts';
import { type Label, pause } from '../cluster/lab.ts';
import { programPath, type Ran, runProgram } from '../fixtures/program.ts';
import { lacks, Screen } from './screen.ts';
import { lacksSsh, SshHost } from './ssh-host.ts';

const whyNot = lacks('tmux') ?? lacksSsh();
if (whyNot !== null) console.warn(`tests over ssh are skipped: ${whyNot}`);
const describeSsh = whyNot === null ? describe : describe.skip;

const lab = new CableLab();
const ssh = new SshHost();
const screens: Screen[] = [];

afterEach(() => {
  for (const screen of screens.splice(0)) screen.close();
});

function open(label: Label): Screen {
  const screen = new Screen(['--home', lab.homeOf(label)], { through: ssh.client('-t') });
  screens.push(screen);
  return screen;
}

/** Without a terminal. */
function run(label: Label, args: readonly string[], answers?: readonly string[]): Promise<Ran> {
  const input = answers?.map((each) => `${each}\n`).join('');
  const options = { through: ssh.client('-T'), ...(input === undefined ? {} : { input }) };
  return runProgram([...args, '--home', lab.homeOf(label)], options);
}

interface Found {
  readonly pid: number;
  readonly words: readonly string[];
}

/** Processes of this machine that were started with that home and are no daemons. */
function processesAt(home: string): readonly Found[] {
  const found: Found[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const ours = words.includes(home) && (words.includes(programPath()) || words[0]?.endsWith('ssh'));
      if (ours) found.push({ pid: Number(pid), words });
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

const clientsAt = (home: string) => processesAt(home).filter(({ words }) => words[0]?.endsWith('ssh'));
const routinesAt = (home: string) => processesAt(home).filter(({ words }) => words[0] === process.execPath);

/** The connection is lost as if the client's host were; nothing of the session is left here. */
async function hangUp(home: string): Promise<void> {
  expect(routinesAt(home)).toHaveLength(1);
  for (const { pid } of clientsAt(home)) process.kill(pid, 'SIGKILL');
  const deadlineMs = performance.now() + 10_000;
  while (processesAt(home).length > 0) {
    if (performance.now() > deadlineMs) throw new Error(`left: ${JSON.stringify(processesAt(home))}`);
    await pause(30);
  }
}

const qos = async (): Promise<number | undefined> => (await lab.status('A'))?.qosTimeoutMs;

describeSsh('over ssh', () => {
  beforeAll(async () => {
    await Promise.all([lab.up(2000), ssh.start()]);
  });
  afterAll(async () => {
    await ssh.close();
    await lab.close();
  });

  test('-t: menus, colours, and the size of the terminal, which may change', async () => {
    const screen = open('A');
    await screen.answerAll(['1']);
    screen.answer('4');
    await screen.until(/refresh interval <60>\s*$/);
    expect(screen.shown()).not.toContain('Transfer lag');
    expect(screen.coloured()).toMatch(/\x1b\[\d+m/);
    screen.resize(132, 43);
    screen.answer('');
    await screen.until(/Transfer lag[\s\S]*refresh interval <60>\s*$/);
    await screen.answerAll(['q', '', '']);
    await screen.until('--- exit 0');
  });

  test('-t: Ctrl-C abandons a question, and at a menu ends with 130, which ssh hands on', async () => {
    const screen = open('A');
    await screen.answerAll(['3', 'Adjust']);
    screen.type('4000');
    screen.press('C-c');
    await screen.until(/Abandoned\. Nothing was changed\.[\s\S]*Option\?\s*$/);
    screen.press('C-c');
    await screen.until('--- exit 130');
    expect(await qos()).toBe(2000);
  });

  test('a connection that is lost leaves no process: before a confirmation nothing is changed, behind it all of it is', async () => {
    const [a, b] = [lab.homeOf('A'), lab.homeOf('B')];
    const screen = open('A');
    await screen.answerAll(['3', 'Adjust', '4000']);
    await screen.until(/Save this setting\? <No>\s*$/);
    await hangUp(a);
    expect(await qos()).toBe(2000);

    const words = [...ssh.client('-T'), process.execPath, programPath(), '--home', a];
    const piped = spawn(words[0] ?? '', words.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    const asked = new Promise<void>((resolve) => {
      let shown = '';
      piped.stdout.on('data', (chunk) => {
        shown += chunk;
        if (shown.includes('Save this setting? <No> ')) resolve();
      });
    });
    piped.stdin.write('3\nAdjust\n4000\n');
    await asked;
    await hangUp(a);
    expect(await qos()).toBe(2000);

    await lab.until(
      'A',
      'with an active backup',
      (now) => now?.members.some((row) => row.journalTransfer === 'Active') === true,
    );
    const beganMs = Date.now();
    const other = open('B');
    await other.answerAll(['2', '5']);
    other.answer('y');
    await lab.untilEvent('B', 'takes the order become-primary', beganMs);
    await hangUp(b);
    await lab.untilStatus('B', 'Primary');
    await lab.up(2000);
    expect(await lab.roles()).toEqual({ primary: 'B', backup: 'A' });
  });

  test('without -t answers are piped, without one escape code; where they end in a question nothing is changed', async () => {
    const { primary } = await lab.roles();
    const done = await run(primary, [], ['3', 'Adjust', '2500', 'y', '', '1', '4', 'q', '', '']);
    expect(done).toMatchObject({ code: 0, err: '' });
    expect(done.out).toMatch(/now has .*QoS timeout 2500 ms[\s\S]*Status of Mirror LAB/);
    expect(done.out).not.toContain('\x1b');
    const ended = await run(primary, [], ['3', 'Adjust', '2000']);
    expect(ended).toMatchObject({ code: 3, err: expect.stringMatching(/the answers ended.*nothing was changed\n$/) });
    expect((await lab.status(primary))?.qosTimeoutMs).toBe(2500);
  });

  test('each exit code comes back through ssh', async () => {
    const { primary, backup } = await lab.roles();
    for (const [label, args, code] of [
      [primary, ['status', primary], 0],
      [primary, ['mirror', 'demote', primary, '--confirm', primary], 1],
      [backup, ['mirror', 'demote', backup], 2],
      [backup, ['wait', backup, '--for', 'primary', '--timeout', '100ms'], 5],
      [backup, ['mirror', 'show', backup], 4],
    ] as const) {
      if (code === 4) await lab.kill(label);
      const [there, here] = [await run(label, args), await lab.tryOn(label, ...args)];
      expect({ args, ...there }).toMatchObject({ args, code });
      expect([there.code, there.err]).toEqual([here.code, here.err]);
    }
  });
});
