/** docs/SPEC.md, docs/spec, the code and the tests say the same about what is built. `node scripts/spec-list.mjs` helps. */

import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { filesBelow, textOf } from './fixtures/project-files.ts';
import { idsIn, rowsOf, statedIds, states, testsById } from './fixtures/spec-ids.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const stated = statedIds(root);
const rows = rowsOf(root);
const tests = testsById(root);

describe('docs/SPEC.md', () => {
  test('has one row for each id of docs/spec, and no other', () => {
    expect(stated.length).toBeGreaterThan(400);
    expect(new Set(stated).size).toBe(stated.length);
    expect(rows.map(({ id }) => id).sort()).toEqual([...stated].sort());
  });

  test('every row has a statement, a known state and where', () => {
    const bad = rows.filter(
      ({ statement, state, where }) => statement === '' || where === '' || !states.some((known) => known === state),
    );
    expect(bad).toEqual([]);
  });

  test('what is built is named by a test of each file that the row names', () => {
    const wrong = rows
      .filter(({ state }) => state === 'built')
      .flatMap(({ id, where }) => where.split(', ').map((file) => ({ id, file })))
      .filter(({ id, file }) => !(tests.get(id) ?? []).includes(file));
    expect(wrong).toEqual([]);
  });
});

test('every id named in code and tests is stated in docs/spec', () => {
  const known = new Set(stated);
  const unknown = ['src', 'menus', 'bin', 'scripts', 'test', 'docs/decisions']
    .flatMap((room) => filesBelow(root, room))
    .filter((path) => !path.startsWith('test/fixtures/spec-ids'))
    .flatMap((path) => idsIn(textOf(root, path)).map((id) => ({ id, path })))
    .filter(({ id }) => !known.has(id));
  expect(unknown).toEqual([]);
});

test('ids are found one by one and as a range', () => {
  expect(idsIn('FO-036, SYN-006 and FO-042..044; FO-09 is none')).toEqual([
    'FO-036',
    'SYN-006',
    'FO-042',
    'FO-043',
    'FO-044',
  ]);
});
