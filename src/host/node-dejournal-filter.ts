/**
 * Runs a dejournal filter in a thread that stays from one block to the next, since loading the module for each would cost more than
 * the filter. A thread that fails or takes too long is ended, and the next call begins another one.
 */
import { basename } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { filterTimeoutMs } from '../mirror/limits.ts';
import { type DejournalFilter, type FilterCode, FilterError, type RecordToFilter } from './dejournal-filter.ts';
import type { FilterThreadData, FromFilterThread, ToFilterThread } from './dejournal-filter-thread.ts';
import { packBlock } from './filter-block.ts';
import { tellOutput } from './thread-output.ts';

export interface NodeFilterOptions {
  /** File of the thread's program. */
  readonly program: URL;
  /** `filterTimeoutMs` when left out. */
  readonly timeoutMs?: number;
}

/** MB. */
const threadMemory = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };
const linesMax = 100;

export class NodeFilterCode implements FilterCode {
  readonly #options: Required<NodeFilterOptions>;

  constructor(options: NodeFilterOptions) {
    this.#options = { timeoutMs: filterTimeoutMs, ...options };
  }

  open(path: string, onOutput: (line: string) => void): DejournalFilter {
    return new NodeFilter(path, onOutput, this.#options);
  }
}

class NodeFilter implements DejournalFilter {
  readonly module: string;
  readonly #path: string;
  readonly #onOutput: (line: string) => void;
  readonly #options: Required<NodeFilterOptions>;
  #worker: Worker | null = null;
  /** The end of all calls made so far. */
  #turn: Promise<void> = Promise.resolve();
  /** Rejects the call under way. */
  #fail: (why: string) => void = () => undefined;

  constructor(path: string, onOutput: (line: string) => void, options: Required<NodeFilterOptions>) {
    this.module = basename(path);
    this.#path = path;
    this.#onOutput = onOutput;
    this.#options = options;
  }

  async load(): Promise<void> {
    await this.#ask({ load: true });
  }

  async judge(records: readonly RecordToFilter[]): Promise<readonly boolean[]> {
    const said = await this.#ask({ block: packBlock(records) });
    if (said.says !== 'judged' || said.verdicts.length !== records.length) {
      throw new FilterError(`${this.module} answered something else`);
    }
    return Array.from(said.verdicts, (verdict) => verdict === 1);
  }

  reset(): void {
    this.#turn = this.#turn.then(() => this.#end(''));
  }

  /** One after the other: catchup and dejournaling may ask at the same time. */
  #ask(message: ToFilterThread): Promise<FromFilterThread> {
    const answer = this.#turn.then(() => this.#askNow(message));
    this.#turn = answer.then(
      () => undefined,
      () => undefined,
    );
    return answer;
  }

  async #askNow(message: ToFilterThread): Promise<FromFilterThread> {
    const { timeoutMs } = this.#options;
    const worker = this.#worker ?? this.#begin();
    const timer = setTimeout(() => this.#end(`did not return within ${timeoutMs / 1000} s`), timeoutMs);
    try {
      return await new Promise<FromFilterThread>((resolve, reject) => {
        this.#fail = (why) => reject(new FilterError(`${this.module} ${why}`));
        worker.once('message', (said: FromFilterThread) => {
          if (said.says === 'failed') this.#end(`failed: ${said.why}`);
          else resolve(said);
        });
        worker.postMessage(message);
      });
    } finally {
      clearTimeout(timer);
      this.#fail = () => undefined;
    }
  }

  #begin(): Worker {
    const data: FilterThreadData = { url: pathToFileURL(this.#path).href };
    const worker = new Worker(this.#options.program, {
      workerData: data,
      stdout: true,
      stderr: true,
      execArgv: [],
      name: this.module,
      resourceLimits: threadMemory,
    });
    // It must not keep a process that has nothing else to do.
    worker.unref();
    tellOutput(worker, linesMax, (_, line) => this.#onOutput(line));
    worker.on('error', (error: Error & { code?: string }) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      const why = isMemory ? `used more than ${threadMemory.maxOldGenerationSizeMb} MB` : `threw: ${error.message}`;
      if (this.#worker === worker) this.#end(why);
    });
    worker.on('exit', (code) => {
      if (this.#worker === worker) this.#end(`ended its thread with exit code ${code}`);
    });
    this.#worker = worker;
    return worker;
  }

  #end(why: string): void {
    const worker = this.#worker;
    this.#worker = null;
    this.#fail(why);
    void worker?.terminate();
  }
}
