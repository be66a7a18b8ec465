/**
 * A procedure of docs/spec/08 as its operator lives it: what is typed, all that is printed, and what befalls the members, in one
 * text. It is compared with expected/NAME.txt, exactly but for what differs from run to run, which is marked: <TIME>, <PID> and
 * so on. UPDATE_TRANSCRIPTS=1 writes the files anew; they are to be read before they are committed.
 */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { type Ran, runProgram } from '../fixtures/program.ts';
import { Screen } from './screen.ts';

/** Hosts that a play is about. */
export interface Ground {
  readonly home: string;
  homeOf(label: string): string;
}

const homeLength = 56;

/** Its length is the same wherever temporary files lie, so that lines with paths in them are broken at the same places. */
export function makeGround(): string {
  const before = `${join(tmpdir(), 'cm-play-')}`;
  const home = mkdtempSync(before.padEnd(homeLength - 6, '-'));
  if (home.length !== homeLength) throw new Error(`TMPDIR is too long for transcripts: ${home}`);
  return home;
}

/** In this order. How full the disk of this machine is, is no part of a play. */
const marks: readonly (readonly [RegExp, string])[] = [
  [/^The disk of the journal will be full[^.]*\.\n\n/gm, ''],
  [/\(?(cannot reach )?127\.\d{3}\.0\.\d+:\d+: [a-z ]+\)/g, '(<WHY NOT>)'],
  // How far a mirror is that was joined just now is chance, and so are the columns of the list that says it.
  [/^ {4}Mirror {2}Status .*\n-- .*$/gm, '    Mirror  <HOW IT IS>'],
  [/^(\d\) {2}[A-Z]+) +(Connected|Synchronizing|Transition|Waiting) .*$/gm, '$1  <HOW IT IS>'],
  [/127\.\d{3}\.0\.(?=\d)/g, '127.NNN.0.'],
  [/127_\d{3}_0_(?=\d)/g, '127_NNN_0_'],
  [/\d\d\/\d\d\/\d{4} \d\d:\d\d:\d\d(\.\d\d)?/g, '<DATE AND TIME>'],
  [/\d\d:\d\d:\d\d on \d\d\/\d\d\/\d{4}/g, '<TIME> on <DATE>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)/g, '<TIME>'],
  [/(MIRROR-[A-Z0-9]+-)\d{8}\.\d{3}/g, '$1<DATE>.<NUMBER>'],
  [/\b\d+\/\d+\b/g, '<POSITION>'],
  [/^\d+(?= {2}<TIME> {2}(set|kill))/gm, '<SEQUENCE>'],
  [/process id: \d+/g, 'process id: <PID>'],
  [/^ [\d.]+ KB\/s.*$/gm, ' <RATE>'],
];

/** Answers of ^MIRROR: the Status Monitor once, and out. */
export const monitor = ['1', '4', 'q', '', ''];

export class Play {
  readonly #ground: Ground;
  readonly #parts: string[];

  constructor(title: string, ground: Ground) {
    this.#ground = ground;
    this.#parts = [`${title}\n`];
  }

  /** Something that nobody types. */
  happens(words: string): void {
    this.#parts.push(`\n--- ${words}\n`);
  }

  /** ^MIRROR on a host, with all answers at once; every session ends well unless it says otherwise. */
  menus(label: string, ...answers: readonly string[]): Promise<string> {
    return this.routine(label, 'MIRROR', answers);
  }

  /** The same, where the last answer but those that leave changes a role: whether an entry is offered in the menus that follow is chance. */
  async changeRole(label: string, ...answers: readonly string[]): Promise<string> {
    const text = await this.menus(label, ...answers);
    const confirmed = Math.max(text.lastIndexOf('> y\n'), text.lastIndexOf('> yes\n'));
    const after = text.slice(confirmed).replaceAll(' (disabled)', '');
    this.#parts.push((this.#parts.pop() ?? '').replace(text.slice(confirmed), () => `${after}`));
    return text;
  }

  async routine(label: string, routine: string, answers: readonly string[], code = 0): Promise<string> {
    const input = answers.map((each) => `${each}\n`).join('');
    return (await this.#run(label, ['session', label, routine], code, input)).out;
  }

  /** ^MIRROR on a terminal of a host: all that stands there at the end. */
  async terminal(label: string, ...answers: readonly string[]): Promise<string> {
    // As wide as is needed for a line with a path.
    const screen = new Screen(['--home', this.#ground.homeOf(label)], { columns: 160, env: { NO_COLOR: '1' } });
    try {
      await screen.answerAll(answers);
      const text = screen.shown().trimEnd();
      this.#parts.push(`\n--- at a terminal of ${label}'s host\n${text}\n`);
      return text;
    } finally {
      screen.close();
    }
  }

  /** A command on a host. */
  async command(label: string, args: readonly string[], code = 0): Promise<string> {
    const { out, err } = await this.#run(label, args, code);
    return out + err;
  }

  async #run(label: string, args: readonly string[], code: number, input?: string): Promise<Ran> {
    const ran = await runProgram([...args, '--home', this.#ground.homeOf(label)], input === undefined ? {} : { input });
    const { out, err } = ran;
    const end = ran.code === 0 ? '' : `(exit ${ran.code})\n`;
    this.#parts.push(`\n--- on ${label}'s host: caretmirror ${args.join(' ')}\n${out}${err}${end}`);
    if (ran.code !== code) throw new Error(`exit ${ran.code} instead of ${code}`);
    return ran;
  }

  /** What a member waits for holds words of the network, so it is not compared where its lines end. */
  text(): string {
    let text = this.#parts.join('').replaceAll(this.#ground.home, '<HOME>');
    text = text.replace(
      /^(This|There|The) [^\n]* since [\s\S]*?\n\n/gm,
      (found) => `${found.trim().replaceAll('\n', ' ')}\n\n`,
    );
    for (const [pattern, mark] of marks) text = text.replace(pattern, mark);
    return text;
  }
}

/** Plays it to its end and compares. What went wrong in the middle is told together with what was seen until then. */
export async function played(
  name: string,
  title: string,
  ground: Ground & { describe?(): Promise<string> },
  story: (play: Play) => Promise<void>,
): Promise<void> {
  const play = new Play(`${name}: ${title}`, ground);
  try {
    await story(play);
  } catch (error) {
    const now = await ground.describe?.();
    throw new Error(`${(error as Error).message}\n${now ?? ''}\n${play.text()}`, { cause: error });
  }
  const file = new URL(`expected/${name.toLowerCase()}.txt`, import.meta.url);
  const actual = play.text();
  if (process.env.UPDATE_TRANSCRIPTS === '1') writeFileSync(file, actual);
  expect(existsSync(file) ? readFileSync(file, 'utf8') : `no file ${file.pathname}`).toBe(actual);
}
