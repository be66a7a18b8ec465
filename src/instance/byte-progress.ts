/** How far a long file is, told once a second, and not at all when it is done before that. */
import type { Clock } from '../host/host.ts';
import type { Progress } from './command-outcome.ts';

const tellEveryMs = 1000;

export class ByteProgress {
  readonly #clock: Pick<Clock, 'nowMs' | 'after'>;
  readonly #progress: Progress;
  readonly #text: (bytesDone: number) => string;
  readonly #begunMs: number;
  #toldMs: number;

  /** Its lines read `WHAT: 12.0 MB of 80.0 MB DONE, 6.1 MB/s, 12 s left`. */
  constructor(
    clock: Pick<Clock, 'nowMs' | 'after'>,
    progress: Progress,
    what: string,
    doneWord: string,
    bytesToDo: number,
  ) {
    this.#clock = clock;
    this.#progress = progress;
    this.#begunMs = clock.nowMs();
    this.#toldMs = this.#begunMs;
    this.#text = (bytesDone) => {
      const seconds = Math.max(0.001, (clock.nowMs() - this.#begunMs) / 1000);
      const rate = bytesDone / seconds;
      const left = rate > 0 ? `, ${Math.ceil(Math.max(0, bytesToDo - bytesDone) / rate)} s left` : '';
      return `${what}: ${megabytes(bytesDone)} of ${megabytes(bytesToDo)} ${doneWord}, ${megabytes(rate)}/s${left}`;
    };
  }

  report(bytesDone: number): void {
    if (this.#clock.nowMs() - this.#toldMs < tellEveryMs) return;
    this.#toldMs = this.#clock.nowMs();
    this.#progress(this.#text(bytesDone));
  }

  /** For work that does not tell by itself how far it is. */
  async watch<T>(work: Promise<T>, bytesDone: () => number): Promise<T> {
    let timer = this.#clock.after(tellEveryMs, () => tell());
    const tell = (): void => {
      this.report(bytesDone());
      timer = this.#clock.after(tellEveryMs, tell);
    };
    try {
      return await work;
    } finally {
      timer.cancel();
    }
  }
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
