/**
 * Whole mirrors in one process, one story for each seed: `--seed N` tells one story with its timeline, `--seeds N` as many
 * from `--from N` on (default: chosen by the clock). Ends with 1 when a promise was violated.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seeds: { type: 'string', default: '200' },
    from: { type: 'string' },
    step: { type: 'string', default: '1' },
    seconds: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    timeline: { type: 'boolean', default: false },
  },
});

const directory = mkdtempSync(join(tmpdir(), 'caretmirror-simulate-'));
try {
  const outfile = join(directory, 'random-story.mjs');
  const entryPoints = ['src/simulation/random-story.ts'];
  await build({ entryPoints, outfile, bundle: true, format: 'esm', platform: 'node', logLevel: 'warning' });
  const { tell } = await import(pathToFileURL(outfile).href);
  process.exitCode = values.seed === undefined ? many(tell) : one(tell, Number(values.seed));
} finally {
  rmSync(directory, { recursive: true });
}

function one(tell, seed) {
  const { world, failures } = tell(seed, values.verbose);
  console.log(world.timeline.join('\n'));
  for (const failure of failures) console.log(`FAILED ${failure}`);
  console.log(summary(1, world.clock.nowMs, [world]));
  return failures.length === 0 ? 0 : 1;
}

function many(tell) {
  const first = values.from === undefined ? Date.now() % 1_000_000_000 : Number(values.from);
  const untilMs = values.seconds === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(values.seconds) * 1000;
  const totals = { virtualMs: 0, takeovers: 0, faults: 0, acknowledged: 0, failed: [] };
  let seeds = 0;
  for (; seeds < Number(values.seeds) && Date.now() < untilMs; seeds += 1) {
    const seed = first + seeds * Number(values.step);
    const { world, failures } = tell(seed);
    totals.virtualMs += world.clock.nowMs;
    totals.takeovers += world.checkers.takeovers;
    totals.faults += world.faults;
    totals.acknowledged += world.checkers.acked.length;
    if (failures.length === 0) continue;
    totals.failed.push(seed);
    console.log(`seed ${seed}: ${failures[0].slice(0, 300)}`);
    if (values.timeline && totals.failed.length === 1) console.log(world.timeline.slice(-120).join('\n'));
  }
  const { virtualMs, takeovers, faults, acknowledged, failed } = totals;
  console.log(
    `${seeds} seeds from ${first}, ${(virtualMs / 3_600_000).toFixed(1)} h of virtual time, ${takeovers} times a member became primary, ` +
      `${faults} faults, ${acknowledged} acknowledged updates, ${failed.length} seeds with violations`,
  );
  if (failed.length > 0) console.log(`again with: node scripts/simulate.mjs --seed ${failed[0]}`);
  return failed.length === 0 ? 0 : 1;
}

function summary(seeds, virtualMs, worlds) {
  const acknowledged = worlds.reduce((sum, world) => sum + world.checkers.acked.length, 0);
  return `${seeds} seed, ${(virtualMs / 1000).toFixed(1)} s of virtual time, ${acknowledged} acknowledged updates`;
}
