/** Copies of mirrored databases: backed up, restored, copied by hand, paused and caught up, on hosts with real files. */
import { copyFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, connect } from '../../src/client/client.ts';
import type { CommandArguments, Outcome } from '../../src/protocol/control-commands.ts';
import { encodeKey, WHOLE_DATABASE } from '../../src/protocol/global-key.ts';
import { network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let a: WholeHost;
let b: WholeHost;
let c: WholeHost;
let client: Client;

const text = (outcome: Outcome) => (outcome.ok ? outcome.text : `${outcome.outcome}: ${outcome.refusal.reason}`);
const whyNot = (outcome: Outcome) => (outcome.ok ? `done: ${outcome.text}` : outcome.refusal.text);
const statusOf = (host: WholeHost, name: string) => host.instance.catalog.find(name)?.status;
const key = (...subscripts: string[]) => encodeKey('CITY', subscripts);

/** All entries of a database, as one text. */
function contentOf(host: WholeHost, name: string): string {
  const database = host.instance.catalog.find(name)?.database;
  const entries = [...(database?.entries(WHOLE_DATABASE) ?? [])];
  return entries.map((each) => `${Buffer.from(each.key).toString('hex')}=${Buffer.from(each.value)}`).join('\n');
}

async function write(database: string, from: number, count: number): Promise<void> {
  const writer = await connect({
    network,
    targets: [{ host: '127.0.0.1', port: a.superserverPort }],
    mirror: 'DEMO',
    database,
  });
  const numbers = Array.from({ length: count }, (_, index) => String(from + index));
  await Promise.all(numbers.map((number) => writer.set(key(number), Buffer.from(`city ${number}`))));
  // A read sees what was answered: now it is in the primary's database too.
  await writer.get(key(String(from)));
  await writer.close();
}

/** All members have what the primary has, in this database. */
async function expectSame(name: string, ...hosts: readonly WholeHost[]): Promise<void> {
  for (const host of hosts) {
    await host.reach(() => contentOf(host, name) === contentOf(a, name));
  }
}

beforeAll(async () => {
  [a, b, c] = await Promise.all([startWholeHost('ALPHA'), startWholeHost('BETA'), startWholeHost('GAMMA')]);
  for (const host of [a, b, c]) await host.control.perform('enable-mirror-service', {});
  await a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A' });
  for (const [host, type, member] of [
    [b, 'Failover', 'B'],
    [c, 'Disaster Recovery', 'C'],
  ] as const) {
    const agent = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
    expect(await host.control.perform('join-mirror', { mirror: 'DEMO', type, member, ...agent })).toMatchObject({
      ok: true,
    });
  }
  await b.reach((report) => report.members.some((row) => row.name === 'B' && row.journalTransfer === 'Active'));
  // A database with data of before it was mirrored: the journal alone cannot build a copy of it.
  await a.control.perform('create-database', { database: 'OLD' });
  client = await connect({ network, targets: [{ host: '127.0.0.1', port: a.superserverPort }], database: 'OLD' });
  for (let n = 0; n < 20; n++) await client.set(key('before', String(n)), Buffer.from(`before ${n}`));
  await client.close();
}, 30_000);

afterAll(async () => {
  for (const host of [c, b, a]) await host?.close();
}, 20_000);

const backup = (host: WholeHost, databases: readonly string[], to: string) =>
  host.control.perform('backup-databases', { databases, to });
const restore = (host: WholeHost, given: CommandArguments['restore-databases'], progress?: (line: string) => void) =>
  host.control.perform('restore-databases', given, undefined, progress);
const place = (host: WholeHost, name: string) => join(host.home, name);

describe('adding', () => {
  test('DB-002 DB-056: a database that is not journaled is not added, and a mirrored one stays journaled', async () => {
    await a.control.perform('edit-database', { database: 'OLD', journaled: false });
    const described = (await a.control.describe()).databases.find(({ name }) => name === 'OLD');
    expect(described).toMatchObject({ addable: false, notAddable: 'Databases must be journaled to be mirrored' });
    const refused = await a.control.perform('add-databases', { databases: ['OLD'] });
    expect(whyNot(refused)).toMatch(/^Databases must be journaled to be mirrored/);
    await a.control.perform('edit-database', { database: 'OLD', journaled: true });
    expect(await a.control.perform('add-databases', { databases: ['OLD'], mirrorDatabases: ['OLDER'] })).toMatchObject({
      ok: true,
    });
    expect(text(await a.control.perform('edit-database', { database: 'OLD', journaled: false }))).toBe(
      'refused: mirrored',
    );
  });

  test('DB-001: only a database of the primary is added', async () => {
    await b.control.perform('create-database', { database: 'OWN' });
    const refused = await b.control.perform('add-databases', { databases: ['OWN'] });
    expect(refused).toMatchObject({ ok: false, refusal: { reason: 'not-primary', spec: 'DB-001' } });
    await b.control.perform('delete-database', { database: 'OWN' });
  });

  test('DB-057: who creates a mirrored database is advised to create the copies soon', async () => {
    const created = await a.control.perform('create-database', { database: 'NEW', mirrored: 'NEW' });
    expect(text(created)).toMatch(/now create it .* on the backup and the asyncs, soon/);
    await b.reach(() => b.instance.configuration.get().mirrorSet?.databases.length === 2);
    for (const host of [b, c]) {
      await host.reach(() => host.instance.configuration.get().mirrorSet?.databases.length === 2);
      await host.control.perform('create-database', { database: 'NEW', mirrored: 'NEW' });
    }
  });

  test('MON-012: a member lists the databases it holds, and no others', async () => {
    expect((await a.control.status()).databases.map(({ name }) => name)).toEqual(['OLDER', 'NEW']);
    expect((await b.control.status()).databases.map(({ name }) => name)).toEqual(['NEW']);
  });
});

describe('backup', () => {
  test('is whole or not there: refused over what exists, with an unknown name, and onto a file', async () => {
    const to = place(a, 'first');
    expect(text(await backup(a, ['OLD', 'NONE'], to))).toBe('refused: no-database');
    expect(text(await backup(a, ['OLD'], 'first'))).toBe('refused: bad-directory');
    writeFileSync(place(a, 'file'), '');
    expect(text(await backup(a, ['OLD'], join(place(a, 'file'), 'in'))).slice(0, 6)).toBe('failed');
    expect(readdirSync(a.home).filter((name) => name.startsWith('first'))).toEqual([]);
    expect(text(await backup(a, ['old', 'NEW'], to))).toMatch(/^2 databases backed up to /);
    expect(readdirSync(to).sort()).toEqual(['NEW', 'OLD', 'backup.json']);
    expect(text(await backup(a, ['OLD'], to))).toBe('refused: target-exists');
    const manifest = JSON.parse(readFileSync(join(to, 'backup.json'), 'utf8')).value;
    expect(manifest).toMatchObject({ instance: 'ALPHA', mirror: 'DEMO', member: 'A', history: [{ epoch: 1 }] });
    expect(manifest.databases).toMatchObject([{ name: 'OLD', attribute: { database: 'OLDER' } }, { name: 'NEW' }]);
  });

  test('what was left by one that was cut off is cleared away, what others left is not', async () => {
    const { files } = a.instance.host;
    files.makeDirectory(place(a, 'cut.unfinished'));
    writeFileSync(join(place(a, 'cut.unfinished'), 'letters'), 'of somebody');
    expect(text(await backup(a, ['OLD'], place(a, 'cut')))).toBe('refused: in-the-way');
    expect(existsSync(join(place(a, 'cut.unfinished'), 'letters'))).toBe(true);
    writeFileSync(join(place(a, 'cut.unfinished'), 'backup-not-finished'), '');
    expect(text(await backup(a, ['OLD'], place(a, 'cut')))).toMatch(/^1 database backed up/);
    expect(existsSync(place(a, 'cut.unfinished'))).toBe(false);
    expect(existsSync(join(place(a, 'cut'), 'letters'))).toBe(false);
  });
});

test('DB-024: the copy of an idle database stands where the journal is, not at its own last update', async () => {
  expect(await a.control.perform('create-database', { database: 'IDLE', mirrored: 'IDLE' })).toMatchObject({
    ok: true,
  });
  await write('OLD', 5000, 3);
  const own = a.instance.catalog.find('IDLE')?.database?.applied?.sequence ?? 0;
  expect(await backup(a, ['IDLE'], place(a, 'idle'))).toMatchObject({ ok: true });
  const { value } = JSON.parse(readFileSync(join(place(a, 'idle'), 'backup.json'), 'utf8'));
  expect(value.databases[0].applied.sequence).toBeGreaterThanOrEqual(own + 3);
  expect(await a.control.perform('remove-database', { database: 'IDLE' })).toMatchObject({ ok: true });
});

describe('restore', () => {
  test('DB-021 DB-022: on backup and async it makes the database, activates it and catches it up, while writes go on', async () => {
    await write('OLDER', 0, 200);
    for (const [host, from] of [
      [b, 200],
      [c, 400],
    ] as const) {
      const writing = write('OLDER', from, 200);
      const lines: string[] = [];
      const restored = await restore(host, { from: place(a, 'first'), databases: ['OLD'] }, (line) => lines.push(line));
      expect(text(restored)).toBe('OLD restored, activated and caught up');
      expect(lines).toContain('database OLD is restored, a copy of mirror database OLDER');
      await writing;
      expect(statusOf(host, 'OLD')).toBe('Dejournaling');
      expect(existsSync(join(host.instance.catalog.find('OLD')?.configuration.directory ?? '', 'restoring'))).toBe(
        false,
      );
    }
    await expectSame('OLD', b, c);
  }, 30_000);

  test('DB-021: data that are here are replaced only when that was confirmed', async () => {
    const from = place(a, 'first');
    const plan = await c.control.request({ type: 'plan-restore', arguments: { from, databases: ['OLD'] } });
    expect(plan.steps).toMatchObject([{ database: 'OLD', mirrorDatabase: 'OLDER', isNew: false, holdsData: true }]);
    expect(text(await restore(c, { from, databases: ['OLD'] }))).toBe('refused: not-confirmed');
    expect(text(await restore(c, { from, databases: ['OLD'], replace: ['old'] }))).toMatch(/activated and caught up$/);
    await expectSame('OLD', c);
  });

  test('DB-021: on the primary a mirrored database is not restored, and it says why', async () => {
    const before = contentOf(a, 'OLD');
    const refused = await restore(a, { from: place(a, 'first'), replace: ['OLD', 'NEW'] });
    expect(refused).toMatchObject({ ok: false, outcome: 'refused', refusal: { reason: 'is-primary' } });
    expect(whyNot(refused)).toMatch(/restore on the backup and the asyncs/);
    expect(contentOf(a, 'OLD') === before).toBe(true);
  });

  test('a damaged or incomplete backup is refused, and the data here stay', async () => {
    const from = place(a, 'hurt');
    expect(await backup(a, ['OLD', 'NEW'], from)).toMatchObject({ ok: true });
    const before = [contentOf(b, 'OLD'), contentOf(b, 'NEW')];
    const given = { from, replace: ['OLD', 'NEW'] };
    const file = join(from, 'NEW', 'database.mdb');
    const bytes = readFileSync(file);
    bytes.writeUInt8((bytes.at(-100) ?? 0) ^ 1, bytes.length - 100);
    writeFileSync(file, bytes);
    expect(whyNot(await restore(b, given))).toMatch(/the data here are as they were: the backup is damaged: .*NEW/);
    truncateSync(file, bytes.length - 4096);
    expect(whyNot(await restore(b, given))).toMatch(/the backup is incomplete: .*NEW.* has \d+ bytes/);
    const list = readFileSync(join(from, 'backup.json'), 'utf8');
    writeFileSync(join(from, 'backup.json'), list.replace('"ALPHA"', '"ALPHB"'));
    expect(whyNot(await restore(b, given))).toMatch(/^the backup is damaged: .*backup.json has a wrong checksum/);
    expect(text(await restore(b, { from: place(a, 'nowhere') }))).toBe('refused: no-backup');
    expect([contentOf(b, 'OLD'), contentOf(b, 'NEW')]).toEqual(before);
    expect([statusOf(b, 'OLD'), statusOf(b, 'NEW')]).toEqual(['Dejournaling', 'Dejournaling']);
  });

  test('DB-025: a caught-up backup is a source for an async, one that is not caught up is none', async () => {
    await c.control.perform('remove-database', { database: 'OLD' });
    await c.control.perform('delete-database', { database: 'OLD' });
    await b.control.perform('pause-databases', { databases: ['OLD'] });
    expect(text(await backup(b, ['OLD'], place(b, 'paused')))).toBe('refused: not-caught-up');
    await b.control.perform('resume-databases', { databases: ['OLD'] });
    expect(await backup(b, ['OLD'], place(b, 'from-backup'))).toMatchObject({ ok: true });
    await write('OLDER', 600, 50);
    expect(text(await restore(c, { from: place(b, 'from-backup'), as: 'FAR' }))).toBe(
      'FAR restored, activated and caught up',
    );
    expect(c.instance.catalog.find('FAR')).toMatchObject({ attribute: { database: 'OLDER', activatedOn: 'C' } });
    await c.reach(() => contentOf(c, 'FAR') === contentOf(a, 'OLD'));
    expect(text(await restore(c, { from: place(b, 'from-backup'), as: 'TWICE' }))).toBe('refused: name-taken');
    await c.control.perform('remove-database', { database: 'FAR' });
    await c.control.perform('delete-database', { database: 'FAR' });
  });
});

describe('copies by hand', () => {
  test('DB-027 DB-031: a copied file shows Needs Activation, and the two steps bring it level', async () => {
    await b.control.perform('remove-database', { database: 'OLD', onlyHere: true });
    await b.control.perform('delete-database', { database: 'OLD' });
    await b.control.perform('create-database', { database: 'OLD' });
    // The primary keeps its own mounted; the caught-up copy of the async is the source.
    expect(await restore(c, { from: place(a, 'first'), databases: ['OLD'] })).toMatchObject({ ok: true });
    const directoryOn = (host: WholeHost) => host.instance.catalog.find('OLD')?.configuration.directory ?? '';
    for (const host of [b, c]) await host.control.perform('dismount-database', { database: 'OLD' });
    copyFileSync(join(directoryOn(c), 'database.mdb'), join(directoryOn(b), 'database.mdb'));
    expect(text(await b.control.perform('mount-database', { database: 'OLD' }))).toBe(
      'database OLD is mounted; its status is Needs Activation',
    );
    await write('OLDER', 700, 50);
    expect(text(await c.control.perform('mount-database', { database: 'OLD' }))).toBe(
      'database OLD is mounted and caught up',
    );
    expect((await b.control.describe()).databases.find(({ name }) => name === 'OLD')).toMatchObject({
      mirrored: 'OLDER',
      needsCatchUp: true,
    });
    expect(text(await b.control.perform('catch-up-databases', { databases: ['OLD'] }))).toBe(
      'database OLD is activated and caught up',
    );
    expect(b.instance.catalog.find('OLD')?.attribute?.activatedOn).toBe('B');
    await expectSame('OLD', b, c);
    expect(text(await b.control.perform('catch-up-databases', { databases: ['OLD'] }))).toBe(
      'database OLD is caught up already',
    );
  }, 30_000);

  test('DB-032: several are caught up in the background, and the list shows how far they are', async () => {
    for (const database of ['OLD', 'NEW']) await c.control.perform('pause-databases', { databases: [database] });
    await write('OLDER', 800, 100);
    await write('NEW', 0, 100);
    const begun = await c.control.perform('catch-up-databases', { databases: ['OLD', 'NEW'] });
    expect(text(begun)).toMatch(/^activation and catchup of OLD, NEW run in the background/);
    await c.reach(() => statusOf(c, 'OLD') === 'Dejournaling' && statusOf(c, 'NEW') === 'Dejournaling');
    await expectSame('OLD', c);
    await expectSame('NEW', c);
    expect(text(await c.control.perform('catch-up-databases', { databases: ['OLD', 'NONE'] }))).toBe(
      'refused: no-database',
    );
    expect(text(await a.control.perform('catch-up-databases', { databases: ['OLD'] }))).toBe('refused: is-primary');
  });
});

describe('mounting', () => {
  test('DB-035 DB-036: dismounted it goes stale; on mounting it is caught up, unless that is not wanted', async () => {
    await b.control.perform('dismount-database', { database: 'OLD' });
    expect(statusOf(b, 'OLD')).toBe('Database Dismounted');
    await write('OLDER', 900, 30);
    expect(text(await b.control.perform('mount-database', { database: 'OLD', catchUp: false }))).toBe(
      'database OLD is mounted; its status is Needs Catchup',
    );
    await b.control.perform('dismount-database', { database: 'OLD' });
    expect(text(await b.control.perform('mount-database', { database: 'OLD' }))).toBe(
      'database OLD is mounted and caught up',
    );
    await expectSame('OLD', b);
    expect(text(await a.control.perform('dismount-database', { database: 'OLD' }))).toBe('refused: is-primary');
  });

  test('SYN-017: a full database of the primary takes kills and no sets, and reads go on', async () => {
    await a.control.perform('create-database', { database: 'SMALL', mirrored: 'SMALL' });
    await a.control.perform('edit-database', { database: 'SMALL', maximumMegabytes: 1 });
    const targets = [{ host: '127.0.0.1', port: a.superserverPort }];
    const small = await connect({ network, targets, mirror: 'DEMO', database: 'SMALL' });
    const fill = async () => {
      for (let n = 0; n < 100; n++) await small.set(key('big', String(n)), Buffer.alloc(30_000, n));
    };
    await expect(fill()).rejects.toThrow(/<FILEFULL> database SMALL has .* MB and may have 1\.0 MB at most; kill data/);
    await expect(small.increment(key('count'), '1')).rejects.toThrow('<FILEFULL>');
    expect((await small.get(key('big', '0')))?.length).toBe(30_000);
    await small.kill(key('big'));
    await a.reach(() => a.instance.catalog.find('SMALL')?.database?.isFull === false);
    await small.set(key('big', '0'), Buffer.from('fits'));
    expect(Buffer.from((await small.get(key('big', '0'))) ?? []).toString()).toBe('fits');
    await small.close();
    await a.control.perform('remove-database', { database: 'SMALL' });
    await a.control.perform('delete-database', { database: 'SMALL' });
  }, 30_000);

  test('SYN-017 DB-033: a full copy pauses alone, says why, and goes on when it may be larger', async () => {
    // As a copy is whose primary's maximum was raised while it was away, until it hears of it.
    await b.instance.catalog.find('OLD')?.database?.setMaximumBytes(1_000_000);
    const size = (await b.control.describe()).databases.find(({ name }) => name === 'OLD');
    expect(size).toMatchObject({ maximumBytes: 1_000_000 });
    const big = await connect({
      network,
      targets: [{ host: '127.0.0.1', port: a.superserverPort }],
      mirror: 'DEMO',
      database: 'OLDER',
    });
    for (let n = 0; n < 12; n++) await big.set(key('big', String(n)), Buffer.alloc(100_000, n));
    await big.close();
    await b.reach(() => statusOf(b, 'OLD') === 'Dejournaling Stopped');
    expect(statusOf(b, 'NEW')).toBe('Dejournaling');
    expect(readFileSync(b.instance.paths.messages, 'utf8')).toMatch(
      /Dejournaling into OLD failed: .*may have 1\.0 MiB at most; .*larger maximum size/,
    );
    expect(text(await b.control.perform('catch-up-databases', { databases: ['OLD'] }))).toMatch(
      /^failed: database-full/,
    );
    const grown = await b.control.perform('edit-database', { database: 'OLD', maximumMegabytes: 100 });
    expect(text(grown)).toMatch(
      /^database OLD may have 100 MB at most; but .* has no maximum size as before: .*; it has stopped dejournaling, so catch it up now$/,
    );
    expect(text(await b.control.perform('catch-up-databases', { databases: ['OLD'] }))).toMatch(/caught up$/);
    await expectSame('OLD', b);
  }, 30_000);
});

describe('properties that follow the primary', () => {
  const edit = (host: WholeHost, given: Omit<CommandArguments['edit-database'], 'database'>) =>
    host.control.perform('edit-database', { database: 'SIZED', ...given });
  const propertiesOf = (host: WholeHost) => {
    const entry = host.instance.catalog.find('SIZED');
    const { expansionMegabytes, resource } = entry?.configuration ?? {};
    return [(entry?.database?.maximumBytes ?? -1) / 1_000_000, expansionMegabytes, resource];
  };
  const reachProperties = (host: WholeHost, ...wanted: readonly (string | number)[]) =>
    host.reach(() => JSON.stringify(propertiesOf(host)) === JSON.stringify(wanted));

  test('DB-044 DB-045 DB-046: the backup follows up and down, the async grows, and the resource stays its own', async () => {
    const created = { database: 'SIZED', mirrored: 'SIZED' };
    expect(
      await a.control.perform('create-database', { ...created, maximumMegabytes: 400, resource: '%DB_x' }),
    ).toMatchObject({ ok: true });
    for (const host of [b, c])
      expect(await host.control.perform('create-database', created)).toMatchObject({ ok: true });
    await reachProperties(b, 400, 0, '%DB_X');
    await reachProperties(c, 0, 0, '%DB_%DEFAULT'); // it had no limit, and that never shrinks
    expect(text(await edit(a, { maximumMegabytes: 500, expansionMegabytes: 7 }))).toBe(
      'database SIZED may have 500 MB at most, and has an expansion size of 7 MB',
    );
    await reachProperties(b, 500, 7, '%DB_X');
    await edit(a, { maximumMegabytes: 300, expansionMegabytes: 3 });
    await reachProperties(b, 300, 3, '%DB_X');
    await reachProperties(c, 0, 7, '%DB_%DEFAULT');
    expect(text(await edit(b, { maximumMegabytes: 900, resource: 'OWN' }))).toMatch(
      /^database SIZED may have 900 MB .*; but this copy follows the database of the primary, so it may have 300 MB at most, and has the resource %DB_X as before/,
    );
    expect(propertiesOf(b)).toEqual([300, 3, '%DB_X']);
    for (const bad of [{ maximumMegabytes: -1 }, { expansionMegabytes: 16_000_001 }, { resource: 'a b' }]) {
      expect(text(await edit(a, bad))).toBe('refused: bad-value');
    }
    expect(propertiesOf(a)).toEqual([300, 3, '%DB_X']);
  }, 30_000);

  test('PROC-052: raised while an async is away it follows on reconnect; lowered there it is raised again', async () => {
    // A limit of its own that is above the primary's: as after the primary's was lowered.
    await c.instance.catalog.find('SIZED')?.database?.setMaximumBytes(350_000_000);
    await edit(a, { maximumMegabytes: 200 });
    await reachProperties(b, 200, 3, '%DB_X');
    expect(propertiesOf(c)).toEqual([350, 7, '%DB_%DEFAULT']);
    await c.restart(async () => {
      await edit(a, { maximumMegabytes: 600 });
    });
    await reachProperties(c, 600, 7, '%DB_%DEFAULT');
    expect(text(await edit(c, { maximumMegabytes: 100 }))).toMatch(/may have 100 MB .* so it may have 600 MB at most/);
    expect(propertiesOf(c)).toEqual([600, 7, '%DB_%DEFAULT']);
    expect(text(await edit(c, { maximumMegabytes: 700 }))).toBe('database SIZED may have 700 MB at most');
  }, 30_000);
});

describe('pauses', () => {
  test('SYN-020 SYN-021: all of an async are paused over a restart, until they are restarted by hand', async () => {
    expect(text(await b.control.perform('manage-dejournaling', { paused: true }))).toBe('refused: not-an-async');
    expect(await c.control.perform('manage-dejournaling', { paused: true })).toMatchObject({ ok: true });
    const row = (await c.control.status()).members.find(({ name }) => name === 'C');
    expect(row?.dejournaling).toBe('Warning! Dejournaling is stopped.');
    expect((await c.control.status()).dejournalProcess).toMatchObject({ running: false });
    await c.restart();
    await c.reach((report) => report.status === 'Connected');
    await write('OLDER', 1000, 20);
    await c.reach((report) => report.position?.sequence === a.instance.member?.journal.end.sequence);
    expect([statusOf(c, 'OLD'), statusOf(c, 'NEW')]).toEqual(['Dejournaling Stopped', 'Dejournaling Stopped']);
    expect(contentOf(c, 'OLD') === contentOf(a, 'OLD')).toBe(false);
    expect(text(await c.control.perform('catch-up-databases', { databases: ['OLD'] }))).toBe('refused: all-paused');
    expect(text(await c.control.perform('manage-dejournaling', { paused: false }))).toBe(
      'dejournaling is restarted on this member',
    );
    await expectSame('OLD', c);
  }, 30_000);

  test('SYN-008 SYN-020: a single database stays paused over a restart, the others go on', async () => {
    expect(text(await a.control.perform('pause-databases', { databases: ['OLD'] }))).toBe('refused: is-primary');
    await b.control.perform('pause-databases', { databases: ['OLD'] });
    await b.restart();
    await b.reach((report) => report.members.some((row) => row.name === 'B' && row.journalTransfer === 'Active'));
    await write('OLDER', 1100, 10);
    await write('NEW', 1100, 10);
    await expectSame('NEW', b);
    expect(statusOf(b, 'OLD')).toBe('Dejournaling Stopped');
    expect(text(await b.control.perform('resume-databases', { databases: ['OLD'] }))).toBe(
      'dejournaling into OLD is resumed',
    );
    await expectSame('OLD', b);
  }, 30_000);
});

/** DB-033: what lacks journal data takes no updates, until an operator brings it level. */
async function resumedOnPrimary(primary: WholeHost, database: string): Promise<void> {
  const target = { host: '127.0.0.1', port: primary.superserverPort };
  const writer = await connect({ network, targets: [target], mirror: 'DEMO', database });
  await expect(writer.set(key('late'), Buffer.from('1'))).rejects.toThrow(/its status is Dejournaling Stopped/);
  expect(text(await primary.control.perform('resume-databases', { databases: [database] }))).toMatch(/is resumed$/);
  expect(statusOf(primary, database)).toBe('Normal');
  await writer.set(key('late'), Buffer.from('2'));
  await writer.close();
}

describe('recreating', () => {
  const recreate = (host: WholeHost, name: string) => host.control.perform('recreate-database', { database: name });
  const create = (host: WholeHost, name: string, mirrored: string | null, maximumMegabytes?: number) =>
    host.control.perform('create-database', {
      database: name,
      mirrored,
      ...(maximumMegabytes === undefined ? {} : { maximumMegabytes }),
    });

  test('DB-018: primary, backup, async: emptied with name and size; a copy left out is obsolete and takes nothing more', async () => {
    expect(text(await create(a, 'AGAIN', 'AGAIN', 300))).toContain('may have 300 MB at most');
    for (const host of [b, c]) expect(await create(host, 'AGAIN', 'AGAIN')).toMatchObject({ ok: true });
    await write('AGAIN', 0, 5);
    await expectSame('AGAIN', b, c);
    expect(await recreate(b, 'AGAIN')).toMatchObject({ refusal: { reason: 'not-recreated', spec: 'DB-018' } });
    expect(contentOf(b, 'AGAIN')).toContain('city 4');

    expect(text(await recreate(a, 'AGAIN'))).toContain('now recreate it on the backup, then on the asyncs');
    expect(contentOf(a, 'AGAIN')).toBe('');
    const described = (await a.control.describe()).databases.find(({ name }) => name === 'AGAIN');
    expect(described).toMatchObject({ mirrored: 'AGAIN', maximumBytes: 300_000_000, status: 'Normal' });
    await write('AGAIN', 10, 5);
    for (const host of [b, c]) {
      await host.reach((report) => report.databases.some((row) => row.name === 'AGAIN' && row.status === 'Obsolete'));
      expect(contentOf(host, 'AGAIN')).not.toContain('city 12');
    }
    for (const host of [b, c]) expect(text(await recreate(host, 'AGAIN'))).toContain('follows the journal');
    await write('AGAIN', 20, 5);
    await expectSame('AGAIN', b, c);
    expect(contentOf(c, 'AGAIN')).not.toContain('city 4');
  });

  test('DB-018: an ordinary one is emptied where it is; one that is not mounted or not there is refused', async () => {
    expect(await create(c, 'PLAIN', null)).toMatchObject({ ok: true });
    const writer = await connect({
      network,
      targets: [{ host: '127.0.0.1', port: c.superserverPort }],
      database: 'PLAIN',
    });
    await writer.set(key('1'), Buffer.from('one'));
    await writer.close();
    expect(text(await recreate(c, 'plain'))).toBe('database PLAIN is recreated and empty');
    expect(contentOf(c, 'PLAIN')).toBe('');
    expect(await c.control.perform('dismount-database', { database: 'PLAIN' })).toMatchObject({ ok: true });
    expect(text(await recreate(c, 'PLAIN'))).toBe('refused: dismounted');
    expect(text(await recreate(c, 'NONE'))).toBe('refused: no-database');
  });
});

describe('what the journal cannot bring level', () => {
  test('DB-016 DB-024 DB-033 DB-036: once its journal files are purged, a copy is refused by name, and told what to do', async () => {
    expect(await backup(a, ['OLD'], place(a, 'before'))).toMatchObject({ ok: true });
    await c.control.perform('dismount-database', { database: 'OLD' });
    await write('OLD', 6000, 3);
    await expectSame('OLD', b);
    const { journal } = c.instance.member ?? {};
    if (journal === undefined) throw new Error('no journal');
    // A new primary begins a new file; then all that was written before can go.
    await b.control.perform('pause-databases', { databases: ['NEW'] });
    expect(await b.control.perform('become-primary', {})).toMatchObject({ ok: true });
    await b.reach((report) => report.status === 'Primary');
    await c.reach((report) => report.primary === 'B' && report.status === 'Connected');
    await resumedOnPrimary(b, 'NEW');
    await c.reach(() => journal.files.length > 1 && statusOf(c, 'NEW') === 'Dejournaling');
    await c.reach(() => journal.end.epoch === 2);
    expect(journal.purge(journal.files.at(-1)?.file ?? 0).length).toBeGreaterThan(0);
    const mounted = await c.control.perform('mount-database', { database: 'OLD' });
    expect(mounted).toMatchObject({ ok: false, outcome: 'failed' });
    expect(whyNot(mounted)).toMatch(/files from there on are not on this member any more.*take a new backup/);
    const before = contentOf(c, 'OLD');
    const refused = await restore(c, { from: place(a, 'before'), replace: ['OLD'] });
    expect(refused).toMatchObject({
      ok: false,
      outcome: 'refused',
      refusal: { reason: 'journal-gone', spec: 'DB-024' },
    });
    expect(whyNot(refused)).toMatch(/take a new backup of it on the primary/);
    expect(contentOf(c, 'OLD') === before).toBe(true);
    await c.control.perform('remove-database', { database: 'NEW' });
    await c.control.perform('delete-database', { database: 'NEW' });
    const created = await c.control.perform('create-database', { database: 'NEW', mirrored: 'NEW' });
    expect(created).toMatchObject({ ok: true, text: expect.stringContaining('NEW restored, activated and caught up') });
    // A newer backup helps.
    expect(await backup(b, ['OLD', 'NEW'], place(b, 'newer'))).toMatchObject({ ok: true });
    expect(text(await restore(c, { from: place(b, 'newer'), replace: ['OLD', 'NEW'] }))).toBe(
      'OLD, NEW restored, activated and caught up',
    );
    for (const name of ['OLD', 'NEW']) {
      await c.reach(() => contentOf(c, name) === contentOf(b, name));
    }
  }, 40_000);

  test('DB-047 DB-049 DB-050 DB-020: removed everywhere and added anew, an older copy is recognised as such', async () => {
    expect(text(await b.control.perform('remove-database', { database: 'OLD' }))).toMatch(
      /out of the mirror for good .* now remove it on the backup, then on the asyncs/,
    );
    await c.reach((report) => report.databases.some(({ name, status }) => name === 'OLDER' && status === 'Orphaned'));
    expect(await b.control.perform('add-databases', { databases: ['OLD'], mirrorDatabases: ['OLDER'] })).toMatchObject({
      ok: true,
    });
    // C did not remove its copy, and does not take what follows for a continuation of it.
    await c.reach((report) => report.databases.some(({ name, status }) => name === 'OLDER' && status === 'Obsolete'));
    expect(whyNot(await c.control.perform('catch-up-databases', { databases: ['OLD'] }))).toMatch(
      /older than the last time OLDER was added to the mirror/,
    );
    expect(text(await restore(c, { from: place(b, 'newer'), databases: ['OLD'], replace: ['OLD'] }))).toBe(
      'refused: copy-too-old',
    );
    expect(await backup(b, ['OLD'], place(b, 'newest'))).toMatchObject({ ok: true });
    expect(text(await restore(c, { from: place(b, 'newest'), replace: ['OLD'] }))).toMatch(/activated and caught up$/);
    await c.reach(() => contentOf(c, 'OLD') === contentOf(b, 'OLD'));
    expect(statusOf(c, 'OLD')).toBe('Dejournaling');
  }, 30_000);

  test('DB-052 DB-054: a mirrored backup on an instance in no mirror is read-only until it is removed there', async () => {
    const d = await startWholeHost('DELTA');
    try {
      const restored = await restore(d, { from: place(b, 'newest') });
      expect(text(restored)).toMatch(/read-only here until they are removed from their mirror$/);
      const target = { host: '127.0.0.1', port: d.superserverPort };
      const local = await connect({ network, targets: [target], database: 'OLDER' });
      await expect(local.set(key('x'), Buffer.from('1'))).rejects.toThrow(/read-only/);
      expect((await local.get(key('before', '3')))?.toString()).toBe('before 3');
      await local.close();
      expect(text(await d.control.perform('delete-database', { database: 'OLD' }))).toBe('refused: mirrored');
      expect(await d.control.perform('remove-database', { database: 'OLD' })).toMatchObject({ ok: true });
      const own = await connect({ network, targets: [target], database: 'OLD' });
      await own.set(key('x'), Buffer.from('1'));
      await own.close();
      expect(statusOf(d, 'OLD')).toBe('Local');
    } finally {
      await d.close();
    }
  }, 20_000);
});
