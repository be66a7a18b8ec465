/**
 * Where docs/SPEC.md and the tests differ: ids that a test names and the list does not call built, and the other way round.
 * `--write` brings the tests of the built rows up to date, and calls "in the code" built where a test names it by now. What is
 * built in part, or said to come later, a person must look at. Ends with 1 while list and tests differ.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { importTypeScript } from './import-typescript.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { rowsOf, statedIds, testsById } = await importTypeScript('test/fixtures/spec-ids.ts');
const missingTest = 'in the code; no test names it yet';
// Only what is in the repository: a file that is not would be missing on every other machine.
const listed = spawnSync('git', ['ls-files', 'test'], { cwd: root, encoding: 'utf8' }).stdout ?? '';
const tracked = new Set(listed.split('\n').map((path) => path.slice('test/'.length)));
const tests = new Map(
  [...testsById(root)]
    .map(([id, files]) => [id, files.filter((file) => tracked.has(file))])
    .filter(([, files]) => files.length > 0),
);
if (process.argv.includes('--write')) writeTests();
const rows = rowsOf(root);
const ids = new Set(rows.map(({ id }) => id));
let differences = 0;

report(
  'stated in docs/spec, no row in docs/SPEC.md',
  statedIds(root).filter((id) => !ids.has(id)),
);
report(
  'named by a test, not called built',
  rows
    .filter(({ id, state, where }) => state !== 'built' && !where.startsWith('in part: ') && tests.has(id))
    .map(({ id }) => `${id} (${tests.get(id).join(', ')})`),
);
report(
  'called built, named by no test',
  rows.filter(({ id, state }) => state === 'built' && !tests.has(id)).map(({ id }) => id),
);
report(
  'the tests named are not those that name it (--write mends it)',
  rows
    .filter(({ id, state, where }) => state === 'built' && tests.has(id) && where !== tests.get(id).join(', '))
    .map(({ id }) => id),
);
if (process.argv.includes('--missing')) {
  const missing = rows.filter(({ where }) => where === missingTest).map(({ id }) => id);
  console.log(`in the code, named by no test: ${missing.join(' ')}`);
}
const built = rows.filter(({ state }) => state === 'built').length;
console.log(`${rows.length} ids, ${built} built, ${differences} to look at`);
process.exitCode = differences === 0 ? 0 : 1;

function report(what, found) {
  differences += found.length;
  if (found.length > 0) console.log(`${what}:\n  ${found.join('\n  ')}`);
}

function writeTests() {
  const path = `${root}docs/SPEC.md`;
  const lines = readFileSync(path, 'utf8').split('\n');
  const written = lines.map((line) => {
    const cells = line.split('|');
    const id = cells[1]?.trim() ?? '';
    const isBuilt = cells[3]?.trim() === 'built' || cells[4]?.trim() === missingTest;
    if (!isBuilt || !tests.has(id)) return line;
    return `| ${id} | ${cells[2].trim()} | built | ${tests.get(id).join(', ')} |`;
  });
  writeFileSync(path, written.join('\n'));
}
