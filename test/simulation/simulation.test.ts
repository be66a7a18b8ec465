/** Random stories: seeds that once failed, and a budget of fresh ones. A failure says how to see its timeline. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { type StoryResult, tell } from '../../src/simulation/random-story.ts';
import { replayCommand, shrink } from '../../src/simulation/shrinking.ts';
import { World } from '../../src/simulation/world.ts';

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

/** Others for each state of the sources, and always the same for one: what failed fails again. */
const fresh = { seeds: 20, first: Number.parseInt(hashOfSources().slice(0, 12), 16) % 1_000_000_000 };

function hashOfSources(): string {
  try {
    return execFileSync('git', ['rev-parse', 'HEAD^{tree}'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    // A package without its history.
    return hashOf(kept);
  }
}

test.each(kept)('I8: kept seed %s', (line) => {
  check(Number.parseInt(line, 10));
});

test('I1 I2 I3 I4 I5 I6 I7 I8: fresh seeds', () => {
  for (let told = 0; told < fresh.seeds; told += 1) check(fresh.first + told);
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
}, 120_000);

/** A number of everything that happened: in what order, and to whom. */
function hashOf(timeline: readonly string[]): string {
  return createHash('sha256').update(timeline.join('\n')).digest('hex');
}

test.each([5, 21])('I9: the same seed tells the same story: %s', (seed) => {
  expect(hashOf(tell(seed).world.timeline)).toBe(hashOf(tell(seed).world.timeline));
});

test('I9: machines that have been up for ten years tell the same story as machines that were just started', () => {
  const words = (upForMs: number) => tell(11, { upForMs }).world.timeline.map((line) => line.replace(/^ *[\d.]+/, ''));
  // A power of two, so that adding it rounds nothing.
  expect(words(2 ** 38)).toEqual(words(0));
});

test('I8: a mirror that sleeps for days is where it would be had it lived through them', () => {
  const restIn = (pass: (world: World) => void): string => {
    const world = new World({ seed: 3, qosTimeoutMs: 1000, arbiter: true, asyncs: 1 });
    world.create();
    world.run(5000);
    world.load(null);
    world.run(3000);
    pass(world);
    const facts = world.members.map(({ process, disk }) => {
      if (process === null) throw new Error('a process has ended');
      const { role, record, serving, journal, arbiter } = process.state;
      return { role, record, mode: serving.mode, trouble: serving.trouble, journal, session: arbiter.session, disk };
    });
    return JSON.stringify(facts);
  };
  const slept = restIn((world) => expect(world.sleep(120_000)).toBe(true));
  expect(restIn((world) => world.run(120_000))).toBe(slept);
});

test('I8: time is not skipped while anything is under way', () => {
  const world = new World({ seed: 3, qosTimeoutMs: 1000, arbiter: true, asyncs: 0 });
  world.create();
  world.run(5000);
  expect(world.sleep(1000)).toBe(false);
  world.load(null);
  world.run(3000);
  expect(world.sleep(1000)).toBe(true);
  world.kill('B');
  expect(world.sleep(1000)).toBe(false);
  world.run(200);
  expect(world.sleep(1000)).toBe(false);
});

test('I8: a failing story is shrunk to the faults that it needs', () => {
  const seed = 7;
  const result = tell(seed);
  const failed: StoryResult = { ...result, failures: ['I8: pretended'] };
  // The story does not fail, so nothing that is left out keeps it failing, and all is kept.
  const limits = { tellings: 6, isOver: () => false };
  const shrunk = shrink(failed, limits);
  expect(shrunk.keep).toEqual(result.plan.faults.map(({ number }) => number));
  expect(shrunk.ended).toBe('6 stories were told');
  expect(shrink(failed, { ...limits, isOver: () => true }).ended).toBe('the time was over after 0 stories');
  expect(replayCommand(seed, { keep: [1, 4, 7], early: true })).toBe(
    'npm run simulate -- --seed 7 --keep 1,4,7 --early',
  );
});

test('I8: a sparse story that is begun early still sleeps through its days', () => {
  const seed = 20;
  const whole = tell(seed);
  expect(whole.plan.kind).toBe('sparse');
  const keep = whole.plan.faults.map(({ number }) => number).filter((number) => number % 9 === 0);
  const early = tell(seed, { keep, early: true, doneMax: whole.world.clock.done * 2 });
  expect(early.failures).toEqual([]);
});

test('I8: a story in which more happens than it may is ended', () => {
  expect(tell(7, { doneMax: 1000 }).failures[0]).toMatch(/^bug: more than 1000 things are done/);
});
