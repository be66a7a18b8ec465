/**
 * Steps that the actions of the menus are made of: what will be done, the confirmation, the command sent to the instance, and
 * what came of it in words.
 */
import type { Question } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { Description } from '../protocol/control-channel.ts';
import type { CommandArguments, CommandName, Outcome, Refusal } from '../protocol/control-commands.ts';
import { errorNumberOf } from '../protocol/error-numbers.ts';
import type { Control, RequestRefusedError } from './control-client.ts';
import { AbandonedError, type Dialogue, InterruptedWaitError } from './dialogue.ts';
import type { EquivalentLine } from './equivalent-line.ts';
import { EXIT } from './exit-codes.ts';
import type { JournalReader } from './journal-reader.ts';
import type { Value, Values } from './question.ts';
import { factLines, fill } from './screen.ts';

export interface ActionContext {
  readonly control: Control;
  readonly journal: JournalReader;
  readonly equivalentLine: EquivalentLine;
  readonly dialogue: Dialogue;
  readonly description: Description;
  /** Label of the option, for the line that says what was refused. */
  readonly label: string;
}

export async function confirmed(dialogue: Dialogue, question: Question): Promise<boolean> {
  const yes = (await dialogue.askQuestion(question, {})) === true;
  if (!yes) dialogue.print(wording.nothingChanged);
  return yes;
}

/** There is nothing to choose from: piped answers that follow belong to questions that are not asked. */
export function nothingToPick(context: ActionContext, text: string): void {
  refused(context, text, EXIT.refused);
  context.dialogue.endBeforeQuestions();
}

/** Every action first shows what it will do. */
export function showPlan(
  context: ActionContext,
  summary: string,
  questions: readonly Question[],
  values: Values,
): void {
  const facts = { mirror: context.description.mirrorSet?.name ?? null, ...values };
  context.dialogue.print();
  context.dialogue.say(fill(wording.willDo, { what: fill(summary, facts) }));
  const shown = questions.flatMap((question): [string, string][] => {
    const value = values[question.name];
    return question.label === undefined || value === undefined ? [] : [[question.label, printed(value)]];
  });
  context.dialogue.printLines(factLines(shown));
}

export async function perform<N extends CommandName>(
  context: ActionContext,
  command: N,
  given: CommandArguments[N],
): Promise<void> {
  const outcome = await send(context, command, given);
  if (outcome !== null) tell(context, command, given, outcome);
}

/** Null when it did not come to an outcome that this session will see. */
export async function send<N extends CommandName>(
  context: ActionContext,
  command: N,
  given: CommandArguments[N],
  situation?: number,
): Promise<Outcome | null> {
  const { control, dialogue } = context;
  let isWaiting = true;
  const work = control.perform(command, given, situation, (text) => {
    if (isWaiting) dialogue.print(text);
  });
  try {
    return await answered(context, work);
  } catch (error) {
    if (!(error instanceof InterruptedWaitError)) throw error;
    work.catch(() => {}); // nobody waits for it any more
    dialogue.print(error.message);
    return null;
  } finally {
    isWaiting = false;
  }
}

/** Null when the instance could not carry out the request at all, which has been said. */
async function answered<T>(context: ActionContext, work: Promise<T>): Promise<T | null> {
  try {
    return await context.dialogue.waitFor(work);
  } catch (error) {
    if ((error as { code?: string }).code !== 'request-refused') throw error;
    refused(context, refusalText((error as RequestRefusedError).refusal), EXIT.refused);
    return null;
  }
}

/** Ctrl-C while the instance only looks: nothing has been changed. */
export async function looked<T>(context: ActionContext, work: Promise<T>): Promise<T | null> {
  try {
    return await answered(context, work);
  } catch (error) {
    if (!(error instanceof InterruptedWaitError)) throw error;
    work.catch(() => {});
    throw new AbandonedError(wording.abandoned);
  }
}

export function tell<N extends CommandName>(
  context: ActionContext,
  command: N,
  given: CommandArguments[N],
  outcome: Outcome,
): void {
  if (outcome.ok) {
    // The command line puts these words behind its name; here they are a sentence of their own.
    context.dialogue.say(outcome.text.charAt(0).toUpperCase() + outcome.text.slice(1));
    showEquivalent(context, command, given);
    const next = (wording.nextStep as Partial<Record<CommandName, string>>)[command];
    if (next !== undefined && context.dialogue.isTerminal) {
      const facts: Values = { ...(given as Values), instance: context.description.instance };
      context.dialogue.say(fill(next, facts));
    }
    return;
  }
  const { text } = outcome.refusal;
  const words = {
    refused: refusalText(outcome.refusal, command),
    failed: fill(wording.failed, { text }),
    'not-known': fill(wording.notKnown, { text }),
  }[outcome.outcome];
  refused(context, words, outcome.outcome === 'not-known' ? EXIT.unknown : EXIT.refused);
}

/** Never broken into lines: it is there to be taken over as it is. */
export function showEquivalent<N extends CommandName>(
  { dialogue, description, equivalentLine }: ActionContext,
  command: N,
  given: CommandArguments[N],
): void {
  const line = equivalentLine(command, given, description);
  dialogue.print(dialogue.style.dim(fill(wording.equivalentLine, { line })));
}

/** An older instance says nothing of what the action would do. */
export const noReport: Refusal = { reason: 'not-built', text: wording.notBuilt, spec: null };

/** With the number that the original has for it, where it is known. */
export function refusalText(refusal: Refusal, command?: CommandName): string {
  const number = errorNumberOf(refusal, command);
  const { text } = refusal;
  return number === null ? fill(wording.refused, { text }) : fill(wording.refusedNumbered, { number, text });
}

export function refused(context: ActionContext, text: string, exitCode: 1 | 5): void {
  context.dialogue.warn(text);
  context.dialogue.noteProblem(exitCode, `${context.label}: ${text}`);
}

export function printed(value: Value): string {
  return typeof value === 'boolean' ? yesNo(value) : String(value);
}

export function yesNo(value: boolean): string {
  return value ? 'Yes' : 'No';
}
