/**
 * Actions that are assessed before anybody is asked. The confirmation holds for the situation that was shown and for no other: the
 * instance refuses where it has changed, and says what; then all of it is shown and asked again, of a person only, and never answered from
 * what was typed before (FO-074, FO-075, FO-076, FO-077, FO-087, CFG-069).
 */
import type { Action, YesNoQuestion } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { Assessment, TroubleAssessment } from '../protocol/assessment.ts';
import type { CommandArguments, CommandName } from '../protocol/control-commands.ts';
import { type ActionContext, confirmed, looked, noReport, refusalText, refused, send, tell } from './action-steps.ts';
import { EXIT } from './exit-codes.ts';
import { findingSentences } from './finding-lines.ts';
import { demotionSentence, promotionSentences } from './promotion-lines.ts';
import { asSentence, fill, screenDateTime, wrap } from './screen.ts';

type Of<K extends Action['kind']> = Extract<Action, { kind: K }>;

export interface Assessed {
  readonly assessment: Assessment;
  /** Described after the assessment, so that nothing older than its number is shown with it. */
  readonly context: ActionContext;
}

/** Null when it would be refused, which has been said. */
export async function assessed<N extends CommandName>(
  context: ActionContext,
  command: N,
  given?: CommandArguments[N],
): Promise<Assessed | null> {
  const { control, dialogue } = context;
  if (command === 'resume-primary') dialogue.print(wording.troubleAsking);
  const assessment = await looked(context, control.assess(command, given));
  if (assessment === null) return null;
  if (assessment.refusal !== null) {
    refused(context, refusalText(assessment.refusal, command), EXIT.refused);
    return null;
  }
  return { assessment, context: { ...context, description: await control.describe() } };
}

/** Why it was not done, where it is to be asked again; null = it has come to an outcome, which has been said. */
export async function performAssessed<N extends CommandName>(
  { assessment, context }: Assessed,
  command: N,
  given: CommandArguments[N],
): Promise<string | null> {
  const outcome = await send(context, command, given, assessment.situation);
  if (outcome === null) return null;
  if (!outcome.ok && outcome.refusal.reason === 'situation-changed') return outcome.refusal.text;
  tell(context, command, given, outcome);
  return null;
}

/** Before it is asked again. `isAll`: nothing was done. @throws AnswersError, LeaveError: answers from a pipe were meant for what was shown. */
export function tellSituationChanged(context: ActionContext, text: string, isAll = true): void {
  const { dialogue } = context;
  if (!dialogue.isTerminal) {
    if (isAll) throw dialogue.answersError(fill(wording.situationChangedPiped, { text }));
    refused(context, fill(wording.refused, { text }), EXIT.refused);
    return dialogue.endBeforeQuestions();
  }
  dialogue.warn(`${asSentence(text)} ${wording.situationNow}`);
  dialogue.dropTypedAhead();
}

/** What the command would meet with its arguments is said before the confirmation. Null = it would be refused: nothing more is asked. */
export async function lookAhead<N extends CommandName>(
  context: ActionContext,
  command: N,
  given?: CommandArguments[N],
): Promise<Assessed | null> {
  const shown = await assessed(context, command, given);
  if (shown === null) context.dialogue.endBeforeQuestions();
  for (const sentence of findingSentences(shown?.assessment.findings)) context.dialogue.say(sentence);
  return shown;
}

/** `ask` shows what was assessed, of the command alone or with arguments that stand already; its null = nothing is to be done. */
export async function inShownSituation<N extends CommandName>(
  context: ActionContext,
  command: N,
  ask: (shown: Assessed) => Promise<CommandArguments[N] | null>,
  standing?: CommandArguments[N],
): Promise<void> {
  for (;;) {
    const shown = await lookAhead(context, command, standing);
    const given = shown === null ? null : await ask(shown);
    if (shown === null || given === null) return;
    const changed = await performAssessed(shown, command, given);
    if (changed === null) return;
    tellSituationChanged(context, changed);
  }
}

/** What the command would meet, the confirmation, and the command. */
export async function performLooked<N extends CommandName>(
  context: ActionContext,
  command: N,
  given: CommandArguments[N],
  confirm: YesNoQuestion,
): Promise<void> {
  const ask = async () => ((await confirmed(context.dialogue, confirm)) ? given : null);
  await inShownSituation(context, command, ask, given);
}

/** Each question must be answered with Yes. */
export async function assessedAction({ command, confirm }: Of<'assessed'>, context: ActionContext): Promise<void> {
  const { dialogue } = context;
  await inShownSituation(context, command, async (shown) => {
    dialogue.printLines(shownLines(command, shown));
    for (const [index, question] of confirm.entries()) {
      const text = fill(question.text, { other: shown.assessment.trouble?.other ?? null });
      if (await confirmed(dialogue, { ...question, text })) continue;
      if (index + 1 < confirm.length) dialogue.endBeforeQuestions();
      return null;
    }
    if (command === 'force-primary') dialogue.print(wording.forceWaiting);
    return {};
  });
}

/** FO-077..082. With a primary there is nothing to choose. */
export async function promoteAction(action: Of<'promote'>, context: ActionContext): Promise<void> {
  const { dialogue } = context;
  await inShownSituation(context, action.command, async ({ assessment: { promotion }, context: now }) => {
    if (promotion == null) {
      refused(context, refusalText(noReport, action.command), EXIT.refused);
      dialogue.endBeforeQuestions();
      return null;
    }
    for (const line of promotionSentences(promotion)) dialogue.say(line);
    const values = promotion.primary === null ? await dialogue.askAll([action.partner, action.hold], {}) : {};
    const isAutomatic = values.partner === undefined || values.partner === 'AUTO';
    const given = { ...(isAutomatic ? {} : { partner: String(values.partner) }), hold: values.hold === true };
    if (!isAutomatic && (await lookAhead(now, action.command, given)) === null) return null;
    return (await confirmed(dialogue, action.confirm)) ? given : null;
  });
}

function shownLines(command: Of<'assessed'>['command'], { assessment: now, context }: Assessed): readonly string[] {
  const { columns } = context.dialogue;
  const wrapped = (text: string): readonly string[] => wrap(text, columns, '');
  if (command === 'demote' || command === 'demote-other') {
    return wrapped(demotionSentence(context.description, command));
  }
  if (command === 'become-primary') {
    return [now.primary === null ? wording.noCurrentPrimary : fill(wording.currentPrimary, { member: now.primary })];
  }
  const facts = {
    time: now.newestJournalTime === null ? wording.noJournalTime : screenDateTime(now.newestJournalTime),
    file: now.newestJournalFile ?? wording.noJournalFile,
  };
  if (now.trouble !== null) {
    return troubleSentences(now.trouble, fill(wording.journalUpTo, facts)).flatMap(wrapped);
  }
  const wasNotActive = now.wasPrimary ? wording.forceWasPrimary : wording.forceWasNotActive;
  const text = now.wasActive ? wording.forceWasActive : wasNotActive;
  return [
    ...text.flatMap((line) => wrapped(fill(line, facts))),
    ...(now.otherAnswers === true ? [wording.forceOtherAnswers] : []),
  ];
}

/** FO-076. */
function troubleSentences(trouble: TroubleAssessment, newestJournal: string): readonly string[] {
  const { since, spec, because, other, agentSays, arbiterSays } = trouble;
  return [
    fill(wording.troubleSince, { since: screenDateTime(since), spec, because }),
    newestJournal,
    fill(wording.troubleAgent[agentSays], { other }),
    fill(wording.troubleArbiter[arbiterSays], { other }),
    fill(wording.troubleWarning, { other }),
  ];
}
