/** docs/FAILOVER.md is what an operator reads at night: its tables are those of the code, its names those of the record. */

import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { firstRecord } from '../src/mirror/member-record.ts';
import { withTables } from './fixtures/failover-doc.ts';
import { textOf } from './fixtures/project-files.ts';

const document = textOf(fileURLToPath(new URL('..', import.meta.url)), 'docs/FAILOVER.md');

test('the tables are those of the code (else: node scripts/failover-doc.mjs)', () => {
  expect(withTables(document)).toBe(document);
});

test('every field of the durable record is explained', () => {
  const explained = [...document.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
  expect(Object.keys(firstRecord).filter((name) => name !== 'format' && !explained.includes(name))).toEqual([]);
});
