/**
 * Every option of every menu in every state of a member: shown, explained, entered and left, on terminals of two sizes, without colour,
 * and on a dumb one; then carried out, as whoever answers Yes.
 */
import { expect, test } from '@jest/globals';
import { wording } from '../../menus/wording.ts';
import { routines } from '../../src/terminal/session.ts';
import { Answering, type Look, listed } from '../fixtures/answering.ts';
import { routineNames, type Way, waysOf } from '../fixtures/routine-menus.ts';
import { describeState, isAction, scriptedDesk, states } from '../fixtures/scripted-control.ts';

const ways = states.flatMap((state) => routineNames.flatMap((routine) => waysOf(state, routine)));
const looks: Readonly<Record<string, Look>> = {
  '80x24': { isTerminal: true, columns: 80, noColor: false },
  '132x43': { isTerminal: true, columns: 132, noColor: false },
  'no colour': { isTerminal: true, columns: 80, noColor: true },
  'dumb terminal': { isTerminal: false, columns: 80, noColor: false },
};

function isDisabled({ state, option: { leadsTo } }: Way): boolean {
  if (leadsTo === 'not-built' || leadsTo === 'not-here') return true;
  if (!isAction(leadsTo) || !('command' in leadsTo)) return false;
  return describeState(state).commands[leadsTo.command] != null;
}

async function walk(way: Way, look: Look, answers: readonly string[]) {
  const desk = scriptedDesk(() => way.state);
  const answering = new Answering(look, listed([...way.answers, ...answers]));
  const exitCode = await answering.dialogue.run(() => routines[way.routine](desk, answering.dialogue));
  return { exitCode, performed: desk.performed, ...answering, output: answering.output, errors: answering.errors };
}

const withoutColour = (text: string) => text.replace(/\x1b\[[0-9;]*m/g, '');

test('there are at least 400 screens: menu paths, each in each state where it is shown', () => {
  expect(new Set(ways.map(({ name }) => name)).size).toBe(ways.length);
  expect(ways.length).toBeGreaterThanOrEqual(400);
  console.log(`${ways.length} screens in ${states.length} states, ${Object.keys(looks).length} kinds of screen`);
});

test.each(Object.entries(looks))(
  'each option is shown, explained, entered and left at %s, and nothing is changed',
  async (_, look) => {
    let coloured = 0;
    for (const way of ways) {
      const { output, performed, exitCode, errors } = await walk(way, look, ['?', '^', '', '']);
      const where = `${way.name}\n${output}`;
      if (look.noColor || !look.isTerminal) expect([output.includes('\x1b'), where]).toEqual([false, where]);
      else if (output.includes('\x1b[')) coloured += 1;
      const text = withoutColour(output);
      expect(text).toContain(`${way.answers.at(-1)?.padStart(2)}) ${way.option.label}`);
      if (isDisabled(way)) {
        if (look.isTerminal) expect(text.replace(/\s+/g, ' ')).toContain('Expected an option that is not disabled');
        else expect([exitCode, errors]).toEqual([3, expect.stringContaining('not disabled')]);
      } else if (way.option.leadsTo !== 'leave') expect(text).toMatch(/\? *\n|There are no/);
      const tooLong = text.split('\n').filter((line) => line.length > look.columns && !isRecord(line));
      expect([tooLong, way.name]).toEqual([[], way.name]);
      expect([performed, where]).toEqual([[], where]);
    }
    expect(coloured > 0).toBe(look.isTerminal && !look.noColor);
  },
  120_000,
);

/** Lists from a pipe are as wide as what they hold, so that nothing is cut. */
function isRecord(line: string): boolean {
  return /\/srv\//.test(line) || /^[-  ]+$/.test(line) || /Directory|Instance directory/.test(line);
}

test('whoever takes every default has changed nothing', async () => {
  for (const way of ways) {
    const { performed } = await walk(way, looks['80x24'] as Look, Array(30).fill(''));
    expect([performed, way.name]).toEqual([[], way.name]);
  }
}, 120_000);

/** What fits each question, for one who answers Yes to all. */
const fitting: readonly (readonly [RegExp, string])[] = [
  [/^Option\?/, ''],
  [/^Mirror Name\?/, 'DEMO'],
  [/^(Require SSL|Use Virtual)/, 'no'],
  [/^Arbiter Address\?/, '10.0.0.9'],
  [/^Agent Address on/, '10.0.0.1'],
  [/^InterSystems IRIS Instance/, 'IRIS'],
  [/^Database directory\?/, '/srv/new'],
  [/^Device:/, '/srv/backup'],
  [/^Field number/, ''],
  [/^Member/, '1'],
  [/^Enter database,/, '*'],
  [/^Enter database/, ''],
  [/^Change default/, 'no'],
  [/^Press RETURN/, 'q'],
  [/^Do you want to select/, 'no'],
  [/<(No|N|Yes|Y)>/, 'yes'],
  [/</, ''],
  [/./, ''],
];

test('each option that is offered carries out its command, and only that, when all is confirmed', async () => {
  const reached = new Set<string>();
  for (const way of ways) {
    if (isDisabled(way) || typeof way.option.leadsTo === 'string' || !isAction(way.option.leadsTo)) continue;
    const action = way.option.leadsTo;
    if (!('command' in action)) continue;
    const fields = action.kind === 'edit-fields' || action.kind === 'create-database' ? ['1', '77', ''] : [];
    const left = [...way.answers];
    const desk = scriptedDesk(() => way.state);
    const answering = new Answering(looks['80x24'] as Look, async (prompt) => {
      if (desk.performed.length > 0 && /^Option\?/.test(prompt)) return 'end';
      const text = left.shift();
      if (text !== undefined) return { text };
      if (/^Field number|^Maximum Size/.test(prompt) && fields.length > 0) return { text: fields.shift() ?? '' };
      return { text: fitting.find(([pattern]) => pattern.test(prompt.trimStart()))?.[1] ?? '' };
    });
    await answering.dialogue.run(() => routines[way.routine](desk, answering.dialogue));
    const commands = [...new Set(desk.performed.map(({ command }) => command))];
    expect([commands, way.name, answering.output]).toEqual([[action.command], way.name, answering.output]);
    reached.add(action.command);
    expect(answering.output).not.toContain(wording.nothingChanged);
  }
  console.log(`${reached.size} commands were carried out: ${[...reached].sort().join(', ')}`);
}, 120_000);
