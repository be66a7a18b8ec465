/**
 * What a process whose event loop stands still leaves behind, written by another of its threads: one line of messages.log
 * and one of events.jsonl, each at the end of its file, beside the writers of the loop. Unlike them it does not hold its
 * thread while the disk makes it wait.
 */
import { appendFile, open } from 'node:fs/promises';
import type { LogLine } from '../mirror/log-messages.ts';
import type { EventRecord } from '../protocol/control-channel.ts';
import type { InstancePaths } from './home.ts';
import { messageLine } from './messages-log.ts';

export type LastWordsPlaces = Pick<InstancePaths, 'messages' | 'events'>;

export interface LastWords {
  readonly line: LogLine;
  readonly event: Omit<EventRecord, 'number' | 'at'>;
}

/** Both are tried; it never rejects. */
export async function writeLastWords(places: LastWordsPlaces, words: LastWords): Promise<void> {
  const atMs = Date.now();
  const line = messageLine(atMs, process.pid, words.line);
  await Promise.allSettled([
    appendFile(places.messages, line, { mode: 0o600 }),
    appendEvent(places.events, { at: new Date(atMs).toISOString(), ...words.event }),
  ]);
}

/** Holds far more than one event. */
const tailBytes = 64 * 1024;

async function appendEvent(path: string, event: Omit<EventRecord, 'number'>): Promise<void> {
  const file = await open(path, 'a+', 0o600);
  try {
    const { size } = await file.stat();
    const from = Math.max(0, size - tailBytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    const tail = buffer.toString('utf8', 0, bytesRead);
    // The loop may stand in the middle of an event: that one is left as it is, on a line that readers pass over.
    const begins = tail === '' || tail.endsWith('\n') ? '' : '\n';
    await file.write(`${begins}${JSON.stringify({ number: newestNumber(tail) + 1, ...event })}\n`);
  } finally {
    await file.close();
  }
}

function newestNumber(tail: string): number {
  for (const line of tail.split('\n').reverse()) {
    const number = /^\{"number":(\d+),.*\}$/.exec(line)?.[1];
    if (number !== undefined) return Number(number);
  }
  return 0;
}
