/**
 * Are the decision tables whole, and is each row what the members do? Runs test/mirror/failover-table.test.ts: every table
 * total and without two rows for one situation; each row played on the real rules; each row turned into every other outcome
 * of its table, at which its play must fail; and whole stories, in which no row may be asked that is called impossible. Then
 * compares the rules that rows name with docs/spec and docs/SPEC.md, and both with the titles of all tests. `--list` names
 * the rows that nothing asks, and the outcomes at which a member would do the same.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { importTypeScript } from './import-typescript.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { idsIn, rowsOf, statedIds, testsById } = await importTypeScript('test/fixtures/spec-ids.ts');
const list = process.argv.includes('--list');
const files = ['test/mirror/failover-table.test.ts', 'test/mirror/rows-in-stories.test.ts'];
const failures = [];
let passed = 0;

const tests = runTests();
const tables = [...new Set(tests.map(({ table }) => table))].filter((table) => /^\w+Table$/.test(table));
printTables();
if (list) {
  printList('never asked', 'rows that no event leads to');
  printList('flipped without effect', 'outcomes at which the member would do the same');
}
for (const { title, state } of tests) check(state === 'passed', `${state}: ${title}`);
checkIds();

for (const failure of failures) console.log(`FAILED ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exitCode = failures.length === 0 && tables.length > 0 ? 0 : 1;

function check(isSo, text) {
  if (isSo) passed += 1;
  else failures.push(text);
}

/** Every test of the tables: the table, the group it stands in, its title and how it ended. */
function runTests() {
  const directory = mkdtempSync(join(tmpdir(), 'caretmirror-tables-'));
  try {
    const outputFile = join(directory, 'results.json');
    const args = [join(root, 'scripts/jest.mjs'), ...files, '--json', `--outputFile=${outputFile}`];
    const { stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    const { testResults } = JSON.parse(readFileSync(outputFile, 'utf8'));
    for (const file of testResults) if (file.status === 'failed') console.log(file.message || stderr);
    const ran = testResults.filter(({ assertionResults }) => assertionResults.length > 0);
    check(ran.length === files.length, `${files.length - ran.length} of ${files.join(', ')} could not be run`);
    return testResults.flatMap((file) =>
      file.assertionResults.map(({ ancestorTitles: [table, group], title, status: state }) => {
        return { table: table ?? '', group: group ?? '', title, state };
      }),
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function of(table, group) {
  return tests.filter((test) => test.table === table && test.group === group && test.state === 'passed').length;
}

function printTables() {
  const groups = ['played', 'never asked', 'impossible', 'flipped', 'flipped without effect'];
  const heads = ['table', 'rows', ...groups];
  const lines = tables.map((table) => {
    const counts = groups.map((group) => of(table, group));
    return [table, counts[0] + counts[1] + counts[2], ...counts];
  });
  const sums = heads.slice(1).map((_, index) => lines.reduce((sum, line) => sum + line[index + 1], 0));
  for (const cells of [heads, ...lines, ['all', ...sums]]) {
    console.log(
      cells
        .map((cell, index) => (index === 0 ? cell.padEnd(16) : `  ${String(cell).padStart(heads[index].length)}`))
        .join(''),
    );
  }
}

function printList(group, what) {
  console.log(`${what}:`);
  for (const { title } of tests.filter((test) => test.group === group)) console.log(`  ${title}`);
}

function checkIds() {
  const stated = new Set(statedIds(root));
  const listed = new Map(rowsOf(root).map((row) => [row.id, row]));
  const byRows = new Set(
    tests
      .filter(({ group }) => ['played', 'never asked', 'impossible'].includes(group))
      .flatMap(({ title }) => idsIn(title)),
  );
  for (const id of [...byRows].sort()) {
    check(stated.has(id), `${id}: named by a row, and not in docs/spec`);
    const { state, where = '' } = listed.get(id) ?? {};
    // The part that a row is about may be there before the rest of the statement.
    if (id.startsWith('FO-'))
      check(
        state === 'built' || where.startsWith('in part: '),
        `${id}: named by a row, and docs/SPEC.md calls it ${state} (${where})`,
      );
  }
  const named = new Set([
    ...testsById(root).keys(),
    ...tests.filter(({ group }) => group === 'played').flatMap(({ title }) => idsIn(title)),
  ]);
  for (const { id, state } of listed.values()) {
    if (id.startsWith('FO-') && state === 'built') check(named.has(id), `${id}: called built, and named by no test`);
  }
}
