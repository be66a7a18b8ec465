/**
 * Negative controls by random stories: each mutant of scripts/mutants/list.mjs breaks one safeguard of src/mirror in a bundled copy,
 * and the simulation has to notice. `--seeds N` stories at most for each (default 3000), `--only NAME` for one,
 * `--step 10 --from 9` for the duels. Ends with 1 when a mutant that must be caught was not.
 */
import { parseArgs } from 'node:util';
import { mutants } from './mutants/list.mjs';
import { importMutated } from './mutants/mutated-bundle.mjs';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '3000' },
    only: { type: 'string' },
    from: { type: 'string', default: '1' },
    step: { type: 'string', default: '1' },
  },
});

let missed = 0;
for (const { name, changes, stories } of mutants) {
  if (values.only !== undefined && !name.includes(values.only)) continue;
  const { tell } = await importMutated('src/simulation/random-story.ts', name, changes);
  const found = hunt(tell);
  if (found !== null) console.log(`caught ${name} by seed ${found.seed}: ${found.text.split('\n')[0].slice(0, 150)}`);
  else if (stories !== undefined) console.log(`survives as expected: ${name} (${stories})`);
  else console.log(`MISSED ${name}`);
  if (found === null && stories === undefined) missed += 1;
}
process.exitCode = missed === 0 ? 0 : 1;

function hunt(tell) {
  const first = Number(values.from);
  const step = Number(values.step);
  for (let seed = first; seed < first + Number(values.seeds) * step; seed += step) {
    const { failures, world } = tell(seed);
    if (failures.length > 0 && process.env.TIMELINE) console.log(world.timeline.slice(-80).join('\n'));
    if (failures.length > 0) return { seed, text: failures[0] };
  }
  return null;
}
