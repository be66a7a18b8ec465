/** Reporting asyncs of one mirror: types, FailoverDB flags, writable copies, errors and the dejournal filter, on hosts with real files. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type Client, connect } from '../../src/client/client.ts';
import { NodeFilterCode } from '../../src/host/node-dejournal-filter.ts';
import type { Outcome } from '../../src/protocol/control-commands.ts';
import { encodeKey } from '../../src/protocol/global-key.ts';
import { type BuiltProgram, buildProgram } from '../fixtures/database-thread.ts';
import { network, startWholeHost, type WholeHost } from '../fixtures/whole-host.ts';

let thread: BuiltProgram;
let a: WholeHost;
let b: WholeHost;
let r: WholeHost;
let w: WholeHost;

const reason = (outcome: Outcome) => (outcome.ok ? `done: ${outcome.text}` : `refused: ${outcome.refusal.reason}`);
const textOf = (outcome: Outcome) => (outcome.ok ? outcome.text : outcome.refusal.text);
const key = (name: string) => encodeKey('CITY', [name]);
const target = (host: WholeHost) => [{ host: '127.0.0.1', port: host.superserverPort }];
const copyOn = (host: WholeHost, name: string) => host.instance.catalog.find(name);
const valueOn = (host: WholeHost, database: string, name: string) => {
  const bytes = copyOn(host, database)?.database?.get(key(name));
  return bytes === undefined ? null : Buffer.from(bytes).toString();
};

async function withClient<T>(host: WholeHost, mirror: boolean, act: (client: Client) => Promise<T>): Promise<T> {
  const client = await connect({
    network,
    targets: target(host),
    ...(mirror ? { mirror: 'DEMO' } : {}),
    database: 'D1',
  });
  try {
    return await act(client);
  } finally {
    await client.close();
  }
}

/** On the primary, and waits until the member has dejournaled everything. */
async function write(database: string, name: string, value: string): Promise<void> {
  const client = await connect({ network, targets: target(a), mirror: 'DEMO', database });
  await client.set(key(name), Buffer.from(value));
  await client.close();
}

async function join_(
  host: WholeHost,
  type: 'Read-Only Reporting' | 'Read-Write Reporting' | 'Failover',
  member: string,
) {
  const agent = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
  expect(await host.control.perform('join-mirror', { mirror: 'DEMO', type, member, ...agent })).toMatchObject({
    ok: true,
  });
}

const create = (host: WholeHost, database: string) =>
  host.control.perform('create-database', { database, mirrored: database });

beforeAll(async () => {
  thread = await buildProgram('src/host/dejournal-filter-thread.ts');
  const filters = new NodeFilterCode({ program: thread.url, timeoutMs: 10_000 });
  [a, b, r, w] = await Promise.all([
    startWholeHost('ALPHA'),
    startWholeHost('BETA'),
    startWholeHost('RHO', { filters }),
    startWholeHost('OMEGA', { filters }),
  ]);
  for (const host of [a, b, r, w]) await host.control.perform('enable-mirror-service', {});
  await a.control.perform('create-mirror', { mirror: 'DEMO', member: 'A' });
  await join_(b, 'Failover', 'B');
  await join_(r, 'Read-Only Reporting', 'R');
  await join_(w, 'Read-Write Reporting', 'W');
  for (const database of ['D1', 'D2']) {
    expect(await create(a, database)).toMatchObject({ ok: true });
    for (const host of [r, w]) expect(await create(host, database)).toMatchObject({ ok: true });
  }
  expect(await create(b, 'D1')).toMatchObject({ ok: true });
}, 60_000);

afterAll(async () => {
  for (const host of [w, r, b, a]) await host?.close();
  thread.remove();
}, 30_000);

describe('types', () => {
  test('CFG-037: both reporting types join, connect, dejournal, and are shown as what they are', async () => {
    await write('D1', 'first', '1');
    for (const [host, type] of [
      [r, 'Read-Only Reporting'],
      [w, 'Read-Write Reporting'],
    ] as const) {
      await host.reach(() => valueOn(host, 'D1', 'first') === '1');
      const report = await host.reach(({ status }) => status === 'Connected');
      expect(report).toMatchObject({ type, failoverMode: null });
    }
    const { members } = await a.control.status();
    expect(members.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'A Failover',
      'B Failover',
      'R Read-Only Reporting',
      'W Read-Write Reporting',
    ]);
    for (const command of ['become-primary', 'force-primary'] as const) {
      expect(reason(await r.control.perform(command, {}))).toBe('refused: not-a-failover-member');
    }
  });

  test('DB-005 DB-055: what is missing is reported on the backup, and not on a reporting async, which may hold any part', async () => {
    expect((await b.control.status()).missingDatabases).toEqual(['D2']);
    expect(await create(b, 'D2')).toMatchObject({ ok: true });
    expect((await b.control.status()).missingDatabases).toEqual([]);
    expect(await create(a, 'D3')).toMatchObject({ ok: true });
    await r.reach(() => r.instance.configuration.get().mirrorSet?.databases.length === 3);
    expect((await r.control.status()).missingDatabases).toEqual([]);
    expect((await a.control.status()).missingDatabases).toEqual([]);
  });

  test('CFG-002 CFG-009: what a further mirror of a reporting async cannot be is refused with its reason', async () => {
    const { commands } = await r.control.describe();
    expect(commands['join-mirror']).toBeNull();
    expect(commands['create-mirror']).toMatchObject({ reason: 'in-a-mirror', spec: 'CFG-002' });
    const other = { otherAgentAddress: '127.0.0.1', otherAgentPort: a.agentPort, otherInstance: 'ALPHA' };
    const join = (mirror: string, type: 'Read-Only Reporting' | 'Read-Write Reporting') =>
      r.control.perform('join-mirror', { ...other, mirror, type });
    expect(reason(await join('OTHER', 'Read-Write Reporting'))).toBe('refused: other-type');
    expect(reason(await join('DEMO', 'Read-Only Reporting'))).toBe('refused: in-a-mirror');
    expect((await r.control.describe()).mirrors).toEqual(['DEMO']);
  });
});

describe('FailoverDB', () => {
  test('DB-038 DB-061: set on the primary and on a read-only async, cleared on a read-write one, whose copy is writable', async () => {
    const flags = async (host: WholeHost) =>
      (await host.control.status()).databases.map(({ failoverDb }) => failoverDb);
    expect((await flags(a)).every((flag) => flag === true)).toBe(true);
    expect(await flags(r)).toEqual([true, true]);
    expect(await flags(w)).toEqual([false, false]);
    await withClient(w, false, async (client) => {
      await client.set(key('own'), Buffer.from('here alone'));
      expect(Buffer.from((await client.get(key('own'))) ?? '').toString()).toBe('here alone');
    });
    for (const host of [r, b]) {
      await expect(withClient(host, false, (client) => client.set(key('own'), Buffer.from('x')))).rejects.toThrow();
    }
    await write('D1', 'second', '2');
    await w.reach(() => valueOn(w, 'D1', 'second') === '2');
    expect(valueOn(w, 'D1', 'own')).toBe('here alone');
    expect(valueOn(a, 'D1', 'own')).toBeNull();
  });

  test('DB-038: what was written into a copy, and its flag, are there after a restart, and the journal goes on', async () => {
    await withClient(w, false, async (client) => {
      await client.increment(key('count'), '5');
      expect(Buffer.from((await client.increment(key('count'), '2')) ?? '').toString()).toBe('7');
    });
    await w.restart();
    await write('D1', 'third', '3');
    await w.reach(() => valueOn(w, 'D1', 'third') === '3');
    expect(valueOn(w, 'D1', 'count')).toBe('7');
    expect(copyOn(w, 'D1')).toMatchObject({ isWritable: true, status: 'Dejournaling' });
  });

  test('a copy that is changed here alone is left out when members are compared', async () => {
    const report = await a.control.verify(false, 20_000, () => undefined);
    const resultsOf = (member: string) =>
      report.members
        .find((each) => each.member === member)
        ?.databases.map(({ database, result }) => `${database} ${result}`);
    expect(resultsOf('R')).toEqual(['D1 identical', 'D2 identical', 'D3 left out']);
    expect(resultsOf('W')).toEqual(['D1 left out', 'D2 left out', 'D3 left out']);
  });

  test('DB-040 DB-058 DB-059: flags are cleared one by one on either reporting type, for ever, and nowhere else', async () => {
    expect(reason(await b.control.perform('clear-failoverdb', {}))).toBe('refused: not-reporting');
    expect(reason(await r.control.perform('clear-failoverdb', { databases: ['NONE'] }))).toBe('refused: no-database');
    expect(await r.control.perform('clear-failoverdb', { databases: ['d1'] })).toMatchObject({ ok: true });
    expect(copyOn(r, 'D1')?.isWritable).toBe(true);
    expect(copyOn(r, 'D2')?.isWritable).toBe(false);
    await withClient(r, false, (client) => client.set(key('mixed'), Buffer.from('r')));
    await expect(
      (async () => {
        const client = await connect({ network, targets: target(r), database: 'D2' });
        try {
          await client.set(key('mixed'), Buffer.from('r'));
        } finally {
          await client.close();
        }
      })(),
    ).rejects.toThrow(/not the primary/);
  });

  test('DB-039: a copy whose flag is cleared is restored on no failover member', async () => {
    const to = join(r.home, 'backup');
    expect(await r.control.perform('backup-databases', { databases: ['D1'], to })).toMatchObject({ ok: true });
    expect(await b.control.perform('remove-database', { database: 'D1', onlyHere: true })).toMatchObject({ ok: true });
    expect(await b.control.perform('delete-database', { database: 'D1' })).toMatchObject({ ok: true });
    expect(reason(await b.control.perform('restore-databases', { from: to }))).toBe('refused: flag-cleared');
    expect(await create(b, 'D1')).toMatchObject({ ok: true });
  });
});

describe('another type', () => {
  test('CFG-050 CFG-052 PROC-050: not to DR while a flag is cleared, and never to a failover member', async () => {
    expect(reason(await b.control.perform('edit-async', { type: 'Read-Only Reporting' }))).toBe(
      'refused: not-an-async',
    );
    expect(reason(await r.control.perform('edit-async', { type: 'Failover' }))).toBe('refused: not-an-async-type');
    const refused = await r.control.perform('edit-async', { type: 'Disaster Recovery' });
    expect(reason(refused)).toBe('refused: flag-cleared');
    expect(textOf(refused)).toMatch(/flag of D1 is cleared/);
    expect((await r.control.status()).type).toBe('Read-Only Reporting');
  });

  test('CFG-052 CFG-053 CFG-075 DB-005 DB-040 PROC-050: with all flags set it becomes DR, the filter is gone, and the operator is reminded', async () => {
    // The copy is replaced by one that is as the primary's.
    expect(await r.control.perform('remove-database', { database: 'D1' })).toMatchObject({ ok: true });
    expect(await r.control.perform('delete-database', { database: 'D1' })).toMatchObject({ ok: true });
    expect(await create(r, 'D1')).toMatchObject({ ok: true });
    writeFileSync(join(r.instance.paths.directory, 'zall.mjs'), 'export const Filter = () => 1;\n');
    expect(await r.control.perform('set-dejournal-filter', { module: 'zall.mjs' })).toMatchObject({ ok: true });
    expect(await r.control.perform('edit-async', { purgeAtOnce: true })).toMatchObject({ ok: true });
    const became = await r.control.perform('edit-async', { type: 'Disaster Recovery' });
    expect(became.ok).toBe(true);
    expect(textOf(became)).toMatch(
      /it lacks D3: create or restore what is missing; see to it that all members can reach it/,
    );
    expect(await r.control.status()).toMatchObject({ type: 'Disaster Recovery', dejournalFilter: null });
    expect(await r.control.status()).toMatchObject({ missingDatabases: ['D3'] });
    expect(r.instance.configuration.get()).toMatchObject({ dejournalFilter: null, purgeAtOnce: false });
    // DB-040: as long as it is one.
    expect(reason(await r.control.perform('clear-failoverdb', {}))).toBe('refused: not-reporting');
    expect(reason(await r.control.perform('edit-async', { clearFailoverDb: true }))).toBe('refused: dr');
    expect(reason(await r.control.perform('edit-async', { purgeAtOnce: true }))).toBe('refused: not-reporting');
    expect((await r.control.describe()).commands['join-mirror']).toMatchObject({ spec: 'CFG-075' });
    expect(await r.control.perform('edit-async', { type: 'Read-Only Reporting' })).toMatchObject({ ok: true });
    expect(copyOn(r, 'D2')?.isWritable).toBe(false);
    await r.stopAgent();
    expect(reason(await r.control.perform('edit-async', { type: 'Disaster Recovery' }))).toBe('refused: no-agent');
  });

  test('CFG-051 DB-041: from read-only to read-write flags stay as they are unless they are to be cleared; new copies follow the type', async () => {
    expect(await r.control.perform('edit-async', { type: 'Read-Write Reporting' })).toMatchObject({ ok: true });
    expect(copyOn(r, 'D2')?.isWritable).toBe(false);
    expect(await create(r, 'D3')).toMatchObject({ ok: true });
    expect(copyOn(r, 'D3')?.isWritable).toBe(true);
    await a.reach(({ members }) => members.some(({ name, type }) => name === 'R' && type === 'Read-Write Reporting'));
    expect(await r.control.perform('edit-async', { clearFailoverDb: true })).toMatchObject({ ok: true });
    expect(copyOn(r, 'D2')?.isWritable).toBe(true);
    expect(textOf(await r.control.perform('edit-async', { clearFailoverDb: true }))).toBe('no FailoverDB flag was set');
  });
});

describe('journal files', () => {
  test('CFG-050 SYN-026: a reporting async purges them right after dejournaling where it is set so, whatever the days say', async () => {
    const filesOn = (host: WholeHost) => host.instance.member?.journal.files.length ?? 0;
    expect(await w.control.perform('edit-async', { purgeAtOnce: true })).toMatchObject({ ok: true });
    await write('D1', 'before', '3');
    expect(await a.control.perform('switch-journal', {})).toMatchObject({ ok: true });
    await write('D1', 'behind', '3');
    for (const host of [r, w]) await host.reach(() => valueOn(host, 'D1', 'behind') === '3');
    for (const host of [r, w]) expect(await host.control.perform('purge-journal', {})).toMatchObject({ ok: true });
    expect([filesOn(r), filesOn(w)]).toEqual([2, 1]);
    expect(await w.control.perform('edit-async', { purgeAtOnce: false })).toMatchObject({ ok: true });
  });
});

describe('an error', () => {
  /** Of its own, behind the properties that follow the primary's: a copy that cannot take what has come. */
  const limit = async (bytes: number) => await copyOn(w, 'D2')?.database?.setMaximumBytes(bytes);

  test('SYN-018 SYN-019 PROC-043: in one database stops the whole mirror on a reporting async, until that one is mended', async () => {
    await limit(1_000_000);
    const client = await connect({ network, targets: target(a), mirror: 'DEMO', database: 'D2' });
    for (let n = 0; n < 3; n += 1) await client.set(key(`long ${n}`), Buffer.alloc(900_000, 'x'));
    await client.close();
    const stopped = await w.reach(({ dejournalStopped }) => dejournalStopped !== null);
    expect(stopped.dejournalStopped).toMatch(/database D2: .*maximum size/);
    expect(stopped.databases.map(({ status }) => status)).toEqual(['Dejournaling Stopped', 'Dejournaling Stopped']);
    expect(stopped.dejournalProcess?.running).toBe(false);
    expect(reason(await w.control.perform('catch-up-databases', { databases: ['D1'] }))).toBe('refused: all-stopped');
    // Repair (a): the others go on without it.
    expect(await w.control.perform('dismount-database', { database: 'D2' })).toMatchObject({ ok: true });
    expect(await w.control.perform('manage-dejournaling', { paused: false })).toMatchObject({ ok: true });
    await write('D1', 'meanwhile', '4');
    await w.reach(() => valueOn(w, 'D1', 'meanwhile') === '4');
    expect(await w.control.perform('mount-database', { database: 'D2', catchUp: false })).toMatchObject({ ok: true });
    await limit(0);
    expect(await w.control.perform('catch-up-databases', { databases: ['D2'] })).toMatchObject({ ok: true });
    expect(copyOn(w, 'D2')?.status).toBe('Dejournaling');
  });

  test('SYN-021: it is tried again when the connection with the primary is rebuilt', async () => {
    await limit(1_000_000);
    const client = await connect({ network, targets: target(a), mirror: 'DEMO', database: 'D2' });
    await client.set(key('again'), Buffer.alloc(900_000, 'x'));
    await client.close();
    await w.reach(({ dejournalStopped }) => dejournalStopped !== null);
    await limit(0);
    expect(await w.control.perform('stop-mirror', {})).toMatchObject({ ok: true });
    expect((await w.control.status()).dejournalStopped).not.toBeNull();
    expect(await w.control.perform('start-mirror', {})).toMatchObject({ ok: true });
    await w.reach(({ databases }) => databases.every(({ status }) => status === 'Dejournaling'));
    expect((await w.control.status()).dejournalStopped).toBeNull();
    expect(copyOn(w, 'D2')?.database?.get(key('again'))?.length).toBe(900_000);
  });
});

describe('the dejournal filter', () => {
  const filter = (module: string | null) => w.control.perform('set-dejournal-filter', { module });
  const module = (name: string, text: string) => writeFileSync(join(w.instance.paths.directory, name), text);

  test('SYN-023: it is refused by a wrong name, where there is none, without its function, and on other members', async () => {
    expect(reason(await b.control.perform('set-dejournal-filter', { module: 'za.mjs' }))).toBe(
      'refused: not-reporting',
    );
    expect(reason(await filter('filter.mjs'))).toBe('refused: bad-name');
    expect(reason(await filter('zmirror.mjs'))).toBe('refused: bad-name');
    expect(reason(await filter('../za.mjs'))).toBe('refused: bad-name');
    expect(reason(await filter('za.mjs'))).toBe('refused: bad-filter');
    module('za.mjs', 'export const filter = 1;\n');
    expect(textOf(await filter('za.mjs'))).toMatch(/has no function Filter/);
    expect((await w.control.status()).dejournalFilter).toBeNull();
  });

  test('SYN-023: what the primary tells of the mirror while a filter is loaded is not forgotten', async () => {
    module(
      'zslow.mjs',
      'await new Promise((done) => setTimeout(done, 300));\nexport function Filter() { return 1; }\n',
    );
    const set = filter('zslow.mjs');
    const revision = () => w.instance.configuration.get().mirrorSet?.revision ?? 0;
    const before = revision();
    expect(await a.control.perform('edit-mirror', { verifyEveryMinutes: 7 })).toMatchObject({ ok: true });
    await w.reach(() => revision() > before);
    const told = revision();
    expect((await w.control.status()).dejournalFilter).toBeNull();
    expect(await set).toMatchObject({ ok: true });
    expect(revision()).toBe(told);
    expect(await filter(null)).toMatchObject({ ok: true });
  });

  test('SYN-023 SYN-024: it sees every record, keeps those it does not want out of writable copies, and is counted', async () => {
    module(
      'zsecret.mjs',
      `export function Filter({ database, kind, global, subscripts, reference, value }) {
         if (reference === '^CITY("show")') console.log(database, kind, global, subscripts.join(), value);
         return subscripts[0] !== 'secret';
       }`,
    );
    expect(await filter('zsecret.mjs')).toMatchObject({ ok: true });
    await write('D1', 'secret', 'not for reports');
    await write('D1', 'show', 'for reports');
    await write('D1', 'last', '5');
    await w.reach(() => valueOn(w, 'D1', 'last') === '5');
    expect(valueOn(w, 'D1', 'show')).toBe('for reports');
    expect(valueOn(w, 'D1', 'secret')).toBeNull();
    expect((await w.control.status()).dejournalFilter).toEqual({ module: 'zsecret.mjs', skippedRecords: 1 });
  });

  test('SYN-024: copies whose flag is set get every record, whatever it returns', async () => {
    const copy = copyOn(w, 'D2');
    expect(copy?.isWritable).toBe(true);
    // A copy with the flag: as it is restored from one of the backup's.
    const to = join(b.home, 'exact');
    expect(await b.control.perform('backup-databases', { databases: ['D2'], to })).toMatchObject({ ok: true });
    await r.control.perform('edit-async', { type: 'Read-Only Reporting' });
    expect(await r.control.perform('restore-databases', { from: to, replace: ['D2'] })).toMatchObject({ ok: true });
    expect(copyOn(r, 'D2')?.isWritable).toBe(false);
    writeFileSync(join(r.instance.paths.directory, 'znone.mjs'), 'export const Filter = () => 0;\n');
    expect(await r.control.perform('set-dejournal-filter', { module: 'znone.mjs' })).toMatchObject({ ok: true });
    await write('D2', 'exact', '6');
    await write('D3', 'filtered', '6');
    await r.reach(() => valueOn(r, 'D2', 'exact') === '6');
    await r.reach(({ dejournalFilter }) => dejournalFilter?.skippedRecords === 1);
    expect(valueOn(r, 'D3', 'filtered')).toBeNull();
  });

  test('SYN-023: one that fails stops dejournaling, skips nothing, and the same records come again when it is mended', async () => {
    module('zbad.mjs', 'export const Filter = () => "perhaps";\n');
    expect(await filter('zbad.mjs')).toMatchObject({ ok: true });
    await write('D1', 'judged', '7');
    const stopped = await w.reach(({ dejournalStopped }) => dejournalStopped !== null);
    expect(stopped.dejournalStopped).toMatch(/zbad\.mjs failed: returned "perhaps" for \^CITY\("judged"\)/);
    expect(valueOn(w, 'D1', 'judged')).toBeNull();
    module('zbad.mjs', 'export const Filter = () => true;\n');
    expect(await w.control.perform('manage-dejournaling', { paused: false })).toMatchObject({ ok: true });
    await w.reach(() => valueOn(w, 'D1', 'judged') === '7');
  });

  test('SYN-025: another one is used at once, and without one everything is applied; it is there after a restart', async () => {
    module('zhide.mjs', 'export const Filter = ({ subscripts }) => subscripts[0] !== "hidden";\n');
    expect(await filter('zhide.mjs')).toMatchObject({ ok: true });
    await w.restart();
    await write('D1', 'hidden', '8');
    await write('D1', 'behind it', '8');
    await w.reach(() => valueOn(w, 'D1', 'behind it') === '8');
    expect(valueOn(w, 'D1', 'hidden')).toBeNull();
    expect(await filter(null)).toMatchObject({ ok: true });
    await write('D1', 'hidden', '9');
    await w.reach(() => valueOn(w, 'D1', 'hidden') === '9');
    expect((await w.control.status()).dejournalFilter).toBeNull();
    rmSync(join(w.instance.paths.directory, 'zhide.mjs'));
  });
});
