/** How a command ends when it does not end well: one line on standard error, and the exit code of the contract. */
import { EXIT, type ExitCode } from '../terminal/exit-codes.ts';

export class CommandFailure extends Error {
  readonly code = 'command-failure';
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode, text: string) {
    super(text);
    this.exitCode = exitCode;
  }
}

/** The command was refused or failed. */
export function failed(text: string): CommandFailure {
  return new CommandFailure(EXIT.refused, text);
}

/** It was typed wrong. */
export function usage(text: string): CommandFailure {
  return new CommandFailure(EXIT.usage, text);
}

export function notReachable(text: string): CommandFailure {
  return new CommandFailure(EXIT.notReachable, text);
}

/** It goes on, or nobody knows; `text` says how to find out. */
export function unknown(text: string): CommandFailure {
  return new CommandFailure(EXIT.unknown, text);
}

const exitByCode: Readonly<Record<string, ExitCode>> = {
  'not-reachable': EXIT.notReachable,
  'mirror-unreachable': EXIT.notReachable,
  unreachable: EXIT.notReachable,
  'outcome-unknown': EXIT.unknown,
};

/** What a fault that no command has caught means to the caller. */
export function failureOf(error: unknown): CommandFailure {
  if (error instanceof CommandFailure) return error;
  const { code, message, refusal } = error as { code?: string; message?: string; refusal?: { code?: string } };
  if (refusal?.code === 'which-database') return usage(oneLine(message ?? ''));
  return new CommandFailure(exitByCode[code ?? ''] ?? EXIT.refused, oneLine(message ?? String(error)));
}

export function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, '; ');
}
