/** The stories of fresh seeds for `--minutes N` (default 60), in two threads; says every minute how far it is. Ends with 1 when a promise was violated. */
import { parseArgs } from 'node:util';
import { printFailure, printRun, tellMany, withStories } from './story-runs.mjs';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '60' }, from: { type: 'string' } },
});

process.exitCode = await withStories(async (stories, outfile) => {
  const beganMs = Date.now();
  const first = values.from === undefined ? beganMs % 1_000_000 : Number(values.from);
  console.log(`stories of fresh seeds from ${first} for ${values.minutes} minutes`);
  let toldMs = beganMs;
  const onProgress = (total, failures) => {
    if (Date.now() - toldMs < 60_000) return;
    toldMs = Date.now();
    const minutes = ((toldMs - beganMs) / 60_000).toFixed(0);
    const years = (total.virtualMs / 31_536_000_000).toFixed(2);
    console.log(
      `${minutes} min: ${total.seeds} seeds, ${years} years, ${total.takeovers} takeovers, ${failures.length} failed`,
    );
  };
  const untilMs = beganMs + Number(values.minutes) * 60_000;
  const count = Number.MAX_SAFE_INTEGER - first;
  const { total, failures } = await tellMany(stories, outfile, { first, count, untilMs, onProgress });
  printRun(stories, total, { first, withGoals: false });
  for (const failure of failures.filter(({ timeline }) => timeline.length > 0)) printFailure(failure);
  console.log(`${total.seeds - failures.length} passed, ${failures.length} failed`);
  return failures.length === 0 ? 0 : 1;
});
