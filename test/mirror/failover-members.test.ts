/** The mirror set follows the list of failover members that the record has, and makes a new one when a failover member goes. */
import { expect, test } from '@jest/globals';
import { nextRevision, settingsOf, withKnownList } from '../../src/mirror/failover-members.ts';
import { withoutMember } from '../../src/mirror/mirror-set.ts';
import { firstSet } from '../../src/simulation/membership.ts';

const set = firstSet(1000, [
  ['A', 'Failover'],
  ['B', 'Failover'],
  ['C', 'Disaster Recovery'],
]);
const list = { epoch: 5, number: 3, names: ['A', 'C'] };

test('CFG-069 FO-078: a removed failover member is none by the new list, also when the set had not come to know the present one', () => {
  const known = withKnownList(set, list);
  const next = nextRevision(known, withoutMember(known, { name: 'C', removeAttribute: false }), 5);
  expect(next).toMatchObject({ epoch: 5, revision: 2, listed: { epoch: 5, number: 4 } });
  expect(settingsOf(next, 'A')).toMatchObject({ partner: null, members: ['A', 'B'], failoverMembers: ['A'] });
});

test('FO-083: an older list changes nothing', () => {
  const known = withKnownList(set, list);
  expect(withKnownList(known, { epoch: 5, number: 2, names: ['A', 'B'] })).toBe(known);
});
