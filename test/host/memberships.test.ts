/** What an instance is in each of its mirrors, in one configuration. */
import { expect, test } from '@jest/globals';
import { newConfiguration } from '../../src/host/configuration-file.ts';
import { parseConfiguration } from '../../src/host/configuration-schema.ts';
import type { InstanceConfiguration } from '../../src/host/host.ts';
import { configurationAt, MembershipStore, mirrorsOf, placeOf } from '../../src/host/memberships.ts';
import { defaultSettings, type MirrorSet } from '../../src/mirror/mirror-set.ts';

const set = (name: string): MirrorSet => ({
  name,
  epoch: 1,
  revision: 1,
  settings: defaultSettings,
  members: [],
  databases: [],
});

const database = (name: string, mirrorDatabase: string | null) => ({
  name,
  directory: `/d/${name}`,
  mounted: true,
  mirrorDatabase,
  mountRequiredAtStartup: false,
  journaled: true,
  dejournalingPaused: false,
  expansionMegabytes: 0,
  resource: '%DB_%DEFAULT',
});

function storeOf(whole: InstanceConfiguration) {
  let present = whole;
  const kept = {
    get: () => present,
    set: (next: InstanceConfiguration) => {
      const parsed = parseConfiguration(JSON.parse(JSON.stringify(next)));
      if (!parsed.ok) throw new Error(`${parsed.field} ${parsed.problem}`);
      present = parsed.configuration;
    },
  };
  const at = (place: string | null) => new MembershipStore(kept, place);
  return { kept, at };
}

const blank = newConfiguration('R', '/r', { host: 'h', port: 1 });

test('CFG-008: what one mirror writes leaves the other as it is, and a configuration of before is one of one mirror', () => {
  const { furtherMirrors: _, ...before } = { ...blank, member: 'R', mirrorSet: set('ONE') };
  const read = parseConfiguration({ ...before, databases: [database('A', 'DATA')] });
  if (!read.ok) throw new Error(read.problem);
  const { kept, at } = storeOf(read.configuration);
  const [one, two] = [at(null), at('TWO')];
  two.set({ ...two.get(), member: 'R', mirrorSet: set('TWO'), databases: [database('B', 'DATA')] });
  one.set({ ...one.get(), dejournalingPaused: true, databases: [...one.get().databases, database('C', null)] });
  expect(mirrorsOf(kept.get())).toEqual(['ONE', 'TWO']);
  expect([placeOf(kept.get()), placeOf(kept.get(), 'two'), placeOf(kept.get(), 'THREE')]).toEqual([
    null,
    'TWO',
    undefined,
  ]);
  expect(one.get().databases.map(({ name }) => name)).toEqual(['A', 'C']);
  expect(two.get().databases.map(({ name }) => name)).toEqual(['B']);
  expect([one.get().dejournalingPaused, two.get().dejournalingPaused]).toEqual([true, false]);
});

test('CFG-067: a further mirror that is over leaves its databases to the instance, also when it is joined anew', () => {
  const { kept, at } = storeOf({ ...blank, member: 'R', mirrorSet: set('ONE') });
  const two = at('TWO');
  two.set({ ...two.get(), member: 'R', mirrorSet: set('TWO'), databases: [database('B', 'DATA')] });
  two.set({ ...two.get(), member: null, mirrorSet: null, formerMirror: { name: 'TWO', removeAttribute: false } });
  expect([mirrorsOf(kept.get()), two.get().databases.length]).toEqual([['ONE'], 1]);
  two.set({ ...two.get(), formerMirror: null });
  expect(kept.get().furtherMirrors).toEqual([]);
  two.set({ ...two.get(), member: 'R', mirrorSet: set('TWO') });
  expect(two.get().databases).toEqual([]);
  expect(configurationAt(kept.get(), null).databases.map(({ name }) => name)).toEqual(['B']);
});

test('CFG-008: a configuration that names a mirror or a database twice is refused', () => {
  const { at } = storeOf({ ...blank, member: 'R', mirrorSet: set('ONE'), databases: [database('A', 'DATA')] });
  const again = at('ONE');
  expect(() => again.set({ ...again.get(), mirrorSet: set('ONE') })).toThrow('furtherMirrors has ONE twice');
  const two = at('TWO');
  expect(() => two.set({ ...two.get(), mirrorSet: set('TWO'), databases: [database('A', 'DATA')] })).toThrow(
    'databases has A twice',
  );
});
