/** Joining a journal whose oldest files are gone. */
import { expect, test } from '@jest/globals';
import { joinHistory } from '../../src/mirror/joining.ts';
import { type EpochBeginning, JOURNAL_START, type JournalPosition } from '../../src/mirror/journal-position.ts';
import { initialState, type Step } from '../../src/mirror/member-state.ts';

const place = (epoch: number, file: number, sequence: number): JournalPosition => ({
  epoch,
  file,
  offset: 256,
  sequence,
});
const begin = (epoch: number, file: number, sequence: number, lineage = 'first'): EpochBeginning => ({
  epoch,
  owner: 'A',
  lineage,
  begin: place(epoch, file, sequence),
});

function memberAt(end: JournalPosition, history: readonly EpochBeginning[], applied = end): Step {
  const state = initialState('C', 'MIRROR', false);
  state.role = 'seeking';
  state.journal = { ...state.journal, appended: end, flushed: end, applied, appliedFurthest: applied, history };
  return { state, nowMs: 0, effects: [], rules: [] };
}

const whole = [begin(1, 1, 0), begin(2, 3, 200)];
const logged = (step: Step): readonly string[] =>
  step.effects.flatMap((effect) => (effect.type === 'log' ? [effect.message] : []));

test('SYN-026: what follows the own end is still there, also in the middle of an epoch: it joins', () => {
  const step = memberAt(place(2, 4, 350), whole);
  // Its files from number 4 on; of epoch 2 since record 300.
  expect(joinHistory(step, { history: [begin(2, 4, 300)], end: place(2, 6, 900) })).toBe(true);
  expect(step.effects).toEqual([]);
});

test('SYN-026: it is gone: the member halts once, says what is gone and what to do, and cuts nothing', () => {
  for (const history of [[begin(2, 5, 400)], [begin(3, 7, 700)]]) {
    const step = memberAt(place(2, 4, 350), whole);
    expect(joinHistory(step, { history, end: place(3, 9, 900) })).toBe(false);
    expect(step.state.role).toBe('halted');
    expect(step.state.haltedBecause).toContain('between 2/350, where its own ends, and');
    expect(logged(step)).toEqual(['journal-gone']);
    expect(step.rules).toEqual(['SYN-026']);
    expect(step.effects.some(({ type }) => type === 'cut-journal')).toBe(false);
  }
});

test('SYN-026: a journal that is still empty joins whatever is left', () => {
  const step = memberAt(JOURNAL_START, []);
  expect(joinHistory(step, { history: [begin(3, 7, 700)], end: place(3, 9, 900) })).toBe(true);
});

test('FO-088: a file that was begun and got no record, where the mirror went on with another one, is cut off', () => {
  const history = [...whole, begin(3, 4, 350)];
  const step = memberAt(place(2, 4, 350), whole);
  expect(joinHistory(step, { history, end: place(3, 4, 360) })).toBe(true);
  expect(step.effects).toMatchObject([{ type: 'cut-journal', to: { epoch: 2, sequence: 350 } }]);
  const without = memberAt(place(2, 3, 350), whole);
  expect(joinHistory(without, { history, end: place(3, 4, 360) })).toBe(true);
  expect(without.effects).toEqual([]);
});

test('FO-088 SYN-026: surplus of an epoch whose beginning is purged is cut as ever', () => {
  const step = memberAt(place(2, 6, 480), [begin(2, 5, 400)], place(2, 6, 430));
  expect(joinHistory(step, { history: [begin(2, 5, 400), begin(3, 7, 450)], end: place(3, 9, 900) })).toBe(true);
  expect(step.effects).toMatchObject([{ type: 'cut-journal', to: { epoch: 2, sequence: 450 } }]);
});
