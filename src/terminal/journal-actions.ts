/** Display Journal File of ^JOURNAL: the files, then records page by page. It only looks. */
import type { Action } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import { type ActionContext, nothingToPick, refused } from './action-steps.ts';
import { AbandonedError, type Dialogue } from './dialogue.ts';
import { EXIT } from './exit-codes.ts';
import type { JournalFileRow, JournalPlace, JournalReader, JournalSearch } from './journal-reader.ts';
import { findByLabel, type Parsed, type Values } from './question.ts';
import { fill, screenDateTime, wrap } from './screen.ts';

const recordsOnPage = 20;

type RecordsAction = Extract<Action, { kind: 'journal-records' }>;

export async function journalRecords(action: RecordsAction, context: ActionContext): Promise<void> {
  const { journal, dialogue } = context;
  const files = await filesOf(context);
  if (files === null) return;
  const rows = files.map(({ name, begun, records, bytes }, index) => [
    `${index + 1})`,
    name,
    screenDateTime(begun),
    records,
    String(bytes),
  ]);
  dialogue.print();
  dialogue.printLines(await dialogue.style.table([wording.journalFiles, ...rows]));
  const file = await askFile(action, files, dialogue);
  const values = await dialogue.askAll([action.select, ...action.questions], {});
  const search = searchOf(file, values);
  const problem = journal.problemOf(search);
  if (problem !== null) {
    refused(context, fill(wording.refused, { text: problem }), EXIT.refused);
    return dialogue.endBeforeQuestions();
  }
  await showPages(journal, search, dialogue);
}

/** Null when there are none, which has been said. */
async function filesOf(context: ActionContext): Promise<readonly JournalFileRow[] | null> {
  if (context.description.mirrorSet === null) {
    nothingToPick(context, wording.noJournalFiles);
    return null;
  }
  const files = await context.journal.files();
  if (files.length > 0) return files;
  nothingToPick(context, wording.noJournalFiles);
  return null;
}

/** Null = all. */
async function askFile(
  { file }: RecordsAction,
  files: readonly JournalFileRow[],
  dialogue: Dialogue,
): Promise<string | null> {
  const names = files.map(({ name }) => name);
  const newest = names.at(-1) ?? null;
  const answer = await dialogue.ask<string | null>({
    prompt: `${file.text} <${newest}> `,
    help: wrap(`${file.help} ${fill(wording.questionHint, { preset: newest })}`, dialogue.columns, '  '),
    expected: wording.journalFileExpected,
    where: 'action',
    parse: (text) => {
      if (text === '') return { ok: true, value: newest };
      if (text === '*') return { ok: true, value: null };
      const found = findByLabel(names, text);
      return typeof found === 'number'
        ? { ok: true, value: names[found] ?? null }
        : { ok: false, expected: wording.journalFileExpected };
    },
  });
  return answer === 'late' ? newest : answer;
}

function searchOf(file: string | null, values: Values): JournalSearch {
  const text = (name: string): string => String(values[name] ?? '');
  const [global, value, database, from, to] = ['global', 'value', 'database', 'from', 'to'].map(text);
  return { file, global: global ?? '', value: value ?? '', database: database ?? '', from: from ?? '', to: to ?? '' };
}

async function showPages(journal: JournalReader, search: JournalSearch, dialogue: Dialogue): Promise<void> {
  let from: JournalPlace | null = null;
  let isFirst = true;
  for (;;) {
    const page = await journal.page(search, from, recordsOnPage);
    dialogue.print();
    dialogue.printLines(page.lines);
    if (isFirst && page.lines.length === 0) dialogue.print(wording.noRecords);
    if (page.next === null || !(await wantsMore(dialogue))) return;
    from = page.next;
    isFirst = false;
  }
}

async function wantsMore(dialogue: Dialogue): Promise<boolean> {
  const parse = (text: string): Parsed<boolean> => {
    if (text === '') return { ok: true, value: true };
    if (/^q$/i.test(text)) return { ok: true, value: false };
    return { ok: false, expected: wording.moreExpected };
  };
  try {
    const prompt = `${wording.morePrompt} `;
    const help = wrap(wording.moreHelp, dialogue.columns, '  ');
    return (await dialogue.ask({ prompt, help, parse, expected: wording.moreExpected, where: 'action' })) === true;
  } catch (error) {
    if (error instanceof AbandonedError) return false; // ^, Ctrl-C or Ctrl-D
    throw error;
  }
}
