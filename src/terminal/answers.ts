/**
 * Where answers come from: lines of a pipe or an answer file here, keys of a terminal in tty-answers.ts. The
 * conversation is the same on both; it sees only this interface.
 */
import { type ByteSource, LineReader } from './line-reader.ts';

export interface Wish {
  /** Shown and followed by the answer. */
  readonly prompt: string;
  /** On a terminal: give up after this time, unless something is being typed. From a pipe there is no such limit. */
  readonly withinMs?: number;
}

export type Answer =
  | {
      readonly kind: 'line';
      readonly text: string;
      /** Line of the input or of the answer file; counts answers on a terminal. */
      readonly number: number;
      readonly tooLong: boolean;
    }
  /** End of input, or Ctrl-D on a terminal. `number` is that of the line which is missing. */
  | { readonly kind: 'end'; readonly number: number }
  /** The terminal is gone; no more answers will come. */
  | { readonly kind: 'gone' }
  /** Ctrl-C. */
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'late' };

export interface Answers {
  readonly isTerminal: boolean;
  next(wish: Wish): Promise<Answer>;
  /** Forget what was typed ahead. Does nothing to piped answers. */
  dropTypedAhead(): void;
  /** Calls `onInterrupt` at each Ctrl-C until the function it returns is called. */
  watchInterrupts(onInterrupt: () => void): () => void;
  close(): void;
}

/** Answers from a pipe or a file. Prompts are printed, each followed by the answer it took. */
export class LineAnswers implements Answers {
  readonly isTerminal = false;
  readonly #lines: LineReader;
  readonly #print: (text: string) => void;
  readonly #hasComments: boolean;

  constructor(source: ByteSource, print: (text: string) => void, hasComments: boolean) {
    this.#lines = new LineReader(source);
    this.#print = print;
    this.#hasComments = hasComments;
  }

  async next(wish: Wish): Promise<Answer> {
    this.#print(wish.prompt);
    for (;;) {
      const line = await this.#lines.next();
      if (line === null) {
        this.#print('\n');
        return { kind: 'end', number: this.#lines.nextNumber };
      }
      const text = this.#hasComments ? withoutComment(line.text) : line.text;
      if (text === null) continue;
      // Output stays free of escape codes whatever the answers hold.
      this.#print(`${line.tooLong ? '...' : text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?')}\n`);
      return { kind: 'line', text, number: line.number, tooLong: line.tooLong };
    }
  }

  dropTypedAhead(): void {}

  watchInterrupts(): () => void {
    return () => {};
  }

  close(): void {
    this.#lines.close();
  }
}

/** `#` at the beginning of a line or after a blank starts a comment; a line that is only a comment is no answer. `\#` there is a `#`. */
function withoutComment(line: string): string | null {
  if (/^\s*#/.test(line)) return null;
  return line
    .replace(/\s#.*$/, '')
    .trimEnd()
    .replace(/(^|\s)\\(\\*#)/g, '$1$2');
}

/** An answer as it stands in an answer file: what `withoutComment` gives back whole. */
export function asFileLine(answer: string): string {
  return answer.replace(/(^|\s)(\\*#)/g, '$1\\$2');
}
