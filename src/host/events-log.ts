/**
 * Role changes and failover decisions of one member, one JSON line each (events.jsonl), durable when appended. The newest are
 * kept in memory; older ones stay in the file for people. A line that a crash cut is taken away at opening.
 */
import { closeSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { EventRecord } from '../protocol/control-channel.ts';
import type { EventsLog } from './host.ts';

/** Read back at opening; far more than is ever asked for. */
const READ_BACK_BYTES = 4 * 1024 * 1024;
const KEPT_COUNT = 2000;

export interface OpenEventsLog extends EventsLog {
  close(): void;
}

export function openEventsLog(path: string): OpenEventsLog {
  const handle = openSync(path, 'a+', 0o600);
  const size = fstatSync(handle).size;
  const { events, wholeBytes } = readBack(handle, size);
  if (wholeBytes < size) ftruncateSync(handle, wholeBytes);
  // What was found may never have been synced, nor the name of a new file.
  fdatasyncSync(handle);
  syncDirectory(dirname(path));
  const kept = [...events];
  let newest = kept.at(-1)?.number ?? 0;
  let bytes = wholeBytes;

  return {
    get newest() {
      return newest;
    },
    append(event) {
      const record: EventRecord = { number: newest + 1, ...event };
      const line = Buffer.from(`${JSON.stringify(record)}\n`, 'utf8');
      try {
        for (let done = 0; done < line.length; ) done += writeSync(handle, line, done);
        fdatasyncSync(handle);
      } catch (error) {
        // A part of a line must not swallow the next one.
        ftruncateSync(handle, bytes);
        throw error;
      }
      bytes += line.length;
      newest = record.number;
      kept.push(record);
      if (kept.length > KEPT_COUNT * 2) kept.splice(0, kept.length - KEPT_COUNT);
      return record;
    },
    after: (number, countMax = KEPT_COUNT) => newerThan(kept, number, countMax),
    close: () => closeSync(handle),
  };
}

/** The events of an instance that may be down; nothing is changed. */
export function readEvents(path: string, after: number, countMax = KEPT_COUNT): readonly EventRecord[] {
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
  try {
    return newerThan(readBack(handle, fstatSync(handle).size).events, after, countMax);
  } finally {
    closeSync(handle);
  }
}

function syncDirectory(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function newerThan(events: readonly EventRecord[], number: number, countMax: number): readonly EventRecord[] {
  const newer = events.filter((event) => event.number > number);
  return newer.slice(Math.max(0, newer.length - countMax));
}

function readBack(handle: number, size: number): { events: readonly EventRecord[]; wholeBytes: number } {
  const from = Math.max(0, size - READ_BACK_BYTES);
  const bytes = Buffer.alloc(size - from);
  const read = readSync(handle, bytes, 0, bytes.length, from);
  const end = bytes.subarray(0, read).lastIndexOf(10) + 1;
  const lines = bytes.subarray(0, end).toString('utf8').split('\n');
  // Of a large file the first line read is the rest of one.
  if (from > 0) lines.shift();
  return { events: lines.flatMap(readLine), wholeBytes: from + end };
}

function readLine(line: string): readonly EventRecord[] {
  if (line === '') return [];
  try {
    const event: EventRecord = JSON.parse(line);
    return Number.isSafeInteger(event.number) ? [event] : [];
  } catch {
    return [];
  }
}
