/** Copies of mirrored databases: backed up, restored, copied by hand, paused and caught up, on hosts with real files. */
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, connect } from '../../src/client/client.ts';
import type { CommandArguments, Outcome } from '../../src/protocol/control-channel.ts';
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
  await writer.close();
}

/** All members have what the primary has, in this database. */
async function expectSame(name: string, ...hosts: readonly WholeHost[]): Promise<void> {
  for (const host of hosts) {
    await host.reach(() => contentOf(host, name) === contentOf(a, name));
    expect(contentOf(host, name)).toBe(contentOf(a, name));
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
    const refused = await a.control.perform('add-database', { database: 'OLD' });
    expect(whyNot(refused)).toMatch(/^Databases must be journaled to be mirrored/);
    await a.control.perform('edit-database', { database: 'OLD', journaled: true });
    expect(await a.control.perform('add-database', { database: 'OLD', mirrorDatabase: 'OLDER' })).toMatchObject({
      ok: true,
    });
    expect(text(await a.control.perform('edit-database', { database: 'OLD', journaled: false }))).toBe(
      'refused: mirrored',
    );
  });

  test('DB-001: only a database of the primary is added', async () => {
    await b.control.perform('create-database', { database: 'OWN' });
    const refused = await b.control.perform('add-database', { database: 'OWN' });
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
    expect(contentOf(a, 'OLD')).toBe(before);
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
