/** `caretmirror sys CLASS.METHOD [ARGUMENT...]`: the methods of the library without a program. The table of src/sys says which there are. */

import { allMethods, findMethod } from '../sys/classes.ts';
import type { Failed } from '../sys/method.ts';
import { argumentsOf, parametersText } from '../sys/typed-words.ts';
import { type CommandFailure, failed, unknown, usage } from './failures.ts';
import { askInstance, onlyInstance } from './instances.ts';
import { listedJournalFiles } from './journal-listing.ts';
import { json, table } from './output.ts';
import type { DefineGroup, Surroundings } from './surroundings.ts';

interface Options {
  readonly instance?: string;
  readonly json: boolean;
}

export const define: DefineGroup = (group, surroundings) => {
  group
    .argument('[method]', 'CLASS.METHOD, as in SYS.Mirror.AddDatabase; without it all of them are listed')
    .argument('[arguments...]', "in their order, '' = left out; a record as KEY=VALUE words")
    .option('--instance <name>', 'the instance; not needed where there is one')
    .option('--json', 'one JSON document', false)
    .action(async (typed: string | undefined, words: readonly string[], options: Options) => {
      const here = await surroundings();
      if (typed === undefined) return list(here, options.json);
      const found = findMethod(typed);
      if (found === null) throw usage(`no method ${typed}; "caretmirror sys" lists them`);
      await call(here, found, words, options);
    });
};

/** Two lines for each, since a line of a table would be wider than most screens. */
function list(here: Surroundings, asJson: boolean): void {
  const rows = allMethods.map(({ name, method: { call: _, ...facts } }) => ({ name, ...facts }));
  if (asJson) return here.print(json(rows));
  const lines = rows.map((row) => {
    const statement = row.spec === null ? '' : ` (${row.spec})`;
    const called = `${row.name} ${parametersText(row)}`.trimEnd();
    return `${called}\n    ${row.does}; gives ${row.returns}${statement}\n`;
  });
  here.print(lines.join(''));
}

async function call(
  here: Surroundings,
  { name, method }: NonNullable<ReturnType<typeof findMethod>>,
  words: readonly string[],
  { instance: typed, json: asJson }: Options,
): Promise<void> {
  const given = argumentsFor(name, () => argumentsOf(method, words));
  const instance = onlyInstance(here, typed);
  const value = await askInstance(here, instance, (control) =>
    method.call(
      {
        control,
        journalFiles: () => listedJournalFiles({ ...here, mirror: control.mirror }, instance),
        onProgress: (text) => here.tell(text),
      },
      ...given,
    ),
  ).catch((error: unknown) => argumentsFor(name, () => rethrow(error)));
  if (asJson) here.print(json({ method: name, value }));
  else if (!isFailed(value)) here.print(valueText(value));
  if (isFailed(value)) throw failureOfStatus(value);
}

function rethrow(error: unknown): never {
  throw error;
}

/** What does not fit is wrong usage, and the line says what would. */
function argumentsFor<T>(name: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (code !== 'bad-argument') throw error;
    const found = findMethod(name);
    const form = found === null ? '' : ` (${name} ${parametersText(found.method)}`.trimEnd();
    throw usage(`${message}${form === '' ? '' : `${form})`}`);
  }
}

function isFailed(value: unknown): value is Failed {
  return typeof value === 'object' && value !== null && 'ok' in value && value.ok === false;
}

function failureOfStatus({ code, text, outcome }: Failed): CommandFailure {
  const line = code === null ? text : `ERROR #${code}: ${text}`;
  return outcome === 'not-known' ? unknown(`${line}; see the messages log`) : failed(line);
}

/** A status as its sentence, true and false as 1 and 0, rows as a table, a record as lines, texts as lines. */
function valueText(value: unknown): string {
  if (typeof value === 'boolean') return value ? '1\n' : '0\n';
  if (typeof value !== 'object') return `${value}\n`;
  if (value === null) return '\n';
  if (Array.isArray(value)) return rowsText(value);
  if ('ok' in value && 'text' in value) return `${value.text}\n`;
  return Object.entries(value)
    .map(([key, each]) => `${key}: ${plainText(each)}\n`)
    .join('');
}

function rowsText(rows: readonly unknown[]): string {
  const [first] = rows;
  if (typeof first !== 'object' || first === null) return rows.map((row) => `${row}\n`).join('');
  const head = Object.keys(first);
  return table(
    head,
    rows.map((row) => head.map((key) => plainText((row as Record<string, unknown>)[key]))),
  );
}

function plainText(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? Object.values(value).map(plainText).join(', ') : String(value);
}
