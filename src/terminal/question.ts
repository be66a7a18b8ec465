/** Reading one answer: what a question's prompt looks like, and whether a line answers it. Nothing is printed here. */
import type {
  DatabasesQuestion,
  DefaultSource,
  Menu,
  PickQuestion,
  Question,
  YesNoQuestion,
} from '../../menus/menu.ts';

export type Value = string | number | boolean;

/** Answers of one action so far, by question name. */
export type Values = Readonly<Record<string, Value>>;

/** What the instance and earlier answers give as defaults. */
export type Defaults = Readonly<Partial<Record<DefaultSource, Value>>>;

export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly expected: string };

/** The default in the form it is typed in, or null. */
export function defaultText(question: Question, defaults: Defaults): string | null {
  const given = question.defaultFrom === undefined ? undefined : defaults[question.defaultFrom];
  if (typeof given === 'boolean') return given ? 'Yes' : 'No';
  if (given !== undefined) return String(given);
  if (question.default === undefined) return null;
  return question.default.replace(/^<|>$/g, '');
}

export function questionPrompt(question: Question, defaults: Defaults): string {
  const preset = defaultText(question, defaults);
  return preset === null ? `${question.text} ` : `${question.text} <${preset}> `;
}

/** What would answer it, in words. */
export function expectedAnswer(question: Question): string {
  switch (question.kind) {
    case 'yes-no':
      return question.onlyNo === undefined ? 'Yes or No' : `No: ${question.onlyNo}`;
    case 'number':
      return expectedNumber(question.min, question.max);
    case 'pick':
      return `the number or the beginning of one of: ${question.choices.map((choice) => choice.label).join(', ')}`;
    case 'text':
      return question.expected;
  }
}

/** `typed` is an answer without the blanks around it; empty takes the default. */
export function parseAnswer(question: Question, typed: string, defaults: Defaults): Parsed<Value> {
  const preset = defaultText(question, defaults);
  const text = typed === '' && preset !== null ? preset : typed;
  switch (question.kind) {
    case 'yes-no':
      return parseYesNo(question, text);
    case 'number':
      return parseNumber(text, question.min, question.max);
    case 'pick':
      return parsePick(question, text);
    case 'text': {
      if (text === preset) return { ok: true, value: text };
      if (!new RegExp(question.pattern).test(text)) return { ok: false, expected: expectedAnswer(question) };
      return { ok: true, value: question.upperCase ? text.toUpperCase() : text };
    }
  }
}

function parseYesNo(question: YesNoQuestion, text: string): Parsed<boolean> {
  const folded = text.toLowerCase();
  const isNo = folded !== '' && 'no'.startsWith(folded);
  const isYes = folded !== '' && 'yes'.startsWith(folded) && question.onlyNo === undefined;
  return isNo || isYes ? { ok: true, value: isYes } : { ok: false, expected: expectedAnswer(question) };
}

function expectedNumber(min: number, max: number): string {
  return `a whole number from ${min} to ${max}`;
}

export function parseNumber(text: string, min: number, max: number): Parsed<number> {
  const value = Number(text);
  const isWhole = /^\d{1,10}$/.test(text);
  return isWhole && value >= min && value <= max
    ? { ok: true, value }
    : { ok: false, expected: expectedNumber(min, max) };
}

function parsePick(question: PickQuestion, text: string): Parsed<string> {
  const labels = question.choices.map((choice) => choice.label);
  const found = findByLabel(labels, text);
  if (typeof found !== 'number') return { ok: false, expected: expectedAnswer(question) };
  const choice = question.choices[found];
  if (choice?.notBuilt !== undefined) return { ok: false, expected: `another choice: ${choice.notBuilt}` };
  return { ok: true, value: labels[found] ?? '' };
}

/** Index of the label meant by a number or by a beginning that only one label has, case folded; a whole label always wins. */
export function findByLabel(labels: readonly string[], text: string): number | 'unknown' | 'ambiguous' {
  if (/^\d+$/.test(text)) {
    const index = Number(text) - 1;
    if (index >= 0 && index < labels.length) return index;
  }
  const folded = text.toLowerCase();
  const whole = labels.findIndex((label) => label.toLowerCase() === folded);
  if (whole >= 0) return whole;
  const found = labels.flatMap((label, index) => (label.toLowerCase().startsWith(folded) ? [index] : []));
  if (found.length > 1) return 'ambiguous';
  return found[0] ?? 'unknown';
}

export type DatabasePick =
  | { readonly kind: 'all' }
  | { readonly kind: 'end' }
  | { readonly kind: 'one'; readonly index: number };

export function parseDatabasePick(
  question: DatabasesQuestion,
  names: readonly string[],
  text: string,
): Parsed<DatabasePick> {
  if (text === '') return { ok: true, value: { kind: 'end' } };
  if (text === '*') return { ok: true, value: { kind: 'all' } };
  const found = findByLabel(names, text);
  if (typeof found === 'number') return { ok: true, value: { kind: 'one', index: found } };
  return { ok: false, expected: `${question.help} (${names.join(', ')}), * or RETURN` };
}

export type OptionPick = { readonly kind: 'option'; readonly index: number } | { readonly kind: 'leave' };

/** An answer to `Option?`: the number or any unique beginning of the label. */
export function parseOption(menu: Menu, text: string): Parsed<OptionPick> {
  if (text === '' || text === '^') return { ok: true, value: { kind: 'leave' } };
  const found = findByLabel(
    menu.options.map((option) => option.label),
    text,
  );
  if (typeof found === 'number') return { ok: true, value: { kind: 'option', index: found } };
  const what = found === 'ambiguous' ? 'a longer beginning, for several labels begin so,' : 'the beginning of a label';
  return { ok: false, expected: `a number from 1 to ${menu.options.length} or ${what} of ${menu.title}` };
}
