/** Random stories: seeds that once failed, and a budget of fresh ones. A failure says how to see its timeline. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { tell } from '../../src/simulation/random-story.ts';

const fresh = { seeds: 150, budgetMs: 25_000 };

/** What was decided in all stories together: shows that they are about something. */
const decided = new Set<string>();

function check(seed: number): void {
  const { failures, world } = tell(seed);
  for (const what of world.checkers.decisions.keys()) decided.add(what);
  if (failures.length === 0) return;
  const timeline = world.timeline.slice(-80).join('\n');
  throw new Error(`seed ${seed}: ${failures.join('\n')}\n${timeline}\nagain with: npm run simulate -- --seed ${seed}`);
}

const kept = readFileSync(new URL('./seeds.txt', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^\d/.test(line));

test.each(kept)('I8: kept seed %s', (line) => {
  check(Number.parseInt(line, 10));
});

test('I1 I2 I3 I4 I5 I6 I7 I8: fresh seeds', () => {
  const first = Date.now() % 1_000_000_000;
  const untilMs = Date.now() + fresh.budgetMs;
  let told = 0;
  for (; told < fresh.seeds && Date.now() < untilMs; told += 1) check(first + told);
  expect(told).toBeGreaterThan(20);
  for (const what of [
    'takes over',
    'is active',
    'enters trouble state',
    'leaves trouble state',
    'arbiter controlled mode',
    'agent controlled mode',
    'fetches journal data from the agent',
    'is no longer active',
    'discarded surplus journal data',
  ])
    expect(decided).toContain(what);
}, 60_000);

test('I9: the same seed tells the same story', () => {
  const first = tell(5);
  const second = tell(5);
  expect(second.world.timeline).toEqual(first.world.timeline);
});
