/**
 * The front of the terminal: puts answers, output and style together for a pipe, an answer file or a terminal, and runs
 * a routine or the prompt of an instance on them. The command line calls it; it opens no file and no socket.
 */

import { LineAnswers } from './answers.ts';
import { Dialogue } from './dialogue.ts';
import type { ExitCode } from './exit-codes.ts';
import { instancePrompt } from './instance-prompt.ts';
import type { ByteSource } from './line-reader.ts';
import { type Desk, type RoutineName, routines } from './session.ts';
import { openStyle } from './style.ts';
import { TtyAnswers, type TtyInput } from './tty-answers.ts';

export interface DialogueOptions {
  /** Standard input. */
  readonly input: ByteSource;
  readonly output: TextSink;
  readonly errors: TextSink;
  /** Are input and output a terminal that can move its cursor (not TERM=dumb)? */
  readonly isTerminal: boolean;
  /** The bytes of an answer file, instead of `input`: comments are left out, and everything is as from a pipe. */
  readonly answersFile?: ByteSource;
  /** Where the answers of this session are written, with the prompts as comments. */
  readonly recordFile?: TextSink;
  /** Width of the screen; 80 where there is none. */
  readonly columns?: number | (() => number);
  /** NO_COLOR is set. */
  readonly noColor?: boolean;
}

export interface TextSink {
  write(text: string, written?: () => void): unknown;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

/** A routine on the instance behind the desk, until the operator leaves. */
export async function runRoutine(
  options: DialogueOptions & Desk & { readonly routine: RoutineName },
): Promise<ExitCode> {
  return await converse(options, (dialogue) => routines[options.routine](options, dialogue));
}

/** The `NAME>%SYS>` prompt. */
export async function runInstancePrompt(
  options: DialogueOptions & Desk & { readonly instance: string },
): Promise<ExitCode> {
  return await converse(options, (dialogue) => instancePrompt(options.instance, options, dialogue));
}

/** A conversation of the caller's own, with the same treatment of answers, e.g. to ask which instance is meant. */
export async function converse(
  options: DialogueOptions,
  conversation: (dialogue: Dialogue) => Promise<void>,
): Promise<ExitCode> {
  const dialogue = openDialogue(options);
  try {
    return await dialogue.run(() => conversation(dialogue));
  } finally {
    dialogue.close();
    await new Promise<void>((resolve) => {
      const { output } = options;
      // A reader that has gone away never confirms.
      output.on?.('error', () => resolve());
      output.write('', () => resolve());
    });
  }
}

function openDialogue(options: DialogueOptions): Dialogue {
  const { input, output, errors, answersFile, recordFile, columns } = options;
  const isTerminal = options.isTerminal && answersFile === undefined;
  const width = typeof columns === 'function' ? columns : () => columns ?? 80;
  output.on?.('error', () => {}); // `| head`: what nobody reads is not printed, and the session goes on to its end
  const print = (text: string): void => {
    output.write(text);
  };
  return new Dialogue({
    answers: isTerminal
      ? new TtyAnswers(input as TtyInput, output as unknown as NodeJS.WritableStream)
      : new LineAnswers(answersFile ?? input, print, answersFile !== undefined),
    print,
    printError: (text) => {
      errors.write(text);
    },
    record: recordFile === undefined ? null : (text) => void recordFile.write(text),
    columns: () => Math.max(20, width()),
    style: openStyle(isTerminal, options.noColor ?? false, width),
  });
}
