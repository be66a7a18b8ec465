/**
 * Answers from a terminal. A gate stands between the keyboard and each prompt: the terminal is raw for the whole session,
 * keys up to the one that ends a prompt go to the open prompt, and the rest waits for the next one. Without it inquirer
 * throws away what was typed or pasted ahead.
 */
import { PassThrough } from 'node:stream';
import type { Answer, Answers, Wish } from './answers.ts';
import type { ByteSource } from './line-reader.ts';

export type TtyInput = ByteSource & { setRawMode(raw: boolean): unknown };

const CTRL_C = 0x03;
const CTRL_D = 0x04;
const LINE_FEED = 0x0a;
const RETURN = 0x0d;
const CTRL_Z = 0x1a;
const fatalSignals = ['SIGTERM', 'SIGHUP', 'SIGINT'] as const;
const historyMax = 100;

export class TtyAnswers implements Answers {
  readonly isTerminal = true;
  readonly #input: TtyInput;
  readonly #output: NodeJS.WritableStream;
  readonly #history: string[] = [];
  #held: number[] = [];
  #afterReturn = false;
  #isGone = false;
  #count = 0;
  /** The open prompt's end of the gate. */
  #open: { readonly keys: PassThrough; settled: boolean; feeding: boolean; readonly gone: () => void } | null = null;
  #onInterrupt: (() => void) | null = null;

  constructor(input: TtyInput, output: NodeJS.WritableStream) {
    this.#input = input;
    this.#output = output;
    input.setRawMode(true);
    input.on('data', this.#onData);
    input.on('end', this.#onGone);
    input.on('error', this.#onGone);
    input.resume();
    process.on('exit', this.#restore);
    for (const signal of fatalSignals) process.on(signal, this.#onSignal);
  }

  async next(wish: Wish): Promise<Answer> {
    if (this.#isGone) return { kind: 'gone' };
    const { linePrompt } = await import('./tty-prompt.ts');
    const limit = new AbortController();
    const gone = new AbortController();
    const open = { keys: new PassThrough(), settled: false, feeding: false, gone: () => gone.abort() };
    let typed = '';
    const deadline =
      wish.withinMs === undefined ? null : setInterval(() => typed === '' && limit.abort(), wish.withinMs);
    try {
      const settled = linePrompt(
        {
          prompt: wish.prompt,
          history: this.#history,
          onSettled: () => {
            open.settled = true;
          },
          onTyped: (line) => {
            typed = line;
          },
        },
        { input: open.keys, output: this.#output, signal: AbortSignal.any([limit.signal, gone.signal]) },
      );
      this.#open = open;
      void this.#feed();
      const line = await settled;
      this.#count += 1;
      if (line === null) return { kind: 'end', number: this.#count };
      this.#remember(line);
      return { kind: 'line', text: line, number: this.#count, tooLong: false };
    } catch (error) {
      if (gone.signal.aborted) return { kind: 'gone' };
      if (limit.signal.aborted) return { kind: 'late' };
      if ((error as Error).name === 'ExitPromptError') return { kind: 'interrupt' };
      throw error;
    } finally {
      open.settled = true;
      this.#open = null;
      if (deadline) clearInterval(deadline);
    }
  }

  dropTypedAhead(): void {
    this.#held = [];
  }

  watchInterrupts(onInterrupt: () => void): () => void {
    this.#onInterrupt = onInterrupt;
    return () => {
      this.#onInterrupt = null;
    };
  }

  close(): void {
    this.#restore();
    this.#input.off('data', this.#onData);
    this.#input.off('end', this.#onGone);
    this.#input.off('error', this.#onGone);
    process.off('exit', this.#restore);
    for (const signal of fatalSignals) process.off(signal, this.#onSignal);
    this.#input.pause();
  }

  readonly #onData = (chunk: Uint8Array | string): void => {
    for (const byte of Buffer.from(chunk as Uint8Array)) {
      // Enter sent as CR and LF is one Enter.
      const skipped = byte === LINE_FEED && this.#afterReturn;
      this.#afterReturn = byte === RETURN;
      if (skipped) continue;
      if (byte === CTRL_Z) this.#suspend();
      else if (byte === CTRL_C && this.#onInterrupt) {
        this.#held = [];
        this.#onInterrupt();
      } else this.#held.push(byte);
    }
    void this.#feed();
  };

  /** Gives the open prompt what is held, up to the key that ends it. */
  async #feed(): Promise<void> {
    const open = this.#open;
    if (!open || open.feeding) return;
    open.feeding = true;
    while (!open.settled && this.#held.length > 0) {
      const end = this.#held.findIndex((byte) => [RETURN, LINE_FEED, CTRL_C, CTRL_D].includes(byte));
      const keys = this.#held.splice(0, end < 0 ? this.#held.length : end + 1);
      open.keys.write(Buffer.from(keys));
      // Ctrl-D ends a prompt only when nothing is typed; after the turn of the event loop it has said so.
      await new Promise((resolve) => setImmediate(resolve));
    }
    open.feeding = false;
  }

  #remember(line: string): void {
    if (line === '' || this.#history[0] === line) return;
    this.#history.unshift(line);
    this.#history.length = Math.min(this.#history.length, historyMax);
  }

  #suspend(): void {
    this.#restore();
    process.once('SIGCONT', () => this.#input.setRawMode(true));
    process.kill(process.pid, 'SIGTSTP');
  }

  readonly #restore = (): void => {
    this.#input.setRawMode(false);
  };

  readonly #onGone = (): void => {
    this.#isGone = true;
    this.#open?.gone();
  };

  /** The signal ends the program as it would have, with the terminal as it was. */
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    this.close();
    process.kill(process.pid, signal);
  };
}
