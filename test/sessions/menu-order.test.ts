/** Answer files and habits rely on the order of the options: numbers are those of the original. */
import { expect, test } from '@jest/globals';
import { mirrorManagement } from '../../menus/mirror-management.ts';
import { top } from '../../menus/top.ts';

test('API-030: Mirror Management has the options of the original in its order', () => {
  const labels = mirrorManagement.options.map(({ label }) => label.toLowerCase());
  expect(labels.slice(0, 5)).toEqual([
    'add mirrored database(s)',
    'remove mirrored database(s)',
    'activate or catchup mirrored database(s)',
    'change no failover state',
    'try to make this the primary',
  ]);
  expect(labels.slice(6, 14)).toEqual([
    'stop mirror on this member',
    'modify database size field(s)',
    'force this node to become the primary',
    'promote async dr member to failover member',
    'demote backup member to async dr member',
    'mark an inactive database as caught up',
    'manage mirror dejournaling on async member',
    'pause dejournaling for database(s)',
  ]);
});

test('API-031: the first menu of a member has three groups', () => {
  expect(top.options.map(({ label }) => label)).toEqual(['Mirror Status', 'Mirror Management', 'Mirror Configuration']);
});
