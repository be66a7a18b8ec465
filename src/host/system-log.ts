/** The journal of systemd as the system log: a line on standard output, its priority in front of it (sd-daemon(3)). */
import { fstatSync } from 'node:fs';
import type { Severity } from './host.ts';

const priorities = { 0: 6, 1: 4, 2: 3, 3: 2 } as const;

/** Is standard output the journal? The variable is inherited, also by who writes elsewhere: it says of which stream it holds. */
export function isSystemLog(environment: Readonly<Record<string, string | undefined>>): boolean {
  const { JOURNAL_STREAM: stream } = environment;
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(1, { bigint: true });
  return stream === `${dev}:${ino}`;
}

/** Time, program and pid are written by the journal itself. */
export function systemLogLine(severity: Severity, text: string): string {
  return `<${priorities[severity]}>${text}\n`;
}
