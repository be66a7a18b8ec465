/**
 * Runs the site's entry points, each call in a thread of its own that loads the module anew and is ended when it has answered,
 * or when its time is over. A thread that stands in a call of the system cannot be ended before that returns: until then no
 * other one is begun for its entry point.
 */
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { siteTimeoutMs } from '../mirror/limits.ts';
import type { SiteCall, SiteCode, SiteEntry, SiteResult, SiteRun } from './site-code.ts';
import type { FromSiteThread, SiteThreadData, ToSiteThread } from './site-code-thread.ts';
import { clipped, tellOutput } from './thread-output.ts';

export interface NodeSiteCodeOptions {
  /** File of the thread's program. */
  readonly program: URL;
  /** `siteTimeoutMs` when left out. */
  readonly timeoutMs?: number;
}

/** MB. */
const threadMemory = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 16 };
const outputLinesMax = 100;
/** How long a thread that was told to end may take before it counts as one that cannot be ended, ms. */
const endWithinMs = 1000;

interface Thread {
  readonly worker: Worker;
  readonly entry: SiteEntry;
  readonly end: () => void;
  readonly gone: Promise<void>;
}

export class NodeSiteCode implements SiteCode {
  readonly #options: Required<NodeSiteCodeOptions>;
  /** Those that are not gone, whether they still count or not. */
  readonly #threads = new Set<Thread>();
  readonly #last = new Map<SiteEntry, SiteRun>();

  constructor(options: NodeSiteCodeOptions) {
    this.#options = { timeoutMs: siteTimeoutMs, ...options };
  }

  run(call: SiteCall): SiteRun {
    this.#last.get(call.entry)?.end();
    let isWanted = true;
    let end = (): void => {
      isWanted = false;
    };
    const begin = async (): Promise<SiteResult> => {
      const earlier = [...this.#threads].filter(({ entry }) => entry === call.entry);
      if (!(await allGone(earlier))) {
        return { how: 'failed', why: 'is not asked: an earlier call of it cannot be ended', tookMs: 0 };
      }
      if (!isWanted) return { how: 'let go' };
      return await new Promise((resolve) => {
        const thread = this.#start(call, resolve);
        end = thread.end;
      });
    };
    const run = { result: begin(), end: () => end() };
    this.#last.set(call.entry, run);
    return run;
  }

  #start(call: SiteCall, resolve: (result: SiteResult) => void): Thread {
    const { program, timeoutMs } = this.#options;
    const startedMs = performance.now();
    const data: SiteThreadData = { url: pathToFileURL(call.path).href, entry: call.entry, facts: call.facts };
    const worker = new Worker(program, {
      workerData: data,
      stdout: true,
      stderr: true,
      execArgv: [],
      name: call.entry,
      resourceLimits: threadMemory,
    });
    let ended = false;
    const finish = (result: SiteResult): void => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      flushOutput();
      void worker.terminate();
      resolve(result);
    };
    const tookMs = (): number => Math.round(performance.now() - startedMs);
    const fail = (why: string): void => finish({ how: 'failed', why, tookMs: tookMs() });
    const timer = setTimeout(() => fail(`did not return within ${timeoutMs / 1000} s`), timeoutMs);
    const thread: Thread = {
      worker,
      entry: call.entry,
      end: () => finish({ how: 'let go' }),
      gone: new Promise((gone) => {
        worker.once('exit', (code) => {
          this.#threads.delete(thread);
          fail(`ended its thread with exit code ${code}`);
          gone();
        });
      }),
    };
    this.#threads.add(thread);
    worker.on('error', (error: Error & { code?: string }) => {
      const isMemory = error.code === 'ERR_WORKER_OUT_OF_MEMORY';
      fail(isMemory ? `used more than ${threadMemory.maxOldGenerationSizeMb} MB` : `threw: ${error.message}`);
    });
    worker.on('message', (message: FromSiteThread) => {
      if (ended) return;
      if (message.says === 'asks') void reply(worker, call, message, () => ended);
      else if (message.says === 'failed') fail(clipped(message.why));
      else if (message.says === 'absent') finish({ how: 'absent' });
      else finish({ how: 'returned', allows: message.allows, value: clipped(message.value), tookMs: tookMs() });
    });
    const flushOutput = tellOutput(worker, outputLinesMax, (stream, line) => call.onOutput(stream, line));
    return thread;
  }

  async close(): Promise<boolean> {
    const threads = [...this.#threads];
    for (const { end } of this.#last.values()) end();
    return await allGone(threads);
  }
}

async function allGone(threads: readonly Thread[]): Promise<boolean> {
  if (threads.length === 0) return true;
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), endWithinMs);
  });
  const gone = Promise.all(threads.map((thread) => thread.gone)).then(() => true as const);
  const result = await Promise.race([gone, tooLong]);
  clearTimeout(timer);
  return result;
}

async function reply(
  worker: Worker,
  { answer }: SiteCall,
  { number, request }: FromSiteThread & { says: 'asks' },
  isEnded: () => boolean,
): Promise<void> {
  const said = await answer(request).then(
    (value): ToSiteThread => ({ number, value }),
    (error: Error): ToSiteThread => ({ number, error: error.message }),
  );
  if (!isEnded()) worker.postMessage(said);
}
