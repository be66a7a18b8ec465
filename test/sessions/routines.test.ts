/** ^DATABASE, ^BACKUP and ^DBREST from a pipe: the whole screens, and what was asked of the instance. */
import { describe, expect, test } from '@jest/globals';
import { databaseRoutine } from '../../menus/database.ts';
import type { RestorePlan, RestoreStep } from '../../src/protocol/control-channel.ts';
import type { Outcome } from '../../src/protocol/control-commands.ts';
import { expectTranscript, pipedSession } from '../fixtures/piped-session.ts';
import { database, description, localMoment, type Place, type Script } from '../fixtures/scripted-instance.ts';

const performed = (text: string) => async (): Promise<Outcome> => ({ ok: true, text });

function at(place: Place, more: Script = {}): Script {
  return { describe: () => description(place), perform: performed('done'), ...more };
}

const stale = database('CITIES', {
  mirrored: 'CITIES',
  mounted: false,
  status: 'Database Dismounted',
  sizeBytes: null,
});
const closed = database('ORDERS', { mounted: false, sizeBytes: null });

describe('^DATABASE', () => {
  test('API-028 DB-017: its options have the numbers of the original; what is not built says so', async () => {
    expect(databaseRoutine.options[9]?.label).toBe('Recreate a database');
    expectTranscript(
      'database-menu',
      await pipedSession(at('primary'), '?\n3\n9\ncities\n\n\n', { routine: 'DATABASE' }),
    );
  });

  test('DB-017, DB-060: a mirrored database by numbered fields, field 3 its mirror name, confirmed', async () => {
    const session = await pipedSession(at('primary'), '1\n/srv/towns/\ny\n3\ntowns-1\n1\n500\n\n\ny\n\n', {
      routine: 'DATABASE',
    });
    expectTranscript('database-create', session);
    expect(session.instance.performed.map((each) => [each.command, each.arguments])).toEqual([
      ['create-database', { database: 'TOWNS', directory: '/srv/towns', mirrored: 'TOWNS-1', maximumMegabytes: 500 }],
    ]);
  });

  test('DB-017: without changed properties it is an ordinary one, and a bad name or directory ends a piped session', async () => {
    const session = await pipedSession(at('primary'), '1\n/srv/Towns\n\nvillages\ny\n\n', { routine: 'DATABASE' });
    expect(session.instance.performed[0]?.arguments).toEqual({
      database: 'VILLAGES',
      directory: '/srv/Towns',
      mirrored: null,
    });
    for (const answers of [
      '1\ntowns\n',
      '1\n/srv/towns\ny\n3\n1towns\n',
      '1\n/srv/towns\ny\n5\n',
      '1\n/srv/t\n\n*\n',
    ]) {
      const bad = await pipedSession(at('primary'), answers, { routine: 'DATABASE' });
      expect([bad.exitCode, bad.instance.performed]).toEqual([3, []]);
    }
  });

  test('DB-060: a No to the last question creates nothing', async () => {
    const session = await pipedSession(at('primary'), '1\n/srv/towns\n\n\nno\n\n', { routine: 'DATABASE' });
    expect(session.output).toContain('Nothing was changed.');
    expect(session.instance.performed).toEqual([]);
  });

  test('API-028 DB-035: mounting a copy of a mirrored database asks whether to catch it up, mounting another does not', async () => {
    const describe = () => description('backup', { databases: [stale, closed] });
    const session = await pipedSession(at('backup', { describe }), '5\n*\nn\ny\n\n', { routine: 'DATABASE' });
    expectTranscript('database-mount', session);
    expect(session.instance.performed.map((each) => each.arguments)).toEqual([
      { database: 'CITIES', catchUp: false },
      { database: 'ORDERS', catchUp: true },
    ]);
  });

  test('DB-035: on the primary there is nothing to catch up', async () => {
    const describe = () => description('primary', { databases: [stale] });
    const session = await pipedSession(at('primary', { describe }), '5\n1\n\ny\n\n', { routine: 'DATABASE' });
    expect(session.output).not.toContain('Catch up CITIES');
    expect(session.instance.performed[0]?.arguments).toEqual({ database: 'CITIES', catchUp: true });
  });

  test('API-028 DB-018: recreating says what goes and asks', async () => {
    const session = await pipedSession(at('primary'), '10\nCITIES\n\ny\n\n', { routine: 'DATABASE' });
    expectTranscript('database-recreate', session);
    expect(session.instance.performed.map((each) => [each.command, each.arguments])).toEqual([
      ['recreate-database', { database: 'CITIES' }],
    ]);
  });

  test('properties are changed by number; only what was changed is sent', async () => {
    const session = await pipedSession(at('primary'), '2\norders\n\n1\n20\n3\ny\n\ny\n2\ncities\n\n\n\n', {
      routine: 'DATABASE',
    });
    expectTranscript('database-edit', session);
    expect(session.instance.performed.map((each) => each.arguments)).toEqual([
      { database: 'ORDERS', maximumMegabytes: 20, mountRequired: true },
    ]);
  });

  test('DB-060: a database is added to the mirror from its own properties', async () => {
    const session = await pipedSession(at('primary'), '2\norders\n\n6\n?\nshop\n\ny\n\n', { routine: 'DATABASE' });
    expect(session.output).toContain('6) Add to Mirror DEMO:');
    expect(session.output).toContain('Add to Mirror DEMO: SHOP');
    expect(session.instance.performed.map((each) => [each.command, each.arguments])).toEqual([
      ['edit-database', { database: 'ORDERS', mirrored: 'SHOP' }],
    ]);
    const mirrored = await pipedSession(at('primary'), '2\ncities\n\n\n\n', { routine: 'DATABASE' });
    expect(mirrored.output).not.toContain('Add to Mirror');
  });

  test('DB-056 DB-060: why it cannot be added stands in place of that, until it is journaled', async () => {
    const text = 'Databases must be journaled to be mirrored';
    const present = description('primary');
    const databases = present.databases.map((each) =>
      each.name === 'ORDERS' ? { ...each, addable: false, notAddable: text, journaled: false } : each,
    );
    const describe = () => ({ ...present, databases });
    const session = await pipedSession(at('primary', { describe }), '2\norders\n\n2\nyes\n6\n\n\ny\n\n', {
      routine: 'DATABASE',
    });
    const [before, after] = session.output.split('Global Journal State? <No> yes');
    expect(before).toContain(text);
    expect(before).not.toContain('Add to Mirror');
    expect(after).toContain('6) Add to Mirror DEMO:');
    expect(after).not.toContain(text);
    expect(session.instance.performed[0]?.arguments).toEqual({
      database: 'ORDERS',
      journaled: true,
      mirrored: 'ORDERS',
    });
  });

  test('DB-051: only databases that are in no mirror are offered for deletion', async () => {
    const session = await pipedSession(at('primary'), '4\n*\ny\n6\ncities\n\ny\n\n', { routine: 'DATABASE' });
    expect(session.instance.performed.map((each) => [each.command, each.arguments])).toEqual([
      ['delete-database', { database: 'CITATIONS' }],
      ['delete-database', { database: 'ORDERS' }],
      ['dismount-database', { database: 'CITIES' }],
    ]);
  });
});

const step: RestoreStep = {
  copy: 'CITIES',
  database: 'CITIES',
  directory: '/srv/home/cities',
  mirrorDatabase: 'CITIES',
  isNew: false,
  holdsData: true,
  refusal: null,
};
const local: RestoreStep = {
  ...step,
  copy: 'NOTES',
  database: 'NOTES',
  directory: '/srv/home/notes',
  mirrorDatabase: null,
  isNew: true,
  holdsData: false,
};
const plan: RestorePlan = {
  instance: 'OTHER',
  mirror: 'DEMO',
  member: 'ALPHA/IRIS',
  takenAt: localMoment(18, 0, 0),
  steps: [step, local],
};

describe('^BACKUP', () => {
  test('DB-021: chosen databases go to a directory, confirmed', async () => {
    const session = await pipedSession(at('primary'), '1\n1\n3\n\n/srv/backups/one\n\n6\n/srv/backups/one\n\n', {
      routine: 'BACKUP',
    });
    expect(session.instance.performed.map((each) => [each.command, each.arguments])).toEqual([
      ['backup-databases', { databases: ['CITIES', 'ORDERS'], to: '/srv/backups/one' }],
    ]);
    expect(session.exitCode).toBe(1); // the volume is not scripted here: refused
    const shown = await pipedSession(at('primary', { planRestore: () => plan }), '6\n/srv/backups/one\n\n', {
      routine: 'BACKUP',
    });
    expectTranscript('backup-volume', shown);
  });
});

describe('^DBREST', () => {
  test('API-027 DB-022: recognises a backup of the other member and limits itself to mirrored databases', async () => {
    const session = await pipedSession(at('backup', { planRestore: () => plan }), '1\n/srv/b\n\ny\n4\n', {
      routine: 'DBREST',
    });
    expectTranscript('dbrest-all', session);
    expect(session.instance.performed.map((each) => each.arguments)).toEqual([
      { from: '/srv/b', databases: ['CITIES'], replace: ['CITIES'] },
    ]);
  });

  test('DB-021: selected databases, one under another name', async () => {
    const planRestore: Script['planRestore'] = ({ as }) =>
      as === undefined ? plan : { ...plan, steps: [{ ...local, database: as, directory: `/srv/home/${as}` }] };
    const session = await pipedSession(at('backup', { planRestore }), '2\n/srv/b\nn\nx\nmemos\ny\n\n', {
      routine: 'DBREST',
    });
    expectTranscript('dbrest-selected', session);
    expect(session.instance.performed.map((each) => each.arguments)).toEqual([
      { from: '/srv/b', databases: ['NOTES'], as: 'MEMOS' },
    ]);
  });

  test('DB-021: what would be refused is not asked for', async () => {
    const refusal = { reason: 'is-primary', text: 'this member is the primary', spec: 'DB-021' };
    const planRestore = () => ({ ...plan, member: 'BETA/IRIS', steps: [{ ...step, refusal }] });
    const session = await pipedSession(at('backup', { planRestore }), '1\n/srv/b\ny\n', { routine: 'DBREST' });
    expect([session.exitCode, session.instance.performed]).toEqual([1, []]);
    expect(session.errors).toContain('All directories: Refused: CITIES: this member is the primary');
  });

  test('DB-022: nothing chosen, or a No, changes nothing', async () => {
    for (const answers of ['2\n/srv/b\ny\nx\n\n', '1\n/srv/b\n\nno\n\n']) {
      const session = await pipedSession(at('backup', { planRestore: () => plan }), answers, { routine: 'DBREST' });
      expect([session.exitCode, session.instance.performed]).toEqual([0, []]);
      expect(session.output).toContain('Nothing was changed.');
    }
  });
});
