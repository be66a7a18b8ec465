/**
 * Negative controls: a member, or an arbiter, that breaks one promise, and the checker of that promise must shout. Each is the
 * source with one place changed, bundled and run as a program of its own; the product knows nothing of it. Members that break
 * I1, I3, I4 or I7 need more stories than a test has time for; scripts/mutants.mjs hunts for those.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'caretmirror-controls-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Tells stories with traps instead of clocks until one breaks the promise, and prints what the checker said. */
const program = (promise: string) => `
  import { setTraps, tell } from './scripts/story-worker.mjs';
  setTraps();
  const shouts = (failures) => failures.find((text) => text.startsWith('${promise}') || text.startsWith('bug: ${promise}'));
  let shout;
  for (let seed = 1; seed <= 60 && shout === undefined; seed += 1) shout = shouts(tell(seed).failures);
  console.log(shout ?? 'nothing');
`;

async function whatIsShouted(promise: string, file: string, from: string, to: string): Promise<string> {
  let changed = false;
  const outfile = join(directory, `${promise}.mjs`);
  await build({
    absWorkingDir: root,
    stdin: { contents: program(promise), resolveDir: root, loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
    plugins: [
      {
        name: 'broken member',
        setup(builder) {
          builder.onLoad({ filter: /src\/mirror\/[^/]+\.ts$/ }, ({ path }) => {
            const source = readFileSync(path, 'utf8');
            if (path.endsWith('failover-table.ts'))
              return { contents: `${source}\nexport const rowsFired = new Map();`, loader: 'ts' };
            if (!path.endsWith(`/${file}`)) return { contents: source, loader: 'ts' };
            changed = source.includes(from);
            return { contents: source.replace(from, to), loader: 'ts' };
          });
        },
      },
    ],
  });
  if (!changed) throw new Error(`the place to break is not found in ${file}; follow its change`);
  return execFileSync(process.execPath, [outfile], { encoding: 'utf8' }).trim();
}

const broken: readonly (readonly [string, string, string, string, string])[] = [
  [
    'I2',
    'a primary acknowledges before its active backup has the data',
    'journal-transfer.ts',
    'serving.counted === null ? journal.flushed : earlier(journal.flushed, serving.ackedByCounted)',
    'journal.flushed',
  ],
  [
    'I5',
    'the arbiter licenses whoever asks',
    'arbiter.ts',
    'if (period.licensed !== 0) {',
    "if (entry) return tell(work, entry, { type: 'gone', epoch, term });\n  if (period.licensed !== 0) {",
  ],
  [
    'I6',
    'a backup believes to be in arbiter controlled mode before the arbiter says so',
    'backup.ts',
    "mode: ready ? 'ready' : 'agent'",
    "mode: ready ? 'arbiter' : 'agent'",
  ],
  [
    'I8',
    'a member that had no answer does not try again',
    'seeking.ts',
    'retryAtMs: step.nowMs + retryPauseMs(step), lastFailure',
    'retryAtMs: step.nowMs + 1e9, lastFailure',
  ],
  [
    'I9',
    'a trouble state ends by the wall clock',
    'trouble.ts',
    "kind === 'timed' ? step.nowMs +",
    "kind === 'timed' ? Date.now() +",
  ],
];

test.each(broken)(
  '%s: %s, and the checker shouts',
  async (promise, _what, file, from, to) => {
    expect(await whatIsShouted(promise, file, from, to)).toContain(`${promise}`);
  },
  240_000,
);
