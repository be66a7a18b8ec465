/** FO-075: what is confirmed in a situation that is over is asked again, with what has changed, of whoever sits at a terminal. */
import { expect, test } from '@jest/globals';
import type { Outcome } from '../../src/protocol/control-commands.ts';
import type { Control } from '../../src/terminal/control-client.ts';
import { routines } from '../../src/terminal/session.ts';
import { Answering } from '../fixtures/answering.ts';
import { type State, scriptedDesk } from '../fixtures/scripted-control.ts';

const terminal = { isTerminal: true, columns: 80, noColor: true };
const pipe = { isTerminal: false, columns: 80, noColor: true };

/** Refuses the first order, since the situation that it was assessed in is over, and takes the next one. */
async function walk(state: State, toOption: readonly string[], look: typeof terminal) {
  const desk = scriptedDesk(() => state);
  const situations: (number | undefined)[] = [];
  let assessments = 0;
  const control: Control = {
    ...desk.control,
    assess: async (command, given) => {
      // The arguments of a removal are looked at in the situation that was shown, and later.
      const isLater = command === 'remove-member' && given !== undefined;
      if (!isLater) assessments += 1;
      return { ...(await desk.control.assess(command, given)), situation: isLater ? 999 : assessments };
    },
    perform: async (_command, _given, situation): Promise<Outcome> => {
      situations.push(situation);
      if (situations.length > 1) return { ok: true, text: 'done' };
      const text = 'the situation has changed since it was shown: no failover is set';
      return { ok: false, outcome: 'refused', refusal: { reason: 'situation-changed', text, spec: 'FO-075' } };
    },
  };
  const left = [...toOption];
  const answering = new Answering(look, async (prompt) => {
    const text = left.shift();
    if (text !== undefined) return { text };
    if (/^Option\?/.test(prompt)) return 'end';
    return { text: /ontinue\?/.test(prompt) ? 'yes' : /^Member/.test(prompt) ? '1' : '' };
  });
  const exitCode = await answering.dialogue.run(() => routines.MIRROR({ ...desk, control }, answering.dialogue));
  return { situations, exitCode, output: answering.output, errors: answering.errors };
}

test.each([
  ['become-primary', 'backup', ['2', '5']],
  ['force-primary', 'backup', ['2', '9']],
  ['promote', 'dr', ['2', '10']],
  ['demote', 'backup', ['2', '11']],
  ['demote-other', 'primary', ['2', '15']],
  ['remove-member', 'primary', ['3', '2']],
  ['remove-mirror', 'backup', ['3', '3']],
] as const)('FO-075 FO-087 CFG-069: %s', async (_, state, toOption) => {
  const asked = await walk(state, toOption, terminal);
  expect(asked.situations).toEqual([1, 2]);
  const [before = '', after = ''] = asked.output.split(
    'The situation has changed since it was shown: no failover is set.',
  );
  expect(after.replace(/\s+/g, ' ')).toMatch(/^ It is now:.*ontinue\? <No?> yes.*Done/);
  expect(before).toMatch(/ontinue\? <No?> yes/);

  const piped = await walk(state, toOption, pipe);
  expect(piped.situations).toEqual([1]);
  expect({ ...piped, output: '' }).toMatchObject({
    exitCode: 3,
    errors: expect.stringMatching(/no failover is set; a later answer is not taken for the confirmation/),
  });
});
