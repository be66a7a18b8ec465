/** Menus, lists and texts as lines. Pure: the same facts give the same lines. */
import type { Menu, Option } from '../../menus/menu.ts';
import { placeNames, wording } from '../../menus/wording.ts';

/** `{name}` in a text becomes the fact of that name. */
export function fill(template: string, facts: Readonly<Record<string, string | number | boolean | null>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => (name in facts ? String(facts[name]) : whole));
}

/** Lines of a menu; `disabled` holds the reason of each option that is, by its index. */
export function menuLines(menu: Menu, disabled: readonly (string | null)[]): readonly string[] {
  return menu.options.map((option, index) => {
    const isMarked = disabled[index] != null && option.label !== wording.notAvailable;
    const suffix = isMarked ? wording.disabledSuffix : '';
    return `${String(index + 1).padStart(2)}) ${option.label}${suffix}`;
  });
}

/** The explanation of every option, for `?`. */
export function menuHelpLines(menu: Menu, disabled: readonly (string | null)[], columns: number): readonly string[] {
  const explained = menuLines(menu, disabled).flatMap((line, index) => {
    const option = menu.options[index];
    if (!option) return [line];
    const sentences = [option.help, runsOn(option)];
    const because = disabled[index];
    if (because != null) sentences.push(fill(wording.disabledBecause, { text: because.replace(/\.$/, '') }));
    return [line, ...wrap(sentences.filter((sentence) => sentence !== '').join(' '), columns, '      ')];
  });
  return [...explained, '', ...wrap(wording.helpHint, columns, '')];
}

function runsOn(option: Option): string {
  return option.runsOn === undefined
    ? ''
    : fill(wording.runsOn, { places: option.runsOn.map((place) => placeNames[place]).join(', ') });
}

/** Lines of at most `columns` characters, broken at blanks. */
export function wrap(text: string, columns: number, indent: string): readonly string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line !== indent && line.length + 1 + word.length > columns - 1) {
      lines.push(line);
      line = indent;
    }
    line += line === indent ? word : ` ${word}`;
  }
  return [...lines, line];
}

/** `Label ....... value`, the values in one column. */
export function factLines(facts: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...facts.map(([label]) => label.length), 0);
  return facts.map(([label, value]) => `     ${`${label}:`.padEnd(width + 1)} ${value}`);
}

/** MM/DD/YYYY HH:MM:SS of this computer's time zone, as the original prints it. */
export function screenTime(iso: string): { readonly date: string; readonly time: string } {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return { date: iso, time: '' };
  const two = (value: number) => String(value).padStart(2, '0');
  return {
    date: `${two(at.getMonth() + 1)}/${two(at.getDate())}/${at.getFullYear()}`,
    time: `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`,
  };
}

/** What an instance says without a capital, with times as machines write them. */
export function asSentence(text: string): string {
  const dated = text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g, screenDateTime);
  return `${dated.charAt(0).toUpperCase()}${dated.slice(1)}${dated.endsWith('.') ? '' : '.'}`;
}

export function screenDateTime(iso: string): string {
  const { date, time } = screenTime(iso);
  return `${date} ${time}`.trim();
}
