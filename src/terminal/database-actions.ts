/** Actions of ^DATABASE: a database made or changed by numbered fields, and what is known of one. */
import type { Action, Question } from '../../menus/menu.ts';
import { wording } from '../../menus/wording.ts';
import type { DatabaseDescription } from '../protocol/control-channel.ts';
import type { CommandArguments } from '../protocol/control-commands.ts';
import { type ActionContext, confirmed, nothingToPick, perform, printed, showPlan, yesNo } from './action-steps.ts';
import type { Dialogue } from './dialogue.ts';
import { pickDatabases } from './pick-databases.ts';
import { type Defaults, defaultText, parseNumber, type Values } from './question.ts';
import { factLines, fill } from './screen.ts';

type Of<K extends Action['kind']> = Extract<Action, { kind: K }>;

/** DB-017, DB-060. Directory, fields, and the name at the end, as the original asks. */
export async function createDatabaseAction(action: Of<'create-database'>, context: ActionContext): Promise<void> {
  const { dialogue } = context;
  const directory = String(await dialogue.askQuestion(action.directory, {})).replace(/(.)\/+$/, '$1');
  const isChanged = (await dialogue.askQuestion(action.change, {})) === true;
  const fields = isChanged ? await changeFields(() => action.fields, { present: {} }, dialogue) : {};
  const datasetName = nameFrom(directory);
  const database = String(await dialogue.askQuestion(action.dataset, datasetName === '' ? {} : { datasetName }));
  showPlan(context, fill(action.summary, { database, directory }), action.fields, fields);
  if (!(await confirmed(dialogue, action.confirm))) return;
  const { mirrorDatabase, ...properties } = fields;
  const mirrored = mirrorDatabase === undefined || mirrorDatabase === '' ? null : String(mirrorDatabase);
  await perform(context, action.command, { database, directory, mirrored, ...propertiesOf(properties) });
}

/** The name that the last part of a directory suggests; empty = none. */
function nameFrom(directory: string): string {
  const last = directory.split('/').at(-1) ?? '';
  return /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(last) ? last.toUpperCase() : '';
}

export async function editFieldsAction(action: Of<'edit-fields'>, context: ActionContext): Promise<void> {
  const { dialogue, description } = context;
  const picked = await pickDatabases(action.pick, description, dialogue);
  if (picked === null) return nothingToPick(context, action.pick.none);
  if (picked.length === 0) dialogue.print(wording.nothingChanged);
  for (const each of picked) {
    const database = each.name;
    dialogue.print();
    dialogue.print(`${database}  ${each.directory}`);
    const fields = await changeProperties(action, each, context);
    if (Object.keys(fields).length === 0) {
      dialogue.print(fill(wording.nothingToChange, { database }));
      continue;
    }
    showPlan(context, fill(action.summary, { database }), [...action.fields, addToMirrorOf(action, context)], fields);
    if (await confirmed(dialogue, action.confirm))
      await perform(context, action.command, { database, ...propertiesOf(fields) });
  }
}

/** DB-056, DB-060: `Add to Mirror` stands among the properties, or why it does not. */
async function changeProperties(
  action: Of<'edit-fields'>,
  database: DatabaseDescription,
  context: ActionContext,
): Promise<Values> {
  const { addable, notAddable, name: localName } = database;
  const needsJournaling = (changed: Values): boolean =>
    changed.journaled === undefined ? notAddable !== null : changed.journaled === false;
  const isCandidate = addable || notAddable !== null;
  return await changeFields(
    (changed) =>
      isCandidate && !needsJournaling(changed) ? [...action.fields, addToMirrorOf(action, context)] : action.fields,
    { present: presentProperties(database), suggested: { localName } },
    context.dialogue,
    (changed) => (isCandidate && needsJournaling(changed) ? wording.mustBeJournaled : null),
  );
}

function addToMirrorOf({ addToMirror }: Of<'edit-fields'>, { description }: ActionContext): Question {
  return { ...addToMirror, label: fill(addToMirror.label ?? '', { mirror: description.mirrorSet?.name ?? null }) };
}

export function presentProperties(database: DatabaseDescription): Defaults {
  const { maximumBytes, expansionMegabytes, resource, journaled, mountRequired } = database;
  return {
    presentExpansionSize: expansionMegabytes,
    presentResource: resource,
    presentMaximumSize: Math.ceil((maximumBytes ?? 0) / 1_000_000),
    presentJournaled: journaled,
    presentMountRequired: mountRequired,
  };
}

type Properties = Omit<CommandArguments['edit-database'], 'database'>;

/** Fields have the names of the command's arguments; the instance checks what is in them. */
function propertiesOf(fields: Values): Properties {
  return fields as Properties;
}

interface FieldDefaults {
  readonly present: Defaults;
  /** Offered when the field is chosen, and not shown as what is. */
  readonly suggested?: Defaults;
}

/** What was changed, by field name. Which fields there are may depend on it. */
async function changeFields(
  fieldsWith: (changed: Values) => readonly Question[],
  { present, suggested }: FieldDefaults,
  dialogue: Dialogue,
  noteWith: (changed: Values) => string | null = () => null,
): Promise<Values> {
  const changed: Record<string, Values[string]> = {};
  for (;;) {
    const fields = fieldsWith(changed);
    const lines = fields.map((field, index) => {
      const value = changed[field.name];
      const text = value === undefined ? (defaultText(field, present) ?? '') : printed(value);
      return [`${String(index + 1).padStart(2)}) ${field.label}`, text] as const;
    });
    dialogue.print();
    dialogue.printLines(factLines(lines).map((line) => line.trimEnd().slice(5)));
    const note = noteWith(changed);
    if (note !== null) dialogue.say(note);
    const number = await dialogue.ask({
      prompt: `${wording.fieldPrompt} `,
      help: [wording.fieldHelp],
      parse: (text) => (text === '' ? { ok: true, value: 0 } : parseNumber(text, 1, fields.length)),
      expected: 'the number of a field, or RETURN',
      where: 'action',
    });
    const field = number === 'late' ? undefined : fields[number - 1];
    if (field === undefined) return changed;
    changed[field.name] = await dialogue.askQuestion(field, { ...present, ...suggested });
  }
}

export async function databaseDetails(action: Of<'database-details'>, context: ActionContext): Promise<void> {
  const { dialogue, description } = context;
  const picked = await pickDatabases(action.pick, description, dialogue);
  if (picked === null) return nothingToPick(context, action.pick.none);
  for (const database of picked) {
    dialogue.print();
    dialogue.printLines(factLines(detailsOf(database)));
  }
}

function detailsOf(database: DatabaseDescription): readonly (readonly [string, string])[] {
  const megabytes = (bytes: number | null): string => (bytes === null ? '' : `${(bytes / 1_000_000).toFixed(1)} MB`);
  return [
    ['Database', database.name],
    ['Directory', database.directory],
    ['Mirror DB Name', database.mirrored ?? wording.none],
    ['Mounted', yesNo(database.mounted)],
    ['Status', database.status],
    ['Size', megabytes(database.sizeBytes)],
    ['Maximum Size', database.maximumBytes === 0 ? wording.none : megabytes(database.maximumBytes)],
    [
      'Expansion Size',
      database.expansionMegabytes === 0 ? wording.asSystemChooses : `${database.expansionMegabytes} MB`,
    ],
    ['Resource Name', database.resource],
    ['Collation', wording.collation],
    ['Global Journal State', yesNo(database.journaled)],
    ['Mount Required at Startup', yesNo(database.mountRequired)],
    ['Dejournaling paused', yesNo(database.paused)],
  ];
}
