/**
 * One thread of the fuzz proof: feeds a parser the inputs it is sent for, by their numbers, and posts what it found. An input
 * depends on the seed, the parser and its number only. Bundled by scripts/fuzz.mjs over a simulated disk.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { byteParsers } from './byte-parsers.ts';
import { Chance } from './chance.ts';
import { mutated } from './mutation.ts';
import type { Parser } from './parser.ts';
import { textParsers } from './text-parsers.ts';

/** Inputs `from` to `to` - 1 of a parser. */
export interface Task {
  readonly parser: number;
  readonly from: number;
  readonly to: number;
}

export interface Failure {
  readonly parser: string;
  readonly input: number;
  readonly hex: string;
  readonly text: string;
}

export const parsers: readonly Parser[] = [...byteParsers, ...(await textParsers())];

/** Longer than any input may take, also on a busy machine, when it is tried twice. */
const slowMs = 500;
const setAside = watchAllocations();

function chanceOf(seed: number, parser: number, input: number): Chance {
  return new Chance((Math.imul(seed, 0x85ebca6b) ^ Math.imul(parser + 1, 0xc2b2ae35) ^ input) >>> 0);
}

export function inputOf(seed: number, parser: number, input: number): Buffer {
  const { valid, mend } = parsers[parser]!;
  const chance = chanceOf(seed, parser, input);
  const bytes = mutated(valid, chance);
  if (mend !== undefined && chance.once(2)) mend(bytes);
  return bytes;
}

/** Null, or what is wrong. */
async function tried(parser: Parser, bytes: Buffer, chance: Chance): Promise<string | null> {
  setAside.bytes = 0;
  try {
    const result = parser.parse(bytes, chance);
    if (result instanceof Promise) await result;
  } catch (error) {
    if (!parser.isExpected(error)) return `throws ${describe(error)}`;
  }
  const bytesMax = parser.bytesMax?.(bytes.length) ?? 64 * 1024 + 4 * bytes.length;
  return setAside.bytes > bytesMax ? `sets ${setAside.bytes} bytes aside, ${bytesMax} at most` : null;
}

/** With the time it takes; a slow one is tried again, since the machine may have been busy. */
export async function tryInput(parser: Parser, bytes: Buffer, chance: () => Chance): Promise<string | null> {
  let wrong: string | null = null;
  for (let tries = 1; tries <= 2; tries += 1) {
    const beganMs = performance.now();
    wrong = await tried(parser, Buffer.from(bytes), chance());
    if (wrong !== null || performance.now() - beganMs < slowMs) return wrong;
  }
  return `takes longer than ${slowMs} ms, twice`;
}

async function work(task: Task, seed: number, present: Int32Array): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  const parser = parsers[task.parser]!;
  Atomics.store(present, 0, task.parser);
  for (let input = task.from; input < task.to; input += 1) {
    Atomics.store(present, 1, input);
    const bytes = inputOf(seed, task.parser, input);
    let text = await tryInput(parser, bytes, () => chanceOf(seed, task.parser, ~input));
    if (text === null && parser.roundTrip !== undefined && input % 8 === 0)
      text = roundTrip(parser, seed, task.parser, input);
    if (text === null) continue;
    failures.push({ parser: parser.name, input, hex: bytes.toString('hex'), text });
    if (failures.length >= 3) break;
  }
  return failures;
}

function roundTrip(parser: Parser, seed: number, number: number, input: number): string | null {
  try {
    parser.roundTrip!(chanceOf(seed, number, input));
    return null;
  } catch (error) {
    return `does not read what it writes: ${describe(error)}`;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Counts what Buffer sets aside: the largest at once since it was last put to 0. */
function watchAllocations(): { bytes: number } {
  const seen = { bytes: 0 };
  for (const name of ['alloc', 'allocUnsafe', 'allocUnsafeSlow'] as const) {
    const real = Buffer[name].bind(Buffer) as (size: number, ...more: unknown[]) => Buffer;
    const watched = (size: number, ...more: unknown[]): Buffer => {
      if (size > seen.bytes) seen.bytes = size;
      return real(size, ...more);
    };
    Object.defineProperty(Buffer, name, { value: watched });
  }
  return seen;
}

if (parentPort !== null) {
  const port = parentPort;
  const { seed, present } = workerData as { seed: number; present: Int32Array };
  // Errors are made by the million; where they come from is of interest only when one is tried again.
  Error.stackTraceLimit = 0;
  port.on('message', async (task: Task) => {
    const failures = await work(task, seed, present);
    port.postMessage({ task, failures });
  });
}
