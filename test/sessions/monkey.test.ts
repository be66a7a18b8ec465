/**
 * A monkey at the keyboard: keys without sense, in every state and routine. It must not end the program, and nothing may be carried out but
 * what was confirmed just before. Prints which options it took; those are all that are offered.
 */
import { expect, test } from '@jest/globals';
import { routines } from '../../src/terminal/session.ts';
import { Answering } from '../fixtures/answering.ts';
import { confirmationsOf, routineNames, waysOf } from '../fixtures/routine-menus.ts';
import { describeState, isAction, type State, scriptedDesk, states } from '../fixtures/scripted-control.ts';

const keysTotal = 100_000;
/** Another menu leads the same keys elsewhere: it may take more of them until each option was taken. */
const keysMax = 600_000;
/** Then the terminal is closed, so that it does not stay for long where a text is asked that no monkey writes. */
const sessionKeys = 250;

/** Numbers that are always the same (mulberry32), so that a failure can be seen again. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const enter = '\r';
/** Keys and how often they are hit, against each other. */
const keyboard: readonly (readonly [string, number])[] = [
  [enter, 10],
  ['y', 14],
  ...[...'1234567890'].map((digit): [string, number] => [digit, digit === '1' ? 14 : 9]),
  // Two keys at once, as a hand falls on them.
  ...['10', '11', '12', '13', '14', '15'].map((number): [string, number] => [number, 5]),
  ...[...'n?*qdx/az."#\t ~'].map((key): [string, number] => [key, 1]),
  ['^', 12],
  ['\x7f', 2],
  ['\x03', 0.3],
  ['\x04', 0.3],
  ['\x1b[A', 1],
  ['é', 0.5],
  ['\u0000', 0.5],
];
const weights = keyboard.reduce((sum, [, weight]) => sum + weight, 0);

function keyAt(point: number): string {
  let left = point * weights;
  for (const [key, weight] of keyboard) {
    left -= weight;
    if (left < 0) return key;
  }
  return enter;
}

test('a monkey of 100,000 keys takes every option that is offered, ends nothing, and changes nothing without a confirmation', async () => {
  const random = randomFrom(11);
  // ^MIRROR has as many menus as the others together.
  const order = routineNames.flatMap((name) => (name === 'MIRROR' ? Array<typeof name>(4).fill(name) : [name]));
  const allowed = states.flatMap((state) =>
    routineNames.flatMap((routine) =>
      waysOf(state, routine).flatMap(({ option: { leadsTo } }) => (isAction(leadsTo) ? confirmationsOf(leadsTo) : [])),
    ),
  );
  const reached = new Set<string>();
  const commands = new Set<string>();
  const offered = states.flatMap((state) =>
    routineNames.flatMap((routine) => waysOf(state, routine).filter((way) => isOffered(way.state, way.option.leadsTo))),
  );
  const names = offered.map(({ state, routine, option }) => `${state} ^${routine} ${option.label}`);
  const missing = () => [...new Set(names)].filter((name) => !reached.has(name));
  let keys = 0;
  let sessions = 0;
  while (keys < keysTotal || (keys < keysMax && missing().length > 0)) {
    const state = states[sessions % states.length] as State;
    const routine = order[Math.floor(sessions / states.length) % order.length] ?? 'MIRROR';
    sessions += 1;
    const lastKey = keys + sessionKeys;
    const type = (): 'end' | 'gone' | 'interrupt' | { readonly text: string } => {
      let line = '';
      if (keys > lastKey) return 'gone';
      for (;;) {
        // RETURN is likelier behind a key than at once, which leaves a menu.
        const endsLine = line !== '' && random() < 0.75;
        const key = endsLine ? enter : keyAt(random());
        keys += /^1\d$/.test(key) ? 2 : 1;
        if (key === enter) return { text: line };
        if (key === '\x03') return 'interrupt';
        if (key === '\x04' && line === '') return 'end';
        line = key === '\x7f' ? line.slice(0, -1) : line + key;
      }
    };
    const answering = new Answering({ isTerminal: true, columns: 80, noColor: true }, async () => type());
    const desk = scriptedDesk(
      () => state,
      (command) => {
        const last = answering.answered.at(-1);
        const isConfirmed = /^y(es?)?$/i.test(last?.text ?? '') || (last?.text === '' && /<Y(es)?>$/.test(last.prompt));
        const isConfirmation = allowed.some((pattern) => pattern.test(last?.prompt ?? ''));
        commands.add(command);
        expect([command, last, isConfirmed && isConfirmation]).toEqual([command, last, true]);
      },
    );
    await answering.dialogue.run(() => routines[routine](desk, answering.dialogue));
    for (const name of takenIn(answering.output)) reached.add(`${state} ^${routine} ${name}`);
  }
  const missed = missing();
  console.log(
    `${keys} keys in ${sessions} sessions reached ${new Set(names).size - missed.length} of ${new Set(names).size} options and carried out ${commands.size} commands\n${[...reached].sort().join('\n')}`,
  );
  expect(missed).toEqual([]);
}, 120_000);

function isOffered(state: State, leadsTo: Parameters<typeof isAction>[0]): boolean {
  if (leadsTo === 'not-built' || leadsTo === 'not-here') return false;
  return !isAction(leadsTo) || !('command' in leadsTo) || describeState(state).commands[leadsTo.command] == null;
}

/** Labels of the options that were taken, read from the screen: the menu, and the number that followed it. */
function takenIn(output: string): readonly string[] {
  const taken: string[] = [];
  let menu = new Map<string, string>();
  let isAfterMenu = false;
  for (const line of output.split('\n')) {
    const option = /^ ?(\d+)\) (.*?)( \(disabled\))?$/.exec(line);
    if (option !== null) {
      if (!isAfterMenu && option[1] === '1') menu = new Map();
      if (option[3] === undefined) menu.set(option[1] ?? '', option[2] ?? '');
      continue;
    }
    const answer = /^Option\? *(\d+)$/.exec(line.trimEnd());
    const label = answer === null ? undefined : menu.get(String(Number(answer[1])));
    if (label !== undefined) taken.push(label);
    isAfterMenu = false;
  }
  return taken;
}
