/** Rows about what an operator waits for: the first prompt at a terminal, a piped session, the Status Monitor of a full mirror. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TemporaryLab } from '../lab-tools.mjs';
import { wallMs } from './process-rows.mjs';

const program = fileURLToPath(new URL('../../bin/caretmirror.js', import.meta.url));

/** A routine at a pseudo-terminal, which script(1) of util-linux makes. */
class Terminal {
  #shown = '';
  #onShown = () => {};
  #child;

  constructor(args, home) {
    const command = [process.execPath, program, ...args, '--home', home].map((word) => `'${word}'`).join(' ');
    this.#child = spawn('script', ['-qefc', command, '/dev/null'], {
      stdio: 'pipe',
      env: { ...process.env, TERM: 'xterm', COLUMNS: '80', LINES: '24' },
    });
    this.#child.stdout.on('data', (text) => {
      this.#shown += text;
      this.#onShown();
    });
    this.#child.once('close', () => this.#onShown('ended'));
    this.#child.once('error', () => this.#onShown('ended'));
  }

  /** Until this was shown, behind what was waited for before. */
  async until(text) {
    await new Promise((resolve, reject) => {
      this.#onShown = (ended) => {
        const at = this.#shown.indexOf(text);
        if (at < 0) return ended && reject(new Error(`the routine ended before it showed "${text}": ${this.#shown}`));
        this.#shown = this.#shown.slice(at + text.length);
        resolve();
      };
      this.#onShown();
    });
  }

  answer(text) {
    this.#child.stdin.write(`${text}\r`);
  }

  close() {
    this.#child.kill('SIGKILL');
  }
}

/** All members of a mirror that has as many as it can. */
async function fullMirror() {
  const lab = new TemporaryLab();
  await lab.up(['--dr', '7', '--reporting', '7']);
  return { home: lab.hosts.get('A').home, down: async () => lab.close() };
}

/** 50 answers: through the menus and their displays, twelve times four, and out. */
const fifty = `${'1\n1\n3\n\n'.repeat(12)}\n\n`;

export const operatorRows = [
  {
    name: 'prompt-terminal',
    what: 'the first prompt of ^MIRROR at a terminal, from the start of the program',
    peer: 'none',
    unit: ' ms',
    goal: { atMost: 250 },
    limit: 'the start of Node',
    ours: async (env) => {
      const pair = await env.idleInstance();
      const beganMs = performance.now();
      const terminal = new Terminal(['session', 'A', '^MIRROR'], pair.home('A'));
      try {
        await terminal.until('Option?');
        return performance.now() - beganMs;
      } finally {
        terminal.close();
      }
    },
  },
  {
    name: 'answers',
    what: 'a session of 50 piped answers, from the start of the program to its end',
    peer: 'none',
    unit: ' ms',
    goal: { atMost: 1500 },
    limit: 'the start of Node and a round trip for each menu',
    ours: async (env) => {
      const pair = await env.idleInstance();
      const args = [program, 'session', 'A', '^MIRROR', '--home', pair.home('A')];
      return await wallMs(process.execPath, args, { stdin: 'pipe', input: fifty });
    },
  },
  {
    name: 'monitor-16',
    what: 'the Status Monitor of a mirror of 16 members at a terminal, from the answer to its last line',
    peer: 'none',
    unit: ' ms',
    goal: { atMost: 300 },
    limit: 'a round trip, and loading the table',
    ours: async (env) => {
      const { home } = await env.process('mirror of 16', fullMirror);
      const terminal = new Terminal(['session', 'A', '^MIRROR'], home);
      try {
        await terminal.until('Option?');
        terminal.answer('1');
        await terminal.until('Option?');
        const beganMs = performance.now();
        terminal.answer('4');
        await terminal.until('specify new refresh interval');
        return performance.now() - beganMs;
      } finally {
        terminal.close();
      }
    },
  },
];
