/**
 * Asking and telling, the same for a pipe and a terminal: what `?`, `^`, an answer that does not fit, Ctrl-C and the end
 * of input mean. It knows no menu and no command; the conversation stands in session.ts and the files of actions.
 */
import type { Question } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import { type Answer, type Answers, asFileLine } from './answers.ts';
import { EXIT, type ExitCode } from './exit-codes.ts';
import {
  type Defaults,
  defaultText,
  expectedAnswer,
  type Parsed,
  parseAnswer,
  questionPrompt,
  type Value,
  type Values,
} from './question.ts';
import { fill, wrap } from './screen.ts';
import type { Style } from './style.ts';

/** The operator abandoned the action: back to its menu. */
export class AbandonedError extends Error {
  readonly code = 'abandoned';
}

/** Piped answers ended, or one did not fit: the action is abandoned, and so is everything after it. */
export class AnswersError extends Error {
  readonly code = 'answers';
}

/** Out of all menus. */
class LeaveError extends Error {
  readonly code = 'leave';
  readonly exitCode: ExitCode;
  constructor(exitCode: ExitCode) {
    super(`leave with ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** Ctrl-C while the instance was at work. */
export class InterruptedWaitError extends Error {
  readonly code = 'interrupted-wait';
}

export interface Asked<T> {
  readonly prompt: string;
  readonly help: readonly string[];
  readonly parse: (text: string) => Parsed<T>;
  /** What would have fitted, for the line that says that answers ended. */
  readonly expected: string;
  /**
   * Where it is asked. An end of input leaves from a menu, and abandons an action; Ctrl-C leaves from a menu, and elsewhere
   * goes back to it.
   */
  readonly where: 'menu' | 'action';
  /** On a terminal: resolve with 'late' when nothing was typed for so long. */
  readonly withinMs?: number;
}

export interface DialogueParts {
  readonly answers: Answers;
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
  readonly record: ((text: string) => void) | null;
  readonly columns: () => number;
  readonly style: Style;
}

export class Dialogue {
  readonly isTerminal: boolean;
  readonly style: Style;
  readonly #parts: DialogueParts;
  #last = { prompt: '', line: 0 };
  #problem: { readonly exitCode: ExitCode; readonly text: string } | null = null;

  constructor(parts: DialogueParts) {
    this.#parts = parts;
    this.isTerminal = parts.answers.isTerminal;
    this.style = parts.style;
  }

  get columns(): number {
    return this.#parts.columns();
  }

  print(line = ''): void {
    this.#parts.print(`${line}\n`);
  }

  printLines(lines: readonly string[]): void {
    for (const line of lines) this.print(line);
  }

  /** A sentence that may be longer than the screen is wide. */
  say(text: string): void {
    this.printLines(wrap(text, this.columns, ''));
  }

  warn(text: string): void {
    for (const line of wrap(text, this.columns, '')) this.print(this.style.warn(line));
  }

  /** An action was refused or failed. The session goes on; a piped one ends with this exit code. */
  noteProblem(exitCode: ExitCode, text: string): void {
    this.#problem ??= { exitCode, text };
  }

  /** @throws AbandonedError, AnswersError, LeaveError. */
  async ask<T>(asked: Asked<T>): Promise<T | 'late'> {
    for (;;) {
      const answer = await this.#parts.answers.next({
        prompt: asked.prompt,
        ...(asked.withinMs === undefined ? {} : { withinMs: asked.withinMs }),
      });
      if (answer.kind === 'late') return 'late';
      if ('number' in answer) this.#last = { prompt: asked.prompt, line: answer.number };
      if (answer.kind !== 'line') throw this.#without(answer, asked);
      const text = answer.text.trim();
      if (text === '?') {
        this.printLines(asked.help);
        continue;
      }
      if (text === '^' && asked.where === 'action') {
        this.#record(asked.prompt, text);
        throw new AbandonedError(wording.abandoned);
      }
      const parsed: Parsed<T> = answer.tooLong
        ? { ok: false, expected: 'a line of at most 64 KiB' }
        : asked.parse(text);
      if (parsed.ok) {
        this.#record(asked.prompt, text);
        return parsed.value;
      }
      if (!this.isTerminal) {
        const shown = answer.tooLong ? 'the answer' : JSON.stringify(text);
        throw this.answersError(`${shown} does not fit: expected ${parsed.expected}`, asked.where);
      }
      this.warn(`Expected ${parsed.expected.replace(/\.$/, '')}.`);
    }
  }

  /** Names the answer taken last. Nothing is read after it. */
  answersError(what: string, where: Asked<unknown>['where'] = 'action'): AnswersError {
    const { prompt, line } = this.#last;
    const after = where === 'menu' ? 'no later answer was read' : 'the action was abandoned, nothing was changed';
    const shown = JSON.stringify(prompt.replace(/\s+/g, ' ').trim());
    return new AnswersError(`line ${line} of the answers, at ${shown}: ${what}; ${after}`);
  }

  /** Out of all menus: there is nothing more to ask. */
  leave(): never {
    throw new LeaveError(EXIT.done);
  }

  /**
   * An action came to an end before all its questions were asked. Piped answers that follow belong to those questions, so
   * none of them is read; on a terminal the menu comes again.
   */
  endBeforeQuestions(): void {
    if (!this.isTerminal) this.leave();
  }

  async askQuestion(question: Question, defaults: Defaults): Promise<Value> {
    if (question.kind === 'pick') {
      this.print(question.text.replace(/\?$/, ':'));
      question.choices.forEach((choice, index) => {
        const suffix = choice.notBuilt === undefined ? '' : wording.disabledSuffix;
        this.print(`${String(index + 1).padStart(2)}) ${choice.label}${suffix}`);
      });
    }
    const onlyNo = question.kind === 'yes-no' && question.onlyNo !== undefined ? `Note: ${question.onlyNo}. ` : '';
    if (onlyNo !== '') this.say(onlyNo.trim());
    const answer = await this.ask({
      prompt: questionPrompt(question, defaults),
      help: wrap(`${question.help} ${onlyNo}${hintOf(question, defaults)}`, this.columns, '  '),
      parse: (text) => parseAnswer(question, text, defaults),
      expected: expectedAnswer(question),
      where: 'action',
    });
    return answer;
  }

  /** Asks in order, leaving out questions whose condition was answered no. */
  async askAll(questions: readonly Question[], defaults: Defaults, before: Values = {}): Promise<Values> {
    const values: Record<string, Value> = { ...before };
    for (const question of questions) {
      if (question.when !== undefined && values[question.when] !== true) continue;
      const answered = values.superserverAddress;
      const present = answered === undefined ? defaults : { ...defaults, answeredSuperserverAddress: answered };
      values[question.name] = await this.askQuestion(question, present);
    }
    return values;
  }

  /** Waits for the instance. @throws InterruptedWaitError at Ctrl-C; the work itself goes on. */
  async waitFor<T>(work: Promise<T>): Promise<T> {
    let stopWatching = (): void => {};
    const interrupted = new Promise<never>((_, reject) => {
      stopWatching = this.#parts.answers.watchInterrupts(() =>
        reject(new InterruptedWaitError(wording.interruptedWait)),
      );
    });
    try {
      return await Promise.race([work, interrupted]);
    } finally {
      stopWatching();
    }
  }

  /** A confirmation that is asked a second time, for a new situation, must not be taken from what was typed before. */
  dropTypedAhead(): void {
    this.#parts.answers.dropTypedAhead();
  }

  /** Runs a conversation to its end and says how the program ends. Every way out comes by here. */
  async run(conversation: () => Promise<void>): Promise<ExitCode> {
    try {
      await conversation();
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      if (error instanceof LeaveError) {
        if (error.exitCode !== EXIT.done) return error.exitCode;
      } else if (code === 'answers') {
        this.#parts.printError(`${message}\n`);
        return EXIT.answers;
      } else if (code === 'not-reachable') {
        this.#parts.printError(`${message}\n`);
        return EXIT.notReachable;
      } else if (code === 'outcome-unknown') {
        this.#parts.printError(`${message}\n`);
        return EXIT.unknown;
      } else if (code === 'request-refused') {
        this.#parts.printError(`${message}\n`);
        return EXIT.refused;
      } else throw error;
    }
    if (this.#problem === null || this.isTerminal) return EXIT.done;
    this.#parts.printError(`${this.#problem.text}\n`);
    return this.#problem.exitCode;
  }

  close(): void {
    this.#parts.answers.close();
  }

  #without(answer: Exclude<Answer, { kind: 'line' | 'late' }>, asked: Asked<unknown>): Error {
    if (answer.kind === 'gone') return new LeaveError(EXIT.interrupted);
    if (answer.kind === 'interrupt') {
      return asked.where === 'menu' ? new LeaveError(EXIT.interrupted) : new AbandonedError(wording.abandoned);
    }
    if (this.isTerminal) return new AbandonedError(wording.abandoned);
    if (asked.where === 'menu') return new LeaveError(EXIT.done);
    return this.answersError(`the answers ended: expected ${asked.expected}`);
  }

  #record(prompt: string, text: string): void {
    this.#parts.record?.(`# ${prompt.replace(/\s+/g, ' ').trim()}\n${asFileLine(text)}\n`);
  }
}

/** What RETURN does at a question. */
function hintOf(question: Question, defaults: Defaults): string {
  const preset = defaultText(question, defaults);
  if (preset !== null) return fill(wording.questionHint, { preset });
  return parseAnswer(question, '', defaults).ok ? wording.questionHintOptional : wording.questionHintNoDefault;
}
