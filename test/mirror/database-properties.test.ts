import { describe, expect, test } from '@jest/globals';
import { type DatabaseProperties, followed, isAdmittedByPrimary } from '../../src/mirror/database-properties.ts';

const MB = 1_000_000;
const has = (maximum: number, expansionMegabytes = 0, resource = '%DB_%DEFAULT'): DatabaseProperties => ({
  maximumBytes: maximum * MB,
  expansionMegabytes,
  resource,
});

describe('what a copy should have', () => {
  test('DB-045 PROC-052: the backup follows up and down, also to no limit', () => {
    for (const [own, primary] of [
      [100, 500],
      [500, 100],
      [100, 0],
      [0, 100],
    ] as const) {
      expect(followed(has(own, own), has(primary, primary), 'Failover')).toEqual(has(primary, primary));
    }
  });

  test.each(['Disaster Recovery', 'Read-Only Reporting', 'Read-Write Reporting'] as const)(
    'DB-045 PROC-052: on a %s async sizes only grow; no limit is the largest maximum, and no expansion size the smallest',
    (type) => {
      expect(followed(has(100, 10), has(500, 20), type)).toEqual(has(500, 20));
      expect(followed(has(500, 20), has(100, 10), type)).toEqual(has(500, 20));
      expect(followed(has(0, 0), has(100, 10), type)).toEqual(has(0, 10));
      expect(followed(has(100, 10), has(0, 0), type)).toEqual(has(0, 10));
    },
  );

  test('DB-046: the resource goes to copies of the backup only', () => {
    expect(followed(has(1, 1, 'OWN'), has(1, 1, 'THEIRS'), 'Failover').resource).toBe('THEIRS');
    expect(followed(has(1, 1, 'OWN'), has(1, 1, 'THEIRS'), 'Disaster Recovery').resource).toBe('OWN');
  });

  test('DB-044: where the primary says nothing, a copy keeps what it has', () => {
    expect(followed(has(7, 8, 'OWN'), undefined, 'Failover')).toEqual(has(7, 8, 'OWN'));
  });
});

test('DB-044: a copy that may have as much as the primary takes all that the primary took; a smaller one may be full', () => {
  const definition = { name: 'D', addedAt: { epoch: 1, sequence: 1 }, fromEmpty: true };
  const at = (maximum: number) => ({ ...definition, properties: has(maximum) });
  expect([100, 101, 0, 99].map((own) => isAdmittedByPrimary(own * MB, at(100)))).toEqual([true, true, true, false]);
  expect([0, 100].map((own) => isAdmittedByPrimary(own * MB, at(0)))).toEqual([true, false]);
  expect(isAdmittedByPrimary(0, definition)).toBe(false);
});
