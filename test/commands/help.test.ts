/** --help of every command: what it does, and lines to begin with, which the commands themselves can read. */
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Command } from 'commander';
import { examplesOf } from '../../src/commands/examples.ts';
import { wholeProgram } from '../../src/commands/main.ts';
import { agentLogRows, logRows } from '../../src/mirror/log-table.ts';
import { leavesOf, shellWords } from '../fixtures/command-words.ts';
import { filesBelow, textOf } from '../fixtures/project-files.ts';
import { CommandLine } from './command-line.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const line = new CommandLine();
let program: Command;
let leaves: readonly (readonly [string, Command])[];
/** The command that took the words last. */
let taken: Command | null = null;
beforeAll(async () => {
  program = await wholeProgram();
  const hidden = ['man-page', 'lab-cable', 'completion words'];
  leaves = [...leavesOf(program)].filter(([words]) => !hidden.includes(words));
  for (const [, command] of leaves) {
    command.exitOverride().configureOutput({ writeErr: () => {} });
    command.action(() => {
      taken = command;
    });
  }
});
afterAll(() => line.remove());

describe('every command', () => {
  test('says with --help what it does, what it takes, and gives examples of itself', async () => {
    expect(leaves.length).toBeGreaterThan(70);
    for (const [words, command] of leaves) {
      const { code, out, err } = await line.run([...words.split(' '), '--help']);
      expect({ words, code, err }).toEqual({ words, code: 0, err: '' });
      expect(out).toMatch(/^Usage: caretmirror /);
      expect({ words, says: command.description().length > 5 }).toEqual({ words, says: true });
      const examples = out.split('\nExamples:\n')[1]?.trimEnd().split('\n') ?? [];
      expect({ words, count: examples.length > 0 }).toEqual({ words, count: true });
      expect(examples.filter((each) => !`${each} `.startsWith(`  caretmirror ${words} `))).toEqual([]);
    }
  }, 60_000);

  test('reads its examples: options are known, and everything that is needed stands in them', async () => {
    for (const [, command] of leaves) {
      for (const example of examplesOf(command)) {
        const [, ...typed] = shellWords(example.replace(/ [<>] .*$/, ''));
        taken = null;
        await program.parseAsync(typed, { from: 'user' });
        expect({ example, taken: taken === command }).toEqual({ example, taken: true });
      }
      expect(examplesOf(command).length).toBeGreaterThan(0);
    }
  });

  test('the program itself and each group say it too, and a group alone says that a command is missing', async () => {
    expect((await line.run(['--help'])).out).toMatch(/Examples:\n {2}caretmirror\n/);
    for (const { name, commands } of program.commands.map((each) => ({ name: each.name(), commands: each.commands }))) {
      if (commands.length === 0) continue;
      expect(await line.run([name, '--help'])).toMatchObject({ code: 0, err: '' });
      expect(await line.run([name])).toMatchObject({
        code: 2,
        out: '',
        err: expect.stringContaining('which command?'),
      });
    }
  });
});

describe('what the operator is told to type', () => {
  const isWord = (word: string) => /^[a-z][a-z-]*$/.test(word);

  /** The words of a command that is named in a sentence; null = there is none of these words. */
  function named(words: readonly string[]): Command | null {
    let found: Command = program;
    for (const word of words) {
      if (found !== program && found.commands.length === 0) return found;
      const next = found.commands.find((each) => each.name() === word);
      if (next === undefined) return isWord(word) || found === program ? null : found;
      found = next;
    }
    return found;
  }

  test('MON-024: each command that a line of the logs, a menu or a document names is there', () => {
    const rows = Object.values({ ...logRows, ...agentLogRows }).flatMap(({ text, todo }) => [text, todo]);
    const texts = [
      ...rows,
      ...filesBelow(root, 'menus').map((path) => textOf(root, path)),
      ...filesBelow(root, 'src').map((path) => textOf(root, path)),
    ];
    const lines = texts.flatMap((text) => text.match(/\bcaretmirror (?!runs )[a-z][a-z-]*( [a-z][a-z-]*)?/g) ?? []);
    expect(lines.length).toBeGreaterThan(50);
    const missing = lines.filter((each) => named(each.split(' ').slice(1)) === null);
    expect(missing).toEqual([]);
  });

  test('every line of README and OPERATING that begins with the program is read by its command', async () => {
    const documents = ['README.md', 'docs/OPERATING.md'].map((path) => textOf(root, path)).join('\n');
    const lines = documents.match(/^ {4}(?:\$ )?caretmirror .*$/gm) ?? [];
    expect(lines.length).toBeGreaterThan(80);
    const wrong: string[] = [];
    for (const each of lines) {
      const [, ...typed] = shellWords(each.replace(/^ +(\$ )?/, '').replace(/ ([<>|#]) .*$/, ''));
      taken = null;
      await program
        .parseAsync(typed, { from: 'user' })
        .catch((error: Error) => wrong.push(`${each}: ${error.message}`));
    }
    expect(wrong).toEqual([]);
  });
});
