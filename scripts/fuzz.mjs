/**
 * The fuzz proof: every parser of bytes and texts that come from outside gets random and broken inputs. It may only answer or throw
 * its own error, in bounded time and memory; what it understood must come back when it is written and read again.
 *   --inputs N            in all, shared among the parsers (default 10,000,000)
 *   --seed N              default 1: the same inputs each time
 *   --threads N           default: as many as there are processors, 2 at most
 *   --parser NAME         only this one; with --input N or --hex BYTES one input again
 *   --careless            a control: lengths inside of client messages are not checked, which must be noticed
 * The last line is `N passed, N failed`; ends with 1 when a parser failed.
 */
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { withBundle } from './crash/bundle.mjs';

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '10000000' },
    seed: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    parser: { type: 'string' },
    input: { type: 'string' },
    hex: { type: 'string' },
    careless: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
/** Inputs in one task of a thread. */
const taskInputs = 5000;
/** Without a sign of life for so long a thread hangs in its input. */
const hangMs = 30_000;
/** A parser that needs more than this has set far too much aside. */
const heapMegabytes = 512;

/** The mutant of `--careless`. */
const unchecked = [
  'src/protocol/session-messages.ts',
  "if (body.length < at + 2) throw new ClientMessageError('message ends inside a key length', number);",
  '',
];

process.exitCode = await withBundle(values.careless ? [unchecked] : [], 'test/fuzz/fuzz-runner.ts', async (outfile) => {
  const { parsers, inputOf, tryInput } = await import(pathToFileURL(outfile).href);
  const wanted = parsers.filter(({ name }) => values.parser === undefined || name === values.parser);
  if (wanted.length === 0)
    throw new Error(`there is no parser "${values.parser}"; ${parsers.map(({ name }) => name).join(', ')}`);
  if (values.input !== undefined || values.hex !== undefined) {
    const number = parsers.indexOf(wanted[0]);
    const bytes =
      values.hex === undefined ? inputOf(seed, number, Number(values.input)) : Buffer.from(values.hex, 'hex');
    return await again(wanted[0], bytes, tryInput);
  }
  return await feed(outfile, parsers, wanted);
});

async function again(parser, bytes, tryInput) {
  console.log(
    `${parser.name}: ${bytes.length} bytes ${bytes.toString('hex')}\n${JSON.stringify(bytes.toString('latin1'))}`,
  );
  let failed = 0;
  // What is drawn while it is parsed, such as where a stream is cut, differs: it is tried in many ways.
  for (let state = 1; state <= 200 && failed === 0; state += 1) {
    const text = await tryInput(parser, bytes, () => chanceFrom(state));
    if (text === null) continue;
    console.log(text);
    failed = 1;
  }
  console.log(`${1 - failed} passed, ${failed} failed`);
  return failed;
}

function chanceFrom(state) {
  let drawn = state;
  const below = (count) => {
    drawn = (Math.imul(drawn, 1_103_515_245) + 12_345) >>> 0;
    return (drawn >>> 16) % count;
  };
  return { below, once: (count) => below(count) === 0, of: (choices) => choices[below(choices.length)] };
}

async function feed(outfile, parsers, wanted) {
  const beganMs = performance.now();
  const weights = wanted.reduce((sum, { weight }) => sum + weight, 0);
  const rows = new Map();
  const tasks = [];
  for (const parser of wanted) {
    const count = Math.ceil((Number(values.inputs) * parser.weight) / weights);
    rows.set(parsers.indexOf(parser), { name: parser.name, inputs: 0, ms: 0, failures: [] });
    for (let from = 0; from < count; from += taskInputs) {
      tasks.push({ parser: parsers.indexOf(parser), from, to: Math.min(count, from + taskInputs) });
    }
  }
  const threads = Array.from({ length: Number(values.threads) }, () => thread(outfile, tasks, rows));
  await Promise.all(threads);
  return report([...rows.values()], performance.now() - beganMs);
}

/** Works until no task is left; begins anew when its thread hangs or dies. */
async function thread(outfile, tasks, rows) {
  while (tasks.length > 0) {
    await new Promise((resolve) => {
      const present = new Int32Array(new SharedArrayBuffer(8));
      const worker = new Worker(outfile, {
        workerData: { seed, present },
        resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
      });
      let beganMs = performance.now();
      let watch = setTimeout(() => undefined, 0);
      const lost = (what) => {
        clearTimeout(watch);
        const row = rows.get(present[0]);
        row.failures.push({ parser: row.name, input: present[1], hex: '', text: what });
        worker.terminate().then(resolve, resolve);
      };
      const give = () => {
        clearTimeout(watch);
        const task = tasks.shift();
        if (task === undefined) return worker.terminate().then(resolve, resolve);
        beganMs = performance.now();
        lookAgain(-1);
        worker.postMessage(task);
      };
      const lookAgain = (seen) => {
        watch = setTimeout(() => {
          if (present[1] === seen) lost(`hangs: no end after ${hangMs} ms`);
          else lookAgain(present[1]);
        }, hangMs);
      };
      worker.on('error', (error) => lost(`ends its thread: ${error.message}`));
      worker.on('message', ({ task, failures }) => {
        const row = rows.get(task.parser);
        row.inputs += task.to - task.from;
        row.ms += performance.now() - beganMs;
        row.failures.push(...failures);
        // One that fails again and again would only repeat itself.
        if (row.failures.length > 20)
          tasks.splice(0, tasks.length, ...tasks.filter(({ parser }) => parser !== task.parser));
        give();
      });
      give();
    });
  }
}

function report(rows, ms) {
  const line = (cells) => cells.map((cell, at) => (at === 0 ? cell.padEnd(28) : String(cell).padStart(14))).join('');
  console.log(line(['parser', 'inputs', 'a second', 'failed']));
  for (const { name, inputs, ms: spent, failures } of rows) {
    console.log(line([name, inputs, Math.round((inputs / Math.max(spent, 1)) * 1000), failures.length]));
  }
  const failures = rows.flatMap((row) => row.failures);
  const kinds = new Map();
  for (const each of failures) {
    const kind = `${each.parser} ${each.text.slice(0, 60)}`;
    if (!kinds.has(kind)) kinds.set(kind, each);
  }
  for (const { parser, input, hex, text } of kinds.values()) {
    console.log(`\nBROKEN ${parser}: ${text}\n  input ${hex}`);
    console.log(`  npm run fuzz -- --parser '${parser}' --seed ${seed} --input ${input}`);
  }
  const inputs = rows.reduce((sum, row) => sum + row.inputs, 0);
  console.log(`${inputs} inputs in ${(ms / 1000).toFixed(0)} s`);
  console.log(`${inputs - failures.length} passed, ${failures.length} failed`);
  return failures.length === 0 && inputs > 0 ? 0 : 1;
}
