/**
 * The one writer of messages.log, in the line format of the original:
 *
 *   MM/DD/YY-HH:MM:SS:mmm (pid) severity [Category.Event] text
 *
 * Times are local. The texts are those of src/mirror/log-table.ts. A disk that takes no line must not stop a member: what could
 * not be written goes to standard error, and its number into the next line that can.
 */
import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type LogLine, logLine } from '../mirror/log-messages.ts';
import type { Clock, MessagesLog, Severity } from './host.ts';

/** The original begins a new file at 5 MB (its MaxConsoleLogSize). */
const FILE_BYTES_MAX = 5 * 1024 * 1024;

export interface MessagesLogOptions {
  readonly path: string;
  readonly clock: Pick<Clock, 'wallMs'>;
  readonly bytesMax?: number;
}

export interface OpenMessagesLog extends MessagesLog {
  close(): void;
}

export function openMessagesLog({ path, clock, bytesMax = FILE_BYTES_MAX }: MessagesLogOptions): OpenMessagesLog {
  let handle = openSync(path, 'a', 0o600);
  let bytes = fstatSync(handle).size;
  let lost = 0;

  function put(line: string): void {
    const encoded = Buffer.from(line, 'utf8');
    if (bytes > 0 && bytes + encoded.length > bytesMax) {
      closeSync(handle);
      renameSync(path, oldName(path, clock.wallMs()));
      handle = openSync(path, 'a', 0o600);
      bytes = 0;
    }
    let done = 0;
    while (done < encoded.length) done += writeSync(handle, encoded, done);
    bytes += encoded.length;
  }

  return {
    write(message) {
      const line = messageLine(clock.wallMs(), process.pid, message);
      try {
        if (lost > 0) {
          put(messageLine(clock.wallMs(), process.pid, logLine('messages-lost', { count: lost })));
          lost = 0;
        }
        put(line);
      } catch (error) {
        lost += 1;
        process.stderr.write(`${path}: ${(error as Error).message}\n${line}`);
      }
    },
    close: () => closeSync(handle),
  };
}

export function messageLine(wallMs: number, pid: number, { severity, category, text }: LogLine): string {
  const at = new Date(wallMs);
  const day = [at.getMonth() + 1, at.getDate(), at.getFullYear() % 100].map((part) => digits(part, 2)).join('/');
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => digits(part, 2)).join(':');
  return `${day}-${time}:${digits(at.getMilliseconds(), 3)} (${pid}) ${severity} [${category}] ${fold(text)}\n`;
}

export interface Message {
  /** ISO 8601 with zone; the line has the local time. */
  readonly at: string;
  readonly pid: number;
  readonly severity: Severity;
  readonly event: string;
  readonly text: string;
}

/** A line of messages.log; null when it is none. */
export function readMessageLine(line: string): Message | null {
  const match = /^([\d/:-]{21}) \((\d+)\) ([0-3]) \[([^\]]*)\] (.*)$/.exec(line);
  if (match === null) return null;
  const [, time, pid, severity, event, text] = match;
  const at = momentOf(time!);
  return at === null
    ? null
    : { at: at.toISOString(), pid: Number(pid), severity: Number(severity) as Severity, event: event!, text: text! };
}

/** Of the hour that a clock shows twice in autumn, the first one. */
function momentOf(printed: string): Date | null {
  const match = /^(\d\d)\/(\d\d)\/(\d\d)-(\d\d):(\d\d):(\d\d):(\d{3})$/.exec(printed);
  if (match === null) return null;
  const [month, day, year, hour, minute, second, ms] = match.slice(1).map(Number) as [number, number, ...number[]];
  return new Date(2000 + year!, month - 1, day, hour!, minute, second, ms);
}

/** One message is one line, whatever a peer's name or an error's text holds. */
function fold(text: string): string {
  return text
    .trim()
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(/[\x00-\x1f\x7f\u0085\u2028\u2029]/g, '?');
}

/** Of these file names those of messages that were put aside, oldest first. */
export function putAside(names: readonly string[]): readonly string[] {
  const places = names.flatMap((name) => {
    const match = /^messages\.old_(\d{8})(?:_(\d+))?$/.exec(name);
    return match === null ? [] : [{ name, day: Number(match[1]), number: Number(match[2] ?? 0) }];
  });
  return places.sort((a, b) => a.day - b.day || a.number - b.number).map(({ name }) => name);
}

/** messages.old_YYYYMMDD; a second one of the same day gets a number. */
function oldName(path: string, wallMs: number): string {
  const at = new Date(wallMs);
  const day = `${at.getFullYear()}${digits(at.getMonth() + 1, 2)}${digits(at.getDate(), 2)}`;
  const name = join(dirname(path), `messages.old_${day}`);
  if (!existsSync(name)) return name;
  for (let number = 1; ; number += 1) {
    if (!existsSync(`${name}_${number}`)) return `${name}_${number}`;
  }
}

function digits(value: number, count: number): string {
  return String(value).padStart(count, '0');
}
