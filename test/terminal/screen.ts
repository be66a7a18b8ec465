/** A program on a real terminal: tmux holds the screen, takes the keys, and shows what an operator would see. */
import { spawnSync } from 'node:child_process';
import { programPath } from '../fixtures/program.ts';

/** Tests that need a tool are skipped with this reason when it is missing. */
export function lacks(...tools: readonly string[]): string | null {
  const missing = tools.filter((tool) => spawnSync('sh', ['-c', `command -v ${tool}`]).status !== 0);
  return missing.length === 0
    ? null
    : `${missing.join(' and ')} missing (apt-get install -y tmux expect openssh-client)`;
}

let count = 0;

export interface ScreenOptions {
  readonly columns?: number;
  readonly rows?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** A program with arguments that runs it, such as ssh. */
  readonly through?: readonly string[];
}

export class Screen {
  readonly #socket: string;

  /** Runs `caretmirror ARGS`; when it ends, `--- exit N` is shown. */
  constructor(args: readonly string[], { columns = 80, rows = 24, env = {}, through = [] }: ScreenOptions = {}) {
    count += 1;
    this.#socket = `caretmirror-${process.pid}-${count}`;
    const words = [...through, process.execPath, programPath(), ...args].map(quoted).join(' ');
    const settings = Object.entries({ NODE_OPTIONS: '', ...env }).map(([name, value]) => `${name}=${quoted(value)}`);
    const script = `env ${settings.join(' ')} ${words}; echo "--- exit $?"; exec cat`;
    this.#tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), script);
    this.#tmux('set-option', 'escape-time', '0');
  }

  /** Keys as tmux names them: Enter, C-c, C-d. */
  press(...keys: readonly string[]): void {
    this.#tmux('send-keys', ...keys);
  }

  /** As typed, without Enter. */
  type(text: string): void {
    this.#tmux('send-keys', '-l', text);
  }

  answer(text: string): void {
    if (text !== '') this.type(text);
    this.press('Enter');
  }

  /** What stands on the screen, and with `all` also what was scrolled away. */
  shown(all = true): string {
    return this.#tmux('capture-pane', '-p', ...(all ? ['-S', '-'] : []));
  }

  /** With escape codes of colours. */
  coloured(): string {
    return this.#tmux('capture-pane', '-p', '-e', '-S', '-');
  }

  /** Lines on the screen, without the empty ones at the end. */
  get lines(): readonly string[] {
    return this.shown().trimEnd().split('\n');
  }

  /** Waits until it is shown; returns all that is. */
  until(wanted: string | RegExp, timeoutMs?: number): Promise<string> {
    const isThere = (text: string) => (typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text));
    return this.untilTrue(String(wanted), isThere, timeoutMs);
  }

  async untilTrue(what: string, isThere: (shown: string) => boolean, timeoutMs = 15_000): Promise<string> {
    const deadlineMs = performance.now() + timeoutMs;
    for (;;) {
      const text = this.shown().trimEnd();
      if (isThere(text)) return text;
      if (performance.now() > deadlineMs) throw new Error(`${what} is not shown after ${timeoutMs} ms, but:\n${text}`);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  /** The last line is a prompt that waits. */
  untilPrompt(prompt: string, timeoutMs?: number): Promise<string> {
    return this.until(new RegExp(`(^|\n)${prompt.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\s*$`), timeoutMs);
  }

  /** Gives each prompt that comes its answer, in order; the next one counts when something has changed. */
  async answerAll(answers: readonly string[]): Promise<void> {
    for (const text of answers) {
      const before = await this.until(/[?>]\s*$/);
      this.answer(text);
      await this.untilTrue('a change', (shown) => shown !== before && /([?>]|--- exit \d+)\s*$/.test(shown));
    }
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Of the node process on the terminal, KB. */
  residentKilobytes(): number {
    const shell = this.#tmux('list-panes', '-F', '#{pane_pid}').trim();
    const { stdout } = spawnSync('ps', ['-o', 'rss=', '--ppid', shell], { encoding: 'utf8' });
    return Math.max(0, ...stdout.trim().split('\n').map(Number));
  }

  close(): void {
    spawnSync('tmux', ['-L', this.#socket, 'kill-server']);
  }

  #tmux(...args: readonly string[]): string {
    const env = { ...process.env, TERM: 'xterm-256color' };
    const { status, stdout, stderr, error } = spawnSync('tmux', ['-L', this.#socket, ...args], {
      encoding: 'utf8',
      env,
    });
    if (status !== 0) throw new Error(`tmux ${args[0]}: ${error?.message ?? stderr}`);
    return stdout;
  }
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
