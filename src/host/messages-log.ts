/**
 * The one writer of messages.log, in the line format of the original:
 *
 *   MM/DD/YY-HH:MM:SS:mmm (pid) severity [Category.Event] text
 *
 * Times are local. The texts themselves come from the rules. A disk that takes no line must not stop a member: what could
 * not be written goes to standard error, and its number into the next line that can.
 */
import { closeSync, existsSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
    write(severity, event, text) {
      const line = messageLine(clock.wallMs(), process.pid, severity, event, text);
      try {
        if (lost > 0) {
          const report = `${lost} messages could not be written here; they are in console.log`;
          put(messageLine(clock.wallMs(), process.pid, 1, 'Generic.Event', report));
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

export function messageLine(wallMs: number, pid: number, severity: Severity, event: string, text: string): string {
  const at = new Date(wallMs);
  const day = [at.getMonth() + 1, at.getDate(), at.getFullYear() % 100].map((part) => digits(part, 2)).join('/');
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => digits(part, 2)).join(':');
  return `${day}-${time}:${digits(at.getMilliseconds(), 3)} (${pid}) ${severity} [${event}] ${fold(text)}\n`;
}

export interface Message {
  /** As it stands in the line. */
  readonly at: string;
  readonly pid: number;
  readonly severity: Severity;
  readonly event: string;
  readonly text: string;
}

/** A line of messages.log; null when it is none. */
export function readMessageLine(line: string): Message | null {
  const match = /^(\d\d\/\d\d\/\d\d-\d\d:\d\d:\d\d:\d{3}) \((\d+)\) ([0-3]) \[([^\]]*)\] (.*)$/.exec(line);
  if (match === null) return null;
  const [, at, pid, severity, event, text] = match;
  return { at: at!, pid: Number(pid), severity: Number(severity) as Severity, event: event!, text: text! };
}

/** One message is one line, whatever a peer's name or an error's text holds. */
function fold(text: string): string {
  return text
    .trim()
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(/[\x00-\x1f\x7f\u0085\u2028\u2029]/g, '?');
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
