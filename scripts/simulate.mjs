/**
 * Whole mirrors on virtual time, network and disk, one story for each seed, in two threads.
 *   --seeds N [--from N]   so many stories, from a seed on (default: 200, chosen by the clock); from 1000000 on persons force in each
 *   --goals                what a run in CI has to reach must be reached; the last line is `N passed, N failed`
 *   --minutes N            stop after this time
 *   --seed N [--keep 1,4,7] [--early] [--verbose]   one story with its timeline; with these faults only
 * Ends with 1 when a promise was violated or a goal missed.
 */
import { parseArgs } from 'node:util';
import { printFailure, printRun, tellMany, withStories } from './story-runs.mjs';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    keep: { type: 'string' },
    early: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    seeds: { type: 'string', default: '200' },
    from: { type: 'string' },
    minutes: { type: 'string' },
    goals: { type: 'boolean', default: false },
  },
});

process.exitCode = await withStories((stories, outfile) =>
  values.seed === undefined ? many(stories, outfile) : one(stories, Number(values.seed)),
);

function one(stories, seed) {
  const { keep: numbers, early, verbose } = values;
  const keep = numbers === undefined ? undefined : numbers.split(',').map(Number);
  const { world, plan, failures } = stories.tell(seed, { keep, early, verbose });
  console.log(world.timeline.join('\n'));
  for (const failure of failures) console.log(`FAILED ${failure}`);
  const seconds = (world.clock.nowMs / 1000).toFixed(1);
  console.log(
    `${plan.kind} story, ${seconds} s of virtual time, ${world.faults} faults, ${world.checkers.acked.length} acknowledged updates`,
  );
  return failures.length === 0 ? 0 : 1;
}

async function many(stories, outfile) {
  const beganMs = Date.now();
  const first = values.from === undefined ? beganMs % 1_000_000 : Number(values.from);
  const untilMs = values.minutes === undefined ? Number.POSITIVE_INFINITY : beganMs + Number(values.minutes) * 60_000;
  console.log(`stories of ${values.seeds} seeds from ${first}`);
  const { total, failures } = await tellMany(stories, outfile, { first, count: Number(values.seeds), untilMs });
  const { missed, reached } = printRun(stories, total, { first, withGoals: values.goals });
  for (const failure of failures.filter(({ timeline }) => timeline.length > 0)) printFailure(failure);
  if (failures.length > 0)
    console.log(
      `\n${failures.length} seeds failed: ${failures
        .map(({ seed }) => seed)
        .slice(0, 40)
        .join(' ')}`,
    );
  for (const what of missed) console.log(`missed: ${what.trim()}`);
  console.log(`in ${((Date.now() - beganMs) / 1000).toFixed(0)} s`);
  const passed = total.seeds - failures.length + (values.goals ? reached : 0);
  const failed = failures.length + missed.length;
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}
