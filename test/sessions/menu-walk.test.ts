/**
 * Every option of every menu in every state of a member: shown, explained, entered and left, on terminals of two sizes, without colour,
 * and on a dumb one; then carried out, as whoever answers Yes.
 */
import { expect, test } from '@jest/globals';
import { wording } from '../../menus/wording.ts';
import { askFirstWish } from '../../src/terminal/empty-home.ts';
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
  [/^Compression Mode for Async/, 'Uncompressed'],
  [/^Quality of Service/, '4000'],
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

/** Carries the option out, as whoever says Yes; `onPrompt` may answer first. */
async function carryOut(way: Way, onPrompt: (prompt: string, output: string) => string | null = () => null) {
  const { leadsTo } = way.option;
  const hasFields = isAction(leadsTo) && (leadsTo.kind === 'edit-fields' || leadsTo.kind === 'create-database');
  const fields = hasFields ? ['1', '77', ''] : [];
  const left = [...way.answers];
  const desk = scriptedDesk(() => way.state);
  const answering = new Answering(looks['80x24'] as Look, async (prompt) => {
    const first = onPrompt(prompt, answering.output);
    if (first !== null) return { text: first };
    if (left.length === 0 && /^Option\?/.test(prompt)) return 'end';
    const text = left.shift();
    if (text !== undefined) return { text };
    if (/^Field number|^Maximum Size/.test(prompt) && fields.length > 0) return { text: fields.shift() ?? '' };
    return { text: fitting.find(([pattern]) => pattern.test(prompt.trimStart()))?.[1] ?? '' };
  });
  await answering.dialogue.run(() => routines[way.routine](desk, answering.dialogue));
  return { commands: [...new Set(desk.performed.map(({ command }) => command))], output: answering.output };
}

test('each option that is offered carries out its command, and only that, when all is confirmed', async () => {
  const reached = new Set<string>();
  for (const way of ways) {
    if (isDisabled(way) || typeof way.option.leadsTo === 'string' || !isAction(way.option.leadsTo)) continue;
    const action = way.option.leadsTo;
    if (!('command' in action)) continue;
    const { commands, output } = await carryOut(way);
    expect([commands, way.name, output]).toEqual([[action.command], way.name, output]);
    reached.add(action.command);
    expect(output).not.toContain(wording.nothingChanged);
  }
  console.log(`${reached.size} commands were carried out: ${[...reached].sort().join(', ')}`);
  const named = ways.flatMap(({ option: { leadsTo } }) =>
    isAction(leadsTo) && 'command' in leadsTo ? [leadsTo.command] : [],
  );
  expect([...reached].sort()).toEqual([...new Set<string>(named)].sort());
}, 120_000);

/** A prompt with what differs from place to place left out. */
const kindOf = (prompt: string): string =>
  prompt
    .replace(/<[^>]*>/, '<>')
    .replace(/\/srv\/\S+/g, 'DIRECTORY')
    .trim();

/** `?` at each prompt, then its answer; what was explained is checked and kept by the kind of its prompt. */
function explaining(explained: Map<string, string>, where: string): (prompt: string, output: string) => string | null {
  let asked: { readonly prompt: string; readonly from: number } | null = null;
  return (prompt, output) => {
    if (asked === null) {
      asked = { prompt, from: output.length };
      return '?';
    }
    const help = withoutColour(output.slice(asked.from, -prompt.length)).replace('?', '').replace(/\s+/g, ' ').trim();
    const says = `${where}\n${prompt}\n${help}`;
    expect([asked.prompt, says]).toEqual([prompt, says]);
    asked = null;
    const preset = /<(.*)>\s*$/.exec(prompt)?.[1] ?? '';
    const saysReturn = /RETURN|no default/.test(help) && help.includes(preset);
    expect([help.length > 30, saysReturn, says]).toEqual([true, true, says]);
    explained.set(kindOf(prompt), help);
    return null;
  };
}

test('? explains every prompt, says what RETURN does there, and the prompt comes again', async () => {
  const explained = new Map<string, string>();
  for (const way of ways.filter((each) => !isDisabled(each))) await carryOut(way, explaining(explained, way.name));
  const [hook, answers] = [explaining(explained, 'empty home'), ['1', 'ONE', '10.0.0.1']];
  const empty: Answering = new Answering(looks['80x24'] as Look, async (prompt) => ({
    text: hook(prompt, empty.output) ?? answers.shift() ?? '',
  }));
  const wish = await askFirstWish(empty.dialogue, '/srv/home', '10.0.0.1');
  expect(wish).toEqual({ kind: 'instance', name: 'ONE', address: '10.0.0.1' });
  console.log(`${explained.size} prompts: ${[...explained.keys()].sort().join(' | ')}`);
  expect(explained.size).toBeGreaterThanOrEqual(65);
}, 120_000);

test('CFG-055 CFG-061 CFG-062 CFG-063 CFG-079: ? at an address says what it is for, and how hosts and network should be', async () => {
  const explained = new Map<string, string>();
  for (const way of ways) {
    const isMeant = way.state === 'no-mirror' && way.routine === 'MIRROR' && /^(Create|Join)/.test(way.option.label);
    if (isMeant) await carryOut(way, explaining(explained, way.name));
  }
  const at = (prompt: string): string | undefined => explained.get(prompt);
  expect(at('Superserver Address? <>')).toMatch(/applications and other members.*Asyncs.*looks whether it is reached/);
  expect(at('Mirror Private Address? <>')).toMatch(/fetch journal data.*low latency.*cannot become backup/);
  expect(at('Agent Address? <>')).toMatch(/ISCAgent.*is down.*mirror private and the superserver address/);
  expect(at('Arbiter Address?')).toMatch(/ISCAgent is the arbiter.*no host of a failover or disaster recovery member/);
  expect(at('Agent Address on Other System?')).toMatch(/host of a failover member/);
  expect(at('Option?')).toMatch(/comparable processors.*low latency.*separate links.*keep the backup from taking over/);
});
