/** The thread in which one entry point of the site's module runs once (site-code.ts). A program of its own in dist/. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { SiteArgument, SiteFacts, SiteGlobals, SiteRequest, SiteValue } from './site-code.ts';

export interface SiteThreadData {
  readonly url: string;
  readonly entry: string;
  readonly facts: SiteFacts;
}

export type FromSiteThread =
  | { readonly says: 'asks'; readonly number: number; readonly request: SiteRequest }
  | { readonly says: 'absent' }
  | { readonly says: 'returned'; readonly allows: boolean | null; readonly value: string }
  | { readonly says: 'failed'; readonly why: string };

export interface ToSiteThread {
  readonly number: number;
  readonly value?: SiteValue;
  readonly error?: string;
}

interface Question {
  readonly request: SiteRequest;
  readonly done: (value: SiteValue) => void;
  readonly fail: (error: Error) => void;
}

/** Questions under way; the others wait here, in memory that has a limit. */
const underWayMax = 256;

const port = parentPort as MessagePort;
const { url, entry, facts } = workerData as SiteThreadData;
/** By number, in order; the first `underWay` of them are asked. */
const questions = new Map<number, Question>();
const unasked = new Map<number, Question>();
let numbers = 0;
let onAllAnswered: () => void = () => undefined;

function ask(what: SiteRequest['ask'], given: readonly unknown[]): Promise<SiteValue> {
  return new Promise((done, fail) => {
    numbers += 1;
    unasked.set(numbers, { request: { ask: what, given }, done, fail });
    askNext();
  });
}

function askNext(): void {
  for (const [number, question] of unasked) {
    if (questions.size >= underWayMax) return;
    unasked.delete(number);
    questions.set(number, question);
    tell({ says: 'asks', number, request: question.request });
  }
}

port.on('message', ({ number, value, error }: ToSiteThread) => {
  const question = questions.get(number);
  questions.delete(number);
  if (error === undefined) question?.done(value);
  else question?.fail(new Error(error));
  askNext();
  if (questions.size === 0) onAllAnswered();
});

function tell(message: FromSiteThread): void {
  port.postMessage(message);
}

const globals = Object.fromEntries(
  (['get', 'data', 'order', 'query', 'set', 'kill', 'increment'] as const satisfies readonly (keyof SiteGlobals)[]).map(
    (name) => [name, (...given: readonly unknown[]) => ask(name, given)],
  ),
) as unknown as SiteGlobals;

/** What was asked and not awaited is answered, and what was written has left this thread, before the call ends. */
async function settled(): Promise<void> {
  if (questions.size > 0) {
    await new Promise<void>((resolve) => {
      onAllAnswered = resolve;
    });
  }
  // A rejection that nobody caught ends the thread before this.
  await new Promise((resolve) => setImmediate(resolve));
  for (const stream of [process.stdout, process.stderr]) await new Promise((resolve) => stream.write('', resolve));
}

async function run(): Promise<FromSiteThread> {
  let module: Readonly<Record<string, unknown>>;
  try {
    module = await import(url);
  } catch (error) {
    return { says: 'failed', why: `could not be loaded: ${said(error)}` };
  }
  const found = module[entry];
  if (found === undefined) return { says: 'absent' };
  if (typeof found !== 'function') return { says: 'failed', why: 'is not a function' };
  const argument: SiteArgument = { ...facts, globals, isPrimary: () => ask('isPrimary', []) as Promise<boolean> };
  const value: unknown = await found(argument);
  const allows = value === 1 || value === true ? true : value === 0 || value === false ? false : null;
  return { says: 'returned', allows, value: shown(value) };
}

function shown(value: unknown): string {
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}

/** With the line of the module, where the error knows it: a syntax error does not. */
function said(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = error.stack?.split('\n').find((line) => line.includes(url)) ?? '';
  const line = /:(\d+):\d+\)?$/.exec(frame)?.[1];
  return line === undefined ? error.message : `${error.message} (line ${line})`;
}

const end = await run().catch((error: unknown): FromSiteThread => ({ says: 'failed', why: `threw: ${said(error)}` }));
await settled();
tell(end);
