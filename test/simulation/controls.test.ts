/**
 * Negative controls: a member, or an arbiter, that breaks one promise, and the checker of that promise must shout. Each is the
 * source with a place changed, bundled and run as a program of its own; the product knows nothing of it. Where stories need
 * more seeds than a test has time for, a scene leads there (directed-scenes.ts).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { directed } from './directed-scenes.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let directory = '';
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'caretmirror-controls-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Traps instead of clocks; then a directed scene, or stories until one breaks the promise. Prints what the checker said. */
const program = (promise: string) => `
  import { setTraps, tell } from './scripts/story-worker.mjs';
  import { directed } from './test/simulation/directed-scenes.ts';
  setTraps();
  const shouts = (failures) => failures.find((text) => text.startsWith('${promise}') || text.startsWith('bug: ${promise}'));
  let shout;
  const scene = directed['${promise}'];
  if (scene !== undefined) shout = shouts(scene());
  else for (let seed = 1; seed <= 60 && shout === undefined; seed += 1) shout = shouts(tell(seed).failures);
  console.log(shout ?? 'nothing');
`;

type Change = readonly [file: string, from: string, to: string];

async function whatIsShouted(promise: string, changes: readonly Change[]): Promise<string> {
  const made = new Set<Change>();
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
          builder.onLoad({ filter: /src\/(mirror|journal)\/[^/]+\.ts$/ }, ({ path }) => {
            let contents = readFileSync(path, 'utf8');
            if (path.endsWith('failover-table.ts')) contents += '\nexport const rowsFired = new Map();';
            for (const change of changes) {
              const [file, from, to] = change;
              if (!path.endsWith(`/${file}`) || !contents.includes(from)) continue;
              made.add(change);
              contents = contents.replace(from, () => to);
            }
            return { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  const missing = changes.find((change) => !made.has(change));
  if (missing !== undefined) throw new Error(`the place to break is not found in ${missing[0]}; follow its change`);
  return execFileSync(process.execPath, [outfile], { encoding: 'utf8' }).trim();
}

const broken: readonly (readonly [promise: string, what: string, ...changes: Change[]])[] = [
  [
    'I1',
    'an isolated primary waits for a while only, though the arbiter may have licensed the other',
    ['trouble.ts', "enterTrouble(step, 'arbiter', verdict", "enterTrouble(step, 'timed', verdict"],
  ],
  [
    'I2',
    'a primary acknowledges before its active backup has the data',
    [
      'journal-transfer.ts',
      'serving.counted === null ? journal.flushed : earlier(journal.flushed, serving.ackedByCounted)',
      'journal.flushed',
    ],
  ],
  [
    'I3',
    'the databases of a primary take what is flushed and not durable yet',
    ['journal-transfer.ts', 'const target = earlier(durable, flushed);', 'const target = flushed;'],
  ],
  [
    'I4',
    'a primary in trouble counts what it has flushed',
    ['journal-transfer.ts', 'if (serving.trouble !== null) return;', ''],
    [
      'journal-transfer.ts',
      'serving.counted === null ? journal.flushed',
      'serving.trouble !== null || serving.counted === null ? journal.flushed',
    ],
  ],
  [
    'I5',
    'the arbiter licenses whoever asks',
    [
      'arbiter.ts',
      'if (period.licensed !== 0) {',
      "if (entry) return tell(work, entry, { type: 'gone', epoch, term });\n  if (period.licensed !== 0) {",
    ],
  ],
  [
    'I6',
    'a backup believes to be in arbiter controlled mode before the arbiter says so',
    ['backup.ts', "mode: ready ? 'ready' : 'agent'", "mode: ready ? 'arbiter' : 'agent'"],
  ],
  [
    'I7',
    'a member whose databases hold what the mirror lacks does not halt',
    ['joining.ts', 'if (isDiverged(step, other)) {', 'if (false) {'],
  ],
  [
    'I8',
    'a member that had no answer does not try again',
    [
      'seeking.ts',
      'retryAtMs: step.nowMs + retryPauseMs(step), lastFailure',
      'retryAtMs: step.nowMs + 1e9, lastFailure',
    ],
  ],
  [
    'SYN-005',
    'databases take a transaction as far as it has arrived',
    ['record-groups.ts', 'while (count > 0 && records', 'while (count < 0 && records'],
  ],
  [
    'CFG-069',
    'a removal is told as done before the backup has heard of it',
    ['set-keeping.ts', 'if (counted === null || keeps === undefined) return true;', 'return true;'],
  ],
  [
    'I9',
    'a trouble state ends by the wall clock',
    ['trouble.ts', "kind === 'timed' ? step.nowMs +", "kind === 'timed' ? Date.now() +"],
  ],
];

test.each(Object.entries(directed))('%s: nothing is shouted while no member is broken', (_promise, scene) => {
  expect(scene()).toEqual([]);
});

test.each(broken)(
  '%s: %s, and the checker shouts',
  async (promise, _what, ...changes) => {
    expect(await whatIsShouted(promise, changes)).toContain(`${promise}`);
  },
  240_000,
);
