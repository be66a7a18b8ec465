/**
 * Who carries out batches: a few threads for all databases of the process, so that neither the sorting out of old pages nor
 * the wait for the disk holds up the event loop. A thread begins with the first batch and ends when it has been idle, because
 * it costs memory. Without a program for the thread the batches are written by the caller's own one.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { dejournalJobsMax } from '../mirror/limits.ts';
import { type Batch, type Written, writeBatch } from './lmdb-batch.ts';
import { checkTrees, type Found } from './lmdb-check.ts';
import type { LmdbTrees } from './lmdb-trees.ts';

/** Where a database lies. */
export interface Place {
  readonly directory: string;
  readonly path: string;
}

export type ThreadOrder =
  | { readonly order: 'write'; readonly job: number; readonly place: Place; readonly batch: Batch }
  /** Nothing will be written to it any more. */
  | { readonly order: 'close'; readonly job: number; readonly place: Place }
  | { readonly order: 'end' };

export type ThreadAnswer =
  | { readonly job: number; readonly written: Written | null }
  | { readonly job: number; readonly failed: string };

/** A thread that is begun with this only checks. */
export interface CheckOrder {
  readonly check: Place;
}

export type CheckAnswer = { readonly keysDone: number } | { readonly found: Found } | { readonly failed: string };

export interface BatchWriter {
  /** One at a time for each database. Resolves when it is on the disk; rejects when nothing is known of it. */
  write(place: Place, trees: LmdbTrees, batch: Batch): Promise<Written>;
  /** Read everything and verify it; a long piece of work. */
  check(place: Place, trees: LmdbTrees, onProgress: (keysDone: number) => void): Promise<Found>;
  /** Let go of a database, before it is closed. */
  close(place: Place): Promise<void>;
}

/** Writes on the thread that calls. */
export class OwnThreadWriter implements BatchWriter {
  async write(_place: Place, trees: LmdbTrees, batch: Batch): Promise<Written> {
    // Not within the caller's turn: what it does besides comes first.
    await new Promise((resolve) => setImmediate(resolve));
    return writeBatch(trees, batch);
  }
  async check(_place: Place, trees: LmdbTrees, onProgress: (keysDone: number) => void): Promise<Found> {
    return checkTrees(trees, onProgress);
  }
  async close(): Promise<void> {}
}

/** SYN-014: databases beyond these share threads. One processor is left for the event loop. */
const threadsMax = Math.min(Math.max(availableParallelism() - 1, 1), dejournalJobsMax);
const idleMs = 30_000;

interface Job {
  readonly resolve: (written: Written | null) => void;
  readonly reject: (error: Error) => void;
}

export class ThreadWriter implements BatchWriter {
  readonly #threads: WriterThread[];
  readonly #threadOf = new Map<string, WriterThread>();

  readonly #program: URL;
  readonly #jobs: () => number;

  /** `jobs` = how many databases may be written at the same time (CFG-049); asked when one is written first after it was opened. */
  constructor(program: URL, jobs: () => number) {
    this.#program = program;
    this.#jobs = jobs;
    this.#threads = Array.from({ length: threadsMax }, () => new WriterThread(program));
  }

  async write(place: Place, _trees: LmdbTrees, batch: Batch): Promise<Written> {
    let thread = this.#threadOf.get(place.directory);
    if (thread === undefined) {
      const allowed = this.#threads.slice(0, Math.max(1, this.#jobs()));
      thread = allowed.reduce((least, each) => (each.databases < least.databases ? each : least));
      thread.databases += 1;
      this.#threadOf.set(place.directory, thread);
    }
    return (await thread.order({ order: 'write', place, batch })) as Written;
  }

  /** On a thread of its own, so that batches go on being written. */
  async check(place: Place, _trees: LmdbTrees, onProgress: (keysDone: number) => void): Promise<Found> {
    const worker = new Worker(this.#program, {
      name: 'database check',
      workerData: { check: place } satisfies CheckOrder,
    });
    return new Promise<Found>((resolve, reject) => {
      worker.on('message', (answer: CheckAnswer) => {
        if ('keysDone' in answer) onProgress(answer.keysDone);
        else if ('failed' in answer) reject(new Error(answer.failed));
        else resolve(answer.found);
      });
      worker.on('error', reject);
      worker.on('exit', (code) => reject(new Error(`the checking thread ended with ${code}`)));
    });
  }

  async close(place: Place): Promise<void> {
    const thread = this.#threadOf.get(place.directory);
    if (thread === undefined) return;
    this.#threadOf.delete(place.directory);
    thread.databases -= 1;
    await thread.order({ order: 'close', place });
    if (thread.databases === 0) thread.end();
  }
}

class WriterThread {
  readonly #program: URL;
  /** Databases whose batches it writes. */
  databases = 0;
  #worker: Worker | null = null;
  #jobs = new Map<number, Job>();
  #jobNumber = 0;
  #idle: NodeJS.Timeout | null = null;

  constructor(program: URL) {
    this.#program = program;
  }

  order(order: Omit<ThreadOrder & { order: 'write' }, 'job'> | Omit<ThreadOrder & { order: 'close' }, 'job'>) {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    // A thread that is not there has nothing open.
    if (order.order === 'close' && this.#worker === null) return Promise.resolve(null);
    this.#worker ??= this.#start();
    const worker = this.#worker;
    worker.ref();
    this.#jobNumber += 1;
    const job = this.#jobNumber;
    return new Promise<Written | null>((resolve, reject) => {
      this.#jobs.set(job, { resolve, reject });
      worker.postMessage({ ...order, job });
    });
  }

  #start(): Worker {
    const worker = new Worker(this.#program, { name: 'database writer' });
    const jobs = new Map<number, Job>();
    this.#jobs = jobs;
    worker.on('message', (answer: ThreadAnswer) => {
      const job = jobs.get(answer.job);
      jobs.delete(answer.job);
      if ('failed' in answer) job?.reject(new Error(answer.failed));
      else job?.resolve(answer.written);
      if (jobs.size === 0 && worker === this.#worker) this.#rest();
    });
    const gone = (error: Error): void => {
      if (this.#worker === worker) this.#worker = null;
      for (const { reject } of jobs.values()) reject(error);
      jobs.clear();
    };
    worker.on('error', gone);
    worker.on('exit', (code) => gone(new Error(`the writing thread ended with ${code}`)));
    return worker;
  }

  /** An idle thread keeps neither the process nor, after a while, its memory. */
  #rest(): void {
    this.#worker?.unref();
    this.#idle = setTimeout(() => this.end(), idleMs);
    this.#idle.unref();
  }

  end(): void {
    if (this.#idle !== null) clearTimeout(this.#idle);
    this.#idle = null;
    this.#worker?.postMessage({ order: 'end' } satisfies ThreadOrder);
    this.#worker = null;
  }
}
