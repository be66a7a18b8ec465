import { describe, expect, test } from '@jest/globals';
import { DatabaseNames, findDatabase } from '../../src/instance/database-lookup.ts';
import type { CatalogEntry } from '../../src/instance/parts.ts';

function entryOf(name: string, mirrorDatabase: string | null, mirror = 'M'): CatalogEntry {
  const addedAt = { epoch: 1, file: 1, offset: 0, sequence: 0 };
  return {
    configuration: {
      name,
      directory: `/${name}`,
      mounted: false,
      mirrorDatabase,
      mountRequiredAtStartup: false,
      journaled: true,
      dejournalingPaused: false,
      expansionMegabytes: 0,
      resource: '%DB_%DEFAULT',
    },
    database: null,
    attribute:
      mirrorDatabase === null
        ? undefined
        : { mirror, database: mirrorDatabase, addedAt, fromEmpty: true, activated: true },
    status: mirrorDatabase === null ? 'Local' : 'Database Dismounted',
    isWritable: false,
    moving: null,
    catchUp: null,
  };
}

const inventories = {
  none: [],
  'one of the mirror': [entryOf('USER', null), entryOf('DATA', 'D1')],
  // A local name that is the mirror name of another, and two mirrors with one name.
  'names of each other': [entryOf('D1', 'D2'), entryOf('D2', 'D1'), entryOf('D3', null), entryOf('D4', 'D3')],
  'two mirrors': [entryOf('A1', 'D1', 'M'), entryOf('A2', 'D1', 'N'), entryOf('D1', null)],
};
const names = ':user:DATA:D1:d2:D3:D4:A1:a2'.split(':').concat(':mirror:m:d1', ':MIRROR:N:D1', ':mirror:x:D1', 'X');

describe('databases by their names', () => {
  for (const [title, entries] of Object.entries(inventories)) {
    test(`DB-010: what a name may mean is all that looking through all databases finds: ${title}`, () => {
      const configured = new DatabaseNames(entries.map(({ configuration }) => configuration));
      for (const name of names) {
        const called = configured.called(name).map((found) => entries.find((each) => each.configuration === found)!);
        expect([name, findDatabase(called, name)]).toEqual([name, findDatabase(entries, name)]);
      }
    });
  }

  test('DB-010: a database is found among many without the others being looked at', () => {
    const many = Array.from({ length: 200 }, (_, index) => entryOf(`L${index}`, `D${index}`).configuration);
    expect(new DatabaseNames(many).called('d7').map(({ name }) => name)).toEqual(['L7']);
  });
});
