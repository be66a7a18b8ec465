/**
 * The one reader over standard input, for pipes and files: a line when one is wanted, none lost however fast they come,
 * and the end of input as an answer of its own. Not for a terminal: there keys are read, not lines (tty-answers.ts).
 *
 * One reader lives as long as the program. A reader per prompt would throw away what it had read ahead.
 */
import { StringDecoder } from 'node:string_decoder';

export interface Line {
  readonly text: string;
  /** Counted from 1 over the whole input. */
  readonly number: number;
  /** The line was longer than the limit and `text` is only its beginning. */
  readonly tooLong: boolean;
}

/** The part of a stream that is used, so that any source of bytes will do. */
export interface ByteSource {
  on(event: 'data', listener: (chunk: Uint8Array | string) => void): unknown;
  on(event: 'end' | 'close' | 'error', listener: () => void): unknown;
  off(event: string, listener: (chunk: Uint8Array) => void): unknown;
  pause(): unknown;
  resume(): unknown;
}

export const lineLengthMax = 64 * 1024;
const queuedLinesMax = 256;

export class LineReader {
  readonly #source: ByteSource;
  readonly #decoder = new StringDecoder('utf8');
  readonly #queue: Line[] = [];
  #rest = '';
  #restTooLong = false;
  #number = 0;
  #state: 'not-started' | 'reading' | 'ended' = 'not-started';
  #waiting: ((line: Line | null) => void) | null = null;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Number of the line that would come next. */
  get nextNumber(): number {
    return this.#number - this.#queue.length + 1;
  }

  /** The next line, or null at the end of input. One call at a time. */
  next(): Promise<Line | null> {
    if (this.#waiting) throw new Error('a line is already being waited for');
    const line = this.#queue.shift();
    if (line) return Promise.resolve(line);
    if (this.#state === 'ended') return Promise.resolve(null);
    return new Promise((resolve) => {
      this.#waiting = resolve;
      if (this.#state === 'not-started') this.#start();
      this.#source.resume();
    });
  }

  /** Stop reading; what is queued is dropped. */
  close(): void {
    this.#queue.length = 0;
    this.#finish(false);
    this.#source.pause();
  }

  #start(): void {
    this.#state = 'reading';
    this.#source.on('data', this.#onData);
    this.#source.on('end', this.#onEnd);
    this.#source.on('close', this.#onEnd);
    this.#source.on('error', this.#onEnd);
  }

  readonly #onData = (chunk: Uint8Array | string): void => {
    this.#rest += typeof chunk === 'string' ? chunk : this.#decoder.write(chunk as Buffer);
    const parts = this.#rest.split('\n');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) this.#push(part);
    if (this.#rest.length > lineLengthMax) {
      // Bytes of an endless line are dropped as they come, so that memory stays bounded.
      this.#rest = this.#rest.slice(0, lineLengthMax);
      this.#restTooLong = true;
    }
    this.#deliver();
    if (this.#queue.length > queuedLinesMax) this.#source.pause();
  };

  readonly #onEnd = (): void => this.#finish(true);

  #push(text: string): void {
    this.#number += 1;
    if (this.#number === 1 && text.startsWith('\ufeff')) text = text.slice(1);
    if (text.endsWith('\r')) text = text.slice(0, -1);
    const tooLong = this.#restTooLong || text.length > lineLengthMax;
    this.#restTooLong = false;
    this.#queue.push({ text: tooLong ? text.slice(0, lineLengthMax) : text, number: this.#number, tooLong });
  }

  #finish(keepRest: boolean): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#source.off('data', this.#onData);
    this.#source.off('end', this.#onEnd);
    this.#source.off('close', this.#onEnd);
    if (keepRest) {
      this.#rest += this.#decoder.end();
      if (this.#rest !== '') this.#push(this.#rest);
    }
    this.#deliver();
  }

  #deliver(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    const line = this.#queue.shift();
    if (!line && this.#state !== 'ended') return;
    this.#waiting = null;
    waiting(line ?? null);
  }
}
